"""What one source's key may see: what came through that source, and nothing else."""

from uuid import UUID

from leads.models import Inquiry, LeadDetail
from routing.models import Source
from triage.models import Insight, Job, JobKind

#: A lead's page is for a bot to look at, not an export.
MAX_INQUIRIES = 100


def inquiries_of(source: Source):
    """The inquiries that came through a source."""
    return Inquiry.objects.filter(source=source).select_related("lead", "source", "operator")


def insight_of(inquiry_id: UUID) -> Insight | None:
    """The newest insight of an inquiry."""
    insights = Insight.objects.filter(inquiry=inquiry_id).select_related("inquiry")
    return insights.order_by("-created_at", "-id").first()


def reading_was_given_up(inquiry_id: UUID) -> bool:
    """Whether no insight will come unless a supervisor tries again."""
    return Job.objects.filter(inquiry=inquiry_id, kind=JobKind.INSIGHT, failed_at__isnull=False).exists()


def insight_of_lead(lead_id: UUID, *, source: Source) -> Insight | None:
    """The newest insight of what a lead wrote through a source."""
    insights = Insight.objects.filter(inquiry__lead=lead_id, inquiry__source=source).select_related("inquiry")
    return insights.order_by("-created_at", "-id").first()


def inquiries_of_lead(lead_id: UUID, *, source: Source) -> list[Inquiry]:
    """Return the newest inquiries that a lead sent through a source, MAX_INQUIRIES at the most."""
    return list(inquiries_of(source).filter(lead=lead_id).order_by("-created_at", "-id")[:MAX_INQUIRIES])


def details_of(lead_id: UUID, *, source: Source) -> list[LeadDetail]:
    """Return what a source was told of a lead, the oldest first."""
    return list(LeadDetail.objects.filter(lead=lead_id, source=source).order_by("pk"))
