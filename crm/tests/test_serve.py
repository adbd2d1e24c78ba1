"""`make run`, as a newcomer meets it: one process, started, used, ended and killed."""

import base64
import json
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from config.testrun import free_port

ROOT = Path(__file__).resolve().parents[2]
OPEN_FILES, SLOW_CLIENTS = 256, 300

pytestmark = [
    pytest.mark.xdist_group("serve"),
    pytest.mark.skipif(not settings.EMBEDDED, reason="the embedded run needs neither PostgreSQL nor Redis"),
]


class House:
    """A folder that `manage.py serve` keeps its data in, and the process that serves out of it."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.environment = {**os.environ, "VAR_DIR": str(folder), "SECRET_KEY": "", "DATABASE_URL": ""}
        self.environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
        self.process = None

    def shell(self, code):
        """Run some Python in the same folder."""
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
        subprocess.run(command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, check=True)

    def serve(self):
        """Serve, unless it does already. Gives what was printed, up to the end of the banner."""
        if self.process is None:
            self.start()
        if not self.banner:
            self.banner = self._listen()
        return self.banner

    def start(self):
        """Start to serve, and wait for nothing. The process may open few files, as on many systems."""
        self.banner = ""
        _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.process = subprocess.Popen(
            [sys.executable, "-u", "manage.py", "serve", "--port", str(self.port)],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (OPEN_FILES, hard_limit)),
        )

    def _listen(self):
        said = ""
        for line in self.process.stdout:
            said += line
            if line.startswith("Ctrl-C ends it"):
                return said
        raise AssertionError(said)

    def end(self, number=signal.SIGINT):
        """Send a signal. Gives the exit status, the seconds it took, and what was still said."""
        process, self.process = self.process, None
        began = time.monotonic()
        process.send_signal(number)
        said, _ = process.communicate(timeout=20)
        return process.returncode, time.monotonic() - began, said


def ask(url, *, key="", body=None, **headers):
    """An HTTP request as a client sends it: status and JSON."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def paste(said):
    """Send the request that was printed, as a shell would take it apart."""
    words = shlex.split(re.search(r"^curl -i (.*?\}')$", said, re.MULTILINE | re.DOTALL)[1].replace("\\\n", " "))
    headers = dict(words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H")
    return ask(words[0], body=words[words.index("-d") + 1].encode(), **headers)


def await_insight(house, inquiry, *, key, seconds):
    url = f"http://127.0.0.1:{house.port}/api/v1/inquiries/{inquiry}/insight"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, insight = ask(url, key=key)
        if status == 200:
            return insight
        time.sleep(0.1)
    raise AssertionError(f"no insight within {seconds} s: {insight}")


def embedded_worker(house):
    """The process id of `manage.py embedded`, which the serving process has started."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command, fields = status.with_name("cmdline").read_bytes(), status.read_text()
        except OSError:
            continue
        if command.endswith(b"embedded\0") and f"PPid:\t{house.process.pid}\n" in fields:
            return int(status.parent.name)
    return None


def await_worker(house, *, other_than=None):
    for _ in range(200):
        if (pid := embedded_worker(house)) not in (None, other_than):
            return pid
        time.sleep(0.1)
    raise AssertionError("no embedded worker")


def told(said, label):
    return re.search(rf"^{label} +(.*)$", said, re.MULTILINE)[1]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house") / "var")
    yield house
    if house.process:
        house.end(signal.SIGKILL)


def test_the_printed_request_works_and_is_read_within_five_seconds(house):
    said = house.serve()

    status, first = paste(said)
    insight = await_insight(house, first["id"], key=told(said, "API key"), seconds=5)
    again = paste(said)

    assert told(said, "Admin") == f"http://127.0.0.1:{house.port}/admin/"
    assert re.fullmatch(r"admin / \S{12}", told(said, "Login"))
    assert status == 201
    assert first["operator"] is not None
    assert insight["intent"] == "buy"
    assert again == (200, first)


def test_it_is_ready_once_the_process_beside_it_has_swept(house):
    house.serve()
    deadline = time.monotonic() + 20
    while (answer := ask(f"http://127.0.0.1:{house.port}/readyz"))[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.1)

    status, report = answer
    assert (status, report["database"], report["broker"]) == (200, True, True)
    assert report["last_sweep_seconds"] < 60


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it finds processes in /proc")
def test_embedded_worker_that_is_killed_is_started_again_and_reads(tmp_path, request):
    house = House(tmp_path / "var")
    key = told(house.serve(), "API key")
    request.addfinalizer(lambda: house.end(signal.SIGKILL))
    killed = await_worker(house)
    os.kill(killed, signal.SIGKILL)

    body = json.dumps({"external_id": "after the kill", "message": "How much is it?"}).encode()
    _, inquiry = ask(f"http://127.0.0.1:{house.port}/api/v1/inquiries", key=key, body=body)

    assert await_worker(house, other_than=killed) != killed
    assert await_insight(house, inquiry["id"], key=key, seconds=30)["intent"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it finds processes in /proc")
def test_embedded_worker_ends_with_the_process_that_serves_however_that_ends(tmp_path):
    house = House(tmp_path / "var")
    for number in (signal.SIGINT, signal.SIGKILL):
        house.serve()
        worker = await_worker(house)
        house.end(number)
        for _ in range(100):
            if not Path(f"/proc/{worker}").exists():
                break
            time.sleep(0.1)
        assert not Path(f"/proc/{worker}").exists()


def test_an_inquiry_survives_kill_9(house):
    first_words = house.serve()
    address, key = f"http://127.0.0.1:{house.port}/api/v1/inquiries", told(first_words, "API key")
    status, inquiry = ask(address, key=key, body=b'{"email": "kill@example.com", "message": "Where is my invoice?"}')
    house.end(signal.SIGKILL)

    said = house.serve()
    insight = await_insight(house, inquiry["id"], key=told(said, "API key"), seconds=10)

    assert status == 201
    assert insight["inquiry"] == inquiry["id"]
    assert told(said, "Login") == told(first_words, "Login")
    assert told(said, "API key") == told(first_words, "API key")


def test_webhook_that_hangs_does_not_hold_up_reading(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        house = House(tmp_path)
        house.environment["ALERT_WEBHOOK_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        house.environment["ALERT_WEBHOOK_SECRET"] = "whsec_" + base64.b64encode(bytes(24)).decode()
        try:
            key = told(house.serve(), "API key")
            address = f"http://127.0.0.1:{house.port}/api/v1/inquiries"
            for number in range(20):
                ask(address, key=key, body=inquiry_of(number, "СРОЧНО! Сайт лежит, теряем деньги!"))
            _, last = ask(address, key=key, body=inquiry_of(20, "Where is my invoice?"))

            # Had a thread to deliver each alert first, ten seconds and more each, this would take a minute.
            assert await_insight(house, last["id"], key=key, seconds=20)["inquiry"] == last["id"]
        finally:
            house.end(signal.SIGKILL)


def inquiry_of(number, message):
    return json.dumps({"email": f"{number}@example.com", "message": message}).encode()


def test_what_it_keeps_is_its_owners_alone(house):
    house.serve()

    kept = [house.folder, *house.folder.rglob("*")]
    assert {"crm.sqlite3", "secret_key", "serve.lock"} <= {path.name for path in kept}
    assert [path.name for path in kept if path.stat().st_mode & 0o077] == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it finds processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_and_quietly_also_when_every_process_is_told_so_twice(house, number):
    """As systemd, `timeout` and an impatient Ctrl-C do."""
    house.serve()
    worker = await_worker(house)

    for pid in (worker, house.process.pid, worker, house.process.pid):
        os.kill(pid, number)
    status, seconds, output = house.end(number)

    # Its output ends when the last process has that wrote to it.
    assert (status, output.strip()) == (0, "Stopping …")
    assert seconds < 5
    assert not Path(f"/proc/{worker}").exists()


def test_it_ends_quietly_while_it_starts_and_makes_it_good_the_next_time(tmp_path):
    house = House(tmp_path / "var")
    marker = tmp_path / "var" / "demo_owed"
    try:
        house.start()
        assert house.process.stdout.readline() == "Preparing the database …\n"
        assert end_twice(house, signal.SIGTERM) == (0, "Stopping …")

        house.start()
        await_file(marker, house)
        assert end_twice(house, signal.SIGINT)[0] == 0

        assert paste(house.serve())[0] == 201
        assert not marker.exists()
    finally:
        if house.process:
            house.end(signal.SIGKILL)


def end_twice(house, number):
    house.process.send_signal(number)
    status, seconds, output = house.end(number)
    assert seconds < 10
    assert "Traceback" not in output
    return status, output.strip()


def await_file(path, house):
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(house.end(signal.SIGKILL)[2])


def test_it_tells_no_password_and_no_key_that_works_no_more(house):
    key = told(house.serve(), "API key")
    house.shell(
        "from django.contrib.auth.models import User; from crm.models import ApiKey; "
        "u = User.objects.get(username='admin'); u.set_password('another'); u.save(); "
        "ApiKey.objects.update(revoked_at='2026-01-01 00:00Z')"
    )
    house.end()

    said = house.serve()

    assert told(said, "Login").startswith("the one you set ")
    assert told(said, "API key") != key
    assert paste(said)[0] == 201


def test_clients_that_send_a_byte_now_and_then_hold_up_no_posts(house):
    """There are more of them than the process may open files, unless it allows itself more."""
    key = told(house.serve(), "API key")
    head = "POST /api/v1/inquiries HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    body_begun = f"{head}Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n{{".encode()
    statuses = []

    with ExitStack() as connections:
        address = ("127.0.0.1", house.port)
        slow = [connections.enter_context(socket.create_connection(address)) for _ in range(SLOW_CLIENTS)]
        for number, client in enumerate(slow):
            client.sendall(body_begun if number % 2 else f"{head}X-Slow: ".encode())
        for number in range(40):
            for client in slow[number::40]:
                client.sendall(b"x")
            url = f"http://127.0.0.1:{house.port}/api/v1/inquiries"
            body = inquiry_of(f"quick-{number}", "How much is it?")
            statuses.append(ask(url, key=key, body=body)[0])

    assert statuses == [201] * 40


def refusal(*arguments, **environment):
    ended = subprocess.run(
        [sys.executable, "manage.py", "serve", *arguments],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    return ended.stderr


def test_a_busy_port_is_said_in_one_sentence(tmp_path, busy_port):
    said = refusal("--port", str(busy_port), VAR_DIR=str(tmp_path))

    assert said == f"CommandError: Port {busy_port} is busy. Take another: make run PORT={busy_port + 1}\n"
    assert not (tmp_path / "crm.sqlite3").exists()


@pytest.fixture
def busy_port():
    """A port somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_port_that_is_none_is_said_in_one_sentence(tmp_path):
    assert refusal("--port", "99999", VAR_DIR=str(tmp_path)).startswith("CommandError: Port 99999 is no port")


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").touch()

    said = refusal(VAR_DIR=str(tmp_path / "file" / "var"))

    assert said.startswith("Wrong setting. The folder")
    assert said.count("\n") == 1
