"""Whether the service is alive, and whether it gets its work done."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from crm import heartbeats
from crm.database import fault_of
from store.connections import discard_after
from triage.queries import oldest_due_age
from triage.services.failures import describe

logger = logging.getLogger(__name__)

#: A due job is claimed within a fraction of a second; one this old means that nobody works.
STUCK = timedelta(seconds=60)
#: There is a sweep every half a minute; one this long ago means that no relay lives.
SWEEP_LATE = timedelta(seconds=120)

#: How long a report is good for: whoever asks meanwhile is told the same.
KEEP_SECONDS = 1.0
#: While a new one is being made, the last one is good for so long; after that what it asks must be hanging.
STALE_SECONDS = 10.0
#: How long somebody waits who has nothing to go by.
WAIT_SECONDS = 3.0

Report = dict[str, object]


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nothing of the database or the broker, so it is safe to restart by."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether the work gets done: 200 when all is well, else 503.

    Well is: the database takes a write, the broker answers, no job has been claimable for STUCK, and the last sweep is
    not SWEEP_LATE. A worker that hangs still answers pings, so its work is looked at instead. Times are in seconds.
    """
    report = readiness.report()
    return JsonResponse(report, status=200 if report["status"] == "ok" else 503)


class Readiness:
    """The last report of this process, made anew at most every KEEP_SECONDS, by one thread at a time."""

    def __init__(self, look: Callable[[], Report]):
        self._look = look
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._last: tuple[Report, float] = unavailable(), -STALE_SECONDS

    def report(self) -> Report:
        """Return a report that is good enough."""
        report, age = self._known()
        if age < KEEP_SECONDS:
            return report
        # Only who has nothing to go by waits: a database that hangs must not take all threads of the web server.
        if not self._lock.acquire(timeout=0 if age < STALE_SECONDS else WAIT_SECONDS):
            return report if age < STALE_SECONDS else unavailable()
        try:
            report, age = self._known()
            if age >= KEEP_SECONDS:
                report = self._look()
                self._last = report, time.monotonic()
            return report
        finally:
            self._lock.release()

    def _known(self) -> tuple[Report, float]:
        report, made_at = self._last
        return report, time.monotonic() - made_at


def look() -> Report:
    """Look at all that work depends on."""
    try:
        # Not a promise that it could be written but a write: a full disk and a read-only server refuse nothing else.
        heartbeats.beat(heartbeats.READINESS)
        oldest_due, last_sweep = oldest_due_age() or timedelta(), heartbeats.age(heartbeats.SWEEP)
    except DatabaseError as error:
        logger.warning("%s", fault_of(error) or f"The database cannot be written: {describe(error)}")
        discard_after(error)
        return unavailable(broker=_broker_answers())
    is_broker_up = _broker_answers()
    # A sweep that lies far ahead was written before the clock was set back, and says nothing.
    is_swept = last_sweep is not None and abs(last_sweep) < SWEEP_LATE
    return {
        "status": "ok" if is_broker_up and is_swept and oldest_due < STUCK else "unavailable",
        "database": True,
        "broker": is_broker_up,
        "oldest_due_job_seconds": round(oldest_due.total_seconds(), 1),
        "last_sweep_seconds": None if last_sweep is None else round(last_sweep.total_seconds(), 1),
    }


def unavailable(*, broker: bool | None = None) -> Report:
    """Return the report of a database that cannot be written, or does not answer."""
    return {
        "status": "unavailable",
        "database": False,
        "broker": broker,
        "oldest_due_job_seconds": None,
        "last_sweep_seconds": None,
    }


def _broker_answers() -> bool:
    # The embedded run's broker lives in the process that sweeps.
    if settings.EMBEDDED:
        return True
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError as error:
        logger.warning("The broker cannot be reached: %s", describe(error))
        return False
    finally:
        client.close()


readiness = Readiness(look)
