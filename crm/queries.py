"""What the desk shows at a glance: reads that cross the apps. None of them grows with history."""

from dataclasses import dataclass

from django.db.models import Count, Q

from leads.models import Inquiry, Priority, WaitingReason
from leads.queries import open_counts
from routing.models import Operator, Source, Weight
from triage.models import Insight, Job

from .models import ApiKey

#: Of the open ones, those that wait for an operator. What is held as spam waits for nobody: it is no cause for alarm.
IS_WAITING = Q(operator=None) & ~Q(waiting_reason=WaitingReason.HELD_AS_SPAM)


@dataclass(frozen=True, slots=True)
class Load:
    operator: Operator
    open_count: int

    @property
    def is_over(self) -> bool:
        return self.open_count > self.operator.max_load

    @property
    def is_full(self) -> bool:
        return self.open_count == self.operator.max_load

    @property
    def shown(self) -> int:
        """The length of the bar: a progress bar cannot be more than full."""
        return min(self.open_count, self.operator.max_load)


def open_totals() -> dict[str, int]:
    """How many inquiries are open, wait for an operator, and are of the highest priority."""
    return Inquiry.objects.open().aggregate(
        open=Count("pk"),
        waiting=Count("pk", filter=IS_WAITING),
        urgent=Count("pk", filter=Q(priority=Priority.P0)),
    )


def failed_job_count() -> int:
    return Job.objects.filter(failed_at__isnull=False).count()


def loads(*, limit: int) -> tuple[list[Load], int]:
    """Operators with their load, the fullest first; and how many there are beyond ``limit``."""
    operators = list(Operator.objects.prefetch_related("shifts", "absences"))
    counts = open_counts([operator.pk for operator in operators])
    found = [Load(operator, counts.get(operator.pk, 0)) for operator in operators]
    # Off duty and idle ones say least.
    found.sort(key=lambda load: (-load.open_count / load.operator.max_load, not load.operator.is_active))
    return found[:limit], max(0, len(found) - limit)


def latest_insights(*, limit: int):
    return Insight.objects.select_related("inquiry__lead", "inquiry__operator").order_by("-id")[:limit]


def longest_waiting(*, limit: int):
    waiting = Inquiry.objects.open().filter(IS_WAITING)
    return waiting.select_related("lead", "source").order_by("created_at", "id")[:limit]


def first_steps() -> list[bool] | None:
    """Which of the first steps are taken: sources, operators, weights, a key. None once an inquiry has come in."""
    if Inquiry.objects.exists():
        return None
    return [
        Operator.objects.exists(),
        Source.objects.exists(),
        Weight.objects.filter(weight__gt=0).exists(),
        ApiKey.objects.filter(revoked_at=None).exists(),
        False,
    ]
