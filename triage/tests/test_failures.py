"""Whatever breaks while a text is read, its job says why in words that every database takes, and nobody else waits."""

import pytest
from django.utils import timezone

from routing.tests.parallel import in_parallel
from triage import tasks
from triage.analyzers.base import Reading, Unavailable, UnreadableError
from triage.models import Insight, Job, JobKind
from triage.queries import claimable
from triage.services import MAX_ATTEMPTS, alerts, claim_batch, claim_job, fail, read_due, read_inquiry
from triage.services.failures import MAX_LENGTH, describe, in_words

from .factories import JobFactory
from .test_jobs import let_time_pass

pytestmark = pytest.mark.django_db

NASTY = ["NUL \0 inside", "lone \ud800 surrogate", "\x1b[31mred\r", "x" * 1_000_000, ""]


class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


class Breaks:
    """Reads everything but what holds "poison", over which it breaks."""

    name, version, batch_size = "stub", "1", 50

    def __init__(self, error):
        self.error = error

    def read(self, text, context=None):
        if "poison" in text:
            raise self.error
        return Reading("buy", "P2", "call", 0.8)


def poison_and_companions():
    return [JobFactory(inquiry__message=message) for message in ("One", "poison", "Two")]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("error", [ValueError, UnreadableError, SystemExit])
def test_failure_of_any_text_is_stored(error, text):
    job = JobFactory(inquiry__message="poison")
    defect = None

    try:
        read_inquiry(job.pk, analyzer=Breaks(error(text)))
    except BaseException as raised:
        defect = raised

    job.refresh_from_db()
    assert isinstance(defect, error) or error is UnreadableError
    assert len(job.failure) <= MAX_LENGTH
    assert job.failure.isprintable()
    assert (job.lease_until, job.attempt_count, job.failed_at) == (None, 1, None)


def test_error_that_cannot_even_be_printed_is_stored():
    job = JobFactory(inquiry__message="poison")

    with pytest.raises(Mute):
        read_inquiry(job.pk, analyzer=Breaks(Mute()))

    job.refresh_from_db()
    assert job.failure == "Something broke: Mute: its message cannot be read"


@pytest.mark.parametrize("text", NASTY)
def test_failure_that_ends_a_job_is_stored(text):
    job = JobFactory()

    fail(claim_job(job.pk), failure=text)

    job.refresh_from_db()
    assert job.failed_at and len(job.failure) <= MAX_LENGTH


@pytest.mark.parametrize("text", NASTY)
def test_reason_of_reading_offline_is_stored_whatever_it_says(text):
    job = JobFactory(inquiry__message="poison")

    insight = read_inquiry(job.pk, analyzer=Breaks(Unavailable(text)))

    insight.refresh_from_db()
    assert insight.note and insight.note.isprintable()


@pytest.mark.parametrize("text", NASTY)
def test_logged_error_is_one_printable_line_of_bounded_length(text):
    line = describe(ConnectionError(text.replace("\r", "\n")))

    assert line.isprintable()
    assert len(line) <= MAX_LENGTH


def test_failure_keeps_its_words():
    assert in_words(ValueError("Цена: 100 %\n  два")) == "Something broke: ValueError: Цена: 100 % два"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_exit_during_a_batch_gives_all_leases_back_at_once_and_counts_for_its_text_alone(error):
    first, poison, last = poison_and_companions()

    with pytest.raises(error):
        read_due(analyzer=Breaks(error("out")))

    assert not Job.objects.filter(lease_until__isnull=False).exists()
    assert [job.pk for job in claimable().order_by("pk")] == [first.pk, last.pk]
    attempts = dict(Job.objects.values_list("pk", "attempt_count"))
    assert attempts == {first.pk: 0, poison.pk: 1, last.pk: 0}
    poison.refresh_from_db()
    assert poison.failure == f"Something broke: {error.__name__}: out"
    assert poison.due_at > timezone.now()


def test_text_that_exits_every_time_fails_after_five_attempts_and_the_others_are_read():
    first, poison, last = poison_and_companions()
    reader = Breaks(SystemExit(1))

    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(SystemExit):
            read_due(analyzer=reader)
        let_time_pass(poison)
    read_due(analyzer=reader)

    poison.refresh_from_db()
    assert (poison.failed_at is None, poison.attempt_count) == (False, MAX_ATTEMPTS)
    assert set(Insight.objects.values_list("job", flat=True)) == {first.pk, last.pk}


def test_exit_while_insights_are_written_gives_the_leases_back(monkeypatch):
    jobs = poison_and_companions()

    def stop(findings):
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("triage.services.reading.finish_batch", stop)
        read_due(analyzer=Breaks(MemoryError()))

    assert set(Job.objects.values_list("lease_until", flat=True)) == {None}
    assert len(claim_batch(JobKind.INSIGHT, size=3)) == len(jobs) - 1


def test_text_that_needs_too_much_memory_has_a_failed_attempt_and_its_companions_are_read():
    first, poison, last = poison_and_companions()

    with pytest.raises(MemoryError):
        read_due(analyzer=Breaks(MemoryError()))

    assert set(Insight.objects.values_list("job", flat=True)) == {first.pk, last.pk}
    poison.refresh_from_db()
    assert (poison.attempt_count, poison.lease_until, poison.failure) == (1, None, "Something broke: MemoryError")


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ZeroDivisionError])
def test_alert_that_ends_its_worker_gives_its_lease_and_the_others_back(settings, monkeypatch, error):
    settings.ALERT_EMAILS = ["sue@example.com"]
    email, webhook = (JobFactory(kind=kind) for kind in alerts.KINDS)

    def stop(claim, *, now):
        raise error("out")

    monkeypatch.setattr(alerts, "_send", stop)
    with pytest.raises(error):
        alerts.deliver_due()

    email.refresh_from_db()
    webhook.refresh_from_db()
    assert (email.lease_until, email.attempt_count) == (None, 1)
    assert email.failure == f"Something broke: {error.__name__}: out"
    assert (webhook.lease_until, webhook.attempt_count, webhook.failure) == (None, 0, "")


@pytest.mark.django_db(transaction=True)
def test_exit_in_a_thread_does_not_end_the_thread(monkeypatch):
    """Celery's pool of threads would never acknowledge the message, and in the end take no more."""
    JobFactory(inquiry__message="poison")
    monkeypatch.setattr(tasks, "get_analyzer", lambda: Breaks(SystemExit("out")))

    with pytest.raises(tasks.Exited, match="SystemExit: out"):
        in_parallel([tasks.work])


def test_exit_in_the_main_thread_ends_the_worker(monkeypatch):
    JobFactory(inquiry__message="poison")
    monkeypatch.setattr(tasks, "get_analyzer", lambda: Breaks(SystemExit("out")))

    with pytest.raises(SystemExit):
        tasks.work()
