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
from triage.models import Job, JobKind
from triage.queries import is_due
from triage.relay import QUEUE_LIMIT, publish_wakeups

from .intake import resolve, send

pytestmark = pytest.mark.django_db(transaction=True)


def broker_at(port):
    """The relay's tasks, published to a Redis at this port."""
    app = Celery("elsewhere", set_as_current=False)
    ours = {name.removeprefix("CELERY_"): value for name, value in vars(config.settings).items() if "CELERY_" in name}
    theirs = {
        "broker_url": f"redis://127.0.0.1:{port}/0",
        "broker_transport_options": {"socket_timeout": 0.3, "socket_connect_timeout": 0.3},
    }
    app.conf.update({name.lower(): value for name, value in ours.items()} | theirs)

    @app.task(name="triage.work")
    def work():
        raise AssertionError("It is only published here.")

    return ((work, [JobKind.INSIGHT]),)


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
    assert publish_wakeups() == len(calls) == QUEUE_LIMIT


def error_of_publishing():
    """What the relay runs into; it must not take longer than ten seconds to find out."""
    errors = []

    def publish():
        try:
            publish_wakeups()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    thread.join(10)
    return errors[0] if errors else None


def test_relay_gives_up_soon_on_a_broker_that_hangs(monkeypatch):
    send(SourceFactory())
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        monkeypatch.setattr(relay, "TASKS", broker_at(frozen.getsockname()[1]))

        error = error_of_publishing()

    assert isinstance(error, OperationalError)
    assert is_due(JobKind.INSIGHT)


def test_relay_gives_up_soon_when_there_is_no_broker(monkeypatch):
    send(SourceFactory())
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed_port = server.getsockname()[1]
    monkeypatch.setattr(relay, "TASKS", broker_at(closed_port))

    assert isinstance(error_of_publishing(), OperationalError)
    assert is_due(JobKind.INSIGHT)
