import pytest
from django.utils.translation import override

from leads.explain import changes_in_words
from leads.models import Assignment
from routing.choice import Candidate, Strategy, choose


def assignment_of(*candidates, **given):
    return Assignment(decision=choose(candidates, strategy=Strategy.FAIR, **given).as_record())


ANNA = Candidate(1, "Anna", weight=1, open_count=1, max_load=3)
BORIS_FULL = Candidate(2, "Boris", weight=5, open_count=3, max_load=3)


def test_the_smallest_change_is_named_with_both_values():
    assert changes_in_words(assignment_of(ANNA, BORIS_FULL)) == [
        "Boris: with a limit of 4 instead of 3 for Boris.",
    ]


def test_it_is_said_in_russian():
    with override("ru"):
        assert changes_in_words(assignment_of(ANNA, BORIS_FULL)) == [
            "Boris: при лимите 4 вместо 3 у оператора Boris.",
        ]


@pytest.mark.parametrize("record", [{}, {"version": 99}, {"version": 1, "candidates": [{"id": 1}]}])
def test_a_record_of_another_version_is_no_error(record):
    assert changes_in_words(Assignment(decision=record)) == []
