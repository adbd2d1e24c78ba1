"""One writer after the other: the gate before SQLite's own lock."""

import threading

import pytest
from django.db import OperationalError, connection, connections, transaction

from routing.models import Source
from routing.tests.factories import SourceFactory
from routing.tests.parallel import in_parallel
from store.sqlite3.base import _gates

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it is SQLite's"),
]


def gate():
    return _gates[str(connection.settings_dict["NAME"])]


def test_transaction_holds_the_gate_until_its_end():
    with transaction.atomic():
        assert gate().locked()
        with transaction.atomic():
            pass
        assert gate().locked()
    assert not gate().locked()


def test_transaction_that_fails_opens_the_gate():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        1 / 0  # noqa: B018 - it is to fail.

    assert not gate().locked()


def test_commit_that_fails_opens_the_gate(monkeypatch):
    def fail():
        raise OperationalError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OperationalError, match="disk full"), transaction.atomic():
        patch.setattr(connection, "_commit", fail)

    assert not gate().locked()
    SourceFactory()


def test_connection_that_is_closed_in_a_transaction_opens_the_gate():
    def leave_open():
        connection.set_autocommit(False)
        connections.close_all()

    in_parallel([leave_open])

    assert not gate().locked()


def test_writers_of_many_threads_all_get_through():
    site = SourceFactory(dedup_minutes=0)

    def add_one():
        with transaction.atomic():
            minutes = Source.objects.values_list("dedup_minutes", flat=True).get(pk=site.pk)
            Source.objects.filter(pk=site.pk).update(dedup_minutes=minutes + 1)

    in_parallel([add_one] * 40)

    assert Source.objects.get().dedup_minutes == 40


def test_gate_that_does_not_open_is_a_locked_database(monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    held = threading.Lock()
    held.acquire()
    monkeypatch.setitem(_gates, str(connection.settings_dict["NAME"]), held)

    with pytest.raises(OperationalError, match="database is locked"), transaction.atomic():
        raise AssertionError("It must not begin.")
