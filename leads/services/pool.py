"""Operators under lock, as one transaction sees and changes them: the one place where loads and ledgers are kept."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from django.db.models import BigIntegerField, Case, F, Value, When
from django.db.models.functions import Cast

from leads.queries import held_sources, open_counts
from routing import queries as routing
from routing.choice import Candidate, Decision
from routing.models import Operator, Weight


def sources_touched_by(operator_ids: Iterable[int]) -> set[int]:
    """The sources where a change of these operators may move an inquiry: of their weights, and of what they hold."""
    return routing.sources_of(operator_ids) | held_sources(operator_ids)


class Pool:
    """The operators of some sources, locked, with their open inquiries counted *after* the lock was taken.

    Whoever chooses holds this lock, so a count cannot grow behind their back, and nothing is stored that could drift.
    Counts and ledgers are read once and then carried on in memory for as long as the lock is held.
    """

    def __init__(self, weights: Iterable[Weight], source_ids: Iterable[int], *, now: datetime):
        self.now = now
        #: Also those in which nobody has a weight.
        self.source_ids = list(source_ids)
        self._weights = defaultdict(dict)
        for weight in weights:
            self._weights[weight.source_id][weight.operator_id] = weight

    @classmethod
    def of_source(cls, source_id: int, *, now: datetime) -> "Pool":
        """One source's operators, locked and read by two statements: for the intake."""
        return cls(routing.locked_weights(source_id), [source_id], now=now)

    @classmethod
    def of_sources(cls, source_ids: Iterable[int], *, also: Iterable[int] = (), now: datetime) -> "Pool":
        """The operators of several sources, and ``also`` these operators."""
        source_ids = sorted(set(source_ids))
        routing.locked_operators(source_ids, also=also)
        return cls(routing.weights_of(source_ids), source_ids, now=now)

    @cached_property
    def _counts(self) -> dict[int, int]:
        operators = {operator for weights in self._weights.values() for operator in weights}
        return dict.fromkeys(operators, 0) | open_counts(operators)

    def open_count(self, operator_id: int) -> int:
        if operator_id not in self._counts:
            self._counts.update({operator_id: 0} | open_counts([operator_id]))
        return self._counts[operator_id]

    def candidates(self, source_id: int, *, passed_on: Iterable[int] = ()) -> list[Candidate]:
        """The operators of one source as the pure choice wants them. ``passed_on`` must not get this inquiry again."""
        return [
            routing.candidate(weight, open_count=self._counts[operator], passed_on=operator in passed_on, now=self.now)
            for operator, weight in self._weights[source_id].items()
        ]

    def candidates_with(self, operator: Operator, source_id: int) -> list[Candidate]:
        """The same, and this operator even if they have no weight in the source."""
        candidates = self.candidates(source_id)
        if operator.pk not in self._weights[source_id]:
            stranger = Candidate(operator.pk, operator.name, 0, self.open_count(operator.pk), operator.max_load)
            candidates.append(stranger)
        return candidates

    def operator(self, source_id: int, operator_id: int) -> Operator:
        return self._weights[source_id][operator_id].operator

    def has_room(self, source_id: int) -> bool:
        return any(not c.exclusion for c in self.candidates(source_id))

    def take(self, source_id: int, decision: Decision) -> None:
        """Enter a choice: the chosen one holds and received one more, and all who could have taken it earned a share.

        However they were chosen: an inquiry that came by stickiness or by hand is an inquiry received, so the shares
        stay those of all inquiries, and the others are made up for it.
        """
        weights = self._weights[source_id]
        earners = [c.id for c in decision.eligible]
        for operator in earners:
            weights[operator].due += weights[operator].weight * decision.step
        self._counts[decision.chosen] = self.open_count(decision.chosen) + 1
        if chosen := weights.get(decision.chosen):
            chosen.received_count += 1
            chosen.last_received_at = self.now
        self._write(source_id, {*earners, decision.chosen}, decision)

    def _write(self, source_id: int, operators: set[int], decision: Decision) -> None:
        # Billionths outgrow the 32 bits in which PostgreSQL would multiply a weight.
        share = Cast("weight", BigIntegerField()) * decision.step
        earned = Case(When(operator__in=[c.id for c in decision.eligible], then=share), default=0)
        is_chosen = When(operator=decision.chosen, then=Value(1))
        Weight.objects.filter(source=source_id, operator__in=operators).update(
            due=F("due") + earned,
            received_count=F("received_count") + Case(is_chosen, default=0),
            last_received_at=Case(When(operator=decision.chosen, then=Value(self.now)), default=F("last_received_at")),
        )

    def hand_back(self, source_id: int, operator_id: int, *, was_open: bool = True) -> None:
        """Enter that an inquiry was taken from an operator: they did not receive it after all.

        One that was not ``open`` took no slot, so it frees none.
        """
        self._counts[operator_id] = max(0, self.open_count(operator_id) - was_open)
        if weight := self._weights[source_id].get(operator_id):
            weight.received_count -= 1
        Weight.objects.filter(source=source_id, operator=operator_id).update(received_count=F("received_count") - 1)
