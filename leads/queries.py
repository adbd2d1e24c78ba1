"""Reads of leads and inquiries."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    OuterRef,
    Q,
    Subquery,
)

from routing.models import Operator, Source
from store.compiled import Compiled, Given, GivenList

from .models import Assignment, Inquiry, Lead, Trigger


def _open_count() -> Subquery:
    """Return the expression that counts the open inquiries of one operator.

    Counted operator by operator: PostgreSQL then reads the index alone and marks the entries of resolved inquiries as
    dead for the next reader. One GROUP BY over all of them reads everything resolved since the last VACUUM, each time.
    """
    held = Inquiry.objects.open().filter(operator=OuterRef("pk")).order_by()
    return Subquery(held.values("operator").annotate(count=Count("*")).values("count"))


def open_counts(operator_ids: Iterable[int]) -> dict[int, int]:
    """Return how many inquiries each of these operators holds now; those who hold none are left out."""
    rows = Operator.objects.filter(pk__in=operator_ids).order_by().values_list("pk", _open_count())
    return {operator: open_count for operator, open_count in rows if open_count}


LOADS = Compiled(
    lambda: (
        Operator.objects.filter(pk__among=GivenList("operators"))
        .order_by()
        .values_list(
            "pk",
            _open_count(),
            Exists(Inquiry.objects.waiting().assignable().filter(source__among=GivenList("sources"))),
        )
    )
)


def loads_and_waiting(operator_ids: Iterable[int], source_ids: Iterable[int]) -> tuple[dict[int, int], bool]:
    """Return how many inquiries each of these operators holds, and whether any waits in these sources to be assigned.

    One statement for both, because every intake asks. Without operators nobody can be given anything: False.
    """
    rows = LOADS.rows(operators=operator_ids, sources=source_ids)
    return {operator: open_count or 0 for operator, open_count, _ in rows}, any(waits for *_, waits in rows)


def held_sources(operator_ids: Iterable[int]) -> set[int]:
    """The ids of the sources of the inquiries these operators hold now."""
    return set(Inquiry.objects.open().filter(operator__in=operator_ids).order_by().values_list("source_id", flat=True))


def earlier_holders(inquiry_ids: Collection[UUID]) -> dict[UUID, set[int]]:
    """Return the ids of the operators who were ever given each of these inquiries."""
    assignments = Assignment.objects.filter(inquiry__in=inquiry_ids, operator__isnull=False).order_by()
    holders = defaultdict(set)
    for inquiry_id, operator_id in assignments.values_list("inquiry_id", "operator_id"):
        holders[inquiry_id].add(operator_id)
    return holders


def was_steered(inquiry_id: UUID) -> bool:
    """Whether a supervisor has ever given, routed, released or reopened this inquiry."""
    by_hand = (Trigger.SUPERVISOR, Trigger.REOPENED)
    return Assignment.objects.filter(inquiry=inquiry_id, trigger__in=by_hand).exists()


def last_operators(lead_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return the operator of the latest assigned inquiry of each of these leads; leads without one are left out."""
    return {lead: operator for lead, operator in LAST_OPERATORS.rows(leads=lead_ids) if operator}


LAST_OPERATORS = Compiled(
    lambda: (
        Lead.objects.filter(pk__among=GivenList("leads"))
        .order_by()
        .values_list(
            "pk",
            Subquery(
                Inquiry.objects.filter(lead=OuterRef("pk"), operator__isnull=False)
                .order_by("-assigned_at", "-id")
                .values("operator")[:1]
            ),
        )
    )
)


def same_content(
    lead_ids: Iterable[UUID], content_hashes: Iterable[str], *, source: Source, since: datetime
) -> list[Inquiry]:
    """Return what these leads sent through a source since then with such contents, the first at the front.

    Most find nothing, so what is sought by the compiled query is only whether there is any.
    """
    rows = SAME_CONTENT.rows(leads=lead_ids, source=source.pk, content_hashes=content_hashes, since=since)
    inquiries = Inquiry.objects.filter(pk__in=[pk for (pk,) in rows]).select_related("source", "operator")
    return list(inquiries.order_by("created_at", "id")) if rows else []


SAME_CONTENT = Compiled(
    lambda: (
        Inquiry.objects.filter(
            lead__among=GivenList("leads"),
            source=Given("source"),
            content_hash__among=GivenList("content_hashes"),
            created_at__gte=Given("since", DateTimeField()),
        )
        .order_by()
        .values_list("pk")
    )
)


def overdue(*, now: datetime) -> list[UUID]:
    """The ids of the inquiries whose operators had the source's time to accept them and did not.

    What was assigned further ahead than that is among them: the clock was ahead then, and would protect it for long.
    """
    timed = Source.objects.filter(accept_minutes__gt=0).values_list("pk", "accept_minutes")
    allowed = [(pk, timedelta(minutes=minutes)) for pk, minutes in timed]
    late = [Q(source=pk) & (Q(assigned_at__lte=now - time) | Q(assigned_at__gt=now + time)) for pk, time in allowed]
    if not late:
        return []
    unaccepted = Inquiry.objects.unaccepted().filter(reduce(or_, late))
    return list(unaccepted.order_by("assigned_at").values_list("pk", flat=True))


def ahead_of(inquiry: Inquiry) -> int:
    """How many waiting inquiries of the same source will be given out before this one."""
    same = Q(priority=inquiry.priority)
    sooner = Q(priority__lt=inquiry.priority) | same & Q(created_at__lt=inquiry.created_at)
    sooner |= same & Q(created_at=inquiry.created_at, pk__lt=inquiry.pk)
    return Inquiry.objects.waiting().assignable().filter(sooner, source=inquiry.source_id).count()
