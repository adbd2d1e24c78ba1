"""What a Celery worker does: it is told a job's number and goes to look at the row."""

from celery import shared_task

from .services.work import do_job


@shared_task(name="triage.work")
def work(job_id: int) -> None:
    """Do one job. A message that comes twice, late or for nothing changes nothing."""
    do_job(job_id)
