"""A clock that was ahead and is set right: nothing it put into the far future waits for that time."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from triage.analyzers.base import Reading, TooSoon
from triage.models import Insight, Job, JobKind
from triage.queries import claimable, due
from triage.services import LEASE, bring_forward, claim_job, read_due, read_inquiry
from triage.services.jobs import LONGEST_PAUSE, MAX_ATTEMPTS, backoff

from .factories import JobFactory

pytestmark = pytest.mark.django_db

YEAR = timedelta(days=365)
A_MOMENT = timedelta(seconds=5)


class Reader:
    name, version = "stub", "1"

    def read(self, text, context=None):
        return Reading("buy", "P2", "call", 0.9)


@pytest.mark.parametrize("kind", JobKind)
@pytest.mark.parametrize("ahead", [YEAR, LONGEST_PAUSE + A_MOMENT])
def test_job_due_in_the_far_future_is_made_due(kind, ahead):
    job = JobFactory(kind=kind, due_at=Now() + ahead)

    assert bring_forward() == 1

    assert due(kind).get() == job


@pytest.mark.parametrize("ahead", [YEAR, LEASE + A_MOMENT])
def test_lease_that_ends_in_the_far_future_is_released_and_its_holder_writes_nothing(ahead):
    job = JobFactory()
    claim = claim_job(job.pk)
    Job.objects.update(lease_until=Now() + ahead)

    assert bring_forward() == 1

    assert read_inquiry(job.pk, analyzer=Reader()).job == job
    assert claim.token < Job.objects.get().token


def test_pauses_and_leases_of_ordinary_length_are_left_alone():
    JobFactory(due_at=Now() + LONGEST_PAUSE - A_MOMENT)
    claim_job(JobFactory().pk)

    assert bring_forward() == 0

    assert not claimable().exists()


def test_what_is_done_or_failed_is_left_alone():
    for field in ("done_at", "failed_at"):
        JobFactory(due_at=Now() + YEAR, **{field: Now()})

    assert bring_forward() == 0


def test_no_pause_of_a_failed_attempt_is_longer_than_the_longest():
    pauses = [backoff(attempt) for attempt in range(1, MAX_ATTEMPTS) for _ in range(200)]

    assert LONGEST_PAUSE * 0.9 < max(pauses) <= LONGEST_PAUSE


@pytest.mark.parametrize("seconds", [1e12, float("inf"), float("nan"), -5.0])
def test_analyzer_cannot_put_a_text_off_for_long(seconds):
    class Later(Reader):
        def read(self, text, context=None):
            raise TooSoon(seconds)

    job = JobFactory()

    assert read_due(analyzer=Later(), seconds=0) == 0

    assert Job.objects.filter(pk=job.pk, due_at__lte=Now() + LONGEST_PAUSE, attempt_count=0, failure="").exists()
    assert not Insight.objects.exists()
