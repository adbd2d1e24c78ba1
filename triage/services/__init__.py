"""What is owed to a text, and how it is paid exactly once."""

from .jobs import (
    LEASE,
    MAX_ATTEMPTS,
    Claim,
    JobFailed,
    LeaseLost,
    backoff,
    claim_job,
    end_job,
    enqueue_readings,
    failure_in_words,
    is_urgent,
    owe,
    put_off,
    release_leases,
    try_again,
)
from .reading import finish_reading, read_inquiry

__all__ = [
    "LEASE",
    "MAX_ATTEMPTS",
    "Claim",
    "JobFailed",
    "LeaseLost",
    "backoff",
    "claim_job",
    "end_job",
    "enqueue_readings",
    "failure_in_words",
    "finish_reading",
    "is_urgent",
    "owe",
    "put_off",
    "read_inquiry",
    "release_leases",
    "try_again",
]
