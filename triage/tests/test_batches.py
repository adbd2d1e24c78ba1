"""Batches: many texts claimed, read and finished at once have the same outcome as one by one."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leads.models import Inquiry, Lead
from leads.tests.factories import InquiryFactory, LeadFactory
from routing.tests.factories import SourceFactory
from routing.tests.parallel import in_parallel
from triage.analyzers.base import Reading, TooSoon, UnreadableError
from triage.analyzers.registry import offline_reader
from triage.models import Insight, Job, JobKind, Note
from triage.queries import claimable, due
from triage.services import (
    BATCH_LEASE,
    LEASE,
    MAX_ATTEMPTS,
    ReadResult,
    claim_batch,
    finish_batch,
    read_batch,
    read_due,
    read_inquiry,
    reading,
)
from triage.services.jobs import KILLED_EVERY_TIME

from .factories import JobFactory

pytestmark = pytest.mark.django_db


class BatchReader:
    """Reads by the words it finds, and remembers the texts it was given."""

    name, version, batch_size = "stub", "1", 50

    def __init__(self):
        self.given = []

    def read(self, text, context=None):
        self.given.append(text)
        if "down" in text:
            return Reading("support", "P0", "escalate", 0.9, tags=("urgent",))
        if "casino" in text:
            return Reading("spam", "P3", "ignore", 0.9)
        if "poison" in text:
            raise ZeroDivisionError("poison")
        if "unreadable" in text:
            raise UnreadableError("The model did not answer.")
        if "later" in text:
            raise TooSoon(30)
        return Reading("buy", "P1" if "price" in text else "P2", "call", 0.8)


class SingleReader(BatchReader):
    batch_size = 1


def jobs_for(*messages):
    return [JobFactory(inquiry__message=message) for message in messages]


def claim_all(size=50):
    return claim_batch(JobKind.INSIGHT, size=size, lease=BATCH_LEASE)


def ids(claims):
    return [claim.job_id for claim in claims]


def lapse():
    """Let the leases of dead workers and the pauses after failures end."""
    past = Now() - timedelta(seconds=1)
    Job.objects.filter(done_at=None).update(due_at=past)
    Job.objects.filter(done_at=None, lease_until__isnull=False).update(lease_until=past)


def test_urgent_jobs_are_claimed_first_then_the_oldest_due():
    now = timezone.now()
    new, old, urgent = (
        JobFactory(due_at=now - timedelta(seconds=1)),
        JobFactory(due_at=now - timedelta(seconds=9)),
        JobFactory(due_at=now - timedelta(seconds=1), is_urgent=True),
    )

    assert ids(claim_all(size=2)) == [urgent.pk, old.pk]
    assert ids(claim_all(size=2)) == [new.pk]
    assert claim_all() == []


def test_batch_leaves_out_jobs_of_other_kinds_and_those_not_due():
    JobFactory(kind=JobKind.ALERT_EMAIL)
    JobFactory(due_at=timezone.now() + timedelta(minutes=1))
    JobFactory(done_at=timezone.now())
    JobFactory(failed_at=timezone.now())
    job = JobFactory()

    assert ids(claim_all()) == [job.pk]


def test_retried_job_is_claimed_alone():
    retried = JobFactory(attempt_count=1, due_at=timezone.now() - timedelta(minutes=1))
    others = jobs_for("One", "Two")

    assert ids(claim_all()) == [retried.pk]
    assert ids(claim_all()) == [job.pk for job in others]


def test_retried_job_does_not_join_a_batch_that_it_does_not_lead():
    first, last = jobs_for("One", "Two")
    Job.objects.filter(pk=first.pk).update(due_at=Now() - timedelta(minutes=1))
    JobFactory(attempt_count=1, due_at=timezone.now() - timedelta(seconds=30))

    assert ids(claim_all()) == [first.pk, last.pk]


def test_job_killed_every_time_fails_and_the_next_is_claimed():
    killer = JobFactory(attempt_count=MAX_ATTEMPTS, due_at=timezone.now() - timedelta(minutes=1))
    job = JobFactory()

    assert ids(claim_all()) == [job.pk]

    killer.refresh_from_db()
    assert (killer.failure, killer.failed_at is None) == (KILLED_EVERY_TIME, False)


@pytest.mark.parametrize(("analyzer", "lease"), [(BatchReader(), BATCH_LEASE), (SingleReader(), LEASE)])
def test_analyzer_without_a_network_has_the_shorter_lease(analyzer, lease):
    leases = []
    analyzer.read = lambda text, context: (
        leases.append(Job.objects.get().lease_until) or Reading("buy", "P2", "call", 1)
    )
    JobFactory()

    read_due(analyzer=analyzer)

    assert abs(leases[0] - timezone.now() - lease) < timedelta(seconds=10)


def test_analyzer_without_a_batch_size_reads_one_at_a_time():
    jobs_for("One", "Two")
    claimed_counts = []

    class Plain:
        name, version = "plain", "1"

        def read(self, text, context=None):
            claimed_counts.append(Job.objects.filter(lease_until__isnull=False).count())
            return Reading("buy", "P2", "call", 1)

    assert read_due(analyzer=Plain()) == 2
    assert claimed_counts == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_many_workers_claim_each_job_once():
    jobs = jobs_for(*map(str, range(60)))

    batches = in_parallel([lambda: claim_all(size=7)] * 24, threads=6)

    assert sorted(job_id for claims in batches for job_id in ids(claims)) == [job.pk for job in jobs]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_claim_passes_over_jobs_that_another_worker_is_claiming():
    jobs = [job.pk for job in jobs_for(*map(str, range(6)))]

    with transaction.atomic():
        list(Job.objects.select_for_update().filter(pk__in=jobs[:4]))
        [claims] = in_parallel([claim_all])

    assert ids(claims) == jobs[4:]


MESSAGES = [
    "The price, please",
    "the PRICE,   please",
    "The site is down",
    "Win at the casino",
    "Win at the casino",
    "",
    "Hello",
    "The price, please",
    "The site is down",
]


def outcome(read, source):
    """What becomes of MESSAGES when they are read so: insights, priorities and alerts. Leaves nothing behind."""
    lead = LeadFactory()
    for message in MESSAGES:
        inquiry = InquiryFactory(message=message, source=source, lead=lead, created_at=timezone.now())
        JobFactory(inquiry=inquiry)
    read()
    columns = ["intent", "priority", "next_action", "confidence", "tags", "evidence", "analyzer", "version", "note"]
    rows = [
        (
            list(inquiry.insights.values_list(*columns)),
            inquiry.priority,
            inquiry.waiting_reason,
            sorted((job.kind, job.attempt_count, job.failure, job.done_at is None) for job in inquiry.jobs.all()),
        )
        for inquiry in Inquiry.objects.order_by("created_at")
    ]
    Inquiry.objects.all().delete()
    Lead.objects.all().delete()
    return rows


@pytest.mark.parametrize("make_analyzer", [BatchReader, None], ids=["stub", "offline"])
def test_batch_has_the_same_outcome_as_one_by_one(settings, make_analyzer):
    settings.ALERT_EMAILS = ["sue@example.com"]
    source = SourceFactory(holds_spam=True)
    analyzer = make_analyzer() if make_analyzer else offline_reader()

    def read_singly():
        for job_id in Job.objects.order_by("pk").values_list("pk", flat=True):
            read_inquiry(job_id, analyzer=analyzer)

    singly = outcome(read_singly, source)
    together = outcome(lambda: read_batch(claim_all(), analyzer=analyzer), source)

    assert together == singly
    assert len(together) == len(MESSAGES)


def test_same_text_in_one_batch_is_read_once():
    reader = BatchReader()
    jobs = jobs_for("Hello", "hello", "HELLO")

    read_due(analyzer=reader)

    assert reader.given == ["Hello"]
    assert [job.inquiry.insights.get().note for job in jobs] == ["", Note.REUSED, Note.REUSED]


def test_poison_text_is_retried_and_its_companions_are_read(caplog):
    first, poison, unreadable, later, last = jobs_for("One", "poison", "unreadable", "later", "Two")

    with pytest.raises(ZeroDivisionError):
        read_due(analyzer=BatchReader())

    assert set(Insight.objects.values_list("job", flat=True)) == {first.pk, last.pk}
    states = Job.objects.filter(done_at=None).order_by("pk").values_list("pk", "attempt_count", "failure")
    assert list(states) == [
        (poison.pk, 1, "Something broke: ZeroDivisionError: poison"),
        (unreadable.pk, 1, "The model did not answer."),
        (later.pk, 0, ""),
    ]
    assert not claimable().exists()


def test_every_defect_of_a_batch_is_logged(caplog):
    jobs_for("poison one", "poison two")

    with pytest.raises(ZeroDivisionError):
        read_due(analyzer=BatchReader())

    assert [record.message for record in caplog.records] == ["Another text of the batch could not be read"]


def test_insight_that_cannot_be_written_leaves_its_companions_alone():
    class Unwritable(BatchReader):
        def read(self, text, context=None):
            reading = super().read(text, context)
            if text == "bad":
                object.__setattr__(reading, "confidence", 7.0)
            return reading

    good, bad, other = jobs_for("good", "bad", "other")

    with pytest.raises(Exception, match="insight_confidence_0_to_1|confidence 7.0"):
        read_due(analyzer=Unwritable())

    assert set(Insight.objects.values_list("job", flat=True)) == {good.pk, other.pk}
    bad.refresh_from_db()
    assert bad.attempt_count == 1 and bad.failure.startswith("Something broke")


def test_killed_worker_delays_its_batch_until_the_leases_lapse_and_each_is_read_once():
    jobs = jobs_for("One", "Two", "Three")
    claim_all()
    reader = BatchReader()
    assert read_due(analyzer=reader) == 0
    lapse()

    assert read_due(analyzer=reader) == 3

    assert sorted(reader.given) == ["One", "Three", "Two"]
    assert set(Insight.objects.values_list("job", flat=True)) == {job.pk for job in jobs}
    assert set(Job.objects.values_list("attempt_count", flat=True)) == {2}


def test_poison_text_that_kills_its_worker_takes_nobody_along():
    poison, *others = jobs_for("poison", "One", "Two")
    claim_all()
    for _ in range(MAX_ATTEMPTS - 1):
        lapse()
        Job.objects.filter(pk=poison.pk).update(due_at=Now() - timedelta(minutes=1))
        assert ids(claim_all()) == [poison.pk]
    lapse()
    Job.objects.filter(pk=poison.pk).update(due_at=Now() - timedelta(minutes=1))

    assert read_due(analyzer=BatchReader()) == 2

    poison.refresh_from_db()
    assert poison.failure == KILLED_EVERY_TIME
    assert set(Insight.objects.values_list("job", flat=True)) == {job.pk for job in others}


def test_jobs_claimed_by_another_worker_meanwhile_are_dropped():
    jobs_for(*map(str, range(10)), "down", "down again")
    claims = claim_all()
    taken = ids(claims)[::2]
    Job.objects.filter(pk__in=taken).update(token=2)

    insights = read_batch(claims, analyzer=BatchReader())

    mine = set(ids(claims)[1::2])
    assert {insight.job_id for insight in insights} == mine
    assert set(Insight.objects.values_list("job", flat=True)) == mine
    assert set(Job.objects.filter(done_at__isnull=False).values_list("pk", flat=True)) == mine


def test_inquiries_deleted_meanwhile_are_left_out():
    before, during, kept = jobs_for("before", "during", "kept")

    class Deleting(BatchReader):
        def read(self, text, context=None):
            Inquiry.objects.filter(message="during").delete()
            return super().read(text, context)

    claims = claim_all()
    before.inquiry.delete()

    read_batch(claims, analyzer=Deleting())

    assert list(Insight.objects.values_list("job", flat=True)) == [kept.pk]


def test_work_goes_on_until_nothing_is_due_or_the_time_is_up():
    class Pairs(BatchReader):
        batch_size = 2

    jobs_for(*"abcde")

    assert read_due(analyzer=Pairs(), seconds=0) == 2
    assert read_due(analyzer=Pairs()) == 3
    assert read_due(analyzer=Pairs()) == 0


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_inquiry_that_another_transaction_has_locked_is_left_to_be_finished_alone():
    first, locked, last = jobs_for("One", "Two", "Three")
    claims = claim_all()
    result = ReadResult(Reading("buy", "P1", "call", 0.9), BatchReader())

    with transaction.atomic():
        Inquiry.objects.select_for_update().get(pk=locked.inquiry_id)
        [(insights, rest)] = in_parallel([lambda: finish_batch([(claim, result) for claim in claims])])

    assert {insight.job_id for insight in insights} == {first.pk, last.pk}
    assert [claim.job_id for claim, _ in rest] == [locked.pk]
    assert Job.objects.get(done_at=None) == locked


def count_statements(use_case):
    with CaptureQueriesContext(connection) as statements:
        use_case()
    return len(statements)


def test_number_of_statements_does_not_depend_on_the_size_of_the_batch():
    counts = []
    for size in (2, 40):
        jobs_for(*(f"Text {size} {number}" for number in range(size)))
        counts.append(count_statements(lambda: read_due(analyzer=BatchReader())))
        assert Insight.objects.count() == Job.objects.count()

    assert counts[0] == counts[1]


def test_known_texts_cost_one_statement_more_however_many():
    counts = []
    for size in (1, 30):
        jobs_for(*["Hello"] * size)
        counts.append(count_statements(lambda: read_due(analyzer=BatchReader())))

    assert counts[1] == counts[0] + 1


@pytest.mark.parametrize(("is_urgent", "index"), [(True, "job_urgent"), (False, "job_open")])
def test_next_jobs_are_found_by_an_index(is_urgent, index):
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")

    plan = due(JobKind.INSIGHT).filter(is_urgent=is_urgent)[:50].explain()

    assert index in plan, plan


@pytest.mark.postgresql
@pytest.mark.parametrize("is_analyzed", [True, False], ids=["with statistics", "without statistics"])
@pytest.mark.parametrize(("is_urgent", "index"), [(True, "job_urgent"), (False, "job_open")])
def test_claim_neither_sorts_nor_scans_a_backlog_of_60_000(is_analyzed, is_urgent, index):
    job = JobFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO triage_job (kind, inquiry_id, content_hash, is_urgent, due_at, token, attempt_count, failure,"
            " created_at) SELECT 'insight', %s, n, n %% 50 = 0, now() - n * interval '1 ms', 0, 0, '', now()"
            " FROM generate_series(1, 60000) n",
            [job.inquiry_id],
        )
        if is_analyzed:
            cursor.execute("ANALYZE triage_job")

    plan = (
        due(JobKind.INSIGHT).filter(is_urgent=is_urgent).select_for_update(skip_locked=True)[:50].explain(analyze=True)
    )

    assert "Sort" not in plan and "Seq Scan" not in plan, plan
    assert index in plan, plan


def test_after_a_batch_that_is_not_full_it_waits_for_what_comes_meanwhile(monkeypatch):
    JobFactory()
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 1:
            JobFactory()

    monkeypatch.setattr(reading.time, "sleep", sleep)

    assert read_due(analyzer=BatchReader(), pause=0.2) == 2
    assert slept == [0.2, 0.2]
