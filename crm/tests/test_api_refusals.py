"""Every row of the error table of the API, and the bodies that broke others with a 500."""

import pytest
from django.db import OperationalError, connection

from crm.models import ApiKey
from leads.models import Inquiry, Lead

from .conftest import Api, problem

DEEP = b'{"email": "a@b.co", "extra": ' + b'{"a":' * 9000 + b"1" + b"}" * 9000 + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"null",
        b'"text"',
        b'[{"email": "a@b.co"}]',
        b"\xff\xfe",
        b'\xef\xbb\xbf{"email": "a@b.co"}',
        b'{"email": "a@b.co", "email": "c@d.co"}',
        b'{"email": "a@b.co", "extra": {"a": 1, "a": 2}}',
        b'{"email": "a@b.co", "message": "\\u0000"}',
        b'{"email": "a@b.co", "extra": {"\\u0000": 1}}',
        b'{"email": "a@b.co", "message": "\\ud800"}',
        b'{"email": "a@b.co", "extra": {"k": "\\udfff"}}',
        b'{"email": "a@b.co", "extra": {"k": NaN}}',
        b'{"email": "a@b.co", "extra": {"k": -Infinity}}',
        b'{"email": "a@b.co", "extra": {"k": 1e999}}',
        b'{"email": "a@b.co", "extra": {"k": ' + b"9" * 5000 + b"}}",
        b'{"email": "a@b.co", "extra": {"a": {"b": {"c": {"d": {}}}}}}',
        b"[" * 60_000,
        DEEP[:60_000],
    ],
)
def test_it_refuses_what_it_cannot_read(intake, body):
    response = intake.post(body)

    assert (response.status_code, problem(response)) == (400, "malformed")
    assert not Lead.objects.exists()


@pytest.mark.parametrize("path", ["/api/v1/inquiries", "/api/v1/leads/0199", "/api/v1/inquiries/batch"])
def test_a_request_without_a_key_is_told_how_to_bring_one(client, db, path):
    response = client.post(path, b"{}", content_type="application/json")

    assert response.status_code in (401, 404)
    assert response.status_code == 404 or response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert problem(response) in ("unauthenticated", "not-found")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer crm_00000000_secret", "Bearer é"])
def test_an_unknown_key_is_refused(client, site, header):
    response = client.post(
        "/api/v1/inquiries", b"{}", content_type="application/json", headers={"authorization": header}
    )

    assert (response.status_code, problem(response)) == (401, "unauthenticated")
    assert "WWW-Authenticate" in response


def test_a_revoked_key_is_refused(intake, ann, django_user_model):
    ApiKey.objects.update(revoked_at="2026-01-01T00:00Z")

    assert problem(intake.post(ann)) == "unauthenticated"


def test_a_key_with_another_secret_is_refused(site, ann):
    ApiKey.objects.create(source=site, name="page", prefix="abcd0123", key_hash="0" * 64)

    assert problem(Api("crm_abcd0123_guess").post(ann)) == "unauthenticated"


def test_the_key_of_a_source_switched_off_is_refused(site, intake, ann):
    site.is_active = False
    site.save()

    assert problem(intake.post(ann)) == "forbidden"


def test_an_intake_key_may_only_send(intake, full, ann):
    location = intake.post(ann)["Location"]

    answers = [
        intake.get(location),
        intake.get(location + "/insight"),
        intake.patch(location, {"status": "resolved"}),
        intake.get("/api/v1/leads/01a1f9c9-5572-7351-82e4-cca499073a23"),
    ]

    assert [problem(answer) for answer in answers] == ["forbidden"] * 4
    assert full.get(location).status_code == 200


def test_another_source_sees_nothing(intake, outsider, ann):
    sent = intake.post(ann)
    lead = f"/api/v1/leads/{sent.json()['lead']['id']}"

    answers = [
        outsider.get(sent["Location"]),
        outsider.get(sent["Location"] + "/insight"),
        outsider.patch(sent["Location"], {"status": "resolved"}),
        outsider.get(lead),
        outsider.get(lead + "/insight"),
    ]

    assert [(answer.status_code, problem(answer)) for answer in answers] == [(404, "not-found")] * 5
    assert Inquiry.objects.get().resolved_at is None


@pytest.mark.parametrize("path", ["/api/", "/api/v1", "/api/v2/x", "/api/v1/inquiries/5", "/api/v1/leads/x/y?z=1"])
@pytest.mark.parametrize("debug", [True, False])
def test_an_unknown_path_is_a_problem_too(client, db, settings, path, debug):
    settings.DEBUG = debug

    assert problem(client.get(path)) == "not-found"


