"""An index of the mails that were given up, few among very many: `/metrics` counts them.

PostgreSQL builds it while everybody goes on writing.
"""

from django.db import migrations, models
from django.db.models import Q

from config.postgresql.operations import AddIndexAnew


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('users', '0008_indexes_of_every_order'),
    ]

    operations = [
        AddIndexAnew(
            model_name='mail',
            index=models.Index(models.F('id'), condition=Q(state='failed'), name='mails_failed'),
        ),
    ]
