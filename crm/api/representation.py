"""How the API represents an inquiry: the one place that decides what an answer holds."""

from datetime import UTC, datetime

from crm.services import Submission
from leads.models import Inquiry
from leads.services import NewInquiry

from .serializers import InsightAnswer


def inquiry_payload(inquiry: Inquiry | NewInquiry, *, insight=None, lead_override: dict | None = None) -> dict:
    """Return the inquiry as `InquiryAnswer` describes it.

    ``lead_override`` stands for the lead's name and contacts where the lead's own must not be shown.
    """
    lead, operator = inquiry.lead, inquiry.operator
    shown = lead_override or {"name": lead.name, "email": lead.email, "phone": lead.phone}
    return {
        "id": str(inquiry.id),
        "status": inquiry.status,
        "waiting_reason": inquiry.waiting_reason or None,
        "source": inquiry.source.slug,
        "lead": {"id": str(lead.id), **shown},
        "operator": operator and {"id": operator.id, "name": operator.name},
        "message": inquiry.message,
        "extra": inquiry.extra,
        "created_at": _moment(inquiry.created_at),
        "resolved_at": inquiry.resolved_at and _moment(inquiry.resolved_at),
        "insight": InsightAnswer(insight).data if insight else None,
    }


def lead_as_sent(submission: Submission) -> dict:
    """Return a lead's name and contacts as far as one submission tells of them."""
    contacts = {contact.kind: contact.value for contact in submission.contacts}
    return {"name": submission.name, "email": contacts.get("email", ""), "phone": contacts.get("phone", "")}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
