import pytest
from django.utils import timezone

from leads.models import Inquiry
from triage.analyzers.base import Evidence, Reading
from triage.models import Insight, Job
from triage.services import read_inquiry

from .conftest import problem


class Reader:
    name, version = "reader", "1"

    def read(self, text, context=None):
        return Reading("buy", "P0", "call", 0.93, ("urgent",), (Evidence("urgent", 5, 11, "buy"),))


@pytest.fixture
def sent(full, ann):
    return full.post(ann)


def read_all():
    for job_id in Job.objects.filter(done_at=None).values_list("pk", flat=True):
        read_inquiry(job_id, analyzer=Reader())


def test_the_insight_is_pending_until_it_is_there(sent, full):
    response = full.get(sent["Location"] + "/insight")

    assert (response.status_code, problem(response)) == (404, "insight-pending")
    assert int(response["Retry-After"]) > 0


def test_a_reading_that_was_given_up_is_not_to_be_asked_for_every_second(sent, full):
    Job.objects.update(failed_at=timezone.now())

    response = full.get(sent["Location"] + "/insight")

    assert (response.status_code, problem(response)) == (404, "insight-pending")
    assert int(response["Retry-After"]) >= 3600


def test_the_insight_is_shown_beside_the_inquiry_and_of_the_lead(sent, full):
    read_all()

    insight = full.get(sent["Location"] + "/insight").json()

    kept = Insight.objects.get()
    assert insight == {
        "id": str(kept.id),
        "inquiry": sent.json()["id"],
        "lead": sent.json()["lead"]["id"],
        "intent": "buy",
        "priority": "P0",
        "next_action": "call",
        "confidence": 0.93,
        "tags": ["urgent"],
        "evidence": [{"text": "urgent", "start": 5, "end": 11, "for": "buy"}],
        "analyzer": "reader",
        "version": "1",
        "note": "",
        "created_at": insight["created_at"],
    }
    assert insight["created_at"].endswith("Z")
    assert full.get(sent["Location"]).json() == sent.json() | {"insight": insight}
    assert full.get(f"/api/v1/leads/{insight['lead']}/insight").json() == insight


def test_resolving_frees_the_slot_for_the_best_that_waits(full, ann):
    first = [full.post(ann, idempotency_key=f"k{number}") for number in range(3)][0]
    ordinary, urgent = (full.post(ann, idempotency_key=key).json()["id"] for key in ("k3", "k4"))
    Inquiry.objects.filter(pk=urgent).update(priority="P0")

    response = full.patch(first["Location"], {"status": "resolved"})

    assert response.json()["status"] == "resolved"
    assert response.json()["resolved_at"]
    assert Inquiry.objects.get(pk=urgent).operator_id == first.json()["operator"]["id"]
    assert Inquiry.objects.get(pk=ordinary).status == "waiting"


def test_resolving_again_changes_nothing(sent, full):
    first = full.patch(sent["Location"], {"status": "resolved"})

    again = full.patch(sent["Location"] + "/", {"status": "resolved"})

    assert again.status_code == 200
    assert again.json() == first.json()


def test_what_waits_can_be_resolved_too(site, intake, full, ann):
    site.operators.update(is_active=False)
    location = intake.post(ann)["Location"]

    answer = full.patch(location, {"status": "resolved"}).json()

    assert (answer["status"], answer["operator"], answer["waiting_reason"]) == ("resolved", None, None)


def test_a_lead_is_shown_with_contacts_and_inquiries_of_this_source_only(full, outsider, ann):
    outsider.post({"phone": ann["phone"], "external_id": "tg-1", "message": "from the bot"})
    sent = full.post(ann | {"external_id": "page-1"})

    page = full.get(f"/api/v1/leads/{sent.json()['lead']['id']}").json()

    assert page["contacts"] == [
        {"kind": "external", "value": "page-1"},
        {"kind": "phone", "value": "+79991234567"},
        {"kind": "email", "value": "ann@example.com"},
    ]
    assert [inquiry["id"] for inquiry in page["inquiries"]] == [sent.json()["id"]]


def test_the_description_of_the_api_names_every_path(client, db):
    schema = client.get("/api/schema?format=json").json()

    assert schema["openapi"].startswith("3.1")
    assert sorted(schema["paths"]) == [
        "/api/v1/inquiries",
        "/api/v1/inquiries/batch",
        "/api/v1/inquiries/{inquiry_id}",
        "/api/v1/inquiries/{inquiry_id}/insight",
        "/api/v1/leads/{lead_id}",
        "/api/v1/leads/{lead_id}/insight",
    ]


def test_the_documentation_page_asks_no_other_host(client, db):
    page = client.get("/api/docs").content.decode()

    assert "https://" not in page
    assert "swagger-ui" in page
