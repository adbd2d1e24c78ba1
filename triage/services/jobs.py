"""Work that is owed: claimed by lease, paid exactly once, put off or given up when it fails.

The row is the truth. A worker claims it by one conditional UPDATE that raises a fencing token, works outside any
transaction, and ends it together with what the work brought forth, all or nothing. Time is the database's.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext, gettext_noop

from leads.models import Inquiry
from store.sets import Statement, insert
from triage.analyzers.glance import looks_pressing
from triage.models import Job, JobKind
from triage.queries import claimable, open_jobs

#: Twice the hard time limit of a task: a lease that lapsed belongs to a dead worker.
LEASE = timedelta(seconds=120)
MAX_ATTEMPTS = 5
KILLED_EVERY_TIME = gettext_noop("Its worker was killed every time it tried.")
BROKE = gettext_noop("Something broke: %(detail)s")


class LeaseLost(Exception):
    """The job was given to another worker, or is gone: what this one did does not count."""


class JobFailed(Exception):
    """The job cannot be done now. The message is shown to the supervisor."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job held by this worker until its lease lapses."""

    job_id: int
    kind: str
    inquiry_id: UUID
    content_hash: str
    token: int
    attempt: int


def owe(inquiry: Inquiry, *, kind: str = JobKind.INSIGHT, now: datetime) -> Job:
    """Write down that something is to be done for an inquiry. Runs inside the caller's transaction.

    The inquiry itself may be saved later in the same transaction: the database checks the reference at the commit.
    """
    return Job.objects.create(
        kind=kind,
        inquiry_id=inquiry.pk,
        content_hash=inquiry.content_hash,
        is_urgent=looks_pressing(inquiry.message),
        # The database's clock, which is the one that claims go by.
        due_at=Now(),
        ring_at=Now(),
        created_at=now,
    )


def enqueue_readings(readings) -> Statement:
    """Return the statement that enqueues the reading of new inquiries: (id, content hash, is urgent, created)."""
    rows = [
        {
            "kind": JobKind.INSIGHT.value,
            "inquiry_id": pk,
            "content_hash": digest,
            "is_urgent": is_urgent,
            "created_at": at,
            "due_at": at,
            "ring_at": at,
            "ring_count": 0,
            "token": 0,
            "attempt_count": 0,
            "failure": "",
        }
        for pk, digest, is_urgent, at in readings
    ]
    return insert(Job, rows)


def is_urgent(text):
    return looks_pressing(text)


def claim_job(job_id: int) -> Claim | None:
    """Take the lease of a due job that nobody holds; None if it is not to be had.

    One conditional UPDATE decides between workers. It raises the fencing token, so whoever held the job before can no
    longer end it, and the attempts, so that what kills its worker is given up in the end. One transaction.
    """
    with transaction.atomic(durable=True):
        taken = (
            claimable()
            .filter(pk=job_id)
            .update(lease_until=Now() + LEASE, token=F("token") + 1, attempt_count=F("attempt_count") + 1)
        )
        if not taken:
            return None
        job = Job.objects.get(pk=job_id)
        if job.attempt_count > MAX_ATTEMPTS:
            _give_up(job.pk, failure=KILLED_EVERY_TIME)
            return None
        return Claim(job.pk, job.kind, job.inquiry_id, job.content_hash, job.token, job.attempt_count)


def end_job(claim: Claim) -> None:
    """Mark a job as done. Runs inside the transaction that writes what the job brought forth. Raises LeaseLost."""
    mine = open_jobs().filter(pk=claim.job_id, token=claim.token)
    if not mine.update(done_at=Now(), lease_until=None, failure=""):
        raise LeaseLost


def put_off(claim: Claim, *, failure: str, rng: Callable[[], float] = random.random) -> None:
    """Give the lease back after a failure: due again after a pause that grows, or given up after MAX_ATTEMPTS.

    Does nothing when another worker has the job by now. One transaction.
    """
    with transaction.atomic(durable=True):
        mine = open_jobs().filter(pk=claim.job_id, token=claim.token)
        if claim.attempt >= MAX_ATTEMPTS:
            mine.update(failed_at=Now(), lease_until=None, failure=failure)
            return
        again = Now() + backoff(claim.attempt, rng=rng)
        mine.update(due_at=again, ring_at=again, ring_count=0, lease_until=None, failure=failure)


def give_up(claim: Claim, *, failure: str) -> None:
    """End a job that trying again cannot help. Does nothing when another worker has it by now. One transaction."""
    with transaction.atomic(durable=True):
        mine = open_jobs().filter(pk=claim.job_id, token=claim.token)
        mine.update(failed_at=Now(), lease_until=None, failure=failure)


def backoff(attempt: int, *, rng: Callable[[], float] = random.random) -> timedelta:
    """The pause after the given failed attempt (from 1): 5·4^(n−1) s, an hour at most, ± 20 %."""
    seconds = min(3600, 5 * 4 ** (attempt - 1))
    return timedelta(seconds=seconds * (0.8 + 0.4 * rng()))


def try_again(job_ids) -> int:
    """Make given-up jobs due now, with all attempts ahead of them. Gives how many there were."""
    given_up = Job.objects.filter(pk__in=job_ids, failed_at__isnull=False)
    return given_up.update(
        failed_at=None, failure="", attempt_count=0, lease_until=None, due_at=Now(), ring_at=Now(), ring_count=0
    )


def release_leases() -> int:
    """Make every open job that is due claimable and rung for at once. Gives how many there were.

    For the start of the embedded run: its only worker died with the process, and so did its bells. Should one live
    after all, its fencing token keeps it from finishing what another began.
    """
    return open_jobs().filter(due_at__lte=Now()).update(lease_until=None, ring_at=Now(), ring_count=0)


def in_words(error: Exception) -> str:
    """What went wrong, for a supervisor to read."""
    if isinstance(error, JobFailed):
        return str(error)
    return (BROKE % {"detail": f"{type(error).__name__}: {error}"})[:500]


def failure_in_words(failure: str) -> str:
    """A stored failure in the reader's language: our own sentences are translated, technical detail stays as it is."""
    start = BROKE.partition("%")[0]
    if failure.startswith(start):
        return gettext(BROKE) % {"detail": failure.removeprefix(start)}
    return gettext(failure) if failure else ""


def _give_up(job_id: int, *, failure: str) -> None:
    open_jobs().filter(pk=job_id).update(failed_at=Now(), lease_until=None, failure=failure)
