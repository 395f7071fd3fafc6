from django.db import migrations, models

# The table is not managed: Django's own operation would leave it as it is.
OPERATIONS = [
    migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                f'CREATE INDEX audit_events_{name} ON audit_events ({name}, at)',
                f'DROP INDEX audit_events_{name}',
            )
        ],
        state_operations=[
            migrations.AddIndex(
                model_name='auditevent',
                index=models.Index(fields=[name, 'at'], name=f'audit_events_{name}'),
            )
        ],
    )
    for name in ('event', 'door')
]


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_guards'),
    ]

    operations = OPERATIONS
