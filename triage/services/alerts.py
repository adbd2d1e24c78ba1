"""Alerts: a P0 inquiry reaches people who are not looking at the desk, by e-mail and by a signed webhook.

Each is a job: written in the transaction of the insight that caused it, tried again until it was taken, or failed with
a sentence. A worker may die between sending and saying so; then it is sent again under the same id (the webhook's
`webhook-id`, the e-mail's Message-ID), by which the receiver knows it.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from smtplib import SMTPException

import httpx
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override

from triage.analyzers.deadline import Deadline
from triage.models import Insight, JobKind

from .failures import JobFailed, in_words
from .jobs import Claim, LeaseLost, claim_batch, complete, enqueue_missing, fail, give_back, retry_later

KINDS = (JobKind.ALERT_EMAIL, JobKind.ALERT_WEBHOOK)
#: For the whole of one delivery, well below a job's lease.
SECONDS = 10.0
#: After so long a task delivers no more: one more of each kind still fits into a task's time limit.
WORK_SECONDS = 15.0


class NotWanted(JobFailed):
    """The receiver says it wants no alerts any more: trying again is no use."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One P0 insight, to be told under one id, however often it is tried."""

    id: str
    insight: Insight


def enqueue_alerts(insight: Insight, *, now: datetime) -> None:
    """Write down that people are to be told of this insight, by every channel that is set.

    Once for an inquiry's content, however often it is read. Runs inside the caller's transaction.
    """
    enqueue_missing(open_channels(), inquiry_id=insight.inquiry_id, content_hash=insight.content_hash, now=now)


def open_channels() -> list[str]:
    """The kinds of alerts that have somebody to go to."""
    wanted = {JobKind.ALERT_EMAIL: settings.ALERT_EMAILS, JobKind.ALERT_WEBHOOK: settings.ALERT_WEBHOOK_URL}
    return [kind for kind, receiver in wanted.items() if receiver]


def deliver_due(*, seconds: float = WORK_SECONDS, now: Callable[[], datetime] = timezone.now) -> None:
    """Deliver due alerts until nothing is due or the time is up.

    One of each kind in turn: a mail server that hangs must not keep the webhooks back. Raises what a defect raised.
    """
    deadline = time.monotonic() + seconds
    while claims := [claim for kind in KINDS for claim in claim_batch(kind)]:
        try:
            for claim in claims:
                deliver_alert(claim, now=now())
        except BaseException:
            # What comes after a defect, or after the worker was told to stop, need not wait for its lease to lapse.
            give_back(claims)
            raise
        if time.monotonic() >= deadline:
            break


def deliver_alert(claim: Claim, *, now: datetime) -> bool:
    """Send a claimed alert by its channel, outside any transaction, and complete its job. Return whether it was taken.

    If not, it is retried later, or failed with a sentence. A defect is raised again after that, so that it is logged.
    """
    try:
        _send(claim, now=now)
        with transaction.atomic(durable=True):
            complete(claim)
    except LeaseLost:
        return False
    except NotWanted as error:
        fail(claim, failure=in_words(error))
        return False
    except JobFailed as error:
        retry_later(claim, failure=in_words(error))
        return False
    except BaseException as error:
        # Also SystemExit and KeyboardInterrupt: a worker that was told to stop does not keep the lease.
        retry_later(claim, failure=in_words(error))
        raise
    return True


def _send(claim: Claim, *, now: datetime) -> None:
    """Nothing is sent when the channel was closed meanwhile, or the inquiry was erased."""
    alert = _alert(claim)
    if alert is None or claim.kind not in open_channels():
        return
    with override(settings.LANGUAGE_CODE):
        if claim.kind == JobKind.ALERT_EMAIL:
            send_email(alert)
        else:
            post_webhook(alert, now=now)


def _alert(claim: Claim) -> Alert | None:
    read = Insight.objects.filter(inquiry=claim.inquiry_id, content_hash=claim.content_hash)
    insight = read.select_related("inquiry__lead", "inquiry__source").order_by("-created_at", "-id").first()
    # Of the inquiry and its content, not of the job: when it is enqueued again later, it is still the same alert.
    alert_id = f"p0_{claim.inquiry_id.hex}_{claim.content_hash[:16]}"
    return Alert(alert_id, insight) if insight else None


