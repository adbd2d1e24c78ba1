"""A batch: each item has a result of its own, whatever becomes of the others."""

import json
from types import SimpleNamespace

import pytest

from crm import services
from crm.api import intake as doors
from crm.api.intake import BATCH_SECONDS, MAX_BATCH
from crm.group_commit import MAX_GROUP
from crm.keys import create_key
from crm.models import Scope
from leads.models import Inquiry, Lead

from .conftest import Api, source_with
from .intake import statements

PATH = "/api/v1/inquiries/batch"


def items_from_strangers(count, *, who="stranger"):
    return [{"email": f"{who}-{n}@example.com", "message": "Price?"} for n in range(count)]


def send_batch(api, items):
    response = api.post({"items": items}, path=PATH)
    assert response.status_code == 200, response.content
    return response, response.json()["results"]


@pytest.fixture
def poison(monkeypatch):
    """Let the transaction break that takes in an inquiry with the text "poison"."""
    open_inquiries = services.open_inquiries

    def open_or_break(inquiries, **kwargs):
        if any(inquiry.message == "poison" for inquiry in inquiries):
            raise ValueError("poison")
        return open_inquiries(inquiries, **kwargs)

    monkeypatch.setattr(services, "open_inquiries", open_or_break)


@pytest.fixture
def clock(monkeypatch):
    """The door's own clock; each time it is read a part has taken ``clock.part_seconds``."""
    clock = SimpleNamespace(now=0.0, part_seconds=0.0)

    def monotonic():
        clock.now += clock.part_seconds
        return clock.now

    monkeypatch.setattr(doors, "time", SimpleNamespace(monotonic=monotonic))
    return clock


def test_item_that_breaks_its_part_breaks_alone(intake, poison, caplog):
    items = [*items_from_strangers(2), {"email": "evil@example.com", "message": "poison"}]
    items += items_from_strangers(2, who="friend")

    _, results = send_batch(intake, items)

    assert [result["status"] for result in results] == [201, 201, 500, 201, 201]
    assert [result["index"] for result in results] == [0, 1, 2, 3, 4]
    assert results[2]["problem"]["type"] == "/api/problems/internal"
    assert Inquiry.objects.count() == 4
    assert not Lead.objects.filter(email="evil@example.com").exists()
    assert "poison" in caplog.text


def test_each_item_is_answered_with_its_own_inquiry(intake):
    items = items_from_strangers(5)

    _, results = send_batch(intake, items)

    assert [result["inquiry"]["lead"]["email"] for result in results] == [item["email"] for item in items]
    assert len({result["inquiry"]["id"] for result in results}) == 5


def test_second_of_two_items_with_a_key_is_answered_with_the_first(intake, ann):
    _, results = send_batch(intake, [ann | {"idempotency_key": "order-1"}] * 2)

    assert [result["status"] for result in results] == [201, 200]
    assert results[0]["inquiry"] == results[1]["inquiry"]
    assert Inquiry.objects.count() == 1


def test_key_of_an_item_with_another_body_is_a_conflict(intake, ann):
    other = ann | {"message": "Something else."}

    _, results = send_batch(intake, [item | {"idempotency_key": "order-1"} for item in (ann, other)])

    assert [result["status"] for result in results] == [201, 409]
    assert results[1]["problem"]["type"] == "/api/problems/idempotency-key-reused"
    assert Inquiry.objects.count() == 1


def test_key_of_an_item_is_the_key_of_a_single_post(intake, ann):
    first = intake.post(ann, idempotency_key="order-1")

    _, results = send_batch(intake, [ann | {"idempotency_key": "order-1"}])

    assert (results[0]["status"], results[0]["inquiry"]) == (200, first.json())


def test_equal_keys_in_two_parts_of_a_batch_are_one_inquiry(intake, ann):
    with_key = ann | {"idempotency_key": "order-1"}

    _, results = send_batch(intake, [with_key, *items_from_strangers(MAX_GROUP), with_key])

    assert (results[0]["status"], results[-1]["status"]) == (201, 200)
    assert results[0]["inquiry"] == results[-1]["inquiry"]


def test_what_is_not_reached_in_time_says_so_and_is_safe_to_send_again(intake, clock):
    items = [item | {"idempotency_key": f"order-{n}"} for n, item in enumerate(items_from_strangers(3 * MAX_GROUP))]
    clock.part_seconds = BATCH_SECONDS * 0.6

    response, results = send_batch(intake, items)

    assert [result["status"] for result in results] == [201] * MAX_GROUP + [503] * 2 * MAX_GROUP
    assert {result["problem"]["type"] for result in results[MAX_GROUP:]} == {"/api/problems/unavailable"}
    assert int(response["Retry-After"]) > 0
    assert Inquiry.objects.count() == MAX_GROUP

    clock.part_seconds = 0
    response, results = send_batch(intake, items)

    assert [result["status"] for result in results] == [200] * MAX_GROUP + [201] * 2 * MAX_GROUP
    assert "Retry-After" not in response
    assert Inquiry.objects.count() == 3 * MAX_GROUP


def test_batch_in_time_names_no_time_to_try_again(intake, clock):
    response, _ = send_batch(intake, items_from_strangers(1))

    assert "Retry-After" not in response


def test_thousand_items_cost_ten_times_the_statements_of_a_hundred(db):
    site = source_with("shop", operators=[(f"Operator {n}", 100, 1) for n in range(12)])
    api = Api(create_key(site, name="shop", scope=Scope.FULL)[1])
    api.post({"email": "first@example.com"})

    with statements() as of_hundred:
        send_batch(api, items_from_strangers(100, who="early"))
    with statements() as of_thousand:
        _, results = send_batch(api, items_from_strangers(MAX_BATCH, who="late"))

    assert {result["inquiry"]["status"] for result in results} == {"assigned"}
    assert len(of_hundred) < 12
    assert len(of_thousand) == 10 * len(of_hundred), json.dumps(of_hundred, indent=1)
