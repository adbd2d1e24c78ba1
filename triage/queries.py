"""Reads of jobs and insights."""

from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Now

from .models import Job


def open_jobs():
    """Jobs that are neither done nor given up."""
    return Job.objects.filter(done_at=None, failed_at=None)


def claimable():
    """Open jobs that are due and that no living worker holds, by the database's clock."""
    return open_jobs().filter(Q(lease_until=None) | Q(lease_until__lt=Now()), due_at__lte=Now())


def oldest_due_age() -> timedelta | None:
    """How long the oldest due job has been waiting, or None when nothing is due."""
    return claimable().order_by("due_at").annotate(age=Now() - F("due_at")).values_list("age", flat=True).first()
