"""P2 and P10 in short: work is done exactly once, by whoever holds the lease, and fails when it cannot be done."""

import random
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from leads.models import Inquiry
from leads.tests.factories import InquiryFactory, LeadFactory
from triage.analyzers.base import Context, Evidence, Reading, UnreadableError
from triage.models import Insight, Job
from triage.queries import claimable, oldest_due_age
from triage.services import (
    LEASE,
    LeaseLost,
    ReadResult,
    backoff,
    claim_job,
    finish_reading,
    postpone,
    read_inquiry,
    release_leases,
    retry,
    retry_later,
)
from triage.services import jobs as services

from .factories import JobFactory

pytestmark = pytest.mark.django_db


class Reader:
    """Reads everything as an urgent purchase, and remembers what it was given."""

    name, version = "stub", "1"

    def __init__(self):
        self.given = []

    def read(self, text, context=None):
        self.given.append((text, context))
        return Reading("buy", "P0", "call", 0.9, tags=("urgent",), evidence=(Evidence("price", 14, 19, "buy"),))


class Broken(Reader):
    def __init__(self, error):
        self.error = error

    def read(self, text, context=None):
        raise self.error


@pytest.fixture
def job():
    return JobFactory()


def let_time_pass(job):
    """Let the pause end."""
    Job.objects.filter(pk=job.pk).update(due_at=Now() - timedelta(seconds=1))


def lapse(job):
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))


def is_close(moment, expected):
    return abs((moment - expected).total_seconds()) < 10


def test_reading_becomes_an_insight_and_the_inquirys_priority(job):
    insight = read_inquiry(job.pk, analyzer=Reader())

    job.refresh_from_db()
    assert Insight.objects.get() == insight
    assert (insight.job, insight.inquiry, insight.content_hash) == (job, job.inquiry, job.content_hash)
    assert (insight.intent, insight.priority, insight.next_action, insight.confidence) == ("buy", "P0", "call", 0.9)
    assert insight.tags == ["urgent"]
    assert insight.evidence == [{"text": "price", "start": 14, "end": 19, "for": "buy"}]
    assert (insight.analyzer, insight.version) == ("stub", "1")
    assert Inquiry.objects.get().priority == "P0"
    assert is_close(job.done_at, timezone.now())
    assert (job.attempt_count, job.lease_until, job.failed_at, job.failure) == (1, None, None, "")
    assert insight.created_at == job.done_at


def test_analyzer_gets_text_lead_name_and_earlier_count(job):
    InquiryFactory(lead=job.inquiry.lead, created_at=job.inquiry.created_at - timedelta(days=1))
    InquiryFactory(lead=LeadFactory(name="Max Orlov"), created_at=job.inquiry.created_at - timedelta(days=1))
    reader = Reader()

    read_inquiry(job.pk, analyzer=reader)

    assert reader.given == [("Do you have a price list?", Context(earlier_count=1, lead_name=job.inquiry.lead.name))]


@pytest.mark.parametrize("times", [2, 10])
def test_inquiry_asked_for_many_times_is_read_once(job, times):
    reader = Reader()

    insights = [read_inquiry(job.pk, analyzer=reader) for _ in range(times)]

    assert len(reader.given) == Insight.objects.count() == 1
    assert insights[1:] == [None] * (times - 1)


def test_jobs_asked_for_out_of_order_are_read_once():
    jobs = [JobFactory() for _ in range(3)]

    for number in (2, 0, 2, 1, 0, 1):
        read_inquiry(jobs[number].pk, analyzer=Reader())

    assert set(Insight.objects.values_list("job", flat=True)) == {job.pk for job in jobs}
    assert Insight.objects.count() == 3


def test_claimed_job_cannot_be_claimed_again(job):
    assert claim_job(job.pk) is not None
    assert claim_job(job.pk) is None


def test_job_cannot_be_claimed_before_it_is_due():
    assert claim_job(JobFactory(due_at=timezone.now() + timedelta(minutes=1)).pk) is None


def test_unknown_job_cannot_be_claimed():
    assert claim_job(404) is None
    assert read_inquiry(404, analyzer=Reader()) is None


def test_lease_lasts_two_minutes_by_the_databases_clock(job):
    claim_job(job.pk)

    job.refresh_from_db()
    assert is_close(job.lease_until, timezone.now() + LEASE)


def test_worker_whose_lease_lapsed_writes_nothing(job):
    dead = claim_job(job.pk)
    lapse(job)
    alive = claim_job(job.pk)
    assert (dead.token, alive.token) == (1, 2)

    with pytest.raises(LeaseLost):
        finish_reading(dead, ReadResult(Reading("spam", "P3", "ignore", 1), Reader()), rng=random.random)
    job.refresh_from_db()
    assert not Insight.objects.exists()
    assert (job.done_at, Inquiry.objects.get().priority) == (None, "P2")

    finish_reading(alive, ReadResult(Reading("buy", "P0", "call", 1), Reader()), rng=random.random)
    assert Insight.objects.get().intent == "buy"


def test_worker_whose_lease_lapsed_cannot_finish_after_another_has(job):
    dead = claim_job(job.pk)
    lapse(job)
    read_inquiry(job.pk, analyzer=Reader())

    with pytest.raises(LeaseLost):
        finish_reading(dead, ReadResult(Reading("spam", "P3", "ignore", 1), Reader()), rng=random.random)

    assert Insight.objects.get().intent == "buy"
    assert Inquiry.objects.get().priority == "P0"


def test_worker_whose_lease_lapsed_cannot_retry_what_another_holds(job):
    dead = claim_job(job.pk)
    lapse(job)
    claim_job(job.pk)

    retry_later(dead, failure="Too slow.")

    job.refresh_from_db()
    assert (job.failure, job.lease_until is None) == ("", False)


