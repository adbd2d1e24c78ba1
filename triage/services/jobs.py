"""Pending work: claimed by lease, completed exactly once, retried or failed when it cannot be done.

The row is the truth, and every write of it is in this file. Time is the database's. A job's state is read from its
columns; "open" is neither done nor failed:

| state   | columns                   | entered by                       | left by                               |
|---------|---------------------------|----------------------------------|---------------------------------------|
| due     | open, no live lease       | enqueue_*, retry, give_back,     | claim_batch, claim_job                |
|         |                           | release_leases, bring_forward    |                                       |
| later   | open, `due_at` ahead      | retry_later, postpone            | (time)                                |
| claimed | open, `lease_until` ahead | claim_batch, claim_job           | complete, retry_later, postpone,      |
|         |                           |                                  | give_back, fail                       |
| done    | `done_at`                 | complete, complete_locked        |                                       |
| failed  | `failed_at`, `failure`    | fail, retry_later, claim_*       | retry                                 |

Time makes a later or a claimed job due. Each claim raises the fencing token, and only who holds the latest one may end
or give back the job: a worker that was thought dead writes nothing.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from store.sets import Statement, insert
from triage.models import Job, JobKind
from triage.queries import claimable, due, open_jobs

from .failures import storable

#: For work over the network. Twice the hard time limit of a task: a lease that lapsed belongs to a dead worker.
LEASE = timedelta(seconds=120)
#: For a batch that is read in memory. The slowest texts that are accepted take 15 ms each, under a second for a whole
#: batch: whoever has not finished by then is dead or frozen, and its batch should not wait longer for another worker.
BATCH_LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 5
#: No open job is put off for longer: this is the pause before the last attempt, its jitter included.
LONGEST_PAUSE = timedelta(seconds=5 * 4 ** (MAX_ATTEMPTS - 2) * 1.2)
KILLED_EVERY_TIME = gettext_noop("Its worker was killed every time it tried.")


class LeaseLost(Exception):
    """The job was given to another worker, or is gone: what this one did does not count."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job held by this worker until its lease lapses."""

    job_id: int
    kind: str
    inquiry_id: UUID
    content_hash: str
    token: int
    attempt: int


def enqueue_readings(readings: Iterable[tuple[UUID, str, bool, datetime]]) -> Statement:
    """Return the statement that enqueues the reading of new inquiries: their ids, content hashes, whether they are
    urgent, and when they were created.

    They are due at once, by the database's clock, which is the one that claims go by. The inquiries may be written
    later in the same transaction: the database checks the reference at the commit.
    """
    same = {"kind": JobKind.INSIGHT.value, "token": 0, "attempt_count": 0, "failure": ""}
    return insert(
        Job,
        [
            same | {"inquiry_id": pk, "content_hash": content_hash, "is_urgent": is_urgent, "created_at": created_at}
            for pk, content_hash, is_urgent, created_at in readings
        ],
    )


def enqueue_missing(kinds: Iterable[str], *, inquiry_id: UUID, content_hash: str, now: datetime) -> None:
    """Write down urgent jobs of these kinds, unless this content has them already.

    Runs inside the caller's transaction.
    """
    common = {"inquiry_id": inquiry_id, "content_hash": content_hash, "is_urgent": True, "created_at": now}
    Job.objects.bulk_create([Job(kind=kind, **common) for kind in kinds], ignore_conflicts=True)


def claim_batch(kind: str, *, size: int = 1, lease: timedelta = LEASE) -> list[Claim]:
    """Take the leases of the next due jobs of a kind: urgent first, then the oldest; empty when nothing is due.

    Only jobs that were never tried are claimed in company. One that was tried before may be what killed its worker, so
    it is claimed alone and takes nobody along. One transaction.
    """
    while True:
        with transaction.atomic(durable=True):
            jobs = _next(kind, size)
            if not _is_exhausted(jobs):
                untried = [job for job in jobs if not job.attempt_count]
                return _lease(jobs[:1] if jobs and jobs[0].attempt_count else untried, lease)
            _fail(jobs[0].pk)


def claim_job(job_id: int, *, lease: timedelta = LEASE) -> Claim | None:
    """Take the lease of one job; None if it is not due or is held by another worker. One transaction."""
    with transaction.atomic(durable=True):
        jobs = list(_unlocked(claimable().filter(pk=job_id)))
        if not _is_exhausted(jobs):
            return next(iter(_lease(jobs, lease)), None)
        _fail(job_id)
        return None


def _next(kind: str, size: int) -> list[Job]:
    """The next due jobs, locked. Two reads, each in the order of its index: together they would sort the backlog."""
    jobs = list(_unlocked(due(kind).filter(is_urgent=True))[:size])
    if len(jobs) < size:
        jobs += _unlocked(due(kind).filter(is_urgent=False))[: size - len(jobs)]
    return jobs


def _unlocked(jobs: QuerySet[Job]) -> QuerySet[Job]:
    # SKIP LOCKED is right here, unlike in routing: a job that another worker is about to claim needs no second one.
    return jobs.select_for_update(skip_locked=True)


def _is_exhausted(jobs: Sequence[Job]) -> bool:
    return bool(jobs) and jobs[0].attempt_count >= MAX_ATTEMPTS


