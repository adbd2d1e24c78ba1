"""What the list of operators says of the present."""

from datetime import timedelta

import pytest
from django.utils import timezone

from routing.admin import away_tag
from routing.theme import figure, short_time

from .factories import OperatorFactory

pytestmark = pytest.mark.django_db


def test_an_operator_at_work_says_nothing():
    assert away_tag(OperatorFactory()) == ""


def test_an_operator_off_duty_says_so():
    assert "off duty" in away_tag(OperatorFactory(is_active=False))


def test_an_operator_on_leave_says_until_when():
    anna, now = OperatorFactory(), timezone.now()
    until = now + timedelta(hours=3)
    anna.absences.create(starts_at=now - timedelta(hours=1), ends_at=until)

    assert f"on leave until {short_time(until)}" in away_tag(anna)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.75, "+0.75"), (0.996, "+1.00"), (-0.66, "-0.66"), (-0.001, "0.00"), (0, "0.00")]
)
def test_a_share_is_rounded_and_shows_its_sign(value, shown):
    assert figure(value, signed=True) == shown


def test_a_moment_is_short_and_shows_the_year_when_it_is_another(time_machine):
    time_machine.move_to("2026-11-20T16:39Z")

    assert short_time(timezone.now()) == "20 Nov 16:39"
    assert short_time(timezone.now() - timedelta(days=365)) == "20 Nov 2025"
    assert short_time(None) == "—"
