"""P7: a recorded decision, made again from its record alone, comes out the same."""

import json
import random

import pytest

from routing.choice import choose, replay

from .candidates import candidate
from .test_choice import STRATEGIES, any_candidates


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("named", ["nobody", "sticky", "manual"])
def test_a_thousand_decisions_replay_to_the_same_answer(strategy, named):
    rng = random.Random(f"{strategy} {named}")
    for _ in range(1000):
        somebody = {} if named == "nobody" else {named: rng.randint(1, 30)}
        decision = choose(any_candidates(rng), strategy=strategy, draw=rng.random(), **somebody)

        assert replay(json.loads(json.dumps(decision.as_record()))) == decision


def test_a_record_says_what_became_of_everyone():
    candidates = [candidate("Clara", open_count=10), candidate("Boris"), candidate("Anna", weight=3)]

    record = choose(candidates, strategy="fair").as_record()

    assert (record["version"], record["strategy"], record["chosen"], record["reason"]) == (1, "fair", 1, "fair")
    assert [
        (row["name"], row["weight"], row["open_count"], row["max_load"], row["verdict"])
        for row in record["candidates"]
    ] == [
        ("Anna", 3, 0, 10, "chosen"),
        ("Boris", 1, 0, 10, "not_their_turn"),
        ("Clara", 1, 10, 10, "full"),
    ]


def test_a_record_of_an_unknown_version_is_refused():
    with pytest.raises(ValueError, match="decision record version 2 is not known"):
        replay({"version": 2})
