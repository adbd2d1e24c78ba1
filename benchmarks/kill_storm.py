"""Exactly one insight, whatever dies: workers killed and Redis flushed while inquiries come in.

    python -m benchmarks.kill_storm [--inquiries 5000] [--kills 20]

Brings a PostgreSQL and a Redis of its own, runs a real Celery worker and a real relay as processes, and takes in
inquiries as fast as it can; every so often the worker is killed (SIGKILL, with its children) and Redis is flushed.
Then it waits, touching nothing, until no job is owed. A job that a killed worker held waits for its lease: 2 minutes.
Exit status 1 when an inquiry has no insight or two.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

from config.testrun import postgresql, redis

WORKER = ["-m", "celery", "-A", "config", "worker", "--concurrency", "2", "--loglevel", "ERROR"]
WORKER += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
RELAY = ["manage.py", "relay"]
PATIENCE_SECONDS = 600


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--inquiries", type=int, default=5000)
    arguments.add_argument("--kills", type=int, default=20)
    options = arguments.parse_args()
    with ExitStack() as servers:
        database_url, _ = servers.enter_context(postgresql())
        redis_url, _ = servers.enter_context(redis())
        os.environ.update(
            DATABASE_URL=database_url,
            REDIS_URL=f"{redis_url}/0",
            SECRET_KEY="only-for-this-run",
            LOG_LEVEL="ERROR",
            DJANGO_SETTINGS_MODULE="config.settings",
        )
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True)
        import django

        django.setup()
        return storm(options, servers, redis_url=redis_url)


def storm(options, servers: ExitStack, *, redis_url: str) -> int:
    """Take in, kill and flush; then wait and count. Gives the exit status."""
    from redis import Redis

    from triage.queries import open_jobs

    source = build_company()
    client = servers.enter_context(Redis.from_url(redis_url))
    relay = start(RELAY)
    workers = [start(WORKER)]
    servers.callback(lambda: [kill(process) for process in [relay, workers[-1]]])
    every = max(1, options.inquiries // options.kills)
    started = time.monotonic()
    flushed = 0
    for number in range(options.inquiries):
        take_in(source, number)
        if number % every == every - 1 and flushed < options.kills:
            client.flushall()
            flushed += 1
            kill(workers[-1])
            workers.append(start(WORKER))
    intake_seconds = time.monotonic() - started
    while open_jobs().exists() and time.monotonic() - started < intake_seconds + PATIENCE_SECONDS:
        time.sleep(1)
    return report(options, intake_seconds, time.monotonic() - started, kills=len(workers) - 1, flushes=flushed)


def report(options, intake_seconds: float, seconds: float, *, kills: int, flushes: int) -> int:
    from django.db.models import Count

    from leads.models import Inquiry
    from triage.models import Job

    counted = Inquiry.objects.annotate(insight_count=Count("insights", distinct=True))
    lost = counted.filter(insight_count=0).count()
    doubled = counted.filter(insight_count__gt=1).count()
    twice = Job.objects.filter(attempt_count__gt=1).count()
    failed = Job.objects.filter(failed_at__isnull=False).count()
    print(f"{kills} workers killed, Redis flushed {flushes} times")
    print(f"{Inquiry.objects.count()} inquiries in {intake_seconds:.0f} s; all read after {seconds:.0f} s")
    print(f"lost {lost}, doubled {doubled}, given up {failed}; claimed more than once {twice}")
    is_well = not (lost or doubled or failed) and Inquiry.objects.count() == options.inquiries
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

    submission = Submission(
        (email_contact(f"lead-{number}@example.com"),), message=f"How much is plan {number} for {number} people?"
    )
    receive_inquiry(submission, source=source, represent=lambda inquiry: {}, now=timezone.now())


def start(command: list[str]) -> subprocess.Popen:
    # A session of its own, so that its children can be killed with it.
    return subprocess.Popen(
        [sys.executable, *command], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def kill(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
