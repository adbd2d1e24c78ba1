"""Who holds an inquiry: freed slots, hand-overs and what they enter in the ledger. Chances are not taken here."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from leads.models import Assignment, Inquiry
from leads.services import (
    InquiryResolved,
    NobodyElse,
    NotResolved,
    OperatorFull,
    assign_waiting,
    give_inquiry,
    lock_operators,
    reopen_inquiry,
    reroute_inquiry,
    resolve_inquiry,
    return_inquiries,
    take_back_inquiry,
)
from routing.choice import ONE, replay
from routing.models import Operator, Source, Weight
from routing.tests.factories import OperatorFactory, SourceFactory

from .factories import InquiryFactory, LeadFactory
from .intake import take_in

pytestmark = pytest.mark.django_db

NOW = timezone.now()
CLOCK = {"now": NOW, "rng": lambda: 0.5}


@pytest.fixture
def anna():
    return OperatorFactory(name="Anna", max_load=2)


@pytest.fixture
def boris():
    return OperatorFactory(name="Boris", max_load=2)


@pytest.fixture
def site(anna, boris):
    return SourceFactory(slug="site", weights={anna: 1, boris: 1})


@pytest.fixture
def supervisor():
    return User.objects.create(username="vera")


def received(source):
    return dict(Weight.objects.filter(source=source).values_list("operator__name", "received_count"))


def held(operator, source, count=1):
    """Inquiries in an operator's hands, entered in the ledger as the service does."""
    Weight.objects.filter(source=source, operator=operator).update(received_count=count, due=count * ONE)
    return [InquiryFactory(operator=operator, source=source) for _ in range(count)]


def test_a_freed_slot_goes_to_the_most_urgent_and_of_those_to_the_oldest(site, anna, boris):
    first, *_ = held(anna, site, 2) + held(boris, site, 2)
    ages = {"old": 9, "young": 1, "urgent": 0}
    waiting = {
        name: InquiryFactory(
            source=site, priority="P1" if name == "urgent" else "P2", created_at=NOW - timedelta(hours=age)
        )
        for name, age in ages.items()
    }

    resolve_inquiry(first.pk, **CLOCK)
    assert set(Inquiry.objects.waiting()) == {waiting["old"], waiting["young"]}
    resolve_inquiry(anna.inquiries.open().first().pk, **CLOCK)
    assert set(Inquiry.objects.waiting()) == {waiting["young"]}

    assignment = waiting["urgent"].assignments.get()
    assert (assignment.operator, assignment.trigger, assignment.reason) == (anna, "slot_freed", "fair")
    assert [row["verdict"] for row in assignment.decision["candidates"]] == ["chosen", "full"]


def test_a_slot_freed_in_one_source_goes_to_who_waits_in_another(site, anna, boris):
    bot = SourceFactory(slug="bot", weights={anna: 1})
    first, *_ = held(anna, site, 2) + held(boris, site, 2)
    waiting = InquiryFactory(source=bot)

    resolve_inquiry(first.pk, **CLOCK)

    waiting.refresh_from_db()
    assert (waiting.operator, waiting.status, waiting.waiting_reason) == (anna, "assigned", "")
    assert waiting.assigned_at == NOW
    assert received(bot) == {"Anna": 1}


def test_resolving_again_changes_nothing(site, anna):
    [inquiry] = held(anna, site)
    resolve_inquiry(inquiry.pk, **CLOCK)

    resolve_inquiry(inquiry.pk, now=NOW + timedelta(hours=1), rng=lambda: 0.5)

    inquiry.refresh_from_db()
    assert (inquiry.resolved_at, inquiry.operator, inquiry.status) == (NOW, anna, "resolved")
    assert received(site)["Anna"] == 1


def test_what_waits_may_be_resolved_and_takes_no_slot(site, anna, boris):
    held(anna, site, 2), held(boris, site, 2)
    waiting = InquiryFactory(source=site)

    resolve_inquiry(waiting.pk, **CLOCK)

    waiting.refresh_from_db()
    assert (waiting.status, waiting.operator, waiting.waiting_reason) == ("resolved", None, "")


def test_resolving_what_is_not_there_says_so():
    with pytest.raises(Inquiry.DoesNotExist):
        resolve_inquiry(InquiryFactory.build().pk, **CLOCK)


def test_a_source_that_is_switched_off_keeps_what_waits(site, anna, boris):
    first, *_ = held(anna, site, 2) + held(boris, site, 2)
    InquiryFactory(source=site)
    site.is_active = False
    site.save()

    resolve_inquiry(first.pk, **CLOCK)

    assert Inquiry.objects.waiting().count() == 1


