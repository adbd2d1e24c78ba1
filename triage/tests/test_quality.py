"""How well the readers read, counted by hand and by the module."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from leads.tests.factories import InquiryFactory
from triage.models import Correction, Insight
from triage.quality import Share, quality
from triage.services.corrections import correct_insight

from .factories import JobFactory

pytestmark = pytest.mark.django_db

#: A Monday.
MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
LONG_AGO = MONDAY - timedelta(days=400)


@pytest.fixture
def sue():
    return User.objects.create(username="sue")


def insight(intent="buy", *, confidence=0.9, lang="en", at=MONDAY, version="1", analyzer="rules"):
    inquiry = InquiryFactory()
    return Insight.objects.create(
        job=JobFactory(inquiry=inquiry, done_at=timezone.now()),
        inquiry=inquiry,
        intent=intent,
        priority="P2",
        next_action="email",
        confidence=confidence,
        tags=[f"lang:{lang}"] if lang else [],
        analyzer=analyzer,
        version=version,
        content_hash=inquiry.content_hash,
        created_at=at,
    )


def judge(read, by, *, at=MONDAY, **right):
    return correct_insight(read.pk, by=by, now=at, rng=lambda: 0.5, **right)


def shares(rows):
    return {name: (share.count, share.of) for name, share in rows}


def test_nothing_judged_is_no_accuracy():
    found = quality(since=LONG_AGO)

    assert found.intent.ratio is None and found.intent.bounds is None
    assert (found.intents, found.languages, found.readers, found.weeks) == ([], [], [], [])


def test_what_was_confirmed_is_right_and_what_was_corrected_is_not(sue):
    for _ in range(3):
        judge(insight("buy"), sue)
    judge(insight("info"), sue, intent="buy", priority="P2", next_action="email")
    judge(insight("buy"), sue, priority="P1", next_action="email")
    insight("buy")

    found = quality(since=LONG_AGO)

    assert found.intent == Share(4, 5)
    assert found.priority == Share(4, 5)
    assert found.next_action == Share(5, 5)
    assert {row.intent: (row.found, row.right) for row in found.intents} == {
        "buy": (Share(4, 5), Share(4, 4)),
        "info": (Share(0, 0), Share(0, 1)),
    }


def test_only_the_last_word_on_a_reading_counts(sue):
    read = insight("buy")
    judge(read, sue, intent="info")
    judge(read, sue, intent="buy", priority="P2", next_action="email")

    assert quality(since=LONG_AGO).intent == Share(1, 1)


def test_languages_and_readers_stand_apart(sue):
    judge(insight(lang="ru"), sue)
    judge(insight(lang="ru"), sue, intent="spam")
    judge(insight(lang="", version="2"), sue)

    found = quality(since=LONG_AGO)

    assert shares(found.languages) == {"ru": (1, 2), "": (1, 1)}
    assert shares(found.readers) == {"rules 1": (1, 2), "rules 2": (1, 1)}


def test_what_a_correction_decided_or_came_from_elsewhere_is_no_reading(sue):
    judge(insight(analyzer="correction"), sue)
    Correction.objects.create(
        text="from elsewhere",
        content_hash="x",
        intent="buy",
        priority="P2",
        next_action="email",
        read_intent="buy",
        read_priority="P2",
        read_next_action="email",
        created_at=MONDAY,
    )

    assert quality(since=LONG_AGO).intent == Share(0, 0)


def test_automatic_is_what_the_reader_was_sure_of_and_nobody_changed(sue):
    insight(confidence=0.9)
    insight(confidence=0.2)
    judge(insight(confidence=0.9), sue)
    judge(insight(confidence=0.9), sue, intent="spam")

    assert quality(since=LONG_AGO).automatic == Share(2, 4)


def test_weeks_follow_each_other_and_old_ones_are_left_out(sue):
    judge(insight(at=MONDAY - timedelta(days=7)), sue, at=MONDAY - timedelta(days=7))
    judge(insight(), sue, intent="spam")
    judge(insight(at=LONG_AGO - timedelta(days=1)), sue, at=LONG_AGO - timedelta(days=1))

    weeks = quality(since=LONG_AGO).weeks

    assert [week.starts_on for week in weeks] == [(MONDAY - timedelta(days=7)).date(), MONDAY.date()]
    assert [week.right for week in weeks] == [Share(1, 1), Share(0, 1)]
    assert [week.automatic for week in weeks] == [Share(1, 1), Share(0, 1)]


def test_it_takes_as_many_queries_for_much_as_for_little(sue, django_assert_num_queries):
    judge(insight(), sue)
    with django_assert_num_queries(7):
        quality(since=LONG_AGO)
    for intent in ("buy", "info", "spam"):
        judge(insight(intent), sue, intent="other")

    with django_assert_num_queries(7):
        quality(since=LONG_AGO)


@pytest.mark.parametrize(
    ("share", "low", "high"),
    # None of ten and all of ten are not certain, and half of a hundred lies between two fifths and three.
    [(Share(0, 10), 0.0, 0.278), (Share(10, 10), 0.722, 1.0), (Share(50, 100), 0.404, 0.596)],
)
def test_few_judgements_are_a_wide_range(share, low, high):
    assert share.bounds == pytest.approx((low, high), abs=0.001)
