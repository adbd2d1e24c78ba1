"""Reads of jobs, insights and corrections."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, Sum
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils import timezone

from .models import Correction, Insight, Job, JobKind, Period, Usage


def open_jobs():
    """Jobs that are neither done nor failed."""
    return Job.objects.filter(done_at=None, failed_at=None)


def claimable():
    """Open jobs that are due and that no living worker holds, by the database's clock."""
    return open_jobs().filter(Q(lease_until=None) | Q(lease_until__lt=Now()), due_at__lte=Now()).order_by()


def due(kind: str):
    """Claimable jobs of a kind, the longest due first: in the order of an index, so that a backlog is never sorted."""
    return claimable().filter(kind=kind).order_by("due_at", "id")


def is_due(kind: str) -> bool:
    """Return whether a job of this kind can be claimed."""
    return due(kind).values_list("pk", flat=True).first() is not None


#: Of so many jobs that have been due longest, the one that has been claimable longest is found.
LOOKED_AT = 64


def oldest_due_age() -> timedelta | None:
    """Return how long the oldest claimable job has been waiting, or None when there is none.

    One whose worker died has been waiting since its lease lapsed, which may be later than when it was due.
    """
    age = Now() - Greatest("due_at", Coalesce("lease_until", "due_at"))
    longest_due = (due(kind).annotate(age=age).values_list("age", flat=True)[:LOOKED_AT] for kind in JobKind)
    return max(chain.from_iterable(longest_due), default=None)


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


def newest_corrections_of(content_hashes: Iterable[str]) -> Iterator[Correction]:
    """The last word on each of these very contents."""
    return _newest(Correction.objects.filter(content_hash__in=list(content_hashes))).iterator()


def corrections_stamp() -> tuple[UUID, int] | None:
    """Return what changes whenever a correction comes or goes: the newest one's id and their number; None for none."""
    newest = Correction.objects.order_by("-created_at", "-id").values_list("pk", flat=True).first()
    return (newest, Correction.objects.count()) if newest else None


def recent_correction_texts(*, limit: int) -> Iterator[tuple[UUID, str]]:
    """The ids and texts of the last corrections, the newest first."""
    recent = Correction.objects.order_by("-created_at", "-id")[:limit]
    for pk, text, message in recent.values_list("pk", "text", "insight__inquiry__message"):
        yield pk, message or text


def last_words() -> Iterator[Correction]:
    """The newest correction of every corrected content."""
    newest = _newest(Correction.objects.select_related("insight__inquiry"))
    return newest.order_by("created_at", "id").iterator()


def _newest(corrections):
    """Those of these corrections that no later one of the same content overrules."""
    later = Q(created_at__gt=OuterRef("created_at")) | Q(created_at=OuterRef("created_at"), pk__gt=OuterRef("pk"))
    return corrections.filter(~Exists(Correction.objects.filter(later, content_hash=OuterRef("content_hash"))))