def send_email(alert: Alert) -> None:
    """Send one e-mail to all of ALERT_EMAILS. Raises JobFailed."""
    insight = alert.insight
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    who = " ".join(insight.inquiry.lead.name.split()) or gettext("no name")
    message = EmailMessage(
        subject=f"{insight.priority} · {who} · {insight.get_intent_display()}",
        body=_words(insight, who),
        to=settings.ALERT_EMAILS,
        headers={"Message-ID": f"<{alert.id}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    try:
        message.send()
    except (SMTPException, OSError) as error:
        # Not its text: a mail server may repeat addresses and passwords in it.
        said = gettext("The e-mail could not be sent (%(error)s).") % {"error": type(error).__name__}
        raise JobFailed(said) from error


def _words(insight: Insight, who: str) -> str:
    inquiry = insight.inquiry
    lines = [
        gettext("An inquiry that must be acted on now came through %(source)s.") % {"source": inquiry.source},
        "",
        gettext("Lead: %(lead)s") % {"lead": who},
        gettext("Intent: %(intent)s") % {"intent": insight.get_intent_display()},
        gettext("Next action: %(action)s") % {"action": insight.get_next_action_display()},
        gettext("Inquiry: %(id)s") % {"id": inquiry.pk},
    ]
    if settings.ALERT_PERSONAL_DATA:
        lines += ["", *filter(None, [inquiry.lead.phone, inquiry.lead.email]), "", inquiry.message]
    if link := link_to(inquiry):
        lines += ["", link]
    return "\n".join(lines)


def link_to(inquiry) -> str:
    """The inquiry's page at the desk; nothing while PUBLIC_URL is not set."""
    if not settings.PUBLIC_URL:
        return ""
    return settings.PUBLIC_URL.rstrip("/") + reverse("admin:leads_inquiry_change", args=[inquiry.pk])


def post_webhook(alert: Alert, *, now: datetime) -> None:
    """Post the alert as the Standard Webhooks specification has it. Raises JobFailed, NotWanted."""
    body = json.dumps(payload(alert.insight), ensure_ascii=False).encode()
    headers = signed_headers(alert.id, body, secrets=settings.ALERT_WEBHOOK_SECRET, now=now)
    deadline = Deadline(SECONDS)
    try:
        # Only the status is looked at; whatever the answer says is not even read.
        with (
            deadline,
            # With a transport of its own, no proxy of the environment is used; SSL_CERT_FILE still counts.
            httpx.Client(timeout=SECONDS, follow_redirects=False, transport=httpx.HTTPTransport()) as client,
            client.stream(
                "POST",
                settings.ALERT_WEBHOOK_URL,
                content=body,
                headers=headers,
                extensions={"trace": deadline.trace},
            ) as response,
        ):
            status = response.status_code
    except httpx.HTTPError as error:
        if deadline.is_over or isinstance(error, httpx.TimeoutException):
            raise JobFailed(gettext("The webhook’s receiver did not answer in time.")) from error
        said = gettext("The webhook’s receiver could not be reached (%(error)s).") % {"error": type(error).__name__}
        raise JobFailed(said) from error
    if status == httpx.codes.GONE:
        raise NotWanted(gettext("The webhook’s receiver wants no alerts any more (410)."))
    if not httpx.codes.is_success(status):
        raise JobFailed(gettext("The webhook’s receiver answered %(status)d.") % {"status": status})


def payload(insight: Insight) -> dict:
    """What the webhook tells. Of the person no more than the name, unless ALERT_PERSONAL_DATA says so."""
    inquiry = insight.inquiry
    told = {
        "inquiry": str(inquiry.pk),
        "lead": str(inquiry.lead_id),
        "lead_name": inquiry.lead.name,
        "source": inquiry.source.slug,
        "priority": insight.priority,
        "intent": insight.intent,
        "next_action": insight.next_action,
        "url": link_to(inquiry) or None,
    }
    if settings.ALERT_PERSONAL_DATA:
        told |= {"email": inquiry.lead.email, "phone": inquiry.lead.phone, "message": inquiry.message}
    return {"type": "inquiry.p0", "timestamp": insight.created_at.isoformat(), "data": told}


def signed_headers(message_id: str, body: bytes, *, secrets: Iterable[str], now: datetime) -> dict[str, str]:
    """The headers of https://www.standardwebhooks.com, one signature for each secret, so that one can be replaced."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    signatures = [base64.b64encode(hmac.digest(signing_key(secret), signed, hashlib.sha256)) for secret in secrets]
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature.decode()}" for signature in signatures),
    }


def signing_key(secret: str) -> bytes:
    """The bytes of a secret written as whsec_ and base64. Raises ValueError when it is not."""
    prefix, encoded = secret[:6], secret[6:]
    if prefix != "whsec_":
        raise ValueError("not whsec_ and base64")
    return base64.b64decode(encoded, validate=True)
