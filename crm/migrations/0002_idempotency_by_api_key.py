import django.db.models.deletion
from django.db import migrations, models


def give_to_api_keys(apps, schema_editor):
    """Keep what was answered lately: a repetition must not become a second inquiry.

    With which API key it came was not written down. Every trusted key of the source may repeat it, or every key where
    the source has no trusted one.
    """
    ApiKey, IdempotencyKey = apps.get_model("crm", "ApiKey"), apps.get_model("crm", "IdempotencyKey")
    keys = {}
    for api_key in ApiKey.objects.filter(revoked_at=None).order_by("pk"):
        keys.setdefault((api_key.source_id, api_key.scope), []).append(api_key.pk)
    for answered in IdempotencyKey.objects.filter(api_key=None).iterator():
        owners = keys.get((answered.source_id, "full")) or keys.get((answered.source_id, "intake"), [])
        for api_key_id in owners:
            IdempotencyKey.objects.create(
                source_id=answered.source_id,
                api_key_id=api_key_id,
                key=answered.key,
                digest=answered.digest,
                status=answered.status,
                answer=answered.answer,
                expires_at=answered.expires_at,
            )
    IdempotencyKey.objects.filter(api_key=None).delete()


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="idempotencykey", name="idempotency_key_once_per_source"),
        migrations.AddField(
            model_name="idempotencykey",
            name="api_key",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="crm.apikey",
                verbose_name="API key",
            ),
        ),
        migrations.RunPython(give_to_api_keys, migrations.RunPython.noop),
        migrations.RemoveField(model_name="idempotencykey", name="source"),
    ]
