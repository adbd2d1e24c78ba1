"""What public keys claimed of known leads, until somebody who may be trusted confirms it."""

from uuid import UUID

from django.db import transaction

from leads.identity import main_details, search_text
from leads.models import Identity, Lead, LeadDetail


def confirm_claims(lead_id: UUID) -> int:
    """Confirm everything that was claimed of a lead; it becomes the main name, phone or e-mail where there was none.

    Return the number of names and contacts confirmed. Raises Lead.DoesNotExist.
    """
    with transaction.atomic(durable=True):
        lead = Lead.objects.select_for_update(no_key=True).get(pk=lead_id)
        claims = LeadDetail.objects.filter(lead=lead, is_confirmed=False)
        claimed = main_details(claims.order_by("pk").values_list("kind", "value", "is_confirmed"))
        for field, value in claimed.items():
            if value and not getattr(lead, field):
                setattr(lead, field, value)
        lead.search = search_text(name=lead.name, email=lead.email, phone=lead.phone)
        lead.save()
        Identity.objects.filter(lead=lead, is_confirmed=False).update(is_confirmed=True)
        return claims.update(is_confirmed=True)
