import pytest
from django.utils import timezone

from crm.models import IdempotencyKey
from leads.models import Inquiry, Lead, PossibleDuplicate
from triage.models import Job

from .conftest import problem, source_with


def test_it_gives_a_new_inquiry_to_an_operator(full, ann):
    response = full.post(ann)

    inquiry = Inquiry.objects.get()
    assert response.status_code == 201
    assert response["Location"] == f"/api/v1/inquiries/{inquiry.id}"
    assert response.json() == {
        "id": str(inquiry.id),
        "status": "assigned",
        "waiting_reason": None,
        "source": "site",
        "lead": {
            "id": str(inquiry.lead_id),
            "name": "Ann Lee",
            "email": "ann@example.com",
            "phone": "+79991234567",
        },
        "operator": {"id": inquiry.operator_id, "name": "Anna"},
        "message": "Need urgent pricing for 50 seats ASAP!",
        "extra": {"utm_source": "ads"},
        "created_at": inquiry.created_at.isoformat().replace("+00:00", "Z"),
        "resolved_at": None,
        "insight": None,
    }
    assert Job.objects.get().inquiry == inquiry


@pytest.mark.parametrize("path", ["/api/v1/inquiries", "/api/v1/inquiries/"])
def test_it_takes_a_trailing_slash_or_none(intake, ann, path):
    assert intake.post(ann, path=path).status_code == 201


@pytest.mark.parametrize("contact", [{"email": "a@b.co"}, {"phone": "8 (999) 123 45 67"}, {"external_id": 42}])
def test_it_takes_any_one_contact(intake, contact):
    assert intake.post(contact).status_code == 201


def test_it_keeps_an_inquiry_when_all_are_full(full, ann):
    for number in range(3):
        full.post(ann, idempotency_key=f"before {number}")

    answer = full.post(ann, idempotency_key="fourth").json()

    assert (answer["status"], answer["operator"], answer["waiting_reason"]) == ("waiting", None, "all_full")


def test_it_says_when_nobody_is_on_duty(site, full, ann):
    site.operators.update(is_active=False)

    assert full.post(ann).json()["waiting_reason"] == "nobody_on_duty"


def test_it_says_when_the_source_has_no_operators(site, full, ann):
    site.weights.update(weight=0)

    assert full.post(ann).json()["waiting_reason"] == "no_operators"


def test_it_gives_the_very_same_answer_to_the_same_key(intake, full, ann):
    first = intake.post(ann, idempotency_key="k1")
    full.patch(first["Location"], {"status": "resolved"})

    again = intake.post(dict(reversed(ann.items())), idempotency_key='"k1"')

    assert again.status_code == 200
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert Inquiry.objects.count() == Job.objects.count() == 1


def test_it_refuses_another_body_with_the_same_key(intake, ann):
    intake.post(ann, idempotency_key="k1")

    response = intake.post(ann | {"name": "Somebody else"}, idempotency_key="k1")

    assert (response.status_code, problem(response)) == (409, "idempotency-key-reused")
    assert Inquiry.objects.count() == 1


def test_it_does_not_remember_what_it_refused(intake, ann):
    assert intake.post(ann | {"email": "no address"}, idempotency_key="k1").status_code == 422

    assert intake.post(ann, idempotency_key="k1").status_code == 201


def test_it_forgets_a_key_after_its_time(intake, ann):
    intake.post(ann, idempotency_key="k1")
    IdempotencyKey.objects.update(expires_at=timezone.now())

    assert intake.post({"email": "other@example.com"}, idempotency_key="k1").status_code == 201


def test_it_keeps_the_keys_of_sources_apart(intake, outsider, ann):
    intake.post(ann, idempotency_key="k1")

    assert outsider.post({"email": "other@example.com"}, idempotency_key="k1").status_code == 201


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "ключ", "a\tb"])
def test_it_refuses_a_key_that_is_none(intake, ann, key):
    response = intake.post(ann, idempotency_key=key.encode().decode("latin-1"))

    assert (response.status_code, problem(response)) == (400, "malformed")
    assert not Lead.objects.exists()


