"""The service as it is run in earnest, on private servers, with its processes and its database at hand."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from config.testrun import Missing, free_port, postgresql, redis

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 20
LOG_TAIL = 2_000
WEB = ["manage.py", "web"]
#: The open inquiries of the sources that are posted to; those of a history that was filled in stay as they are.
OPEN = "resolved_at IS NULL AND source_id IN (SELECT id FROM routing_source WHERE slug LIKE 'bench-%')"
RELAY = ["manage.py", "relay"]
WORKER = ["-m", "celery", "-A", "config", "worker", "--loglevel", "WARNING", "--concurrency", "1"]
WORKER += ["--without-gossip", "--without-mingle", "--without-heartbeat"]


@dataclass
class Site:
    """One database, the environment of the processes that work on it, and where they log."""

    database_url: str
    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    web: subprocess.Popen | None = None
    #: A key with every scope, by the number of operators of its source.
    keys: dict[int, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end and return what it printed. Exits when it fails."""
        return self.run("manage.py", *arguments)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{(done.stderr or done.stdout)[-LOG_TAIL:]}")
        return done.stdout

    def prepare(self, sizes: tuple[int, ...]) -> None:
        """Make the tables, and a source for each number of operators."""
        self.manage("migrate", "-v0")
        if sizes:
            keys = self.run("-m", "benchmarks._company", *map(str, sizes)).split()
            self.keys = dict(zip(sizes, keys, strict=True))

    @contextmanager
    def process(self, command: list[str], *, url: str = "") -> Iterator[subprocess.Popen]:
        """Run one of the service's processes while the block runs; with ``url``, once that answers."""
        path = self.folder / f"{command[-1].rpartition('/')[2]}-{self.port}.log"
        with open(path, "w") as log:
            # A session of its own, so that its children can be ended with it.
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            if url:
                wait_until_up(process, url, path)
            yield process
            if process.poll() is not None:
                sys.exit(f"{' '.join(command)} died with {process.returncode}:\n{tail(path)}")
        finally:
            stop(process)

    @contextmanager
    def serving(self, command: list[str] = WEB) -> Iterator["Site"]:
        with self.process(command, url=f"{self.url}/healthz") as self.web:
            yield self

    def execute(self, statement: str) -> list[tuple]:
        """Run SQL past the service and return its rows, if it has any."""
        if self.database_url:
            with psycopg.connect(self.database_url, autocommit=True) as connection:
                cursor = connection.execute(statement)
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.folder / "crm.sqlite3", timeout=30, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def count(self, statement: str) -> int:
        return self.execute(f"SELECT count(*) FROM {statement}")[0][0]

    def resolve_all(self) -> None:
        """Give all operators their places back, so that every round finds the same."""
        self.execute(f"UPDATE leads_inquiry SET resolved_at = CURRENT_TIMESTAMP, waiting_reason = '' WHERE {OPEN}")

    def fill(self, inquiries: int) -> None:
        """Give the database a history of so many inquiries, and leave nothing to be vacuumed."""
        started = time.monotonic()
        self.manage("fill", "--inquiries", str(inquiries), "--open", "100", "--add")
        self.execute("VACUUM (ANALYZE)")
        print(
            f"filled with {inquiries:,} inquiries in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True
        )

    def postmaster(self) -> int:
        """Return the id of the server's first process, the parent of the one that answers us."""
        with psycopg.connect(self.database_url) as connection:
            stat = Path(f"/proc/{connection.info.backend_pid}/stat")
            return int(stat.read_text().rpartition(")")[2].split()[1]) if stat.exists() else 0


@contextmanager
def sites_at_scale(*sizes: int, databases: int = 1) -> Iterator[list[Site]]:
    """Run PostgreSQL and Redis with as many databases as asked, each made ready for a service. Exits without them."""
    with ExitStack() as servers:
        folder = Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="crm-bench-")))
        try:
            url, _ = servers.enter_context(postgresql())
            broker, _ = servers.enter_context(redis())
        except Missing as error:
            sys.exit(f"This benchmark needs PostgreSQL and Redis: {error}.")
        sites = [site_on(url, number, folder=folder, redis_url=f"{broker}/{number}") for number in range(databases)]
        sites[0].manage("collectstatic", "--noinput", "-v0")
        for site in sites:
            site.prepare(sizes)
        yield sites


def site_on(server_url: str, number: int, *, folder: Path, redis_url: str) -> Site:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE bench{number}")
    database_url = f"{server_url.rpartition('/')[0]}/bench{number}"
    site = Site(database_url, folder, {})
    site.environment = environment(
        DATABASE_URL=database_url, REDIS_URL=redis_url, VAR_DIR=str(folder), BIND=f"127.0.0.1:{site.port}"
    )
    return site


@contextmanager
def embedded_site(*sizes: int) -> Iterator[Site]:
    """Prepare the run in one process, on SQLite."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        site = Site("", Path(folder), environment(VAR_DIR=folder))
        site.prepare(sizes)
        yield site


def serve(site: Site) -> list[str]:
    return ["manage.py", "serve", "--no-demo", "--port", str(site.port)]


def environment(**settings: str) -> dict[str, str]:
    """Return the variables of the service's processes: ours, and nothing that a developer has set for themselves.

    WEB_WORKERS and WEB_THREADS stay: what they change is worth measuring.
    """
    example = (ROOT / ".env.example").read_text()
    foreign = {*re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE), "DJANGO_SETTINGS_MODULE", "BIND"}
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return kept | {"ENV_FILE": os.devnull, "SECRET_KEY": "only-for-this-run", "LOG_LEVEL": "WARNING"} | settings


def wait_until_up(process: subprocess.Popen, url: str, log: Path) -> None:
    """Return when the address answers. Exits, with the end of the log, when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.1)
    sys.exit(f"{' '.join(process.args)} did not come up:\n{tail(log)}")


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-LOG_TAIL:]


def stop(process: subprocess.Popen) -> None:
    """End a process and its children; those that do not hear it are killed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