def _lease(jobs: Sequence[Job], lease: timedelta) -> list[Claim]:
    if jobs:
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(
            lease_until=Now() + lease, token=F("token") + 1, attempt_count=F("attempt_count") + 1
        )
    return [
        Claim(job.pk, job.kind, job.inquiry_id, job.content_hash, job.token + 1, job.attempt_count + 1) for job in jobs
    ]


def _fail(job_id: int) -> None:
    """Fail a job whose every attempt ended with a dead worker."""
    Job.objects.filter(pk=job_id).update(failed_at=Now(), lease_until=None, failure=KILLED_EVERY_TIME)


def complete(claim: Claim) -> None:
    """Mark a job as done. Runs inside the transaction that writes its result. Raises LeaseLost."""
    if not _held(claim).update(done_at=Now(), lease_until=None, failure=""):
        raise LeaseLost


def lock_claimed(claims: Iterable[Claim]) -> list[Job]:
    """Lock these open jobs together with their inquiries, waiting for nobody.

    What another transaction has locked is left out: so this cannot stand in a circle with whoever locks operators
    before inquiries. A job that another worker has claimed meanwhile is among them: compare its token. Each carries
    the database's ``now`` and its source's ``holds_spam``. Runs inside the caller's transaction.
    """
    jobs = open_jobs().filter(pk__in=[claim.job_id for claim in claims]).order_by()
    jobs = jobs.select_related("inquiry").only("token", "inquiry__priority")
    jobs = jobs.annotate(now=Now(), holds_spam=F("inquiry__source__holds_spam"))
    return list(jobs.select_for_update(of=("self", "inquiry"), no_key=True, skip_locked=True))


def complete_locked(jobs: Iterable[Job], *, now: datetime) -> None:
    """Mark jobs as done whose tokens were compared under the lock. Runs inside that transaction."""
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(done_at=now, lease_until=None, failure="")


def retry_later(claim: Claim, *, failure: str) -> None:
    """Give the lease back after a failure: due again after a pause that grows, or failed after MAX_ATTEMPTS.

    Does nothing when another worker has the job by now.
    """
    if claim.attempt >= MAX_ATTEMPTS:
        fail(claim, failure=failure)
    else:
        _held(claim).update(due_at=Now() + backoff(claim.attempt), lease_until=None, failure=storable(failure))


def fail(claim: Claim, *, failure: str) -> None:
    """End a job that trying again cannot help. Does nothing when another worker has it by now."""
    _held(claim).update(failed_at=Now(), lease_until=None, failure=storable(failure))


def give_back(claims: Iterable[Claim]) -> None:
    """Release what is left of these leases because their worker was told to stop; the attempts are not counted.

    What was done, failed or given back before stays as it is.
    """
    mine = [Q(pk=claim.job_id, token=claim.token) for claim in claims]
    if mine:
        held = open_jobs().filter(Q(*mine, _connector=Q.OR), lease_until__isnull=False)
        held.update(lease_until=None, attempt_count=F("attempt_count") - 1)


def postpone(claim: Claim, *, seconds: float) -> None:
    """Give the lease back because it was too soon, for LONGEST_PAUSE at the most; the attempt is not counted.

    Does nothing when another worker has the job by now.
    """
    again = Now() + timedelta(seconds=max(0.0, min(LONGEST_PAUSE.total_seconds(), seconds)))
    _held(claim).update(due_at=again, lease_until=None, attempt_count=F("attempt_count") - 1, failure="")


def _held(claim: Claim) -> QuerySet[Job]:
    return open_jobs().filter(pk=claim.job_id, token=claim.token)


def backoff(attempt: int) -> timedelta:
    """Return the pause after the given failed attempt (from 1): 5·4^(n−1) s, an hour at most, ± 20 %."""
    return timedelta(seconds=min(3600, 5 * 4 ** (attempt - 1)) * random.uniform(0.8, 1.2))


def retry(job_ids: Iterable[int]) -> int:
    """Make failed jobs due now, with all attempts ahead of them. Return how many there were.

    The token is raised, so that a worker that was thought dead cannot complete what was failed meanwhile.
    """
    failed = Job.objects.filter(pk__in=job_ids, failed_at__isnull=False)
    return failed.update(
        failed_at=None, failure="", attempt_count=0, lease_until=None, due_at=Now(), token=F("token") + 1
    )


def release_leases() -> int:
    """Make every open job that is due claimable at once. Return how many there were.

    For the start of the embedded run: its only worker died with the process. Should one live after all, its fencing
    token keeps it from completing what another began.
    """
    return open_jobs().filter(due_at__lte=Now()).update(lease_until=None)


def bring_forward() -> int:
    """Make claimable what a clock that was ahead has put into the far future. Return how many jobs there were.

    Nothing is put off for longer than LONGEST_PAUSE, and nothing is leased for longer than LEASE: what is was written
    before the clock was set right, and would wait until it says that time again. One transaction.
    """
    with transaction.atomic(durable=True):
        # By kind: so an index finds them.
        put_off = open_jobs().filter(kind__in=JobKind.values, due_at__gt=Now() + LONGEST_PAUSE).update(due_at=Now())
        leased = open_jobs().filter(lease_until__gt=Now() + LEASE).update(lease_until=None)
    return put_off + leased
