"""P1 and P2 in short: whatever becomes of bells and workers, every inquiry is read, and read once."""

import random
from contextlib import closing
from datetime import timedelta
from functools import partial

import pytest
from django.db.models.functions import Now

from config.celery import app
from leads.models import Inquiry
from routing.tests.factories import OperatorFactory, SourceFactory
from routing.tests.parallel import in_parallel
from triage.analyzers.base import Reading
from triage.models import Insight, Job
from triage.relay import ring_due_jobs, take_rings
from triage.services import claim_job, read_inquiry

from .intake import send

pytestmark = pytest.mark.django_db(transaction=True)


class Stub:
    name, version = "stub", "1"

    def read(self, text, context=None):
        return Reading("buy", "P1", "call", 0.9)


def work(bells, rng):
    """A queue that loses, doubles and shuffles bells, and workers that die while they read."""
    for job_id in rng.sample(bells, k=len(bells)) * 2:
        fate = rng.random()
        if fate < 0.2:
            claim_job(job_id)
        elif fate < 0.7:
            read_inquiry(job_id, analyzer=Stub())


def let_time_pass():
    """Two minutes at once: pauses end, and the leases of the dead lapse."""
    past = Now() - timedelta(seconds=1)
    Job.objects.filter(done_at=None).update(ring_at=past, due_at=past)
    Job.objects.filter(done_at=None, lease_until__isnull=False).update(lease_until=past)


@pytest.mark.parametrize("seed", range(3))
def test_bells_are_lost_and_doubled_and_workers_die_but_every_inquiry_has_one_insight(seed):
    rng = random.Random(seed)
    site = SourceFactory(weights={OperatorFactory(max_load=100): 1})
    acknowledged = {send(site, email=f"stranger-{n}@example.com").answer["id"] for n in range(30)}

    for _ in range(30):
        bells, fates = take_rings(limit=12), rng.random()
        in_parallel([partial(work, bells, random.Random(fates)), partial(work, bells, random.Random(fates + 1))])
        # A worker that dies again and again is another test: here every job keeps its attempts.
        Job.objects.filter(done_at=None).update(attempt_count=0)
        let_time_pass()

    assert {str(pk) for pk in Inquiry.objects.values_list("pk", flat=True)} == acknowledged
    assert {str(pk) for pk in Insight.objects.values_list("inquiry", flat=True)} == acknowledged
    assert Insight.objects.count() == Job.objects.filter(done_at__isnull=False).count() == 30
    assert set(Inquiry.objects.values_list("priority", flat=True)) == {"P1"}


def test_without_the_relay_a_lost_bell_is_a_lost_reading():
    """The control: the test above can fail."""
    site = SourceFactory()
    send(site)
    bells = take_rings()

    bells.clear()
    work(bells, random.Random(0))

    assert not Insight.objects.exists()


def test_a_ring_reaches_the_queue_the_workers_listen_to():
    send(SourceFactory())
    with app.connection_for_read() as connection, closing(connection.SimpleQueue("celery")) as queue:
        queue.clear()

        assert ring_due_jobs() == 1

        message = queue.get(timeout=5)
        queue.clear()
    assert message.headers["task"] == "triage.work"
    assert message.payload[0] == [Job.objects.get().pk]
