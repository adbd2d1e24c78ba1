"""Who is eligible, what each strategy does, and why nobody was chosen."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.choice import ONE, Candidate, choose

from .candidates import candidate

STRATEGIES = ["fair", "weighted_random", "least_loaded"]


def any_candidates(rng: random.Random) -> list[Candidate]:
    """A pool as it may stand at any moment, the ineligible among them."""
    return [
        Candidate(
            id=id,
            name=rng.choice(["Anna", "Борис", "Clara"]),
            weight=rng.choice([0, 1, 5, rng.randint(1, 10_000)]),
            open_count=rng.randint(0, 12),
            max_load=rng.randint(1, 10),
            due=rng.randint(-5 * ONE, 5000 * ONE),
            received_count=rng.randint(0, 5000),
            last_received=rng.choice([0, rng.random() * 4e9]),
            away=rng.choice(["", "", "", "off_duty", "absent", "off_shift"]),
            back_at=rng.choice(["", "2026-11-20T09:00:00+00:00"]),
            passed_on=rng.random() < 0.2,
        )
        for id in rng.sample(range(1, 30), k=rng.randint(0, 12))
    ]


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(rng=st.randoms(use_true_random=True), sticky=st.integers(1, 30) | st.none())
def test_only_an_eligible_one_is_chosen_and_nobody_waits_beside_one(strategy, rng, sticky):
    candidates = any_candidates(rng)
    eligible = {
        c.id for c in candidates if c.weight > 0 and not c.away and not c.passed_on and c.open_count < c.max_load
    }

    chosen = choose(candidates, strategy=strategy, draw=rng.random(), sticky=sticky).chosen

    assert chosen in eligible if eligible else chosen is None


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("hindrance", "verdict"),
    [
        ({"weight": 0, "away": "off_duty"}, "no_weight"),
        ({"away": "off_duty"}, "off_duty"),
        ({"away": "absent"}, "absent"),
        ({"away": "off_shift", "passed_on": True}, "off_shift"),
        ({"passed_on": True, "open_count": 10}, "passed_on"),
        ({"open_count": 10}, "full"),
        ({"open_count": 11}, "full"),
    ],
)
def test_one_who_cannot_take_it_is_passed_over_and_the_record_says_why(strategy, hindrance, verdict):
    hindered = candidate("Anna", **({"weight": 100} | hindrance))

    decision = choose([hindered, candidate("Boris")], strategy=strategy, draw=0.0)

    assert decision.chosen == 2
    assert [row["verdict"] for row in decision.as_record()["candidates"]] == [verdict, "chosen"]


@pytest.mark.parametrize(
    ("candidates", "reason"),
    [
        ([], "no_operators"),
        ([candidate("Anna", weight=0)], "no_operators"),
        ([candidate("Anna", weight=0, open_count=10)], "no_operators"),
        ([candidate("Anna", away="off_duty")], "nobody_on_duty"),
        ([candidate("Anna", away="off_shift"), candidate("Boris", away="absent")], "nobody_on_duty"),
        ([candidate("Anna", away="off_shift"), candidate("Boris", weight=0)], "nobody_on_duty"),
        ([candidate("Anna", open_count=10)], "all_full"),
        ([candidate("Anna", open_count=10), candidate("Boris", away="absent")], "all_full"),
        ([candidate("Anna", open_count=10), candidate("Boris", passed_on=True)], "all_full"),
        ([candidate("Anna", passed_on=True)], "all_passed_on"),
        ([candidate("Anna", passed_on=True), candidate("Boris", away="off_duty")], "all_passed_on"),
    ],
)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_when_nobody_can_take_it_it_waits_for_a_reason(candidates, reason, strategy):
    decision = choose(candidates, strategy=strategy, draw=0.5)

    assert (decision.chosen, decision.reason, decision.step) == (None, reason, 0)


def test_weighted_random_draws_by_weight():
    rng = random.Random(2026)
    weights = {"Anna": 5, "Boris": 3, "Clara": 2}
    candidates = [candidate(name, weight=weight) for name, weight in weights.items()]
    draws = 20_000

    drawn = Counter(choose(candidates, strategy="weighted_random", draw=rng.random()).chosen for _ in range(draws))

    expected = {1: 0.5 * draws, 2: 0.3 * draws, 3: 0.2 * draws}
    chi_square = sum((drawn[id] - count) ** 2 / count for id, count in expected.items())
    # 13.82 is exceeded once in a thousand seeds, at two degrees of freedom.
    assert chi_square < 13.82


def test_weighted_random_takes_no_notice_of_those_who_cannot_take_it():
    candidates = [candidate("Anna", weight=98, open_count=10), candidate("Boris"), candidate("Clara")]

    chosen = [choose(candidates, strategy="weighted_random", draw=draw).chosen for draw in (0, 0.49, 0.5, 0.99)]

    assert chosen == [2, 2, 3, 3]


@pytest.mark.parametrize("draw", [None, 1, 1.5, -0.1, float("nan")])
def test_weighted_random_refuses_what_is_no_draw(draw):
    with pytest.raises(ValueError, match=r"weighted_random needs a draw in \[0, 1\)"):
        choose([candidate("Anna")], strategy="weighted_random", draw=draw)


def test_least_loaded_takes_the_lowest_ratio_and_not_the_lowest_count():
    candidates = [candidate("Anna", open_count=1, max_load=2), candidate("Boris", open_count=4, max_load=10)]

    assert choose(candidates, strategy="least_loaded").chosen == 2


def test_least_loaded_breaks_a_tie_by_weight_then_by_the_longest_idle():
    anna = candidate("Anna", weight=2, last_received=100)
    boris = candidate("Boris", weight=2, last_received=50)
    clara = candidate("Clara", weight=3, last_received=200)

    assert choose([anna, boris, clara], strategy="least_loaded").chosen == 3
    assert choose([anna, boris], strategy="least_loaded").chosen == 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_returning_lead_stays_with_the_operator_who_can_take_it(strategy):
    candidates = [candidate("Anna", weight=1000), candidate("Boris", open_count=9)]

    decision = choose(candidates, strategy=strategy, draw=0.0, sticky=2)

    assert (decision.chosen, decision.reason) == (2, "sticky")


@pytest.mark.parametrize("hindrance", [{"open_count": 10}, {"away": "off_shift"}, {"weight": 0}, {"passed_on": True}])
def test_stickiness_yields_to_the_strategy_rather_than_wait(hindrance):
    decision = choose([candidate("Anna"), candidate("Boris", **hindrance)], strategy="fair", sticky=2)

    assert (decision.chosen, decision.reason) == (1, "fair")


def test_a_last_operator_who_left_the_source_is_forgotten():
    assert choose([candidate("Anna")], strategy="fair", sticky=77).chosen == 1


def test_a_supervisor_may_name_anybody():
    decision = choose([candidate("Anna"), candidate("Boris", open_count=10)], strategy="fair", manual=2)

    assert (decision.chosen, decision.reason) == (2, "manual")


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="unknown strategy 'round_robin'"):
        choose([candidate("Anna")], strategy="round_robin")
