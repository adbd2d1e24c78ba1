"""The embedded run: a real Celery worker, the relay and beat, in threads of the serving process.

Only for the broker in the memory of one process. Start it from a command, never from an AppConfig's ready() (the
worker sets Django up again) and never before a fork.
"""

import logging
import os
import threading
from functools import cached_property

from celery import beat, current_app
from celery.worker import WorkController

from triage import relay

#: The reader is fast, but one that asks a model over the network waits: others go on meanwhile.
THREADS = 4


class Embedded:
    """Worker, relay and beat of this process."""

    def __init__(self):
        self._is_stopping = threading.Event()
        self._is_ready = threading.Event()

    def start(self, *, seconds: float) -> None:
        """Start all three. Comes back when the worker takes tasks, or after so many seconds."""
        for name in ("celery", "kombu"):
            # What these say at INFO is for people who run many of them.
            logging.getLogger(name).setLevel(logging.WARNING)
        for name, run in (("worker", self._worker.start), ("relay", self._relay), ("beat", self._beat.start)):
            threading.Thread(target=run, name=name, daemon=True).start()
        self._is_ready.wait(seconds)

    def stop(self, *, seconds: float) -> None:
        """Stop all three, waiting so many seconds for tasks that run; what is left then is read after the next start.

        The process must end right after: the worker's own stop waits without bound and may still be at it.
        """
        self._is_stopping.set()
        self._beat.stop()
        # The worker looks up from its empty queue only every two seconds; nothing is lost by not waiting for that.
        stopping = threading.Thread(target=self._worker.stop, name="stop", daemon=True)
        stopping.start()
        stopping.join(seconds)

    def _relay(self):
        relay.run(self._is_stopping)

    @cached_property
    def _worker(self) -> WorkController:
        # The command that brought us here has run Django's checks already.
        os.environ["CELERY_SKIP_CHECKS"] = "1"
        return WorkController(
            app=current_app._get_current_object(),
            hostname="embedded@localhost",
            pool="threads",
            concurrency=THREADS,
            # With a limit every fourth message waits two seconds: this loop acknowledges only when it looks up.
            prefetch_multiplier=0,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            ready_callback=lambda consumer: self._is_ready.set(),
        )

    @cached_property
    def _beat(self) -> beat.Service:
        return beat.Service(current_app._get_current_object(), scheduler_cls=beat.Scheduler, max_interval=1)
