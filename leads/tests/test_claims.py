import pytest
from django.utils import timezone

from leads.models import Identity, LeadDetail
from leads.services import confirm_claims
from routing.tests.factories import SourceFactory

from .factories import LeadFactory

pytestmark = pytest.mark.django_db


def claim(lead, kind, value):
    LeadDetail.objects.create(
        lead=lead, source=SourceFactory(), kind=kind, value=value, is_confirmed=False, created_at=timezone.now()
    )
    if kind != "name":
        Identity.objects.create(lead=lead, kind=kind, value=value, is_confirmed=False)


def test_confirmed_claims_fill_what_is_empty_and_overwrite_nothing():
    lead = LeadFactory(name="Vera", email="vera@example.com", phone="")
    claim(lead, "name", "Mallory")
    claim(lead, "phone", "+79990000001")
    claim(lead, "phone", "+79990000002")

    assert confirm_claims(lead.pk) == 3

    lead.refresh_from_db()
    assert (lead.name, lead.email, lead.phone) == ("Vera", "vera@example.com", "+79990000001")
    assert "79990000001" in lead.search
    assert not lead.details.filter(is_confirmed=False).exists()
    assert not lead.identities.filter(is_confirmed=False).exists()


def test_confirming_twice_changes_nothing():
    lead = LeadFactory(phone="")
    claim(lead, "phone", "+79990000001")
    confirm_claims(lead.pk)

    assert confirm_claims(lead.pk) == 0
