"""One door for all kinds of jobs."""

from django.utils import timezone

from triage.analyzers.registry import get_analyzer
from triage.models import Job, JobKind

from .alerts import deliver_alert
from .reading import read_inquiry


def do_job(job_id: int) -> None:
    """Do whatever this job asks for; nothing when it is gone, done, held or not yet due."""
    kind = Job.objects.filter(pk=job_id).values_list("kind", flat=True).first()
    if kind == JobKind.INSIGHT:
        read_inquiry(job_id, analyzer=get_analyzer())
    elif kind in (JobKind.ALERT_EMAIL, JobKind.ALERT_WEBHOOK):
        deliver_alert(job_id, now=timezone.now())
