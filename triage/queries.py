"""Reads of jobs, insights and corrections."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Now
from django.utils import timezone

from .models import Correction, Insight, Job, Period, Usage


def open_jobs():
    """Jobs that are neither done nor given up."""
    return Job.objects.filter(done_at=None, failed_at=None)


def claimable():
    """Open jobs that are due and that no living worker holds, by the database's clock."""
    return open_jobs().filter(Q(lease_until=None) | Q(lease_until__lt=Now()), due_at__lte=Now())


def urgent_due() -> tuple[int, str] | None:
    """The id and kind of the job that goes before all others, or None when nothing pressing is due."""
    return claimable().filter(is_urgent=True).order_by("ring_at", "id").values_list("pk", "kind").first()


def oldest_due_age() -> timedelta | None:
    """How long the oldest due job has been waiting, or None when nothing is due."""
    return claimable().order_by("due_at").annotate(age=Now() - F("due_at")).values_list("age", flat=True).first()


def start_of_day(moment: datetime) -> datetime:
    """The midnight in TIME_ZONE with which the day of this moment began."""
    return timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0)


def requests_of_today(*, now: datetime) -> int:
    """How many requests were made to models today, a day of TIME_ZONE, by all workers."""
    today = Usage.objects.filter(period=Period.DAY, starts_at=start_of_day(now))
    return today.aggregate(count=Sum("count"))["count"] or 0


def is_newest(insight: Insight) -> bool:
    """Whether nothing newer is understood of the insight's inquiry."""
    newest = Insight.objects.filter(inquiry=insight.inquiry_id).order_by("-created_at", "-id")
    return newest.values_list("pk", flat=True).first() == insight.pk


def newest_correction_of(content_hash: str) -> Correction | None:
    """The last word on this very content."""
    return Correction.objects.filter(content_hash=content_hash).order_by("-created_at", "-id").first()


def corrections_stamp() -> tuple[UUID | None, int]:
    """Something that changes whenever a correction comes or goes: the newest one's id, and how many there are."""
    newest = Correction.objects.order_by("-created_at", "-id").values_list("pk", flat=True).first()
    return newest, Correction.objects.count()


def recent_correction_texts(*, limit: int) -> Iterator[tuple[UUID, str]]:
    """The ids and texts of the last corrections, the newest first."""
    recent = Correction.objects.order_by("-created_at", "-id")[:limit]
    for pk, text, message in recent.values_list("pk", "text", "insight__inquiry__message"):
        yield pk, message or text


def last_words() -> Iterator[Correction]:
    """The newest correction of every corrected content."""
    newer = Q(created_at__gt=OuterRef("created_at")) | Q(created_at=OuterRef("created_at"), pk__gt=OuterRef("pk"))
    newest = ~Exists(Correction.objects.filter(newer, content_hash=OuterRef("content_hash")))
    return Correction.objects.filter(newest).select_related("insight__inquiry").order_by("created_at", "id").iterator()
