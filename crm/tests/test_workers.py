"""The workers of docker-compose.yml as processes, on PostgreSQL and Redis."""

import base64
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from django.db import connection

from triage.analyzers.base import Reading
from triage.models import Insight, Job, JobKind
from triage.relay import publish_wakeups
from triage.services import read_due
from triage.tests.factories import JobFactory

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SECRET = "whsec_" + base64.b64encode(bytes(24)).decode()

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


class Alarmed:
    name, version, batch_size = "stub", "1", 50

    def read(self, text, context=None):
        return Reading("support", "P0", "escalate", 0.9)


@pytest.fixture
def silent_webhook(settings):
    """A receiver that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        settings.ALERT_WEBHOOK_SECRET = [SECRET]
        yield settings.ALERT_WEBHOOK_URL


@pytest.fixture
def start(redis_url):
    """Start a service of docker-compose.yml as it stands there; it ends with the test."""
    database = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)

    def start_service(name, **environment):
        environment = {**os.environ, "DATABASE_URL": database, "REDIS_URL": redis_url, **environment}
        command = [sys.executable, "-m", *shlex.split(SERVICES[name]["command"])]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        stack.callback(process.wait)
        # Not asked to end: it would wait for what hangs.
        stack.callback(os.killpg, process.pid, signal.SIGKILL)

    with ExitStack() as stack:
        yield start_service


def publish_until(is_so, *, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        publish_wakeups()
        time.sleep(0.2)
    return is_so()


def test_webhook_that_hangs_does_not_hold_up_reading(silent_webhook, start):
    for number in range(30):
        JobFactory(inquiry__message=f"Down {number}")
    read_due(analyzer=Alarmed())
    alerts = Job.objects.filter(kind=JobKind.ALERT_WEBHOOK)
    webhook = {"ALERT_WEBHOOK_URL": silent_webhook, "ALERT_WEBHOOK_SECRET": SECRET}
    for name in ("worker", "worker-alerts"):
        start(name, **webhook)
    assert publish_until(alerts.filter(lease_until__isnull=False).exists)
    job = JobFactory(inquiry__message="Where is my invoice?")

    assert publish_until(Insight.objects.filter(job=job).exists)

    assert alerts.filter(done_at=None, attempt_count=0).exists()


class Hungry:
    """Grows with every text and never shrinks; its version tells which process read."""

    name = "hungry"
    eaten = []

    @property
    def version(self):
        return str(os.getpid())

    def read(self, text, context=None):
        self.eaten.append(b"x" * 200_000_000)
        return Reading("buy", "P2", "call", 0.9)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_process_that_eats_memory_is_replaced_and_the_next_one_reads_on(start):
    start("worker", TRIAGE_ANALYZER="crm.tests.test_workers.Hungry", WORKER_MEMORY_MB="150")
    for text in ("How much is it?", "Where is my invoice?", "Do you sell in bulk?"):
        job = JobFactory(inquiry__message=text)
        assert publish_until(Insight.objects.filter(job=job).exists)
        pid = int(Insight.objects.get(job=job).version)

        assert publish_until(lambda: not is_alive(pid), seconds=20)  # noqa: B023
