"""A supervisor's word: it shows at once, moves the inquiry, and decides texts like it from then on."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from leads.identity import content_hash
from leads.models import Inquiry, WaitingReason
from leads.services import assign_waiting
from leads.tests.factories import InquiryFactory
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.analyzers.base import Reading
from triage.analyzers.registry import offline_reader
from triage.models import Correction, Insight, Job, JobKind
from triage.services import read_inquiry
from triage.services.corrections import correct_insight

from .factories import JobFactory

pytestmark = pytest.mark.django_db

MESSAGE = "Hello, could you tell me what the delivery of a large sofa to Omsk would cost?"


class Says:
    """An analyzer that says what it is told to, and how often it was asked."""

    name, version = "says", "1"

    def __init__(self, intent="info", priority="P3", next_action="email", tags=("delivery", "lang:en")):
        self.reading = Reading(intent, priority, next_action, 0.6, tags=tags)
        self.asked_count = 0

    def read(self, text, context=None):
        self.asked_count += 1
        return self.reading


def rng():
    return 0.5


@pytest.fixture
def sue():
    return User.objects.create(username="sue")


def read(message=MESSAGE, analyzer=None, **fields):
    inquiry = InquiryFactory(message=message, **fields)
    return read_inquiry(JobFactory(inquiry=inquiry).pk, analyzer=analyzer or Says())


def correct(insight, by, **right):
    return correct_insight(insight.pk, by=by, now=timezone.now(), rng=rng, **right)


def test_the_insight_shows_what_is_right_and_the_correction_keeps_what_was_read(sue):
    insight = read()

    correction = correct(insight, sue, intent="buy", priority="P1", next_action="call")

    insight.refresh_from_db()
    assert (insight.intent, insight.priority, insight.next_action) == ("buy", "P1", "call")
    assert (insight.corrected_by, insight.corrected_at is None) == (sue, False)
    assert (correction.read_intent, correction.read_priority, correction.read_next_action) == ("info", "P3", "email")
    assert (correction.analyzer, correction.version, correction.confidence) == ("says", "1", 0.6)
    assert (correction.lang, correction.message, correction.was_right) == ("en", MESSAGE, False)


def test_what_is_left_out_follows_the_policy(sue):
    insight = read(analyzer=Says("spam", "P3", "ignore", tags=("demo",)))

    correct(insight, sue, intent="buy")

    insight.refresh_from_db()
    assert (insight.priority, insight.next_action) == ("P1", "schedule_demo")


def test_an_action_alone_changes_nothing_else(sue):
    insight = read()

    correct(insight, sue, next_action="nurture")

    insight.refresh_from_db()
    assert (insight.intent, insight.priority, insight.next_action) == ("info", "P3", "nurture")


def test_a_second_correction_still_knows_what_was_read(sue):
    insight = read()

    correct(insight, sue, intent="buy")
    second = correct(insight, sue, intent="support")

    assert (second.read_intent, second.intent) == ("info", "support")
    assert Correction.objects.count() == 2


def test_a_reading_is_confirmed_by_saying_nothing_else(sue):
    assert correct(read(), sue).was_right


def test_the_priority_is_the_place_in_the_queue_at_once(sue):
    anna = OperatorFactory()
    site = SourceFactory(weights={anna: 1})
    first, second = read(source=site).inquiry, read("Another message altogether.", source=site)

    correct(second, sue, priority="P1")
    assign_waiting(source_ids=[site.pk], now=timezone.now(), rng=rng)

    assert Inquiry.objects.order_by("assigned_at", "priority").first().pk == second.inquiry_id
    assert Inquiry.objects.get(pk=first.pk).priority == "P3"


def test_only_the_newest_insight_moves_the_inquiry(sue):
    older = read()
    newer = Insight.objects.create(
        job=enqueue_again(older.inquiry),
        inquiry=older.inquiry,
        intent="info",
        priority="P2",
        next_action="email",
        confidence=1,
        analyzer="other",
        version="1",
        content_hash="other",
        created_at=timezone.now(),
    )
    Inquiry.objects.filter(pk=older.inquiry_id).update(priority="P2")

    correct(older, sue, priority="P0")

    assert Inquiry.objects.get(pk=newer.inquiry_id).priority == "P2"


def enqueue_again(inquiry):
    return Job.objects.create(
        kind="insight",
        inquiry=inquiry,
        content_hash="other",
        due_at=timezone.now(),
        created_at=timezone.now(),
    )


def test_what_is_corrected_to_p0_raises_an_alert(sue, settings):
    settings.ALERT_EMAILS = ["sue@example.com"]
    insight = read()

    correct(insight, sue, priority="P0")

    assert Job.objects.filter(kind=JobKind.ALERT_EMAIL, inquiry=insight.inquiry).count() == 1


def test_a_buyer_held_as_spam_is_given_out_when_it_is_corrected(sue):
    anna = OperatorFactory()
    site = SourceFactory(weights={anna: 1}, holds_spam=True)
    insight = read(source=site, analyzer=Says("spam", "P3", "ignore"))
    assert Inquiry.objects.get().waiting_reason == WaitingReason.HELD_AS_SPAM

    correct(insight, sue, intent="buy")

    inquiry = Inquiry.objects.get()
    assert (inquiry.operator, inquiry.priority) == (anna, "P2")


def test_what_is_corrected_to_spam_is_held_back(sue):
    insight = read(source=SourceFactory(weights={OperatorFactory(): 1}, holds_spam=True))

    correct(insight, sue, intent="spam")

    inquiry = Inquiry.objects.get()
    assert (inquiry.waiting_reason, inquiry.priority) == (WaitingReason.HELD_AS_SPAM, "P3")


def test_the_same_text_is_not_asked_about_again(sue):
    correction = correct(read(), sue, intent="buy", priority="P1", next_action="call")
    analyzer = Says()

    insight = read("  HELLO, could you tell me what the delivery of a large  sofa to Omsk would cost?", analyzer)

    assert analyzer.asked_count == 0
    assert (insight.intent, insight.priority, insight.next_action) == ("buy", "P1", "call")
    assert (insight.analyzer, insight.version, insight.confidence) == ("correction", str(correction.pk), 1.0)
    assert insight.inquiry.message[0] == " " and "lang:en" in insight.tags


def test_a_text_that_is_nearly_the_same_is_decided_too(sue):
    correct(read(), sue, intent="buy", priority="P1", next_action="call")

    insight = read("Hello, could you tell me what the delivery of a large sofa to Perm would cost?")

    assert (insight.analyzer, insight.intent) == ("correction", "buy")
    assert 0.9 <= insight.confidence < 1


@pytest.mark.parametrize(
    "other",
    [
        # Less alike than nine tenths.
        "Hello, could you tell me when the shop in Omsk will be open?",
        # A negation turns it round.
        "Hello, could you not tell me what the delivery of a large sofa to Omsk would cost?",
        # A fact of the policy's is new: it is urgent.
        "Hello, could you tell me what the delivery of a large sofa to Omsk would cost? ASAP",
    ],
)
def test_a_text_that_means_something_else_is_read(sue, other):
    correct(read(), sue, intent="buy")
    analyzer = Says()

    read(other, analyzer)

    assert analyzer.asked_count == 1


def test_many_seats_are_not_few(sue):
    few = "Please send me an offer for 5 seats of your telephone software for our office"
    correct(read(few), sue, intent="buy", priority="P3", next_action="nurture")

    assert read(few.replace("5 seats", "500 seats")).analyzer == "says"
    assert read(few.replace("5 seats", "6 seats")).analyzer == "correction"


def test_short_texts_must_be_the_same(sue):
    correct(read("Cancel order 12345678"), sue, intent="support")

    assert read("Cancel order 12345679").analyzer == "says"


def test_an_empty_message_is_like_no_other(sue):
    correct(read(""), sue, intent="buy")

    assert read("  ").analyzer == "says"


def test_the_last_word_counts(sue):
    insight = read()
    correct(insight, sue, intent="buy")
    correct(insight, sue, intent="support")

    assert read().intent == "support"
    assert read(MESSAGE.replace("Omsk", "Tver")).intent == "support"


def test_a_correction_is_gone_with_its_inquiry(sue):
    insight = read()
    correct(insight, sue, intent="buy")
    insight.inquiry.delete()

    assert read(MESSAGE.replace("Omsk", "Tver")).analyzer == "says"


def test_evidence_for_what_was_not_meant_is_left_out(sue):
    text = "Congratulations, you have won a prize, click here: http://bit.ly/x to claim your money now!"
    insight = read(text, offline_reader())
    assert insight.intent == "spam"
    correct(insight, sue, intent="support", priority="P2", next_action="email")

    again = read(text, offline_reader())

    assert again.intent == "support"
    assert not [words for words in again.evidence if words["for"] == "spam"]


def test_a_thousand_corrections_cost_one_text_little(sue, django_assert_max_num_queries):
    Correction.objects.bulk_create(
        Correction(
            text=f"{MESSAGE[:60]} {number:06d} {content_hash(str(number))}",
            content_hash=content_hash(str(number)),
            intent="buy",
            priority="P2",
            next_action="email",
            created_at=timezone.now(),
        )
        for number in range(1_000)
    )
    read("The first of them reads the corrections into memory, the others do not.")

    with django_assert_max_num_queries(24):
        read("What would it cost to have the roof of a barn near Omsk mended before winter comes?")
