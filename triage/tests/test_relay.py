"""The relay: it rings for what is due, again and again until it is done, and never twice at once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from routing.tests.parallel import in_parallel
from triage import relay
from triage.models import Job
from triage.relay import ring_due_jobs, take_rings
from triage.services import claim_job

from .factories import JobFactory

pytestmark = pytest.mark.django_db


class Bell:
    """Takes the place of the broker, and may break down after so many rings."""

    app = relay.work.app

    def __init__(self, *, breaks_after=None):
        self.rung, self.breaks_after = [], breaks_after

    def apply_async(self, args, **options):
        if len(self.rung) == self.breaks_after:
            raise ConnectionError("The broker is gone.")
        self.rung += args


@pytest.fixture
def bell(monkeypatch):
    bell = Bell()
    monkeypatch.setattr(relay, "work", bell)
    return bell


def let_the_ring_come():
    Job.objects.update(ring_at=Now() - timedelta(milliseconds=1))


def pause_of(job):
    job.refresh_from_db()
    return round((job.ring_at - timezone.now()).total_seconds())


def test_it_rings_for_what_is_due_the_longest_waiting_first(bell):
    second = JobFactory(ring_at=timezone.now() - timedelta(minutes=1))
    first = JobFactory(ring_at=timezone.now() - timedelta(minutes=2))

    assert ring_due_jobs() == 2

    assert bell.rung == [first.pk, second.pk]


def test_a_ring_is_made_once_and_comes_again_after_a_growing_pause(bell):
    job = JobFactory()
    pauses = []
    for _ in range(8):
        assert ring_due_jobs() == 1
        assert ring_due_jobs() == 0
        pauses.append(pause_of(job))
        let_the_ring_come()

    assert pauses == [2, 4, 6, 8, 10, 12, 12, 12]
    assert bell.rung == [job.pk] * 8


def test_it_does_not_ring_for_what_is_not_due_held_done_or_given_up(bell):
    now = timezone.now()
    JobFactory(due_at=now + timedelta(minutes=1))
    JobFactory(ring_at=now + timedelta(minutes=1))
    JobFactory(done_at=now)
    JobFactory(failed_at=now)
    claim_job(JobFactory().pk)

    assert ring_due_jobs() == 0
    assert bell.rung == []


def test_it_rings_again_for_what_a_dead_worker_held(bell):
    job = JobFactory()
    claim_job(job.pk)
    Job.objects.update(lease_until=Now() - timedelta(seconds=1))

    assert ring_due_jobs() == 1


def test_it_rings_for_so_many_at_a_time(bell):
    jobs = [JobFactory().pk for _ in range(5)]

    assert [ring_due_jobs(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert sorted(bell.rung) == sorted(jobs)


def test_an_error_of_the_broker_stops_the_batch_and_all_are_rung_for_again(monkeypatch):
    jobs = [JobFactory(ring_at=timezone.now() - timedelta(minutes=9 - n)).pk for n in range(4)]
    broken = Bell(breaks_after=2)
    monkeypatch.setattr(relay, "work", broken)

    with pytest.raises(ConnectionError, match="The broker is gone"):
        ring_due_jobs()
    assert broken.rung == jobs[:2]

    let_the_ring_come()
    monkeypatch.setattr(relay, "work", mended := Bell())
    assert ring_due_jobs() == 4
    assert mended.rung == jobs


def test_a_job_waits_no_longer_than_twelve_seconds_for_its_next_ring(bell):
    JobFactory(ring_count=500)

    ring_due_jobs()

    assert pause_of(Job.objects.get()) == 12


@pytest.mark.django_db(transaction=True)
def test_the_loop_survives_a_broken_broker_says_so_once_and_says_when_it_rings_again(monkeypatch, caplog):
    job, stop, calls = JobFactory(), threading.Event(), []

    class Flaky:
        app = relay.work.app

        def apply_async(self, args, **options):
            calls.append(args)
            let_the_ring_come()
            if len(calls) < 3:
                raise ConnectionError("The broker is gone.")
            stop.set()

    monkeypatch.setattr(relay, "work", Flaky())
    monkeypatch.setattr(relay, "PAUSE_AFTER_ERROR_SECONDS", 0.01)
    in_parallel([lambda: relay.run(stop)])

    assert calls == [(job.pk,)] * 3
    assert [record.message for record in caplog.records if record.name == "triage.relay"] == [
        "The relay cannot ring: ConnectionError: The broker is gone.",
        "The relay rings again.",
    ]


@pytest.mark.django_db(transaction=True)
def test_many_relays_at_once_ring_for_each_job_once():
    jobs = [JobFactory().pk for _ in range(60)]

    taken = in_parallel([lambda: take_rings(limit=7)] * 24, threads=6)

    assert sorted(pk for batch in taken for pk in batch) == jobs


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_relay_passes_over_what_another_is_about_to_ring_for():
    jobs = [JobFactory().pk for _ in range(6)]

    with transaction.atomic():
        held = list(Job.objects.select_for_update().filter(pk__in=jobs[:4]))
        [others] = in_parallel([take_rings])

    assert len(held) == 4
    assert others == jobs[4:]


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_claim_a_job_once():
    job = JobFactory()

    claims = in_parallel([lambda: claim_job(job.pk)] * 20)

    assert len([claim for claim in claims if claim]) == 1
    job.refresh_from_db()
    assert (job.token, job.attempt_count) == (1, 1)


@pytest.mark.postgresql
def test_the_relay_finds_what_is_due_by_its_index():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM triage_job WHERE done_at IS NULL AND failed_at IS NULL AND ring_at <= now()"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "job_open" in plan
