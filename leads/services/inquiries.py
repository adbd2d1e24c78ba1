"""What can be done with one inquiry: resolve, reopen, accept, give, route again, take back."""

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.db import transaction

from leads.models import ON_HOLD, Inquiry, Trigger, WaitingReason
from leads.queries import last_operators, was_steered
from routing.choice import choose
from routing.models import Operator

from .assigning import Assigner, Rng, excluded_operators
from .pool import Pool, sources_touched_by

P = ParamSpec("P")
R = TypeVar("R")


class OperatorFull(Exception):
    """The operator holds as many as their limit allows, and no reason was given to go over it."""


class InquiryResolved(Exception):
    """The inquiry is resolved: it can be reopened, but not given, routed or accepted."""


class NotResolved(Exception):
    """The inquiry is open: there is nothing to reopen."""


class NobodyElse(Exception):
    """There is nobody else who could take the inquiry; it stays where it is."""


class NobodyHoldsIt(Exception):
    """The inquiry waits: there is nobody to accept it."""


class NotHeld(Exception):
    """The inquiry does not wait for a supervisor: there is nothing to release."""


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


@own_transaction
def resolve_inquiry(inquiry_id: UUID, *, by=None, now: datetime, rng: Rng) -> bool:
    """Close an inquiry and give the slot it frees to the best waiting one. ``by`` is the user who did, if it was one.

    Gives False for one that is resolved already, which is left as it is. One transaction. Raises Inquiry.DoesNotExist.
    """
    inquiry, assigner = _locked(inquiry_id, now=now, rng=rng)
    if inquiry.resolved_at:
        return False
    inquiry.resolved_at, inquiry.resolved_by, inquiry.waiting_reason = now, by, ""
    inquiry.save(update_fields=["resolved_at", "resolved_by", "waiting_reason"])
    if inquiry.operator_id:
        assigner.pool.release(inquiry.operator_id)
        assigner.assign_waiting(trigger=Trigger.SLOT_FREED)
    return True


@own_transaction
def reopen_inquiry(inquiry_id: UUID, *, by, now: datetime, rng: Rng) -> None:
    """Open a resolved inquiry again: for its former operator if they can take it, else by the source's strategy.

    One transaction. Raises NotResolved, Inquiry.DoesNotExist.
    """
    inquiry, assigner = _locked(inquiry_id, now=now, rng=rng)
    if not inquiry.resolved_at:
        raise NotResolved
    decision = assigner.decide(inquiry.source_id, sticky=inquiry.operator_id)
    assigner.place(inquiry, decision, trigger=Trigger.REOPENED, by=by)
    assigner.write()


@own_transaction
def give_inquiry(inquiry_id: UUID, operator: Operator, *, by, now: datetime, rng: Rng, override: str = "") -> None:
    """Give an inquiry to the operator a supervisor named; whoever held it before gets their slot and credit back.

    ``override`` is the supervisor's reason to go over the operator's limit; it is recorded. One transaction.
    Raises OperatorFull, InquiryResolved, Inquiry.DoesNotExist.
    """
    inquiry, assigner = _locked_open(inquiry_id, also=[operator.pk], now=now, rng=rng)
    pool = assigner.pool
    # As they are under the lock, not as the supervisor's page showed them.
    operator.refresh_from_db(fields=["max_load", "name"])
    if inquiry.operator_id == operator.pk:
        return
    if pool.open_count(operator.pk) >= operator.max_load and not override:
        raise OperatorFull
    candidates = pool.candidates_with(operator, inquiry.source_id)
    decision = choose(candidates, strategy=inquiry.source.strategy, manual=operator.pk)
    assigner.place(inquiry, decision, trigger=Trigger.SUPERVISOR, by=by, note=override)
    assigner.assign_waiting(trigger=Trigger.SLOT_FREED)


@own_transaction
def reroute_inquiry(inquiry_id: UUID, *, by, now: datetime, rng: Rng) -> None:
    """Let the source's strategy choose again, anybody but the operator who holds it now. One transaction.

    Raises NobodyElse (and changes nothing), InquiryResolved, Inquiry.DoesNotExist.
    """
    inquiry, assigner = _locked_open(inquiry_id, now=now, rng=rng)
    excluded = excluded_operators(inquiry) | {inquiry.operator_id}
    decision = assigner.decide(inquiry.source_id, excluded=excluded)
    if decision.chosen is None:
        raise NobodyElse
    assigner.place(inquiry, decision, trigger=Trigger.SUPERVISOR, by=by)
    assigner.assign_waiting(trigger=Trigger.SLOT_FREED)


@own_transaction
def accept_inquiry(inquiry_id: UUID, *, now: datetime) -> bool:
    """Note that the operator has taken an inquiry up: the source's time to accept no longer runs.

    Gives False when they had already. One transaction. Raises NobodyHoldsIt, InquiryResolved, Inquiry.DoesNotExist.
    """
    inquiry = Inquiry.objects.select_for_update(of=("self",), no_key=True).get(pk=inquiry_id)
    if inquiry.resolved_at:
        raise InquiryResolved
    if inquiry.operator_id is None:
        raise NobodyHoldsIt
    if inquiry.accepted_at:
        return False
    inquiry.accepted_at = now
    inquiry.save(update_fields=["accepted_at"])
    return True


