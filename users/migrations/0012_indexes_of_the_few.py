"""Indexes of the few who stand together in an order: far from its start, behind all others.

    users_inactive_created, users_inactive_last_login, users_inactive_last_login_desc
    users_invited_created, users_invited_last_login, users_invited_last_login_desc

Who is inactive has not logged in for long; who is invited was made of late, and never did. To go
along the order of all users until a page of them is full is to go along nearly all users. Names and
emails they mostly have of all kinds, so that a page of these is soon full.

PostgreSQL builds them while everybody goes on writing.
"""

from django.db import migrations, models
from django.db.models import F, Q

from config.postgresql.operations import AddIndexAnew, drop_index, is_postgresql

FEW = {"inactive": Q(active=False), "invited": Q(active=True, password__startswith="!")}
INDEXES = [
    models.Index(fields=[column, "id"], condition=condition, name=f"users_{few}_{name}")
    for few, condition in FEW.items()
    for column, name in (("created_at", "created"), ("last_login_at", "last_login"))
]


def forwards(apps, schema_editor):
    for index in descending(schema_editor):
        drop_index(schema_editor, index.name)
        way = {"concurrently": True} if is_postgresql(schema_editor) else {}
        schema_editor.add_index(apps.get_model("users", "User"), index, **way)


def backwards(apps, schema_editor):
    for index in descending(schema_editor):
        drop_index(schema_editor, index.name)


def descending(schema_editor):
    """SQLite has NULLs last in such an index, and takes no word for it."""
    last = True if is_postgresql(schema_editor) else None
    order = F("last_login_at").desc(nulls_last=last)
    return [
        models.Index(order, F("id"), condition=condition, name=f"users_{few}_last_login_desc")
        for few, condition in FEW.items()
    ]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('users', '0011_short_pending_list'),
    ]

    operations = [
        *(AddIndexAnew(model_name='user', index=index) for index in INDEXES),
        migrations.RunPython(forwards, backwards),
    ]
