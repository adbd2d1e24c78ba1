"""A decision record in words: why this operator, or why nobody."""

import pytest
from django.utils import timezone, translation

from leads.explain import candidate_table, operator_name, sentence
from leads.models import Assignment
from routing.choice import Candidate, choose
from routing.tests.factories import OperatorFactory

from .factories import InquiryFactory

pytestmark = pytest.mark.django_db

ANNA = Candidate(1, "Anna", 3, 0, 10)
BORIS = Candidate(2, "Boris", 1, 3, 3)
CLARA = Candidate(3, "Clara", 1, 0, 5)


def decided(*candidates, strategy="fair", **given):
    decision = choose(candidates, strategy=strategy, **given)
    return Assignment(
        inquiry=InquiryFactory.build(),
        reason=decision.reason,
        decision=decision.as_record(),
        created_at=timezone.now(),
    )


def test_the_next_by_share():
    assert sentence(decided(ANNA, CLARA)) == "Anna: next by share, 0.8 of an inquiry behind."


def test_the_only_one_and_why_the_others_were_not():
    assert sentence(decided(ANNA, BORIS)) == "Anna: the only one who could take it. Boris: full (3 of 3)."


def test_drawn_by_lot():
    said = sentence(decided(ANNA, CLARA, strategy="weighted_random", draw=0.1))

    assert said == "Anna: drawn by lot with a chance of 75%."


def test_the_least_loaded():
    assert sentence(decided(ANNA, CLARA, strategy="least_loaded")) == "Anna: had the most room, 0 of 10 taken."


def test_the_last_operator_of_the_lead():
    assert sentence(decided(ANNA, CLARA, sticky=3)) == "Clara: the lead’s last operator."


def test_given_by_hand_for_a_reason():
    assignment = decided(ANNA, BORIS, manual=2)
    assignment.note = "Knows the client"

    assert sentence(assignment) == "Boris: chosen by hand by a supervisor. Reason given: “Knows the client”."


def test_nobody_and_why():
    off_shift = Candidate(3, "Clara", 1, 0, 5, away="off_shift", back_at="2026-11-23T07:00:00+00:00")

    said = sentence(decided(BORIS, off_shift))

    assert said.startswith("Nobody: everyone on duty is full. Boris: full (3 of 3). Clara: off shift until ")


def test_in_russian():
    with translation.override("ru"):
        assert sentence(decided(ANNA, BORIS)) == "Anna: больше никто не мог взять. Boris: нет места (3 из 3)."


def test_the_table_has_everybody_the_chosen_one_first():
    table = candidate_table(decided(BORIS, ANNA))

    assert table.index("Anna") < table.index("Boris")


def test_an_operator_who_was_deleted_is_remembered():
    assert operator_name(decided(ANNA)) == "Anna"
    assert operator_name(Assignment(operator=OperatorFactory(name="Dora"))) == "Dora"
    assert operator_name(Assignment()) == "—"


def test_a_record_without_anything_is_still_a_sentence():
    assert sentence(Assignment(reason="all_full")) == "Nobody: everyone on duty is full."
    assert "no operators" in candidate_table(Assignment())
