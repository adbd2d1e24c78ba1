"""One writer after the other: the gate before SQLite's own lock."""

import subprocess
import sys

import pytest
from django.db import OperationalError, connection, connections, transaction

from routing.models import Source
from routing.tests.factories import SourceFactory
from routing.tests.parallel import in_parallel
from store.sqlite3.base import Gate, _gates

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it is SQLite's"),
]


def gate():
    return _gates[str(connection.settings_dict["NAME"])]


def test_transaction_holds_the_gate_until_its_end():
    with transaction.atomic():
        assert gate().is_held()
        with transaction.atomic():
            pass
        assert gate().is_held()
    assert not gate().is_held()


def test_transaction_that_fails_opens_the_gate():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        1 / 0  # noqa: B018 - it is to fail.

    assert not gate().is_held()


def test_commit_that_fails_opens_the_gate(monkeypatch):
    def fail():
        raise OperationalError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OperationalError, match="disk full"), transaction.atomic():
        patch.setattr(connection, "_commit", fail)

    assert not gate().is_held()
    SourceFactory()


def test_connection_that_is_closed_in_a_transaction_opens_the_gate():
    def leave_open():
        connection.set_autocommit(False)
        connections.close_all()

    in_parallel([leave_open])

    assert not gate().is_held()


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
    held = Gate("")
    held.enter(1)
    monkeypatch.setitem(_gates, str(connection.settings_dict["NAME"]), held)

    with pytest.raises(OperationalError, match="database is locked"), transaction.atomic():
        raise AssertionError("It must not begin.")


HOLD = """
import sys, time
from store.sqlite3.base import Gate
assert Gate(sys.argv[1]).enter(1)
print("held", flush=True)
time.sleep(60)
"""


def test_gate_is_one_for_all_processes_and_free_when_its_holder_is_killed(tmp_path):
    database = str(tmp_path / "crm.sqlite3")
    with subprocess.Popen([sys.executable, "-c", HOLD, database], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        mine = Gate(database)

        assert not mine.enter(0.05)
        assert not mine.is_held()
        holder.kill()
        assert mine.enter(10)

    mine.leave()
    assert Gate(database).enter(0)
