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


def lock_sources(source_ids: Iterable[int]) -> None:
    """Lock these sources until the transaction ends: who belongs to them cannot change meanwhile.

    Locks are taken in one order everywhere, so that two transactions never wait for each other: sources by their ids,
    then operators by theirs. NO KEY: a row that merely refers to a locked one may still be written elsewhere.
    """
    list(Source.objects.filter(pk__in=source_ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def locked_operators(source_ids: Iterable[int], *, also: Iterable[int] = ()) -> list[int]:
    """Lock these sources and every operator of theirs, and ``also`` those named. Gives the operators' ids."""
    lock_sources(source_ids)
    of_sources = Weight.objects.filter(source__in=source_ids).values("operator")
    operators = Operator.objects.filter(pk__in=of_sources) | Operator.objects.filter(pk__in=list(also))
    return list(operators.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))


def locked_weights(source_id: int) -> list[Weight]:
    """The weights of one source and their operators, the source and the operators locked.

    The source by a statement of its own, before the weights are looked at: an operator who is given a weight while we
    wait for the lock is seen then, and the ledger is that of after the wait.
    """
    lock_sources([source_id])
    weights = _with_hours(Weight.objects.filter(source=source_id))
    return _prefetched(weights.select_for_update(of=("operator",), no_key=True))


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
