"""Who gets the next inquiry: a pure choice over plain data, with the record that explains and replays it.

Nothing here reads a clock, a database or a die. `choose` is given the candidates as they stand and a draw; it gives
back a `Decision`, whose record is stored with the assignment and is enough for `replay` to reach the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import lcm

#: Ledgers count in billionths of an inquiry: whole numbers, so that a replay is exact on every machine.
ONE = 1_000_000_000

RECORD_VERSION = 1


class Strategy(StrEnum):
    FAIR = "fair"
    WEIGHTED_RANDOM = "weighted_random"
    LEAST_LOADED = "least_loaded"


class Verdict(StrEnum):
    """What became of a candidate. The first that applies, in this order, is the one recorded."""

    NO_WEIGHT = "no_weight"
    OFF_DUTY = "off_duty"
    ABSENT = "absent"
    OFF_SHIFT = "off_shift"
    PASSED_ON = "passed_on"
    FULL = "full"
    NOT_THEIR_TURN = "not_their_turn"
    CHOSEN = "chosen"


#: Those that keep a candidate from the choice because they are not at work.
AWAY = (Verdict.OFF_DUTY, Verdict.ABSENT, Verdict.OFF_SHIFT)


class Reason(StrEnum):
    """Why the chosen one was chosen, or why nobody was."""

    FAIR = "fair"
    RANDOM = "random"
    LEAST_LOADED = "least_loaded"
    STICKY = "sticky"
    MANUAL = "manual"
    NO_OPERATORS = "no_operators"
    NOBODY_ON_DUTY = "nobody_on_duty"
    ALL_FULL = "all_full"
    ALL_PASSED_ON = "all_passed_on"


@dataclass(slots=True)
class Candidate:
    """An operator as one source sees them at one moment.

    Nothing changes one once it is made. It is not frozen because that takes four times as long to make, and they are
    made anew for every operator at every choice.
    """

    id: int
    name: str
    weight: int
    open_count: int
    max_load: int
    #: The fairness ledger of the pair: what they were due, in billionths, and what they received.
    due: int = 0
    received_count: int = 0
    #: Seconds since the epoch of the last inquiry this source gave them; 0 if it never did.
    last_received: float = 0
    #: "" when at work, else one of AWAY; and when they are expected back, as people read it.
    away: str = ""
    back_at: str = ""
    #: They were given this inquiry before and did not take it.
    passed_on: bool = False

    @property
    def credit(self) -> int:
        """Billionths of an inquiry this candidate is behind (above 0) or ahead of (below 0) their share."""
        return self.due - self.received_count * ONE

    @property
    def exclusion(self) -> str:
        """The Verdict that keeps this candidate out of the choice, or "" when they are eligible."""
        if self.weight <= 0:
            return Verdict.NO_WEIGHT
        if self.away:
            return self.away
        if self.passed_on:
            return Verdict.PASSED_ON
        if self.open_count >= self.max_load:
            return Verdict.FULL
        return ""

    def as_dict(self, *, verdict: str) -> dict:
        """Return all fields by name, and the verdict. Spelt out: `dataclasses.asdict` takes ten times as long."""
        return {
            "id": self.id,
            "name": self.name,
            "weight": self.weight,
            "open_count": self.open_count,
            "max_load": self.max_load,
            "due": self.due,
            "received_count": self.received_count,
            "last_received": self.last_received,
            "away": self.away,
            "back_at": self.back_at,
            "passed_on": self.passed_on,
            "verdict": verdict,
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """A choice, made or not, with all it was made from."""

    strategy: str
    candidates: tuple[Candidate, ...]
    #: The id of the chosen candidate, or None: the inquiry waits.
    chosen: int | None
    reason: str
    #: A number in [0, 1), used by `weighted_random` only.
    draw: float | None = None
    #: The operator the lead had last, if the source keeps returning leads with theirs.
    sticky: int | None = None
    #: The operator a supervisor named.
    manual: int | None = None
    #: Why nobody was to be given it, whoever was free: a rule of the caller's.
    withheld: str = ""
    #: What one unit of weight earned in the ledger by this choice, in billionths.
    step: int = 0
    #: Those of the candidates that nothing keeps out of the choice.
    eligible: tuple[Candidate, ...] = ()

    def verdict(self, candidate: Candidate) -> str:
        if candidate.id == self.chosen:
            return Verdict.CHOSEN
        return candidate.exclusion or Verdict.NOT_THEIR_TURN

    def as_record(self) -> dict:
        """The decision as plain JSON: enough for `replay`."""
        return {
            "version": RECORD_VERSION,
            "strategy": str(self.strategy),
            "chosen": self.chosen,
            "reason": str(self.reason),
            "draw": self.draw,
            "sticky": self.sticky,
            "manual": self.manual,
            "withheld": self.withheld,
            "step": self.step,
            "candidates": [c.as_dict(verdict=str(self.verdict(c))) for c in self.candidates],
        }


def choose(
    candidates: Sequence[Candidate],
    *,
    strategy: str,
    draw: float | None = None,
    sticky: int | None = None,
    manual: int | None = None,
    withheld: str = "",
) -> Decision:
    """Give one inquiry to one of the candidates, or to nobody, and say why.

    ``draw`` is a number in [0, 1), needed by `weighted_random`. ``sticky`` is the id of the lead's last operator;
    they are taken before any strategy when eligible, and yield when not. ``manual`` is the id of the candidate a
    supervisor named; they are taken whatever speaks against it, because the supervisor has said so. ``withheld`` is a
    reason of the caller's to give it to nobody, and becomes the decision's.
    Raises ValueError for an unknown strategy or a missing draw.
    """
    candidates = tuple(sorted(candidates, key=lambda c: c.id))
    eligible = tuple(c for c in candidates if not c.exclusion)
    step = _step(eligible)
    if withheld:
        chosen, reason = None, withheld
    elif manual is not None:
        chosen, reason = manual, Reason.MANUAL
    elif not eligible:
        chosen, reason = None, _why_nobody(candidates)
    elif sticky is not None and any(c.id == sticky for c in eligible):
        chosen, reason = sticky, Reason.STICKY
    elif strategy == Strategy.FAIR:
        chosen, reason = _fair(eligible, step).id, Reason.FAIR
    elif strategy == Strategy.WEIGHTED_RANDOM:
        chosen, reason = _weighted_random(eligible, draw).id, Reason.RANDOM
    elif strategy == Strategy.LEAST_LOADED:
        chosen, reason = _least_loaded(eligible).id, Reason.LEAST_LOADED
    else:
        raise ValueError(f"unknown strategy {strategy!r}")
    return Decision(strategy, candidates, chosen, reason, draw, sticky, manual, withheld, step, eligible)


def replay(record: dict) -> Decision:
    """Make a recorded choice again from its record alone. Raises ValueError for a version it does not know."""
    if record.get("version") != RECORD_VERSION:
        raise ValueError(f"decision record version {record.get('version')!r} is not known")
    candidates = [Candidate(**{k: v for k, v in row.items() if k != "verdict"}) for row in record["candidates"]]
    given = {name: record[name] for name in ("strategy", "draw", "sticky", "manual", "withheld")}
    return choose(candidates, **given)


def _step(eligible: Sequence[Candidate]) -> int:
    """What one unit of weight earns by this choice.

    Together the eligible earn the one inquiry that is given out. What they are ahead or behind *together* (which is
    never theirs: it was left by somebody who is full, away or gone) is levelled in the same step, by weight. While
    nobody comes or goes the sum is already zero and the step is exactly 1 / (sum of weights).
    """
    if not eligible:
        return 0
    together = sum(c.credit for c in eligible)
    return (ONE - together) // sum(c.weight for c in eligible)


def _fair(eligible: Sequence[Candidate], step: int) -> Candidate:
    """Deterministic proportional rotation: nobody is ever a whole inquiry from their exact share.

    R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980) 323–330: of those whose credit has
    reached 1/(2n−2), the one whose next inquiry falls due first. While the eligible stay the same, every credit stays
    within 1 − 1/(2n−2), which no rule can better. Taking simply the largest credit, as nginx's smooth weighted round
    robin does, may drift past one inquiry; stride scheduling (Waldspurger 1995) keeps pairs within it, not the whole.

    While people come and go or are full no rule can promise as much. As measured, credits stay under 2 when that
    happens by chance; in the worst order of comings and goings we could make, under 1 with weights up to 10 to 1 and
    under 5 with 10,000 to 1. Nobody who returns is owed a longer burst than that.
    """
    if len(eligible) == 1:
        return eligible[0]
    threshold = ONE // (2 * len(eligible) - 2)
    credits = {c.id: c.credit + c.weight * step for c in eligible}
    # Rounding may leave all of them a few billionths short.
    ready = [c for c in eligible if credits[c.id] >= threshold] or eligible
    # Compared as fractions with one denominator, in whole numbers.
    scale = lcm(*(c.weight for c in ready))
    return min(ready, key=lambda c: ((ONE - threshold - credits[c.id]) * (scale // c.weight), c.id))


def _weighted_random(eligible: Sequence[Candidate], draw: float | None) -> Candidate:
    """By lot: the probability of each is weight / sum of the eligible weights."""
    if draw is None or not 0 <= draw < 1:
        raise ValueError(f"weighted_random needs a draw in [0, 1), not {draw!r}")
    mark = draw * sum(c.weight for c in eligible)
    for candidate in eligible:
        mark -= candidate.weight
        if mark < 0:
            return candidate
    return eligible[-1]


def _least_loaded(eligible: Sequence[Candidate]) -> Candidate:
    """The lowest open/limit ratio; ties go to the larger weight, then to the one idle longest."""
    return min(eligible, key=lambda c: (Fraction(c.open_count, c.max_load), -c.weight, c.last_received, c.id))


def _why_nobody(candidates: Sequence[Candidate]) -> Reason:
    excluded = {c.exclusion for c in candidates if c.weight > 0}
    if not excluded:
        return Reason.NO_OPERATORS
    if excluded <= set(AWAY):
        return Reason.NOBODY_ON_DUTY
    if Verdict.FULL not in excluded:
        return Reason.ALL_PASSED_ON
    return Reason.ALL_FULL
