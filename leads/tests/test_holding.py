"""What is held back: who gets slot and credit back, whose word stands, and how it comes out again."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from leads.models import Assignment, Inquiry, Trigger, WaitingReason
from leads.services import (
    NotHeld,
    accept_inquiry,
    assign_waiting,
    give_inquiry,
    hold_as_spam,
    own_transaction,
    release_inquiry,
    resolve_inquiry,
    violations,
)
from routing.models import Weight
from routing.tests.factories import OperatorFactory, SourceFactory

from .factories import InquiryFactory

pytestmark = pytest.mark.django_db

hold = own_transaction(hold_as_spam)


def rng():
    return 0.5


@pytest.fixture
def anna():
    return OperatorFactory(name="Anna", max_load=1)


@pytest.fixture
def site(anna):
    return SourceFactory(weights={anna: 1})


@pytest.fixture
def supervisor():
    return User.objects.create(username="sue")


@pytest.fixture
def given(site):
    """An inquiry that Anna was given by the strategy."""
    inquiry = InquiryFactory(source=site, waiting_reason="all_full")
    assign_waiting(source_ids=[site.pk], now=timezone.now(), rng=rng)
    inquiry.refresh_from_db()
    assert inquiry.operator_id
    return inquiry


def test_it_takes_spam_back_from_its_operator_with_slot_and_credit(given, anna, site):
    held = hold(given.pk, now=timezone.now(), rng=rng)

    given.refresh_from_db()
    assert held
    assert (given.operator, given.waiting_reason, given.status) == (None, WaitingReason.HELD_AS_SPAM, "waiting")
    assert Weight.objects.get(source=site, operator=anna).received_count == 0
    record = Assignment.objects.filter(inquiry=given).first()
    assert (record.operator, record.reason, record.trigger) == (None, "held_as_spam", Trigger.READING)


def test_it_gives_the_freed_slot_to_the_next_one_at_once(given, anna, site):
    honest = InquiryFactory(source=site)

    hold(given.pk, now=timezone.now(), rng=rng)

    honest.refresh_from_db()
    assert honest.operator == anna


def test_it_keeps_held_spam_out_of_the_queue(given, site):
    hold(given.pk, now=timezone.now(), rng=rng)

    assert assign_waiting(source_ids=[site.pk], now=timezone.now(), rng=rng) == 0
    given.refresh_from_db()
    assert given.waiting_reason == WaitingReason.HELD_AS_SPAM
    assert list(violations(now=timezone.now())) == []


def test_it_holds_what_nobody_has_yet(site, anna):
    InquiryFactory(source=site, operator=anna)
    waiting = InquiryFactory(source=site)

    assert hold(waiting.pk, now=timezone.now(), rng=rng)
    waiting.refresh_from_db()
    assert waiting.waiting_reason == WaitingReason.HELD_AS_SPAM


@pytest.mark.parametrize("word", ["accepted", "resolved", "given by hand"])
def test_it_leaves_what_a_person_has_decided(given, anna, supervisor, word):
    now = timezone.now()
    if word == "accepted":
        accept_inquiry(given.pk, now=now)
    elif word == "resolved":
        resolve_inquiry(given.pk, now=now, rng=rng)
    else:
        boris = OperatorFactory(name="Boris")
        give_inquiry(given.pk, boris, by=supervisor, now=now, rng=rng)
    before = Inquiry.objects.values().get(pk=given.pk)

    assert not hold(given.pk, now=now, rng=rng)
    assert Inquiry.objects.values().get(pk=given.pk) == before


def test_it_obeys_the_supervisor_who_calls_it_spam(given, supervisor):
    give_inquiry(given.pk, OperatorFactory(name="Boris"), by=supervisor, now=timezone.now(), rng=rng)

    assert hold(given.pk, by=supervisor, now=timezone.now(), rng=rng)
    assert Assignment.objects.filter(inquiry=given).first().assigned_by == supervisor


def test_a_released_one_goes_to_whoever_is_free_and_is_not_held_again(given, anna, supervisor):
    hold(given.pk, now=timezone.now(), rng=rng)

    assert release_inquiry(given.pk, by=supervisor, now=timezone.now(), rng=rng)

    given.refresh_from_db()
    assert given.operator == anna
    assert not hold(given.pk, now=timezone.now(), rng=rng)


def test_a_released_one_waits_like_any_other_when_nobody_is_free(given, anna, site, supervisor):
    hold(given.pk, now=timezone.now(), rng=rng)
    InquiryFactory(source=site, operator=anna)

    assert not release_inquiry(given.pk, by=supervisor, now=timezone.now(), rng=rng)

    given.refresh_from_db()
    assert given.waiting_reason == WaitingReason.ALL_FULL


def test_it_refuses_to_release_what_is_not_held(given, supervisor):
    with pytest.raises(NotHeld):
        release_inquiry(given.pk, by=supervisor, now=timezone.now(), rng=rng)
