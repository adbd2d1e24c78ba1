"""P9 in short: whichever database call of a use case fails, everything is there or nothing, and a retry ends it."""

import random
from contextlib import suppress

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.utils import timezone

from crm.models import IdempotencyKey
from leads.models import Assignment, Identity, Inquiry, Lead
from leads.services import give_inquiry, resolve_inquiry
from leads.tests.factories import InquiryFactory
from routing.models import Weight
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.analyzers.base import Reading
from triage.models import Insight, Job, JobKind
from triage.services import LEASE, ReadResult, claim_batch, claim_job, finish_batch, finish_reading, read_due
from triage.tests.factories import JobFactory

from .intake import key_of, send

pytestmark = pytest.mark.django_db(transaction=True)

READING = Reading("buy", "P0", "call", 0.9)


class PowerCut(OperationalError):
    """What the application sees when the database is gone."""


class CutAt:
    """Let the database fail at its N-th call, before or after it was carried out."""

    def __init__(self, number, *, after):
        self.number, self.after, self.calls = number, after, 0

    def __call__(self, execute, sql, params, many, context):
        if sql.startswith(("BEGIN", "ROLLBACK")):
            return execute(sql, params, many, context)
        self.calls += 1
        if self.calls == self.number and not self.after:
            raise PowerCut(sql)
        result = execute(sql, params, many, context)
        if self.calls == self.number:
            raise PowerCut(sql)
        return result


def every_row():
    """The whole of our database, to be compared."""
    models = [
        model for label in ("routing", "leads", "triage", "crm") for model in apps.get_app_config(label).get_models()
    ]
    return {model.__name__: sorted(model.objects.order_by("pk").values_list(), key=str) for model in models}


def fail_at_every_call(use_case):
    """Run a use case again and again with the failure one call later, until it runs through. Gives the calls made."""
    for number in range(1, 100):
        for after in (False, True):
            before, cut = every_row(), CutAt(number, after=after)
            try:
                with connection.execute_wrapper(cut):
                    use_case()
            except PowerCut:
                assert every_row() == before
            else:
                return cut.calls
    raise AssertionError("It never ran through.")


def fail_to_commit(use_case, monkeypatch):
    before = every_row()
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(connection, "_commit", cut_before_commit)
        use_case()
    assert every_row() == before


def cut_before_commit():
    raise PowerCut("COMMIT")


def cut_after_commit():
    connection.connection.commit()
    raise PowerCut("COMMIT")


@pytest.fixture
def anna():
    return OperatorFactory(name="Anna", max_load=1)


@pytest.fixture
def site(anna):
    site = SourceFactory(weights={anna: 1, OperatorFactory(name="Boris", is_active=False): 1})
    key_of(site)
    return site


def test_an_intake_that_fails_anywhere_leaves_nothing_and_its_retry_leaves_one_of_each(site, anna, monkeypatch):
    def receive():
        send(site, phone="+79991234567", key="order-1")

    fail_to_commit(receive, monkeypatch)
    calls = fail_at_every_call(receive)

    assert calls >= 6
    for model in (Lead, Inquiry, Assignment, Job, IdempotencyKey):
        assert model.objects.count() == 1, model
    assert Identity.objects.count() == 2
    assert anna.inquiries.count() == 1
    assert list(Weight.objects.order_by("pk").values_list("received_count", flat=True)) == [1, 0]


def test_a_repetition_that_fails_anywhere_is_not_counted(site, monkeypatch):
    send(site)

    fail_to_commit(lambda: send(site), monkeypatch)
    fail_at_every_call(lambda: send(site))

    assert Inquiry.objects.get().repeat_count == 1


