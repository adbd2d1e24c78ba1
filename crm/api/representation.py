"""How the API represents an inquiry: the one place that decides who is told what.

A key with the scope full is shown its own source's inquiries, and of their leads what that source was told. A key that
may only send can be read in a web page: its answer is made of what its own request sent, and is the same whether the
lead is new or known, and whoever is free to take it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from crm.models import Scope
from crm.services import Arrival, Represent
from leads.identity import main_details
from leads.models import DetailKind, Inquiry, LeadDetail
from leads.services import NewInquiry

from .serializers import InsightAnswer


def representation_for(scope: str) -> Represent:
    """Return how what was taken in is represented to a key of this scope."""
    return _receipt_payload if scope == Scope.INTAKE else _arrival_payload


def inquiry_payload(inquiry: Inquiry | NewInquiry, *, lead: dict[str, str], insight=None) -> dict:
    """Return the inquiry as `InquiryAnswer` describes it. ``lead`` is its name, e-mail and phone as `lead_as_told`."""
    return {
        "id": str(inquiry.id),
        "status": inquiry.status,
        "waiting_reason": inquiry.waiting_reason or None,
        "source": inquiry.source.slug,
        "lead": {"id": str(inquiry.lead.id), **lead},
        "operator": inquiry.operator and {"id": inquiry.operator.id, "name": inquiry.operator.name},
        "message": inquiry.message,
        "extra": inquiry.extra,
        "created_at": _moment(inquiry.created_at),
        "resolved_at": inquiry.resolved_at and _moment(inquiry.resolved_at),
        "insight": InsightAnswer(insight).data if insight else None,
    }


def lead_payload(lead_id: UUID, *, details: Sequence[LeadDetail], inquiries: Sequence[Inquiry]) -> dict:
    """Return a lead as `LeadPage` describes it, of what one source was told and the inquiries that came through it.

    ``inquiries`` are the newest first, at least one.
    """
    told = lead_as_told(details)
    contacts = [detail for detail in details if detail.kind != DetailKind.NAME]
    began_at = min([inquiries[-1].created_at, *(detail.created_at for detail in details)])
    return {
        "id": str(lead_id),
        **told,
        "created_at": _moment(began_at),
        "contacts": [{"kind": contact.kind, "value": contact.value_as_sent} for contact in contacts],
        "inquiries": [inquiry_payload(inquiry, lead=told) for inquiry in inquiries],
    }


def lead_as_told(details: Sequence[LeadDetail]) -> dict[str, str]:
    """Return the name, e-mail and phone among these details."""
    return main_details((detail.kind, detail.value, detail.is_confirmed) for detail in details)


def _arrival_payload(arrival: Arrival) -> dict:
    return inquiry_payload(arrival.inquiry, lead=arrival.lead.as_told())


def _receipt_payload(arrival: Arrival) -> dict:
    """Return the same shape, with nothing in it but what this request sent."""
    sent = arrival.submission
    contacts = {contact.kind: contact.value for contact in sent.contacts}
    return {
        "id": str(arrival.id),
        "status": None,
        "waiting_reason": None,
        "source": arrival.inquiry.source.slug,
        "lead": {
            "id": None,
            "name": sent.name,
            "email": contacts.get("email", ""),
            "phone": contacts.get("phone", ""),
        },
        "operator": None,
        "message": sent.message,
        "extra": sent.extra,
        "created_at": _moment(arrival.now),
        "resolved_at": None,
        "insight": None,
    }


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
