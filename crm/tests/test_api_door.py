"""The intake goes past the desk's middlewares, and nobody outside can tell."""

import pytest
from django.utils import translation

from leads.models import Lead

from .conftest import problem

PATH = "/api/v1/inquiries"
INVALID = [
    {"email": "no address"},
    {"email": None},
    {"email": "x" * 300 + "@b.co"},
    {"name": "x" * 201},
    {"name": ["list"]},
    {"name": True},
    {"phone": "12"},
    {"phone": {"a": 1}},
    {"external_id": "x" * 201},
    {"message": []},
    {"extra": "text"},
    {"extra": {"a": "x" * 9000}},
    {"emial": "a@b.co"},
]


@pytest.fixture(autouse=True)
def language_of_another_thread():
    """Whatever a view leaves active here, no other test finds it."""
    with translation.override("en"):
        yield


def errors_of_single(api, body, **headers):
    translation.activate("en")
    return api.post(body, **headers).json()["errors"]


def errors_of_batch(api, body, **headers):
    translation.activate("en")
    response = api.post({"items": [body]}, path=f"{PATH}/batch", **headers)
    return response.json()["results"][0]["problem"]["errors"]


@pytest.mark.parametrize("language", ["ru", "en", "ru-RU,ru;q=0.9,en;q=0.8", "de", "*", "nonsense;q=x"])
def test_errors_are_in_the_language_that_other_views_answer_in(intake, language):
    for body in INVALID:
        expected = errors_of_batch(intake, body, accept_language=language)
        assert errors_of_single(intake, body, accept_language=language) == expected


@pytest.mark.parametrize("errors_of", [errors_of_single, errors_of_batch])
def test_errors_are_in_the_language_asked_for_whichever_was_asked_for_first(intake, errors_of):
    too_long, no_email = {"email": "a@b.co", "name": "x" * 201}, {"email": "no address"}

    in_turn = [
        errors_of(intake, body, accept_language=language)[0]["message"].partition(" ")[0].strip(",")
        for body in (too_long, no_email)
        for language in ("en", "ru", "en")
    ]

    assert in_turn == ["Ensure", "Убедитесь", "Ensure", "Enter", "Введите", "Enter"]


@pytest.mark.parametrize("language", ["ru", "en", "de"])
@pytest.mark.parametrize(("has_key", "content_type"), [(False, "application/json"), (True, "text/plain")])
def test_refusals_are_in_the_language_that_other_views_refuse_in(intake, client, language, has_key, content_type):
    sender = intake.client if has_key else client

    def refuse(path):
        translation.activate("en")
        headers = {"accept-language": language}
        return sender.post(path, b"{}", content_type=content_type, headers=headers).json()

    single, batch = refuse(PATH), refuse(f"{PATH}/batch")

    assert single == batch
    assert single["detail"].isascii() == (language != "ru")


def test_language_is_chosen_by_cookie_as_on_other_views(intake):
    intake.client.cookies["django_language"] = "ru"

    assert errors_of_single(intake, {"email": "no address"}) == errors_of_batch(intake, {"email": "no address"})


def test_language_of_one_request_does_not_stay_for_the_next(intake, ann):
    in_english = intake.post({"email": "no address"}).json()

    in_russian = intake.post({"email": "no address"}, accept_language="ru").json()
    intake.post(ann, accept_language="ru")

    assert translation.get_language() == "en"
    assert intake.post({"email": "no address"}).json() == in_english != in_russian


def test_language_that_another_view_left_active_does_not_count(intake):
    in_english = intake.post({"email": "no address"}).json()

    # Django's own middleware leaves the language of a request active in its thread.
    intake.client.get("/admin/login/", headers={"accept-language": "ru"})

    assert translation.get_language() == "ru"
    assert intake.post({"email": "no address"}).json() == in_english


def test_path_with_two_slashes_is_unknown(intake, ann):
    assert problem(intake.post(ann, path=f"{PATH}//")) == "not-found"


def test_forged_host_is_a_problem_and_saves_nothing(intake, ann, settings):
    settings.ALLOWED_HOSTS = ["crm.example.com"]

    response = intake.post(ann, host="evil.example.com")

    assert (response.status_code, problem(response)) == (400, "malformed")
    assert not Lead.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options", "head"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_other_methods_are_refused_after_the_key_was_checked(intake, client, method, path):
    refused, unknown = (getattr(api, method)(path) for api in (intake.client, client))

    assert (refused.status_code, refused["Content-Type"]) == (405, "application/problem+json")
    assert refused["Allow"] == "POST"
    assert unknown.status_code == 401
    assert unknown["WWW-Authenticate"] == 'Bearer realm="api"'
    if method != "head":
        assert (problem(refused), problem(unknown)) == ("method-not-allowed", "unauthenticated")


def test_answers_have_the_headers_that_protect_every_page(intake, ann):
    taken, refused = intake.post(ann), intake.post({})

    for response in (taken, refused):
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Referrer-Policy"]
        assert "Set-Cookie" not in response
