"""Indexes by which each order and each common filter of a list of users finds its page.

Ties go by ascending id in both directions of an order, so the descending one has an index of its
own; an email has no ties.

    users_created, users_created_desc   ordering=created_at and -created_at
    users_name_desc                     ordering=-name; users_name has the other direction
    users_last_login_desc               ordering=-last_login_at, who never logged in behind
    users_client                        client_id=
    users_administrators                role=administrator
    users_inactive                      active=false, status=inactive
    users_invited                       status=invited

Who is inactive has not logged in lately, and who is invited never has and was made of late: in the
order of either column they stand far apart from the start of the list, so these few have their own
indexes for it, `users_inactive_created` and so on. An index of few users costs little.

PostgreSQL builds them while everybody goes on writing. Should that be broken off, drop those that
are there already (`\\d users` in psql shows them, and which one is invalid) and migrate again.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q

FEW = {
    "users_inactive": Q(active=False),
    "users_invited": Q(active=True, password__startswith="!"),
}
INDEXES = (
    models.Index(fields=["created_at", "id"], name="users_created"),
    models.Index(fields=["-created_at", "id"], name="users_created_desc"),
    models.Index(fields=["-name", "id"], name="users_name_desc"),
    models.Index(fields=["client_id", "id"], name="users_client"),
    models.Index(F("id"), condition=Q(client__isnull=True), name="users_administrators"),
    *(models.Index(F("id"), condition=these, name=name) for name, these in FEW.items()),
    *(
        models.Index(fields=[column, "id"], condition=these, name=f"{name}_{order}")
        for name, these in FEW.items()
        for order, column in {
            "created": "created_at",
            "created_desc": "-created_at",
            "login": "last_login_at",
        }.items()
    ),
)
# SQLite has NULLs last in such an index, and takes no word for it.
NULLS_LAST = {"postgresql": "NULLS LAST", "sqlite": ""}
LAST_LOGIN = {
    "users_last_login_desc": "",
    "users_inactive_login_desc": "WHERE NOT active",
    "users_invited_login_desc": {
        "postgresql": "WHERE active AND password_digest::text LIKE '!%'",
        "sqlite": "WHERE active AND password_digest LIKE '!%' ESCAPE '\\'",
    },
}


class AddIndex(AddIndexConcurrently):
    """Concurrently where the database can."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        way = AddIndexConcurrently if is_postgresql(schema_editor) else migrations.AddIndex
        way.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        way = AddIndexConcurrently if is_postgresql(schema_editor) else migrations.AddIndex
        way.database_backwards(self, app_label, schema_editor, from_state, to_state)


def is_postgresql(schema_editor):
    return schema_editor.connection.vendor == "postgresql"


def add_last_login(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    concurrently = "CONCURRENTLY" if is_postgresql(schema_editor) else ""
    for name, these in LAST_LOGIN.items():
        condition = these if isinstance(these, str) else these[vendor]
        schema_editor.execute(
            f"CREATE INDEX {concurrently} {name}"
            f" ON users (last_login_at DESC {NULLS_LAST[vendor]}, id) {condition}",
            params=None,
        )


def remove_last_login(apps, schema_editor):
    concurrently = "CONCURRENTLY" if is_postgresql(schema_editor) else ""
    for name in LAST_LOGIN:
        schema_editor.execute(f"DROP INDEX {concurrently} {name}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('users', '0007_imports'),
    ]

    operations = [
        *(AddIndex(model_name='user', index=index) for index in INDEXES),
        migrations.RunPython(add_last_login, remove_last_login),
    ]
