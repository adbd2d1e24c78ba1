"""The smallest single change that would have chosen another named operator. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from .choice import Candidate, Decision, choose

MAX_WEIGHT = 10_000
MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Change:
    """One change to one candidate, and whom it would have chosen."""

    #: Whose setting would have been another, and who would then have been chosen; often the same.
    operator_id: int
    chosen_id: int
    #: "away" (at work or not), "max_load" or "weight".
    field: str
    before: int | str
    after: int | str

    @property
    def size(self) -> int:
        """How large the change is: being at work or not counts as one."""
        return 1 if self.field == "away" else abs(int(self.after) - int(self.before))


def counterfactuals(decision: Decision) -> list[Change]:
    """For each operator who was not chosen, the smallest single change that would have chosen them; smallest first.

    Tried are, one at a time: being at work, a higher limit, a larger weight of the operator's own; and the chosen one
    being away, a lower limit, a smaller weight of theirs. Each is found by making the choice again, so what is said is
    true. Nobody is named whom no single change would have helped. A choice made by hand has no counterfactual.
    """
    if decision.manual is not None or decision.withheld:
        return []
    smallest: dict[int, Change] = {}
    for change in _changes(decision):
        known = smallest.get(change.chosen_id)
        if known is None or change.size < known.size:
            smallest[change.chosen_id] = change
    return sorted(smallest.values(), key=lambda change: (change.size, change.chosen_id))


def decide_with(decision: Decision, operator_id: int, **changed) -> Decision:
    """The decision again, with one candidate's fields changed."""
    candidates = [replace(c, **changed) if c.id == operator_id else c for c in decision.candidates]
    return choose(candidates, strategy=decision.strategy, draw=decision.draw, sticky=decision.sticky)


def _changes(decision: Decision) -> Iterator[Change]:
    for candidate in decision.candidates:
        if candidate.id == decision.chosen:
            yield from _against(decision, candidate)
        else:
            yield from _in_favour_of(decision, candidate)


def _in_favour_of(decision: Decision, candidate: Candidate) -> Iterator[Change]:
    if candidate.away:
        yield from _tried(decision, candidate, "away", "")
        return
    yield from _smallest(decision, candidate, "max_load", lambda k: candidate.max_load + k, MAX_LIMIT)
    yield from _smallest(decision, candidate, "weight", lambda k: candidate.weight + k, MAX_WEIGHT)


def _against(decision: Decision, chosen: Candidate) -> Iterator[Change]:
    yield from _tried(decision, chosen, "away", "off_duty")
    yield from _smallest(decision, chosen, "max_load", lambda k: chosen.max_load - k, chosen.max_load - 1)
    yield from _smallest(decision, chosen, "weight", lambda k: chosen.weight - k, chosen.weight)


def _tried(decision: Decision, candidate: Candidate, field: str, after) -> Iterator[Change]:
    chosen = decide_with(decision, candidate.id, **{field: after}).chosen
    if chosen is not None and chosen != decision.chosen:
        yield Change(candidate.id, chosen, field, getattr(candidate, field), after)


def _smallest(
    decision: Decision, candidate: Candidate, field: str, value: Callable[[int], int], most: int
) -> Iterator[Change]:
    """The smallest step from 1 to ``most`` that turns the choice.

    Every strategy answers a growing limit or weight in one direction only, so the steps are doubled until the choice
    turns, and halved from there.
    """
    if field == "max_load":
        most = min(most, MAX_LIMIT)

    def turns(step: int) -> bool:
        return decide_with(decision, candidate.id, **{field: value(step)}).chosen not in (None, decision.chosen)

    low, high = 0, 1
    while high < most and not turns(high):
        low, high = high, high * 2
    high = min(high, most)
    if most < 1 or not turns(high):
        return
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if turns(middle) else (middle, high)
    yield from _tried(decision, candidate, field, value(high))
