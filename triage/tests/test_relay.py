"""The relay: a few wake-ups while anything is due, never more, and it survives its broker."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from config.celery import app
from routing.tests.parallel import in_parallel
from triage import relay
from triage.models import JobKind
from triage.relay import QUEUE_LIMIT, publish_wakeups
from triage.services import claim_job, read_due
from triage.tasks import work

from .factories import JobFactory
from .test_batches import BatchReader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queues():
    """The queues of the broker that the tests run with, empty at the start and the end."""
    with app.connection_for_read() as connection:
        names = ("celery", "alerts", "upkeep")
        opened = {name: connection.SimpleQueue(name) for name in names}
        for queue in opened.values():
            queue.clear()
        yield opened
        for queue in opened.values():
            queue.clear()
            queue.close()


def lengths(queues):
    return {name: queue.queue(queue.channel).queue_declare().message_count for name, queue in queues.items()}


def take(queue):
    message = queue.get(timeout=5)
    message.ack()
    return message


def test_queue_is_bounded_whatever_the_backlog(queues):
    for _ in range(20):
        JobFactory()

    assert [publish_wakeups() for _ in range(5)] == [QUEUE_LIMIT, 0, 0, 0, 0]

    assert lengths(queues) == {"celery": QUEUE_LIMIT, "alerts": 0, "upkeep": 0}


def test_wakeup_names_no_job(queues):
    JobFactory()

    publish_wakeups()

    message = take(queues["celery"])
    assert message.headers["task"] == "triage.work"
    assert message.payload[:2] == [[], {}]


def test_queue_is_topped_up_while_anything_is_due(queues):
    JobFactory()
    publish_wakeups()
    take(queues["celery"])

    assert publish_wakeups() == 1

    read_due(analyzer=BatchReader())
    take(queues["celery"])
    assert publish_wakeups() == 0


def test_lost_wakeups_are_published_again(queues):
    JobFactory()
    publish_wakeups()
    queues["celery"].clear()

    assert publish_wakeups() == QUEUE_LIMIT


def test_wakeup_for_nothing_changes_nothing():
    work()
    work()


def test_alerts_have_a_queue_of_their_own(queues):
    JobFactory(kind=JobKind.ALERT_EMAIL)
    JobFactory(kind=JobKind.ALERT_WEBHOOK)

    publish_wakeups()

    assert lengths(queues) == {"celery": 0, "alerts": QUEUE_LIMIT, "upkeep": 0}
    assert take(queues["alerts"]).headers["task"] == "triage.deliver_alerts"


def test_full_queue_of_alerts_does_not_keep_reading_from_being_asked_for(queues):
    JobFactory(kind=JobKind.ALERT_WEBHOOK)
    publish_wakeups()
    JobFactory()

    assert publish_wakeups() == QUEUE_LIMIT

    assert lengths(queues)["celery"] == QUEUE_LIMIT


def test_nothing_is_published_for_jobs_not_due_claimed_done_or_failed(queues):
    now = timezone.now()
    JobFactory(due_at=now + timedelta(minutes=1))
    JobFactory(done_at=now)
    JobFactory(failed_at=now)
    claim_job(JobFactory().pk)

    assert publish_wakeups() == 0


@pytest.mark.django_db(transaction=True)
def test_several_relays_publish_little_more_than_one(queues):
    JobFactory()

    in_parallel([publish_wakeups] * 24, threads=3)

    # Each may have looked before another published.
    assert QUEUE_LIMIT <= lengths(queues)["celery"] <= 3 * QUEUE_LIMIT


@pytest.mark.django_db(transaction=True)
def test_loop_survives_a_broken_broker_and_says_so_once(monkeypatch, caplog):
    stop, calls = threading.Event(), []

    def flaky():
        calls.append(None)
        if len(calls) < 4:
            raise ConnectionError("The broker is gone.")
        stop.set()

    monkeypatch.setattr(relay, "publish_wakeups", flaky)
    monkeypatch.setattr(relay, "PAUSE_AFTER_ERROR_SECONDS", 0.01)
    in_parallel([lambda: relay.run(stop)])

    assert len(calls) == 4
    assert [record.message for record in caplog.records if record.name == "triage.relay"] == [
        "The relay cannot publish: ConnectionError: The broker is gone.",
        "The relay publishes again.",
    ]