def test_a_supervisor_gives_an_inquiry_and_both_ledgers_follow(site, anna, boris, supervisor):
    [inquiry] = held(anna, site)

    give_inquiry(inquiry.pk, boris, by=supervisor, **CLOCK)

    inquiry.refresh_from_db()
    assignment = inquiry.assignments.get()
    assert inquiry.operator == boris
    assert (assignment.operator, assignment.reason, assignment.trigger) == (boris, "manual", "supervisor")
    assert (assignment.assigned_by, assignment.note) == (supervisor, "")
    assert replay(assignment.decision).as_record() == assignment.decision
    assert received(site) == {"Anna": 0, "Boris": 1}


def test_the_slot_a_hand_over_frees_is_given_out_at_once(site, anna, boris):
    held(anna, site, 2), held(boris, site, 1)
    inquiry = anna.inquiries.first()
    waiting = InquiryFactory(source=SourceFactory(slug="bot", weights={anna: 1}))

    give_inquiry(inquiry.pk, boris, by=None, **CLOCK)

    waiting.refresh_from_db()
    assert waiting.operator == anna


def test_a_hand_over_to_one_who_is_full_needs_a_reason_which_is_kept(site, anna, boris):
    [inquiry], _ = held(anna, site), held(boris, site, 2)

    with pytest.raises(OperatorFull):
        give_inquiry(inquiry.pk, boris, by=None, **CLOCK)
    assert received(site) == {"Anna": 1, "Boris": 2}
    assert not Assignment.objects.exists()

    give_inquiry(inquiry.pk, boris, by=None, override="Only Boris speaks Finnish.", **CLOCK)
    assert boris.inquiries.open().count() == 3
    assert inquiry.assignments.get().note == "Only Boris speaks Finnish."


def test_a_limit_lowered_since_the_page_was_opened_is_seen(site, anna, boris):
    [inquiry], _ = held(anna, site), held(boris, site, 1)
    type(boris).objects.filter(pk=boris.pk).update(max_load=1)

    with pytest.raises(OperatorFull):
        give_inquiry(inquiry.pk, boris, by=None, **CLOCK)


def test_one_without_a_weight_in_the_source_may_be_named_too(site, anna):
    [inquiry] = held(anna, site)
    stranger = OperatorFactory(name="Clara")

    give_inquiry(inquiry.pk, stranger, by=None, **CLOCK)

    inquiry.refresh_from_db()
    assert inquiry.operator == stranger
    assert inquiry.assignments.get().decision["candidates"][-1]["verdict"] == "chosen"
    assert received(site) == {"Anna": 0, "Boris": 0}


def test_giving_it_to_its_holder_changes_nothing(site, anna):
    [inquiry] = held(anna, site)

    give_inquiry(inquiry.pk, anna, by=None, **CLOCK)

    assert received(site)["Anna"] == 1
    assert not Assignment.objects.exists()


def test_what_is_resolved_is_given_to_nobody(site, anna, boris):
    inquiry = InquiryFactory(source=site, operator=anna, resolved_at=NOW)

    with pytest.raises(InquiryResolved):
        give_inquiry(inquiry.pk, boris, by=None, **CLOCK)
    with pytest.raises(InquiryResolved):
        reroute_inquiry(inquiry.pk, by=None, **CLOCK)


def test_routing_again_chooses_anybody_but_the_holder(site, anna, boris, supervisor):
    [inquiry] = held(anna, site)

    reroute_inquiry(inquiry.pk, by=supervisor, **CLOCK)

    inquiry.refresh_from_db()
    assert inquiry.operator == boris
    decision = inquiry.assignments.get().decision
    assert [row["verdict"] for row in decision["candidates"]] == ["passed_on", "chosen"]
    assert received(site) == {"Anna": 0, "Boris": 1}


def test_routing_again_with_nobody_else_leaves_it_where_it_is(site, anna, boris):
    [inquiry], _ = held(anna, site), held(boris, site, 2)

    with pytest.raises(NobodyElse):
        reroute_inquiry(inquiry.pk, by=None, **CLOCK)

    inquiry.refresh_from_db()
    assert inquiry.operator == anna
    assert received(site) == {"Anna": 1, "Boris": 2}


def test_a_reopened_inquiry_goes_back_to_its_operator_who_has_room(site, anna, boris):
    inquiry = InquiryFactory(source=site, operator=anna, resolved_at=NOW)

    reopen_inquiry(inquiry.pk, by=None, **CLOCK)

    inquiry.refresh_from_db()
    assert (inquiry.operator, inquiry.status, inquiry.resolved_at) == (anna, "assigned", None)
    with pytest.raises(NotResolved):
        reopen_inquiry(inquiry.pk, by=None, **CLOCK)


def test_a_reopened_inquiry_waits_when_everyone_is_full(site, anna, boris):
    held(anna, site, 2), held(boris, site, 2)
    inquiry = InquiryFactory(source=site, operator=anna, resolved_at=NOW)

    reopen_inquiry(inquiry.pk, by=None, **CLOCK)

    inquiry.refresh_from_db()
    assert (inquiry.operator, inquiry.status, inquiry.waiting_reason) == (None, "waiting", "all_full")
    assert received(site) == {"Anna": 1, "Boris": 2}, "she holds two and gave the third back"


