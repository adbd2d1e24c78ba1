"""P1 and P2 in short: whatever becomes of messages and workers, every inquiry is read, and read once."""

import random
from datetime import timedelta
from functools import partial

import pytest
from django.db.models.functions import Now

from leads.models import Inquiry
from routing.tests.factories import OperatorFactory, SourceFactory
from routing.tests.parallel import in_parallel
from triage.analyzers.base import Reading
from triage.models import Insight, Job, JobKind
from triage.queries import is_due
from triage.services import claim_batch, read_batch

from .intake import send

pytestmark = pytest.mark.django_db(transaction=True)


class Stub:
    name, version, batch_size = "stub", "1", 5

    def read(self, text, context=None):
        return Reading("buy", "P1", "call", 0.9)


def work(wakeups, rng):
    """Workers that sleep through some of their wake-ups, and die over some of their batches."""
    for _ in range(wakeups):
        fate = rng.random()
        claims = claim_batch(JobKind.INSIGHT, size=rng.randint(1, 5)) if fate > 0.2 else []
        if fate > 0.5:
            read_batch(claims, analyzer=Stub())


def let_time_pass():
    """Two minutes at once: pauses end, and the leases of the dead lapse."""
    past = Now() - timedelta(seconds=1)
    # A worker that dies again and again is another test: here every job keeps its attempts.
    Job.objects.filter(done_at=None).update(due_at=past, attempt_count=0)
    Job.objects.filter(done_at=None, lease_until__isnull=False).update(lease_until=past)


@pytest.mark.parametrize("seed", range(3))
def test_every_inquiry_has_one_insight_though_messages_are_lost_and_workers_die(seed):
    rng = random.Random(seed)
    site = SourceFactory(weights={OperatorFactory(max_load=100): 1})
    acknowledged = {send(site, email=f"stranger-{n}@example.com").answer["id"] for n in range(30)}

    for _ in range(100):
        if not is_due(JobKind.INSIGHT):
            break
        in_parallel([partial(work, rng.randint(0, 4), random.Random(rng.random())) for _ in range(2)])
        let_time_pass()

    assert {str(pk) for pk in Inquiry.objects.values_list("pk", flat=True)} == acknowledged
    assert {str(pk) for pk in Insight.objects.values_list("inquiry", flat=True)} == acknowledged
    assert Insight.objects.count() == Job.objects.filter(done_at__isnull=False).count() == 30
    assert set(Inquiry.objects.values_list("priority", flat=True)) == {"P1"}


def test_without_a_wakeup_nothing_is_read():
    """The control: the test above can fail."""
    send(SourceFactory())

    work(0, random.Random(0))

    assert not Insight.objects.exists()
