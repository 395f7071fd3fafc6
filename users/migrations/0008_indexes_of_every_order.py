"""Indexes by which each order and each common filter of a list of users finds its page.

    users_created           ordering=created_at, and -created_at backwards: ties are sorted
    users_last_login_desc   ordering=-last_login_at, who never logged in behind
    users_client            client_id=; Django's own index of the column goes, it begins alike
    users_administrators    role=administrator
    users_inactive          active=false, status=inactive
    users_invited           status=invited

No more than these: each costs every write, and planning a query looks at all of them.

PostgreSQL builds them while everybody goes on writing. Should that be broken off, migrate again:
those that are there already, whole or invalid, are made anew.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

from config.postgresql.operations import AddIndexAnew, concurrently, drop_index

INDEXES = (
    models.Index(fields=["created_at", "id"], name="users_created"),
    models.Index(fields=["client_id", "id"], name="users_client"),
    models.Index(F("id"), condition=Q(client__isnull=True), name="users_administrators"),
    models.Index(F("id"), condition=Q(active=False), name="users_inactive"),
    models.Index(
        F("id"), condition=Q(active=True, password__startswith="!"), name="users_invited"
    ),
)
# SQLite has NULLs last in such an index, and takes no word for it.
NULLS_LAST = {"postgresql": "NULLS LAST", "sqlite": ""}
OF_DJANGO = "users_client_id_26cc134a"


def forwards(apps, schema_editor):
    drop_index(schema_editor, "users_last_login_desc")
    nulls = NULLS_LAST[schema_editor.connection.vendor]
    schema_editor.execute(
        f"CREATE INDEX {concurrently(schema_editor)} users_last_login_desc"
        f" ON users (last_login_at DESC {nulls}, id)"
    )
    drop_index(schema_editor, OF_DJANGO)


def backwards(apps, schema_editor):
    drop_index(schema_editor, OF_DJANGO)
    schema_editor.execute(f"CREATE INDEX {concurrently(schema_editor)} {OF_DJANGO} ON users (client_id)")
    drop_index(schema_editor, "users_last_login_desc")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('users', '0007_imports'),
    ]

    operations = [
        *(AddIndexAnew(model_name='user', index=index) for index in INDEXES),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(forwards, backwards)],
            # By Django's own operation SQLite would make the table anew, and lose its triggers.
            state_operations=[
                migrations.AlterField(
                    model_name='user',
                    name='client',
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text='Empty makes an administrator.',
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name='users',
                        to='clients.client',
                    ),
                ),
            ],
        ),
    ]
