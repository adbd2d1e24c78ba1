"""How long a process may go by what it remembers of a key."""

from types import SimpleNamespace

import pytest
from django.utils import timezone

from crm.api import authentication
from crm.api.authentication import REMEMBER_SECONDS
from crm.models import ApiKey

from .conftest import Api, problem
from .intake import statements


@pytest.fixture
def clock(monkeypatch):
    """The seconds that go by for what is remembered: ``clock.now += 1``."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(authentication, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def revoke(site):
    ApiKey.objects.filter(source=site).update(revoked_at=timezone.now())


def switch_off(site):
    type(site).objects.filter(pk=site.pk).update(is_active=False)


@pytest.mark.parametrize(("change", "slug"), [(revoke, "unauthenticated"), (switch_off, "forbidden")])
def test_key_is_refused_once_it_is_no_longer_remembered(intake, ann, site, clock, change, slug):
    assert intake.post(ann).status_code == 201
    change(site)

    clock.now += REMEMBER_SECONDS - 0.01
    assert intake.post(ann).status_code == 201
    clock.now += 0.02
    assert problem(intake.post(ann)) == slug


@pytest.mark.parametrize("path", ["/api/v1/inquiries", "/api/v1/inquiries/batch"])
def test_every_view_goes_by_the_same_memory(intake, ann, site, clock, path):
    intake.post(ann)
    revoke(site)
    clock.now += REMEMBER_SECONDS

    assert problem(intake.post({"items": [ann]}, path=path)) == "unauthenticated"


def test_remembering_does_not_go_on_because_the_key_is_used(intake, ann, site, clock):
    intake.post(ann)
    revoke(site)

    answers = []
    for _ in range(4):
        clock.now += REMEMBER_SECONDS / 2
        answers.append(intake.post(ann).status_code)

    assert answers == [201, 401, 401, 401]


def test_source_switched_on_again_is_served_as_soon(intake, ann, site, clock):
    switch_off(site)
    assert problem(intake.post(ann)) == "forbidden"
    type(site).objects.update(is_active=True)

    clock.now += REMEMBER_SECONDS

    assert intake.post(ann).status_code == 201


def test_remembered_key_is_not_looked_up(intake, ann, clock):
    intake.post(ann)

    with statements() as sent:
        intake.post(ann)

    assert [sql for sql in sent if "crm_apikey" in sql] == []


def test_unknown_keys_are_not_remembered(intake, site, ann, clock):
    unknown = [Api(f"crm_{n:08x}_guess") for n in range(3)]

    assert [problem(api.post(ann)) for api in unknown] == ["unauthenticated"] * 3
    assert authentication._known_keys == {}
    intake.post(ann)
    assert len(authentication._known_keys) == 1


def test_revoked_key_is_forgotten(intake, site, ann, clock):
    intake.post(ann)
    revoke(site)
    clock.now += REMEMBER_SECONDS
    intake.post(ann)

    assert authentication._known_keys == {}
