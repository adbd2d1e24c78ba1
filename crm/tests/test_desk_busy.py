"""While the database is busy or away the desk asks for another try, and keeps what was typed."""

from contextlib import contextmanager
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, connection
from django.test import Client
from django.urls import reverse
from django.utils import translation

from leads.tests.factories import InquiryFactory

from .desk import said

GROUPS = "/admin/auth/group/add/"


class Form(HTMLParser):
    """The form of a page as a browser would send it."""

    def __init__(self, response):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "form":
            self.action = found["action"]
        elif tag == "input":
            self.fields.setdefault(found["name"], []).append(found["value"])


def of_postgresql(kind, state):
    cause = Exception("of the driver")
    cause.sqlstate = state
    error = kind("wrapped")
    error.__cause__ = cause
    return error


@contextmanager
def failing(error=None, *, on=""):
    """Every statement that begins with ``on`` fails."""

    def fail(execute, sql, params, many, context):
        if sql.startswith(on):
            raise error or OperationalError("database is locked")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield


def is_busy_page(response):
    page = response.content.decode()
    return (
        response.status_code == 503
        and int(response["Retry-After"]) > 0
        and "no-store" in response["Cache-Control"]
        and "Busy at the moment, try again" in page
    )


@pytest.fixture
def browser(admin_user):
    """An administrator's browser, whose tokens against forgery are checked."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    return client


def token(client, url=GROUPS):
    client.get(url)
    return client.cookies[settings.CSRF_COOKIE_NAME].value


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database is locked"),
        InterfaceError("connection already closed"),
        of_postgresql(OperationalError, "55P03"),
        of_postgresql(OperationalError, "57014"),
        of_postgresql(InternalError, "25P03"),
        of_postgresql(InternalError, "25006"),
        of_postgresql(OperationalError, "57P01"),
    ],
    ids=str,
)
def test_page_asks_for_another_try_while_the_database_is_away(admin_client, error):
    with failing(error):
        response = admin_client.get("/admin/leads/inquiry/?show=open")

    assert is_busy_page(response)
    assert 'href="/admin/leads/inquiry/?show=open"' in response.content.decode()
    assert "may not have been saved" not in response.content.decode()


@pytest.mark.django_db
def test_mistake_of_ours_is_not_called_busy(admin_client):
    admin_client.raise_request_exception = False

    with failing(of_postgresql(ProgrammingError, "42P01")):
        response = admin_client.get(reverse("admin:index"))

    assert response.status_code == 500
    assert "Busy" not in response.content.decode()


@pytest.mark.django_db
def test_everything_typed_is_sent_again_with_one_click(browser):
    rights = [str(pk) for pk in Permission.objects.values_list("pk", flat=True)[:2]]
    typed = {"name": 'Café "<b>&\r\nline', "permissions": rights, "_save": "Save"}
    with failing(on="INSERT"):
        response = browser.post(GROUPS, {**typed, "csrfmiddlewaretoken": token(browser)})
    assert is_busy_page(response)
    assert "may not have been saved" in response.content.decode()
    form = Form(response)
    fresh = form.fields.pop("csrfmiddlewaretoken")
    assert form.action == GROUPS
    assert form.fields == {"name": [typed["name"]], "permissions": rights, "_save": ["Save"]}

    response = browser.post(form.action, {**form.fields, "csrfmiddlewaretoken": fresh})

    assert response.status_code == 302
    assert Group.objects.get().permissions.count() == 2


@pytest.mark.django_db
def test_what_was_typed_is_inert_on_the_busy_page(admin_client):
    with failing(on="INSERT"):
        page = admin_client.post(GROUPS, {"name": '"><script>alert(1)</script>'}).content.decode()

    assert "<script" not in page


@pytest.mark.django_db
def test_passwords_are_not_written_into_the_busy_page(admin_client):
    typed = {"username": "nina", "password1": "s3cret-Word", "password2": "s3cret-Word", "usable_password": "true"}
    with failing(on="INSERT"):
        response = admin_client.post("/admin/auth/user/add/", typed)

    assert is_busy_page(response)
    assert "s3cret-Word" not in response.content.decode()
    assert "type them again" in response.content.decode()
    assert Form(response).fields["username"] == ["nina"]


@pytest.mark.django_db(transaction=True)
def test_failed_commit_is_answered_with_what_was_typed(admin_client, monkeypatch):
    def lost():
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(connection, "commit", lost)
    response = admin_client.post(GROUPS, {"name": "Night shift"})
    monkeypatch.undo()

    assert is_busy_page(response)
    assert Form(response).fields["name"] == ["Night shift"]
    assert not Group.objects.exists()


@pytest.mark.django_db
def test_session_that_cannot_be_saved_is_tried_again(admin_user):
    client = Client(enforce_csrf_checks=True)
    typed = {"username": "admin", "password": "password", "csrfmiddlewaretoken": token(client, "/admin/login/")}
    with failing(on='UPDATE "django_session"'):
        response = client.post("/admin/login/", typed)
    assert is_busy_page(response)

    # As a browser would: with the cookies it has, and the token of the page.
    fields = Form(response).fields
    response = client.post("/admin/login/?next=/admin/", {**fields, "password": "password"})

    assert response.status_code == 302
    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_other_failure_of_a_session_is_not_called_busy(client, admin_user, monkeypatch):
    def deleted(*_, **__):
        raise User.DoesNotExist

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.save", deleted)
    client.raise_request_exception = False

    assert client.post("/admin/login/", {"username": "admin", "password": "password"}).status_code == 500


@pytest.mark.django_db
def test_dialog_leads_back_to_the_page_it_stands_on(admin_client):
    opened_at = "http://testserver/admin/leads/inquiry/?show=open"
    url = "/admin/leads/inquiry/0199aaaa-0000-7000-8000-000000000000/give/"

    with failing():
        own = admin_client.get(url, headers={"HX-Request": "true", "HX-Current-URL": opened_at})
        foreign = admin_client.get(url, headers={"HX-Request": "true", "HX-Current-URL": "https://evil.example/"})

    assert f'href="{opened_at}"' in own.content.decode()
    assert "evil.example" not in foreign.content.decode()


@pytest.mark.django_db
def test_busy_page_speaks_russian(admin_client):
    admin_client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ru"
    try:
        with failing(on="INSERT"):
            page = admin_client.post(GROUPS, {"name": "Ночная смена"}).content.decode()
    finally:
        translation.deactivate()

    assert "Сейчас занято, попробуйте ещё раз" in page
    assert "Возможно, отправленное не сохранилось" in page
    assert "Попробовать снова" in page


@pytest.mark.django_db
def test_api_keeps_its_own_answer(full):
    with failing():
        response = full.get("/api/v1/inquiries/0199aaaa-0000-7000-8000-000000000000")

    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
@pytest.mark.postgresql
def test_read_only_database_after_a_failover_keeps_what_was_typed(admin_client):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")

    response = admin_client.post(GROUPS, {"name": "Night shift"})

    assert is_busy_page(response)
    assert Form(response).fields["name"] == ["Night shift"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "outcome"), [("25006", "was left as it is: the database was busy"), ("42P01", None)]
)
def test_action_on_an_inquiry_reports_a_busy_database_and_no_mistake_of_ours(
    admin_client, monkeypatch, state, outcome
):
    def fail(*_, **__):
        raise of_postgresql(InternalError, state)

    inquiry = InquiryFactory()
    monkeypatch.setattr("crm.admin.outcomes.accept_inquiry", fail)
    admin_client.raise_request_exception = False

    url = f"/admin/leads/inquiry/{inquiry.pk}/accept/"
    response = admin_client.post(url, {"_form_submitted": "True"}, follow=True)

    if outcome:
        assert outcome in said(response)[0]
    else:
        assert response.status_code == 500