def test_late_worker_may_finish_what_nobody_else_has_claimed(job):
    late = claim_job(job.pk)
    lapse(job)

    finish_reading(late, ReadResult(Reading("buy", "P0", "call", 1), Reader()), rng=random.random)

    assert Insight.objects.count() == 1


@pytest.mark.parametrize(
    ("attempt", "shortest", "longest"),
    [(1, 4, 6), (2, 16, 24), (3, 64, 96), (4, 256, 384), (5, 1024, 1536), (6, 2880, 4320), (50, 2880, 4320)],
)
def test_backoff_grows_fourfold_up_to_an_hour_with_jitter_of_a_fifth(monkeypatch, attempt, shortest, longest):
    bounds = iter([min, max])
    monkeypatch.setattr(services.random, "uniform", lambda low, high: next(bounds)(low, high))

    assert backoff(attempt) == timedelta(seconds=shortest)
    assert backoff(attempt) == timedelta(seconds=longest)


def test_unreadable_text_is_retried_later_with_the_reason(job):
    unreachable = Broken(UnreadableError("The model did not answer."))

    assert read_inquiry(job.pk, analyzer=unreachable) is None

    job.refresh_from_db()
    assert (job.failure, job.attempt_count) == ("The model did not answer.", 1)
    assert (job.lease_until, job.failed_at, job.done_at) == (None, None, None)
    assert is_close(job.due_at, timezone.now() + timedelta(seconds=5))
    assert claim_job(job.pk) is None


def test_defect_of_the_analyzer_is_retried_later_and_raised_for_the_log(job):
    with pytest.raises(ZeroDivisionError):
        read_inquiry(job.pk, analyzer=Broken(ZeroDivisionError("by zero")))

    job.refresh_from_db()
    assert "ZeroDivisionError: by zero" in job.failure
    assert job.lease_until is None


def test_job_fails_after_five_attempts_and_leaves_others_alone(job, monkeypatch):
    monkeypatch.setattr(services.random, "uniform", lambda low, high: 1.0)
    other = JobFactory()
    pauses = []
    for _ in range(5):
        read_inquiry(job.pk, analyzer=Broken(UnreadableError("The model did not answer.")))
        job.refresh_from_db()
        pauses.append(round((job.due_at - timezone.now()).total_seconds(), -1))
        let_time_pass(job)

    job.refresh_from_db()
    assert pauses[1:4] == [20, 80, 320]
    assert is_close(job.failed_at, timezone.now())
    assert (job.failure, job.attempt_count, job.done_at) == ("The model did not answer.", 5, None)
    assert read_inquiry(job.pk, analyzer=Reader()) is None
    assert list(claimable()) == [other]


def test_text_that_kills_every_worker_fails_after_five(job):
    for _ in range(5):
        assert claim_job(job.pk) is not None
        lapse(job)

    assert claim_job(job.pk) is None

    job.refresh_from_db()
    assert is_close(job.failed_at, timezone.now())
    assert job.failure == "Its worker was killed every time it tried."
    assert not claimable().exists()


def test_failed_job_may_be_retried_with_all_its_attempts(job):
    Job.objects.update(failed_at=timezone.now(), failure="The model did not answer.", attempt_count=5, token=5)

    assert retry([job.pk]) == 1

    job.refresh_from_db()
    assert (job.failed_at, job.failure, job.attempt_count) == (None, "", 0)
    assert read_inquiry(job.pk, analyzer=Reader()).job == job


def test_postponed_job_keeps_its_attempts(job):
    postpone(claim_job(job.pk), seconds=30)

    job.refresh_from_db()
    assert (job.attempt_count, job.lease_until, job.failure) == (0, None, "")
    assert is_close(job.due_at, timezone.now() + timedelta(seconds=30))


def test_only_failed_jobs_are_retried(job):
    read_inquiry(job.pk, analyzer=Reader())

    assert retry([job.pk, JobFactory().pk]) == 0


def test_worker_of_a_failed_job_cannot_finish_after_its_retry(job):
    for _ in range(5):
        killed = claim_job(job.pk)
        lapse(job)
    claim_job(job.pk)
    retry([job.pk])

    with pytest.raises(LeaseLost):
        finish_reading(killed, ReadResult(Reading("buy", "P0", "call", 1), Reader()), rng=random.random)


def test_inquiry_deleted_before_the_claim_leaves_nothing_to_do(job):
    job.inquiry.delete()

    assert read_inquiry(job.pk, analyzer=Reader()) is None
    assert not Job.objects.exists()


def test_inquiry_deleted_while_it_is_read_leaves_nothing_behind(job):
    class Deleting(Reader):
        def read(self, text, context=None):
            Inquiry.objects.all().delete()
            return super().read(text, context)

    assert read_inquiry(job.pk, analyzer=Deleting()) is None

    assert not Job.objects.exists()
    assert not Insight.objects.exists()


def test_inquiry_deleted_after_it_was_read_loses_its_lease(job):
    claim = claim_job(job.pk)
    job.inquiry.delete()

    with pytest.raises(LeaseLost):
        finish_reading(claim, ReadResult(Reading("buy", "P0", "call", 1), Reader()), rng=random.random)


def test_released_leases_let_the_next_worker_claim(job):
    dead = claim_job(job.pk)

    assert release_leases() == 1

    assert read_inquiry(job.pk, analyzer=Reader()) is not None
    with pytest.raises(LeaseLost):
        finish_reading(dead, ReadResult(Reading("spam", "P3", "ignore", 1), Reader()), rng=random.random)


def test_oldest_due_age_counts_only_claimable_jobs(job):
    assert timedelta(seconds=1) <= oldest_due_age() < timedelta(seconds=10)

    claim_job(job.pk)

    assert oldest_due_age() is None
