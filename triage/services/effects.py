"""What an insight changes for its inquiry."""

from datetime import datetime

from leads.models import Inquiry, Priority
from leads.services import Rng, hold_as_spam
from triage.models import Insight, Intent

from .alerts import enqueue_alerts


def apply_insight(insight: Insight, *, by=None, now: datetime, rng: Rng) -> None:
    """Let an insight take effect: the source may put spam on hold, the priority counts, P0 raises alerts.

    The priority is the inquiry's place in the queue. ``by`` is the supervisor whose word the insight is, if it is.
    Runs inside the caller's transaction, which is wrapped in `own_transaction` and has locked no inquiry yet.
    """
    is_held = (
        insight.intent == Intent.SPAM
        and insight.inquiry.source.holds_spam
        and hold_as_spam(insight.inquiry_id, by=by, now=now, rng=rng)
    )
    set_priority([insight], insight.priority)
    if insight.priority == Priority.P0 and not is_held:
        enqueue_alerts(insight, now=now)


def changes_only_priority(insight: Insight, *, holds_spam: bool) -> bool:
    """Return whether `apply_insight` would do no more than `set_priority`: no alert, no operator to be locked."""
    return insight.priority != Priority.P0 and not (insight.intent == Intent.SPAM and holds_spam)


def set_priority(insights: list[Insight], priority: str) -> None:
    """Let the priority of these insights count for their inquiries. Runs inside the caller's transaction."""
    Inquiry.objects.filter(pk__in=[insight.inquiry_id for insight in insights]).update(priority=priority)
