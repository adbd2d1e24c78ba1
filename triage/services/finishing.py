"""From a reading to its insight: written together with what follows from it and with the end of its job."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from leads.services import Rng, own_transaction
from triage.models import Insight, Job

from .effects import apply_insight, changes_only_priority, set_priority
from .jobs import Claim, complete, complete_locked, lock_claimed
from .texts import ReadResult

Finding = tuple[Claim, ReadResult]


@own_transaction
def finish_reading(claim: Claim, result: ReadResult, *, rng: Rng) -> Insight:
    """Write one insight, what follows from it and the job's end, all or nothing. Raises LeaseLost."""
    complete(claim)
    now = Job.objects.values_list("done_at", flat=True).get(pk=claim.job_id)
    insight = _insight(claim, result, now=now)
    insight.save(force_insert=True)
    apply_insight(insight, now=now, rng=rng)
    return insight


def finish_batch(findings: Sequence[Finding]) -> tuple[list[Insight], list[Finding]]:
    """Write the insights of a batch that change no more than priorities, and the ends of their jobs, all or nothing.

    Return them, and what is left to `finish_reading`: what raises alerts or holds spam, and what another transaction
    has locked. A job that another worker claimed meanwhile is dropped. One transaction with a number of statements
    that does not depend on the size of the batch.
    """
    by_job = {claim.job_id: (claim, result) for claim, result in findings}
    with transaction.atomic(durable=True):
        jobs = lock_claimed(claim for claim, _ in findings)
        lost = {job.pk for job in jobs if job.token != by_job[job.pk][0].token}
        ready = {
            insight.job_id: insight
            for job in jobs
            if job.pk not in lost
            and changes_only_priority(insight := _insight(*by_job[job.pk], now=job.now), holds_spam=job.holds_spam)
        }
        if ready:
            complete_locked([job for job in jobs if job.pk in ready], now=jobs[0].now)
            Insight.objects.bulk_create(ready.values())
            _set_priorities(ready.values())
    rest = [finding for job_id, finding in by_job.items() if job_id not in ready and job_id not in lost]
    return list(ready.values()), rest


def _set_priorities(insights: Iterable[Insight]) -> None:
    by_priority = defaultdict(list)
    for insight in insights:
        by_priority[insight.priority].append(insight)
    for priority, same in by_priority.items():
        set_priority(same, priority)


def _insight(claim: Claim, result: ReadResult, *, now: datetime) -> Insight:
    reading = result.reading
    return Insight(
        job_id=claim.job_id,
        inquiry_id=claim.inquiry_id,
        intent=reading.intent,
        priority=reading.priority,
        next_action=reading.next_action,
        confidence=reading.confidence,
        tags=list(reading.tags),
        evidence=[words.as_dict() for words in reading.evidence],
        analyzer=result.analyzer.name,
        version=result.analyzer.version,
        note=result.note,
        content_hash=claim.content_hash,
        created_at=now,
    )
