"""What one message does: the lead is recognised, the inquiry written down, given out, and owed a reading."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from crm.models import IdempotencyKey
from crm.services import receive_inquiries
from leads.models import Assignment, Identity, Inquiry, Lead, PossibleDuplicate
from leads.tests.factories import InquiryFactory, LeadFactory
from routing.choice import replay
from routing.models import Absence, Shift, Source
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.models import Job
from triage.queries import claimable

from .intake import arrival, key_of, resolve, send, statements

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def anna():
    return OperatorFactory(name="Anna", max_load=3)


@pytest.fixture
def site(anna):
    return SourceFactory(slug="site", weights={anna: 1})


def test_a_first_message_makes_lead_contacts_inquiry_assignment_and_job(site, anna):
    receipt = send(site, phone="+79991234567", external="77", now=NOW)

    lead, inquiry = Lead.objects.get(), Inquiry.objects.get()
    assert (lead.name, lead.email, lead.phone) == ("Pat Lee", "pat@example.com", "+79991234567")
    assert lead.search == "pat lee pat@example.com 79991234567"
    assert set(lead.identities.values_list("kind", "value")) == {
        ("email", "pat@example.com"),
        ("phone", "+79991234567"),
        ("external", f"{site.pk}:77"),
    }
    assert (inquiry.lead, inquiry.source, inquiry.operator, inquiry.status) == (lead, site, anna, "assigned")
    assert (inquiry.created_at, inquiry.assigned_at, inquiry.resolved_at) == (NOW, NOW, None)
    assert receipt.answer["id"] == str(inquiry.pk)
    assert (receipt.answer["operator"], receipt.answer["status"]) == (anna.pk, "assigned")
    assert Job.objects.get().inquiry == inquiry
    assert claimable().count() == 1


def test_the_assignment_says_why_and_replays(site, anna):
    send(site, now=NOW)

    assignment = Assignment.objects.get()
    assert (assignment.operator, assignment.reason, assignment.trigger) == (anna, "fair", "intake")
    assert replay(assignment.decision).as_record() == assignment.decision


def test_a_decision_to_let_it_wait_is_recorded_too(site, anna):
    for n in range(3):
        send(site, email=f"stranger-{n}@example.com")

    receipt = send(site)

    waiting = Inquiry.objects.waiting().get()
    assert (receipt.answer["operator"], receipt.answer["waiting_reason"]) == (None, "all_full")
    assert (waiting.status, waiting.assigned_at) == ("waiting", None)
    assignment = waiting.assignments.get()
    assert (assignment.operator, assignment.reason) == (None, "all_full")
    assert [row["verdict"] for row in assignment.decision["candidates"]] == ["full"]
    assert replay(assignment.decision).as_record() == assignment.decision


def test_without_operators_it_waits_for_that_reason():
    assert send(SourceFactory()).answer["waiting_reason"] == "no_operators"


@pytest.mark.parametrize("hindrance", ["the switch", "leave", "no shift now"])
def test_with_nobody_at_work_it_waits_for_that_reason(site, anna, hindrance):
    noon = timezone.datetime(2026, 11, 20, 12, tzinfo=timezone.get_default_timezone())
    if hindrance == "the switch":
        anna.is_active = False
        anna.save()
    elif hindrance == "leave":
        Absence.objects.create(operator=anna, starts_at=noon, ends_at=noon + timedelta(hours=1))
    else:
        Shift.objects.create(operator=anna, weekday=4, starts="13:00", ends="18:00")

    assert send(site, now=noon).answer["waiting_reason"] == "nobody_on_duty"
    assert Inquiry.objects.get().waiting_reason == "nobody_on_duty"


@pytest.mark.parametrize("known_by", ["email", "phone", "external"])
def test_a_lead_is_recognised_by_any_contact_and_the_new_ones_are_added(site, known_by):
    contacts = {"email": "pat@example.com", "phone": "+79991234567", "external": "77"}
    send(site, **({"email": None} | {known_by: contacts[known_by]}))

    send(site, **contacts, message="Me again.")

    lead = Lead.objects.get()
    assert lead.inquiries.count() == 2
    assert lead.identities.count() == 3
    assert (lead.email, lead.phone) == ("pat@example.com", "+79991234567")
    assert lead.search == "pat lee pat@example.com 79991234567"


def test_what_a_lead_told_before_is_not_overwritten(site):
    send(site, phone="+79991234567")

    send(site, email="other@example.com", phone="+79991234567", name="P. Lee", message="Me again.")

    lead = Lead.objects.get()
    assert (lead.name, lead.email) == ("Pat Lee", "pat@example.com")
    assert set(lead.identities.filter(kind="email").values_list("value", flat=True)) == {
        "pat@example.com",
        "other@example.com",
    }


def test_an_external_id_of_another_source_is_another_person(site, anna):
    send(site, email=None, external="77")
    send(SourceFactory(weights={anna: 1}), email=None, external="77")

    assert Lead.objects.count() == 2


@pytest.mark.parametrize(
    ("sent", "strongest"),
    [
        (["external", "phone", "email"], "external"),
        (["phone", "email"], "phone"),
        (["external", "email"], "external"),
    ],
)
def test_contacts_of_different_leads_go_to_the_strongest_and_the_pairs_to_the_supervisor(site, sent, strongest):
    contacts = {"email": "pat@example.com", "phone": "+79991234567", "external": "77"}
    stored = contacts | {"external": f"{site.pk}:77"}
    leads = {kind: LeadFactory(name=kind, contacts=[(kind, stored[kind])]) for kind in contacts}

    for message in ("Once.", "Twice."):
        send(site, **({"email": None} | {kind: contacts[kind] for kind in sent}), message=message)

    assert {inquiry.lead for inquiry in Inquiry.objects.all()} == {leads[strongest]}
    pairs = {frozenset(pair) for pair in PossibleDuplicate.objects.values_list("lead", "other")}
    assert pairs == {frozenset({leads[strongest].pk, leads[kind].pk}) for kind in sent if kind != strongest}
    assert PossibleDuplicate.objects.count() == len(sent) - 1
    assert Identity.objects.count() == 3


def test_the_same_text_within_the_window_is_the_same_inquiry(site, anna):
    first = send(site, message="Price,  please!", now=NOW)

    again = send(site, message="price, please! ", now=NOW + timedelta(minutes=9, seconds=59))

    assert again.is_duplicate
    assert again.answer["id"] == first.answer["id"]
    assert Inquiry.objects.get().repeat_count == 1
    assert Job.objects.count() == Assignment.objects.count() == 1
    assert anna.inquiries.count() == 1


def test_the_window_includes_its_last_moment(site):
    send(site, now=NOW)

    assert send(site, now=NOW + timedelta(minutes=10)).is_duplicate


def test_source_that_was_deleted_meanwhile_takes_nothing_in():
    gone = SourceFactory()
    key_of(gone)
    Source.objects.filter(pk=gone.pk).delete()

    with pytest.raises(Source.DoesNotExist):
        send(gone, key="order-1")

    assert not Inquiry.objects.exists()
    assert not IdempotencyKey.objects.exists()


def test_the_same_text_after_the_window_is_another_inquiry(site):
    send(site, now=NOW)

    later = send(site, now=NOW + timedelta(minutes=10, seconds=1))

    assert not later.is_duplicate
    assert Inquiry.objects.count() == 2


def test_a_window_of_zero_finds_no_duplicates(site):
    site.dedup_minutes = 0
    site.save()

    assert [send(site, now=NOW).is_duplicate for _ in range(2)] == [False, False]
    assert Inquiry.objects.count() == 2


@pytest.mark.parametrize("other", [{"message": "Another."}, {"email": "max@example.com"}])
def test_another_text_or_another_lead_is_no_duplicate(site, other):
    send(site, now=NOW)

    assert not send(site, now=NOW, **other).is_duplicate


def test_the_same_text_through_another_source_is_no_duplicate(site, anna):
    send(site, now=NOW)

    assert not send(SourceFactory(weights={anna: 1}), now=NOW).is_duplicate


def test_a_repetition_of_a_resolved_inquiry_within_the_window_stays_resolved(site):
    first = send(site, now=NOW)
    resolve(Inquiry.objects.get())

    again = send(site, now=NOW + timedelta(minutes=1))

    assert (again.is_duplicate, again.answer["id"]) == (True, first.answer["id"])
    assert Inquiry.objects.get().status == "resolved"


def test_a_repetition_may_still_bring_a_new_contact(site):
    send(site, now=NOW)

    send(site, phone="+79991234567", now=NOW)

    assert Lead.objects.get().phone == "+79991234567"
    assert Inquiry.objects.count() == 1


def test_a_returning_lead_keeps_the_operator_if_the_source_wants_it():
    anna, boris = OperatorFactory(max_load=1), OperatorFactory()
    site = SourceFactory(is_sticky=True, weights={anna: 1, boris: 1000})
    send(site)
    holder = Inquiry.objects.get().operator
    resolve(Inquiry.objects.get())

    send(site, message="Me again.")
    send(site, email="max@example.com")

    mine = Inquiry.objects.get(message="Me again.")
    assert (mine.operator, mine.assignments.get().reason) == (holder, "sticky")
    assert Inquiry.objects.get(lead__email="max@example.com").assignments.get().reason == "fair"


@pytest.fixture(params=[1, 2000], ids=["one inquiry", "two thousand inquiries"])
def history(request, site, anna):
    """What came before: none of it may cost anything now."""
    others = OperatorFactory(name="Boris", max_load=100)
    lead = LeadFactory(name="Max Orlov", email="max@example.com", contacts=[("email", "max@example.com")])
    old = {"lead": lead, "source": site, "created_at": NOW - timedelta(days=1), "resolved_at": NOW}
    rows = [InquiryFactory.build(**old, operator=(anna, others)[n % 2], message=f"{n}") for n in range(request.param)]
    Inquiry.objects.bulk_create(rows)


def count_of(**by_vendor: int) -> int:
    """The statements expected: PostgreSQL writes all tables with one, SQLite each with its own."""
    return by_vendor[connection.vendor]


def test_new_lead_with_a_key_costs_as_many_statements_whatever_came_before(site, history):
    key_of(site)

    with statements() as sent:
        send(site, key="order-1")

    assert len(sent) == count_of(postgresql=6, sqlite=13), "\n".join(sent)


def test_known_lead_without_a_key_costs_as_many_statements_whatever_came_before(site, history):
    with statements() as sent:
        send(site, email="max@example.com", name="", message="Me again.")

    assert len(sent) == count_of(postgresql=7, sqlite=11), "\n".join(sent)


def test_replay_costs_two_statements_whatever_came_before(site, history):
    send(site, key="order-1")

    with statements() as sent:
        send(site, key="order-1")

    assert len(sent) == 2, "\n".join(sent)


@pytest.mark.parametrize("count", [1, 30])
def test_thirty_at_once_cost_as_many_statements_as_one(site, count):
    arrivals = [arrival(site, email=f"lead-{n}@example.com", key=f"order-{n}") for n in range(count)]

    with statements() as sent:
        receive_inquiries(arrivals, source=site)

    assert len(sent) == count_of(postgresql=6, sqlite=13), "\n".join(sent)
    assert Inquiry.objects.count() == count
