"""What an analyzer may spend: exact under many workers, and never at the cost of an insight."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.utils import timezone

from triage.analyzers.base import Reading, TooSoon, Unavailable
from triage.models import Job, Note, Usage
from triage.services import read_inquiry
from triage.services.budget import Budget, spend
from triage.tests.factories import JobFactory

from .model_server import serving
from .test_openai import analyzer_for

NOON = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)


class Paid:
    """Pays for each reading, and counts how many it made."""

    name, version = "paid", "1"

    def __init__(self):
        self.read_count = 0

    def read(self, text, context=None):
        context.spend()
        self.read_count += 1
        return Reading("buy", "P1", "call", 0.9)


def at(moment):
    return lambda: moment


def job_with(text):
    return JobFactory(inquiry__message=text)


@pytest.mark.django_db
def test_a_day_has_so_many_requests_and_the_next_as_many():
    budget = Budget(a_day=2)
    spend("paid", budget, now=at(NOON))
    spend("paid", budget, now=at(NOON + timedelta(hours=11)))

    with pytest.raises(Unavailable, match="^budget$"):
        spend("paid", budget, now=at(NOON + timedelta(hours=11)))

    spend("paid", budget, now=at(NOON + timedelta(hours=12)))
    assert list(Usage.objects.values_list("period", "count")) == [("day", 1), ("day", 2)]


@pytest.mark.django_db
def test_a_day_begins_at_midnight_where_we_are(settings):
    settings.TIME_ZONE = "Asia/Vladivostok"
    with timezone.override("Asia/Vladivostok"):
        spend("paid", Budget(a_day=1), now=at(datetime(2026, 11, 20, 13, 59, tzinfo=UTC)))
        spend("paid", Budget(a_day=1), now=at(datetime(2026, 11, 20, 14, 0, tzinfo=UTC)))

        with pytest.raises(Unavailable):
            spend("paid", Budget(a_day=1), now=at(datetime(2026, 11, 20, 23, 0, tzinfo=UTC)))


@pytest.mark.django_db
def test_a_minute_has_so_many_and_says_when_it_is_over():
    budget = Budget(a_minute=1)
    spend("paid", budget, now=at(NOON))

    with pytest.raises(TooSoon) as refused:
        spend("paid", budget, now=at(NOON + timedelta(seconds=10)))

    assert refused.value.seconds == 20
    spend("paid", budget, now=at(NOON + timedelta(seconds=30)))


@pytest.mark.django_db
def test_what_the_minute_refuses_the_day_does_not_count():
    budget = Budget(a_day=10, a_minute=1)
    spend("paid", budget, now=at(NOON))
    with pytest.raises(TooSoon):
        spend("paid", budget, now=at(NOON))

    assert Usage.objects.get(period="day").count == 1


@pytest.mark.django_db
def test_without_limits_the_days_requests_are_still_counted():
    for _ in range(3):
        spend("paid", Budget(), now=at(NOON))

    assert Usage.objects.get().count == 3


@pytest.mark.django_db
def test_each_analyzer_has_a_budget_of_its_own():
    spend("paid", Budget(a_day=1), now=at(NOON))
    spend("other", Budget(a_day=1), now=at(NOON))

    assert Usage.objects.count() == 2


@pytest.mark.django_db
def test_minutes_that_are_over_are_forgotten():
    for minute in range(60):
        spend("paid", Budget(a_minute=5), now=at(NOON + timedelta(minutes=minute)))

    assert Usage.objects.filter(period="minute").count() <= 2
    assert Usage.objects.get(period="day").count == 60


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("budget", [Budget(a_day=25), Budget(a_day=1000, a_minute=25)])
def test_many_workers_spend_exactly_what_there_is(budget):
    barrier, spent, refused = Barrier(6), [], []

    def worker():
        barrier.wait(10)
        try:
            for _ in range(8):
                try:
                    spend("paid", budget, now=at(NOON))
                    spent.append(1)
                except (Unavailable, TooSoon):
                    refused.append(1)
        finally:
            connection.close()

    threads = [Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert (len(spent), len(refused)) == (25, 23)
    assert set(Usage.objects.values_list("count", flat=True)) == {25}


@pytest.mark.django_db
def test_when_the_day_is_spent_the_offline_reader_reads(settings):
    settings.TRIAGE_DAILY_LIMIT = 1
    analyzer = Paid()

    first = read_inquiry(job_with("One thing").pk, analyzer=analyzer)
    second = read_inquiry(job_with("Another thing").pk, analyzer=analyzer)

    assert (first.analyzer, first.note) == ("paid", "")
    assert (second.analyzer, second.note) == ("rules", Note.BUDGET)
    assert second.get_note_display() == "Read offline: the day's requests were used up."
    assert analyzer.read_count == 1


@pytest.mark.django_db
def test_what_is_known_already_costs_nothing(settings):
    settings.TRIAGE_DAILY_LIMIT = 1
    analyzer = Paid()

    insights = [read_inquiry(job_with("The same thing").pk, analyzer=analyzer) for _ in range(3)]

    assert [insight.analyzer for insight in insights] == ["paid"] * 3
    assert Usage.objects.get().count == 1


@pytest.mark.django_db
def test_job_over_the_minutes_limit_is_postponed_without_counting_an_attempt(settings):
    settings.TRIAGE_MINUTE_LIMIT = 1
    analyzer = Paid()
    read_inquiry(job_with("One thing").pk, analyzer=analyzer)
    job = job_with("Another thing")

    assert read_inquiry(job.pk, analyzer=analyzer) is None

    job.refresh_from_db()
    assert (job.attempt_count, job.lease_until, job.failure, job.token) == (0, None, "", 1)
    assert timedelta(0) < job.due_at - timezone.now() <= timedelta(seconds=61)


@pytest.mark.django_db
def test_who_has_waited_too_long_for_a_turn_is_read_offline(settings):
    settings.TRIAGE_MINUTE_LIMIT = 1
    analyzer = Paid()
    read_inquiry(job_with("One thing").pk, analyzer=analyzer)
    job = job_with("Another thing")
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=6))

    insight = read_inquiry(job.pk, analyzer=analyzer)

    assert (insight.analyzer, insight.note) == ("rules", Note.PACE)


@pytest.mark.django_db
def test_the_language_model_is_asked_no_more_often_than_the_budget_allows(settings):
    settings.TRIAGE_DAILY_LIMIT = 3
    with serving() as model:
        analyzer = analyzer_for(model)
        insights = [read_inquiry(job_with(f"Need {n} seats").pk, analyzer=analyzer) for n in range(6)]

    assert [insight.analyzer for insight in insights] == ["openai"] * 3 + ["rules"] * 3
    assert len(model.requests) == 3