def test_what_is_not_accepted_in_time_goes_to_each_other_once_and_then_to_the_supervisor(site, anna, boris):
    site.accept_minutes, site.max_bounces = 5, 2
    site.save()
    inquiry = InquiryFactory(source=site, operator=anna, created_at=NOW - timedelta(minutes=5))
    inquiry.assignments.create(operator=anna, reason="fair", trigger="intake", created_at=inquiry.created_at)
    Weight.objects.filter(operator=anna).update(received_count=1, due=ONE)

    assert take_back_inquiry(inquiry.pk, **CLOCK)
    inquiry.refresh_from_db()
    assert (inquiry.operator, inquiry.bounce_count) == (boris, 1)
    assert not take_back_inquiry(inquiry.pk, **CLOCK)

    assert take_back_inquiry(inquiry.pk, now=NOW + timedelta(minutes=5), rng=lambda: 0.5)
    inquiry.refresh_from_db()
    assert (inquiry.operator, inquiry.waiting_reason, inquiry.bounce_count) == (None, "needs_supervisor", 2)
    assert received(site) == {"Anna": 0, "Boris": 0}
    with transaction.atomic():
        assert assign_waiting(source_ids=[site.pk], **CLOCK) == 0


def test_an_operator_who_leaves_gives_back_what_they_hold(site, anna, boris):
    held(anna, site, 2), held(boris, site, 1)

    with transaction.atomic():
        lock_operators([anna.pk], now=NOW)
        type(anna).objects.filter(pk=anna.pk).update(is_active=False)
        assert return_inquiries(anna.pk, by=None, **CLOCK) == 2

    assert not anna.inquiries.exists()
    assert boris.inquiries.open().count() == 2
    assert Inquiry.objects.waiting().get().waiting_reason == "all_full"
    assert received(site) == {"Anna": 0, "Boris": 2}


@pytest.mark.parametrize(
    ("change", "reason"), [({"is_active": False}, "nobody_on_duty"), ({"max_load": 1}, "all_full")]
)
def test_the_reasons_of_what_still_waits_are_kept_true(anna, change, reason):
    site = SourceFactory(weights={anna: 1})
    held(anna, site, 1)
    waiting = InquiryFactory(source=site, waiting_reason="no_operators")
    type(anna).objects.update(**change)

    with transaction.atomic():
        assert assign_waiting(source_ids=[site.pk], **CLOCK) == 0

    waiting.refresh_from_db()
    assert waiting.waiting_reason == reason


def test_a_raised_limit_is_filled_and_no_more(anna):
    site = SourceFactory(weights={anna: 1})
    held(anna, site, 2)
    for _ in range(5):
        InquiryFactory(source=site, lead=LeadFactory())
    type(anna).objects.update(max_load=4)

    with transaction.atomic():
        assert assign_waiting(source_ids=[site.pk], **CLOCK) == 2

    assert anna.inquiries.open().count() == 4
    assert Inquiry.objects.waiting().count() == 3


def test_those_who_waited_for_a_shift_are_given_out_before_who_comes_later(site, anna, boris):
    Operator.objects.update(is_active=False, max_load=1)
    first = InquiryFactory(source=site, priority="P0", created_at=NOW)
    Operator.objects.filter(pk=anna.pk).update(is_active=True)

    [later] = take_in(site, "pat@example.com", **CLOCK)

    first.refresh_from_db()
    assert (first.operator, later.operator, later.waiting_reason) == (anna, None, "all_full")


def test_one_lock_gives_out_so_many_and_the_sweep_the_rest(site, anna, boris, monkeypatch):
    monkeypatch.setattr("leads.services.assigning.ASSIGNED_AT_ONCE", 2)
    for _ in range(3):
        InquiryFactory(source=site, created_at=NOW)

    assert assign_waiting(source_ids=[site.pk], **CLOCK) == 2
    assert assign_waiting(source_ids=[site.pk], **CLOCK) == 1


def test_who_waits_is_told_when_the_last_weight_is_gone(site, anna, boris):
    waiting = InquiryFactory(source=site, created_at=NOW)
    site.weights.all().delete()

    assign_waiting(source_ids=[site.pk], **CLOCK)

    waiting.refresh_from_db()
    assert waiting.waiting_reason == "no_operators"


def test_taken_back_from_the_only_one_it_waits_for_a_supervisor(site, anna, boris):
    site.weights.filter(operator=boris).delete()
    Source.objects.filter(pk=site.pk).update(accept_minutes=5, max_bounces=3)
    inquiry = InquiryFactory(source=site, operator=anna, created_at=NOW - timedelta(minutes=6))
    inquiry.assignments.create(operator=anna, reason="fair", trigger="intake", created_at=inquiry.created_at)

    assert take_back_inquiry(inquiry.pk, **CLOCK)

    inquiry.refresh_from_db()
    assert (inquiry.operator, inquiry.waiting_reason) == (None, "needs_supervisor")