@pytest.mark.parametrize("header", ["a,b", "a, b", '"a","b"', '"a", "b"', ",", '"a,b'])
def test_two_idempotency_keys_are_refused_however_the_server_joins_them(intake, ann, header):
    response = intake.post(ann, idempotency_key=header)

    assert (response.status_code, problem(response)) == (400, "malformed")
    assert not Lead.objects.exists()


def test_a_key_may_hold_a_comma_in_quotes_and_in_a_batch(intake, ann):
    first = intake.post(ann, idempotency_key='"a, b"')

    again = intake.post({"items": [ann | {"idempotency_key": "a, b"}]}, path="/api/v1/inquiries/batch")

    assert first.status_code == 201
    assert again.json()["results"] == [{"index": 0, "status": 200, "inquiry": first.json()}]


def test_invisible_characters_are_dropped_and_the_lead_is_kept(intake, ann):
    sent = intake.post(ann | {"name": "Ann\u202eeeL\n", "message": "Call\u200b me\x1b\r\nnow\ttoday"}).json()

    assert sent["lead"]["name"] == "AnneeL"
    assert sent["message"] == "Call me\nnow\ttoday"


def test_number_is_taken_as_it_is_written(full):
    sent = full.post({"external_id": 12345, "name": 7, "message": 2.5}).json()

    assert (sent["lead"]["name"], sent["message"]) == ("7", "2.5")
    assert full.post({"external_id": "12345", "message": "x"}).json()["lead"]["id"] == sent["lead"]["id"]


def test_it_answers_a_double_post_without_a_key_with_the_first_inquiry(full, ann):
    first = full.post(ann)

    again = full.post(ann | {"message": "  need URGENT pricing for 50 seats asap! "})

    assert again.status_code == 200
    assert again["Duplicate-Inquiry"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert Inquiry.objects.get().repeat_count == 1
    assert Job.objects.count() == 1


def test_contacts_of_two_leads_are_no_error_and_are_put_before_the_supervisor(full):
    full.post({"email": "ann@example.com", "message": "first"})
    by_phone = full.post({"phone": "+79991234567", "message": "second"}).json()["lead"]["id"]

    response = full.post({"email": "ann@example.com", "phone": "+79991234567", "message": "third"})

    assert response.json()["lead"]["id"] == by_phone
    assert PossibleDuplicate.objects.count() == 1


def test_times_are_in_utc_wherever_the_desk_is(intake, ann, settings):
    settings.TIME_ZONE = "Europe/Moscow"

    assert intake.post(ann).json()["created_at"].endswith("Z")


def test_extra_may_be_null_and_counts_as_it_was_sent(intake, ann):
    flat = {f"k{number:04}": "x" * 90 for number in range(80)}

    assert intake.post(ann | {"extra": None}).json()["extra"] == {}
    assert intake.post(ann | {"extra": flat, "message": "b"}).status_code == 201


def test_a_batch_takes_the_good_and_names_the_bad(intake, ann):
    items = [
        ann | {"idempotency_key": "k1"},
        ann | {"idempotency_key": "k1"},
        {"name": "Nobody"},
        "junk",
        ann | {"idempotency_key": 5},
        {"external_id": "77"},
    ]

    response = intake.post({"items": items}, path="/api/v1/inquiries/batch")

    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 200, 422, 400, 400, 201]
    assert results[0]["inquiry"] == results[1]["inquiry"]
    assert results[2]["problem"]["errors"][0]["field"] == "contact"
    assert Inquiry.objects.count() == 2


@pytest.mark.parametrize("body", [{}, {"items": []}, {"items": {}}, {"items": [{}] * 1001}, {"items": [{}], "x": 1}])
def test_a_batch_that_is_none_is_refused(intake, body):
    assert problem(intake.post(body, path="/api/v1/inquiries/batch")) == "invalid"


def test_an_inactive_operator_is_kept_out_of_the_answer(full, site, ann):
    source_with("shop", operators=[("Clara", 5, 1)])
    site.operators.filter(name="Anna").update(is_active=False)

    assert full.post(ann).json()["operator"]["name"] == "Boris"
