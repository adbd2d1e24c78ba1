"""The sweep runs by itself: no broker, no queue and no worker can hold it up."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from celery import Celery
from celery.app.task import Task
from django.db import connection

from config.testrun import free_port
from crm import services, sweeper
from leads.models import Inquiry
from routing.models import Operator
from routing.tests.factories import OperatorFactory, SourceFactory
from routing.tests.parallel import in_parallel
from triage import relay

from .intake import send

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.django_db(transaction=True)


def waiting_beside_a_free_operator():
    """An inquiry that only a sweep gives out: its operator came on duty, and nobody noticed."""
    anna = OperatorFactory(is_active=False)
    send(SourceFactory(weights={anna: 1}))
    Operator.objects.update(is_active=True)
    return Inquiry.objects.waiting().get()


def sweep_once(monkeypatch, sweep=services.sweep):
    stop = threading.Event()

    def last_sweep(**arguments):
        stop.set()
        return sweep(**arguments)

    monkeypatch.setattr(sweeper.services, "sweep", last_sweep)
    in_parallel([lambda: sweeper.run(stop)])


def test_sweep_asks_no_broker(monkeypatch):
    def fail(*args, **options):
        raise AssertionError("A broker was asked.")

    monkeypatch.setattr(Task, "apply_async", fail)
    monkeypatch.setattr(Celery, "send_task", fail)
    inquiry = waiting_beside_a_free_operator()

    sweep_once(monkeypatch)

    inquiry.refresh_from_db()
    assert inquiry.status == "assigned"


def test_sweep_survives_errors_and_logs_them_once(monkeypatch, caplog):
    stop, calls = threading.Event(), []

    def flaky(*, now):
        calls.append(now)
        if len(calls) < 4:
            raise ConnectionError("The database is gone.")
        stop.set()

    monkeypatch.setattr(sweeper.services, "sweep", flaky)
    monkeypatch.setattr(relay, "PAUSE_AFTER_ERROR_SECONDS", 0.01)
    in_parallel([lambda: sweeper.run(stop)])

    assert len(calls) == 4
    assert [record.message for record in caplog.records if record.name == "triage.relay"] == [
        "The sweep fails: ConnectionError: The database is gone.",
        "The sweep succeeds again.",
    ]


def test_sweeps_of_several_relays_give_out_once(monkeypatch):
    inquiry = waiting_beside_a_free_operator()

    in_parallel([lambda: services.sweep(now=inquiry.created_at)] * 3)

    assert inquiry.assignments.filter(trigger="sweep").count() == 1


@pytest.mark.postgresql
def test_relay_process_sweeps_while_its_broker_is_down(redis_url):
    inquiry = waiting_beside_a_free_operator()
    url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "relay", "--settings", "config.settings"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while inquiry.status != "assigned" and time.monotonic() < deadline:
        time.sleep(0.1)
        inquiry.refresh_from_db()
    process.terminate()
    _, errors = process.communicate(timeout=20)

    assert inquiry.status == "assigned"
    assert process.returncode == 0
    assert errors.count("The relay cannot publish") == 1
