"""Nothing acknowledged is lost or doubled, whatever is killed, frozen, flushed, cut off or restarted meanwhile.

    python -m benchmarks.torture [MINUTES] [--seed 1]

Brings a PostgreSQL and a Redis of its own and runs `manage.py web`, relay and a Celery worker as processes. Sixteen
clients post with idempotency keys, send some again, and resolve; each sends until it is answered, after a broken
connection or a 503 with the same key. Meanwhile, in random order, processes are killed (SIGKILL), Redis is flushed,
frozen and restarted, and PostgreSQL's connections are terminated and it is itself restarted without a shutdown. Then
all is left alone until every inquiry is read, and benchmarks/_checker.py says what is wrong: exit status 1.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
from redis import Redis

from benchmarks import _checker
from benchmarks._servers import RELAY, ROOT, WEB, WORKER, Site, environment, wait_until_up
from config.testrun import Missing, free_port, postgresql_programs, run, unprivileged, wait_for

OPERATORS = 6
CLIENTS = 16
#: Fewer leads than inquiries, so that clients meet in them.
LEADS = 60
FREEZE_SECONDS = 2.0
#: Between two faults; long enough for a killed web server to come back before most of the others.
PAUSE_SECONDS = (0.5, 4.0)
#: How long a client keeps trying, and how long reading may take once all is well. A killed worker's jobs wait half a
#: minute for their lease.
PATIENCE_SECONDS = 120
IN_PROGRESS = 409
TRY_AGAIN = {IN_PROGRESS, 503}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float, nargs="?", default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    options = parser.parse_args()
    outcome = torture(seconds=60 * options.minutes, rng=random.Random(options.seed))
    print(f"seed {options.seed}: " + ", ".join(f"{name} {count}" for name, count in outcome.faults_made.items()))
    print(f"{len(outcome.acknowledged)} acknowledged, answers {dict(outcome.statuses)}, broken {outcome.broken_count}")
    for fault in outcome.found[:20]:
        print(f"{fault.kind}: {fault.sentence}")
    print(f"{len(outcome.found)} PROMISES WERE BROKEN" if outcome.found else "nothing lost, nothing doubled")
    return 1 if outcome.found else 0


@dataclass
class Outcome:
    """What the clients were told, what was done to the service, and what the checker found."""

    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)
    broken_count: int = 0
    faults_made: Counter = field(default_factory=Counter)
    found: list[_checker.Fault] = field(default_factory=list)


def torture(
    *,
    seconds: float,
    rng: random.Random,
    pauses: tuple[float, float] = PAUSE_SECONDS,
    waits_for_leases: bool = True,
) -> Outcome:
    """Run the storm for so long, and until every kind of fault was made. Return what came of it.

    ``waits_for_leases`` False ends the leases of killed workers by hand, where half a minute is too long.
    """
    outcome = Outcome()
    with house() as target:
        with clients(target, outcome, rng):
            deadline = time.monotonic() + seconds
            while len(outcome.faults_made) < len(FAULTS) or time.monotonic() < deadline:
                for name in rng.sample(sorted(FAULTS), len(FAULTS)):
                    time.sleep(rng.uniform(*pauses))
                    FAULTS[name](target)
                    outcome.faults_made[name] += 1
        if not waits_for_leases:
            target.end_leases()
        with target.connect() as database:
            wait_while(lambda: _checker.unread_count(database))
            outcome.found = _checker.faults(database, acknowledged=outcome.acknowledged, statuses=outcome.statuses)
    return outcome


class Process:
    """A program that is killed, frozen and started again."""

    def __init__(self, command: list[str], *, log: Path, port: int = 0, **more):
        self.command, self.log, self.port, self.more = command, log, port, more
        self.start()

    def start(self) -> None:
        with open(self.log, "a+") as log:
            # A session of its own, so that its children can be killed with it.
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.more,
            )
            if self.port:
                wait_for(self.process, self.port, log)

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.send(number)
        self.process.wait()

    def restart(self, number: int = signal.SIGKILL) -> None:
        self.kill(number)
        self.start()


@dataclass
class Target:
    """The service and its servers."""

    site: Site
    postgresql: Process
    redis: Process
    redis_port: int
    web: Process
    relay: Process
    worker: Process

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.site.database_url, autocommit=True)

    def flush(self) -> None:
        with Redis(port=self.redis_port) as client:
            client.flushall()

    def freeze(self) -> None:
        self.redis.send(signal.SIGSTOP)
        time.sleep(FREEZE_SECONDS)
        self.redis.send(signal.SIGCONT)

    def cut_connections(self) -> None:
        with self.connect() as database:
            database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    def end_leases(self) -> None:
        """Do what time does, with no worker alive that could still hold a lease."""
        self.worker.kill()
        with self.connect() as database:
            database.execute("UPDATE triage_job SET lease_until = NULL, due_at = now() WHERE done_at IS NULL")
        self.worker.start()


FAULTS: dict[str, Callable[[Target], None]] = {
    "web killed": lambda target: target.web.restart(),
    "worker killed": lambda target: target.worker.restart(),
    "relay killed": lambda target: target.relay.restart(),
    "Redis flushed": Target.flush,
    "Redis frozen": Target.freeze,
    "Redis restarted": lambda target: target.redis.restart(),
    "connections terminated": Target.cut_connections,
    # PostgreSQL's immediate shutdown: no checkpoint, no goodbye; it recovers from its log.
    "PostgreSQL restarted": lambda target: target.postgresql.restart(signal.SIGQUIT),
}


@contextmanager
def house() -> Iterator[Target]:
    """Run the service on private servers, with a history for the checker, until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crm-torture-")))
        postgresql, postgresql_port = start_postgresql(folder, stack)
        program, redis_port = shutil.which("redis-server"), free_port()
        if not program:
            raise Missing("redis-server is not installed")
        redis_command = [program, "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""]
        redis = started(redis_command, stack, log=folder / "redis.log", port=redis_port, cwd=folder)
        site = Site(f"postgres://crm@127.0.0.1:{postgresql_port}/postgres", folder, {})
        site.environment = environment(
            DATABASE_URL=site.database_url,
            REDIS_URL=f"redis://127.0.0.1:{redis_port}/0",
            VAR_DIR=str(folder),
            BIND=f"127.0.0.1:{site.port}",
        )
        # What was collected once will do: nobody asks for it here, but without it the web server does not start.
        if not (ROOT / "staticfiles" / "staticfiles.json").exists():
            site.manage("collectstatic", "--noinput", "-v0")
        site.prepare((OPERATORS,))
        site.execute("UPDATE routing_operator SET max_load = 2 + 2 * id % 13")
        with psycopg.connect(site.database_url, autocommit=True) as database:
            _checker.plant_history(database)
        services = [
            started([sys.executable, *command], stack, log=folder / f"{name}.log", cwd=ROOT, env=site.environment)
            for name, command in (("web", WEB), ("relay", RELAY), ("worker", WORKER))
        ]
        wait_until_up(services[0].process, f"{site.url}/healthz", services[0].log)
        yield Target(site, postgresql, redis, redis_port, *services)


def started(command: list[str], stack: ExitStack, **more) -> Process:
    process = Process(command, **more)
    stack.callback(process.kill)
    return process


def start_postgresql(folder: Path, stack: ExitStack) -> tuple[Process, int]:
    """Start a PostgreSQL that can be restarted: what it has acknowledged is in its log, if not on the disk."""
    account, home = unprivileged(), folder / "postgresql"
    home.mkdir()
    folder.chmod(0o755)
    if account:
        os.chown(home, account["user"], account["group"])
    programs = postgresql_programs(str(home), account)
    run(
        [f"{programs}/initdb", "-D", f"{home}/data", "-U", "crm", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
        str(home),
        account,
    )
    port = free_port()
    command = [f"{programs}/postgres", "-D", f"{home}/data", "-k", str(home), "-h", "127.0.0.1", "-p", str(port)]
    command += ["-c", "fsync=off", "-c", "max_connections=200"]
    return started(command, stack, log=folder / "postgresql.log", port=port, cwd=home, **account), port


@contextmanager
def clients(target: Target, outcome: Outcome, rng: random.Random) -> Iterator[None]:
    """Have all clients post while the block runs; then wait until each has the answer to its last request."""
    stop = threading.Event()
    posting = [Client(target.site, number, outcome, random.Random(rng.random())) for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.run, args=[stop]) for client in posting]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class Client:
    """Somebody's site: posts, sends again until it is answered, and resolves most of what it posted."""

    _mutex = threading.Lock()

    def __init__(self, site: Site, number: int, outcome: Outcome, rng: random.Random):
        self.site, self.number, self.outcome, self.rng = site, number, outcome, rng

    def run(self, stop: threading.Event) -> None:
        headers = {"Authorization": f"Bearer {self.site.keys[OPERATORS]}"}
        with httpx.Client(base_url=self.site.url, headers=headers, timeout=10) as self.http:
            count = 0
            while not stop.wait(self.rng.uniform(0, 0.2)):
                count += 1
                self.post(f"{self.number}-{count}")

    def post(self, key: str) -> None:
        """Post an inquiry until it is acknowledged, and perhaps once more; then perhaps resolve it."""
        lead = self.rng.randrange(LEADS)
        body = {
            "email": f"lead-{lead}@example.com",
            "message": f"How much is plan {key} for {lead} people?",
            "extra": {"key": key},
        }
        for _ in range(1 + (self.rng.random() < 0.2)):
            answer = self.send("POST", "/api/v1/inquiries", json=body, headers={"Idempotency-Key": key})
            if not answer:
                return
            with self._mutex:
                self.outcome.acknowledged.append((key, answer["id"]))
        if self.rng.random() < 0.8:
            self.send("PATCH", f"/api/v1/inquiries/{answer['id']}", json={"status": "resolved"})

    def send(self, method: str, path: str, **more) -> dict | None:
        """Send a request until it is answered. Return the answer's JSON, or None when there is no good one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                response = self.http.request(method, path, **more)
            except httpx.TransportError:
                with self._mutex:
                    self.outcome.broken_count += 1
            else:
                with self._mutex:
                    self.outcome.statuses[response.status_code] += 1
                if response.status_code not in TRY_AGAIN:
                    return response.json() if response.is_success else None
            time.sleep(self.rng.uniform(0.05, 0.3))
        with self._mutex:
            self.outcome.statuses[_checker.NEVER_ANSWERED] += 1
        return None


def wait_while(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_so() and time.monotonic() < deadline:
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
