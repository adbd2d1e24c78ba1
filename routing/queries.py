"""Reads of operators and weights, with the locks that make a choice safe."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Exists, OuterRef

from store.compiled import Compiled, GivenList

from .choice import Candidate
from .hours import away
from .models import Absence, Operator, Shift, Source, Weight
from .simulation import Person


def sources_of(operator_ids: Iterable[int]) -> set[int]:
    """The ids of the sources these operators may receive from."""
    return set(Weight.objects.filter(operator__in=operator_ids, weight__gt=0).values_list("source_id", flat=True))


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How a source wants its inquiries to be assigned, as it stands under the lock."""

    id: int
    slug: str
    strategy: str
    is_sticky: bool


@dataclass(slots=True)
class Seat:
    """An operator's weight and ledger in one source, under the lock; whoever holds it carries them on."""

    weight_id: int
    source_id: int
    last_received_at: datetime | None
    operator_id: int
    name: str
    weight: int
    open_count: int
    max_load: int
    due: int
    received_count: int
    away: str
    back_at: str

    def as_candidate(self, *, excluded: bool) -> Candidate:
        """Return the operator as the pure choice sees them."""
        # By position: names would take twice as long, and it is done for every operator at every choice.
        return Candidate(
            self.operator_id,
            self.name,
            self.weight,
            self.open_count,
            self.max_load,
            self.due,
            self.received_count,
            self.last_received_at.timestamp() if self.last_received_at else 0,
            self.away,
            self.back_at,
            excluded,
        )


def lock_sources(source_ids: Iterable[int]) -> dict[int, SourceSettings]:
    """Lock these sources until the transaction ends: who belongs to them cannot change meanwhile. Return them by id.

    Locks are taken in one order everywhere, so that two transactions never wait for each other: sources by their ids,
    then operators by theirs. NO KEY: a row that merely refers to a locked one may still be written elsewhere.
    """
    return {row[0]: SourceSettings(*row) for row in SOURCES.rows(sources=source_ids)}


def lock_operators(source_ids: Iterable[int], *, also: Iterable[int] = ()) -> None:
    """Lock every operator of these sources, which are locked already, and ``also`` those named."""
    of_sources = Weight.objects.filter(source__in=source_ids).values("operator")
    operators = Operator.objects.filter(pk__in=of_sources) | Operator.objects.filter(pk__in=also)
    list(operators.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def locked_seats(source_ids: Iterable[int], *, now: datetime) -> list[Seat]:
    """Lock the operators of these sources, which are locked already, and return their seats.

    By a statement of its own after the lock of the sources: an operator who was given a weight while we waited for
    that lock is seen, and the ledger is that of after the wait.
    """
    rows = [WeightRow(*row) for row in WEIGHTS.rows(sources=source_ids)]
    shifts = _by_operator(SHIFTS, {row.operator_id for row in rows if row.has_shifts})
    absences = _by_operator(ABSENCES, {row.operator_id for row in rows if row.has_absences})
    return [_seat(row, shifts[row.operator_id], absences[row.operator_id], now=now) for row in rows]


def _seat(row: "WeightRow", shifts: list, absences: list, *, now: datetime) -> Seat:
    reason, back_at = away(is_active=row.is_active, zone=row.time_zone, shifts=shifts, absences=absences, now=now)
    return Seat(
        weight_id=row.weight_id,
        source_id=row.source_id,
        last_received_at=row.last_received_at,
        operator_id=row.operator_id,
        name=row.name,
        weight=row.weight,
        open_count=0,
        max_load=row.max_load,
        due=row.due,
        received_count=row.received_count,
        away=str(reason),
        back_at=back_at.isoformat() if back_at else "",
    )


def _by_operator(query: Compiled, operator_ids: Iterable[int]) -> dict[int, list[tuple]]:
    """Return each operator's shifts or absences as `hours.away` takes them. Most keep none: then nothing is asked."""
    found = defaultdict(list)
    if operator_ids:
        for operator_id, *hours in query.rows(operators=operator_ids):
            found[operator_id].append(tuple(hours))
    return found


SOURCES = Compiled(
    lambda: (
        Source.objects.filter(pk__among=GivenList("sources"))
        .order_by("pk")
        .values_list("pk", "slug", "strategy", "is_sticky")
    ),
    lock=Source,
)


class WeightRow(NamedTuple):
    """What WEIGHTS reads of one weight, in its order."""

    weight_id: int
    source_id: int
    operator_id: int
    name: str
    weight: int
    max_load: int
    due: int
    received_count: int
    last_received_at: datetime | None
    is_active: bool
    time_zone: str
    has_shifts: bool
    has_absences: bool


WEIGHTS = Compiled(
    lambda: (
        Weight.objects.filter(source__among=GivenList("sources"))
        .order_by("operator_id", "source_id")
        .values_list(
            "pk",
            "source_id",
            "operator_id",
            "operator__name",
            "weight",
            "operator__max_load",
            "due",
            "received_count",
            "last_received_at",
            "operator__is_active",
            "operator__time_zone",
            Exists(Shift.objects.filter(operator=OuterRef("operator"))),
            Exists(Absence.objects.filter(operator=OuterRef("operator"))),
        )
    ),
    lock=Operator,
)

SHIFTS = Compiled(
    lambda: (
        Shift.objects.filter(operator__among=GivenList("operators"))
        .order_by()
        .values_list("operator_id", "weekday", "starts", "ends")
    )
)

ABSENCES = Compiled(
    lambda: (
        Absence.objects.filter(operator__among=GivenList("operators"))
        .order_by()
        .values_list("operator_id", "starts_at", "ends_at")
    )
)


def active_sources():
    return Source.objects.filter(is_active=True)


def people_of(source_id: int) -> list[Person]:
    """The operators of a source as the simulation plays them, with their hours."""
    weights = Weight.objects.filter(source=source_id).select_related("operator").order_by("operator_id")
    weights = weights.prefetch_related("operator__shifts", "operator__absences")
    return [
        Person(
            id=weight.operator_id,
            name=weight.operator.name,
            weight=weight.weight,
            max_load=weight.operator.max_load,
            is_active=weight.operator.is_active,
            zone=weight.operator.time_zone,
            shifts=tuple((shift.weekday, shift.starts, shift.ends) for shift in weight.operator.shifts.all()),
            absences=tuple((leave.starts_at, leave.ends_at) for leave in weight.operator.absences.all()),
        )
        for weight in weights
    ]
