"""The dashboard: what is understood in ten seconds."""

import pytest
from django.urls import reverse

from leads.tests.factories import InquiryFactory
from routing.tests.factories import OperatorFactory, SourceFactory

from .desk import fill_desk, read

pytestmark = pytest.mark.django_db


def board(client):
    return client.get(reverse("admin:index")).context["board"]


def test_it_counts_who_waits_what_is_open_and_what_is_urgent(admin_client):
    InquiryFactory()
    InquiryFactory(operator=OperatorFactory(), priority="P0")
    InquiryFactory(priority="P0", resolved_at="2026-11-20T12:00Z")

    assert board(admin_client)["totals"] == {"open": 2, "waiting": 1, "urgent": 1}


def test_an_operator_over_the_limit_stands_out(admin_client):
    anna = OperatorFactory(name="Anna", max_load=1)
    InquiryFactory(operator=anna)
    InquiryFactory(operator=anna)

    page = admin_client.get(reverse("admin:index")).content.decode()

    assert "over the limit" in page
    assert "2 / 1" in page


def test_an_operator_who_is_away_says_so(admin_client):
    OperatorFactory(name="Boris", is_active=False)

    assert "off duty" in admin_client.get(reverse("admin:index")).content.decode()


def test_who_waits_longest_is_shown_with_the_reason(admin_client):
    InquiryFactory(waiting_reason="nobody_on_duty")

    assert "nobody is on duty" in admin_client.get(reverse("admin:index")).content.decode()


def test_the_latest_insights_are_shown(admin_client):
    read(InquiryFactory())

    page = admin_client.get(reverse("admin:index")).content.decode()

    assert "Purchase" in page
    assert "Call" in page


def test_a_newcomer_is_told_what_to_do_first(admin_client):
    steps = board(admin_client)["steps"]
    assert [step["is_taken"] for step in steps] == [False] * 5

    anna = OperatorFactory()
    SourceFactory(weights={anna: 1})

    assert [step["is_taken"] for step in board(admin_client)["steps"]] == [True, True, True, False, False]


def test_the_first_steps_are_gone_once_an_inquiry_has_come_in(admin_client):
    fill_desk(1)

    assert board(admin_client)["steps"] is None
