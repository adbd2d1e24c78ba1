"""What is known of a text already: the same content is not analysed, nor paid for, again."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import Now

from triage.analyzers.base import Analyzer, Context, Evidence, Reading
from triage.analyzers.quotes import requote
from triage.analyzers.repeats import in_context
from triage.models import Insight, Job, JobKind
from triage.queries import open_jobs

from .jobs import Claim


def known_insight_of(content_hash: OuterRef, *, analyzer: Analyzer) -> QuerySet[Insight]:
    """Return a subquery for the id of what this analyzer in this version made of the same content before.

    Readings that a supervisor corrected do not count.
    """
    insights = Insight.objects.filter(
        content_hash=content_hash, analyzer=analyzer.name, version=analyzer.version, corrected_at=None
    )
    return insights.order_by().values("pk")[:1]


def known_readings(insight_ids: Iterable[UUID]) -> dict[str, Reading]:
    """Return the readings stored in these insights, by the content they are about. One statement; none for no ids."""
    ids = set(insight_ids)
    insights = Insight.objects.filter(pk__in=ids).order_by() if ids else []
    readings = ((insight.content_hash, _stored(insight)) for insight in insights)
    return {content_hash: reading for content_hash, reading in readings if reading}


def known_reading(reading: Reading, text: str, context: Context) -> Reading:
    """Return a reading of the same content, brought into this text and context.

    Texts of one content may differ in case and spacing, so the words of evidence are found anew.
    """
    return in_context(replace(reading, evidence=requote(reading.evidence, text)), context)


def is_being_read(claim: Claim) -> bool:
    """Return whether another worker claimed the same content before this one did, and is still at it.

    Two that claim within the same instant may miss each other; then both are read, and one was paid for in vain.
    """
    mine = Job.objects.values_list("lease_until", flat=True).get(pk=claim.job_id)
    others = open_jobs().filter(kind=JobKind.INSIGHT, content_hash=claim.content_hash, lease_until__gt=Now())
    return others.filter(Q(lease_until__lt=mine) | Q(lease_until=mine, pk__lt=claim.job_id)).exists()


def _stored(insight: Insight) -> Reading | None:
    try:
        return Reading(
            intent=insight.intent,
            priority=insight.priority,
            next_action=insight.next_action,
            confidence=insight.confidence,
            tags=tuple(insight.tags),
            evidence=tuple(Evidence(e["text"], e["start"], e["end"], e["for"]) for e in insight.evidence),
        )
    except (ValueError, KeyError, TypeError):
        # Written under another taxonomy.
        return None
