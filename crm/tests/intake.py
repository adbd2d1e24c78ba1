"""Sending an inquiry the way the HTTP door does, without HTTP."""

import random
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.services import Receipt, RequestKey, Submission, digest_of, receive_inquiry
from leads.identity import Contact
from leads.models import Inquiry
from leads.services import resolve_inquiry


def wording(inquiry: Inquiry) -> dict:
    return {
        "id": str(inquiry.pk),
        "status": inquiry.status,
        "lead": str(inquiry.lead_id),
        "operator": inquiry.operator_id,
        "waiting_reason": inquiry.waiting_reason,
    }


def send(
    source,
    *,
    email="pat@example.com",
    phone=None,
    external=None,
    name="Pat Lee",
    message="Do you have a price list?",
    key=None,
    now=None,
    rng=random.random,
) -> Receipt:
    """One message of Pat's. ``key`` is the idempotency key; what it is compared by is everything that is sent."""
    told = {"external": external and f"{source.pk}:{external}", "phone": phone, "email": email}
    contacts = tuple(Contact(kind, value) for kind, value in told.items() if value)
    return receive_inquiry(
        Submission(contacts, name=name, message=message),
        source=source,
        wording=wording,
        key=RequestKey(key, digest_of(told | {"name": name, "message": message})) if key else None,
        now=now or timezone.now(),
        rng=rng,
    )


def resolve(inquiry: Inquiry) -> None:
    resolve_inquiry(inquiry.pk, now=timezone.now(), rng=random.random)


@contextmanager
def statements():
    """The SQL sent in the block, without the frame of the transaction, which differs between databases and tests."""
    frame = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
    sent = []
    with CaptureQueriesContext(connection) as captured:
        yield sent
    sent += [query["sql"] for query in captured if not query["sql"].upper().startswith(frame)]
