"""What a Celery worker does. A message says that something is due; the worker looks for itself what it is."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task
from django.utils import timezone

from .analyzers.registry import get_analyzer, versions
from .services import alerts, reading, retraining
from .services.failures import describe

logger = logging.getLogger(__name__)

#: Between two batches that are not full: an insight is wanted within seconds, and the fewer batches the better.
PAUSE_SECONDS = 0.2


class Exited(Exception):
    """A class of somebody else's tried to end the process."""


@contextmanager
def contained_exits() -> Iterator[None]:
    """Raise what tries to end the process as an ordinary error, in any thread but the main one. Raises Exited.

    A worker is told to stop in its main thread. In another one, of the embedded run, it is an analyzer that exits, and
    Celery's pool of threads would never acknowledge the message.
    """
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:
        if threading.current_thread() is threading.main_thread():
            raise
        raise Exited(describe(error)) from error


@shared_task(name="triage.work")
def work() -> None:
    """Read what is due. A message that comes twice, late or for nothing changes nothing."""
    with contained_exits():
        reading.read_due(analyzer=get_analyzer(), pause=PAUSE_SECONDS)


# A queue and a worker of its own: a receiver that accepts and says nothing must not keep inquiries from being read.
@shared_task(name="triage.deliver_alerts", queue="alerts")
def deliver_alerts() -> None:
    """Deliver the alerts that are due."""
    with contained_exits():
        alerts.deliver_due()


# It takes minutes: taken off the queue before it begins, so that it isn't handed to a second worker meanwhile.
@shared_task(name="triage.retrain", queue="upkeep", acks_late=False, soft_time_limit=1800, time_limit=1860)
def retrain() -> None:
    """Fit a new version of the offline reader's model on the corrections, if there are new ones."""
    try:
        outcome = retraining.retrain(versions(), now=timezone.now(), only_if_new=True)
    except retraining.NotNow as reason:
        logger.warning("The reader was not trained: %s", reason)
    else:
        logger.info("The reader was trained: %s", outcome)
