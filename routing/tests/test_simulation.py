from datetime import UTC, datetime, time

import pytest

from routing.choice import Strategy
from routing.simulation import Person, scenario_of, simulate

MONDAY = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
ANNA = Person(1, "Anna", weight=3, max_load=100)
BORIS = Person(2, "Boris", weight=1, max_load=100)


def test_shares_are_exact_while_there_is_room():
    result = simulate(scenario_of([BORIS, ANNA], inquiries=400, start=MONDAY))

    assert [(p.name, p.received_count) for p in result.people] == [("Anna", 300), ("Boris", 100)]
    assert max(person.worst_error for person in result.people) <= 0.5
    assert result.waited_count == 0


def test_the_same_seed_gives_the_same_result():
    scenario = scenario_of([ANNA, BORIS], strategy=Strategy.WEIGHTED_RANDOM, inquiries=200, start=MONDAY, seed=7)

    assert simulate(scenario) == simulate(scenario)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_nobody_goes_over_the_limit_and_nobody_is_lost(strategy):
    people = [Person(1, "Anna", 3, 2), Person(2, "Boris", 1, 1)]

    result = simulate(scenario_of(people, strategy=strategy, per_hour=60, work_minutes=4, inquiries=500, start=MONDAY))

    assert [(p.peak_load <= p.max_load) for p in result.people] == [True, True]
    assert sum(p.received_count for p in result.people) == 500
    assert result.waited_count == len(result.waits) > 0
    assert 0 < result.median_wait <= result.wait_percentile(0.95) <= result.longest_wait
    assert len(result.timeline) == 500


def test_who_waits_is_given_out_when_the_shift_begins():
    clara = Person(3, "Clara", 1, 100, shifts=((0, time(10, 0), time(23, 0)),))

    result = simulate(scenario_of([clara], inquiries=10, per_hour=600, start=MONDAY))

    assert result.waited_count == 10
    assert 58 <= result.longest_wait <= 61


def test_who_goes_home_is_given_nothing_more():
    clara = Person(3, "Clara", 1, 1000, shifts=((0, time(8, 0), time(10, 0)),))

    result = simulate(scenario_of([clara], inquiries=300, per_hour=100, start=MONDAY))

    given_by_ten = len([hours for hours, _, _ in result.timeline if hours < 1])
    assert result.waited_count == 300 - given_by_ten
    assert result.longest_wait > 6 * 24 * 60


def test_without_anybody_at_work_nobody_is_given_anything():
    nobody = Person(3, "Clara", 1, 100, is_active=False)

    result = simulate(scenario_of([nobody], inquiries=5, per_hour=600, start=MONDAY))

    assert result.never_given_count == 5


@pytest.mark.parametrize("wrong", [{"per_hour": 0}, {"work_minutes": -1}, {"inquiries": 0}, {"start": None}])
def test_a_scenario_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="above zero|time zone"):
        simulate(scenario_of([ANNA], **({"start": MONDAY} | wrong)))
