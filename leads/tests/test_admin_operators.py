"""Operators at the desk: whoever waits gets the room that a change makes, and no inquiry is lost with its operator."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from crm.tests.intake import statements
from leads.models import Assignment, Inquiry
from routing.models import Operator
from routing.tests.factories import OperatorFactory, SourceFactory

from .factories import InquiryFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/routing/operator/"


@pytest.fixture
def anna():
    return OperatorFactory(name="Anna", max_load=1)


@pytest.fixture
def site(anna):
    return SourceFactory(weights={anna: 1})


@pytest.fixture
def waiting(site):
    return InquiryFactory(source=site)


def page_of(operator, **changes):
    """What the browser would send from an operator's page."""
    fields = {
        "name": operator.name,
        "is_active": "on" if operator.is_active else "",
        "max_load": operator.max_load,
        "time_zone": "Europe/Moscow",
        "user": "",
    }
    for prefix in ("shifts", "absences"):
        fields |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    return {name: value for name, value in (fields | changes).items() if value is not None}


def list_of(*operators, **changes):
    """What the browser would send from the list; ``changes`` as form-0-max_load."""
    fields = {"form-TOTAL_FORMS": len(operators), "form-INITIAL_FORMS": len(operators), "_save": "Save"}
    for number, operator in enumerate(operators):
        fields |= {f"form-{number}-id": operator.pk, f"form-{number}-max_load": operator.max_load}
        if operator.is_active:
            fields[f"form-{number}-is_active"] = "on"
    return fields | changes


def bulk(client, action, *operators):
    chosen = [operator.pk for operator in operators]
    return client.post(LIST, {"action": action, "_selected_action": chosen, "index": "0"}, follow=True)


def said(response):
    return [str(message) for message in response.context["messages"]]


def test_coming_on_duty_takes_the_waiting_inquiry(admin_client, anna, waiting):
    Operator.objects.update(is_active=False)

    response = admin_client.post(f"{LIST}{anna.pk}/change/", page_of(anna), follow=True)

    assert "1 waiting inquiry was given out." in said(response)
    waiting.refresh_from_db()
    assert waiting.operator == anna


def test_a_raised_limit_takes_the_waiting_inquiries(admin_client, anna, site, waiting):
    InquiryFactory(source=site, operator=anna)
    InquiryFactory(source=site)

    response = admin_client.post(f"{LIST}{anna.pk}/change/", page_of(anna, max_load=3), follow=True)

    assert "2 waiting inquiries were given out." in said(response)
    assert Inquiry.objects.filter(operator=anna).count() == 3


def test_a_shift_that_is_taken_away_takes_the_waiting_inquiry(admin_client, anna, waiting):
    # A minute that lies half a week away, whenever this test runs.
    far = (timezone.now().weekday() + 3) % 7
    shift = anna.shifts.create(weekday=far, starts="10:00", ends="10:01")
    row = {"shifts-TOTAL_FORMS": 1, "shifts-INITIAL_FORMS": 1, "shifts-0-id": shift.pk, "shifts-0-operator": anna.pk}
    row |= {"shifts-0-weekday": far, "shifts-0-starts": "10:00", "shifts-0-ends": "10:01", "shifts-0-DELETE": "on"}

    admin_client.post(f"{LIST}{anna.pk}/change/", page_of(anna, **row))

    waiting.refresh_from_db()
    assert waiting.operator == anna


def test_the_list_drains_too(admin_client, anna, waiting):
    boris = OperatorFactory(name="Boris")
    Operator.objects.filter(pk=anna.pk).update(is_active=False)

    response = admin_client.post(LIST, list_of(anna, boris), follow=True)

    assert "1 waiting inquiry was given out." in said(response)
    waiting.refresh_from_db()
    assert waiting.operator == anna


def test_a_wrong_limit_in_the_list_changes_nothing(admin_client, anna):
    response = admin_client.post(LIST, list_of(anna, **{"form-0-max_load": 101}))

    assert response.status_code == 200
    anna.refresh_from_db()
    assert anna.max_load == 1