def test_an_intake_whose_acknowledgement_is_lost_is_answered_when_it_is_repeated(site, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(connection, "_commit", cut_after_commit)
        send(site, key="order-1")

    receipt = send(site, key="order-1")

    assert receipt.is_replay
    assert receipt.answer["id"] == str(Inquiry.objects.get().pk)


def test_a_finish_that_fails_anywhere_leaves_the_job_open_and_its_retry_one_insight(monkeypatch):
    job = JobFactory()
    claim = claim_job(job.pk)

    def finish():
        finish_reading(claim, ReadResult(READING, Stub), rng=random.random)

    fail_to_commit(finish, monkeypatch)
    calls = fail_at_every_call(finish)

    assert calls >= 4
    job.refresh_from_db()
    assert Insight.objects.get().job == job
    assert job.done_at is not None
    assert Inquiry.objects.get().priority == "P0"


def test_batch_whose_finish_fails_anywhere_leaves_all_jobs_open_and_its_retry_one_insight_each(monkeypatch):
    jobs = [JobFactory() for _ in range(3)]
    claims = claim_batch(JobKind.INSIGHT, size=3)
    readings = [Reading("buy", priority, "call", 0.9) for priority in ("P1", "P2", "P1")]

    def finish():
        finish_batch([(claim, ReadResult(reading, Stub)) for claim, reading in zip(claims, readings, strict=True)])

    fail_to_commit(finish, monkeypatch)
    calls = fail_at_every_call(finish)

    assert calls >= 5
    assert set(Insight.objects.values_list("job", flat=True)) == {job.pk for job in jobs}
    assert not Job.objects.filter(done_at=None).exists()
    assert sorted(Inquiry.objects.values_list("priority", flat=True)) == ["P1", "P1", "P2"]


def test_claim_of_a_batch_that_fails_anywhere_costs_no_attempt(monkeypatch):
    for _ in range(3):
        JobFactory()

    fail_to_commit(lambda: claim_batch(JobKind.INSIGHT, size=3), monkeypatch)
    calls = fail_at_every_call(lambda: claim_batch(JobKind.INSIGHT, size=3))

    assert calls >= 3
    assert set(Job.objects.values_list("attempt_count", "token")) == {(1, 1)}


def test_worker_that_fails_anywhere_leaves_jobs_that_are_read_once_after_their_leases(monkeypatch):
    for number in range(3):
        JobFactory(inquiry__message=f"Number {number}")

    for number in range(1, 30):
        cut = CutAt(number, after=number % 2)
        with connection.execute_wrapper(cut), suppress(PowerCut):
            read_due(analyzer=Stub())
        Job.objects.filter(done_at=None).update(lease_until=None, due_at=Now(), attempt_count=0)
    read_due(analyzer=Stub())

    assert Insight.objects.count() == Job.objects.filter(done_at__isnull=False).count() == 3


def test_a_claim_that_fails_anywhere_costs_no_attempt(monkeypatch):
    job = JobFactory()

    fail_to_commit(lambda: claim_job(job.pk), monkeypatch)
    fail_at_every_call(lambda: claim_job(job.pk))

    job.refresh_from_db()
    assert (job.attempt_count, job.token) == (1, 1)
    assert timezone.now() < job.lease_until <= timezone.now() + LEASE


def test_a_resolution_that_fails_anywhere_frees_no_slot_and_its_retry_fills_it_once(site, anna, monkeypatch):
    send(site)
    send(site, email="max@example.com")
    held, waiting = anna.inquiries.get(), Inquiry.objects.waiting().get()

    def resolve():
        resolve_inquiry(held.pk, now=timezone.now(), rng=random.random)

    fail_to_commit(resolve, monkeypatch)
    calls = fail_at_every_call(resolve)

    assert calls >= 8
    assert list(anna.inquiries.open()) == [waiting]
    assert [a.reason for a in waiting.assignments.order_by("pk")] == ["all_full", "fair"]
    assert Weight.objects.get(operator=anna).received_count == 2


def test_a_hand_over_that_fails_anywhere_leaves_the_inquiry_where_it_was(site, anna, monkeypatch):
    send(site)
    clara = OperatorFactory(name="Clara")
    inquiry = InquiryFactory(source=site)

    def give():
        give_inquiry(anna.inquiries.get().pk, clara, by=None, now=timezone.now(), rng=random.random)

    fail_to_commit(give, monkeypatch)
    fail_at_every_call(give)

    assert clara.inquiries.count() == 1
    assert list(anna.inquiries.all()) == [inquiry]


class Stub:
    name, version, batch_size = "stub", "1", 3

    @staticmethod
    def read(text, context=None):
        return READING