def test_an_unknown_method_is_refused(intake):
    for method in ("get", "put", "delete", "options"):
        response = getattr(intake.client, method)("/api/v1/inquiries")
        assert (response.status_code, problem(response)) == (405, "method-not-allowed")
        assert "POST" in response["Allow"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_another_content_type_is_refused(intake, content_type):
    response = intake.post(b'{"email": "a@b.co"}', content_type=content_type)

    assert (response.status_code, problem(response)) == (415, "unsupported-media-type")


def test_a_charset_beside_the_content_type_is_welcome(intake, ann):
    assert intake.post(ann, content_type="application/json; charset=utf-8").status_code == 201


def test_a_body_too_large_is_refused(intake, ann):
    response = intake.post(ann | {"message": "x" * 65_536})

    assert (response.status_code, problem(response)) == (413, "too-large")
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    "change, field, code",
    [
        ({"email": None, "phone": ""}, "contact", "required"),
        ({"email": "not an address"}, "email", "invalid"),
        ({"email": "a@b.co\nBcc: c@d.co"}, "email", "invalid"),
        ({"email": "x" * 250 + "@b.co"}, "email", "max_length"),
        ({"email": ["a@b.co"]}, "email", "invalid"),
        ({"phone": "12"}, "phone", "invalid"),
        ({"phone": "call me"}, "phone", "invalid"),
        ({"phone": True}, "phone", "invalid"),
        ({"phone": "+49 151 234567890123"}, "phone", "invalid"),
        ({"email": "a@" + ".".join(["İ" * 10] * 21) + ".com"}, "email", "invalid"),
        ({"email": "\u212aate@example.com"}, "email", "invalid"),
        ({"email": '"ann lee"@example.com'}, "email", "invalid"),
        ({"external_id": {"id": 1}}, "external_id", "invalid"),
        ({"external_id": "17\u200b"}, "external_id", "invalid"),
        ({"external_id": 10**30}, "external_id", "invalid"),
        ({"external_id": "x" * 201}, "external_id", "max_length"),
        ({"name": "x" * 201}, "name", "max_length"),
        ({"message": "x" * 10_001}, "message", "max_length"),
        ({"message": ["text"]}, "message", "invalid"),
        ({"extra": []}, "extra", "not_flat"),
        ({"extra": {"a": {"b": 1}}}, "extra", "not_flat"),
        ({"extra": {"a": [1]}}, "extra", "not_flat"),
        ({"extra": "text"}, "extra", "not_flat"),
        ({"extra": {"a": "x" * 8192}}, "extra", "too_large"),
        ({"emial": "a@b.co"}, "emial", "unknown"),
    ],
)
def test_a_wrong_field_is_named(intake, ann, change, field, code):
    response = intake.post(ann | change)

    assert (response.status_code, problem(response)) == (422, "invalid")
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [(field, code)]
    assert all(error["message"] for error in response.json()["errors"])
    assert not Lead.objects.exists()


@pytest.mark.parametrize("body", [{}, {"status": "waiting"}, {"status": None}, {"status": "resolved", "x": 1}])
def test_an_inquiry_can_only_be_resolved(intake, full, ann, body):
    location = intake.post(ann)["Location"]

    assert problem(full.patch(location, body)) == "invalid"


def test_a_database_that_cannot_be_reached_is_said_so(intake, ann):
    def fail(execute, sql, params, many, context):
        raise OperationalError("the connection was lost")

    with connection.execute_wrapper(fail):
        response = intake.post(ann)

    assert (response.status_code, problem(response)) == (503, "unavailable")
    assert int(response["Retry-After"]) > 0


def test_a_defect_of_ours_tells_nothing_of_the_inside(intake, ann, monkeypatch, caplog):
    monkeypatch.setattr("crm.services.open_inquiries", lambda *args, **kwargs: 1 / 0)

    response = intake.post(ann)

    assert (response.status_code, problem(response)) == (500, "internal")
    assert b"ZeroDivision" not in response.content
    assert "ZeroDivisionError" in caplog.text


def test_a_forged_host_is_a_problem_and_not_a_page(client, settings):
    settings.ALLOWED_HOSTS = ["crm.example.com"]

    response = client.get("/api/v1/inquiries", headers={"host": "evil.example.com"})

    assert (response.status_code, problem(response)) == (400, "malformed")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "nonsense"])
def test_whatever_is_accepted_the_description_is_given(client, db, accept):
    assert client.get("/api/schema", headers={"accept": accept}).status_code == 200
    assert client.get("/api/docs", headers={"accept": accept}).status_code == 200


def test_a_refusal_of_the_description_is_json_too(client, db):
    assert problem(client.post("/api/schema")) == "method-not-allowed"


def test_a_defect_in_one_item_of_a_batch_is_told_us(intake, ann, monkeypatch, caplog):
    monkeypatch.setattr("crm.services.open_inquiries", lambda *args, **kwargs: 1 / 0)

    response = intake.post({"items": [ann]}, path="/api/v1/inquiries/batch")

    assert response.json()["results"][0]["status"] == 500
    assert "ZeroDivisionError" in caplog.text
