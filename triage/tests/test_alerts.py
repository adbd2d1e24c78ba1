"""A P0 inquiry alerts people: enqueued once, sent until it is taken, always under one id."""

import base64
import hashlib
import hmac
import json
import logging
from datetime import timedelta
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db.models.functions import Now
from django.utils import timezone

from leads.identity import content_hash
from leads.tests.factories import InquiryFactory, LeadFactory
from triage.analyzers.base import Reading
from triage.models import Insight, Job, JobKind
from triage.services import alerts, claim_job, jobs, read_inquiry

from .factories import JobFactory
from .receiver import DRIP, HANG_UP, Receiver, running

pytestmark = pytest.mark.django_db

SECRET = "whsec_" + base64.b64encode(b"an old secret of 24 bytes").decode()
NEW_SECRET = "whsec_" + base64.b64encode(b"a new secret of 24 bytes!").decode()


class Says:
    """An analyzer that says what it is told to."""

    name, version = "says", "1"

    def __init__(self, intent="support", priority="P0", next_action="escalate"):
        self.reading = Reading(intent, priority, next_action, 0.9)

    def read(self, text, context=None):
        return self.reading


@pytest.fixture
def receiver(settings):
    with running(Receiver()) as receiver:
        settings.ALERT_WEBHOOK_URL = receiver.url
        settings.ALERT_WEBHOOK_SECRET = [SECRET]
        yield receiver


@pytest.fixture
def mailbox(settings):
    settings.ALERT_EMAILS = ["sue@example.com", "duty@example.com"]
    return mail.outbox


@pytest.fixture
def inquiry():
    lead = LeadFactory(name="Pat Lee", email="pat@example.com", phone="+79991234567")
    return InquiryFactory(lead=lead, message="The site is down, we lose money!")


def read(inquiry, analyzer=None):
    """Have the inquiry read by a worker; return the open jobs that came of it."""
    read_inquiry(JobFactory(inquiry=inquiry).pk, analyzer=analyzer or Says())
    return list(Job.objects.filter(inquiry=inquiry, done_at=None).order_by("kind"))


def deliver(job):
    """Let a worker deliver this alert, whenever it is due."""
    Job.objects.filter(pk=job.pk).update(due_at=Now() - timedelta(seconds=1), lease_until=None)
    if claim := claim_job(job.pk):
        alerts.deliver_alert(claim, now=timezone.now())
    job.refresh_from_db()


