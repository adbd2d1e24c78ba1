"""What the database itself refuses, whoever writes."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from triage.models import Insight, Job

from .factories import JobFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def refused(name):
    return pytest.raises(IntegrityError, match=name)


def insight_of(job, **fields):
    given = {"intent": "buy", "priority": "P0", "next_action": "call", "confidence": 0.9}
    given |= {"analyzer": "stub", "version": "1", "content_hash": job.content_hash, "created_at": NOW}
    return Insight.objects.create(job=job, inquiry=job.inquiry, **(given | fields))


def test_a_content_is_owed_one_job_of_a_kind():
    job = JobFactory()

    with refused("job_once_per_content|UNIQUE constraint failed: triage_job"), transaction.atomic():
        JobFactory(inquiry=job.inquiry)

    assert JobFactory(inquiry=job.inquiry, content_hash="0" * 64).pk


def test_a_job_is_done_or_given_up_but_not_both():
    with refused("job_done_or_failed_not_both"):
        JobFactory(done_at=NOW, failed_at=NOW)


def test_a_job_has_one_insight():
    job = JobFactory()
    insight_of(job)

    with refused("job_id"), transaction.atomic():
        insight_of(job, version="2", content_hash="0" * 64)

    assert Insight.objects.count() == 1


def test_a_content_is_understood_once_by_each_version_of_an_analyzer():
    job = JobFactory()
    again = JobFactory(inquiry=job.inquiry, content_hash="0" * 64)
    insight_of(job)

    with (
        refused("insight_once_per_content_and_version|UNIQUE constraint failed: triage_insight"),
        transaction.atomic(),
    ):
        insight_of(again, content_hash=job.content_hash)

    assert insight_of(again, content_hash=job.content_hash, version="2").pk


@pytest.mark.parametrize("confidence", [-0.01, 1.01])
def test_a_confidence_is_from_0_to_1(confidence):
    with refused("insight_confidence_0_to_1"):
        insight_of(JobFactory(), confidence=confidence)


def test_jobs_and_insights_go_with_their_inquiry():
    job = JobFactory()
    insight_of(job)

    job.inquiry.delete()

    assert not Job.objects.exists()
    assert not Insight.objects.exists()
