"""What a Celery worker does: it is told a job's number and goes to look at the row."""

from celery import shared_task

from .analyzers.registry import get_analyzer
from .services import read_inquiry


@shared_task(name="triage.read")
def read(job_id: int) -> None:
    """Read the inquiry of one job. A message that comes twice, late or for nothing changes nothing."""
    read_inquiry(job_id, analyzer=get_analyzer())
