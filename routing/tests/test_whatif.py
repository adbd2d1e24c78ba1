from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from routing.choice import ONE, Candidate, Strategy, choose
from routing.whatif import Change, counterfactuals, decide_with


def anna_boris_clara(**changes):
    cast = {
        "anna": Candidate(1, "Anna", weight=3, open_count=1, max_load=3),
        "boris": Candidate(2, "Boris", weight=1, open_count=3, max_load=3),
        "clara": Candidate(3, "Clara", weight=1, open_count=0, max_load=2, away="off_shift", back_at="10:00"),
    }
    return [replace(candidate, **changes.get(name, {})) for name, candidate in cast.items()]


@st.composite
def decisions(draw):
    """Small pools in every state, decided by any strategy."""
    count = draw(st.integers(2, 4))
    candidates = [
        Candidate(
            id=number,
            name=f"O{number}",
            weight=draw(st.integers(0, 6)),
            open_count=draw(st.integers(0, 4)),
            max_load=draw(st.integers(1, 4)),
            due=draw(st.integers(-ONE // 2, ONE // 2)),
            last_received=draw(st.integers(0, 3)),
            away=draw(st.sampled_from(["", "", "", "off_duty"])),
        )
        for number in range(1, count + 1)
    ]
    return choose(
        candidates,
        strategy=draw(st.sampled_from(list(Strategy))),
        draw=draw(st.floats(0, 0.999)),
        sticky=draw(st.sampled_from([None, 1])),
    )


def test_a_full_operator_needed_one_more_slot():
    decision = choose(
        anna_boris_clara(anna={"weight": 1, "due": -ONE // 2}, boris={"due": ONE // 2}), strategy=Strategy.FAIR
    )

    assert Change(2, 2, "max_load", 3, 4) in counterfactuals(decision)


def test_one_who_was_away_needed_to_be_at_work():
    decision = choose(anna_boris_clara(anna={"open_count": 3}), strategy=Strategy.FAIR)

    assert decision.chosen is None
    assert Change(3, 3, "away", "off_shift", "") in counterfactuals(decision)


@given(decisions())
def test_what_is_said_is_true(decision):
    for change in counterfactuals(decision):
        again = decide_with(decision, change.operator_id, **{change.field: change.after})

        assert again.chosen == change.chosen_id != decision.chosen


@given(decisions())
def test_no_smaller_change_of_limit_or_weight_would_have_done(decision):
    for change in counterfactuals(decision):
        for candidate in decision.candidates:
            for field in ("max_load", "weight"):
                for step in range(1, change.size):
                    for value in (getattr(candidate, field) - step, getattr(candidate, field) + step):
                        if value < (field == "max_load") or (field == "max_load" and candidate.away):
                            continue
                        again = decide_with(decision, candidate.id, **{field: value})
                        is_own = candidate.id in (change.chosen_id, decision.chosen)
                        assert not is_own or again.chosen != change.chosen_id


def test_a_choice_made_by_hand_has_none():
    assert counterfactuals(choose(anna_boris_clara(), strategy=Strategy.FAIR, manual=2)) == []
