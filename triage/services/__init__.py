"""Pending work on a text, and how it is done exactly once."""

from .failures import JobFailed, failure_in_words
from .finishing import finish_batch, finish_reading
from .jobs import (
    BATCH_LEASE,
    LEASE,
    MAX_ATTEMPTS,
    Claim,
    LeaseLost,
    backoff,
    bring_forward,
    claim_batch,
    claim_job,
    complete,
    enqueue_readings,
    fail,
    postpone,
    release_leases,
    retry,
    retry_later,
)
from .reading import read_batch, read_due, read_inquiry
from .texts import ReadResult
from .urgency import is_urgent

__all__ = [
    "BATCH_LEASE",
    "LEASE",
    "MAX_ATTEMPTS",
    "Claim",
    "JobFailed",
    "LeaseLost",
    "ReadResult",
    "backoff",
    "bring_forward",
    "claim_batch",
    "claim_job",
    "complete",
    "enqueue_readings",
    "fail",
    "failure_in_words",
    "finish_batch",
    "finish_reading",
    "is_urgent",
    "postpone",
    "read_batch",
    "read_due",
    "read_inquiry",
    "release_leases",
    "retry",
    "retry_later",
]
