"""From reading to acting: what an insight changes for its inquiry."""

from datetime import datetime

from leads.models import Inquiry, Priority
from leads.services import Rng, hold_as_spam
from triage.models import Insight, Intent

from .alerts import owe_alerts


def act_on(insight: Insight, *, by=None, now: datetime, rng: Rng) -> None:
    """Let an insight take effect: spam is held back where the source wants it, the priority counts, P0 raises alerts.

    The priority is the inquiry's place in the queue. ``by`` is the supervisor whose word the insight is, if it is.
    Runs inside the caller's transaction, which is wrapped in `own_transaction` and has locked no inquiry yet.
    """
    is_held = (
        insight.intent == Intent.SPAM
        and insight.inquiry.source.holds_spam
        and hold_as_spam(insight.inquiry_id, by=by, now=now, rng=rng)
    )
    Inquiry.objects.filter(pk=insight.inquiry_id).update(priority=insight.priority)
    if insight.priority == Priority.P0 and not is_held:
        owe_alerts(insight, now=now)
