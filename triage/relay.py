"""The relay: rings for the jobs that are due, and is its own sweep.

The HTTP request never talks to the broker; this loop does, a fraction of a second later. A ring that is lost is rung
again: after 2, 4, 6 … 12 seconds. Several relays may run.
"""

import logging
import threading
from collections import defaultdict
from datetime import timedelta

from django.db import close_old_connections, transaction
from django.db.models.functions import Now

from .models import Job
from .queries import claimable
from .tasks import work

logger = logging.getLogger(__name__)

BATCH = 200
PAUSE_SECONDS = 0.2
#: After an error the loop takes a longer breath: a broker that is down is not hammered.
PAUSE_AFTER_ERROR_SECONDS = 1.0


def ring_due_jobs(*, limit: int = BATCH) -> int:
    """Ring for the jobs that are due. Gives how many rings were made.

    Raises whatever the broker's client raises; the jobs not yet rung for are rung for again at their next turn.
    """
    ids = take_rings(limit=limit)
    if ids:
        _ring(ids)
    return len(ids)


def _ring(job_ids: list[int]) -> None:
    # A connection of our own, because kombu would try to connect for ever, whatever task_publish_retry says.
    with work.app.connection_for_write(transport_options={"max_retries": 0}) as connection:
        producer = work.app.amqp.Producer(connection, auto_declare=False)
        for job_id in job_ids:
            work.apply_async((job_id,), producer=producer)


def take_rings(*, limit: int = BATCH) -> list[int]:
    """The ids of the jobs to ring for now, the pressing first, their next ring moved forward before this one is made.

    SKIP LOCKED is right here, unlike in routing: a job another relay is about to ring for needs no second ring.
    """
    with transaction.atomic(durable=True):
        due = claimable().filter(ring_at__lte=Now()).order_by("ring_at", "id")
        due = due.select_for_update(skip_locked=True).values_list("pk", "ring_count")
        # Two reads, each in the order of its index: together they would sort the whole backlog.
        rows = list(due.filter(is_urgent=True)[:limit])
        rows += due.filter(is_urgent=False)[: limit - len(rows)]
        by_count = defaultdict(list)
        for pk, count in rows:
            by_count[count].append(pk)
        for count, ids in by_count.items():
            pause = timedelta(seconds=min(12, 2 * (count + 1)))
            Job.objects.filter(pk__in=ids).update(ring_count=count + 1, ring_at=Now() + pause)
    return [pk for pk, _ in rows]


def run(stop: threading.Event) -> None:
    """Ring until told to stop. An error of the broker or the database is said once, and survived."""
    is_well = True
    while not stop.is_set():
        close_old_connections()
        try:
            rung = ring_due_jobs()
        except Exception as error:
            # Whatever breaks here, the relay is what brings work back: it must not be the thing that dies.
            if is_well:
                logger.warning("The relay cannot ring: %s: %s", type(error).__name__, error)
            is_well = False
            stop.wait(PAUSE_AFTER_ERROR_SECONDS)
            continue
        if not is_well:
            logger.warning("The relay rings again.")
        is_well = True
        if rung < BATCH:
            stop.wait(PAUSE_SECONDS)
