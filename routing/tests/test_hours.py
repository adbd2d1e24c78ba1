"""When an operator is at work: the switch, leave, shifts, midnight and the days when the clock is moved."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routing.hours import away, next_change

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
FRIDAY, SATURDAY, SUNDAY = 4, 5, 6
SECOND = timedelta(seconds=1)
OFFICE_HOURS = [(weekday, time(9), time(18)) for weekday in range(5)]


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def ask(now, *, shifts=(), absences=(), zone="UTC", is_active=True):
    return away(is_active=is_active, shifts=shifts, absences=absences, zone=zone, now=now)


def is_at_work(now, **given):
    return ask(now, **given) == ("", None)


def test_without_shifts_they_are_always_at_work():
    assert is_at_work(at("2026-11-22T03:00"))


def test_the_switch_wins_over_shifts_and_leave():
    leave = [(at("2026-11-20T00:00"), at("2026-11-21T00:00"))]

    answer = ask(at("2026-11-20T12:00"), shifts=OFFICE_HOURS, absences=leave, is_active=False)

    assert answer == ("off_duty", None)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("08:59:59", False), ("09:00:00", True), ("17:59:59", True), ("18:00:00", False)],
)
def test_a_shift_begins_at_its_start_and_is_over_at_its_end(clock, expected):
    assert is_at_work(at(f"2026-11-20T{clock}", BERLIN), shifts=OFFICE_HOURS, zone=BERLIN) is expected


def test_between_shifts_they_are_back_at_the_next_one():
    friday_evening = at("2026-11-20T18:30", BERLIN)

    assert ask(friday_evening, shifts=OFFICE_HOURS, zone=BERLIN) == ("off_shift", at("2026-11-23T09:00", BERLIN))


def test_the_only_shift_of_the_week_comes_again_in_seven_days():
    shifts = [(FRIDAY, time(9), time(10))]

    assert ask(at("2026-11-20T10:00"), shifts=shifts) == ("off_shift", at("2026-11-27T09:00"))


def test_a_shift_is_in_the_time_zone_of_the_operator():
    nine_in_new_york = at("2026-11-20T14:00")

    assert is_at_work(nine_in_new_york, shifts=OFFICE_HOURS, zone=NEW_YORK)
    assert ask(nine_in_new_york, shifts=OFFICE_HOURS, zone="Asia/Tokyo")[0] == "off_shift"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T21:59", False),
        ("2026-11-20T22:00", True),
        ("2026-11-21T00:00", True),
        ("2026-11-21T05:59", True),
        ("2026-11-21T06:00", False),
        ("2026-11-21T22:00", False),
    ],
)
def test_a_night_shift_goes_on_after_midnight(moment, expected):
    assert is_at_work(at(moment), shifts=[(FRIDAY, time(22), time(6))]) is expected


def test_a_sunday_night_shift_goes_on_into_monday():
    assert is_at_work(at("2026-11-23T05:00"), shifts=[(SUNDAY, time(22), time(6))])


def test_a_shift_until_midnight_ends_there():
    shifts = [(FRIDAY, time(9), time(0))]

    assert is_at_work(at("2026-11-20T23:59:59"), shifts=shifts)
    assert not is_at_work(at("2026-11-21T00:00"), shifts=shifts)


def test_shifts_that_touch_leave_no_gap():
    shifts = [(FRIDAY, time(0), time(12)), (FRIDAY, time(12), time(0)), (SATURDAY, time(0), time(12))]

    assert is_at_work(at("2026-11-20T12:00"), shifts=shifts)
    assert is_at_work(at("2026-11-21T00:00"), shifts=shifts)


def test_leave_begins_and_ends_to_the_second():
    leave = [(at("2026-11-20T12:00"), at("2026-11-20T13:00"))]

    assert is_at_work(at("2026-11-20T11:59:59"), absences=leave)
    assert ask(at("2026-11-20T12:00"), absences=leave) == ("absent", at("2026-11-20T13:00"))
    assert is_at_work(at("2026-11-20T13:00"), absences=leave)


def test_of_two_leaves_that_overlap_they_are_back_after_the_later():
    leave = [(at("2026-11-20T00:00"), at("2026-11-30T00:00")), (at("2026-11-19T00:00"), at("2026-11-21T00:00"))]

    assert ask(at("2026-11-20T12:00"), absences=leave) == ("absent", at("2026-11-30T00:00"))


# In Berlin the clock goes from 02:00 to 03:00 on 29 March 2026 and from 03:00 back to 02:00 on 25 October 2026;
# in New York from 02:00 to 03:00 on 8 March and from 02:00 back to 01:00 on 1 November. All are Sundays.


@pytest.mark.parametrize(
    ("zone", "starts", "ends"),
    [
        (BERLIN, "2026-03-28T21:00+00:00", "2026-03-29T04:00+00:00"),
        (NEW_YORK, "2026-03-08T03:00+00:00", "2026-03-08T10:00+00:00"),
    ],
)
def test_a_night_shift_is_an_hour_shorter_when_the_clock_goes_forward(zone, starts, ends):
    """From 22:00 to 06:00 on the wall are seven hours that night."""
    starts, ends = datetime.fromisoformat(starts), datetime.fromisoformat(ends)
    night = {"shifts": [(SATURDAY, time(22), time(6))], "zone": zone}

    assert ask(starts - SECOND, **night) == ("off_shift", starts)
    assert is_at_work(starts, **night)
    assert is_at_work(ends - SECOND, **night)
    assert ask(ends, **night)[0] == "off_shift"


@pytest.mark.parametrize(
    ("zone", "starts", "ends"),
    [
        (BERLIN, "2026-10-24T20:00+00:00", "2026-10-25T05:00+00:00"),
        (NEW_YORK, "2026-11-01T02:00+00:00", "2026-11-01T11:00+00:00"),
    ],
)
def test_a_night_shift_is_an_hour_longer_when_the_clock_goes_back(zone, starts, ends):
    """From 22:00 to 06:00 on the wall are nine hours that night."""
    starts, ends = datetime.fromisoformat(starts), datetime.fromisoformat(ends)
    night = {"shifts": [(SATURDAY, time(22), time(6))], "zone": zone}

    assert is_at_work(starts, **night)
    assert is_at_work(ends - SECOND, **night)
    assert not is_at_work(ends, **night)


def test_office_hours_keep_to_the_clock_on_the_wall_all_year():
    for day in ("2026-03-27", "2026-03-30", "2026-10-23", "2026-10-26"):
        assert is_at_work(at(f"{day}T09:00", BERLIN), shifts=OFFICE_HOURS, zone=BERLIN)
        assert not is_at_work(at(f"{day}T08:59", BERLIN), shifts=OFFICE_HOURS, zone=BERLIN)


def test_an_hour_that_comes_twice_is_worked_twice():
    """A shift from 02:00 to 03:00 in Berlin on the night the clock goes back."""
    shifts = [(SUNDAY, time(2), time(3))]

    at_work = [
        is_at_work(datetime(2026, 10, 25, hour, 30, tzinfo=UTC), shifts=shifts, zone=BERLIN) for hour in range(3)
    ]

    assert at_work == [True, True, False]


def test_a_shift_that_begins_in_the_hour_that_is_skipped_begins_after_it():
    """From 02:30 to 10:00 in New York on the night the clock goes forward: 02:30 does not come."""
    shifts = [(SUNDAY, time(2, 30), time(10))]

    assert is_at_work(at("2026-03-08T03:30", NEW_YORK), shifts=shifts, zone=NEW_YORK)
    assert is_at_work(at("2026-03-08T09:59", NEW_YORK), shifts=shifts, zone=NEW_YORK)
    assert not is_at_work(at("2026-03-08T10:00", NEW_YORK), shifts=shifts, zone=NEW_YORK)


def test_shift_that_would_end_before_it_began_does_not_come():
    """From 02:30 to 03:10 in Berlin on the night the clock goes from 02:00 to 03:00: 02:30 is 03:30 then."""
    shifts = [(SUNDAY, time(2, 30), time(3, 10))]
    saturday = at("2026-03-28T12:00", BERLIN)

    assert ask(saturday, shifts=shifts, zone=BERLIN) == ("off_shift", at("2026-04-05T02:30", BERLIN))
    assert not is_at_work(at("2026-03-29T03:05", BERLIN), shifts=shifts, zone=BERLIN)


clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
hours = st.tuples(st.integers(0, 6), clocks, clocks).filter(lambda shift: shift[1] != shift[2])
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(hours, min_size=1, max_size=6), st.sampled_from(["UTC", BERLIN, NEW_YORK]), moments)
def test_they_are_at_work_at_the_very_moment_they_are_said_to_be_back(shifts, zone, now):
    reason, back_at = ask(now, shifts=shifts, zone=zone)

    assert back_at is None if reason == "" else back_at > now
    assert reason == "" or is_at_work(back_at, shifts=shifts, zone=zone)


lengths = st.timedeltas(timedelta(minutes=1), timedelta(days=9))
leaves = st.tuples(moments, lengths).map(lambda leave: (leave[0], leave[0] + leave[1]))


@given(
    st.lists(hours, max_size=6),
    st.lists(leaves, max_size=3),
    st.sampled_from(["UTC", BERLIN, NEW_YORK]),
    moments,
    st.floats(0, 1),
)
@example([(FRIDAY, time(9), time(18))], [], "UTC", at("2026-11-20T08:00"), 1.0)
def test_until_the_next_change_the_answer_stays_the_same(shifts, absences, zone, now, part):
    kept = {"shifts": shifts, "absences": absences, "zone": zone}
    changes_at = next_change(is_active=True, now=now, **kept) or now + timedelta(days=400)

    # Up to the last microsecond before it: a part just below 1 would be rounded to the change itself.
    later = now + part * (changes_at - timedelta.resolution - now)

    assert ask(later, **kept) == ask(now, **kept)


def test_who_is_switched_off_or_keeps_no_hours_never_changes():
    noon = at("2026-11-20T12:00")

    assert next_change(is_active=False, shifts=OFFICE_HOURS, absences=(), zone=BERLIN, now=noon) is None
    assert next_change(is_active=True, shifts=(), absences=(), zone=BERLIN, now=noon) is None
