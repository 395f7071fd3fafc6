"""What writes have not yet sorted into the index for searches is little, as each search reads all.

By PostgreSQL's default it is 4 MB: a search of 100,000 users takes up to four times as long just
before it is sorted in. The default comes back where this is taken back.
"""

from django.db import migrations

SHORT = "ALTER INDEX IF EXISTS users_search SET (gin_pending_list_limit = 128)"  # kB
AS_BEFORE = "ALTER INDEX IF EXISTS users_search RESET (gin_pending_list_limit)"


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(SHORT)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(AS_BEFORE)


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0010_session_wrote_at'),
    ]

    operations = [
        migrations.RunPython(forwards, backwards),
    ]
