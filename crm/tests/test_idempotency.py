"""P3: the same key gets the same answer, for 72 hours; another body with it is refused; refusals are not kept."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from crm.idempotency import KeyReused, digest_of, forget_expired_keys
from crm.models import IdempotencyKey
from leads.models import Inquiry, Lead
from leads.services import resolve_inquiry
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.models import Job

from . import intake
from .intake import send

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def site():
    return SourceFactory(weights={OperatorFactory(): 1})


def test_the_same_key_with_the_same_body_gets_the_very_same_answer(site):
    first = send(site, key="order-1", now=NOW)

    again = send(site, key="order-1", now=NOW + timedelta(hours=71, minutes=59))

    assert (first.is_replay, again.is_replay) == (False, True)
    assert list(again.answer.items()) == list(first.answer.items())
    assert Inquiry.objects.count() == Job.objects.count() == 1
    assert Inquiry.objects.get().repeat_count == 0


def test_the_answer_stays_what_it_was_when_the_inquiry_has_moved_on(site):
    first = send(site, key="order-1", now=NOW)
    resolve_inquiry(Inquiry.objects.get().pk, now=NOW, rng=lambda: 0.5)

    assert send(site, key="order-1", now=NOW).answer == first.answer
    assert first.answer["status"] == "assigned"


def test_a_waiting_answer_is_repeated_too():
    nobody = SourceFactory()

    assert send(nobody, key="order-1").answer == send(nobody, key="order-1").answer
    assert Inquiry.objects.count() == 1


def test_the_same_key_with_another_body_is_refused_and_changes_nothing(site):
    send(site, key="order-1")

    with pytest.raises(KeyReused):
        send(site, key="order-1", email="max@example.com", message="Something else.")

    assert Lead.objects.count() == Inquiry.objects.count() == 1


def test_after_72_hours_the_key_is_free_again(site):
    first = send(site, key="order-1", now=NOW)

    later = send(site, key="order-1", message="Something else.", now=NOW + timedelta(hours=72))

    assert not later.is_replay
    assert later.answer["id"] != first.answer["id"]
    assert IdempotencyKey.objects.get().expires_at == NOW + timedelta(hours=144)


def test_a_key_belongs_to_one_source(site):
    other = SourceFactory(weights={OperatorFactory(): 1})

    assert [send(source, key="order-1").is_replay for source in (site, other)] == [False, False]


def test_two_keys_with_the_same_text_are_two_inquiries(site):
    assert send(site, key="order-1").answer["id"] != send(site, key="order-2").answer["id"]


def test_a_request_that_failed_is_not_remembered(site, monkeypatch):
    def break_down(inquiry):
        raise DatabaseError("The disk is gone.")

    with monkeypatch.context() as patch, pytest.raises(DatabaseError, match="The disk is gone"):
        patch.setattr(intake, "represent", break_down)
        send(site, key="order-1")

    assert not IdempotencyKey.objects.exists()
    assert not send(site, key="order-1", message="Corrected.").is_replay


def test_expired_keys_are_forgotten_and_the_others_kept(site):
    send(site, key="old", now=NOW - timedelta(hours=72))
    send(site, key="young", now=NOW - timedelta(hours=71))

    assert forget_expired_keys(now=NOW) == 1
    assert IdempotencyKey.objects.get().key == "young"
    assert Inquiry.objects.count() == 2


def test_bodies_are_compared_by_content():
    body = {"email": "pat@example.com", "extra": {"a": 1, "b": "é"}}

    assert digest_of({"extra": {"b": "é", "a": 1}, "email": "pat@example.com"}) == digest_of(body)
    assert digest_of(body | {"extra": {"a": "1", "b": "é"}}) != digest_of(body)
    assert len(digest_of(body)) == 64
