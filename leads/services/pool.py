"""Operators under lock, as one transaction sees and changes them: the one place where loads and ledgers are kept."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from leads.queries import held_sources, loads_and_waiting, open_counts
from routing import queries as routing
from routing.choice import Candidate, Decision
from routing.models import Operator, Weight
from routing.queries import Share, SourceSettings
from store.sets import Statement, update


def sources_touched_by(operator_ids: Iterable[int]) -> set[int]:
    """Return the sources where a change of these operators may move an inquiry: of weights and of inquiries."""
    return routing.sources_of(operator_ids) | held_sources(operator_ids)


class Pool:
    """The operators of some sources, locked, with their open inquiries counted *after* the lock was taken.

    Whoever chooses holds this lock, so a count cannot grow behind their back, and nothing is stored that could drift.
    Counts and ledgers are read once and carried on in memory for as long as the lock is held; `ledger` says what has
    to be written of them.
    """

    def __init__(self, source_ids: Iterable[int], *, also: Collection[int] = (), now: datetime):
        """Lock the operators of these sources, and ``also`` these operators. Runs inside the caller's transaction."""
        self.now = now
        source_ids = sorted(set(source_ids))
        self.sources: dict[int, SourceSettings] = routing.lock_sources(source_ids)
        if also:
            routing.lock_operators(source_ids, also=also)
        self._shares: dict[int, dict[int, Share]] = {pk: {} for pk in self.sources}
        self._candidates: dict[int, dict[int, Candidate]] = {pk: {} for pk in self.sources}
        self._sources_of: dict[int, list[int]] = defaultdict(list)
        for share in routing.locked_shares(source_ids, now=now):
            self._shares[share.source_id][share.candidate.id] = share
            self._sources_of[share.candidate.id].append(share.source_id)
        self._counts, self.is_somebody_waiting = loads_and_waiting(self._sources_of, source_ids)
        for source_id, shares in self._shares.items():
            for pk, share in shares.items():
                self._candidates[source_id][pk] = replace(share.candidate, open_count=self._counts[pk])
        self._received_at = {
            (source_id, pk): share.last_received_at
            for source_id, shares in self._shares.items()
            for pk, share in shares.items()
        }
        #: The pairs of source and operator whose ledger is to be written; a dictionary, to keep their order.
        self._changed: dict[tuple[int, int], None] = {}

    def open_count(self, operator_id: int) -> int:
        """Return how many inquiries an operator holds, also one who has no weight here."""
        if operator_id not in self._counts:
            self._counts[operator_id] = open_counts([operator_id]).get(operator_id, 0)
        return self._counts[operator_id]

    def candidates(self, source_id: int, *, excluded: Collection[int] = ()) -> list[Candidate]:
        """Return the operators of one source as the pure choice wants them. ``excluded`` must not get this inquiry."""
        candidates = self._candidates[source_id].values()
        return [replace(c, passed_on=True) if c.id in excluded else c for c in candidates]

    def candidates_with(self, operator: Operator, source_id: int) -> list[Candidate]:
        """Return the same, and this operator even if they have no weight in the source."""
        candidates = self.candidates(source_id)
        if operator.pk not in self._candidates[source_id]:
            stranger = Candidate(operator.pk, operator.name, 0, self.open_count(operator.pk), operator.max_load)
            candidates.append(stranger)
        return candidates

    def candidate(self, source_id: int, operator_id: int) -> Candidate:
        return self._candidates[source_id][operator_id]

    def has_room(self, source_id: int) -> bool:
        return any(not c.exclusion for c in self._candidates[source_id].values())

    def take(self, source_id: int, decision: Decision) -> None:
        """Enter a choice: the chosen one holds and received one more, and all who could have taken it earned a share.

        However they were chosen: an inquiry that came by stickiness or by hand is an inquiry received, so the shares
        stay those of all inquiries, and the others are made up for it.
        """
        candidates = self._candidates[source_id]
        for c in decision.eligible:
            self._change(source_id, c.id, due=candidates[c.id].due + c.weight * decision.step)
        if chosen := candidates.get(decision.chosen):
            received = {"received_count": chosen.received_count + 1, "last_received": self.now.timestamp()}
            self._change(source_id, chosen.id, **received)
            self._received_at[source_id, chosen.id] = self.now
        self._count(decision.chosen, 1)

    def hand_back(self, source_id: int, operator_id: int, *, was_open: bool = True) -> None:
        """Enter that an inquiry was taken from an operator: they did not receive it after all.

        One that was not ``open`` took no slot, so it frees none.
        """
        if held := self._candidates[source_id].get(operator_id):
            self._change(source_id, operator_id, received_count=held.received_count - 1)
        if was_open:
            self._count(operator_id, -1)

    def release(self, operator_id: int) -> None:
        """Enter that an inquiry was resolved: its operator has a slot more, and has received it all the same."""
        self._count(operator_id, -1)

    def ledger(self) -> Statement:
        """Return what is to be written of the ledgers since it was last asked."""
        rows = [
            {
                "id": self._shares[source_id][pk].weight_id,
                "due": (c := self._candidates[source_id][pk]).due,
                "received_count": c.received_count,
                "last_received_at": self._received_at[source_id, pk],
            }
            for source_id, pk in self._changed
        ]
        self._changed = {}
        return update(Weight, rows)

    def _change(self, source_id: int, operator_id: int, **fields) -> None:
        candidates = self._candidates[source_id]
        candidates[operator_id] = replace(candidates[operator_id], **fields)
        self._changed[source_id, operator_id] = None

    def _count(self, operator_id: int, change: int) -> None:
        self._counts[operator_id] = max(0, self.open_count(operator_id) + change)
        for source_id in self._sources_of.get(operator_id, ()):
            candidates = self._candidates[source_id]
            candidates[operator_id] = replace(candidates[operator_id], open_count=self._counts[operator_id])
