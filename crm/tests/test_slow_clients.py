"""Clients that send a byte now and then take no thread of the application: the proxy sees to it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from config.testrun import free_port

ROOT = Path(__file__).resolve().parents[2]
SLOW_CLIENTS = 300
HEADERS_BEGUN = b"POST /api/v1/inquiries HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthor"
BODY_BEGUN = (
    b"POST /api/v1/inquiries HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer crm_no_key\r\n"
    b"Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"
)

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@contextmanager
def process(command, **more):
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.communicate(timeout=30)


def status_of(url, **more):
    """Ask until something answers; return its status and its body."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, **more), timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def database_url():
    of = connection.settings_dict
    return f"postgres://{of['USER']}:{of['PASSWORD']}@{of['HOST']}:{of['PORT']}/{of['NAME']}"


@pytest.fixture
def web(redis_url, tmp_path):
    """The address of `manage.py web`."""
    port = free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": redis_url,
        "SECRET_KEY": "for-this-test-only",
        "BIND": f"127.0.0.1:{port}",
        "VAR_DIR": str(tmp_path),
    }
    environment.pop("TEST_DIR", None)
    subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"], cwd=ROOT, env=environment)
    with process([sys.executable, "manage.py", "web"], env=environment):
        assert status_of(f"http://127.0.0.1:{port}/healthz")[0] == 200
        yield f"127.0.0.1:{port}"


@contextmanager
def proxied(address, folder):
    """Run nginx with the configuration that ships, in front of an address."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("needs nginx")
    port = free_port()
    text = (ROOT / "config" / "nginx.conf").read_text()
    text = text.replace("web:8000", address).replace("listen 8000", f"listen 127.0.0.1:{port}")
    text = re.sub(r"/tmp/(\w+)", rf"{folder}/\1", text)
    (folder / "nginx.conf").write_text(text)
    with process([program, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-g", "daemon off;"]):
        yield f"http://127.0.0.1:{port}"


def test_slow_clients_hold_nobody_up(web, tmp_path):
    with proxied(web, tmp_path) as url, ExitStack() as connections:
        assert status_of(f"{url}/healthz")[0] == 200
        host, port = url.removeprefix("http://").split(":")
        slow = [connections.enter_context(socket.create_connection((host, port))) for _ in range(SLOW_CLIENTS)]
        for number, client in enumerate(slow):
            client.sendall(BODY_BEGUN if number % 2 else HEADERS_BEGUN)
        time.sleep(0.5)
        for client in slow:
            client.sendall(b" ")

        # Far more than the application has threads; each answer needs one, and the database.
        for _ in range(40):
            assert status_of(f"{url}/api/v1/leads/x", headers={"Authorization": "Bearer crm_no_key"})[0] in (401, 404)


def test_what_is_too_large_is_a_problem_and_is_not_handed_on(web, tmp_path):
    with proxied(web, tmp_path) as url:
        status, body = status_of(f"{url}/api/v1/inquiries", data=b" " * 6 * 1024 * 1024)

    assert status == 413
    assert b'"type": "/api/problems/too-large"' in body


def test_without_the_application_the_answer_is_a_problem(tmp_path):
    with proxied(f"127.0.0.1:{free_port()}", tmp_path) as url:
        status, body = status_of(f"{url}/api/v1/inquiries", data=b"{}")

    assert status == 503
    assert b'"type": "/api/problems/unavailable"' in body


@pytest.mark.parametrize(
    ("request_sent", "status"),
    [
        (b"\x16\x03\x01\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /api/v1/leads/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST /api/v1/inquiries HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /api/v1/inquiries HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /api/v1/inquiries HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"POST /api/v1/inquiries HTTP/3.9\r\nHost: a\r\n\r\n", 400),
        (b"TRACE /api/v1/inquiries HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /api/v1/" + b"x" * 9000, 431),
        (b"GET /api/ HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
    ],
)
def test_proxy_refuses_what_is_no_request_with_a_problem(proxy_alone, request_sent, status):
    with socket.create_connection(proxy_alone) as client:
        client.sendall(request_sent)
        head, _, body = client.makefile("rb").read().partition(b"\r\n\r\n")

    assert int(head.split()[1]) == status
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["status"] == status


@pytest.fixture(scope="module")
def proxy_alone(tmp_path_factory):
    """The address of the proxy, with no application behind it."""
    with proxied(f"127.0.0.1:{free_port()}", tmp_path_factory.mktemp("proxy")) as url:
        status_of(f"{url}/api/")
        host, _, port = url.removeprefix("http://").partition(":")
        yield host, int(port)
