"""Who reads a text: a supervisor who corrected it before, what is known of it already, the analyzer asked for, or the
offline reader in its place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now

from leads.models import Inquiry
from triage.analyzers.base import Analyzer, Context, Reading, TooSoon, Unavailable
from triage.analyzers.quotes import requote
from triage.analyzers.registry import offline_reader
from triage.models import Insight, Job, Note

from .budget import Budget, spend
from .failures import message_of
from .jobs import Claim
from .known import is_being_read, known_insight_of, known_reading, known_readings
from .precedents import Precedent, precedents_of

#: An inquiry that has waited so long for a paid analyzer's turn is read offline instead.
PATIENCE = timedelta(minutes=5)
#: After so long it is looked for again whether the same text has been read meanwhile.
SAME_TEXT_SECONDS = 2.0
NOTE_LENGTH = Insight._meta.get_field("note").max_length


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A reading, who really read, and how that came about (one of Note, or words of the analyzer's own)."""

    reading: Reading
    analyzer: Analyzer
    note: str = ""


@dataclass(frozen=True, slots=True)
class ClaimedText:
    """A claimed text and what is known of its inquiry."""

    claim: Claim
    message: str
    context: Context
    known_id: UUID | None


def read_texts(claims: Sequence[Claim], *, analyzer: Analyzer) -> Iterator[tuple[Claim, ReadResult | BaseException]]:
    """Have the texts of claimed jobs read. Outside any transaction, for it may take seconds.

    What is known of them is looked up with a number of statements that does not depend on how many they are. Yields
    each claim with its result, or with what kept its text from being read: TooSoon when the minute's requests are used
    up and the inquiry can still wait, UnreadableError when the analyzer cannot read it now, and whatever a defective
    analyzer raises, SystemExit too. Claims whose inquiries are gone are left out.
    """
    texts = _look_up(claims, analyzer=analyzer)
    precedents = precedents_of({text.claim.content_hash: text.message for text in texts})
    known = known_readings(text.known_id for text in texts if text.known_id)
    for text in texts:
        result: ReadResult | BaseException
        try:
            result = _result(text, analyzer=analyzer, precedents=precedents, known=known)
        except BaseException as error:
            result = error
        yield text.claim, result


def _result(
    text: ClaimedText, *, analyzer: Analyzer, precedents: dict[str, Precedent], known: dict[str, Reading]
) -> ReadResult:
    content_hash = text.claim.content_hash
    if precedent := precedents.get(content_hash):
        return ReadResult(precedent.read(text.message, text.context), precedent)
    if reading := known.get(content_hash):
        return ReadResult(known_reading(reading, text.message, text.context), analyzer, Note.REUSED)
    result = read_text(text, analyzer=analyzer)
    if result.analyzer is analyzer:
        # The same text may come again in this batch.
        known[content_hash] = result.reading
    return result


def _look_up(claims: Sequence[Claim], *, analyzer: Analyzer) -> list[ClaimedText]:
    """The texts in the order of their claims. One statement."""
    same_lead = Inquiry.objects.filter(
        lead=OuterRef("inquiry__lead"), created_at__lt=OuterRef("inquiry__created_at")
    ).order_by()
    earlier = Subquery(same_lead.values("lead").annotate(count=Count("*")).values("count"))
    known = Subquery(known_insight_of(OuterRef("content_hash"), analyzer=analyzer))
    jobs = Job.objects.filter(pk__in=[claim.job_id for claim in claims]).order_by()
    columns = ("pk", "inquiry__message", "inquiry__lead__name", Coalesce(earlier, 0), known)
    rows = {pk: row for pk, *row in jobs.values_list(*columns)}
    return [
        ClaimedText(claim, message, _context(claim, analyzer, name, count), known_id)
        for claim in claims
        if claim.job_id in rows
        for message, name, count, known_id in [rows[claim.job_id]]
    ]


def _context(claim: Claim, analyzer: Analyzer, lead_name: str, earlier_count: int) -> Context:
    return Context(earlier_count=earlier_count, lead_name=lead_name, spend=partial(_pay, claim, analyzer.name))


def _pay(claim: Claim, analyzer: str) -> None:
    """Spend one request, unless the same text is being read just now. Raises TooSoon, Unavailable."""
    if is_being_read(claim):
        raise TooSoon(SAME_TEXT_SECONDS)
    spend(analyzer, Budget.of_settings())


def read_text(text: ClaimedText, *, analyzer: Analyzer) -> ReadResult:
    """Have one text read by the analyzer, or by the offline reader when the analyzer cannot be had."""
    result = _read(text, analyzer=analyzer)
    # Only such evidence as really stands in the text.
    evidence = requote(result.reading.evidence, text.message)
    return replace(result, reading=replace(result.reading, evidence=evidence))


def _read(text: ClaimedText, *, analyzer: Analyzer) -> ReadResult:
    try:
        return ReadResult(analyzer.read(text.message, text.context), analyzer)
    except Unavailable as unavailable:
        note = message_of(unavailable) or Note.UNREACHABLE
    except TooSoon:
        if not _is_out_of_patience(text.claim):
            raise
        note = Note.PACE
    offline = offline_reader()
    return ReadResult(offline.read(text.message, text.context), offline, note[:NOTE_LENGTH])


def _is_out_of_patience(claim: Claim) -> bool:
    return Job.objects.filter(pk=claim.job_id, created_at__lt=Now() - PATIENCE).exists()
