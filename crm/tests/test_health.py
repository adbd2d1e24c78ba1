"""Ready means that work gets done: the database can be written, the broker answers, jobs are claimed, sweeps run."""

import resource
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from config.testrun import free_port
from crm import heartbeats, sweeper
from crm.api import health
from crm.api.health import Readiness, unavailable
from crm.models import Heartbeat
from routing.tests.parallel import in_parallel
from triage.models import Job
from triage.services import claim_job
from triage.tests.factories import JobFactory


@pytest.fixture
def swept(db):
    heartbeats.beat(heartbeats.SWEEP)


def ready(client):
    """Ask anew, whatever is remembered: the status code and the report."""
    health.readiness.forget()
    response = client.get("/readyz")
    return response.status_code, response.json()


def test_alive_says_so_without_the_database(client):
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_when_all_is_well(client, swept):
    status, report = ready(client)

    assert status == 200
    assert 0 <= report.pop("last_sweep_seconds") < 10
    assert report == {"status": "ok", "database": True, "broker": True, "oldest_due_job_seconds": 0.0}


def test_job_that_nobody_claims_makes_it_unready(client, swept):
    Job.objects.filter(pk=JobFactory().pk).update(due_at=Now() - timedelta(minutes=5))

    status, report = ready(client)

    assert (status, report["status"]) == (503, "unavailable")
    assert 300 <= report["oldest_due_job_seconds"] < 330


def test_old_job_that_is_being_done_leaves_it_ready(client, swept):
    job = JobFactory()
    claim_job(job.pk)
    Job.objects.update(due_at=Now() - timedelta(minutes=5))

    assert ready(client)[1]["oldest_due_job_seconds"] == 0


def test_job_of_a_dead_worker_has_waited_since_its_lease_lapsed(client, swept):
    job = JobFactory()
    Job.objects.filter(pk=job.pk).update(due_at=Now() - timedelta(minutes=5), lease_until=Now() - timedelta(seconds=3))

    status, report = ready(client)

    assert status == 200
    assert 3 <= report["oldest_due_job_seconds"] < 30


def test_never_swept_is_not_ready(client, db):
    status, report = ready(client)

    assert (status, report["last_sweep_seconds"]) == (503, None)


@pytest.mark.parametrize("ago", [timedelta(minutes=3), timedelta(days=-300)], ids=["long ago", "in the future"])
def test_sweep_of_another_time_is_not_ready(client, swept, ago):
    Heartbeat.objects.update(beat_at=Now() - ago)

    assert ready(client)[0] == 503


def test_every_sweep_is_noted(client, db):
    sweeper.sweep()
    Heartbeat.objects.update(beat_at=Now() + timedelta(days=300))

    sweeper.sweep()

    assert ready(client)[0] == 200


@pytest.mark.skipif(settings.EMBEDDED, reason="needs Redis: `make test` brings one")
def test_broker_that_is_gone_makes_it_unready(client, swept, settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"

    status, report = ready(client)

    assert (status, report["database"], report["broker"]) == (503, True, False)


@contextmanager
def full_disk():
    """No file can grow, or be written at all: what a full disk is to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only():
    """A PostgreSQL database that takes no writes, as after a failover."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    connection.close()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the disk of a server is not ours to fill")
def test_full_disk_makes_it_unready_until_there_is_room(client, swept):
    with full_disk():
        status, report = ready(client)

    assert (status, report) == (503, unavailable(broker=True))
    assert ready(client)[0] == 200


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_read_only_server_makes_it_unready_until_it_is_writable(client, swept):
    with read_only():
        status, report = ready(client)

    assert (status, report) == (503, unavailable(broker=True))
    assert ready(client)[0] == 200


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_database_that_cannot_be_reached_makes_it_unready_until_it_can(client, swept, monkeypatch):
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", free_port())
        status, report = ready(client)

    assert (status, report) == (503, unavailable(broker=True))
    assert ready(client)[0] == 200


def test_report_names_no_secret(client, swept, monkeypatch):
    _, report = ready(client)

    assert set(report) == {"status", "database", "broker", "oldest_due_job_seconds", "last_sweep_seconds"}
    assert set(unavailable()) == set(report)


class Look:
    """Counts how often it is looked, and can be held up."""

    def __init__(self):
        self.count = 0
        self.is_in, self.may_end = threading.Event(), threading.Event()
        self.may_end.set()

    def __call__(self):
        self.count += 1
        self.is_in.set()
        assert self.may_end.wait(10)
        return {"look": self.count}


def test_thousand_requests_cost_one_look():
    look = Look()
    readiness = Readiness(look)

    reports = in_parallel([readiness.report] * 1_000, threads=16)

    assert (look.count, reports) == (1, [{"look": 1}] * 1_000)


def test_look_is_taken_again_after_a_second(monkeypatch):
    readiness = Readiness(Look())
    readiness.report()
    monkeypatch.setattr(health, "KEEP_SECONDS", 0)

    assert readiness.report() == {"look": 2}


def test_whoever_asks_during_a_look_is_told_the_last_one(monkeypatch):
    monkeypatch.setattr(health, "KEEP_SECONDS", 0)
    look = Look()
    readiness = Readiness(look)
    readiness.report()
    look.is_in.clear()
    look.may_end.clear()

    def ask_while_another_looks():
        assert look.is_in.wait(10)
        told = readiness.report()
        look.may_end.set()
        return told

    looked, told = in_parallel([readiness.report, ask_while_another_looks])

    assert (looked, told) == ({"look": 2}, {"look": 1})


def test_look_that_hangs_makes_it_unready_and_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(health, "WAIT_SECONDS", 0.01)
    look = Look()
    readiness = Readiness(look)
    look.may_end.clear()

    def ask_while_another_hangs():
        assert look.is_in.wait(10)
        told = readiness.report()
        look.may_end.set()
        return told

    _, told = in_parallel([readiness.report, ask_while_another_hangs])

    assert told == unavailable()
