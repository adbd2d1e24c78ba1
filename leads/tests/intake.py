"""Taking in as the intake does, without messages, keys and jobs."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from leads.identity import content_hash, email_contact
from leads.services import NewInquiry, Recognition, Rng, open_inquiries
from routing.models import Source
from store.sets import write


def take_in(source: Source, *emails: str, now: datetime, rng: Rng) -> Sequence[NewInquiry]:
    """Take in one inquiry of each of these, all at once."""
    contacts = [[email_contact(email)] for email in emails]
    with transaction.atomic():
        leads = Recognition((contact for own in contacts for contact in own), source_id=source.pk)
        inquiries = [
            NewInquiry(
                lead=leads.recognise(own, now=now),
                source=source,
                message="",
                extra={},
                content_hash=content_hash(""),
                created_at=now,
            )
            for own in contacts
        ]
        write(*open_inquiries(inquiries, source_id=source.pk, now=now, rng=rng), *leads.statements())
    return inquiries
