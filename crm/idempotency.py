"""Idempotency keys: the same key gets the very same answer, for 72 hours, under any number of parallel requests.

A key is written down before anything else of its request, so that a second request with it waits in the database for
the first to end. What is answered is stored with the key in the transaction that brought it about: a refused or failed
request leaves nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import OperationalError

from store.compiled import Compiled, GivenList
from store.sets import Row, Statement, insert_new, update

from .models import IdempotencyKey

KEY_LIFETIME = timedelta(hours=72)
#: PostgreSQL's code for a lock not had within lock_timeout.
LOCK_NOT_AVAILABLE = "55P03"


class KeyReused(Exception):
    """The key came before with another body."""


class KeyInProgress(Exception):
    """The first request with this key has not ended yet."""


class KeyName(NamedTuple):
    """An idempotency key as it is unique: with the API key it came with."""

    key: str
    api_key_id: int


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A client's idempotency key, the API key it came with, and the digest of the request."""

    key: str
    api_key_id: int
    digest: str

    @property
    def name(self) -> KeyName:
        return KeyName(self.key, self.api_key_id)


class StoredAnswer(NamedTuple):
    """What was answered to a key, as JSON. The fields are those that ANSWERS reads, in its order."""

    pk: int
    key: str
    api_key_id: int
    digest: str
    answer: str
    expires_at: datetime | None = None

    @property
    def name(self) -> KeyName:
        return KeyName(self.key, self.api_key_id)

    def replay(self, digest: str) -> dict:
        """Return the answer for a request with the same key. Raises KeyReused when its body is another."""
        if digest != self.digest:
            raise KeyReused
        return json.loads(self.answer)


ANSWERS = Compiled(
    lambda: (
        IdempotencyKey.objects.filter(key__among=GivenList("keys"), api_key__among=GivenList("api_keys"))
        .order_by()
        .values_list("pk", "key", "api_key_id", "digest", "answer", "expires_at")
    )
)


def digest_of(body: dict) -> str:
    """Return the SHA-256 of a request's content: key order and white space do not count."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def remember_keys(
    keys: Iterable[RequestKey], *, now: datetime
) -> tuple[dict[KeyName, int], dict[KeyName, StoredAnswer]]:
    """Write down the keys that are new. Return their rows' ids, and the stored answers of the others.

    Of two equal keys the first is written. Waits for requests in other transactions that have one of these keys. Runs
    inside the caller's transaction, as the first thing in it. Raises KeyInProgress when such a request does not end.
    """
    written, stored, pending = {}, {}, {}
    for key in keys:
        pending.setdefault(key.name, key)
    while pending:
        # Sorted, so that two transactions with the same keys meet at the same one first.
        written |= _insert_new([_row_of(pending[name], now=now) for name in sorted(pending)])
        taken = [name for name in pending if name not in written]
        found = _stored(taken) if taken else []
        stored |= {answer.name: answer for answer in found if answer.expires_at > now}
        if expired := [answer.pk for answer in found if answer.expires_at <= now]:
            IdempotencyKey.objects.filter(pk__in=expired).delete()
        pending = {name: pending[name] for name in taken if name not in stored}
    return written, stored


def _stored(names: Sequence[KeyName]) -> list[StoredAnswer]:
    """Return the answers stored under these names. Looked up by both halves: some of the pairs may be others'."""
    rows = ANSWERS.rows(keys={name.key for name in names}, api_keys={name.api_key_id for name in names})
    answers = [StoredAnswer(*row) for row in rows]
    return [answer for answer in answers if answer.name in names]


def store_answers(answers: Iterable[StoredAnswer]) -> Statement:
    """Return the statement that stores answers with keys that were written down in this transaction."""
    return update(IdempotencyKey, [{"id": answer.pk, "answer": answer.answer} for answer in answers])


def _insert_new(rows: Sequence[Row]) -> dict[KeyName, int]:
    try:
        inserted = insert_new(IdempotencyKey, rows, returning=("key", "api_key_id", "id"))
        return {KeyName(key, api_key_id): pk for key, api_key_id, pk in inserted}
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise KeyInProgress from error
        raise


def _row_of(key: RequestKey, *, now: datetime) -> Row:
    return {
        "api_key_id": key.api_key_id,
        "key": key.key,
        "digest": key.digest,
        "status": 201,
        "answer": "",
        "expires_at": now + KEY_LIFETIME,
    }


def forget_expired_keys(*, now: datetime) -> int:
    """Delete the answered requests nobody may repeat any more. Return how many.

    What was written while the clock was ahead is kept for a whole KEY_LIFETIME, and no longer.
    """
    IdempotencyKey.objects.filter(expires_at__gt=now + KEY_LIFETIME).update(expires_at=now + KEY_LIFETIME)
    return IdempotencyKey.objects.filter(expires_at__lte=now).delete()[0]
