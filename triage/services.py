"""What is owed to a text, and how it is paid exactly once."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from leads.models import Inquiry

from .analyzers.base import Analyzer, Context, Reading, UnreadableError
from .models import Insight, Job, JobKind
from .queries import claimable, open_jobs

#: Twice the hard time limit of a task: a lease that lapsed belongs to a dead worker.
LEASE = timedelta(seconds=120)
MAX_ATTEMPTS = 5


class LeaseLost(Exception):
    """The job was given to another worker, or is gone: what this one did does not count."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job held by this worker, and what it needs to do it."""

    job_id: int
    token: int
    attempt: int
    text: str
    context: Context


def owe_insight(inquiry: Inquiry, *, now: datetime) -> Job:
    """Write down that this inquiry is to be read. Runs inside the caller's transaction.

    The inquiry itself may be saved later in the same transaction: the database checks the reference at the commit.
    """
    return Job.objects.create(
        kind=JobKind.INSIGHT,
        inquiry_id=inquiry.pk,
        content_hash=inquiry.content_hash,
        # The database's clock, which is the one that claims go by.
        due_at=Now(),
        ring_at=Now(),
        created_at=now,
    )


def read_inquiry(job_id: int, *, analyzer: Analyzer, dice: Callable[[], float] = random.random) -> Insight | None:
    """Do one job: claim it, read the text outside any transaction, and write insight and end together.

    Gives None when there is nothing to do: the job is done, held by another, not yet due, or gone. Rung twice, it is
    done once. A reading that fails is put off or, after MAX_ATTEMPTS, given up with a sentence.
    """
    claim = claim_job(job_id)
    if claim is None:
        return None
    try:
        reading = analyzer.read(claim.text, claim.context)
    except Exception as error:
        put_off(claim, failure=_in_words(error), dice=dice)
        if not isinstance(error, UnreadableError):
            raise
        return None
    try:
        return finish_job(claim, reading, analyzer=analyzer)
    except LeaseLost:
        return None


def claim_job(job_id: int) -> Claim | None:
    """Take the lease of a due job nobody holds; None if it is not to be had.

    One conditional UPDATE decides between workers. It raises the fencing token, so whoever held the job before can no
    longer finish it, and the attempts, so a text that kills its worker is given up in the end.
    """
    with transaction.atomic(durable=True):
        taken = (
            claimable()
            .filter(pk=job_id)
            .update(
                lease_until=Now() + LEASE,
                token=F("token") + 1,
                attempt_count=F("attempt_count") + 1,
            )
        )
        if not taken:
            return None
        job = Job.objects.select_related("inquiry").get(pk=job_id)
        if job.attempt_count > MAX_ATTEMPTS:
            _give_up(job, failure="Reading it killed the worker every time.")
            return None
        earlier = Inquiry.objects.filter(lead=job.inquiry.lead_id, created_at__lt=job.inquiry.created_at)
        return Claim(job.pk, job.token, job.attempt_count, job.inquiry.message, Context(earlier_count=earlier.count()))


def finish_job(claim: Claim, reading: Reading, *, analyzer: Analyzer) -> Insight:
    """Write the insight, the inquiry's priority and the job's end, all or nothing. Raises LeaseLost."""
    with transaction.atomic(durable=True):
        mine = open_jobs().filter(pk=claim.job_id, token=claim.token)
        if not mine.update(done_at=Now(), lease_until=None, failure=""):
            raise LeaseLost
        job = Job.objects.get(pk=claim.job_id)
        insight = Insight.objects.create(
            job=job,
            inquiry_id=job.inquiry_id,
            intent=reading.intent,
            priority=reading.priority,
            next_action=reading.next_action,
            confidence=reading.confidence,
            tags=list(reading.tags),
            evidence=[words.as_dict() for words in reading.evidence],
            analyzer=analyzer.name,
            version=analyzer.version,
            content_hash=job.content_hash,
            created_at=job.done_at,
        )
        Inquiry.objects.filter(pk=job.inquiry_id).update(priority=reading.priority)
        return insight


def put_off(claim: Claim, *, failure: str, dice: Callable[[], float] = random.random) -> None:
    """Give the lease back after a failure: due again after a pause that grows, or given up after MAX_ATTEMPTS."""
    with transaction.atomic(durable=True):
        job = Job.objects.select_for_update().filter(pk=claim.job_id, token=claim.token, done_at=None).first()
        if job is None:
            return
        if claim.attempt >= MAX_ATTEMPTS:
            _give_up(job, failure=failure)
            return
        again = Now() + backoff(claim.attempt, dice=dice)
        Job.objects.filter(pk=job.pk).update(
            due_at=again, ring_at=again, ring_count=0, lease_until=None, failure=failure
        )


def backoff(attempt: int, *, dice: Callable[[], float] = random.random) -> timedelta:
    """The pause after the given failed attempt (from 1): 5·4^(n−1) s, an hour at most, ± 20 %."""
    seconds = min(3600, 5 * 4 ** (attempt - 1))
    return timedelta(seconds=seconds * (0.8 + 0.4 * dice()))


def release_leases() -> int:
    """Make every open job that is due claimable and rung for at once. Gives how many there were.

    For the start of the embedded run: its only worker died with the process, and so did its bells. Should one live
    after all, its fencing token keeps it from finishing what another began.
    """
    return open_jobs().filter(due_at__lte=Now()).update(lease_until=None, ring_at=Now(), ring_count=0)


def try_again(job_ids) -> int:
    """Make given-up jobs due now, with all attempts ahead of them. Gives how many there were."""
    given_up = Job.objects.filter(pk__in=job_ids, failed_at__isnull=False)
    return given_up.update(
        failed_at=None, failure="", attempt_count=0, lease_until=None, due_at=Now(), ring_at=Now(), ring_count=0
    )


def _give_up(job: Job, *, failure: str) -> None:
    Job.objects.filter(pk=job.pk).update(failed_at=Now(), lease_until=None, failure=failure)


def _in_words(error: Exception) -> str:
    if isinstance(error, UnreadableError):
        return str(error)
    return f"The analyzer broke down: {type(error).__name__}: {error}"[:500]
