"""Whether routing kept its promises: looks at the rows as they are and trusts nothing that wrote them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext

from leads.models import Assignment, Inquiry
from routing.choice import Reason, replay
from routing.models import Source

from .assigning import excluded_operators
from .pool import Pool


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: its kind, and a sentence that names what and whom."""

    kind: str
    sentence: str
    inquiry_id: object = None


def check_routing(*, now: datetime) -> list[Violation]:
    """Everything that must not be, found without holding up the intake: what is held is looked at under no lock.

    Operators are locked only while the waiting are looked at. Opens its own transaction for that.
    """
    found = list(_held_without_right())
    with transaction.atomic(durable=True):
        found += _waiting_beside_a_free_slot(now=now)
    return found


def violations(*, now: datetime) -> Iterator[Violation]:
    """Everything that must not be. Writes nothing, but locks the operators of sources where somebody waits, so that
    one moment is seen: runs inside the caller's transaction.

    An operator may hold more than their limit when it was lowered since, or when a supervisor overrode it and said
    why: so each held inquiry is judged by the record of how it came to its operator.
    """
    yield from _held_without_right()
    yield from _waiting_beside_a_free_slot(now=now)


def _held_without_right() -> Iterator[Violation]:
    newest = Assignment.objects.filter(inquiry=OuterRef("pk")).order_by("-id")
    held = Inquiry.objects.open().filter(operator__isnull=False).select_related("operator", "lead")
    held = held.annotate(assignment_id=Subquery(newest.values("pk")[:1]))
    # Both halves of one moment: what is given to somebody else from here on has a record this list does not name.
    held = list(held)
    assignments = Assignment.objects.in_bulk([inquiry.assignment_id for inquiry in held])
    already_held = Counter()
    for inquiry in sorted(held, key=lambda inquiry: inquiry.assignment_id or 0):
        earlier = already_held[inquiry.operator_id]
        already_held[inquiry.operator_id] += 1
        assignment = assignments.get(inquiry.assignment_id)
        words = {"operator": inquiry.operator, "inquiry": inquiry}
        if assignment is None or assignment.operator_id != inquiry.operator_id:
            sentence = gettext("%(operator)s holds “%(inquiry)s”, but no assignment says so.") % words
            yield Violation("unrecorded", sentence, inquiry.pk)
        elif not _had_room(assignment, earlier=earlier):
            sentence = gettext("%(operator)s was full when “%(inquiry)s” was given to them.") % words
            yield Violation("over_limit", sentence, inquiry.pk)
        elif not _replays(assignment):
            sentence = gettext("The record of “%(inquiry)s” does not lead to %(operator)s.") % words
            yield Violation("no_replay", sentence, inquiry.pk)


def _had_room(assignment: Assignment, *, earlier: int) -> bool:
    """Whether the record shows a free slot, and is not belied by the rows.

    What the operator was given before and holds now was held then: there were at least ``earlier`` of them, whatever
    the record counted.
    """
    chosen = next((c for c in assignment.decision["candidates"] if c["id"] == assignment.operator_id), None)
    if chosen is None:
        return False
    is_overridden = assignment.reason == Reason.MANUAL and assignment.note
    return bool(is_overridden) or max(chosen["open_count"], earlier) < chosen["max_load"]


def _replays(assignment: Assignment) -> bool:
    return replay(assignment.decision).chosen == assignment.operator_id


def _waiting_beside_a_free_slot(*, now: datetime) -> Iterator[Violation]:
    """What a sweep would give out now, had it not been given out already."""
    waiting = Inquiry.objects.waiting().assignable().select_related("lead", "source")
    sources = list(Source.objects.filter(pk__in=waiting.order_by().values("source")))
    pool = Pool([source.pk for source in sources], now=now)
    free = {source.pk: {c.id for c in pool.candidates(source.pk) if not c.exclusion} for source in sources}
    for inquiry in waiting.filter(source__in=[pk for pk, operators in free.items() if operators]):
        if free[inquiry.source_id] - excluded_operators(inquiry):
            words = {"inquiry": inquiry, "source": inquiry.source}
            sentence = gettext("“%(inquiry)s” waits in %(source)s although somebody is free.") % words
            yield Violation("waiting_beside_free", sentence, inquiry.pk)
