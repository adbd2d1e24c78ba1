"""Leads at the desk: found however they are typed, renamed so that they are found again."""

import pytest
from django.utils import timezone

from leads.identity import search_text
from leads.models import Lead, LeadDetail, PossibleDuplicate
from routing.tests.factories import SourceFactory

from .factories import InquiryFactory, LeadFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/leads/lead/"


@pytest.fixture
def lead():
    name, email, phone = "Пётр Кузнецов", "petr@example.com", "+79991234567"
    return LeadFactory(name=name, email=email, phone=phone, search=search_text(name=name, email=email, phone=phone))


def found(client, words):
    return list(client.get(LIST, {"q": words}).context["cl"].result_list)


@pytest.mark.parametrize(
    "words",
    ["Кузнецов", "кузнецов", "КУЗН", "Петр", "пётр кузнецов", "Кузнецов Пётр", "PETR@example.com", "+79991234567"],
)
def test_a_lead_is_found_by_name_and_address(admin_client, lead, words):
    LeadFactory(name="Max Orlov", search="max orlov")

    assert found(admin_client, words) == [lead]


@pytest.mark.parametrize("words", ["+7 (999) 123-45-67", "8 999 123 45 67", "9991234567", "123-45-67", "1234567"])
def test_a_lead_is_found_by_phone_however_it_is_written(admin_client, lead, words):
    assert found(admin_client, words) == [lead]


@pytest.mark.parametrize("words", ["Иванов", "+7 (999) 000-00-00", "кузнецов иван", "%", "_", "\\"])
def test_others_are_not_found(admin_client, lead, words):
    assert found(admin_client, words) == []


def test_a_renamed_lead_is_found_by_the_new_name(admin_client, lead):
    history = {"identities-TOTAL_FORMS": 0, "identities-INITIAL_FORMS": 0}
    history |= {"inquiries-TOTAL_FORMS": 0, "inquiries-INITIAL_FORMS": 0}
    history |= {"details-TOTAL_FORMS": 0, "details-INITIAL_FORMS": 0}

    admin_client.post(f"{LIST}{lead.pk}/change/", {"name": "Семён Ёлкин", "email": "forged@example.com", **history})

    lead.refresh_from_db()
    assert lead.email == "petr@example.com"
    assert found(admin_client, "елкин") == [lead]
    assert found(admin_client, "кузнецов") == []


def test_the_page_shows_contacts_and_inquiries(admin_client):
    lead = LeadFactory(contacts=[("email", "pat@example.com")])
    InquiryFactory(lead=lead, message="Do you deliver to Kazan?")

    page = admin_client.get(f"{LIST}{lead.pk}/change/").content.decode()

    assert "pat@example.com" in page
    assert "Do you deliver to Kazan?" in page


def test_leads_are_neither_made_nor_deleted_by_hand(admin_client, lead):
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{lead.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Lead.objects.exists()


def test_a_possible_duplicate_is_dismissed(admin_client):
    first, second = sorted([LeadFactory(), LeadFactory()], key=lambda lead: lead.pk)
    pair = PossibleDuplicate.objects.create(lead=first, other=second)
    url = "/admin/leads/possibleduplicate/"

    response = admin_client.post(url, {"action": "dismiss", "_selected_action": [pair.pk], "index": "0"}, follow=True)

    assert [str(message) for message in response.context["messages"]] == ["1 pair dismissed."]
    assert list(admin_client.get(f"{url}?seen=open").context["cl"].result_list) == []
    assert list(admin_client.get(f"{url}?seen=dismissed").context["cl"].result_list) == [pair]


def test_what_a_public_key_claimed_is_shown_as_not_confirmed_and_can_be_confirmed(admin_client):
    lead, site = LeadFactory(name="Vera", phone=""), SourceFactory(name="Landing page")
    LeadDetail.objects.create(
        lead=lead, source=site, kind="phone", value="+79990000001", is_confirmed=False, created_at=timezone.now()
    )

    page = admin_client.get(f"{LIST}{lead.pk}/change/").content.decode()
    assert "Not confirmed" in page
    assert "Landing page" in page
    admin_client.post(f"{LIST}{lead.pk}/confirm_claims/", {"_form_submitted": "True"}, follow=True)

    lead.refresh_from_db()
    assert lead.phone == "+79990000001"
    assert "Not confirmed" not in admin_client.get(f"{LIST}{lead.pk}/change/").content.decode()
