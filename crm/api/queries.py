"""What one source's key may see: what came through that source, and nothing else."""

from uuid import UUID

from leads.models import IdentityKind, Inquiry, Lead
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


def lead_page(lead_id: UUID, *, source: Source) -> Lead | None:
    """A lead with ``contacts`` and ``inquiries_here``; None for a lead that never wrote through this source.

    Ids that other sources gave the lead stay with those sources.
    """
    inquiries = inquiries_of(source).filter(lead=lead_id).order_by("-created_at", "-id")[:MAX_INQUIRIES]
    if not inquiries:
        return None
    lead = inquiries[0].lead
    lead.inquiries_here = list(inquiries)
    own = f"{source.pk}:"
    lead.contacts = [
        {"kind": identity.kind, "value": identity.value.removeprefix(own)}
        for identity in lead.identities.all()
        if identity.kind != IdentityKind.EXTERNAL or identity.value.startswith(own)
    ]
    return lead
