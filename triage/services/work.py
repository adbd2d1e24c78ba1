"""One door for all kinds of jobs."""

from django.utils import timezone

from triage.analyzers.registry import get_analyzer
from triage.models import Job, JobKind
from triage.queries import urgent_due

from .alerts import deliver_alert
from .reading import read_inquiry


def do_job(job_id: int) -> None:
    """Do whatever this job asks for; nothing when it is gone, done, held or not yet due.

    Before one that is not pressing, one that is: bells lie in the broker in the order they were rung, and what is
    pressing must not wait behind a backlog of them. With two readings a bell is still within a task's time.
    """
    kind, is_urgent = Job.objects.filter(pk=job_id).values_list("kind", "is_urgent").first() or ("", True)
    if not is_urgent and (pressing := urgent_due()):
        _do(*pressing)
    _do(job_id, kind)


def _do(job_id: int, kind: str) -> None:
    if kind == JobKind.INSIGHT:
        read_inquiry(job_id, analyzer=get_analyzer())
    elif kind in (JobKind.ALERT_EMAIL, JobKind.ALERT_WEBHOOK):
        deliver_alert(job_id, now=timezone.now())
