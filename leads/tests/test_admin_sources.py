"""Sources at the desk: weights that drain, a ledger no stale form overwrites, a deletion that loses nothing."""

import pytest

from leads.models import Inquiry
from routing.models import Source, Weight
from routing.tests.factories import OperatorFactory, SourceFactory

from .factories import InquiryFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/routing/source/"


@pytest.fixture
def anna():
    return OperatorFactory(name="Anna")


@pytest.fixture
def boris():
    return OperatorFactory(name="Boris")


@pytest.fixture
def site(anna):
    return SourceFactory(weights={anna: 1})


def page_of(source, *rows, **changes):
    """What the browser would send from a source's page; ``rows`` are (weight row or None, operator, weight)."""
    fields = {
        "name": source.name,
        "slug": source.slug,
        "kind": source.kind,
        "strategy": source.strategy,
        "is_active": "on",
        "default_region": source.default_region,
        "dedup_minutes": source.dedup_minutes,
        "response_minutes": source.response_minutes,
        "accept_minutes": source.accept_minutes,
        "max_bounces": source.max_bounces,
        "weights-TOTAL_FORMS": len(rows),
        "weights-INITIAL_FORMS": len([row for row, _, _ in rows if row]),
    }
    if source.holds_spam:
        fields["holds_spam"] = "on"
    for number, (row, operator, weight) in enumerate(rows):
        fields |= {f"weights-{number}-operator": operator.pk, f"weights-{number}-weight": weight}
        fields |= {f"weights-{number}-id": row.pk if row else "", f"weights-{number}-source": source.pk or ""}
    return fields | changes


def said(response):
    return [str(message) for message in response.context["messages"]]


def test_a_weight_that_is_given_takes_the_waiting_inquiry(admin_client, site, boris):
    Weight.objects.all().update(weight=0)
    waiting = InquiryFactory(source=site, waiting_reason="no_operators")
    own = site.weights.get()

    rows = [(own, own.operator, 0), (None, boris, 3)]
    response = admin_client.post(f"{LIST}{site.pk}/change/", page_of(site, *rows), follow=True)

    assert "1 waiting inquiry was given out." in said(response)
    waiting.refresh_from_db()
    assert waiting.operator == boris


def test_a_source_switched_on_gives_out_what_waits(admin_client, site, anna):
    waiting = InquiryFactory(source=site)
    Source.objects.update(is_active=False)
    own = site.weights.get()

    admin_client.post(f"{LIST}{site.pk}/change/", page_of(site, (own, anna, 1)))

    waiting.refresh_from_db()
    assert waiting.operator == anna


def test_a_weight_is_saved_without_touching_its_ledger(admin_client, site, anna, monkeypatch):
    own = site.weights.get()
    lock = "leads.admin.draining.lock_operators"

    def receive_meanwhile(*args, **kwargs):
        """An inquiry comes in after the form was read and before it is written."""
        Weight.objects.update(received_count=7, due=7_000_000_000)

    monkeypatch.setattr(lock, receive_meanwhile)
    admin_client.post(f"{LIST}{site.pk}/change/", page_of(site, (own, anna, 30)))

    own.refresh_from_db()
    assert (own.weight, own.received_count, own.due) == (30, 7, 7_000_000_000)


def test_the_operator_of_a_weight_stays(admin_client, site, anna, boris):
    own = site.weights.get()

    admin_client.post(f"{LIST}{site.pk}/change/", page_of(site, (own, boris, 2)))

    own.refresh_from_db()
    assert (own.operator, own.weight) == (anna, 2)


def test_one_operator_has_one_weight_in_a_source(admin_client, site, anna):
    own = site.weights.get()

    response = admin_client.post(f"{LIST}{site.pk}/change/", page_of(site, (own, anna, 2), (None, anna, 3)))

    assert response.status_code == 200
    assert site.weights.count() == 1


def test_a_new_source_is_made_with_its_weights(admin_client, anna):
    source = Source(name="Bot", slug="bot", kind="telegram")

    response = admin_client.post(f"{LIST}add/", page_of(source, (None, anna, 5)))

    assert response.status_code == 302
    assert Weight.objects.get().source.slug == "bot"


def test_the_ledger_is_shown(admin_client, site):
    Weight.objects.update(received_count=3, due=3_250_000_000)

    page = admin_client.get(f"{LIST}{site.pk}/change/").content.decode()

    assert "3.25" in page
    assert "+0.25" in page


def test_a_source_with_inquiries_stays(admin_client, site):
    InquiryFactory(source=site)

    response = admin_client.post(f"{LIST}{site.pk}/delete/", {"post": "yes"}, follow=True)

    assert said(response) == [f"{site} has 1 inquiry and stays with it. Switch the source off instead."]
    assert Inquiry.objects.exists()


def test_an_inquiry_that_comes_in_during_the_deletion_is_kept(admin_client, site, monkeypatch):
    InquiryFactory(source=site)
    monkeypatch.setattr("leads.admin.draining.Inquiry.objects.filter", lambda **_: Inquiry.objects.none())

    admin_client.post(f"{LIST}{site.pk}/delete/", {"post": "yes"})

    assert Source.objects.exists()


def test_a_source_without_inquiries_is_deleted_with_its_weights(admin_client, site):
    admin_client.post(f"{LIST}{site.pk}/delete/", {"post": "yes"})

    assert not Source.objects.exists()
    assert not Weight.objects.exists()
