"""The cast: Anna and Boris answer for the site, the outsider's key belongs to another source."""

import json

import pytest
from django.test import Client

from crm.keys import create_key
from crm.models import Scope
from routing.models import Operator, Source, Weight


class Api:
    """A client with a source's key: gives Django's responses."""

    def __init__(self, key: str):
        self.client = Client(headers={"authorization": f"Bearer {key}"}, raise_request_exception=False)

    def post(self, body, *, path="/api/v1/inquiries", content_type="application/json", **headers):
        """``body`` is sent as it is when it is bytes, else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, raw, content_type=content_type, headers=headers)

    def get(self, path):
        return self.client.get(path)

    def patch(self, path, body):
        return self.client.patch(path, json.dumps(body), content_type="application/json")


def source_with(slug="site", *, operators=(), **fields):
    """A source, and its operators by (name, max_load, weight)."""
    source = Source.objects.create(name=slug.title(), slug=slug, **fields)
    for name, max_load, weight in operators:
        operator = Operator.objects.create(name=name, max_load=max_load)
        Weight.objects.create(source=source, operator=operator, weight=weight)
    return source


@pytest.fixture
def site(db):
    return source_with("site", operators=[("Anna", 2, 3), ("Boris", 1, 1)])


@pytest.fixture
def intake(site):
    """What a web page holds: it may only send."""
    return Api(create_key(site, name="page", scope=Scope.INTAKE)[1])


@pytest.fixture
def full(site):
    return Api(create_key(site, name="back office", scope=Scope.FULL)[1])


@pytest.fixture
def outsider(db):
    """Another source's key, with every scope."""
    return Api(create_key(source_with("bot"), name="bot", scope=Scope.FULL)[1])


@pytest.fixture
def ann():
    return {
        "email": "Ann@Example.com",
        "phone": "+7 999 123-45-67",
        "name": "Ann Lee",
        "message": "Need urgent pricing for 50 seats ASAP!",
        "extra": {"utm_source": "ads"},
    }


def problem(response):
    """The slug of a problem+json answer, whose form is checked on the way."""
    assert response["Content-Type"] == "application/problem+json", response.content[:300]
    body = response.json()
    assert body["status"] == response.status_code
    assert body["title"] and body["detail"]
    return body["type"].rpartition("/")[2]
