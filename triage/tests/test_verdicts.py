"""The same content is not analysed twice by the same analyzer, and what depends on the inquiry is still right."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from leads.identity import content_hash
from leads.models import Inquiry
from leads.tests.factories import InquiryFactory, LeadFactory
from routing.tests.factories import SourceFactory
from triage.analyzers.base import Context, Evidence, Reading, Unavailable
from triage.analyzers.repeats import in_context
from triage.analyzers.rules import RulesAnalyzer
from triage.models import Insight, Job, Note
from triage.services import claim_job, read_batch, read_inquiry
from triage.services.known import is_being_read

from .factories import JobFactory
from .model_server import serving
from .test_openai import analyzer_for

TEXT = "Do you have a price list?"


class Reader:
    """Reads everything as the same complaint, and remembers what it was given."""

    name, version = "stub", "1"

    def __init__(self, version="1", reading=None):
        self.version, self.given = version, []
        self.reading = reading or Reading(
            "complaint", "P2", "call", 0.9, tags=("churn_risk",), evidence=(Evidence("price", 14, 19, "complaint"),)
        )

    def read(self, text, context=None):
        self.given.append(text)
        return self.reading


@pytest.fixture
def reader():
    return Reader()


def read(text=TEXT, *, by, lead=None, created_at=None):
    lead = lead or LeadFactory()
    job = JobFactory(inquiry__message=text, inquiry__lead=lead, inquiry__created_at=created_at or timezone.now())
    return read_inquiry(job.pk, analyzer=by)


@pytest.mark.django_db
def test_another_inquiry_with_the_same_content_takes_the_reading_over(reader):
    first, second = read(by=reader), read(by=reader)

    assert reader.given == [TEXT]
    assert (first.note, second.note) == ("", Note.REUSED)
    assert first.inquiry_id != second.inquiry_id
    for name in ("intent", "priority", "next_action", "confidence", "tags", "evidence", "analyzer", "version"):
        assert getattr(first, name) == getattr(second, name)
    assert Job.objects.filter(done_at=None).count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("other", "evidence"),
    [
        ("  do you HAVE a\n\n  Price list?", {"text": "Price", "start": 19, "end": 24, "for": "complaint"}),
        (TEXT + "   ", {"text": "price", "start": 14, "end": 19, "for": "complaint"}),
        ("Do you have a ｐｒｉｃｅ list?", None),
    ],
)
def test_words_of_evidence_are_found_anew_or_dropped(reader, other, evidence):
    read(by=reader)

    insight = read(other, by=reader)

    assert reader.given == [TEXT]
    assert insight.evidence == ([evidence] if evidence else [])


@pytest.mark.django_db
def test_another_text_version_or_analyzer_is_read(reader):
    newer, others = Reader(version="2"), Reader()
    others.name = "others"

    for analyzer in (reader, newer, others):
        read(by=analyzer)
    read("Do you have a prize list?", by=reader)

    assert [len(analyzer.given) for analyzer in (reader, newer, others)] == [2, 1, 1]


@pytest.mark.django_db
def test_what_was_read_in_its_place_is_not_its_verdict(reader):
    class Away(Reader):
        def read(self, text, context=None):
            raise Unavailable("timeout")

    assert read(by=Away()).analyzer == "rules"
    read(by=reader)

    assert reader.given == [TEXT]


@pytest.mark.django_db
def test_a_reading_that_was_corrected_is_nobodys_verdict(reader):
    Insight.objects.filter(pk=read(by=reader).pk).update(corrected_at=timezone.now(), intent="buy")

    # Straight from the table: a correction has its own way of counting, which is not tried here.
    assert read(by=reader).intent == "complaint"
    assert len(reader.given) == 2


@pytest.mark.django_db
def test_who_writes_the_same_again_is_not_read_again_and_is_more_pressing(reader):
    lead, now = LeadFactory(), timezone.now()

    first = read(by=reader, lead=lead, created_at=now - timedelta(days=1))
    again = read(by=reader, lead=lead, created_at=now)
    stranger = read(by=reader)

    assert reader.given == [TEXT]
    assert [(i.priority, "repeat_contact" in i.tags) for i in (first, again, stranger)] == [
        ("P2", False),
        ("P1", True),
        ("P2", False),
    ]
    assert again.inquiry.__class__.objects.get(pk=again.inquiry_id).priority == "P1"


@pytest.mark.django_db
def test_a_stranger_does_not_inherit_that_somebody_wrote_before():
    rules, lead, now = RulesAnalyzer(), LeadFactory(), timezone.now()
    text = "I am very disappointed with your service, it is terrible"

    read("Hello", by=rules, lead=lead, created_at=now - timedelta(days=1))
    again = read(text, by=rules, lead=lead, created_at=now)
    stranger = read(text, by=rules)

    expected = RulesAnalyzer().read(text, Context())
    assert (again.priority, stranger.note) == ("P1", Note.REUSED)
    assert (stranger.priority, stranger.next_action) == (expected.priority, expected.next_action)
    assert stranger.tags == list(expected.tags)


TEXTS = [
    "I am very disappointed with your service, it is terrible",
    "Ужасный сервис, я очень недоволен",
    "This is the third time I write and nobody answers!",
    "Пишу вам уже третий раз, никто не отвечает",
    "Terrible service. Fix it by Friday or I will sue you",
    "Верните деньги до завтра, иначе суд",
    "Срочно! Сайт не работает, мы теряем деньги",
    "Need urgent pricing for 50 seats ASAP!",
    "How do I reset my password?",
    "What are your opening hours?",
    "Заработок без вложений, пиши в телегу https://t.me/joinchat/abc",
    "We would like to become your dealer",
    "hi",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_reading_brought_into_a_context_is_what_reading_in_it_would_give(text):
    rules = RulesAnalyzer()
    alone, again = Context(), Context(earlier_count=2)

    for before, after in ((alone, again), (again, alone), (alone, alone), (again, again)):
        brought, read_there = in_context(rules.read(text, before), after), rules.read(text, after)

        assert (brought.tags, brought.priority, brought.next_action) == (
            read_there.tags,
            read_there.priority,
            read_there.next_action,
        )


def test_an_action_that_is_not_the_policys_own_is_kept():
    reading = Reading("complaint", "P2", "schedule_demo", 0.9)

    brought = in_context(reading, Context(earlier_count=1))

    assert (brought.priority, brought.next_action) == ("P1", "schedule_demo")


@pytest.mark.django_db
def test_what_another_worker_is_reading_just_now_is_waited_for(reader):
    class Paid(Reader):
        def read(self, text, context=None):
            context.spend()
            return super().read(text)

    paid, jobs = Paid(), [JobFactory(inquiry__message=TEXT) for _ in range(3)]
    first = claim_job(jobs[1].pk)

    assert [read_inquiry(job.pk, analyzer=paid) for job in jobs] == [None] * 3
    assert paid.given == []
    read_batch([first], analyzer=paid)
    Job.objects.filter(done_at=None).update(due_at=Now())

    assert [read_inquiry(jobs[number].pk, analyzer=paid).note for number in (0, 2)] == [Note.REUSED] * 2
    assert paid.given == [TEXT]


@pytest.mark.django_db
def test_who_died_while_reading_is_not_waited_for_longer_than_its_lease(reader):
    dead, job = JobFactory(inquiry__message=TEXT), JobFactory(inquiry__message=TEXT)
    claim_job(dead.pk)
    claim = claim_job(job.pk)
    assert is_being_read(claim)

    Job.objects.filter(pk=dead.pk).update(lease_until=Now() - timedelta(seconds=1))

    assert not is_being_read(claim)


@pytest.mark.django_db(transaction=True)
def test_many_workers_with_one_text_pay_once():
    with serving() as model:
        analyzer = analyzer_for(model)
        jobs = [JobFactory(inquiry__message=TEXT) for _ in range(12)]
        texts = iter(jobs)

        def worker(barrier):
            barrier.wait(10)
            for job in texts:
                read_inquiry(job.pk, analyzer=analyzer)

        in_threads(worker, count=4)
        Job.objects.filter(done_at=None).update(due_at=Now())
        for job in Job.objects.filter(done_at=None):
            read_inquiry(job.pk, analyzer=analyzer)

        # One more where two claimed in the very same instant.
        assert 1 <= len(model.requests) <= 2
    assert Insight.objects.filter(analyzer="openai").count() == 12


def in_threads(worker, *, count):
    barrier = Barrier(count)

    def run():
        try:
            worker(barrier)
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


@pytest.mark.django_db
def test_known_reading_is_found_by_an_index():
    # With nothing in the table any index is as good as another.
    lead, site = LeadFactory(), SourceFactory()
    inquiries = [InquiryFactory.build(lead=lead, source=site, message=str(n)) for n in range(1000)]
    jobs = [Job(inquiry=i, content_hash=i.content_hash, created_at=i.created_at) for i in inquiries]
    Inquiry.objects.bulk_create(inquiries)
    Job.objects.bulk_create(jobs)
    same = {"intent": "buy", "priority": "P2", "next_action": "email", "confidence": 0.9, "analyzer": "stub"}
    Insight.objects.bulk_create(
        Insight(job=j, inquiry=j.inquiry, content_hash=j.content_hash, version="1", created_at=j.created_at, **same)
        for j in jobs
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE triage_insight")
    known = Insight.objects.filter(content_hash=content_hash(TEXT), analyzer="stub", version="1", corrected_at=None)

    assert "insight_verdict" in known.order_by().explain()
