"""Reads of leads and inquiries."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Count

from .models import Inquiry


def open_counts(operator_ids: Iterable[int]) -> dict[int, int]:
    """How many inquiries each of these operators holds now; those who hold none are left out."""
    # Ordering by nothing: the model's default order would join the grouping.
    rows = Inquiry.objects.open().filter(operator__in=operator_ids).order_by()
    return dict(rows.values("operator").annotate(count=Count("pk")).values_list("operator", "count"))


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


def ahead_of(inquiry: Inquiry) -> int:
    """How many waiting inquiries of the same source will be given out before this one."""
    waiting = Inquiry.objects.waiting().filter(source=inquiry.source_id).values_list("priority", "created_at", "id")
    mine = (inquiry.priority, inquiry.created_at, inquiry.pk)
    return sum(1 for row in waiting if row < mine)
