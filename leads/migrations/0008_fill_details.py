from django.db import migrations
from django.db.models import F, Max, Min, OuterRef, Subquery

BATCH = 2_000


def fill_details(apps, schema_editor):
    """Write down through which source each contact and name came.

    A contact was written in the transaction of the inquiry it came with, and has its moment. Of a contact that another
    source was told as well, later, nothing remains: that source is shown it when it is told again.
    """
    Identity, Inquiry, Lead, LeadDetail = (
        apps.get_model("leads", name) for name in ("Identity", "Inquiry", "Lead", "LeadDetail")
    )
    came_with = Inquiry.objects.filter(lead=OuterRef("lead"), created_at=OuterRef("created_at"))
    contacts = Identity.objects.annotate(source=Subquery(came_with.values("source")[:1])).filter(source__isnull=False)
    # The source of a name is known for certain where all came through one.
    named = Lead.objects.exclude(name="").annotate(source=Min("inquiries__source"), last=Max("inquiries__source"))
    named = named.filter(source=F("last"))

    def rows():
        for contact in contacts.values_list("lead_id", "source", "kind", "value", "created_at").iterator(BATCH):
            yield contact
        for lead_id, source, name, at in named.values_list("pk", "source", "name", "created_at").iterator(BATCH):
            yield lead_id, source, "name", name, at

    batch = []
    for lead_id, source_id, kind, value, created_at in rows():
        detail = LeadDetail(lead_id=lead_id, source_id=source_id, kind=kind, value=value, created_at=created_at)
        batch.append(detail)
        if len(batch) == BATCH:
            LeadDetail.objects.bulk_create(batch)
            batch = []
    LeadDetail.objects.bulk_create(batch)


class Migration(migrations.Migration):
    dependencies = [("leads", "0007_details_by_source")]

    operations = [migrations.RunPython(fill_details, migrations.RunPython.noop)]
