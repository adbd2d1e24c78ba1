"""The page that says how well the readers read."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone, translation

from leads.tests.factories import InquiryFactory
from triage.models import Correction, Insight, Usage
from triage.services.budget import Budget, spend
from triage.services.corrections import correct_insight

from .desk import fill_desk, read, staff
from .test_desk_russian import english_in

pytestmark = pytest.mark.django_db

URL = "/admin/triage/correction/quality/"


@pytest.fixture
def judged(admin_user):
    """Two weeks: a reading that was right, and one that was not."""
    now = timezone.now()
    for days, right in ((8, {}), (0, {"intent": "spam"})):
        insight = read(InquiryFactory())
        at = now - timedelta(days=days)
        correct_insight(insight.pk, by=admin_user, now=at, rng=lambda: 0.5, **right)
        Insight.objects.filter(pk=insight.pk).update(created_at=at)


def test_it_says_what_to_do_while_nothing_was_judged(admin_client):
    html = admin_client.get(URL).content.decode()

    assert "Nothing has been judged yet" in html
    assert "quality-chart" not in html


def test_it_shows_figures_with_what_they_rest_on(admin_client, judged):
    response = admin_client.get(URL)

    figures = [(str(f["label"]), f["ratio"], f["of"]) for f in response.context["figures"]]
    assert figures[0] == ("Intent right", "50 %", 2)
    assert figures[3][0] == "Decided automatically"
    assert "By language" in response.content.decode()


def test_the_chart_is_fed_by_data_not_by_script(admin_client, judged):
    html = admin_client.get(URL).content.decode()

    (data,) = re.findall(r'<script id="quality-figures" type="application/json">(.*?)</script>', html)
    chart = json.loads(data)
    assert [line["values"] for line in chart["lines"]][0] == [100, 0]
    assert len(chart["labels"]) == 2
    assert re.search(r'<script src="[^"]*desk/quality[^"]*\.js"', html)


def test_it_says_nothing_of_models_where_none_is_asked(admin_client, judged):
    assert "Out of the ordinary" not in admin_client.get(URL).content.decode()


def test_it_tells_what_a_model_was_asked_today_and_what_was_read_in_its_place(admin_client, judged, settings):
    settings.TRIAGE_ANALYZER, settings.TRIAGE_DAILY_LIMIT = "openai", 500
    for analyzer in ("openai", "other"):
        spend(analyzer, Budget())
    Usage.objects.create(analyzer="openai", period="day", starts_at=timezone.now() - timedelta(days=3), count=7)
    first, second = Insight.objects.all()
    Insight.objects.filter(pk=first.pk).update(note="budget")
    Insight.objects.filter(pk=second.pk).update(note="<b>my own words</b>")

    html = admin_client.get(URL).content.decode()

    assert "Requests to the model today: 2 of 500." in html
    assert "<tr><td>Read offline: the day&#x27;s requests were used up.</td><td>1</td></tr>" in html
    assert "&lt;b&gt;my own words" in html


def test_the_period_can_be_chosen_and_nonsense_is_ignored(admin_client, judged):
    assert admin_client.get(URL, {"days": "30"}).context["days"] == 30
    assert admin_client.get(URL, {"days": "-1; drop"}).context["days"] == 90


def test_only_those_who_may_see_readings_see_it(client):
    client.force_login(staff("triage.view_correction"))

    assert client.get(URL).status_code == 403


def test_the_navigation_leads_there(admin_client):
    assert reverse("admin:triage_quality") == URL
    assert f'href="{URL}"' in admin_client.get(reverse("admin:index")).content.decode()


def test_it_is_all_russian(admin_client, judged, settings):
    settings.TRIAGE_ANALYZER = "openai"
    Insight.objects.update(note="timeout")
    admin_client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ru"
    try:
        assert english_in(admin_client.get(URL).content.decode()) == set()
    finally:
        translation.deactivate()


def test_it_costs_the_same_however_much_there_is(admin_client, django_assert_max_num_queries):
    fill_desk(1)
    with django_assert_max_num_queries(14):
        admin_client.get(URL)
    fill_desk(19, start=1)

    assert Correction.objects.count() == 20 and User.objects.exists()
    with django_assert_max_num_queries(14):
        admin_client.get(URL)
