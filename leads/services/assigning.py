"""Who holds an inquiry: the one place that gives inquiries to operators.

Every way an inquiry can come to an operator passes `place` or `open_inquiry` under a `Pool`'s lock, and leaves an
Assignment that says why. Locks are taken in one order everywhere: the lead, the sources, the operators, each by their
ids, and the inquiry. Whatever frees a slot gives it to the best waiting inquiry in the same transaction, as its last
step.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from leads.models import WITHHELD, Assignment, Inquiry, Trigger
from leads.queries import earlier_holders, last_operator
from routing.choice import Decision, Strategy, choose
from routing.models import Source

from .pool import Pool

#: Gives a number in [0, 1): random.random, or what a test wants drawn.
Rng = Callable[[], float]

#: So many are given out under one lock; the rest is for the sweep, so that no intake waits longer than it may.
AT_ONCE = 100


def open_inquiry(inquiry: Inquiry, *, now: datetime, rng: Rng) -> Decision:
    """Give a new, unsaved inquiry to an operator, or let it wait, and save it with the reason.

    Runs inside the caller's transaction, as its last step: the operators' rows stay locked until it ends.
    """
    source = inquiry.source
    sticky = last_operator(inquiry.lead_id) if source.is_sticky else None
    pool = Pool.of_source(source.pk, now=now)
    if pool.has_room(source.pk) and Inquiry.objects.waiting().given_out_by_itself().filter(source=source).exists():
        # A shift has just begun and the sweep has not come yet: those who wait were here first.
        assign_waiting_from(pool, rng=rng, trigger=Trigger.SWEEP)
    decision = decide(pool, source, rng=rng, sticky=sticky)
    if decision.chosen is None:
        inquiry.waiting_reason = decision.reason
    else:
        inquiry.operator, inquiry.assigned_at = pool.operator(source.pk, decision.chosen), now
    inquiry.save(force_insert=True)
    _record(inquiry, decision, trigger=Trigger.INTAKE, now=now)
    if decision.chosen is not None:
        pool.take(source.pk, decision)
    return decision


def assign_waiting(*, source_ids: Iterable[int], now: datetime, rng: Rng, trigger: str = Trigger.SWEEP) -> int:
    """Give out what waits in these sources while there is room, AT_ONCE at the most. Gives the number given out.

    Runs inside the caller's transaction, as its last step.
    """
    return assign_waiting_from(Pool.of_sources(source_ids, now=now), rng=rng, trigger=trigger)


def assign_waiting_from(pool: Pool, *, rng: Rng, trigger: str) -> int:
    """Give out what waits in the sources of a pool already locked, the best first, AT_ONCE at the most.

    Gives the number given out.
    """
    given, skipped = 0, set()
    while given < AT_ONCE and (inquiry := _next_waiting(pool, skipped)):
        decision = decide(
            pool,
            inquiry.source,
            rng=rng,
            sticky=last_operator(inquiry.lead_id) if inquiry.source.is_sticky else None,
            passed_on=passed_on(inquiry),
        )
        if decision.chosen is None:
            skipped.add(inquiry.pk)
            Inquiry.objects.waiting().filter(pk=inquiry.pk).update(waiting_reason=decision.reason)
        elif place(inquiry, decision, pool, trigger=trigger):
            given += 1
    _say_why_waiting(pool, skipped)
    return given


def decide(
    pool: Pool,
    source: Source,
    *,
    rng: Rng,
    sticky: int | None = None,
    passed_on: Collection[int] = (),
    withheld: str = "",
) -> Decision:
    """Let a source's strategy choose among a locked pool."""
    draw = rng() if source.strategy == Strategy.WEIGHTED_RANDOM else None
    candidates = pool.candidates(source.pk, passed_on=passed_on)
    return choose(candidates, strategy=source.strategy, draw=draw, sticky=sticky, withheld=withheld)


def passed_on(inquiry: Inquiry) -> set[int]:
    """The operators who must not get this inquiry again: once it was taken back, whoever had it."""
    return earlier_holders(inquiry.pk) if inquiry.bounce_count else set()


def place(inquiry: Inquiry, decision: Decision, pool: Pool, *, trigger: str, by=None, note: str = "") -> bool:
    """Put an inquiry where a decision says: into an operator's hands, or back among the waiting.

    Whoever held it before gets slot and credit back. Gives False, and does nothing, when somebody else has moved the
    inquiry meanwhile. The pool must hold the locks of both operators.
    """
    before, was_open = inquiry.operator_id, inquiry.resolved_at is None
    after = {
        "operator": decision.chosen,
        "assigned_at": pool.now if decision.chosen else inquiry.assigned_at,
        "accepted_at": None,
        "resolved_at": None,
        "resolved_by": None,
        "waiting_reason": "" if decision.chosen else decision.reason,
        "bounce_count": inquiry.bounce_count,
    }
    unmoved = Inquiry.objects.filter(pk=inquiry.pk, operator=before, resolved_at=inquiry.resolved_at)
    if not unmoved.update(**after):
        return False
    if before:
        pool.hand_back(inquiry.source_id, before, was_open=was_open)
    if decision.chosen:
        pool.take(inquiry.source_id, decision)
    _record(inquiry, decision, trigger=trigger, now=pool.now, by=by, note=note)
    return True


def _next_waiting(pool: Pool, skipped: Collection) -> Inquiry | None:
    """The best waiting inquiry among the sources that have room."""
    with_room = [source for source in pool.source_ids if pool.has_room(source)]
    if not with_room:
        return None
    waiting = Inquiry.objects.waiting().given_out_by_itself().filter(source__in=with_room).exclude(pk__in=skipped)
    return waiting.select_related("source").first()


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


def _say_why_waiting(pool: Pool, skipped: Collection) -> None:
    """Keep the reasons of what still waits true: everyone may have been off duty and now be full."""
    waiting = Inquiry.objects.waiting().filter(source__in=pool.source_ids).exclude(pk__in=skipped).order_by()
    waiting = waiting.exclude(waiting_reason__in=WITHHELD)
    for source_id, reason in waiting.values_list("source", "waiting_reason").distinct():
        decision = choose(pool.candidates(source_id), strategy=Strategy.FAIR)
        if decision.chosen is None and decision.reason != reason:
            waiting.filter(source=source_id, waiting_reason=reason).update(waiting_reason=decision.reason)
