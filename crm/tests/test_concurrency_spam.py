"""Spam is taken back while everything else goes on: nobody is over the limit, nobody waits beside a free operator."""

import random

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from leads.models import Inquiry, WaitingReason
from leads.services import violations
from routing.tests.factories import OperatorFactory, SourceFactory
from routing.tests.parallel import in_parallel
from triage.analyzers.base import Reading
from triage.models import Correction, Insight, Job
from triage.services import read_inquiry
from triage.services.corrections import correct_insight

from .intake import resolve, send

pytestmark = pytest.mark.django_db(transaction=True)

INQUIRIES = 40


class EverySecondIsSpam:
    """An analyzer whose every second reading is spam."""

    name, version = "every-second", "1"

    def read(self, text, context=None):
        is_spam = int(text.split()[-1]) % 2
        return Reading("spam" if is_spam else "support", "P3" if is_spam else "P0", "email", 0.9)


def test_readings_resolutions_and_corrections_do_not_get_in_each_others_way(settings):
    settings.ALERT_EMAILS = ["sue@example.com"]
    sue = User.objects.create(username="sue")
    operators = {OperatorFactory(name=name, max_load=6): 1 for name in ("Anna", "Boris", "Clara")}
    site = SourceFactory(weights=operators, holds_spam=True)
    for number in range(INQUIRIES):
        send(site, email=f"lead-{number}@example.com", message=f"Message number {number}")
    jobs = list(Job.objects.order_by("?").values_list("pk", flat=True))
    analyzer = EverySecondIsSpam()

    def read(job_id):
        insight = read_inquiry(job_id, analyzer=analyzer)
        if insight and insight.intent == "spam" and random.random() < 0.3:
            correct_insight(insight.pk, by=sue, now=timezone.now(), rng=random.random, intent="buy")

    some = Inquiry.objects.order_by("?")[: INQUIRIES // 5]
    calls = [lambda job=job: read(job) for job in jobs] + [lambda one=one: resolve(one) for one in some]
    random.shuffle(calls)
    in_parallel(calls, threads=8)

    assert Insight.objects.count() == INQUIRIES
    with transaction.atomic():
        assert list(violations(now=timezone.now())) == []
    held = Inquiry.objects.filter(waiting_reason=WaitingReason.HELD_AS_SPAM)
    assert held.count() > 0
    assert not held.exclude(insights__intent="spam").exists()
    spam = Insight.objects.filter(intent="spam", inquiry__resolved_at=None)
    assert not spam.exclude(inquiry__waiting_reason=WaitingReason.HELD_AS_SPAM).exists()
    assert Job.objects.filter(kind="alert_email").count() == Insight.objects.filter(priority="P0").count()
    assert Correction.objects.count() == Insight.objects.filter(corrected_at__isnull=False).count()
