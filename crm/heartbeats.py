"""Signs of life that outlive processes: written by the one that works, read by whoever wonders whether it does."""

from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now

from .models import Heartbeat

SWEEP = "sweep"
#: Written for the sake of the writing: see crm/api/health.py.
READINESS = "readyz"


def beat(name: str) -> None:
    """Write down that this happened just now. One statement, which is committed."""
    row = Heartbeat(name=name, beat_at=Now())
    Heartbeat.objects.bulk_create([row], update_conflicts=True, unique_fields=["name"], update_fields=["beat_at"])


def age(name: str) -> timedelta | None:
    """Return how long ago this last happened, None if never.

    Negative when it lies ahead: the clock was set back.
    """
    ages = Heartbeat.objects.filter(name=name).annotate(age=Now() - F("beat_at"))
    return ages.values_list("age", flat=True).first()
