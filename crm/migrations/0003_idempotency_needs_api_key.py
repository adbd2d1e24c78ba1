import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    # Of its own: PostgreSQL alters no table whose rows were changed in the same transaction.
    dependencies = [("crm", "0002_idempotency_by_api_key")]

    operations = [
        migrations.AlterField(
            model_name="idempotencykey",
            name="api_key",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="crm.apikey",
                verbose_name="API key",
            ),
        ),
        migrations.AddConstraint(
            model_name="idempotencykey",
            constraint=models.UniqueConstraint(fields=("key", "api_key"), name="idempotency_key_once_per_api_key"),
        ),
    ]
