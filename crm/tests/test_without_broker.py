"""P8 in short: the intake never talks to the broker, so one that is gone or hangs costs it nothing."""

import socket
import threading

import pytest
from celery import Celery
from celery.app.task import Task
from django.db import connection
from kombu.exceptions import OperationalError

import config.settings
from leads.models import Inquiry
from routing.tests.factories import OperatorFactory, SourceFactory
from triage import relay
from triage.models import Job
from triage.relay import ring_due_jobs

from .intake import resolve, send

pytestmark = pytest.mark.django_db(transaction=True)


def broker_at(port):
    """The task as the service would send it, to a Redis at this port."""
    app = Celery("elsewhere", set_as_current=False)
    ours = {name.removeprefix("CELERY_"): value for name, value in vars(config.settings).items() if "CELERY_" in name}
    theirs = {
        "broker_url": f"redis://127.0.0.1:{port}/0",
        "broker_transport_options": {"socket_timeout": 0.3, "socket_connect_timeout": 0.3},
    }
    app.conf.update({name.lower(): value for name, value in ours.items()} | theirs)

    @app.task(name="triage.work")
    def work(job_id):
        raise AssertionError("It is rung for here, not done.")

    return work


def test_intake_and_resolution_never_call_the_broker(monkeypatch):
    calls = []
    monkeypatch.setattr(Task, "apply_async", lambda *args, **options: calls.append(args))
    monkeypatch.setattr(Celery, "send_task", lambda *args, **options: calls.append(args))
    site = SourceFactory(weights={OperatorFactory(max_load=1): 1})

    for n in range(3):
        send(site, email=f"stranger-{n}@example.com", key=f"order-{n}")
    resolve(Inquiry.objects.filter(operator__isnull=False).get())

    assert calls == []
    assert Job.objects.count() == 3
    assert ring_due_jobs() == len(calls) == 3


def error_of_ringing():
    """What the relay runs into; it must not take longer than ten seconds to find out."""
    errors = []

    def ring():
        try:
            ring_due_jobs()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=ring, daemon=True)
    thread.start()
    thread.join(10)
    return errors[0] if errors else None


def test_the_relay_gives_up_soon_on_a_broker_that_hangs_and_keeps_the_job(monkeypatch):
    send(SourceFactory())
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        monkeypatch.setattr(relay, "work", broker_at(frozen.getsockname()[1]))

        error = error_of_ringing()

    assert isinstance(error, OperationalError)
    assert Job.objects.get(done_at=None, failed_at=None).ring_count == 1


def test_the_relay_gives_up_soon_when_there_is_no_broker_and_keeps_the_job(monkeypatch):
    send(SourceFactory())
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed_port = server.getsockname()[1]
    monkeypatch.setattr(relay, "work", broker_at(closed_port))

    assert isinstance(error_of_ringing(), OperationalError)
    assert Job.objects.get(done_at=None, failed_at=None).ring_count == 1
