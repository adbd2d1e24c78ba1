"""Urgent inquiries are read before others that wait."""

from datetime import timedelta

import pytest
from django.utils import timezone

from leads.tests.factories import InquiryFactory
from store.sets import write
from triage.analyzers.base import Reading
from triage.models import Insight, Job
from triage.queries import claimable
from triage.services import enqueue_readings, is_urgent, read_due, urgency

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


@pytest.mark.parametrize(
    "text",
    [
        "Need URGENT pricing for 50 seats ASAP!",
        "Our site is down, we lose money every minute!",
        "СРОЧНО! Сайт лежит, теряем деньги, позвоните немедленно!",
    ],
)
def test_text_that_the_offline_reader_takes_for_p0_is_urgent(text):
    assert is_urgent(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Do you have a price list?",
        "Какие у вас часы работы?",
        "Hello. " * 150 + "Our site is down, we lose money every minute! URGENT!",
    ],
    ids=["empty", "English", "Russian", "urgent after 1,000 characters"],
)
def test_other_texts_are_not_urgent(text):
    assert not is_urgent(text)


def test_text_that_breaks_the_offline_reader_is_not_urgent(monkeypatch, caplog):
    monkeypatch.setattr(urgency, "offline_reader", lambda: 1 / 0)

    assert not is_urgent("Our site is down!")

    assert "could not be looked at" in caplog.text


@pytest.mark.django_db
def test_readings_are_enqueued_due_at_once_by_the_clock_of_the_database():
    urgent, other = InquiryFactory(), InquiryFactory()
    long_ago = timezone.now() - timedelta(days=365)

    write(enqueue_readings((inquiry.pk, "hash", inquiry == urgent, long_ago) for inquiry in (other, urgent)))

    assert list(claimable().order_by("id").values_list("inquiry", "is_urgent")) == [
        (other.pk, False),
        (urgent.pk, True),
    ]
    assert all(timezone.now() - job.due_at < timedelta(minutes=1) for job in Job.objects.all())


@pytest.mark.django_db
def test_urgent_inquiry_overtakes_the_backlog():
    reader = Reader()
    for message in ("One", "Two", "Three"):
        JobFactory(inquiry__message=message)
    JobFactory(inquiry__message="Urgent", is_urgent=True)

    read_due(analyzer=reader)

    assert reader.given == ["Urgent", "One", "Two", "Three"]


@pytest.mark.django_db
def test_urgent_inquiry_that_comes_while_others_are_read_is_next():
    class Meanwhile(Reader):
        def read(self, text, context=None):
            if text == "One":
                JobFactory(inquiry__message="Urgent", is_urgent=True)
            return super().read(text, context)

    reader = Meanwhile()
    for message in ("One", "Two", "Three"):
        JobFactory(inquiry__message=message)

    read_due(analyzer=reader)

    assert reader.given == ["One", "Urgent", "Two", "Three"]


@pytest.mark.django_db
def test_urgent_poison_stops_nobody():
    reader = Reader()
    JobFactory(inquiry__message="One")
    poison = JobFactory(inquiry__message="urgent poison", is_urgent=True)

    with pytest.raises(ZeroDivisionError):
        read_due(analyzer=reader)
    read_due(analyzer=reader)

    assert reader.given == ["urgent poison", "One"]
    assert Insight.objects.count() == 1
    poison.refresh_from_db()
    assert poison.failure.startswith("Something broke")
