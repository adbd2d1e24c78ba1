"""API keys at the desk: shown once, revoked for ever."""

import pytest

from crm.keys import create_key
from crm.models import ApiKey
from routing.tests.factories import SourceFactory

from .conftest import Api
from .desk import said, staff

pytestmark = pytest.mark.django_db

LIST = "/admin/crm/apikey/"


@pytest.fixture
def source():
    return SourceFactory()


def add_key(client, source):
    response = client.post(f"{LIST}add/", {"source": source.pk, "name": "landing page", "scope": "full"})
    return response, response.context["key"]


def test_a_new_key_works(admin_client, source):
    _, key = add_key(admin_client, source)

    response = Api(key).post({"email": "ann@example.com"})

    assert response.status_code == 201


def test_a_new_key_is_shown_once_and_kept_nowhere(admin_client, source):
    response, key = add_key(admin_client, source)

    assert key in response.content.decode()
    assert response["Cache-Control"] == "no-store" or "no-store" in response["Cache-Control"]
    assert key not in str(response.cookies)
    page = f"{LIST}{ApiKey.objects.get().pk}/change/"
    for url in (LIST, page):
        shown = admin_client.get(url).content.decode()
        assert key not in shown
        assert ApiKey.objects.get().key_hash not in shown


def test_only_the_name_of_a_key_can_be_edited(admin_client, source):
    api_key, _ = create_key(source, name="page")
    forged = {"name": "landing", "scope": "full", "source": SourceFactory().pk, "key_hash": "0" * 64}

    admin_client.post(f"{LIST}{api_key.pk}/change/", forged)

    was = api_key.key_hash
    api_key.refresh_from_db()
    assert (api_key.name, api_key.scope, api_key.source, api_key.key_hash) == ("landing", "intake", source, was)


def test_a_revoked_key_is_refused(admin_client, source):
    api_key, key = create_key(source, name="page")

    response = admin_client.post(
        LIST, {"action": "revoke", "_selected_action": [api_key.pk], "index": "0"}, follow=True
    )

    assert said(response) == ["1 key revoked."]
    assert Api(key).post({"email": "ann@example.com"}).status_code == 401


def test_a_key_is_revoked_on_its_page_after_a_question(admin_client, source):
    api_key, _ = create_key(source, name="page")
    url = f"{LIST}{api_key.pk}/revoke_this/"

    admin_client.get(url)
    api_key.refresh_from_db()
    assert api_key.revoked_at is None

    response = admin_client.post(url, {"_form_submitted": "True"}, follow=True)
    assert said(response) == ["1 key revoked."]
    assert admin_client.post(f"{LIST}nonsense/revoke_this/", {"_form_submitted": "True"}).status_code == 302


def test_who_may_only_look_revokes_nothing(client, source):
    api_key, _ = create_key(source, name="page")
    client.force_login(staff("crm.view_apikey"))

    client.post(LIST, {"action": "revoke", "_selected_action": [api_key.pk], "index": "0"})

    api_key.refresh_from_db()
    assert api_key.revoked_at is None


def test_keys_are_revoked_not_deleted(admin_client, source):
    api_key, _ = create_key(source, name="page")

    assert admin_client.post(f"{LIST}{api_key.pk}/delete/", {"post": "yes"}).status_code == 403
