"""Judging a reading at the desk: one click, by those who may, and nobody else; and letting held spam out."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from leads.models import Inquiry
from leads.services import hold_as_spam
from leads.tests.factories import InquiryFactory
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.models import Correction

from .desk import MESSAGE, read, said, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def insight():
    return read(InquiryFactory(message=MESSAGE))


def correct_url(insight):
    return reverse("admin:triage_insight_correct", args=[insight.pk])


def pages(insight):
    return [
        reverse("admin:leads_inquiry_change", args=[insight.inquiry_id]),
        reverse("admin:triage_insight_change", args=[insight.pk]),
    ]


def test_both_pages_offer_every_choice_in_one_click(admin_client, insight):
    for page in pages(insight):
        html = admin_client.get(page).content.decode()

        assert f'action="{correct_url(insight)}"' in html
        buttons = re.findall(r'<button class="desk-choice[^>]*form="desk-judge"([^>]*)>', html)
        assert len(buttons) == 8 + 4 + 7 + 1
        assert sum("disabled" in button for button in buttons) == 3


def test_a_click_corrects_and_leads_back_to_where_it_was_made(admin_client, insight):
    page = pages(insight)[0]

    response = admin_client.post(correct_url(insight), {"intent": "support", "next": page}, follow=True)

    insight.refresh_from_db()
    assert insight.intent == "support"
    assert response.redirect_chain == [(page, 302)]
    assert said(response) == ["Corrected. Texts like this one are read so from now on."]
    assert "It was read as: Purchase · P0 · Call." in response.content.decode()


def test_a_click_says_that_it_was_right(admin_client, insight):
    response = admin_client.post(correct_url(insight), follow=True)

    assert Correction.objects.get().was_right
    assert said(response) == ["Noted: the reading was right."]
    assert "Found right by admin" in response.content.decode()


def test_it_refuses_what_is_no_choice(admin_client, insight):
    response = admin_client.post(correct_url(insight), {"priority": "P9"}, follow=True)

    assert said(response) == ["There is no such choice."]
    assert not Correction.objects.exists()


def test_it_leads_to_no_other_site(admin_client, insight):
    response = admin_client.post(correct_url(insight), {"next": "https://evil.example/"})

    assert response.url == pages(insight)[1]


def test_a_mere_visit_corrects_nothing(admin_client, insight):
    assert admin_client.get(correct_url(insight)).status_code == 405


def test_who_may_only_look_sees_no_buttons_and_corrects_nothing(client, insight):
    client.force_login(staff("triage.view_insight", "leads.view_inquiry"))

    assert all("desk-judge" not in client.get(page).content.decode() for page in pages(insight))
    assert client.post(correct_url(insight), {"intent": "spam"}).status_code == 403
    assert not Correction.objects.exists()


def test_the_api_gives_what_is_right(admin_client, site, full):
    insight = read(InquiryFactory(source=site))
    admin_client.post(correct_url(insight), {"intent": "complaint", "priority": "P1", "next_action": "call"})

    answer = full.get(f"/api/v1/inquiries/{insight.inquiry_id}/insight").json()

    assert (answer["intent"], answer["priority"], answer["next_action"]) == ("complaint", "P1", "call")


def test_an_insight_that_is_gone_is_said_to_be(admin_client, insight):
    url = correct_url(insight)
    insight.delete()

    response = admin_client.post(url, {"intent": "spam", "next": reverse("admin:index")}, follow=True)

    assert said(response) == ["This insight is not there any more."]


def test_a_hostile_message_is_inert_in_the_list_of_corrections(admin_client):
    insight = read(InquiryFactory(message="<script>alert(1)</script>"))
    admin_client.post(correct_url(insight), {"intent": "spam"})

    html = admin_client.get(reverse("admin:triage_correction_changelist")).content.decode()

    assert "<script>alert" not in html and "&lt;script&gt;alert" in html


@pytest.fixture
def held(insight):
    inquiry = InquiryFactory(source=SourceFactory(weights={OperatorFactory(): 1}))
    hold_as_spam(inquiry.pk, now=timezone.now(), rng=lambda: 0.5)
    return inquiry


def test_what_is_held_as_spam_has_a_view_of_its_own(admin_client, held):
    url = reverse("admin:leads_inquiry_changelist")

    shown = admin_client.get(url, {"show": "held"}).context["cl"].result_list

    assert [inquiry.pk for inquiry in shown] == [held.pk]


def test_what_is_held_as_spam_is_no_cause_for_alarm(admin_client, insight, held):
    page = admin_client.get(reverse("admin:index"))
    waiting = admin_client.get(reverse("admin:leads_inquiry_changelist"), {"show": "waiting"}).context["cl"]

    assert page.context["board"]["totals"]["waiting"] == 1
    assert held not in page.context["board"]["waiting"]
    assert [inquiry.pk for inquiry in waiting.result_list] == [insight.inquiry_id]


def test_open_p0_is_seen_on_every_page(admin_client, insight):
    Inquiry.objects.update(priority="P0")

    groups = admin_client.get(reverse("admin:triage_job_changelist")).context["sidebar_navigation"]

    (item,) = [item for group in groups for item in group["items"] if str(item["title"]) == "P0 open"]
    assert (item["badge"], item["link"]) == ("1", "/admin/leads/inquiry/?show=urgent")


def test_a_supervisor_gives_out_what_was_held(admin_client, held):
    page = reverse("admin:leads_inquiry_change", args=[held.pk])
    assert f"{held.pk}/release/" in admin_client.get(page).content.decode()

    admin_client.post(f"/admin/leads/inquiry/{held.pk}/release/", {"_form_submitted": "True"})

    given = Inquiry.objects.get(pk=held.pk)
    assert given.operator_id
    assert given.assignments.first().assigned_by == User.objects.get()
    assert f"{held.pk}/release/" not in admin_client.get(page).content.decode()
