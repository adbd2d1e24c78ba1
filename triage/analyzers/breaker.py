"""A circuit breaker: who does not answer is left in peace for a while, instead of making every inquiry wait."""

from __future__ import annotations

import threading

#: So many requests must fail in a row before it opens.
FAILURES = 5
#: How long it stays open before one request may try again.
REST_SECONDS = 30.0


class Breaker:
    """Closed, it lets every request pass; open, none; half-open, after a rest, a single one that decides.

    One per process, shared by its threads. Times are seconds of a monotonic clock, passed in.
    """

    def __init__(self, *, failures: int = FAILURES, rest_seconds: float = REST_SECONDS):
        self._limit = failures
        self._rest_seconds = rest_seconds
        self._lock = threading.Lock()
        self._failed_count = 0
        #: Since when it lets nothing pass, or since when the one trial has been under way.
        self._resting_since: float | None = None

    def state(self, now: float) -> str:
        """``closed``, ``open`` or ``half-open``."""
        with self._lock:
            return self._state(now)

    def may_pass(self, now: float) -> bool:
        """Whether a request may be made. When half-open, True is said to one caller only.

        A trial that never reports back holds the others off for one more rest, not for ever.
        """
        with self._lock:
            state = self._state(now)
            if state == "half-open":
                self._resting_since = now
            return state != "open"

    def succeed(self) -> bool:
        """The other side answered as it should. Gives whether this ended a time of failures."""
        with self._lock:
            was_broken = self._failed_count >= self._limit
            self._failed_count = 0
            self._resting_since = None
            return was_broken

    def fail(self, now: float) -> bool:
        """The other side did not answer as it should. Gives whether this began a time of failures."""
        with self._lock:
            self._failed_count += 1
            if self._failed_count >= self._limit:
                self._resting_since = now
            return self._failed_count == self._limit

    def _state(self, now: float) -> str:
        if self._resting_since is None:
            return "closed"
        return "half-open" if now - self._resting_since >= self._rest_seconds else "open"