def test_only_what_was_typed_is_written(admin_client, anna):
    with statements() as sent:
        admin_client.post(f"{LIST}{anna.pk}/change/", page_of(anna, max_load=3, time_zone="UTC"))

    (update,) = [sql for sql in sent if sql.startswith('UPDATE "routing_operator"')]
    assert set(re.findall(r'"(\w+)" =', update)) >= {"max_load", "updated_at"}
    assert '"name"' not in update


@pytest.mark.postgresql
def test_the_locks_come_before_the_first_write(admin_client, anna, waiting):
    with statements() as sent:
        admin_client.post(f"{LIST}{anna.pk}/change/", page_of(anna, max_load=3, time_zone="UTC"))

    locked = next(n for n, sql in enumerate(sent) if "FOR NO KEY UPDATE" in sql)
    written = next(n for n, sql in enumerate(sent) if sql.startswith(("UPDATE", "INSERT")))
    assert locked < written


def test_putting_many_on_duty_drains(admin_client, anna, waiting):
    Operator.objects.update(is_active=False)

    response = bulk(admin_client, "put_on_duty", anna)

    assert said(response) == ["1 waiting inquiry was given out.", "1 operator is now on duty."]
    waiting.refresh_from_db()
    assert waiting.operator == anna


def test_taken_off_duty_they_keep_what_they_have(admin_client, anna, site):
    held = InquiryFactory(source=site, operator=anna)

    response = bulk(admin_client, "take_off_duty", anna)

    assert said(response) == ["1 operator is now off duty."]
    held.refresh_from_db()
    assert held.operator == anna


def test_taken_off_duty_others_get_what_they_have(admin_client, anna):
    boris = OperatorFactory(name="Boris")
    site = SourceFactory(weights={anna: 1, boris: 1})
    held = InquiryFactory(source=site, operator=anna)

    bulk(admin_client, "hand_over", anna)

    held.refresh_from_db()
    assert held.operator == boris


def test_an_operator_with_open_inquiries_is_not_deleted(admin_client, anna, site):
    InquiryFactory(source=site, operator=anna)
    InquiryFactory(source=site, operator=anna)

    for method in (admin_client.get, admin_client.post):
        response = method(f"{LIST}{anna.pk}/delete/", {"post": "yes"}, follow=True)
        assert said(response) == [
            "Anna still holds 2 open inquiries. Resolve them or give them to others first.",
        ]
    assert Operator.objects.filter(pk=anna.pk).exists()


def test_an_operator_who_holds_nothing_is_deleted_and_the_history_stays(admin_client, anna, site):
    resolved = InquiryFactory(source=site, operator=anna, resolved_at="2026-11-20T12:00Z")
    Assignment.objects.create(
        inquiry=resolved, operator=anna, reason="fair", trigger="intake", created_at=resolved.created_at
    )

    admin_client.post(f"{LIST}{anna.pk}/delete/", {"post": "yes"})

    assert not Operator.objects.exists()
    resolved.refresh_from_db()
    assert (resolved.operator, resolved.status) == (None, "resolved")
    assert Assignment.objects.count() == 1


def test_several_operators_are_not_deleted_at_one_go(admin_client, anna):
    bulk(admin_client, "delete_selected", anna)

    assert Operator.objects.exists()


def test_who_may_only_look_puts_nobody_on_duty(client, anna):
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_operator"))
    client.force_login(user)
    Operator.objects.update(is_active=False)

    bulk(client, "put_on_duty", anna)
    client.post(LIST, list_of(anna))

    anna.refresh_from_db()
    assert anna.is_active is False


def test_the_list_shows_the_present_load(admin_client, anna, site):
    InquiryFactory(source=site, operator=anna)
    InquiryFactory(source=site, operator=anna)
    InquiryFactory(source=site, operator=anna, resolved_at="2026-11-20T12:00Z")

    assert "2&nbsp;/&nbsp;1" in admin_client.get(LIST).content.decode()
