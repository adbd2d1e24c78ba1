"""Corrections out and in, as JSON lines: to keep them, to carry them to another desk, to train elsewhere."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from django.contrib.auth import get_user_model
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware

from leads.identity import content_hash
from leads.models import Priority
from triage.analyzers.normalise import normalise
from triage.models import Correction, Intent, NextAction

#: The name space of the ids of lines that bring none: the same line is the same correction.
OWN_IDS = UUID("5e4f3c86-3a3f-4e1c-9d5b-0a4f6d3c1b77")
BATCH = 500
LONGEST_TEXT = 10_000
CHOICES = {"intent": Intent.values, "priority": Priority.values, "next_action": NextAction.values}


class BadLine(Exception):
    """A line that cannot be taken in. The message says what is wrong with it."""


@dataclass(slots=True)
class Imported:
    """What came of an import: how many were new and known, and the lines refused, by number."""

    new_count: int = 0
    known_count: int = 0
    refused: dict[int, str] = field(default_factory=dict)


def exported_lines() -> Iterator[str]:
    """Every correction as a line of JSON, the oldest first."""
    corrections = Correction.objects.select_related("insight__inquiry").order_by("created_at", "id")
    for correction in corrections.iterator(BATCH):
        yield json.dumps(_as_record(correction), ensure_ascii=False)


def _as_record(correction: Correction) -> dict:
    read = {name: getattr(correction, f"read_{name}") for name in CHOICES}
    return {
        "id": str(correction.pk),
        "text": correction.message,
        "lang": correction.lang,
        **{name: getattr(correction, name) for name in CHOICES},
        "read": read if correction.read_intent else None,
        "confidence": correction.confidence,
        "analyzer": correction.analyzer,
        "version": correction.version,
        "by": correction.by_name,
        "at": correction.created_at.isoformat(),
    }


def import_lines(lines: Iterable[str], *, now: datetime) -> Imported:
    """Take in corrections, each on a line: text, intent, priority and next_action, and what an export adds to them.

    Known ones are left as they are, so a file may be imported again; a line that is wrong is refused with its reason
    and spoils no other. A transaction for each batch of lines.
    """
    result, batch = Imported(), []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            batch.append(_read_line(line, now=now))
        except BadLine as error:
            result.refused[number] = str(error)
        if len(batch) >= BATCH:
            _save(batch, result)
            batch = []
    _save(batch, result)
    return result


def _save(batch: list[Correction], result: Imported) -> None:
    unique = {correction.pk: correction for correction in batch}
    known = set(Correction.objects.filter(pk__in=unique).values_list("pk", flat=True))
    _name_users(unique.values())
    Correction.objects.bulk_create(
        [correction for pk, correction in unique.items() if pk not in known], ignore_conflicts=True
    )
    result.new_count += len(unique) - len(known)
    result.known_count += len(batch) - len(unique) + len(known)


def _name_users(corrections: Iterable[Correction]) -> None:
    """Who is a user here too is linked; the name is kept in any case."""
    users = get_user_model().objects
    name = get_user_model().USERNAME_FIELD
    ids = dict(users.filter(**{f"{name}__in": {c.by_name for c in corrections}}).values_list(name, "pk"))
    for correction in corrections:
        correction.by_id = ids.get(correction.by_name)


def _read_line(line: str, *, now: datetime) -> Correction:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine("it is not JSON.") from error
    if not isinstance(record, dict):
        raise BadLine("it is not a JSON object.")
    text = _text(record, "text", longest=LONGEST_TEXT)
    if not text.strip():
        raise BadLine("it has no text.")
    right = {name: _choice(record, name) for name in CHOICES}
    read = record.get("read")
    if read is not None and not isinstance(read, dict):
        raise BadLine("its read is not an object.")
    own_id = uuid5(OWN_IDS, json.dumps([content_hash(text), *right.values()]))
    return Correction(
        id=_uuid(record.get("id")) or own_id,
        text=text,
        content_hash=content_hash(text),
        lang=_text(record, "lang", longest=2) or normalise(text).lang,
        **right,
        **{f"read_{name}": _choice(read, name) if read else "" for name in CHOICES},
        confidence=_confidence(record.get("confidence")),
        analyzer=_text(record, "analyzer", longest=100),
        version=_text(record, "version", longest=100),
        by_name=_text(record, "by", longest=150),
        created_at=_moment(record.get("at")) or now,
    )


def _text(record: dict, name: str, *, longest: int) -> str:
    value = record.get(name) or ""
    if not isinstance(value, str) or len(value) > longest:
        raise BadLine(f"its {name} is not a text of at most {longest} characters.")
    # Neither can be stored: PostgreSQL refuses the one, UTF-8 the other.
    if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise BadLine(f"its {name} holds a character that cannot be stored.")
    return value


def _choice(record: dict, name: str) -> str:
    if (value := record.get(name)) not in CHOICES[name]:
        raise BadLine(f"its {name} is {value!r}; it must be one of {', '.join(CHOICES[name])}.")
    return value


def _uuid(value) -> UUID | None:
    try:
        return UUID(value) if value else None
    except (ValueError, AttributeError, TypeError) as error:
        raise BadLine(f"its id is {value!r}, which is no UUID.") from error


def _confidence(value) -> float | None:
    if value is None or (isinstance(value, int | float) and 0 <= value <= 1):
        return value
    raise BadLine(f"its confidence is {value!r}; it must lie between 0 and 1.")


def _moment(value) -> datetime | None:
    if not value:
        return None
    try:
        moment = parse_datetime(value)
    except (ValueError, TypeError):
        moment = None
    if moment is None or not is_aware(moment):
        raise BadLine(f"its at is {value!r}; it must be a time like 2026-11-20T12:00:00Z.")
    return moment
