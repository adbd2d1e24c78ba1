"""When an operator is at work: weekly shifts in their own time zone, and leave. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .choice import Verdict

DAY = timedelta(days=1)

Hours = tuple[int, time, time]
Leave = tuple[datetime, datetime]


def away(
    *, is_active: bool, shifts: Iterable[Hours], absences: Iterable[Leave], zone: str, now: datetime
) -> tuple[str, datetime | None]:
    """Why an operator is not at work at ``now``, and when they are expected back, if that is known.

    ``shifts`` are (weekday from Monday = 0, starts, ends) in the time zone ``zone``; no shifts at all means always at
    work. ``absences`` are (from, until), aware. The on-duty switch wins over both. Gives ("", None) when at work.
    """
    shifts = tuple(shifts)
    if not is_active:
        return Verdict.OFF_DUTY, None
    leave = [ends for starts, ends in absences if starts <= now < ends]
    if leave:
        return Verdict.ABSENT, max(leave)
    if not shifts:
        return "", None
    stretches = list(_stretches(shifts, ZoneInfo(zone), now))
    if any(starts <= now < ends for starts, ends in stretches):
        return "", None
    return Verdict.OFF_SHIFT, min((starts for starts, _ in stretches if starts > now), default=None)


def next_change(
    *, is_active: bool, shifts: Iterable[Hours], absences: Iterable[Leave], zone: str, now: datetime
) -> datetime | None:
    """Until when `away` gives the same answer as at ``now``; None when it gives no other one."""
    shifts = tuple(shifts)
    if not is_active:
        return None
    stretches = [*absences, *(_stretches(shifts, ZoneInfo(zone), now) if shifts else ())]
    return min((moment for stretch in stretches for moment in stretch if moment > now), default=None)


def _stretches(shifts: tuple[Hours, ...], zone: ZoneInfo, now: datetime) -> list[Leave]:
    """Every shift that may touch ``now`` or be the next one, as moments in UTC.

    Moments, because two wall-clock times of one zone compare by the clock on the wall, which is wrong on the days
    when that clock is moved.
    """
    today = now.astimezone(zone).date()
    week = list(_on_days(today - DAY, 9, shifts, zone))
    if any(starts > now for starts, _ in week):
        return week
    # The only shift of the week is the one that does not come.
    return [*week, *_on_days(today + 8 * DAY, 7, shifts, zone)]


def _on_days(first: date, count: int, shifts: tuple[Hours, ...], zone: ZoneInfo) -> Iterator[Leave]:
    """The shifts that begin on these days. One that would be over before it began, as an hour is skipped, is none."""
    for day in (first + n * DAY for n in range(count)):
        for weekday, starts, ends in shifts:
            if day.weekday() == weekday:
                last = day if ends > starts else day + DAY
                begins_at, ends_at = _moment(day, starts, zone), _moment(last, ends, zone)
                if begins_at < ends_at:
                    yield begins_at, ends_at


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
