"""Whether the service is alive, and whether it gets its work done."""

import logging
from datetime import timedelta

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from crm.database import fault_of
from triage.queries import oldest_due_age

logger = logging.getLogger(__name__)

#: A due job is claimed within a fraction of a second; one this old means that nobody works.
STUCK = timedelta(seconds=60)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nothing of the database or the broker, so it is safe to restart by."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, broker, and the age in seconds of the oldest due job: 200 when all is well, else 503.

    A worker that hangs still answers pings, so its work is looked at instead.
    """
    age = _oldest_due_age()
    report = {
        "database": age is not None,
        "broker": _broker_answers(),
        "oldest_due_job_seconds": None if age is None else round(age.total_seconds(), 1),
    }
    is_ready = report["database"] and report["broker"] and age < STUCK
    return JsonResponse({"status": "ok" if is_ready else "unavailable", **report}, status=200 if is_ready else 503)


def _oldest_due_age() -> timedelta | None:
    """None when the database cannot be asked."""
    try:
        return oldest_due_age() or timedelta()
    except DatabaseError as error:
        logger.warning("%s", fault_of(error) or f"The database cannot be reached: {error}")
        connection.close()
        return None


def _broker_answers() -> bool:
    if settings.EMBEDDED:
        return True
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError as error:
        logger.warning("The broker cannot be reached: %s", error)
        return False
    finally:
        client.close()
