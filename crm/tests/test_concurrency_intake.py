"""P3 and P16 in short: many requests at one moment, each in a thread with a connection of its own."""

import pytest
from django.db import connection, transaction

from crm.idempotency import KeyInProgress, KeyReused
from crm.models import IdempotencyKey
from leads.models import Identity, Inquiry, Lead
from routing.tests.factories import OperatorFactory, SourceFactory
from routing.tests.parallel import in_parallel
from triage.models import Job

from .intake import key_of, send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site():
    return SourceFactory(weights={OperatorFactory(max_load=100): 1})


def test_fifty_requests_with_one_key_make_one_inquiry_and_get_equal_answers(site):
    receipts = in_parallel([lambda: send(site, key="order-1")] * 50)

    assert len({str(receipt.answer) for receipt in receipts}) == 1
    assert sorted(receipt.is_replay for receipt in receipts) == [False] + [True] * 49
    assert [str(inquiry.pk) for inquiry in Inquiry.objects.all()] == [receipts[0].answer["id"]]
    assert Job.objects.count() == Lead.objects.count() == IdempotencyKey.objects.count() == 1


def test_of_two_bodies_with_one_key_one_is_taken_and_the_other_refused(site):
    def send_or_refuse(message):
        try:
            return send(site, message=message, key="order-1").answer["id"]
        except KeyReused:
            return "refused"

    outcomes = in_parallel([lambda: send_or_refuse("One."), lambda: send_or_refuse("Two.")] * 8)

    taken = str(Inquiry.objects.get().pk)
    assert sorted(outcomes) == [taken] * 8 + ["refused"] * 8


def test_an_expired_key_is_taken_again_by_one_of_many(site):
    send(site, key="order-1")
    IdempotencyKey.objects.update(expires_at="2020-01-01T00:00:00Z")

    receipts = in_parallel([lambda: send(site, key="order-1")] * 16)

    assert sorted(receipt.is_replay for receipt in receipts) == [False] + [True] * 15
    assert Inquiry.objects.count() == 2


def test_twenty_first_messages_of_one_contact_make_one_lead(site):
    receipts = in_parallel([lambda n=n: send(site, message=f"Question {n}") for n in range(20)])

    lead = Lead.objects.get()
    assert {receipt.answer["lead"] for receipt in receipts} == {str(lead.pk)}
    assert lead.inquiries.count() == 20
    assert Identity.objects.count() == 1


def test_contacts_that_cross_make_no_deadlock_and_belong_to_one_lead_each(site):
    phones = ["+79990000001", "+79990000002", "+79990000003"]
    emails = ["one@example.com", "two@example.com", "three@example.com"]
    pairs = [(phone, email) for phone in phones for email in emails]

    in_parallel([lambda p=p, e=e: send(site, phone=p, email=e, message=f"{p} {e}") for p, e in pairs * 2])

    assert Inquiry.objects.count() == 9
    assert sum(inquiry.repeat_count for inquiry in Inquiry.objects.all()) == 9
    assert Identity.objects.count() == 6


def test_the_same_text_many_times_at_once_is_one_inquiry_with_repeats(site):
    receipts = in_parallel([lambda: send(site)] * 20)

    inquiry = Inquiry.objects.get()
    assert inquiry.repeat_count == 19
    assert {receipt.answer["id"] for receipt in receipts} == {str(inquiry.pk)}
    assert sorted(receipt.is_duplicate for receipt in receipts) == [False] + [True] * 19
    assert inquiry.operator.inquiries.count() == 1
    assert Job.objects.count() == 1


def test_the_same_text_many_times_at_once_from_a_lead_we_know_is_one_inquiry_too(site):
    send(site, message="Hello.")

    in_parallel([lambda: send(site)] * 20)

    assert Inquiry.objects.exclude(message="Hello.").get().repeat_count == 19


@pytest.mark.postgresql
def test_a_key_whose_first_request_does_not_end_is_in_progress(site):
    def send_impatiently():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        with pytest.raises(KeyInProgress):
            send(site, key="order-1")

    with transaction.atomic():
        IdempotencyKey.objects.create(
            api_key=key_of(site), key="order-1", digest="", status=201, expires_at="2100-01-01T00:00:00Z"
        )
        in_parallel([send_impatiently])

    assert not Lead.objects.exists()
