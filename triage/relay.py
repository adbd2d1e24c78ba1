"""The relay: wakes the workers while jobs are due.

The HTTP request never talks to the broker; this loop does, a fraction of a second later. A message says that something
is due, not what, so a few of them are enough for any backlog, and one that is lost, doubled or late costs nothing.
Several relays may run.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from celery import Task
from django.db import close_old_connections

from store.connections import discard_after

from .models import JobKind
from .queries import is_due
from .services import alerts
from .services.failures import describe
from .tasks import deliver_alerts, work

logger = logging.getLogger(__name__)

#: Which task does which kinds of jobs.
TASKS: Sequence[tuple[Task, Sequence[str]]] = ((work, (JobKind.INSIGHT,)), (deliver_alerts, alerts.KINDS))
#: How many messages may lie in a queue: enough to wake as many workers within one pause.
QUEUE_LIMIT = 4
PAUSE_SECONDS = 0.2
#: After an error the loop pauses longer: a broker that is down is not hammered.
PAUSE_AFTER_ERROR_SECONDS = 1.0


def publish_wakeups() -> int:
    """Fill the queue of each task whose jobs are due up to QUEUE_LIMIT messages. Return how many were published.

    Raises whatever the broker's client raises.
    """
    return sum(_top_up(task) for task, kinds in TASKS if any(map(is_due, kinds)))


def _top_up(task: Task) -> int:
    app = task.app
    # A connection of our own, because kombu would try to connect for ever, whatever task_publish_retry says.
    with app.connection_for_write(transport_options={"max_retries": 0}) as connection:
        queue = app.amqp.queues[getattr(task, "queue", app.conf.task_default_queue)]
        # Whoever declares a queue is told its length, by every kind of broker.
        count = QUEUE_LIMIT - queue(connection.default_channel).queue_declare().message_count
        producer = app.amqp.Producer(connection, auto_declare=False)
        for _ in range(count):
            task.apply_async(producer=producer)
    return max(0, count)


def run(stop: threading.Event) -> None:
    """Wake the workers until told to stop."""
    repeat(
        publish_wakeups,
        pause=PAUSE_SECONDS,
        stop=stop,
        failing="The relay cannot publish: %s",
        recovered="The relay publishes again.",
    )


def repeat(step: Callable[[], object], *, pause: float, stop: threading.Event, failing: str, recovered: str) -> None:
    """Run a step again and again until told to stop. An error is logged once, until the step succeeds again.

    Whatever breaks there, the loop is what brings work back: it must not be the thing that dies.
    """
    is_well = True
    while not stop.is_set():
        close_old_connections()
        try:
            step()
        except Exception as error:
            discard_after(error)
            if is_well:
                logger.warning(failing, describe(error))
        else:
            if not is_well:
                logger.warning(recovered)
            is_well = True
            stop.wait(pause)
            continue
        is_well = False
        stop.wait(PAUSE_AFTER_ERROR_SECONDS)
