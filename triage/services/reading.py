"""Reading inquiries: from their texts to exactly one insight each."""

import logging
import random
import time
from collections.abc import Sequence
from datetime import timedelta

from leads.services import Rng
from store.errors import is_passing
from triage.analyzers.base import Analyzer, TooSoon, UnreadableError
from triage.models import Insight, JobKind

from .failures import JobFailed, in_words
from .finishing import Finding, finish_batch, finish_reading
from .jobs import (
    BATCH_LEASE,
    LEASE,
    Claim,
    LeaseLost,
    claim_batch,
    claim_job,
    give_back,
    postpone,
    retry_later,
)
from .texts import ReadResult, read_texts

logger = logging.getLogger(__name__)

#: After so long a task begins no other batch. Its last one, which may wait for a model, must end within the task's
#: time limit.
WORK_SECONDS = 5.0


def read_due(*, analyzer: Analyzer, seconds: float = WORK_SECONDS, pause: float = 0, rng: Rng = random.random) -> int:
    """Read due inquiries, a batch at a time, until nothing is due or the time is up. Return how many were read.

    ``pause`` is how many seconds to wait after a batch that was not full, for what comes meanwhile: claiming and
    writing cost as much for one as for fifty.

    Raises what a defective analyzer raised, after the rest of that batch was done.
    """
    read_count, deadline = 0, time.monotonic() + seconds
    while claims := claim_batch(JobKind.INSIGHT, size=batch_size(analyzer), lease=lease_for(analyzer)):
        read_count += len(read_batch(claims, analyzer=analyzer, rng=rng))
        if time.monotonic() >= deadline:
            break
        if len(claims) < batch_size(analyzer):
            time.sleep(pause)
    return read_count


def read_inquiry(job_id: int, *, analyzer: Analyzer, rng: Rng = random.random) -> Insight | None:
    """Do one job by its number; None when it is done, held by another worker, not yet due, or cannot be read now."""
    claim = claim_job(job_id, lease=lease_for(analyzer))
    insights = read_batch([claim], analyzer=analyzer, rng=rng) if claim else []
    return insights[0] if insights else None


def batch_size(analyzer: Analyzer) -> int:
    """Return how many texts are claimed at once: one, unless the analyzer says that it reads without a network."""
    return getattr(analyzer, "batch_size", 1)


def lease_for(analyzer: Analyzer) -> timedelta:
    """Return how long a job belongs to its worker when this analyzer reads."""
    return BATCH_LEASE if batch_size(analyzer) > 1 else LEASE


def read_batch(claims: Sequence[Claim], *, analyzer: Analyzer, rng: Rng = random.random) -> list[Insight]:
    """Read the texts of claimed jobs outside any transaction, and write each insight together with its job's end.

    A text that cannot be read, or whose insight cannot be written, is retried later and leaves the others alone. A
    defect of the analyzer is raised again after that, so that it is logged. SystemExit and KeyboardInterrupt end the
    batch: the text that was being read has had its attempt, the others are given back as they were.
    """
    try:
        return _read_batch(claims, analyzer=analyzer, rng=rng)
    except Exception:
        raise
    except BaseException:
        # The worker was told to stop, or an analyzer calls sys.exit: the others need not wait for the leases to lapse.
        give_back(claims)
        raise


def _read_batch(claims: Sequence[Claim], *, analyzer: Analyzer, rng: Rng) -> list[Insight]:
    findings: list[Finding] = []
    defects: list[Exception] = []
    for claim, result in read_texts(claims, analyzer=analyzer):
        if isinstance(result, ReadResult):
            findings.append((claim, result))
        elif _is_expected(claim, result):
            continue
        elif isinstance(result, Exception):
            defects.append(result)
        else:
            raise result
    insights = _finish(findings, defects, rng=rng)
    for defect in defects[1:]:
        logger.error("Another text of the batch could not be read", exc_info=defect)
    if defects:
        raise defects[0]
    return insights


def _is_expected(claim: Claim, error: BaseException) -> bool:
    """Give a claim back whose text could not be read. Return whether that is the analyzer's right."""
    if isinstance(error, TooSoon):
        postpone(claim, seconds=error.seconds)
    elif isinstance(error, UnreadableError):
        retry_later(claim, failure=in_words(JobFailed(error)))
    else:
        retry_later(claim, failure=in_words(error))
        return False
    return True


def _finish(findings: list[Finding], defects: list[Exception], *, rng: Rng) -> list[Insight]:
    try:
        insights, rest = finish_batch(findings)
    except Exception as error:
        if is_passing(error):
            # The database is away or busy, and would be for each of them: their leases lapse.
            raise
        # One of them cannot be written. Alone it shows which, and takes nobody along.
        insights, rest = [], findings
    for claim, result in rest:
        try:
            insights.append(finish_reading(claim, result, rng=rng))
        except LeaseLost:
            continue
        except Exception as error:
            retry_later(claim, failure=in_words(error))
            defects.append(error)
    return insights
