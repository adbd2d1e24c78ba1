"""The page that says whether routing kept its promises."""

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from crm.tests.desk import assigned, staff
from routing.tests.factories import OperatorFactory, SourceFactory

from .factories import InquiryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def page():
    return reverse("admin:leads_routing_check")


@pytest.fixture
def site():
    return SourceFactory(weights={OperatorFactory(name="Anna"): 1})


def in_order(source, count):
    """``count`` inquiries that Anna holds by right."""
    for _ in range(count):
        assigned(InquiryFactory(source=source, operator=source.weights.get().operator))


def test_it_says_so_when_all_is_in_order(admin_client, page, site):
    in_order(site, 2)

    response = admin_client.get(page)

    assert response.context["count"] == 0
    assert "Routing is in order" in response.content.decode()


def test_it_names_what_is_broken_and_leads_there(admin_client, page, site):
    beside = InquiryFactory(source=site)
    unrecorded = InquiryFactory(operator=OperatorFactory(name="Boris"))

    html = admin_client.get(page).content.decode()

    assert "2 promises of routing are broken" in html
    assert "although somebody is free" in html
    assert "but no assignment says so" in html
    for inquiry in (beside, unrecorded):
        assert reverse("admin:leads_inquiry_change", args=[inquiry.pk]) in html


def test_of_many_it_shows_the_first_and_counts_the_others(admin_client, page, site, monkeypatch):
    monkeypatch.setattr("leads.admin.routing_check.SHOWN", 2)
    for _ in range(5):
        InquiryFactory(source=site)

    html = admin_client.get(page).content.decode()

    assert "5 promises of routing are broken" in html
    assert "and 3 more" in html
    assert html.count("although somebody is free") == 2


def test_its_queries_do_not_grow_with_what_is_open(admin_client, page, site):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            admin_client.get(page)
        return len(captured)

    in_order(site, 1)
    few = queries()
    in_order(site, 20)

    assert queries() == few


def test_no_lock_is_held_while_the_held_are_judged(admin_client, page, site):
    in_order(site, 1)

    with CaptureQueriesContext(connection) as captured:
        admin_client.get(page)

    judged = [n for n, query in enumerate(captured) if '"leads_assignment"."decision"' in query["sql"]]
    opened = [n for n, query in enumerate(captured) if query["sql"].startswith(("SAVEPOINT", "BEGIN"))]
    assert judged and opened and judged[-1] < opened[0]


def test_a_busy_database_is_said_to_be(admin_client, page, monkeypatch):
    def busy(**_):
        raise OperationalError("lock timeout")

    monkeypatch.setattr("leads.admin.routing_check.check_routing", busy)

    assert "The database was busy" in admin_client.get(page).content.decode()


def test_it_is_linked_from_the_dashboard(admin_client, page):
    assert admin_client.get(reverse("admin:index")).content.decode().count(f'href="{page}"') >= 2


@pytest.mark.parametrize(
    "granted",
    [[], ["leads.view_inquiry"], ["leads.view_assignment"], ["leads.view_assignment", "leads.view_inquiry"]],
)
def test_who_may_not_see_inquiries_and_assignments_does_not_see_it(client, page, granted):
    client.force_login(staff(*granted))

    assert client.get(page).status_code == 403
    assert page not in client.get(reverse("admin:index")).content.decode()


def test_it_speaks_russian(admin_client, page, site):
    InquiryFactory(source=site)
    admin_client.cookies["django_language"] = "ru"

    try:
        html = admin_client.get(page).content.decode()
    finally:
        translation.deactivate()

    assert "Нарушено 1 обещание" in html
