"""A clock that was ahead and is set right: what was written meanwhile blocks nothing for long."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery.schedules import crontab, schedule
from django.db.models.functions import Now
from django.utils import timezone

from config.celery import app
from crm import sweeper
from crm.beat import Scheduler
from crm.idempotency import KEY_LIFETIME
from crm.models import ApiKey, IdempotencyKey
from crm.tasks import forget_expired_keys
from leads.models import Inquiry
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.models import Job
from triage.queries import claimable

from .intake import send

pytestmark = pytest.mark.django_db

YEAR = timedelta(days=365)


def test_sweep_makes_jobs_due_that_were_written_while_the_clock_was_ahead():
    send(SourceFactory())
    Job.objects.update(due_at=Now() + YEAR)

    sweeper.sweep()

    assert claimable().count() == 1


def test_answer_of_the_future_is_kept_for_72_hours_from_now():
    site = SourceFactory()
    send(site, key="order-1", now=timezone.now() + YEAR)

    assert forget_expired_keys() == 0

    assert IdempotencyKey.objects.get().expires_at <= timezone.now() + KEY_LIFETIME
    assert send(site, key="order-1").is_replay


def test_same_text_is_new_again_though_it_was_sent_while_the_clock_was_ahead():
    site = SourceFactory()
    first = send(site, now=timezone.now() + YEAR)

    receipt = send(site)

    assert not receipt.is_duplicate
    assert receipt.answer["id"] != first.answer["id"]


@pytest.mark.parametrize(("ahead", "is_taken_back"), [(YEAR, True), (timedelta(seconds=30), False)])
def test_only_inquiry_given_far_in_the_future_is_taken_back(ahead, is_taken_back):
    send(SourceFactory(weights={OperatorFactory(): 1, OperatorFactory(): 1}, accept_minutes=10))
    Inquiry.objects.update(assigned_at=timezone.now() + ahead)
    before = Inquiry.objects.get().operator

    sweeper.sweep()

    assert (Inquiry.objects.get().operator != before) == is_taken_back


def test_key_used_in_the_future_shows_its_use_of_today(intake, ann):
    ApiKey.objects.update(last_used_at=timezone.now() + YEAR)

    intake.post(ann)

    assert ApiKey.objects.get().last_used_at <= timezone.now()


class Beat(Scheduler):
    """Remembers what it asked for."""

    def setup_schedule(self):
        self.sent = []

    def apply_entry(self, entry, producer=None):
        self.sent.append(entry.name)


@pytest.fixture
def beat(monkeypatch):
    """A beat with an hourly and a nightly task, and a clock that can be set by ``clock.ahead``."""
    clock = SimpleNamespace(ahead=timedelta())
    monkeypatch.setattr(app, "now", lambda: timezone.now() + clock.ahead)
    beat = Beat(app, lazy=True)
    beat.setup_schedule()
    beat.clock = clock
    for name, when in (("hourly", schedule(timedelta(hours=1))), ("nightly", crontab(hour=3, minute=30))):
        when.nowfun = app.now
        beat.add(name=name, task=name, schedule=when)
    return beat


def run(beat):
    """Run what is due; what was asked for."""
    beat.sent.clear()
    while beat.tick() == 0:
        pass
    return beat.sent


def test_beat_goes_on_asking_though_the_clock_was_set_back(beat):
    beat.clock.ahead = YEAR
    run(beat)
    beat.clock.ahead = timedelta()
    run(beat)

    beat.clock.ahead = timedelta(hours=25)

    assert sorted(run(beat)) == ["hourly", "nightly"]
