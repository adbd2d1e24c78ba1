"""Corrections: a supervisor's word on a reading. It counts at once, for this inquiry and for texts like it."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from leads.models import WaitingReason
from leads.services import InquiryResolved, NotHeld, Rng, own_transaction, release_held
from triage.analyzers.policy import next_action_of, priority_of
from triage.models import Correction, Insight, Intent
from triage.queries import is_newest

from .effects import apply_insight


@own_transaction
def correct_insight(
    insight_id: UUID,
    *,
    by,
    now: datetime,
    rng: Rng,
    intent: str = "",
    priority: str = "",
    next_action: str = "",
) -> Correction:
    """Write down what is right of an insight, show it there, and let it take effect on the inquiry.

    What is left out stays, or follows the policy where what it depends on was corrected: calling a text a purchase
    makes it as urgent as such a purchase is. With nothing given, the reading is confirmed as right. The newest insight
    of an inquiry moves it: its place in the queue, into the hands of the supervisor as spam, or out of them again. One
    transaction. Raises Insight.DoesNotExist.
    """
    insights = Insight.objects.select_for_update(of=("self",), no_key=True)
    insight = insights.select_related("inquiry__source").get(pk=insight_id)
    intent, priority, next_action = _completed(insight, intent=intent, priority=priority, next_action=next_action)
    correction = _remember(insight, by=by, now=now, intent=intent, priority=priority, next_action=next_action)
    insight.intent, insight.priority, insight.next_action = intent, priority, next_action
    insight.corrected_by, insight.corrected_at = by, now
    insight.save(update_fields=["intent", "priority", "next_action", "corrected_by", "corrected_at"])
    if is_newest(insight):
        _release_from_spam(insight, by=by, now=now, rng=rng)
        apply_insight(insight, by=by, now=now, rng=rng)
    return correction


def _completed(insight: Insight, *, intent: str, priority: str, next_action: str) -> tuple[str, str, str]:
    is_other = intent not in ("", insight.intent)
    intent = intent or insight.intent
    if not priority:
        priority = priority_of(intent, dict.fromkeys(insight.tags))[0] if is_other else insight.priority
    if not next_action:
        is_other = is_other or priority != insight.priority
        next_action = next_action_of(intent, priority, 1.0) if is_other else insight.next_action
    return intent, priority, next_action


def _remember(insight: Insight, *, by, now: datetime, **right: str) -> Correction:
    first = insight.corrections.order_by("created_at", "id").first()
    read = {name: getattr(first, f"read_{name}") if first else getattr(insight, name) for name in right}
    return Correction.objects.create(
        insight=insight,
        content_hash=insight.content_hash,
        lang=next((tag[5:] for tag in insight.tags if tag.startswith("lang:")), ""),
        confidence=insight.confidence,
        analyzer=insight.analyzer,
        version=insight.version,
        by=by,
        by_name=by.get_username() if by else "",
        created_at=now,
        **right,
        **{f"read_{name}": value for name, value in read.items()},
    )


def _release_from_spam(insight: Insight, *, by, now: datetime, rng: Rng) -> None:
    """It was put on hold as spam, and is none: it goes where it would have gone."""
    if insight.intent != Intent.SPAM and insight.inquiry.waiting_reason == WaitingReason.HELD_AS_SPAM:
        # Somebody else may have resolved or given it since it was looked at.
        with suppress(InquiryResolved, NotHeld):
            release_held(insight.inquiry_id, by=by, now=now, rng=rng)
