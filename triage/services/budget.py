"""What an analyzer may spend: so many requests a day and a minute, counted in the database for all workers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from triage.analyzers.base import TooSoon, Unavailable
from triage.models import Note, Period, Usage
from triage.queries import start_of_day

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many requests may be made; 0 is no limit.

    A minute is one of the clock's: at its turn, two minutes' worth may follow each other quickly.
    """

    a_day: int = 0
    a_minute: int = 0

    @classmethod
    def of_settings(cls) -> Self:
        return cls(a_day=settings.TRIAGE_DAILY_LIMIT, a_minute=settings.TRIAGE_MINUTE_LIMIT)


def spend(analyzer: str, budget: Budget, *, now: Callable[[], datetime] = timezone.now) -> None:
    """Count one request that is about to be made. One transaction: what is refused is not counted.

    Raises Unavailable when the day's requests are used up, TooSoon when the minute's are. A day begins at midnight in
    TIME_ZONE.
    """
    moment = timezone.localtime(now())
    minute = moment.replace(second=0, microsecond=0)
    with transaction.atomic(durable=True):
        # The day first, in every worker: they queue for one row and never in a circle.
        if not _count(analyzer, Period.DAY, start_of_day(moment), limit=budget.a_day):
            raise Unavailable(Note.BUDGET)
        if budget.a_minute and not _count(analyzer, Period.MINUTE, minute, limit=budget.a_minute):
            raise TooSoon((minute + MINUTE - moment).total_seconds())


def _count(analyzer: str, period: Period, starts_at: datetime, *, limit: int) -> bool:
    """Add one to a count, unless it has reached the limit. Return whether it was added."""
    mine = Usage.objects.filter(analyzer=analyzer, period=period, starts_at=starts_at)
    free = mine.filter(count__lt=limit) if limit else mine
    if free.update(count=F("count") + 1):
        return True
    row = Usage(analyzer=analyzer, period=period, starts_at=starts_at)
    # Another worker may open the same period now; then there is one row all the same.
    Usage.objects.bulk_create([row], ignore_conflicts=True)
    if period == Period.MINUTE:
        Usage.objects.filter(analyzer=analyzer, period=period, starts_at__lt=starts_at - MINUTE).delete()
    return bool(free.update(count=F("count") + 1))
