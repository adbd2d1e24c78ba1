"""Answers that lie: nothing outside the taxonomy passes, nothing invented is evidence, nobody else is touched."""

import pytest

from leads.models import Inquiry
from triage.analyzers.base import INTENTS, NEXT_ACTIONS, PRIORITIES, TAGS, Unavailable
from triage.models import Insight, Note
from triage.services import read_inquiry

from .factories import JobFactory
from .model_server import GOOD, says, serving
from .test_openai import TEXT, analyzer_for


@pytest.fixture
def model():
    with serving() as server:
        yield server


@pytest.mark.parametrize(
    "changes",
    [
        {"intent": "purchase"},
        {"intent": None},
        {"intent": ["buy"]},
        {"intent": {"buy": 1}},
        {"intent": "buy\n"},
        {"priority": "P9"},
        {"priority": 0},
        {"next_action": "delete_all"},
        {"next_action": ""},
        {"confidence": 1.01},
        {"confidence": -1},
        {"confidence": "high"},
        {"confidence": True},
        {"confidence": None},
        {"confidence": float("nan")},
        {"confidence": float("inf")},
    ],
)
def test_what_is_outside_the_taxonomy_is_no_reading(model, changes):
    model.play(says(GOOD, **changes))

    with pytest.raises(Unavailable, match="^nonsense$"):
        analyzer_for(model).read(TEXT)


@pytest.mark.parametrize("words", ["", "{", "[]", "null", "{}", "I cannot help", "[1, 2]", '{"intent": "buy"}', "}{"])
def test_what_is_no_object_is_no_reading(model, words):
    model.play(says(words))

    with pytest.raises(Unavailable, match="^nonsense$"):
        analyzer_for(model).read(TEXT)


@pytest.mark.parametrize(
    ("tags", "left"),
    [
        (["urgent", "vip", "admin", "", 7, None, ["demo"]], {"urgent"}),
        (["repeat_contact", "lang:ru", "suspicious_link"], set()),
        ("urgent", set()),
        (None, set()),
    ],
)
def test_tags_outside_the_list_and_those_it_cannot_know_are_dropped(model, tags, left):
    model.play(says(GOOD, tags=tags))

    assert set(analyzer_for(model).read(TEXT).tags) == left | {"lang:en"}


@pytest.mark.parametrize(
    "evidence",
    [
        [{"quote": "I hate you", "for": "buy"}],
        [{"quote": "", "for": "buy"}],
        [{"quote": " \n ", "for": "buy"}],
        [{"quote": "urgent pricing", "for": "complaint"}],
        [{"quote": "urgent pricing", "for": "owner"}],
        [{"quote": "urgent pricing"}],
        [{"for": "buy"}],
        [{"quote": 5, "for": "buy"}],
        ["urgent pricing"],
        "urgent pricing",
        {"quote": "urgent pricing", "for": "buy"},
        None,
    ],
)
def test_evidence_that_is_not_in_the_text_or_speaks_for_something_else_is_dropped(model, evidence):
    model.play(says(GOOD, evidence=evidence))

    assert analyzer_for(model).read(TEXT).evidence == ()


def test_a_quote_in_another_case_and_spacing_is_found(model):
    model.play(says(GOOD, evidence=[{"quote": "URGENT  Pricing", "for": "buy", "start": 999}] * 3))

    [words] = analyzer_for(model).read(TEXT).evidence

    assert (words.text, words.start, words.end) == ("urgent pricing", 12, 26)


def test_a_thousand_quotes_are_a_dozen(model):
    model.play(says(GOOD, evidence=[{"quote": letter, "for": "buy"} for letter in TEXT * 30]))

    assert len(analyzer_for(model).read(TEXT).evidence) <= 12


@pytest.mark.django_db
def test_an_answer_about_another_inquiry_touches_only_the_one_that_was_asked_about(model):
    other = JobFactory(inquiry__message="Where is my parcel?").inquiry
    asked = JobFactory(inquiry__message=TEXT)
    stranger = {"id": str(other.pk), "inquiry": str(other.pk), "inquiry_id": str(other.pk), "lead": str(other.lead_id)}
    model.play(says(GOOD, **stranger, status="resolved", operator=1, sql="DROP TABLE", job_id=other.jobs.get().pk))

    insight = read_inquiry(asked.pk, analyzer=analyzer_for(model))

    assert (insight.inquiry_id, insight.analyzer, insight.note) == (asked.inquiry_id, "openai", "")
    assert Insight.objects.count() == 1
    untouched = Inquiry.objects.get(pk=other.pk)
    assert (untouched.priority, untouched.status, untouched.insights.count()) == ("P2", "waiting", 0)


@pytest.mark.django_db
def test_a_liar_is_replaced_and_that_is_written_down(model):
    job = JobFactory(inquiry__message=TEXT)
    model.play(says(GOOD, intent="world domination"))

    insight = read_inquiry(job.pk, analyzer=analyzer_for(model))

    assert (insight.intent, insight.analyzer, insight.note) == ("buy", "rules", Note.NONSENSE)
    assert insight.get_note_display() == "Read offline: the model's answer made no sense."


def test_the_taxonomy_is_the_same_after_all_this():
    assert (len(INTENTS), len(PRIORITIES), len(NEXT_ACTIONS), len(TAGS)) == (8, 4, 7, 27)
