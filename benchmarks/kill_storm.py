"""Exactly one insight, whatever dies: workers killed and Redis flushed while inquiries come in.

    python -m benchmarks.kill_storm [--inquiries 5000] [--kills 20] [--away 120]

Brings a PostgreSQL and a Redis of its own, runs a real relay and real Celery workers as processes, and takes in
inquiries as fast as it can; every so often the reading worker is killed (SIGKILL, with its children) and Redis is
flushed. With --away no worker reads for so many seconds in the middle of it. All the while the webhook for alerts
accepts and says nothing, one inquiry in 25 raises an alert, and an operator comes on duty beside a waiting inquiry,
again and again, for a sweep to notice. Then it waits, touching nothing, until everything is read; what a killed worker
held waits for its lease.

Exit status 1 when an inquiry has no insight or two, a queue held more than 50 messages, or a sweep was late.
"""

import argparse
import base64
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from config.testrun import postgresql, redis

CELERY = ["-m", "celery", "-A", "config", "worker", "--loglevel", "ERROR"]
CELERY += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
READING = [*CELERY, "--concurrency", "2", "-n", "reading@%h"]
ALERTS = [*CELERY, "--concurrency", "4", "-n", "alerts@%h", "-Q", "alerts,upkeep"]
RELAY = ["manage.py", "relay"]
PATIENCE_SECONDS = 600
QUEUE_LIMIT = 50
#: Every half a minute, and one may just have begun.
SWEEP_LIMIT_SECONDS = 60
ALERT_EVERY = 25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inquiries", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--away", type=int, default=0, help="seconds for which no worker reads")
    options = parser.parse_args()
    with ExitStack() as servers:
        database_url, _ = servers.enter_context(postgresql())
        redis_url, _ = servers.enter_context(redis())
        silent = servers.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1000))
        os.environ.update(
            DATABASE_URL=database_url,
            REDIS_URL=f"{redis_url}/0",
            SECRET_KEY="only-for-this-run",
            LOG_LEVEL="ERROR",
            ALERT_WEBHOOK_URL=f"http://127.0.0.1:{silent.getsockname()[1]}/",
            ALERT_WEBHOOK_SECRET="whsec_" + base64.b64encode(bytes(24)).decode(),
            DJANGO_SETTINGS_MODULE="config.settings",
        )
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True)
        import django

        django.setup()
        return storm(options, redis_url=redis_url)


def storm(options, *, redis_url: str) -> int:
    """Take in, kill and flush; then wait and count. Return the exit status."""
    from redis import Redis

    from triage.models import JobKind
    from triage.queries import open_jobs

    unread = open_jobs().filter(kind=JobKind.INSIGHT)
    source, watch = build_company(), Watch()
    with ExitStack() as stack:
        client = stack.enter_context(Redis.from_url(redis_url))
        reading = Worker(READING)
        stack.callback(reading.kill)
        for command in (RELAY, ALERTS):
            stack.callback(kill, start(command))
        stack.enter_context(watching(lambda: watch.look_at_queues(client), pause=0.1))
        started = time.monotonic()
        with watching(watch.look_at_a_sweep, pause=1):
            flushes = take_all_in(options, source, reading, client)
            taken_in = time.monotonic() - started
            wait_while(unread.exists)
            seconds, kills = time.monotonic() - started, reading.kill_count
        # An inquiry that came in for the last sweep.
        wait_while(unread.exists)
    print(f"{kills} workers killed, Redis flushed {flushes} times, no worker for {options.away} s")
    print(f"{options.inquiries} inquiries in {taken_in:.0f} s; all read after {seconds:.0f} s")
    return report(options, watch)


def wait_while(is_so) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_so() and time.monotonic() < deadline:
        time.sleep(0.5)


