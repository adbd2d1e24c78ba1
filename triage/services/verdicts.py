"""What is known of a text already: the same content is not analysed, nor paid for, again."""

from django.db.models import Q
from django.db.models.functions import Now

from triage.analyzers.base import Analyzer, Context, Evidence, Reading
from triage.analyzers.quotes import requote
from triage.analyzers.repeats import in_context
from triage.models import Insight, Job, JobKind
from triage.queries import open_jobs

from .jobs import Claim


def known_reading(content_hash: str, text: str, context: Context, *, analyzer: Analyzer) -> Reading | None:
    """What this analyzer in this version made of the same content before, brought into this text and context.

    None when it has not read it, or only readings that a supervisor corrected are left. Texts of one content may
    differ in case and spacing, so the words of evidence are found anew.
    """
    verdicts = Insight.objects.filter(
        content_hash=content_hash, analyzer=analyzer.name, version=analyzer.version, corrected_at=None
    )
    verdict = verdicts.order_by().first()
    if verdict is None:
        return None
    try:
        return in_context(_reading(verdict, text), context)
    except (ValueError, KeyError, TypeError):
        # Written under another taxonomy.
        return None


def is_being_read(claim: Claim) -> bool:
    """Whether another worker took the same content before this one did, and is still at it.

    Two that claim within the same instant may miss each other; then both are read, and one was paid for in vain.
    """
    mine = Job.objects.values_list("lease_until", flat=True).get(pk=claim.job_id)
    others = open_jobs().filter(kind=JobKind.INSIGHT, content_hash=claim.content_hash, lease_until__gt=Now())
    return others.filter(Q(lease_until__lt=mine) | Q(lease_until=mine, pk__lt=claim.job_id)).exists()


def _reading(insight: Insight, text: str) -> Reading:
    evidence = [Evidence(words["text"], words["start"], words["end"], words["for"]) for words in insight.evidence]
    return Reading(
        intent=insight.intent,
        priority=insight.priority,
        next_action=insight.next_action,
        confidence=insight.confidence,
        tags=tuple(insight.tags),
        evidence=requote(evidence, text),
    )
