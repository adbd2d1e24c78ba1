"""Sending an inquiry the way the HTTP door does, without HTTP."""

import random
from contextlib import contextmanager

from django.db import connection
from django.utils import timezone

from crm.idempotency import RequestKey, digest_of
from crm.models import ApiKey
from crm.services import Arrival, Receipt, Submission, receive_inquiry
from leads.identity import Contact
from leads.models import Inquiry
from leads.services import resolve_inquiry


def represent(arrival) -> dict:
    inquiry = arrival.inquiry
    return {
        "id": str(inquiry.id),
        "status": inquiry.status,
        "lead": str(inquiry.lead.id),
        "operator": inquiry.operator and inquiry.operator.id,
        "waiting_reason": inquiry.waiting_reason,
    }


def arrival(
    source,
    *,
    email="pat@example.com",
    phone=None,
    external=None,
    name="Pat Lee",
    message="Do you have a price list?",
    key=None,
    api_key=None,
    is_public=False,
    now=None,
) -> Arrival:
    """One message of Pat's. ``key`` is the idempotency key; what it is compared by is everything that is sent.

    ``api_key`` is the one it belongs to, else one that the source has for it.
    """
    told = {"external": external and f"{source.pk}:{external}", "phone": phone, "email": email}
    contacts = tuple(Contact(kind, value) for kind, value in told.items() if value)
    request_key = None
    if key:
        api_key = api_key or key_of(source)
        request_key = RequestKey(key, api_key.pk, digest_of(told | {"name": name, "message": message}))
    submission = Submission(contacts, name=name, message=message)
    return Arrival(submission, represent, now or timezone.now(), request_key, is_public)


def key_of(source) -> ApiKey:
    """Return the API key that the source's idempotency keys belong to in tests; made once."""
    if not hasattr(source, "key_of_tests"):
        source.key_of_tests, _ = ApiKey.objects.get_or_create(prefix=f"tests-{source.pk}", defaults={"source": source})
    return source.key_of_tests


def send(source, *, rng=random.random, **message) -> Receipt:
    """Send one message of Pat's, see `arrival`."""
    sent = arrival(source, **message)
    return receive_inquiry(
        sent.submission,
        source=source,
        represent=represent,
        key=sent.key,
        is_public=sent.is_public,
        now=sent.now,
        rng=rng,
    )


def resolve(inquiry: Inquiry) -> None:
    resolve_inquiry(inquiry.pk, now=timezone.now(), rng=random.random)


@contextmanager
def statements():
    """The SQL sent in the block, without the frame of the transaction, which differs between databases and tests."""
    frame = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
    sent = []

    def note(execute, sql, params, many, context):
        if not sql.upper().startswith(frame):
            sent.append(sql)
        return execute(sql, params, many, context)

    # Django's own capture cannot tell what a prepared cursor has sent.
    with connection.execute_wrapper(note):
        yield sent
