from django.db import migrations, models

INDEX = models.Index(fields=['event', 'at'], name='audit_events_event')


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_guards'),
    ]

    # The table is not managed: Django's own operation would leave it as it is.
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'CREATE INDEX audit_events_event ON audit_events (event, at)',
                    'DROP INDEX audit_events_event',
                )
            ],
            state_operations=[migrations.AddIndex(model_name='auditevent', index=INDEX)],
        )
    ]
