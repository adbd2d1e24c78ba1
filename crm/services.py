"""The intake: one use case, one transaction.

A site or a bot posts; we recognise the lead, write the inquiry down with the work it is owed, and give it to an
operator. All of it is there after the commit, or none of it is.
"""

import hashlib
import json
import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F

from leads.identity import Contact, content_hash
from leads.models import Inquiry
from leads.queries import overdue, same_content
from leads.services import AT_ONCE, ContactTaken, Rng, assign_waiting, open_inquiry, recognise_lead, take_back_inquiry
from routing.models import Source
from routing.queries import active_sources
from triage.services import enqueue

from .models import ApiKey, IdempotencyKey, Scope

KEY_LIFETIME = timedelta(hours=72)
#: Two first messages of one person, or two requests with one key, meet in the database; the loser starts over.
#: Each time it finds more of what the winner left, so this many are only ever reached by a defect.
MAX_ATTEMPTS = 10

#: How the door words its answer. What it gives is stored with the key, so that a repetition gets the very same.
Wording = Callable[[Inquiry], dict]


class KeyReused(Exception):
    """The key came before with another body."""


class KeyInProgress(Exception):
    """The first request with this key has not ended yet."""


class TooContended(Exception):
    """The intake lost its race MAX_ATTEMPTS times. Nothing was saved."""


class _KeyTaken(Exception):
    """Another request has this key: it is answered, or about to be."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a lead sent, checked and in normal form."""

    contacts: tuple[Contact, ...]
    name: str = ""
    message: str = ""
    extra: dict = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A client's idempotency key, and the digest of what it came with."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a submission: what to say, and whether it was said before."""

    answer: dict
    is_replay: bool = False
    is_duplicate: bool = False


def digest_of(body: dict) -> str:
    """SHA-256 of a request's content: key order and white space do not count."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def receive_inquiry(
    submission: Submission,
    *,
    source: Source,
    wording: Wording,
    key: RequestKey | None = None,
    now: datetime,
    rng: Rng = random.random,
) -> Receipt:
    """Take in what a lead sent through a source. Gives what to answer.

    Only one request with a key ever writes; the others wait for it in the database and repeat its answer. Raises
    KeyReused, KeyInProgress and TooContended; then nothing is saved, nor when the database fails.
    """
    for _ in range(MAX_ATTEMPTS):
        try:
            with transaction.atomic(durable=True):
                return _receive(submission, source=source, wording=wording, key=key, now=now, rng=rng)
        except ContactTaken:
            continue
        except _KeyTaken:
            if receipt := _replay(key, source=source, now=now):
                return receipt
    raise TooContended


def _receive(submission, *, source, wording, key, now, rng) -> Receipt:
    if key:
        _remember(key, source=source, now=now)
    lead = recognise_lead(submission.contacts, name=submission.name, now=now)
    inquiry = Inquiry(
        lead=lead,
        source=source,
        message=submission.message,
        extra=submission.extra,
        content_hash=content_hash(submission.message),
        created_at=now,
    )
    if not key and (first := _first_of(inquiry, now=now)):
        return Receipt(wording(first), is_duplicate=True)
    enqueue(inquiry, now=now)
    open_inquiry(inquiry, now=now, rng=rng)
    answer = wording(inquiry)
    if key:
        IdempotencyKey.objects.filter(source=source, key=key.key).update(answer=json.dumps(answer))
    return Receipt(answer)


def _first_of(inquiry: Inquiry, *, now: datetime) -> Inquiry | None:
    """The same thing sent again by the same lead, counted as a repeat; None when this is the first."""
    window = timedelta(minutes=inquiry.source.dedup_minutes)
    first = window and same_content(
        lead_id=inquiry.lead_id,
        source_id=inquiry.source_id,
        content_hash=inquiry.content_hash,
        since=now - window,
    )
    if not first:
        return None
    Inquiry.objects.filter(pk=first.pk).update(repeat_count=F("repeat_count") + 1)
    return first


def _remember(key: RequestKey, *, source: Source, now: datetime) -> None:
    """Write the key down before anything else, so that a second request with it waits here for the first to end."""
    try:
        IdempotencyKey.objects.create(
            source=source, key=key.key, digest=key.digest, status=201, answer="", expires_at=now + KEY_LIFETIME
        )
    except IntegrityError as error:
        raise _KeyTaken from error
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise KeyInProgress from error
        raise


#: PostgreSQL's code for a lock not had within lock_timeout.
LOCK_NOT_AVAILABLE = "55P03"


def _replay(key: RequestKey, *, source: Source, now: datetime) -> Receipt | None:
    """What was answered to this key, or None when that is so long ago that the key is free again."""
    kept = IdempotencyKey.objects.filter(source=source, key=key.key).first()
    if kept is None:
        return None
    if kept.expires_at <= now:
        IdempotencyKey.objects.filter(pk=kept.pk).delete()
        return None
    if kept.digest != key.digest:
        raise KeyReused
    return Receipt(json.loads(kept.answer), is_replay=True)


def forget_expired_keys(*, now: datetime) -> int:
    """Delete the answered requests nobody may repeat any more. Gives how many."""
    return IdempotencyKey.objects.filter(expires_at__lte=now).delete()[0]


def sweep(*, now: datetime, rng: Rng = random.random) -> int:
    """What time alone brings about: take back what was not accepted, and give out what waits beside a free operator.

    A shift that begins, a leave that ends and a signal that was lost are all found here. Gives how many of the waiting
    were given out. A transaction for each inquiry taken back, and one for every AT_ONCE given out, so that no intake
    waits for all of them.
    """
    for inquiry_id in overdue(now=now):
        # One that was deleted since it was listed needs no operator.
        with suppress(Inquiry.DoesNotExist):
            take_back_inquiry(inquiry_id, now=now, rng=rng)
    total = 0
    while True:
        with transaction.atomic(durable=True):
            waiting = Inquiry.objects.waiting().order_by().values("source")
            source_ids = list(active_sources().filter(pk__in=waiting).values_list("pk", flat=True))
            given = assign_waiting(source_ids=source_ids, now=now, rng=rng) if source_ids else 0
        total += given
        if given < AT_ONCE:
            return total


def create_key(source: Source, *, name: str, scope: str = Scope.INTAKE) -> tuple[ApiKey, str]:
    """A new API key of a source: its row, and the key itself, which cannot be had again."""
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    key = f"crm_{prefix}_{secret}"
    return ApiKey.objects.create(source=source, name=name, scope=scope, prefix=prefix, key_hash=hash_key(key)), key


def hash_key(key: str) -> str:
    # The key is 32 random bytes: there is no dictionary to try, so a fast hash is the right one.
    return hashlib.sha256(key.encode()).hexdigest()
