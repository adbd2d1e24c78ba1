"""Who holds an inquiry: the one place that gives inquiries to operators.

Every way an inquiry can come to an operator passes an `Assigner` under a `Pool`'s lock, and leaves an Assignment that
says why. Locks are taken in one order everywhere: the leads, the sources, the operators, the inquiries, each by their
ids (inquiries that wait: in the order of their queue). Whatever frees a slot gives it to the best waiting inquiry in
the same transaction, as its last step.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from leads.models import ON_HOLD, Assignment, Inquiry, Priority, Status, Trigger
from leads.queries import earlier_holders, last_operators
from routing.choice import Candidate, Decision, Strategy, choose
from routing.models import Source
from store.compiled import Compiled, GivenList
from store.sets import Row, Statement, insert, update, write

from .pool import Pool
from .recognition import RecognisedLead

#: Returns a number in [0, 1): random.random, or what a test wants drawn.
Rng = Callable[[], float]

#: So many are assigned under one lock; the rest is for the sweep, so that no intake waits longer than it may.
ASSIGNED_AT_ONCE = 100


@dataclass(slots=True, eq=False)
class NewInquiry:
    """An inquiry that is being taken in: what was sent and, once it was assigned, who has it."""

    lead: RecognisedLead
    source: Source
    message: str
    extra: dict
    content_hash: str
    created_at: datetime
    repeat_count: int = 0
    id: UUID = field(default_factory=uuid7)
    operator: Candidate | None = None
    waiting_reason: str = ""
    resolved_at: None = None

    @property
    def status(self) -> str:
        return Status.ASSIGNED.value if self.operator else Status.WAITING.value


class WaitingInquiry(NamedTuple):
    """What WAITING reads of an inquiry, in its order."""

    pk: UUID
    source_id: int
    lead_id: UUID
    assigned_at: datetime | None
    bounce_count: int
    waiting_reason: str
    operator_id: None = None
    resolved_at: None = None


WAITING = Compiled(
    lambda: (
        Inquiry.objects.waiting()
        .assignable()
        .filter(source__among=GivenList("sources"))
        .exclude(pk__among=GivenList("seen"))
        .values_list("pk", "source_id", "lead_id", "assigned_at", "bounce_count", "waiting_reason")[:ASSIGNED_AT_ONCE]
    ),
    lock=Inquiry,
)


def open_inquiries(
    inquiries: Sequence[NewInquiry], *, source_id: int, now: datetime, rng: Rng, is_even: bool = False
) -> list[Statement]:
    """Give new inquiries of one source to operators, in their order, or let them wait. Return what is to be written.

    ``is_even`` reads as much for strangers as for known leads.

    Runs inside the caller's transaction, as its last step but the writing: the operators stay locked until it ends.
    Raises Source.DoesNotExist when the source was deleted meanwhile.
    """
    assigner = Assigner(Pool([source_id], now=now), rng=rng)
    if source_id not in assigner.pool.sources:
        raise Source.DoesNotExist
    is_sticky = assigner.pool.sources[source_id].is_sticky
    returning = {inquiry.lead.id for inquiry in inquiries if not inquiry.lead.is_new} if is_sticky else set()
    last = last_operators(returning) if returning or (is_even and is_sticky) else {}
    for inquiry in inquiries:
        if assigner.assign_earlier(source_id) and returning:
            last |= last_operators(returning)
        assigner.admit(inquiry, last_operator=last.get(inquiry.lead.id))
        if is_sticky and inquiry.operator:
            last[inquiry.lead.id] = inquiry.operator.id
    return assigner.statements()


def assign_waiting(*, source_ids: Iterable[int], now: datetime, rng: Rng, trigger: str = Trigger.SWEEP) -> int:
    """Assign what waits in these sources while there is room, ASSIGNED_AT_ONCE at the most. Return how many.

    Runs inside the caller's transaction, as its last step.
    """
    return Assigner(Pool(source_ids, now=now), rng=rng).assign_waiting(trigger=trigger)


class Assigner:
    """Choices made one after the other under a pool's lock, and written together.

    Runs inside the caller's transaction. Nothing is in the database before `write`, or before the caller has written
    the `statements`.
    """

    def __init__(self, pool: Pool, *, rng: Rng):
        self.pool, self._rng = pool, rng
        self._opened: list[Row] = []
        self._moved: list[Row] = []
        self._assignments: list[Row] = []

    def decide(
        self, source_id: int, *, sticky: int | None = None, excluded: Collection[int] = (), on_hold: str = ""
    ) -> Decision:
        """Let a source's strategy choose. ``sticky`` is an operator to take before it, if they can."""
        source = self.pool.sources[source_id]
        return choose(
            self.pool.candidates(source_id, excluded=excluded),
            strategy=source.strategy,
            draw=self._rng() if source.strategy == Strategy.WEIGHTED_RANDOM else None,
            sticky=sticky,
            withheld=on_hold,
        )

    def assign_earlier(self, source_id: int) -> int:
        """Assign what waits beside a free operator before anything new is admitted. Return how many.

        A shift has just begun and the sweep has not come yet: those who wait were here first.
        """
        if not (self.pool.is_somebody_waiting and self.pool.has_room(source_id)):
            return 0
        assigned = self.assign_waiting(trigger=Trigger.SWEEP)
        self.pool.is_somebody_waiting = assigned == ASSIGNED_AT_ONCE
        return assigned

    def admit(self, inquiry: NewInquiry, *, last_operator: int | None) -> None:
        """Give a new inquiry to an operator, or let it wait."""
        source_id = inquiry.source.pk
        decision = self.decide(source_id, sticky=last_operator)
        if decision.chosen is None:
            inquiry.waiting_reason = str(decision.reason)
        else:
            inquiry.operator = next(c for c in decision.candidates if c.id == decision.chosen)
            self.pool.take(source_id, decision, at=inquiry.created_at)
        self._opened.append(_row_of(inquiry))
        self._record(inquiry.id, decision, trigger=Trigger.INTAKE, at=inquiry.created_at)

    def place(
        self, inquiry: Inquiry | WaitingInquiry, decision: Decision, *, trigger: str, by=None, note: str = ""
    ) -> None:
        """Put an inquiry where a decision says: into an operator's hands, or back among the waiting.

        Whoever held it before gets slot and credit back. The inquiry is locked, and the pool holds both operators.
        """
        if inquiry.operator_id:
            self.pool.hand_back(inquiry.source_id, inquiry.operator_id, was_open=inquiry.resolved_at is None)
        if decision.chosen:
            self.pool.take(inquiry.source_id, decision, at=self.pool.now)
        self._moved.append(
            {
                "id": inquiry.pk,
                "operator_id": decision.chosen,
                "assigned_at": self.pool.now if decision.chosen else inquiry.assigned_at,
                "accepted_at": None,
                "resolved_at": None,
                "resolved_by_id": None,
                "waiting_reason": "" if decision.chosen else str(decision.reason),
                "bounce_count": inquiry.bounce_count,
            }
        )
        self._record(inquiry.pk, decision, trigger=trigger, at=self.pool.now, by=by, note=note)

    def assign_waiting(self, *, trigger: str) -> int:
        """Assign what waits while there is room, the best first, ASSIGNED_AT_ONCE at the most, and write it.

        Return the number assigned. What was placed before is written first: it may be among those who waited.
        """
        self.write()
        assigned, seen, reasons = 0, set(), {}
        while assigned < ASSIGNED_AT_ONCE and (window := self._next_waiting(seen)):
            excluded = earlier_holders([inquiry.pk for inquiry in window if inquiry.bounce_count])
            last = self._last_operators(window)
            for inquiry in window[: ASSIGNED_AT_ONCE - assigned]:
                seen.add(inquiry.pk)
                if not self.pool.has_room(inquiry.source_id):
                    continue
                sticky = last.get(inquiry.lead_id) if self.pool.sources[inquiry.source_id].is_sticky else None
                decision = self.decide(inquiry.source_id, sticky=sticky, excluded=excluded.get(inquiry.pk, ()))
                if decision.chosen is None:
                    reasons[inquiry.pk] = str(decision.reason)
                else:
                    self.place(inquiry, decision, trigger=trigger)
                    last[inquiry.lead_id] = decision.chosen
                    assigned += 1
        self.write()
        self._update_reasons(reasons)
        return assigned

    def statements(self) -> list[Statement]:
        """Return what is to be written of the choices since it was last asked."""
        statements = [
            insert(Inquiry, self._opened),
            update(Inquiry, self._moved),
            insert(Assignment, self._assignments),
            self.pool.ledger(),
        ]
        self._opened, self._moved, self._assignments = [], [], []
        return statements

    def write(self) -> None:
        write(*self.statements())

    def _next_waiting(self, seen: Collection[UUID]) -> list[WaitingInquiry]:
        """Return the best of those who wait where there is room, locked."""
        with_room = [source_id for source_id in self.pool.sources if self.pool.has_room(source_id)]
        if not with_room:
            return []
        return [WaitingInquiry(*row) for row in WAITING.rows(sources=with_room, seen=seen)]

    def _last_operators(self, window: Iterable[WaitingInquiry]) -> dict[UUID, int]:
        sticky = {inquiry.lead_id for inquiry in window if self.pool.sources[inquiry.source_id].is_sticky}
        return last_operators(sticky) if sticky else {}

    def _update_reasons(self, reasons: dict[UUID, str]) -> None:
        """Keep the reasons of what still waits true: everyone may have been off duty and now be full."""
        write(update(Inquiry, [{"id": pk, "waiting_reason": reason} for pk, reason in reasons.items()]))
        waiting = Inquiry.objects.waiting().filter(source__in=self.pool.sources).exclude(pk__in=reasons).order_by()
        waiting = waiting.exclude(waiting_reason__in=ON_HOLD)
        for source_id, reason in waiting.values_list("source", "waiting_reason").distinct():
            decision = choose(self.pool.candidates(source_id), strategy=Strategy.FAIR)
            if decision.chosen is None and decision.reason != reason:
                waiting.filter(source=source_id, waiting_reason=reason).update(waiting_reason=decision.reason)

    def _record(self, inquiry_id: UUID, decision: Decision, *, trigger: str, at: datetime, by=None, note: str = ""):
        self._assignments.append(
            {
                "inquiry_id": inquiry_id,
                "operator_id": decision.chosen,
                "reason": str(decision.reason),
                "trigger": str(trigger),
                "assigned_by_id": by and by.pk,
                "note": note,
                "decision": decision.as_record(),
                "created_at": at,
            }
        )


def excluded_operators(inquiry: Inquiry) -> set[int]:
    """Return the operators who must not get this inquiry again: once it was taken back, whoever had it."""
    return earlier_holders([inquiry.pk])[inquiry.pk] if inquiry.bounce_count else set()


def _row_of(inquiry: NewInquiry) -> Row:
    return {
        "id": inquiry.id,
        "lead_id": inquiry.lead.id,
        "source_id": inquiry.source.pk,
        "operator_id": inquiry.operator and inquiry.operator.id,
        "message": inquiry.message,
        "extra": inquiry.extra,
        "content_hash": inquiry.content_hash,
        "waiting_reason": inquiry.waiting_reason,
        "priority": Priority.P2.value,
        "repeat_count": inquiry.repeat_count,
        "created_at": inquiry.created_at,
        "assigned_at": inquiry.created_at if inquiry.operator else None,
        "bounce_count": 0,
    }
