"""Who reads a text: a supervisor who corrected it before, what is known of it already, the analyzer asked for, or the
offline reader in its place.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from django.db.models.functions import Now

from leads.models import Inquiry
from triage.analyzers.base import Analyzer, Context, Reading, TooSoon, Unavailable
from triage.analyzers.quotes import requote
from triage.analyzers.registry import offline_reader
from triage.models import Insight, Job, Note

from .budget import Budget, spend
from .jobs import Claim
from .precedents import precedent_of
from .verdicts import is_being_read, known_reading

#: An inquiry that has waited so long for a paid analyzer's turn is read offline instead.
PATIENCE = timedelta(minutes=5)
#: After so long it is looked for again whether the same text has been read meanwhile.
SAME_TEXT_SECONDS = 2.0
NOTE_LENGTH = Insight._meta.get_field("note").max_length


@dataclass(frozen=True, slots=True)
class Heard:
    """A reading, who really read, and how that came about (one of Note, or words of the analyzer's own)."""

    reading: Reading
    analyzer: Analyzer
    note: str = ""


def ask(claim: Claim, *, analyzer: Analyzer) -> Heard:
    """Have the text of a claimed job read. Outside any transaction, for it may take seconds.

    Raises TooSoon when the minute's requests are used up and the inquiry can still wait, UnreadableError when the
    analyzer cannot read it now, Inquiry.DoesNotExist, and whatever a defective analyzer raises.
    """
    inquiry = (
        Inquiry.objects.select_related("lead").only("lead__name", "message", "created_at").get(pk=claim.inquiry_id)
    )
    text = inquiry.message
    earlier = Inquiry.objects.filter(lead=inquiry.lead_id, created_at__lt=inquiry.created_at)
    context = Context(
        earlier_count=earlier.count(), lead_name=inquiry.lead.name, spend=partial(_pay, claim, analyzer.name)
    )
    if precedent := precedent_of(text, content_hash=claim.content_hash):
        return Heard(precedent.read(text, context), precedent)
    if known := known_reading(claim.content_hash, text, context, analyzer=analyzer):
        return Heard(known, analyzer, Note.REUSED)
    heard = _read(text, context, analyzer=analyzer, claim=claim)
    return replace(heard, reading=_true_to(heard.reading, text))


def _pay(claim: Claim, analyzer: str) -> None:
    """Spend one request, unless the same text is being read just now. Raises TooSoon, Unavailable."""
    if is_being_read(claim):
        raise TooSoon(SAME_TEXT_SECONDS)
    spend(analyzer, Budget.of_settings())


def _read(text: str, context: Context, *, analyzer: Analyzer, claim: Claim) -> Heard:
    try:
        return Heard(analyzer.read(text, context), analyzer)
    except Unavailable as unavailable:
        note = str(unavailable) or Note.UNREACHABLE
    except TooSoon:
        if not _is_out_of_patience(claim):
            raise
        note = Note.PACE
    offline = offline_reader()
    return Heard(offline.read(text, context), offline, note[:NOTE_LENGTH])


def _is_out_of_patience(claim: Claim) -> bool:
    return Job.objects.filter(pk=claim.job_id, created_at__lt=Now() - PATIENCE).exists()


def _true_to(reading: Reading, text: str) -> Reading:
    """The reading with only such evidence as really stands in the text."""
    return replace(reading, evidence=requote(reading.evidence, text))
