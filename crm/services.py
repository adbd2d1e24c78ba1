"""The intake: one use case, one transaction, for one inquiry as for a hundred.

A site or a bot posts; we recognise the lead, write the inquiry down with the reading that is pending, and give it to
an operator. All of it is there after the commit, or none of it is. Everything is done for a list, with a number of
statements that does not depend on its length; single posts that arrive together are one list (see group_commit.py).
"""

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from uuid_utils.compat import uuid7

from leads.identity import Contact, content_hash
from leads.models import Inquiry
from leads.queries import overdue, same_content
from leads.services import (
    ASSIGNED_AT_ONCE,
    NewInquiry,
    RecognisedLead,
    Recognition,
    Rng,
    assign_waiting,
    is_contact_taken,
    open_inquiries,
    take_back_inquiry,
)
from routing.models import Source
from routing.queries import active_sources
from store.documents import dumps
from store.sets import Statement, update, write
from triage.services import enqueue_readings, is_urgent

from .group_commit import GroupCommit
from .idempotency import KeyName, KeyReused, RequestKey, StoredAnswer, remember_keys, store_answers

#: Two first messages of one person meet in the database; the loser starts over. Each time it finds more of what the
#: winner left, so this many are only ever reached by a defect.
MAX_ATTEMPTS = 10

#: How the door represents what was taken in. What it returns is stored with the key, so that a repetition gets the
#: very same.
Represent = Callable[["Arrival"], dict]


