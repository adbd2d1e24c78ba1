"""Every page of the desk opens, costs the same however much there is, and shows only what one may see."""

from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.urls import reverse

from triage.models import Job

from .desk import fill_desk, queries_of, staff

pytestmark = pytest.mark.django_db

LISTS = [
    "leads_inquiry",
    "leads_lead",
    "leads_possibleduplicate",
    "leads_assignment",
    "routing_source",
    "routing_operator",
    "triage_insight",
    "triage_correction",
    "triage_job",
    "crm_apikey",
    "auth_user",
    "auth_group",
]
ADDABLE = ["routing_source", "routing_operator", "crm_apikey", "auth_user", "auth_group"]


def list_url(name):
    return reverse(f"admin:{name}_changelist")


def test_the_lists_named_here_are_all_there_are():
    registered = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}

    assert registered == set(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_many_queries_for_twenty_rows_as_for_one(admin_client, name):
    fill_desk(1)
    queries_of(admin_client, connection, list_url(name))
    one = queries_of(admin_client, connection, list_url(name))

    fill_desk(19, start=1)

    assert queries_of(admin_client, connection, list_url(name)) == one


def test_the_dashboard_takes_as_many_queries_for_twenty_of_everything_as_for_one(admin_client):
    fill_desk(1)
    queries_of(admin_client, connection, reverse("admin:index"))
    one = queries_of(admin_client, connection, reverse("admin:index"))

    fill_desk(19, start=1)

    assert queries_of(admin_client, connection, reverse("admin:index")) == one <= 16


@pytest.mark.parametrize("name", LISTS)
def test_the_page_of_a_row_opens(admin_client, name):
    fill_desk(1)
    row = apps.get_model(name.replace("_", ".")).objects.first()

    response = admin_client.get(reverse(f"admin:{name}_change", args=[row.pk]))

    assert response.status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_only_what_people_make_can_be_added(admin_client, name):
    response = admin_client.get(reverse(f"admin:{name}_add"))

    assert response.status_code == (200 if name in ADDABLE else 403)


@pytest.mark.parametrize("name", LISTS)
def test_nobody_without_permission_sees_a_list(client, name):
    client.force_login(staff())

    assert client.get(list_url(name)).status_code == 403


def test_the_dashboard_shows_nothing_to_those_who_may_see_nothing(client):
    fill_desk(1)
    client.force_login(staff())

    page = client.get(reverse("admin:index")).content.decode()

    assert "Anna 0" not in page
    assert "Pat Lee" not in page
    assert list_url("leads_inquiry") not in page


def test_a_stranger_is_sent_to_the_login_and_from_there_to_the_desk(client, admin_user):
    response = client.get(reverse("admin:index"))
    assert response.url == "/admin/login/?next=/admin/"

    response = client.post("/admin/login/", {"username": "admin", "password": "password"})
    assert response.url == reverse("admin:index")


def test_the_navigation_counts_who_waits_and_what_failed(admin_client):
    fill_desk(2)
    Job.objects.update(failed_at="2026-11-20T12:00Z", done_at=None)

    groups = admin_client.get(reverse("admin:index")).context["sidebar_navigation"]

    badges = {str(item["title"]): item["badge"] for group in groups for item in group["items"] if "badge" in item}
    assert badges == {"Inquiries": "2", "Jobs": "2"}


@pytest.mark.parametrize(
    ("name", "marked"),
    [
        ("admin:leads_routing_check", "Routing check"),
        ("admin:leads_assignment_changelist", "Assignments"),
        ("admin:triage_quality", "Quality"),
    ],
)
def test_the_navigation_marks_the_one_page_that_is_open(admin_client, name, marked):
    groups = admin_client.get(reverse(name)).context["sidebar_navigation"]

    assert [str(item["title"]) for group in groups for item in group["items"] if item["active"]] == [marked]


def test_the_desk_has_no_inline_script_of_ours():
    templates = [path.read_text() for path in Path(settings.BASE_DIR, "templates").rglob("*.html")]

    assert not [text for text in templates if "<script" in text or "onclick" in text or " style=" in text]
