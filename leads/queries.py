"""Reads of leads and inquiries."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery

from routing.models import Operator, Source

from .models import Assignment, Inquiry, Trigger


def open_counts(operator_ids: Iterable[int]) -> dict[int, int]:
    """Return how many inquiries each of these operators holds now; those who hold none are left out.

    Counted operator by operator: PostgreSQL then reads the index alone and marks the entries of resolved inquiries as
    dead for the next reader. One GROUP BY over all of them reads everything resolved since the last VACUUM, each time.
    """
    held = Inquiry.objects.open().filter(operator=OuterRef("pk")).order_by()
    count = Subquery(held.values("operator").annotate(count=Count("*")).values("count"))
    rows = Operator.objects.filter(pk__in=operator_ids).order_by().values_list("pk", count)
    return {operator: open_count for operator, open_count in rows if open_count}


def held_sources(operator_ids: Iterable[int]) -> set[int]:
    """The ids of the sources of the inquiries these operators hold now."""
    return set(Inquiry.objects.open().filter(operator__in=operator_ids).order_by().values_list("source_id", flat=True))


def earlier_holders(inquiry_id: UUID) -> set[int]:
    """The ids of the operators who were ever given this inquiry."""
    given = Assignment.objects.filter(inquiry=inquiry_id, operator__isnull=False).order_by()
    return set(given.values_list("operator_id", flat=True))


def was_steered(inquiry_id: UUID) -> bool:
    """Whether a supervisor has ever given, routed, released or reopened this inquiry."""
    by_hand = (Trigger.SUPERVISOR, Trigger.REOPENED)
    return Assignment.objects.filter(inquiry=inquiry_id, trigger__in=by_hand).exists()


def last_operator(lead_id: UUID) -> int | None:
    """Who held this lead's newest inquiry that had anybody."""
    held = Inquiry.objects.filter(lead=lead_id, operator__isnull=False).order_by("-assigned_at", "-id")
    return held.values_list("operator", flat=True).first()


def same_content(*, lead_id: UUID, source_id: int, content_hash: str, since: datetime) -> Inquiry | None:
    """The first inquiry with this content from this lead through this source since that moment."""
    return (
        Inquiry.objects.filter(lead=lead_id, source=source_id, content_hash=content_hash, created_at__gte=since)
        .select_related("lead", "source", "operator")
        .order_by("created_at", "id")
        .first()
    )


def overdue(*, now: datetime) -> list[UUID]:
    """The ids of the inquiries whose operators had the source's time to accept them and did not."""
    timed = Source.objects.filter(accept_minutes__gt=0).values_list("pk", "accept_minutes")
    late = [Q(source=pk, assigned_at__lte=now - timedelta(minutes=minutes)) for pk, minutes in timed]
    if not late:
        return []
    unaccepted = Inquiry.objects.unaccepted().filter(reduce(or_, late))
    return list(unaccepted.order_by("assigned_at").values_list("pk", flat=True))


def ahead_of(inquiry: Inquiry) -> int:
    """How many waiting inquiries of the same source will be given out before this one."""
    same = Q(priority=inquiry.priority)
    sooner = Q(priority__lt=inquiry.priority) | same & Q(created_at__lt=inquiry.created_at)
    sooner |= same & Q(created_at=inquiry.created_at, pk__lt=inquiry.pk)
    return Inquiry.objects.waiting().given_out_by_itself().filter(sooner, source=inquiry.source_id).count()