def take_all_in(options, source, reading: "Worker", client) -> int:
    """Send every inquiry, killing and flushing on the way. Return how often Redis was flushed."""
    every, flushes, back_at = max(1, options.inquiries // max(1, options.kills)), 0, None
    reading.start()
    for number in range(options.inquiries):
        take_in(source, number)
        if options.away and number == options.inquiries // 2:
            reading.kill()
            back_at = time.monotonic() + options.away
        if back_at and time.monotonic() > back_at:
            reading.start()
            back_at = None
        if number % every == every - 1 and flushes < options.kills:
            client.flushall()
            flushes += 1
            if not back_at:
                reading.kill()
                reading.start()
    if back_at:
        time.sleep(max(0, back_at - time.monotonic()))
        reading.start()
    return flushes


class Worker:
    """The reading worker, killed and started again."""

    def __init__(self, command: list[str]):
        self._command, self._process, self.kill_count = command, None, 0

    def start(self) -> None:
        self._process = start(self._command)

    def kill(self) -> None:
        kill(self._process)
        self.kill_count += 1


@dataclass
class Watch:
    """What is looked at while the storm lasts."""

    longest: dict[str, int] = field(default_factory=dict)
    sweep_seconds: list[float] = field(default_factory=list)

    def look_at_queues(self, client) -> None:
        for name in ("celery", "alerts", "upkeep"):
            self.longest[name] = max(self.longest.get(name, 0), client.llen(name))

    def look_at_a_sweep(self) -> None:
        """Let an operator come on duty unnoticed beside a waiting inquiry, and time how long it waits still."""
        from django.utils import timezone

        from leads.models import Inquiry
        from routing.models import Operator, Source, Weight

        number = len(self.sweep_seconds)
        source = Source.objects.create(name=f"Sweep {number}", slug=f"sweep-{number}")
        operator = Operator.objects.create(name=f"Night {number}", is_active=False)
        Weight.objects.create(source=source, operator=operator, weight=1)
        take_in(source, -1 - number)
        Operator.objects.filter(pk=operator.pk).update(is_active=True)
        began = time.monotonic()
        while time.monotonic() - began < 2 * SWEEP_LIMIT_SECONDS and not operator.inquiries.exists():
            time.sleep(0.5)
        self.sweep_seconds.append(time.monotonic() - began)
        Inquiry.objects.filter(source=source).update(resolved_at=timezone.now(), waiting_reason="")


@contextmanager
def watching(look, *, pause: float):
    """Look again and again, in a thread of its own, while the block runs."""
    from django.db import connection

    stop = threading.Event()

    def run():
        while not stop.wait(pause):
            look()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def report(options, watch: Watch) -> int:
    from django.db.models import Count

    from leads.models import Inquiry
    from triage.models import Job, JobKind

    inquiries = Inquiry.objects.annotate(insight_count=Count("insights", distinct=True))
    jobs = Job.objects.filter(kind=JobKind.INSIGHT)
    lost, doubled = inquiries.filter(insight_count=0).count(), inquiries.filter(insight_count__gt=1).count()
    failed, again = jobs.filter(failed_at__isnull=False).count(), jobs.filter(attempt_count__gt=1).count()
    late = sum(seconds > SWEEP_LIMIT_SECONDS for seconds in watch.sweep_seconds)
    print(f"lost {lost}, doubled {doubled}, failed {failed}; claimed more than once {again}")
    print("longest queues: " + ", ".join(f"{name} {length}" for name, length in watch.longest.items()))
    alerts = Job.objects.exclude(kind=JobKind.INSIGHT)
    print(f"alerts {alerts.count()}, tried {alerts.filter(attempt_count__gt=0).count()}")
    print(f"sweeps {len(watch.sweep_seconds)}, the longest waited for {max(watch.sweep_seconds, default=0):.0f} s")
    is_complete = Inquiry.objects.exclude(source__slug__startswith="sweep").count() == options.inquiries
    is_complete = is_complete and alerts.exists()
    is_well = is_complete and not (lost or doubled or failed or late) and max(watch.longest.values()) <= QUEUE_LIMIT
    print("every inquiry has exactly one insight" if is_well else "A PROMISE WAS BROKEN")
    return 0 if is_well else 1


def build_company():
    from routing.models import Operator, Source, Weight

    source = Source.objects.create(name="Site", slug="site")
    for number in range(5):
        operator = Operator.objects.create(name=f"O{number}", max_load=100)
        Weight.objects.create(source=source, operator=operator, weight=number + 1)
    return source


def take_in(source, number: int) -> None:
    from django.utils import timezone

    from crm.services import Submission, receive_inquiry
    from leads.identity import email_contact

    message = f"How much is plan {number} for {number} people?"
    if number % ALERT_EVERY == 0:
        message = f"The site is down for order {number}, nobody can pay!"
    submission = Submission((email_contact(f"lead-{number}@example.com"),), message=message)
    receive_inquiry(submission, source=source, represent=lambda inquiry: {}, now=timezone.now())


def start(command: list[str]) -> subprocess.Popen:
    # A session of its own, so that its children can be killed with it.
    return subprocess.Popen(
        [sys.executable, *command], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def kill(process: subprocess.Popen) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
