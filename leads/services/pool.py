"""Operators under lock, as one transaction sees and changes them: the one place where loads and ledgers are kept."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from leads.queries import held_sources, loads_and_waiting, open_counts
from routing import queries as routing
from routing.choice import Candidate, Decision
from routing.models import Operator, Weight
from routing.queries import Seat, SourceSettings
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
        self._seats: dict[int, dict[int, Seat]] = {pk: {} for pk in self.sources}
        self._seats_of: dict[int, list[Seat]] = defaultdict(list)
        for seat in routing.locked_seats(source_ids, now=now):
            self._seats[seat.source_id][seat.operator_id] = seat
            self._seats_of[seat.operator_id].append(seat)
        self._counts, self.is_somebody_waiting = loads_and_waiting(self._seats_of, source_ids)
        for operator_id, seats in self._seats_of.items():
            for seat in seats:
                seat.open_count = self._counts[operator_id]
        #: The seats whose ledger is to be written, by their weights' ids.
        self._changed: dict[int, Seat] = {}

    def open_count(self, operator_id: int) -> int:
        """Return how many inquiries an operator holds, also one who has no weight here."""
        if operator_id not in self._counts:
            self._counts[operator_id] = open_counts([operator_id]).get(operator_id, 0)
        return self._counts[operator_id]

    def candidates(self, source_id: int, *, excluded: Collection[int] = ()) -> list[Candidate]:
        """Return the operators of one source as the pure choice wants them. ``excluded`` must not get this inquiry."""
        return [seat.as_candidate(excluded=pk in excluded) for pk, seat in self._seats[source_id].items()]

    def candidates_with(self, operator: Operator, source_id: int) -> list[Candidate]:
        """Return the same, and this operator even if they have no weight in the source."""
        candidates = self.candidates(source_id)
        if operator.pk not in self._seats[source_id]:
            stranger = Candidate(operator.pk, operator.name, 0, self.open_count(operator.pk), operator.max_load)
            candidates.append(stranger)
        return candidates

    def has_room(self, source_id: int) -> bool:
        return any(not candidate.exclusion for candidate in self.candidates(source_id))

    def take(self, source_id: int, decision: Decision, *, at: datetime) -> None:
        """Enter a choice: the chosen one holds and received one more, and all who could have taken it earned a share.

        However they were chosen: an inquiry that came by stickiness or by hand is an inquiry received, so the shares
        stay those of all inquiries, and the others are made up for it.
        """
        seats = self._seats[source_id]
        for candidate in decision.eligible:
            seat = seats[candidate.id]
            seat.due += seat.weight * decision.step
            self._changed[seat.weight_id] = seat
        if seat := seats.get(decision.chosen):
            seat.received_count += 1
            seat.last_received_at = at
            self._changed[seat.weight_id] = seat
        self._count(decision.chosen, 1)

    def hand_back(self, source_id: int, operator_id: int, *, was_open: bool = True) -> None:
        """Enter that an inquiry was taken from an operator: they did not receive it after all.

        One that was not ``open`` took no slot, so it frees none.
        """
        if seat := self._seats[source_id].get(operator_id):
            seat.received_count -= 1
            self._changed[seat.weight_id] = seat
        if was_open:
            self._count(operator_id, -1)

    def release(self, operator_id: int) -> None:
        """Enter that an inquiry was resolved: its operator has a slot more, and has received it all the same."""
        self._count(operator_id, -1)

    def ledger(self) -> Statement:
        """Return what is to be written of the ledgers since it was last asked."""
        rows = [
            {
                "id": seat.weight_id,
                "due": seat.due,
                "received_count": seat.received_count,
                "last_received_at": seat.last_received_at,
            }
            for seat in self._changed.values()
        ]
        self._changed = {}
        return update(Weight, rows)

    def _count(self, operator_id: int, change: int) -> None:
        self._counts[operator_id] = max(0, self.open_count(operator_id) + change)
        for seat in self._seats_of.get(operator_id, ()):
            seat.open_count = self._counts[operator_id]
