"""Personal data stays between us and whom it is told to: over HTTPS, in nobody's cache."""

import pytest

from leads.models import Inquiry

from .conftest import problem

PROTECTED = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


@pytest.fixture
def https_only(settings):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 60
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def test_answers_of_the_api_are_kept_by_no_cache(intake, full, outsider, ann):
    sent = intake.post(ann)
    page = f"/api/v1/leads/{sent.json()['lead']['id']}"
    answers = [
        sent,
        intake.post(ann),
        intake.post({"email": "ann"}),
        intake.post(b"{"),
        intake.post({"items": [ann]}, path="/api/v1/inquiries/batch"),
        full.get(sent["Location"]),
        full.get(sent["Location"] + "/insight"),
        full.get(page),
        full.get(page + "/insight"),
        full.patch(sent["Location"], {"status": "resolved"}),
        outsider.get(page),
        full.get("/api/nowhere"),
        full.client.post(
            "/api/v1/inquiries", b"{}", content_type="application/json", headers={"host": "evil.example"}
        ),
    ]

    assert [answer["Cache-Control"] for answer in answers] == ["no-store"] * len(answers)
    assert all(answer[name] == value for answer in answers for name, value in PROTECTED.items())


def test_pages_of_the_desk_are_kept_by_no_cache(admin_client, client, intake, ann):
    intake.post(ann)
    inquiry = Inquiry.objects.get()
    paths = ["/admin/", "/admin/leads/lead/", f"/admin/leads/inquiry/{inquiry.pk}/change/", "/admin/nowhere/", "/"]

    answers = [admin_client.get(path) for path in paths] + [client.get("/admin/"), client.get("/admin/login/")]

    assert all("no-store" in answer["Cache-Control"] for answer in answers)
    assert all(answer[name] == value for answer in answers for name, value in PROTECTED.items())


def test_static_files_may_be_kept(client):
    answer = client.get("/static/admin/css/base.css")

    assert "no-store" not in answer["Cache-Control"]
    answer.close()


@pytest.mark.parametrize("path", ["/api/v1/inquiries", "/api/v1/inquiries/batch", "/api/v1/nowhere", "/api/docs"])
def test_api_refuses_what_is_sent_in_the_open(intake, https_only, ann, path):
    refused = intake.post(ann, path=path)

    assert (refused.status_code, problem(refused)) == (403, "forbidden")
    assert "https" in refused.json()["detail"]
    assert not Inquiry.objects.exists()


def test_over_https_the_api_answers_and_says_to_stay_there(intake, https_only, ann):
    taken = intake.post(ann, x_forwarded_proto="https")

    assert taken.status_code == 201
    assert taken["Strict-Transport-Security"] == "max-age=60"


def test_desk_sends_browsers_to_https(client, db, https_only):
    assert client.get("/admin/")["Location"] == "https://testserver/admin/"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/healthz/", "/readyz/"])
def test_health_checks_need_no_https(client, db, https_only, path):
    assert client.get(path).status_code in (200, 503)
