"""Resolving says who did it, and reopening forgets it."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from leads.models import Inquiry
from leads.services import reopen_inquiry, resolve_inquiry
from routing.tests.factories import OperatorFactory, SourceFactory

from .factories import InquiryFactory

pytestmark = pytest.mark.django_db(transaction=True)

CLOCK = {"now": datetime(2026, 11, 20, 12, tzinfo=UTC), "rng": lambda: 0.5}


@pytest.fixture
def held():
    anna = OperatorFactory(name="Anna")
    return InquiryFactory(source=SourceFactory(weights={anna: 1}), operator=anna)


def test_who_resolved_it_is_kept(held, admin_user):
    resolve_inquiry(held.pk, by=admin_user, **CLOCK)

    assert Inquiry.objects.get().resolved_by == admin_user


def test_who_came_too_late_is_not_said_to_have_resolved_it(held, admin_user):
    resolve_inquiry(held.pk, **CLOCK)

    assert resolve_inquiry(held.pk, by=admin_user, **CLOCK) is False
    assert Inquiry.objects.get().resolved_by is None


def test_reopening_forgets_who_resolved_it(held, admin_user):
    resolve_inquiry(held.pk, by=admin_user, **CLOCK)

    reopen_inquiry(held.pk, by=admin_user, **CLOCK)

    assert Inquiry.objects.get().resolved_by is None


def test_an_inquiry_outlives_the_user_who_resolved_it(held, admin_user):
    resolve_inquiry(held.pk, by=admin_user, **CLOCK)

    admin_user.delete()

    resolved = Inquiry.objects.get()
    assert (resolved.resolved_by, resolved.resolved_at) == (None, CLOCK["now"])


def test_an_inquiry_is_named_by_the_time_on_the_clock_of_the_desk():
    inquiry = InquiryFactory.build(created_at=datetime(2026, 11, 20, 22, 30, tzinfo=UTC))

    with timezone.override("Europe/Moscow"):
        assert str(inquiry) == "Pat Lee · 2026-11-21 01:30"
