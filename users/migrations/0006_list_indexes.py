"""Indexes of the lists at a million users.

The index for searches needs an extension of PostgreSQL that not every role may create and not
every server has: without it a search reads the whole table, and all else is as it was.
"""

import sys

from django.db import DatabaseError, migrations, models, transaction

EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
SEARCH = (  # what Django makes of `icontains`
    "CREATE INDEX users_search ON users"
    " USING gin (upper(name::text) gin_trgm_ops, upper(email::text) gin_trgm_ops)"
    " WITH (gin_pending_list_limit = 128)"  # kB; see 0011, which sets it where this had not
)


def forwards(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(EXTENSION)
            cursor.execute(SEARCH)
    except DatabaseError as fault:
        sys.stderr.write(
            f"\n  Without index for searches of users: {str(fault).strip()}\n"
            f"  Once an administrator of the database has made it: {EXTENSION}; {SEARCH}\n"
        )


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS users_search")


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0005_user_counts'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='user', name='users_last_login'),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(fields=['last_login_at', 'id', 'active'], name='users_last_login'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(fields=['name', 'id'], name='users_name'),
        ),
        migrations.RunPython(forwards, backwards),
    ]
