"""Who holds an inquiry: the one place that gives inquiries to operators and takes them back.

Every way an inquiry can come to an operator passes `_choose` under a `Pool`'s lock, and leaves an Assignment that says
why. Locks are taken in one order everywhere: the lead, the operators by their ids, the inquiry. Whatever frees a slot
gives it to the best waiting inquiry in the same transaction, as its last step.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import transaction

from leads.models import Assignment, Inquiry, Trigger
from leads.queries import last_operator
from routing.choice import Decision, Strategy, choose
from routing.models import Operator, Source
from routing.queries import sources_of

from .pool import Pool

P = ParamSpec("P")
R = TypeVar("R")

#: Gives a number in [0, 1): random.random, or what a test wants drawn.
Dice = Callable[[], float]


class OperatorFull(Exception):
    """The operator holds as many as their limit allows, and no reason was given to go over it."""


class InquiryResolved(Exception):
    """The inquiry is resolved: nobody can be given it."""


class NobodyElse(Exception):
    """There is nobody else who could take the inquiry; it stays where it is."""


class _HolderChanged(Exception):
    """Between the look at an inquiry and the lock, somebody else was given it."""


def own_transaction(service: Callable[P, R]) -> Callable[P, R]:
    """Run a use case in a transaction of its own; from the start again when the inquiry changed hands meanwhile."""

    @wraps(service)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        while True:
            with suppress(_HolderChanged), transaction.atomic(durable=True):
                return service(*args, **kwargs)

    return wrapper


def open_inquiry(inquiry: Inquiry, *, now: datetime, dice: Dice, is_new_lead: bool = False) -> Decision:
    """Give a new, unsaved inquiry to an operator, or let it wait, and save it with the reason.

    Runs inside the caller's transaction, as its last step: the operators' rows stay locked until it ends.
    """
    source = inquiry.source
    sticky = last_operator(inquiry.lead_id) if source.is_sticky and not is_new_lead else None
    pool = Pool.of_source(source.pk, now=now)
    decision = _choose(pool, source, dice=dice, sticky=sticky)
    if decision.chosen is None:
        inquiry.waiting_reason = decision.reason
    else:
        inquiry.operator, inquiry.assigned_at = pool.operator(source.pk, decision.chosen), now
    inquiry.save(force_insert=True)
    _record(inquiry, decision, trigger=Trigger.INTAKE, now=now)
    if decision.chosen is not None:
        pool.take(source.pk, decision)
    return decision


@own_transaction
def resolve_inquiry(inquiry_id, *, now: datetime, dice: Dice) -> None:
    """Close an inquiry and give the slot it frees to the best waiting one. A resolved inquiry is left as it is.

    One transaction. Raises Inquiry.DoesNotExist.
    """
    inquiry, pool = _locked(inquiry_id, now=now)
    if inquiry.resolved_at:
        return
    inquiry.resolved_at, inquiry.waiting_reason = now, ""
    inquiry.save(update_fields=["resolved_at", "waiting_reason"])
    if inquiry.operator_id:
        assign_waiting_from(pool, dice=dice, trigger=Trigger.SLOT_FREED)


@own_transaction
def give_inquiry(inquiry_id, operator: Operator, *, by, now: datetime, dice: Dice, override: str = "") -> None:
    """Give an inquiry to the operator a supervisor named; whoever held it before gets their slot and credit back.

    ``override`` is the supervisor's reason to go over the operator's limit; it is recorded. One transaction.
    Raises OperatorFull, InquiryResolved, Inquiry.DoesNotExist.
    """
    inquiry, pool = _locked(inquiry_id, also=[operator.pk], now=now)
    operator.refresh_from_db(fields=["max_load", "name"])
    if inquiry.resolved_at:
        raise InquiryResolved
    if inquiry.operator_id == operator.pk:
        return
    if pool.open_count(operator.pk) >= operator.max_load and not override:
        raise OperatorFull
    candidates = pool.candidates_with(operator, inquiry.source_id)
    decision = choose(candidates, strategy=inquiry.source.strategy, manual=operator.pk)
    _move(inquiry, decision, pool, trigger=Trigger.SUPERVISOR, by=by, note=override)
    assign_waiting_from(pool, dice=dice, trigger=Trigger.SLOT_FREED)


@own_transaction
def reroute_inquiry(inquiry_id, *, by, now: datetime, dice: Dice) -> None:
    """Let the source's strategy choose again, anybody but the operator who holds it now. One transaction.

    Raises NobodyElse (and changes nothing), InquiryResolved, Inquiry.DoesNotExist.
    """
    inquiry, pool = _locked(inquiry_id, now=now)
    if inquiry.resolved_at:
        raise InquiryResolved
    decision = _choose(pool, inquiry.source, dice=dice, passed_on={inquiry.operator_id})
    if decision.chosen is None:
        raise NobodyElse
    _move(inquiry, decision, pool, trigger=Trigger.SUPERVISOR, by=by)
    assign_waiting_from(pool, dice=dice, trigger=Trigger.SLOT_FREED)


def assign_waiting(*, source_ids: Iterable[int], now: datetime, dice: Dice, trigger: str = Trigger.SWEEP) -> int:
    """Give out what waits in these sources for as long as there is room. Gives the number given out.

    Runs inside the caller's transaction, as its last step.
    """
    pool = Pool.of_sources(source_ids, now=now)
    return assign_waiting_from(pool, dice=dice, trigger=trigger)


def assign_waiting_from(pool: Pool, *, dice: Dice, trigger: str) -> int:
    """Give out what waits in the sources of a pool already locked, the best first. Gives the number given out."""
    given, skipped = 0, set()
    while inquiry := _next_waiting(pool, skipped):
        decision = _choose(pool, inquiry.source, dice=dice, sticky=_sticky(inquiry))
        if decision.chosen is None:
            skipped.add(inquiry.pk)
            Inquiry.objects.filter(pk=inquiry.pk, operator=None).update(waiting_reason=decision.reason)
        elif _move(inquiry, decision, pool, trigger=trigger):
            given += 1
    _say_why_waiting(pool)
    return given


def lock_operators(operator_ids: Collection[int], *, source_ids: Collection[int] = (), now: datetime) -> None:
    """Take the locks that a change of these operators, or of these sources' weights, needs before it is written.

    Call it first in the transaction, then write, then `assign_waiting`: the other way round two of them may wait for
    each other.
    """
    Pool.of_sources({*source_ids, *_sources_of(operator_ids)}, also=operator_ids, now=now)


def _sources_of(operator_ids: Iterable[int]) -> set[int]:
    return {source for operator in operator_ids for source in sources_of(operator)}


def _locked(inquiry_id, *, also: Collection[int] = (), now: datetime) -> tuple[Inquiry, Pool]:
    """An inquiry and the pools of its source and its holder, locked: operators first, then the inquiry.

    Who holds it can only be known for sure under the lock, so it is looked at before and again after. More locks
    cannot be taken then, out of their order: raises _HolderChanged to begin anew. Raises Inquiry.DoesNotExist.
    """
    inquiries = Inquiry.objects.select_related("source")
    seen = inquiries.get(pk=inquiry_id)
    operators = {*also, *filter(None, [seen.operator_id])}
    pool = Pool.of_sources({seen.source_id, *_sources_of(operators)}, also=operators, now=now)
    inquiry = inquiries.select_for_update(of=("self",), no_key=True).get(pk=inquiry_id)
    if inquiry.operator_id not in (None, *operators):
        raise _HolderChanged
    return inquiry, pool


def _choose(pool: Pool, source: Source, *, dice: Dice, sticky=None, passed_on: Collection[int] = ()) -> Decision:
    draw = dice() if source.strategy == Strategy.WEIGHTED_RANDOM else None
    candidates = pool.candidates(source.pk, passed_on=passed_on)
    return choose(candidates, strategy=source.strategy, draw=draw, sticky=sticky)


def _sticky(inquiry: Inquiry) -> int | None:
    return last_operator(inquiry.lead_id) if inquiry.source.is_sticky else None


def _next_waiting(pool: Pool, skipped: Collection) -> Inquiry | None:
    """The best waiting inquiry among the sources that have room."""
    with_room = [source for source in pool.source_ids if pool.has_room(source)]
    if not with_room:
        return None
    waiting = Inquiry.objects.waiting().filter(source__in=with_room, source__is_active=True).exclude(pk__in=skipped)
    return waiting.select_related("source").first()


def _move(inquiry: Inquiry, decision: Decision, pool: Pool, *, trigger: str, by=None, note: str = "") -> bool:
    """Put an inquiry into the chosen operator's hands. Gives False when somebody else has moved it meanwhile."""
    before = inquiry.operator_id
    moved = Inquiry.objects.filter(pk=inquiry.pk, operator=before, resolved_at=None).update(
        operator=decision.chosen, assigned_at=pool.now, waiting_reason=""
    )
    if not moved:
        return False
    inquiry.operator_id, inquiry.assigned_at, inquiry.waiting_reason = decision.chosen, pool.now, ""
    if before:
        pool.hand_back(inquiry.source_id, before)
    pool.take(inquiry.source_id, decision)
    _record(inquiry, decision, trigger=trigger, now=pool.now, by=by, note=note)
    return True


def _record(inquiry: Inquiry, decision: Decision, *, trigger: str, now: datetime, by=None, note: str = "") -> None:
    Assignment.objects.create(
        inquiry=inquiry,
        operator_id=decision.chosen,
        reason=decision.reason,
        trigger=trigger,
        assigned_by=by,
        note=note,
        decision=decision.as_record(),
        created_at=now,
    )


def _say_why_waiting(pool: Pool) -> None:
    """Keep the reasons of what still waits true: everyone may have been off duty and now be full."""
    waiting = Inquiry.objects.waiting().filter(source__in=pool.source_ids).order_by()
    for source_id, reason in waiting.values_list("source", "waiting_reason").distinct():
        decision = choose(pool.candidates(source_id), strategy=Strategy.FAIR)
        if decision.chosen is None and decision.reason != reason:
            waiting.filter(source=source_id, waiting_reason=reason).update(waiting_reason=decision.reason)
