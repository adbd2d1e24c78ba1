"""What if: a source played through on a page of the desk."""

import re
from datetime import time

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import translation

from crm.tests.desk import queries_of, staff
from crm.tests.test_desk_russian import english_in
from routing.models import Operator, Shift, Weight
from routing.tests.factories import OperatorFactory, SourceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    anna, boris = OperatorFactory(name="Anna"), OperatorFactory(name="Boris")
    return SourceFactory(slug="site", weights={anna: 3, boris: 1})


@pytest.fixture
def russian(admin_client):
    admin_client.cookies["django_language"] = "ru"
    yield admin_client
    translation.deactivate()


def page(source):
    return f"/admin/routing/source/{source.pk}/what-if/"


def test_the_page_of_a_source_leads_there(admin_client, site):
    shown = admin_client.get(reverse("admin:routing_source_change", args=[site.pk])).content.decode()

    assert f'href="{page(site)}"' in shown


def test_it_opens_with_an_answer(admin_client, site):
    Operator.objects.update(max_load=100)

    response = admin_client.get(page(site))

    rows = [(row["name"], row["received"], row["share"]) for row in response.context["rows"]]
    assert rows == [("Anna", 750, "75.0 %"), ("Boris", 250, "25.0 %")]
    assert response.context["chart"]["lines"][1]["values"]


def test_it_plays_what_is_asked(admin_client, site):
    asked = {"inquiries": 40, "per_hour": 600, "minutes": 600, "strategy": "least_loaded", "seed": 7}

    context = admin_client.get(page(site), asked).context

    assert sum(row["received"] for row in context["rows"]) == 40
    assert [row["is_full"] for row in context["rows"]] == [True, True]
    assert len(context["chart"]["hours"]) == 40
    assert admin_client.get(page(site), asked).context["rows"] == context["rows"]


def test_the_chart_has_few_points_and_loses_no_peak(admin_client, site):
    chart = admin_client.get(page(site), {"inquiries": 5000, "per_hour": 100}).context["chart"]

    assert len(chart["hours"]) <= 240
    assert max(chart["lines"][1]["values"]) == 20


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("inquiries", "5001"),
        ("inquiries", "0"),
        ("inquiries", "9" * 5000),
        ("inquiries", "many"),
        ("inquiries", ""),
        ("per_hour", "nan"),
        ("per_hour", "inf"),
        ("per_hour", "-1"),
        ("per_hour", "1e999"),
        ("minutes", "0"),
        ("minutes", "\x00"),
        ("strategy", "by <b>whim</b>"),
        ("seed", "-1"),
        ("seed", "1.5"),
    ],
)
def test_garbage_is_refused_at_its_field(admin_client, site, name, wrong):
    response = admin_client.get(page(site), {name: wrong})

    assert response.status_code == 200
    assert list(response.context["form"].errors) == [name]
    assert "rows" not in response.context
    assert "<b>whim</b>" not in response.content.decode()


def test_what_is_not_asked_for_is_passed_over(admin_client, site):
    response = admin_client.get(page(site), {"inquiries": "10", "_changelist_filters": "x", "seed[]": "9"})

    assert len(response.context["rows"]) == 2


def test_many_operators_play_fewer_inquiries(admin_client, site):
    for number in range(48):
        Weight.objects.create(source=site, operator=OperatorFactory(name=f"Clara {number}"), weight=1)

    refused = admin_client.get(page(site), {"inquiries": 2001})

    assert refused.context["form"].errors == {"inquiries": ["Ensure this value is less than or equal to 2000."]}


def test_what_takes_too_long_is_given_up_with_a_sentence(admin_client, site, monkeypatch):
    monkeypatch.setattr("routing.admin_simulation.SECONDS", -1)

    assert "takes too long to play through" in admin_client.get(page(site)).content.decode()


def test_without_a_weight_there_is_nothing_to_play(admin_client, site):
    Weight.objects.update(weight=0)

    assert "Nobody has a weight in this source yet" in admin_client.get(page(site)).content.decode()


def test_its_queries_do_not_grow_with_operators(admin_client, site):
    few = queries_of(admin_client, connection, page(site))
    for number in range(10):
        operator = OperatorFactory(name=f"Clara {number}")
        Weight.objects.create(source=site, operator=operator, weight=1)

    assert queries_of(admin_client, connection, page(site)) == few


def test_nothing_is_saved(admin_client, site):
    before = list(Weight.objects.values())

    admin_client.get(page(site))

    assert list(Weight.objects.values()) == before


def test_a_name_is_inert(admin_client, site):
    Operator.objects.update(name="<img src=x onerror=alert(1)>")

    assert "<img src=x" not in admin_client.get(page(site)).content.decode()


@pytest.mark.parametrize("number", ["999999", "nonsense", "1_27"])
def test_a_source_that_is_not_there_is_said_to_be(admin_client, number):
    response = admin_client.get(f"/admin/routing/source/{number}/what-if/")

    assert response.status_code == 302


def test_who_may_not_see_sources_sees_no_simulation(client, site):
    client.force_login(staff("routing.view_operator"))

    assert client.get(page(site)).status_code == 403


def test_who_may_look_at_sources_may_play(client, site):
    client.force_login(staff("routing.view_source"))

    assert client.get(page(site)).status_code == 200


@pytest.mark.parametrize("asked", [{}, {"inquiries": "0"}, {"per_hour": "600", "minutes": "9000"}])
def test_it_is_all_russian(russian, site, asked):
    Shift.objects.create(operator=site.weights.first().operator, weekday=0, starts=time(9), ends=time(18))

    html = russian.get(page(site), asked).content.decode()

    assert english_in(html) - {"boris"} == set()
    assert re.search(r"Кто сколько получил|больше либо равно", html)
