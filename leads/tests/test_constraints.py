"""What the database itself refuses, whoever writes."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from leads.models import Identity, Inquiry, PossibleDuplicate
from routing.tests.factories import OperatorFactory

from .factories import InquiryFactory, LeadFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def refused(name):
    return pytest.raises(IntegrityError, match=name)


def test_a_contact_belongs_to_one_lead():
    LeadFactory(contacts=[("email", "pat@example.com")])

    with refused("identity_belongs_to_one_lead|UNIQUE constraint failed: leads_identity"), transaction.atomic():
        LeadFactory(contacts=[("email", "pat@example.com")])

    assert Identity.objects.count() == 1


def test_the_same_value_of_another_kind_is_another_contact():
    LeadFactory(contacts=[("phone", "+79991234567"), ("external", "+79991234567")])

    assert Identity.objects.count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"waiting_reason": ""},
        {"waiting_reason": "all_full", "resolved_at": NOW},
    ],
)
def test_only_what_waits_has_a_reason_to_wait_and_all_that_waits_has_one(wrong):
    with refused("inquiry_waits_for_a_reason"):
        InquiryFactory(**wrong)


def test_what_somebody_holds_does_not_wait():
    with refused("inquiry_waits_for_a_reason"):
        InquiryFactory(operator=OperatorFactory(), waiting_reason="all_full")


def test_what_somebody_holds_was_given_to_them_at_a_time():
    with refused("inquiry_assigned_at_a_time"):
        InquiryFactory(operator=OperatorFactory(), assigned_at=None)


@pytest.mark.parametrize(
    ("operator", "resolved_at", "status"),
    [(False, None, "waiting"), (True, None, "assigned"), (True, NOW, "resolved"), (False, NOW, "resolved")],
)
def test_the_status_follows_from_holder_and_resolution(operator, resolved_at, status):
    inquiry = InquiryFactory(operator=OperatorFactory() if operator else None, resolved_at=resolved_at)

    assert inquiry.status == status
    assert Inquiry.objects.filter(status=status).get() == inquiry


def test_a_pair_of_possible_duplicates_has_one_spelling():
    smaller, larger = sorted((LeadFactory(), LeadFactory()), key=lambda lead: lead.pk)
    PossibleDuplicate.objects.create(lead=smaller, other=larger)

    with refused("duplicate_pair_once|UNIQUE constraint failed: leads_possibleduplicate"), transaction.atomic():
        PossibleDuplicate.objects.create(lead=smaller, other=larger)
    with refused("duplicate_pair_in_order"), transaction.atomic():
        PossibleDuplicate.objects.create(lead=larger, other=smaller)
    with refused("duplicate_pair_in_order"), transaction.atomic():
        PossibleDuplicate.objects.create(lead=smaller, other=smaller)
