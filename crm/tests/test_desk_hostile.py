"""P13 in short: what leads write is inert on every page of the desk."""

import pytest
from django.urls import reverse

from leads.models import Inquiry, PossibleDuplicate
from leads.tests.factories import InquiryFactory, LeadFactory
from routing.tests.factories import OperatorFactory, SourceFactory

from .desk import assigned, read

pytestmark = pytest.mark.django_db

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea><script>alert(1)</script>",
    "{{ 7|add:7 }}{% now 'Y' %}",
    "javascript:alert(1)",
    "<iframe src=javascript:alert(1)>",
    "x-on:click=alert(1) @click=alert(1)",
    "\u202egnp.exe\u2066",
]
LIVE = ["<script>alert", "<img src=x", "<svg onload", "<iframe", "' onmouseover='", ">14<"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_a_lead_wrote_comes_alive(admin_client, payload):
    lead = LeadFactory(name=payload, email=payload, phone=payload[:16], contacts=[("external", payload)])
    anna = OperatorFactory(name="Anna")
    extra = {payload: payload, "list": [payload], "none": None}
    held = InquiryFactory(
        lead=lead, operator=anna, source=SourceFactory(weights={anna: 1}), message=payload, extra=extra
    )
    InquiryFactory(lead=lead, message=payload)
    first, second = sorted([lead, LeadFactory()], key=lambda lead: lead.pk)
    PossibleDuplicate.objects.create(lead=first, other=second)
    assigned(held, note=payload)
    insight = read(held, tags=[payload], evidence=[{"text": payload, "start": 0, "end": len(payload), "for": payload}])
    pages = [
        reverse("admin:index"),
        reverse("admin:leads_inquiry_changelist"),
        reverse("admin:leads_inquiry_change", args=[held.pk]),
        reverse("admin:leads_inquiry_history", args=[held.pk]),
        reverse("admin:leads_lead_changelist"),
        reverse("admin:leads_lead_change", args=[lead.pk]),
        reverse("admin:leads_possibleduplicate_changelist"),
        reverse("admin:leads_assignment_changelist"),
        reverse("admin:leads_assignment_change", args=[held.assignments.get().pk]),
        reverse("admin:triage_insight_changelist"),
        reverse("admin:triage_insight_change", args=[insight.pk]),
        reverse("admin:triage_job_changelist"),
        reverse("admin:triage_job_change", args=[insight.job_id]),
    ]

    for url in pages:
        html = admin_client.get(url).content.decode()
        assert not [live for live in LIVE if live in html], url


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_is_searched_for_comes_alive(admin_client, payload):
    for name in ("leads_inquiry", "leads_lead"):
        html = admin_client.get(reverse(f"admin:{name}_changelist"), {"q": payload}).content.decode()
        assert not [live for live in LIVE if live in html]


@pytest.mark.parametrize("extra", [{}, {"nested": {"a": 1}}, [], "text", 5, None])
def test_a_page_opens_whatever_came_along(admin_client, extra):
    inquiry = InquiryFactory()
    Inquiry.objects.update(extra=extra if extra is not None else {})

    assert admin_client.get(reverse("admin:leads_inquiry_change", args=[inquiry.pk])).status_code == 200


@pytest.mark.parametrize(
    "query", ["show=nonsense", "intent=nonsense", "o=99", "p=99999", "source__id__exact=x", "q=%00"]
)
def test_a_forged_address_is_no_error(admin_client, query):
    response = admin_client.get(f"{reverse('admin:leads_inquiry_changelist')}?{query}")

    assert response.status_code < 500


@pytest.mark.parametrize("number", ["nonsense", "0", "00000000-0000-0000-0000-000000000000"])
def test_a_forged_number_is_no_error(admin_client, number):
    for action in ("change", "resolve", "reroute", "give", "reopen"):
        url = f"/admin/leads/inquiry/{number}/{action}/"
        assert admin_client.get(url).status_code < 500
        assert admin_client.post(url, {"_form_submitted": "True"}).status_code < 500
