"""What a Celery worker does: it is told a job's number and goes to look at the row."""

import logging

from celery import shared_task
from django.utils import timezone

from .analyzers.registry import versions
from .services import retraining
from .services.work import do_job

logger = logging.getLogger(__name__)


@shared_task(name="triage.work")
def work(job_id: int) -> None:
    """Do one job. A message that comes twice, late or for nothing changes nothing."""
    do_job(job_id)


# It takes minutes: taken off the queue before it begins, so that it isn't handed to a second worker meanwhile.
@shared_task(name="triage.retrain", acks_late=False, soft_time_limit=1800, time_limit=1860)
def retrain() -> None:
    """Fit a new version of the offline reader's model on the corrections, if there are new ones."""
    try:
        outcome = retraining.retrain(versions(), now=timezone.now(), only_if_new=True)
    except retraining.NotNow as reason:
        logger.warning("The reader was not trained: %s", reason)
    else:
        logger.info("The reader was trained: %s", outcome)
