"""The embedded run: real Celery workers, the relay, the sweep and beat, in threads of the serving process.

Only for the broker in the memory of one process. Start it from a command, never from an AppConfig's ready() (a worker
sets Django up again) and never before a fork.
"""

import logging
import os
import threading
import time

from celery import beat, current_app
from celery.worker import WorkController

from triage import relay
from triage.analyzers.registry import get_analyzer
from triage.services.reading import batch_size

from . import sweeper

#: An analyzer that asks a model over the network waits: others read meanwhile. The offline one never waits, and takes
#: turns with the threads that serve.
NETWORK_THREADS, OFFLINE_THREADS = 4, 1
#: A receiver of alerts may hang, and a training takes minutes: neither keeps the others waiting.
ALERT_THREADS = 4
#: How many messages a worker may hold. Its loop acknowledges only when it looks up, every two seconds; by then the
#: relay may have published so many, and the next one must not wait.
MESSAGES_TAKEN = 64


class Embedded:
    """Workers, relay, sweep and beat of this process."""

    def __init__(self):
        self._is_stopping = threading.Event()
        self._workers: list[WorkController] = []
        # The command that brought us here has run Django's checks already.
        os.environ["CELERY_SKIP_CHECKS"] = "1"
        self._beat = beat.Service(current_app._get_current_object(), scheduler_cls=beat.Scheduler, max_interval=1)

    def start(self, *, seconds: float) -> None:
        """Start all of them. Return when the workers take tasks, or after so many seconds."""
        for name in ("celery", "kombu"):
            # What these say at INFO is for people who run many of them.
            logging.getLogger(name).setLevel(logging.WARNING)
        deadline = time.monotonic() + seconds
        threads = OFFLINE_THREADS if batch_size(get_analyzer()) > 1 else NETWORK_THREADS
        # One after the other: which queues a worker listens to is a property of the application while it starts.
        for name, queues, count in (("reading", ["celery"], threads), ("alerts", ["alerts", "upkeep"], ALERT_THREADS)):
            self._start_worker(name, queues, threads=count, seconds=deadline - time.monotonic())
        for name, run in (("relay", relay.run), ("sweep", sweeper.run)):
            threading.Thread(target=run, args=[self._is_stopping], name=name, daemon=True).start()
        threading.Thread(target=self._beat.start, name="beat", daemon=True).start()

    def stop(self, *, seconds: float) -> None:
        """Stop all, waiting so many seconds for tasks that run; what is left then is read after the next start.

        The process must end right after: the workers' own stop waits without bound and may still be at it.
        """
        self._is_stopping.set()
        self._beat.stop()
        # A worker looks up from its empty queue only every two seconds; nothing is lost by not waiting for that.
        stopping = [threading.Thread(target=worker.stop, name="stop", daemon=True) for worker in self._workers]
        for thread in stopping:
            thread.start()
        deadline = time.monotonic() + seconds
        for thread in stopping:
            thread.join(max(0, deadline - time.monotonic()))

    def _start_worker(self, name: str, queues: list[str], *, threads: int, seconds: float) -> None:
        is_ready = threading.Event()
        worker = WorkController(
            app=current_app._get_current_object(),
            hostname=f"{name}@localhost",
            queues=queues,
            pool="threads",
            concurrency=threads,
            prefetch_multiplier=MESSAGES_TAKEN // threads,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            ready_callback=lambda consumer: is_ready.set(),
        )
        self._workers.append(worker)
        threading.Thread(target=worker.start, name=name, daemon=True).start()
        is_ready.wait(max(0, seconds))
