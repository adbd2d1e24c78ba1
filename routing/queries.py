"""Reads of operators and weights, with the locks that make a choice safe."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, prefetch_related_objects

from .choice import Candidate
from .hours import away
from .models import Absence, Operator, Shift, Source, Weight
from .simulation import Person


def sources_of(operator_ids: Iterable[int]) -> set[int]:
    """The ids of the sources these operators may receive from."""
    return set(Weight.objects.filter(operator__in=operator_ids, weight__gt=0).values_list("source_id", flat=True))


def locked_operators(source_ids: Iterable[int], *, also: Iterable[int] = ()) -> list[int]:
    """Lock every operator of these sources until the transaction ends, and ``also`` those named. Gives their ids.

    In the order of their ids, as everybody does, so that two transactions can never wait for each other. NO KEY: a
    row that merely refers to an operator may still be written elsewhere.
    """
    of_sources = Weight.objects.filter(source__in=source_ids).values("operator")
    operators = Operator.objects.filter(pk__in=of_sources) | Operator.objects.filter(pk__in=list(also))
    return list(operators.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))


def locked_weights(source_id: int) -> list[Weight]:
    """The weights of one source with their operators, both locked, in the order of the operators' ids.

    Both, because PostgreSQL reads again only what it locks: of a row that was waited for, the other half of the join
    would still show the ledger from before the wait. The operator first: whoever holds an operator may write the
    weights, so one who held a weight while waiting for its operator would be a deadlock.
    """
    weights = _with_hours(Weight.objects.filter(source=source_id))
    return _prefetched(weights.select_for_update(of=("operator", "self"), no_key=True))


def weights_of(source_ids: Iterable[int]) -> list[Weight]:
    """The weights of these sources with their operators. Locks nothing: call `locked_operators` first to choose."""
    return _prefetched(_with_hours(Weight.objects.filter(source__in=source_ids)))


def _with_hours(weights):
    shifts = Shift.objects.filter(operator=OuterRef("operator"))
    absences = Absence.objects.filter(operator=OuterRef("operator"))
    return (
        weights.select_related("operator")
        .annotate(has_shifts=Exists(shifts), has_absences=Exists(absences))
        .order_by("operator_id", "source_id")
    )


def _prefetched(weights) -> list[Weight]:
    """Most operators keep no hours here, and then this asks the database for none."""
    weights = list(weights)
    for relation in ("shifts", "absences"):
        kept = [w.operator for w in weights if getattr(w, f"has_{relation}")]
        prefetch_related_objects(kept, Prefetch(relation))
    return weights


def candidate(weight: Weight, *, open_count: int, passed_on: bool, now: datetime) -> Candidate:
    """One operator as the pure choice sees them."""
    operator = weight.operator
    reason, back_at = away(is_active=operator.is_active, zone=operator.time_zone, now=now, **_hours(weight))
    return Candidate(
        id=operator.pk,
        name=operator.name,
        weight=weight.weight,
        open_count=open_count,
        max_load=operator.max_load,
        due=weight.due,
        received_count=weight.received_count,
        last_received=weight.last_received_at.timestamp() if weight.last_received_at else 0,
        away=str(reason),
        back_at=back_at.isoformat() if back_at else "",
        passed_on=passed_on,
    )


def _hours(weight: Weight) -> dict[str, tuple]:
    """An operator's shifts and absences as plain tuples: what `hours.away` takes."""
    shifts = weight.operator.shifts.all() if weight.has_shifts else ()
    absences = weight.operator.absences.all() if weight.has_absences else ()
    return {
        "shifts": tuple((shift.weekday, shift.starts, shift.ends) for shift in shifts),
        "absences": tuple((absence.starts_at, absence.ends_at) for absence in absences),
    }


def active_sources():
    return Source.objects.filter(is_active=True)


def people_of(source_id: int) -> list[Person]:
    """The operators of a source as the simulation plays them, with their hours."""
    return [
        Person(
            id=weight.operator_id,
            name=weight.operator.name,
            weight=weight.weight,
            max_load=weight.operator.max_load,
            is_active=weight.operator.is_active,
            zone=weight.operator.time_zone,
            **_hours(weight),
        )
        for weight in weights_of([source_id])
    ]
