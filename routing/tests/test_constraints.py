"""What the database itself refuses, whoever writes."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from leads.tests.factories import InquiryFactory
from routing.models import Absence, Operator, Shift, Source, Weight

from .factories import OperatorFactory, SourceFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def refused(name):
    return pytest.raises(IntegrityError, match=name)


@pytest.mark.parametrize("limit", [0, 101])
def test_a_limit_is_from_1_to_100(limit):
    operator = OperatorFactory()

    with refused("operator_max_load_1_to_100"), transaction.atomic():
        Operator.objects.update(max_load=limit)

    assert Operator.objects.get().max_load == operator.max_load


@pytest.mark.parametrize("limit", [1, 100])
def test_the_limits_1_and_100_are_allowed(limit):
    assert OperatorFactory(max_load=limit).pk


def test_a_limit_may_be_lowered_below_the_present_load():
    anna = OperatorFactory(max_load=3)
    for _ in range(3):
        InquiryFactory(operator=anna)

    Operator.objects.update(max_load=1)

    assert anna.inquiries.open().count() == 3


@pytest.mark.parametrize("weight", [-1, 10_001])
def test_a_weight_is_from_0_to_10000(weight):
    # Both databases have a check of their own for what is below zero.
    with pytest.raises(
        IntegrityError, match="weight_0_to_10000|routing_weight_weight_check|CHECK constraint failed: weight"
    ):
        SourceFactory(weights={OperatorFactory(): weight})


@pytest.mark.parametrize("weight", [0, 10_000])
def test_the_weights_0_and_10000_are_allowed(weight):
    assert SourceFactory(weights={OperatorFactory(): weight}).weights.get().weight == weight


def test_an_operator_has_one_weight_in_a_source():
    anna = OperatorFactory()
    site = SourceFactory(weights={anna: 1})

    with refused("weight_once_per_source_and_operator|UNIQUE constraint failed: routing_weight"):
        Weight.objects.create(source=site, operator=anna, weight=2)


def test_a_short_name_belongs_to_one_source():
    SourceFactory(slug="shop")

    with refused("slug"):
        SourceFactory(slug="shop")


def test_a_shift_does_not_end_at_the_minute_it_starts():
    with refused("shift_starts_is_not_ends"):
        Shift.objects.create(operator=OperatorFactory(), weekday=0, starts="09:00", ends="09:00")


def test_a_shift_may_end_on_the_next_day():
    assert Shift.objects.create(operator=OperatorFactory(), weekday=6, starts="22:00", ends="06:00").pk


def test_a_week_has_seven_days():
    with refused("shift_weekday_0_to_6"):
        Shift.objects.create(operator=OperatorFactory(), weekday=7, starts="09:00", ends="18:00")


@pytest.mark.parametrize("length", [timedelta(0), -timedelta(days=1)])
def test_a_leave_ends_after_it_starts(length):
    with refused("absence_starts_before_it_ends"):
        Absence.objects.create(operator=OperatorFactory(), starts_at=NOW, ends_at=NOW + length)


def test_a_source_that_received_inquiries_is_not_deleted():
    site = InquiryFactory().source

    with pytest.raises(ProtectedError):
        site.delete()

    assert Source.objects.get() == site


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (Operator, "time_zone", "Europe/Atlantis"),
        (Source, "default_region", "XX"),
        (Source, "strategy", "round_robin"),
    ],
)
def test_a_form_refuses_what_only_we_know_to_be_wrong(model, field, value):
    rest = {"slug": "shop"} if model is Source else {}

    with pytest.raises(ValidationError) as error:
        model(name="Name", **rest, **{field: value}).full_clean()

    assert list(error.value.message_dict) == [field]