def verified(request, secret=SECRET):
    """The body of a webhook whose signature holds, checked as a receiver would."""
    headers, body = request
    headers = {name.lower(): value for name, value in headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert wanted in headers["webhook-signature"].split()
    assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    return headers["webhook-id"], json.loads(body)


def test_the_signature_is_the_one_of_the_specification():
    # The example the specification's own libraries are tested with.
    headers = alerts.signed_headers(
        "msg_loFOjxBNrRLzqYUf",
        b'{"event_type":"ping","data":{"success":true}}',
        secrets=["whsec_plJ3nmyCDGBKInavdOK15jsl"],
        now=timezone.datetime.fromtimestamp(1731705121, tz=timezone.get_default_timezone()),
    )

    assert headers["webhook-signature"] == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_alert_without_receivers_is_not_enqueued(inquiry):
    assert read(inquiry) == []


def test_p0_enqueues_an_alert_for_every_channel(inquiry, receiver, mailbox):
    enqueued = read(inquiry)

    assert [job.kind for job in enqueued] == [JobKind.ALERT_EMAIL, JobKind.ALERT_WEBHOOK]
    assert {job.content_hash for job in enqueued} == {inquiry.content_hash}


def test_less_than_p0_enqueues_no_alert(inquiry, receiver, mailbox):
    assert read(inquiry, Says(priority="P1")) == []


def test_same_alert_is_enqueued_once(inquiry, receiver):
    (job,) = read(inquiry)

    alerts.enqueue_alerts(Insight.objects.get(), now=timezone.now())

    assert Job.objects.get(kind=JobKind.ALERT_WEBHOOK) == job


def test_a_failure_after_the_insight_leaves_no_alert(inquiry, receiver, monkeypatch):
    monkeypatch.setattr(jobs.Job.objects, "bulk_create", lambda *a, **k: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        read(inquiry)

    assert not Insight.objects.exists()


def test_webhook_does_not_go_through_a_proxy_of_the_environment(inquiry, receiver, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (job,) = read(inquiry)

    deliver(job)

    assert job.done_at
    assert len(receiver.requests) == 1


def test_it_posts_what_happened_signed_and_ends_the_job(inquiry, receiver, settings):
    settings.PUBLIC_URL = "https://desk.example.com/"
    (job,) = read(inquiry)

    deliver(job)

    assert job.done_at
    message_id, body = verified(receiver.requests[0])
    assert message_id.startswith("p0_")
    assert body["type"] == "inquiry.p0"
    assert body["data"] == {
        "inquiry": str(inquiry.pk),
        "lead": str(inquiry.lead_id),
        "lead_name": "Pat Lee",
        "source": inquiry.source.slug,
        "priority": "P0",
        "intent": "support",
        "next_action": "escalate",
        "url": f"https://desk.example.com/admin/leads/inquiry/{inquiry.pk}/change/",
    }


def test_it_tells_no_more_of_the_person_than_the_name_unless_it_is_told_to(inquiry, receiver, mailbox, settings):
    for job in read(inquiry):
        deliver(job)
    sent = receiver.requests[0][1].decode() + mailbox[0].message().as_string()
    assert "pat@example.com" not in sent and "9991234567" not in sent and "money" not in sent

    settings.ALERT_PERSONAL_DATA = True
    body = alerts.payload(Insight.objects.select_related("inquiry__lead", "inquiry__source").get())

    assert (body["data"]["email"], body["data"]["message"]) == ("pat@example.com", inquiry.message)


def test_it_signs_with_both_secrets_while_one_is_being_replaced(inquiry, receiver, settings):
    settings.ALERT_WEBHOOK_SECRET = [NEW_SECRET, SECRET]
    (job,) = read(inquiry)

    deliver(job)

    assert verified(receiver.requests[0], SECRET) == verified(receiver.requests[0], NEW_SECRET)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (500, "The webhook’s receiver answered 500."),
        (404, "The webhook’s receiver answered 404."),
        (302, "The webhook’s receiver answered 302."),
        (HANG_UP, "The webhook’s receiver could not be reached (RemoteProtocolError)."),
    ],
)
def test_it_tries_again_under_the_same_id_until_it_is_taken(inquiry, receiver, answer, failure):
    receiver.answers = [answer, 200]
    (job,) = read(inquiry)

    deliver(job)
    assert (job.done_at, job.failed_at, job.failure) == (None, None, failure)
    assert job.due_at > timezone.now()
    deliver(job)

    assert job.done_at and not job.failure
    first, second = [verified(request)[0] for request in receiver.requests]
    assert first == second


@pytest.mark.parametrize("answer", [0.4, DRIP], ids=["silent", "drips"])
def test_it_does_not_wait_for_ever(inquiry, receiver, monkeypatch, answer):
    monkeypatch.setattr(alerts, "SECONDS", 0.2)
    receiver.answers = [answer]
    (job,) = read(inquiry)

    deliver(job)

    assert job.failure == "The webhook’s receiver did not answer in time."
    assert not job.done_at


def test_it_survives_a_receiver_that_is_not_there(inquiry, receiver, settings):
    settings.ALERT_WEBHOOK_URL = "http://127.0.0.1:1/"
    (job,) = read(inquiry)

    deliver(job)

    assert job.failure == "The webhook’s receiver could not be reached (ConnectError)."


def test_alert_fails_after_max_attempts_and_can_be_retried(inquiry, receiver):
    receiver.answers = [500] * jobs.MAX_ATTEMPTS + [200]
    (job,) = read(inquiry)

    for _ in range(jobs.MAX_ATTEMPTS):
        deliver(job)
    assert job.failed_at and "500" in job.failure
    jobs.retry([job.pk])
    deliver(job)

    assert job.done_at
    assert len({verified(request)[0] for request in receiver.requests}) == 1


def test_alert_fails_at_once_when_the_receiver_wants_no_more(inquiry, receiver):
    receiver.answers = [410]
    (job,) = read(inquiry)

    deliver(job)

    assert job.failed_at
    assert job.failure == "The webhook’s receiver wants no alerts any more (410)."


def test_a_worker_that_dies_after_sending_leads_to_the_same_id_again(inquiry, receiver, mailbox, monkeypatch):
    enqueued = read(inquiry)

    class Killed(BaseException):
        pass

    def die(claim):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(alerts, "complete", die)
        for job in enqueued:
            with pytest.raises(Killed):
                deliver(job)
    for job in enqueued:
        deliver(job)

    assert len({verified(request)[0] for request in receiver.requests}) == 1
    assert len(receiver.requests) == 2
    assert len({message.message()["Message-ID"] for message in mailbox}) == 1
    assert len(mailbox) == 2


def test_many_wakeups_send_once(inquiry, receiver):
    read(inquiry)

    for _ in range(10):
        alerts.deliver_due()

    assert len(receiver.requests) == 1


def test_it_writes_one_mail_to_all_whose_subject_says_what_it_is(inquiry, mailbox, settings):
    settings.PUBLIC_URL = "https://desk.example.com"
    (job,) = read(inquiry)

    deliver(job)

    (message,) = mailbox
    assert message.subject == "P0 · Pat Lee · Support"
    assert message.to == ["sue@example.com", "duty@example.com"]
    assert f"https://desk.example.com/admin/leads/inquiry/{inquiry.pk}/change/" in message.body
    assert message.message()["Message-ID"].startswith("<p0_") and job.done_at


def test_it_writes_in_the_language_of_the_house(inquiry, mailbox, settings):
    settings.LANGUAGE_CODE = "ru"
    (job,) = read(inquiry)

    deliver(job)

    assert mailbox[0].subject == "P0 · Pat Lee · Поддержка"
    assert "Следующий шаг: Передать выше" in mailbox[0].body


def test_a_name_cannot_forge_a_header(mailbox):
    inquiry = InquiryFactory(lead=LeadFactory(name="Pat\r\nBcc: all@example.com"), message="Down!")
    (job,) = read(inquiry)

    deliver(job)

    assert mailbox[0].subject == "P0 · Pat Bcc: all@example.com · Support"
    assert mailbox[0].recipients() == ["sue@example.com", "duty@example.com"]


def test_a_mail_server_that_fails_is_tried_again(inquiry, mailbox, monkeypatch):
    (job,) = read(inquiry)
    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", _disconnected)
        deliver(job)
    assert job.failure == "The e-mail could not be sent (SMTPServerDisconnected)."

    deliver(job)

    assert job.done_at and len(mailbox) == 1


def _disconnected(self, messages):
    raise SMTPServerDisconnected("user:password")


def test_alert_for_a_closed_channel_is_completed_unsent(inquiry, receiver, settings):
    (job,) = read(inquiry)
    settings.ALERT_WEBHOOK_URL = ""

    deliver(job)

    assert job.done_at and not receiver.requests


def test_an_alert_outlives_neither_its_inquiry_nor_a_worker(inquiry, receiver):
    read(inquiry)
    inquiry.delete()

    alerts.deliver_due()

    assert not receiver.requests


def test_the_address_is_not_written_to_the_log(inquiry, receiver, caplog):
    (job,) = read(inquiry)

    with caplog.at_level(logging.INFO):
        deliver(job)

    assert "/hook/" not in caplog.text


def test_held_spam_raises_no_alert(receiver):
    inquiry = InquiryFactory(source__holds_spam=True, message="EARN NOW", content_hash=content_hash("EARN NOW"))

    assert read(inquiry, Says("spam", "P0", "ignore")) == []

    inquiry.refresh_from_db()
    assert inquiry.waiting_reason == "held_as_spam"


def test_spam_is_not_held_where_the_source_does_not_ask_for_it():
    inquiry = InquiryFactory(message="EARN NOW")

    read(inquiry, Says("spam", "P3", "ignore"))

    inquiry.refresh_from_db()
    assert inquiry.waiting_reason == "all_full"