@own_transaction
def take_back_inquiry(inquiry_id: UUID, *, now: datetime, rng: Rng) -> bool:
    """Take an inquiry from an operator who did not accept it in the source's time, and give it to somebody else.

    Never twice to the same person; taken back the source's ``max_bounces`` times, or from everybody who could have it,
    it waits for a supervisor. Gives False when there is nothing to take back (any more). One transaction. Raises
    Inquiry.DoesNotExist.
    """
    inquiry, assigner = _locked(inquiry_id, now=now, rng=rng)
    if not is_overdue(inquiry, now=now):
        return False
    inquiry.bounce_count += 1
    excluded = excluded_operators(inquiry)
    is_anybody_left = any(c.weight and c.id not in excluded for c in assigner.pool.candidates(inquiry.source_id))
    is_enough = inquiry.bounce_count >= inquiry.source.max_bounces or not is_anybody_left
    on_hold = WaitingReason.NEEDS_SUPERVISOR.value if is_enough else ""
    decision = assigner.decide(inquiry.source_id, excluded=excluded, on_hold=on_hold)
    assigner.place(inquiry, decision, trigger=Trigger.NOT_ACCEPTED)
    assigner.assign_waiting(trigger=Trigger.SLOT_FREED)
    return True


def hold_as_spam(inquiry_id: UUID, *, by=None, now: datetime, rng: Rng) -> bool:
    """Let an inquiry that was read as spam wait for a supervisor; whoever held it gets slot and credit back.

    A person's word stands: gives False, and changes nothing, when it is resolved, was accepted by its operator, or was
    steered by a supervisor (unless a supervisor, ``by``, now says that it is spam). The slot it frees is given out.
    Runs inside the caller's transaction, as the first thing in it that locks operators or the inquiry; wrap that in
    `own_transaction`. Raises Inquiry.DoesNotExist.
    """
    inquiry, assigner = _locked(inquiry_id, now=now, rng=rng)
    if inquiry.resolved_at or inquiry.accepted_at or inquiry.waiting_reason in ON_HOLD:
        return False
    if by is None and was_steered(inquiry.pk):
        return False
    had_holder = inquiry.operator_id is not None
    decision = assigner.decide(inquiry.source_id, on_hold=WaitingReason.HELD_AS_SPAM.value)
    assigner.place(inquiry, decision, trigger=Trigger.SUPERVISOR if by else Trigger.READING, by=by)
    assigner.write()
    if had_holder:
        assigner.assign_waiting(trigger=Trigger.SLOT_FREED)
    return True


def release_held(inquiry_id: UUID, *, by, now: datetime, rng: Rng) -> bool:
    """Let an inquiry that waits for a supervisor be given out again: at once where somebody is free.

    Gives whether somebody was. Runs inside the caller's transaction, as `hold_as_spam` does. Raises NotHeld,
    InquiryResolved, Inquiry.DoesNotExist.
    """
    inquiry, assigner = _locked_open(inquiry_id, now=now, rng=rng)
    if inquiry.waiting_reason not in ON_HOLD:
        raise NotHeld
    sticky = last_operators([inquiry.lead_id]).get(inquiry.lead_id) if inquiry.source.is_sticky else None
    decision = assigner.decide(inquiry.source_id, sticky=sticky, excluded=excluded_operators(inquiry))
    assigner.place(inquiry, decision, trigger=Trigger.SUPERVISOR, by=by)
    assigner.write()
    return decision.chosen is not None


release_inquiry = own_transaction(release_held)


def is_overdue(inquiry: Inquiry, *, now: datetime) -> bool:
    """Whether its operator should have accepted this inquiry by now, or got it from a clock that was far ahead."""
    if inquiry.accept_by is None:
        return False
    allowed = timedelta(minutes=inquiry.source.accept_minutes)
    return not now - allowed < inquiry.assigned_at <= now + allowed


def _locked(inquiry_id: UUID, *, also: Collection[int] = (), now: datetime, rng: Rng) -> tuple[Inquiry, Assigner]:
    """Lock an inquiry and the pools of its source and its holder: operators first, then the inquiry.

    Who holds it, and what else they may receive, can only be known for sure under the lock, so it is looked at before
    and again after. More locks cannot be taken then, out of their order: raises _HolderChanged to begin anew. Raises
    Inquiry.DoesNotExist.
    """
    inquiries = Inquiry.objects.select_related("source")
    seen = inquiries.get(pk=inquiry_id)
    operators = {*also, *filter(None, [seen.operator_id])}
    sources = {seen.source_id, *sources_touched_by(operators)}
    pool = Pool(sources, also=operators, now=now)
    inquiry = inquiries.select_for_update(of=("self",), no_key=True).get(pk=inquiry_id)
    if inquiry.operator_id not in (None, *operators) or sources_touched_by(operators) - sources:
        raise _HolderChanged
    return inquiry, Assigner(pool, rng=rng)


def _locked_open(inquiry_id: UUID, *, also: Collection[int] = (), now: datetime, rng: Rng) -> tuple[Inquiry, Assigner]:
    """Do the same for an inquiry that must be open. Raises InquiryResolved too."""
    inquiry, assigner = _locked(inquiry_id, also=also, now=now, rng=rng)
    if inquiry.resolved_at:
        raise InquiryResolved
    return inquiry, assigner
