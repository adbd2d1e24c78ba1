"""What may be pressing is read before others that wait."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from leads.tests.factories import InquiryFactory
from triage.analyzers.base import Reading
from triage.analyzers.glance import looks_pressing
from triage.models import Insight, Job
from triage.queries import claimable, urgent_due
from triage.relay import take_rings
from triage.services import owe
from triage.services import work as doors

from .factories import JobFactory


class Reader:
    """Remembers in which order it was given texts."""

    name, version = "stub", "1"

    def __init__(self):
        self.given = []

    def read(self, text, context=None):
        self.given.append(text)
        if text == "urgent poison":
            raise ZeroDivisionError
        return Reading("support", "P2", "email", 0.9)


@pytest.fixture
def reader(monkeypatch):
    reader = Reader()
    monkeypatch.setattr(doors, "get_analyzer", lambda: reader)
    return reader


def backlog(*messages):
    """Jobs for these messages as the intake owes them, the first waiting the longest."""
    jobs = [owe(InquiryFactory(message=message), now=timezone.now()) for message in messages]
    for age, job in enumerate(reversed(jobs), start=1):
        Job.objects.filter(pk=job.pk).update(
            due_at=Now() - timedelta(seconds=age), ring_at=Now() - timedelta(seconds=age)
        )
    return [job.pk for job in jobs]


@pytest.mark.parametrize(
    "text",
    [
        "Need URGENT pricing for 50 seats ASAP!",
        "Our site is down, nothing works",
        "I can’t log in since the morning",
        "You charged twice! My lawyer will write to you.",
        "СРОЧНО нужен счёт",
        "Всё упало, магазин не работает",
        "Подам в суд",
    ],
)
def test_words_of_urgency_damage_and_threat_are_seen(text):
    assert looks_pressing(text)


@pytest.mark.parametrize(
    "text", ["", "Do you have a price list?", "Какие у вас часы работы?", "a" * 1_000 + " urgent"]
)
def test_others_wait_their_turn(text):
    assert not looks_pressing(text)


@pytest.mark.django_db
def test_the_relay_rings_for_them_first():
    first, second, pressing = backlog("One", "Two", "Urgent: three")

    assert take_rings(limit=2) == [pressing, first]
    assert take_rings(limit=2) == [second]


@pytest.mark.django_db
def test_a_bell_for_another_is_answered_by_reading_them_first(reader):
    first, second, pressing = backlog("One", "Two", "Urgent: three")

    doors.do_job(first)
    doors.do_job(second)
    doors.do_job(pressing)

    assert reader.given == ["Urgent: three", "One", "Two"]
    assert Insight.objects.count() == 3


@pytest.mark.django_db
def test_one_that_breaks_its_reader_stops_nobody(reader):
    first, poison = backlog("One", "urgent poison")

    with pytest.raises(ZeroDivisionError):
        doors.do_job(first)
    doors.do_job(first)

    assert reader.given == ["urgent poison", "One"]
    assert Job.objects.get(pk=poison).failure.startswith("Something broke")


@pytest.mark.django_db
def test_a_bell_for_nothing_does_nothing(reader):
    backlog("Urgent: one")

    doors.do_job(404)

    assert reader.given == []


@pytest.mark.django_db
def test_they_are_found_by_their_own_index():
    JobFactory(is_urgent=True)
    assert urgent_due() is not None
    plan = claimable().filter(is_urgent=True).order_by("ring_at", "id")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")

    assert "job_urgent" in plan.explain()
