from django.db import migrations, models

from users.counting import RECOUNT, removals, statements


def forwards(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    # The triggers first: on PostgreSQL they lock the table, so that nothing comes in between.
    for statement in (*statements(vendor), *RECOUNT):
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    for statement in removals(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0004_link_cutoffs'),
    ]

    operations = [
        migrations.CreateModel(
            name='UserCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('status', models.TextField()),
                ('number', models.BigIntegerField()),
                ('folded', models.BooleanField()),
            ],
            options={
                'db_table': 'user_counts',
                'indexes': [models.Index(fields=['client_id', 'status', 'number'], name='user_counts_key'), models.Index(models.F('id'), condition=models.Q(('folded', False)), name='user_counts_appended')],
            },
        ),
        migrations.RunPython(forwards, backwards),
        # Made as any table, and unmanaged from here on: see users/counts.py.
        migrations.AlterModelOptions(
            name='usercount',
            options={'managed': False},
        ),
    ]
