"""Acceptance with a timer at the desk: the minutes that are left, and the button that stops the clock."""

from datetime import timedelta

import pytest
from django.utils import timezone, translation

from leads.models import Inquiry
from leads.tests.factories import InquiryFactory
from routing.tests.factories import OperatorFactory, SourceFactory

from .desk import said, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def timed():
    """An inquiry that Anna was given four minutes ago, with ten to accept it."""
    anna = OperatorFactory(name="Anna")
    source = SourceFactory(weights={anna: 1}, accept_minutes=10)
    return InquiryFactory(source=source, operator=anna, assigned_at=timezone.now() - timedelta(minutes=4))


def page(inquiry, action="change"):
    return f"/admin/leads/inquiry/{inquiry.pk}/{action}/"


def shown_actions(client, inquiry):
    return [action["title"] for action in client.get(page(inquiry)).context["actions_detail"]]


def accept(client, inquiry):
    return client.post(page(inquiry, "accept"), {"_form_submitted": "True"}, follow=True)


def test_the_page_says_how_many_minutes_are_left(admin_client, timed):
    assert "6 minutes are left to accept it." in admin_client.get(page(timed)).content.decode()


def test_the_page_says_when_the_time_is_over(admin_client, timed):
    Inquiry.objects.update(assigned_at=timezone.now() - timedelta(minutes=11))

    assert "The time to accept it is over" in admin_client.get(page(timed)).content.decode()


def test_accepting_stops_the_clock(admin_client, timed):
    assert "Accept" in shown_actions(admin_client, timed)

    response = accept(admin_client, timed)

    assert said(response) == ["1 inquiry accepted."]
    timed.refresh_from_db()
    assert timed.accepted_at
    assert "to accept it" not in response.content.decode()
    assert "Accept" not in shown_actions(admin_client, timed)


def test_looking_at_the_question_accepts_nothing(admin_client, timed):
    assert admin_client.get(page(timed, "accept")).status_code == 200

    timed.refresh_from_db()
    assert timed.accepted_at is None


def test_without_a_time_to_accept_there_is_nothing_to_press(admin_client, timed):
    timed.source.accept_minutes = 0
    timed.source.save()

    assert "Accept" not in shown_actions(admin_client, timed)
    assert "to accept it" not in admin_client.get(page(timed)).content.decode()


def test_what_cannot_be_accepted_is_said_in_a_sentence(admin_client, timed):
    waiting = InquiryFactory(source=timed.source)
    resolved = InquiryFactory(resolved_at=timezone.now())
    accept(admin_client, timed)

    assert said(accept(admin_client, timed)) == ["1 already was accepted."]
    assert said(accept(admin_client, waiting)) == ["1 waits: nobody holds it who could accept it."]
    assert said(accept(admin_client, resolved)) == ["1 already was resolved."]


def test_who_may_only_look_accepts_nothing(client, timed):
    client.force_login(staff("leads.view_inquiry"))

    assert shown_actions(client, timed) == []
    assert client.post(page(timed, "accept"), {"_form_submitted": "True"}).status_code == 403
    timed.refresh_from_db()
    assert timed.accepted_at is None


def test_the_minutes_are_counted_in_russian(admin_client, timed):
    admin_client.cookies["django_language"] = "ru"

    try:
        assert "На принятие осталось 6 минут." in admin_client.get(page(timed)).content.decode()
    finally:
        translation.deactivate()