class TooContended(Exception):
    """The intake lost its race MAX_ATTEMPTS times. Nothing was saved."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a lead sent, checked and in normal form."""

    contacts: tuple[Contact, ...]
    name: str = ""
    message: str = ""
    extra: dict = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a submission: what to say, and whether it was said before."""

    answer: dict
    is_replay: bool = False
    is_duplicate: bool = False


@dataclass(slots=True, eq=False)
class Arrival:
    """One submission on its way in, and in the end its outcome: a receipt, or the exception that refuses it."""

    submission: Submission
    represent: Represent
    now: datetime
    key: RequestKey | None = None
    #: It came with a key that anybody can read in a web page: it overwrites nothing, and learns nothing of others.
    is_public: bool = False
    #: The new inquiry's; of a duplicate it is no inquiry's.
    id: UUID = field(default_factory=uuid7)
    content_hash: str = field(init=False)
    is_urgent: bool = field(init=False)
    lead: RecognisedLead | None = field(init=False, default=None)
    inquiry: NewInquiry | Inquiry | None = field(init=False, default=None)
    is_duplicate: bool = field(init=False, default=False)
    outcome: Receipt | Exception | None = field(init=False, default=None)

    def __post_init__(self):
        # Before the transaction: both take their time and need no lock.
        self.content_hash = content_hash(self.submission.message)
        self.is_urgent = is_urgent(self.submission.message)


def receive_inquiry(
    submission: Submission,
    *,
    source: Source,
    represent: Represent,
    key: RequestKey | None = None,
    is_public: bool = False,
    now: datetime,
    rng: Rng = random.random,
) -> Receipt:
    """Take in what a lead sent through a source, together with what others send meanwhile. Return what to answer.

    Raises KeyReused, KeyInProgress and TooContended; then nothing is saved, nor when the database fails.
    """
    arrival = Arrival(submission, represent, now, key, is_public)
    receive_together([arrival], source=source, rng=rng)
    if isinstance(arrival.outcome, Exception):
        raise arrival.outcome
    return arrival.outcome


def receive_together(arrivals: Sequence[Arrival], *, source: Source, rng: Rng = random.random) -> None:
    """Take in up to MAX_GROUP arrivals, together with what others send meanwhile, and set the outcome of each.

    What breaks the others' transaction is tried alone: its outcome is an exception, and nothing of it is saved.
    """
    commit = partial(receive_inquiries, source=source, rng=rng)
    GroupCommit.of(source.pk).submit(arrivals, commit)


def receive_inquiries(arrivals: Sequence[Arrival], *, source: Source, rng: Rng = random.random) -> None:
    """Take in what was sent through one source, in one transaction, and set the outcome of each arrival.

    Raises KeyInProgress, TooContended, Source.DoesNotExist and what the database raises; then nothing is saved and no
    outcome counts.
    """
    for _ in range(MAX_ATTEMPTS):
        try:
            with transaction.atomic(durable=True):
                return _receive(arrivals, source=source, rng=rng)
        except IntegrityError as error:
            if not is_contact_taken(error):
                raise
    raise TooContended


def _receive(arrivals: Sequence[Arrival], *, source: Source, rng: Rng) -> None:
    """Recognise all, assign each in order, write everything, in the caller's transaction.

    Locks are taken in the order that holds everywhere: keys, leads, the source, its operators.
    """
    now = max(arrival.now for arrival in arrivals)
    written, stored = remember_keys((a.key for a in arrivals if a.key), now=now)
    new, repeating = _apart(arrivals, written)
    # How long the answer takes must not tell the public whether a lead or a text is known.
    is_even = any(arrival.is_public for arrival in new)
    contacts = (contact for arrival in new for contact in arrival.submission.contacts)
    leads = Recognition(contacts, source_id=source.pk, is_even=is_even)
    repeat_counts = _find_or_make_inquiries(new, leads, source=source)
    opened = [arrival for arrival in new if not arrival.is_duplicate]
    assigned = []
    if opened or is_even:
        inquiries = [arrival.inquiry for arrival in opened]
        assigned = open_inquiries(inquiries, source_id=source.pk, now=now, rng=rng, is_even=is_even)
    for arrival in new:
        # That somebody has sent the same before is nothing for the public.
        is_duplicate = arrival.is_duplicate and not arrival.is_public
        arrival.outcome = Receipt(arrival.represent(arrival), is_duplicate=is_duplicate)
    answers = [
        StoredAnswer(written[a.key.name], *a.key.name, a.key.digest, dumps(a.outcome.answer)) for a in new if a.key
    ]
    readings = enqueue_readings((a.inquiry.id, a.content_hash, a.is_urgent, a.now) for a in opened)
    write(*leads.statements(), *assigned, repeat_counts, readings, store_answers(answers))
    stored |= {answer.name: answer for answer in answers}
    for arrival in repeating:
        arrival.outcome = _replay(stored[arrival.key.name], arrival.key)


def _apart(arrivals: Sequence[Arrival], written: Collection[KeyName]) -> tuple[list[Arrival], list[Arrival]]:
    """Return the arrivals to be taken in, and those whose key came before: earlier, or with one of the first."""
    new, repeating, unused = [], [], set(written)
    for arrival in arrivals:
        is_new = arrival.key is None or arrival.key.name in unused
        (new if is_new else repeating).append(arrival)
        if arrival.key:
            unused.discard(arrival.key.name)
    return new, repeating


def _replay(stored: StoredAnswer, key: RequestKey) -> Receipt | KeyReused:
    try:
        return Receipt(stored.replay(key.digest), is_replay=True)
    except KeyReused as error:
        return error


def _find_or_make_inquiries(arrivals: Sequence[Arrival], leads: Recognition, *, source: Source) -> Statement:
    """Set each arrival's inquiry: a new one, or the first with the same text. Return the repeat counts to be written.

    Without a key, the same text from the same lead within the source's window is the first inquiry again.
    """
    for arrival in arrivals:
        sent = arrival.submission
        arrival.lead = leads.recognise(sent.contacts, name=sent.name, now=arrival.now, is_public=arrival.is_public)
    window = timedelta(minutes=source.dedup_minutes)
    lately = _same_content_lately([a for a in arrivals if window and not a.key], source=source, window=window)
    repeated = {}
    for arrival in arrivals:
        alike, since = lately[arrival.lead.id, arrival.content_hash], arrival.now - window
        may_repeat = window and not arrival.key
        # Bounded on both sides: what was created while the clock was ahead is not repeated for ever after.
        recent = (inquiry for inquiry in alike if since <= inquiry.created_at <= arrival.now + window)
        first = next(recent, None) if may_repeat else None
        arrival.is_duplicate = first is not None
        arrival.inquiry = first or _new_inquiry(arrival, source=source)
        if first:
            first.repeat_count += 1
            repeated[first.id] = first
        else:
            alike.append(arrival.inquiry)
    counts = [{"id": i.id, "repeat_count": i.repeat_count} for i in repeated.values() if isinstance(i, Inquiry)]
    return update(Inquiry, counts)


def _same_content_lately(
    arrivals: Sequence[Arrival], *, source: Source, window: timedelta
) -> dict[tuple[UUID, str], list[Inquiry | NewInquiry]]:
    """Return what these leads sent lately that is the same as now, by lead and content, the first at the front."""
    lately = defaultdict(list)
    known = {arrival.lead.id: arrival.lead for arrival in arrivals if not arrival.lead.is_new}
    if known or any(arrival.is_public for arrival in arrivals):
        hashes = {arrival.content_hash for arrival in arrivals}
        since = min(arrival.now for arrival in arrivals) - window
        for inquiry in same_content(known, hashes, source=source, since=since):
            inquiry.lead = known[inquiry.lead_id].as_model()
            lately[inquiry.lead_id, inquiry.content_hash].append(inquiry)
    return lately


def _new_inquiry(arrival: Arrival, *, source: Source) -> NewInquiry:
    return NewInquiry(
        lead=arrival.lead,
        source=source,
        message=arrival.submission.message,
        extra=arrival.submission.extra,
        content_hash=arrival.content_hash,
        created_at=arrival.now,
        id=arrival.id,
    )


def sweep(*, now: datetime, rng: Rng = random.random) -> int:
    """Do what time alone brings about: take back what was not accepted, and assign what waits beside a free operator.

    A shift that begins, a leave that ends and a signal that was lost are all found here. Return how many of the
    waiting were assigned. A transaction for each inquiry taken back, and one for every ASSIGNED_AT_ONCE that are
    assigned, so that no intake waits for all of them.
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
        if given < ASSIGNED_AT_ONCE:
            return total
