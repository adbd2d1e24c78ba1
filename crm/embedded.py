"""The embedded run: real Celery workers, relay, sweep and beat, in threads of a process beside the serving one.

They are in one process because the broker is in its memory. The serving process is another, so that reading and
serving share no interpreter lock; it talks to the database only, as everywhere.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from celery import beat, current_app
from celery.worker import WorkController
from django.conf import settings

from triage import relay
from triage.analyzers.registry import get_analyzer
from triage.services.reading import batch_size

from . import sweeper
from .beat import Scheduler

#: An analyzer that asks a model over the network waits: others read meanwhile. The offline one never waits.
NETWORK_THREADS, OFFLINE_THREADS = 4, 1
#: A receiver of alerts may hang, and a training takes minutes: neither keeps the others waiting.
ALERT_THREADS = 4
#: How many messages a worker may hold. Its loop acknowledges only when it looks up, every two seconds; by then the
#: relay may have published so many, and the next one must not wait.
MESSAGES_TAKEN = 64


#: So long after the process has died it is started again; longer and longer while it does not live for a minute.
RESTART_SECONDS = 1.0
MAX_RESTART_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Ending:
    """Waits for the end of this process: SIGINT, SIGTERM, or an error of the thread that does the work.

    No signal raises an exception: KeyboardInterrupt in the middle of a migration, or of the handling of another one,
    ends in a traceback. All that a signal does is to put something into a queue, which is safe at any time.
    """

    def __init__(self):
        self._reasons: SimpleQueue[BaseException | None] = SimpleQueue()
        signal.signal(signal.SIGTERM, self.request)
        # A shell has its background jobs ignore Ctrl-C.
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            signal.signal(signal.SIGINT, self.request)

    def request(self, *_: object) -> None:
        self._reasons.put(None)

    def run(self, work: Callable[[], None]) -> None:
        """Call ``work`` in a thread and return when the end is requested. Raises what ``work`` raises."""
        threading.Thread(target=self._run, args=[work], name="start", daemon=True).start()
        if error := self._reasons.get():
            raise error

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._reasons.put(error)


class EmbeddedProcess:
    """The process of `manage.py embedded`, which lives as long as this one and is started again when it dies."""

    def __init__(self):
        self._is_stopping = threading.Event()
        self._process = self._start()
        threading.Thread(target=self._keep_alive, name="embedded", daemon=True).start()

    def stop(self, *, seconds: float) -> None:
        """End it, after so many seconds by force. What is left undone is a row that is read after the next start."""
        self._is_stopping.set()
        try:
            # Closes its standard input, then waits.
            self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _start(self) -> subprocess.Popen:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "embedded"]
        # It ends when its standard input does: with stop(), and also when this process is killed. In a session of its
        # own, so that Ctrl-C reaches only the one who will stop it.
        return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def _keep_alive(self) -> None:
        pause = RESTART_SECONDS
        while not self._is_stopping.is_set():
            began = time.monotonic()
            status = self._process.wait()
            if not self._is_stopping.wait(pause):
                logger.error("The embedded worker ended (%s) and is started again.", status)
                has_lived = time.monotonic() - began > MAX_RESTART_SECONDS
                pause = RESTART_SECONDS if has_lived else min(2 * pause, MAX_RESTART_SECONDS)
                self._process = self._start()


class Embedded:
    """Workers, relay, sweep and beat of this process."""

    def __init__(self):
        self._is_stopping = threading.Event()
        self._workers: list[WorkController] = []
        for name in ("celery", "kombu"):
            # What these say at INFO is for people who run many of them.
            logging.getLogger(name).setLevel(logging.WARNING)
        # The command that brought us here has run Django's checks already.
        os.environ["CELERY_SKIP_CHECKS"] = "1"
        self._beat = beat.Service(current_app._get_current_object(), scheduler_cls=Scheduler, max_interval=1)

    def start(self, *, seconds: float) -> None:
        """Start all of them. Return when the workers take tasks, or after so many seconds."""
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
