"""An index of the mails that were given up, few among very many: `/metrics` counts them.

PostgreSQL builds it while everybody goes on writing.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


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


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('users', '0008_indexes_of_every_order'),
    ]

    operations = [
        AddIndex(
            model_name='mail',
            index=models.Index(models.F('id'), condition=Q(state='failed'), name='mails_failed'),
        ),
    ]
