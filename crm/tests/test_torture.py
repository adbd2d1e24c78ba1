"""The service killed, frozen, cut off and restarted while clients post; then a checker that trusts nobody.

The long form is `python -m benchmarks.torture`.
"""

import random
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from benchmarks import _checker, torture
from config.testrun import Missing
from leads.models import Assignment
from leads.tests.factories import InquiryFactory
from routing.tests.factories import OperatorFactory, SourceFactory
from triage.models import Insight
from triage.tests.factories import JobFactory

pytestmark = [pytest.mark.postgresql]


@pytest.mark.xdist_group("torture")
def test_nothing_acknowledged_is_lost_or_doubled_whatever_dies():
    """On servers of its own: these are restarted, and other tests use those of the run."""
    try:
        outcome = torture.torture(seconds=0, rng=random.Random(1), pauses=(0.2, 1.0), waits_for_leases=False)
    except Missing as error:
        pytest.skip(str(error))

    assert outcome.found == []
    assert set(outcome.faults_made) == set(torture.FAULTS)
    assert len(outcome.acknowledged) > 20


@pytest.fixture
def database(db):
    """The test's own connection, past Django."""
    connection.ensure_connection()
    _checker.plant_history(connection.connection)
    return connection.connection


def find(database, *, acknowledged=(), statuses=None):
    """Return the kinds of faults that the checker finds."""
    return [fault.kind for fault in _checker.faults(database, acknowledged=acknowledged, statuses=statuses or {})]


def record(inquiry):
    """Record that the inquiry's operator, or nobody, was chosen for it."""
    reason = "fair" if inquiry.operator else "all_full"
    Assignment.objects.create(
        inquiry=inquiry, operator=inquiry.operator, reason=reason, trigger="intake", created_at=timezone.now()
    )


def read(inquiry, text="content"):
    job = JobFactory(inquiry=inquiry, content_hash=text)
    now = timezone.now()
    Insight.objects.create(
        job=job, inquiry=inquiry, content_hash=text, intent="buy", priority="P1", confidence=1, created_at=now
    )


def make_inquiry(**fields):
    """Make an inquiry that was chosen an operator for, or recorded as waiting, and read."""
    inquiry = InquiryFactory(**fields)
    record(inquiry)
    read(inquiry)
    return inquiry


@pytest.fixture
def anna():
    return OperatorFactory(name="Anna", max_load=1)


@pytest.fixture
def source(anna):
    return SourceFactory(weights={anna: 1})


def test_checker_finds_nothing_where_nothing_is_wrong(database, anna, source):
    held = make_inquiry(source=source, operator=anna, extra={"key": "a"})
    waiting = make_inquiry(source=source, extra={"key": "b"})
    held.resolved_at = timezone.now()
    held.save()
    make_inquiry(source=source, operator=anna)

    acknowledged = [("a", str(held.pk)), ("b", str(waiting.pk)), ("a", str(held.pk))]
    assert find(database, acknowledged=acknowledged, statuses={201: 2, 200: 1, 503: 9, 409: 1}) == []


def test_checker_finds_what_was_acknowledged_and_is_not_there(database):
    assert find(database, acknowledged=[("a", str(uuid4()))]) == ["lost"]


def test_checker_finds_a_key_with_two_inquiries(database):
    first = make_inquiry(extra={"key": "a"})
    make_inquiry(extra={"key": "a"})

    assert find(database, acknowledged=[("a", str(first.pk))]) == ["doubled"]


def test_checker_finds_a_key_that_was_answered_with_two_ids(database):
    first, second = (make_inquiry(extra={"key": "a"}) for _ in range(2))

    assert find(database, acknowledged=[("a", str(first.pk)), ("a", str(second.pk))]) == ["doubled", "two answers"]


def test_checker_finds_an_inquiry_that_was_not_read(database):
    record(InquiryFactory())

    assert find(database) == ["not read"]
    assert _checker.unread_count(database) == 1


def test_checker_finds_an_inquiry_that_was_read_twice(database):
    read(make_inquiry(), "another content")

    assert find(database) == ["read twice"]


def test_checker_finds_a_limit_that_was_exceeded_for_a_moment(database, anna, source):
    make_inquiry(source=source, operator=anna)
    second = make_inquiry(source=source, operator=anna)
    separate_transactions(database)
    second.resolved_at = timezone.now()
    second.save()

    assert find(database) == ["over the limit"]


def separate_transactions(database):
    """Have the history say that what it holds so far was done in a transaction of its own."""
    database.execute("UPDATE torture_history SET xid = '3'")


def test_checker_finds_an_operator_whom_no_record_names(database, anna, source):
    read(InquiryFactory(source=source, operator=anna))

    assert find(database) == ["not in the history"]


def test_checker_finds_an_inquiry_that_waits_beside_a_free_place(database, source):
    make_inquiry(source=source)

    assert find(database) == ["waits beside a free place"]


@pytest.mark.parametrize("status", [500, 502, 404, _checker.NEVER_ANSWERED])
def test_checker_finds_an_answer_that_no_valid_request_should_get(database, status):
    assert find(database, statuses={201: 5, status: 1}) == ["wrong answer"]
