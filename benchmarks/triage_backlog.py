"""How a backlog is read: thousands of unread inquiries, a relay, and only then one worker process.

    python -m benchmarks.triage_backlog [--jobs 6000] [--idle-seconds 20]

Runs the web server, the relay and a Celery worker as processes, on a private PostgreSQL and Redis. The relay runs for
a while without any worker: what it publishes meanwhile must not grow with the backlog. Once the worker has begun, an
urgent inquiry comes last of all and should be read among the first.
Exit status 1 when more than 50 messages lay in the broker, the urgent one was not read within 2 seconds, or an inquiry
did not get exactly one insight.
"""

import argparse
import asyncio
import json
import secrets
import sys
import time
from dataclasses import dataclass
from threading import Event, Thread

from redis import Redis

from benchmarks._load import Answer, Request, authorized, batch, header, row, send_all
from benchmarks._servers import RELAY, WORKER, Site, sites_at_scale

QUEUE_MARK = 50
URGENT_SECONDS_MARK = 2.0
OPERATORS = 20
BATCH = 500
START_SECONDS = 60
#: A worker that needs longer for the backlog is not waited for; then not every inquiry has its insight.
DRAIN_SECONDS = 600
URGENT = "СРОЧНО! Сайт лежит, теряем деньги, позвоните немедленно!"
OPEN_JOBS = "triage_job WHERE done_at IS NULL AND failed_at IS NULL"


@dataclass
class Figures:
    idle_peak: int = 0
    peak: int = 0
    insights_a_second: float = 0.0
    urgent_seconds: float = 0.0
    unread: int = 0
    doubled: int = 0


def main() -> int:
    options = parse_arguments()
    with sites_at_scale(OPERATORS) as (site,), site.serving():
        post_backlog(site, options.jobs)
        figures = measure(site, idle_seconds=options.idle_seconds)
    header("backlog", "longest queue, no worker / worker", "insights/s, one process", "urgent one read after")
    queues = f"{figures.idle_peak} / {figures.peak}"
    row(options.jobs, queues, f"{figures.insights_a_second:.0f}", f"{figures.urgent_seconds:.2f} s")
    return verdict(figures)


def parse_arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jobs", type=int, default=6000)
    arguments.add_argument("--idle-seconds", type=int, default=20, help="how long the relay runs without a worker")
    options = arguments.parse_args()
    if options.jobs < 100 or options.idle_seconds < 1:
        arguments.error("--jobs must be 100 or more, --idle-seconds 1 or more")
    return options


def post_backlog(site: Site, jobs: int) -> None:
    sizes = [min(BATCH, jobs - start) for start in range(0, jobs, BATCH)]
    asyncio.run(send_all(site, [batch(site, OPERATORS, size) for size in sizes], clients=2))
    site.resolve_all()
    found = site.count(OPEN_JOBS)
    if found != jobs:
        sys.exit(f"{jobs} inquiries were posted, and {found} jobs are open.")


def measure(site: Site, *, idle_seconds: int) -> Figures:
    figures = Figures()
    with site.process(RELAY):
        with Watch(site) as idle:
            time.sleep(idle_seconds)
        figures.idle_peak = idle.peak
        with site.process(WORKER), Watch(site) as busy:
            wait_for(site, "triage_insight", seconds=START_SECONDS)
            started, first = time.monotonic(), site.count("triage_insight")
            figures.urgent_seconds = seconds_until_read(site, URGENT)
            figures.unread = drain(site)
            figures.insights_a_second = (site.count("triage_insight") - first) / (time.monotonic() - started)
        figures.peak = busy.peak
    twice = "(SELECT inquiry_id FROM triage_insight GROUP BY inquiry_id HAVING count(*) > 1) twice"
    figures.doubled = site.count(twice)
    return figures


class Watch:
    """The longest that all lists in the broker were together while the block ran."""

    def __init__(self, site: Site):
        self.redis = Redis.from_url(site.environment["REDIS_URL"])
        self.peak, self._stop = 0, Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._stop.set()
        self._thread.join()
        self.redis.close()

    def _look(self) -> None:
        # Whatever the queues are called: in Redis each is a list.
        while not self._stop.wait(0.2):
            self.peak = max(self.peak, sum(map(self.redis.llen, self.redis.scan_iter(_type="list"))))


def wait_for(site: Site, rows: str, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not site.count(rows):
        if time.monotonic() > deadline:
            sys.exit(f"After {seconds} s there is nothing in {rows}: the worker reads nothing.")
        time.sleep(0.1)


def seconds_until_read(site: Site, message: str) -> float:
    """Post an inquiry, and return how long after its answer it had an insight."""
    body = json.dumps({"external_id": secrets.token_hex(8), "message": message}).encode()
    created = json.loads(ask(site, Request("/api/v1/inquiries", body, authorized(site, OPERATORS))).body)
    came = time.monotonic()
    path = f"/api/v1/inquiries/{created['id']}/insight"
    while ask(site, Request(path, b"", authorized(site, OPERATORS), "GET"), may_be_missing=True).status != 200:
        if time.monotonic() - came > DRAIN_SECONDS:
            return float("inf")
        time.sleep(0.05)
    return time.monotonic() - came


def ask(site: Site, request: Request, *, may_be_missing: bool = False) -> Answer:
    success = (200, 201, 404) if may_be_missing else (200, 201)
    return asyncio.run(send_all(site, [request], clients=1, is_kept=True, success=success)).answers[0]


def drain(site: Site) -> int:
    """Wait until no job is open, and return how many still are when that takes too long."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while (left := site.count(OPEN_JOBS)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left + site.count("triage_job WHERE failed_at IS NOT NULL")


def verdict(figures: Figures) -> int:
    misses = {
        f"more than {QUEUE_MARK} messages lay in the broker": max(figures.idle_peak, figures.peak) > QUEUE_MARK,
        f"the urgent inquiry waited more than {URGENT_SECONDS_MARK} s": figures.urgent_seconds > URGENT_SECONDS_MARK,
        f"{figures.unread} inquiries have no insight": figures.unread > 0,
        f"{figures.doubled} inquiries have two insights": figures.doubled > 0,
    }
    missed = [sentence for sentence, is_missed in misses.items() if is_missed]
    print("MISSED: " + "; ".join(missed) if missed else "every inquiry has exactly one insight, and all marks are met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
