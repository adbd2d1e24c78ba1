"""Taking in a list is taking in its submissions one after the other: the same answers, rows, records and ledgers."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.idempotency import KeyReused
from crm.models import IdempotencyKey
from crm.services import receive_inquiries
from leads.models import Assignment, Identity, Inquiry, Lead, LeadDetail, PossibleDuplicate
from routing.choice import Strategy
from routing.models import Operator, Weight
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.models import Job

from .intake import arrival, send

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

MESSAGES = st.fixed_dictionaries(
    {
        "email": st.sampled_from([None, "ann@example.com", "bob@example.com", "cid@example.com"]),
        "phone": st.sampled_from([None, None, "+79990000001", "+79990000002"]),
        "external": st.sampled_from([None, None, "1", "2"]),
        "name": st.sampled_from(["", "Ann Lee"]),
        "message": st.sampled_from(["Price?", "price? ", "Срочно! Сайт лежит, теряем деньги!", ""]),
        "key": st.sampled_from([None, None, None, "order-1", "order-2"]),
        "is_public": st.booleans(),
    }
).filter(lambda message: message["email"] or message["phone"] or message["external"])


@contextmanager
def rollback():
    """Undo what the block writes. A savepoint, not `atomic`: durable transactions may be opened inside."""
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(savepoint)


def every_row() -> dict:
    """What an attempt left. Each submission has a moment of its own, which stands for the ids."""
    return {
        "leads": rows(Lead, "created_at", "name", "email", "phone", "search", "updated_at"),
        "contacts": rows(Identity, "kind", "value", "is_confirmed", "lead__created_at", "created_at"),
        "details": rows(LeadDetail, "lead__created_at", "kind", "value", "is_confirmed", "created_at"),
        "duplicates": {frozenset(pair) for pair in rows(PossibleDuplicate, "lead__created_at", "other__created_at")},
        "inquiries": rows(
            Inquiry,
            "created_at",
            "lead__created_at",
            "operator",
            "assigned_at",
            "message",
            "status",
            "waiting_reason",
            "repeat_count",
        ),
        "assignments": rows(Assignment, "created_at", "inquiry__created_at", "operator", "reason", "decision"),
        "jobs": rows(Job, "inquiry__created_at", "kind", "content_hash", "is_urgent"),
        "ledgers": rows(Weight, "operator", "due", "received_count", "last_received_at"),
        "keys": [(key, digest, without_ids(json.loads(text))) for key, digest, text in stored_answers()],
    }


def rows(model, *columns):
    return sorted(model.objects.values_list(*columns), key=str)


def stored_answers():
    return IdempotencyKey.objects.order_by("key").values_list("key", "digest", "answer")


def without_ids(answer):
    """An answer with the moments of its lead and inquiry in the place of their ids."""
    moments = {"id": Inquiry, "lead": Lead}
    return answer | {name: model.objects.get(pk=answer[name]).created_at for name, model in moments.items()}


def comparable(outcome):
    if isinstance(outcome, Exception):
        return type(outcome).__name__
    return without_ids(outcome.answer), outcome.is_replay, outcome.is_duplicate


def one_by_one(site, messages):
    return [comparable(send_or_refuse(site, **message)) for message in messages]


def send_or_refuse(site, **message):
    try:
        return send(site, rng=lambda: 0.4, **message)
    except KeyReused as error:
        return error


def at_once(site, messages):
    arrivals = [arrival(site, **message) for message in messages]
    receive_inquiries(arrivals, source=site, rng=lambda: 0.4)
    return [comparable(arrival.outcome) for arrival in arrivals]


def attempt(take_in, site, messages):
    """Return the outcomes and all rows after these messages were taken in, and undo it."""
    with rollback():
        return take_in(site, messages), every_row()


@settings(max_examples=60)
@given(
    earlier=st.lists(MESSAGES, max_size=4),
    messages=st.lists(MESSAGES, min_size=1, max_size=8),
    strategy=st.sampled_from(list(Strategy)),
    is_sticky=st.booleans(),
    limits=st.lists(st.integers(1, 3), min_size=0, max_size=3),
)
def test_list_is_taken_in_as_its_submissions_one_after_the_other(earlier, messages, strategy, is_sticky, limits):
    with rollback():
        operators = {OperatorFactory(max_load=limit): n + 1 for n, limit in enumerate(limits)}
        site = SourceFactory(strategy=strategy, is_sticky=is_sticky, weights=operators)
        moments = (START + timedelta(seconds=n) for n in range(100))
        earlier, messages = ([m | {"now": next(moments)} for m in some] for some in (earlier, messages))
        one_by_one(site, earlier)

        assert attempt(at_once, site, messages) == attempt(one_by_one, site, messages)


def test_those_who_wait_beside_a_free_operator_go_first():
    anna = OperatorFactory(max_load=1, is_active=False)
    site = SourceFactory(weights={anna: 1})
    send(site, email="first@example.com", now=START)
    Operator.objects.update(is_active=True)
    messages = [{"email": f"{n}@example.com", "now": START + timedelta(seconds=1)} for n in (1, 2)]

    assert attempt(at_once, site, messages) == attempt(one_by_one, site, messages)
    at_once(site, messages)
    assert anna.inquiries.get().lead.email == "first@example.com"


@pytest.mark.parametrize("before", [[], [{"email": "stranger@example.com"}]])
def test_returning_lead_goes_to_the_operator_who_has_just_got_what_waited(before):
    """Fairly it would be the other one's turn."""
    operators = [OperatorFactory(max_load=5, is_active=False) for _ in range(2)]
    site = SourceFactory(is_sticky=True, weights=dict.fromkeys(operators, 1))
    send(site, email="pat@example.com", message="First.", now=START)
    Operator.objects.update(is_active=True)
    messages = [m | {"now": START + timedelta(seconds=1)} for m in [*before, {"email": "pat@example.com"}]]

    assert attempt(at_once, site, messages) == attempt(one_by_one, site, messages)
    at_once(site, messages)
    assert len(set(Inquiry.objects.filter(lead__email="pat@example.com").values_list("operator"))) == 1
