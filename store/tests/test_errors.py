"""A busy, lost or read-only database is passing; a mistake of ours is not."""

import sqlite3
from contextlib import closing

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.transaction import TransactionManagementError

from store.errors import is_passing


def as_django_raises(kind, *, state):
    """An error of Django's as it wraps one of PostgreSQL's driver."""
    cause = Exception("of the driver")
    cause.sqlstate = state
    error = kind("wrapped")
    error.__cause__ = cause
    return error


def error_of_sqlite(path, *statements, timeout=0):
    with pytest.raises(sqlite3.Error) as caught, closing(sqlite3.connect(path, timeout=timeout)) as database:
        for statement in statements:
            database.execute(statement)
    error = OperationalError(str(caught.value))
    error.__cause__ = caught.value
    return error


@pytest.mark.parametrize(
    "kind, state",
    [
        (OperationalError, "08006"),
        (OperationalError, "08003"),
        (InternalError, "25006"),
        (InternalError, "25P03"),
        (OperationalError, "40001"),
        (OperationalError, "40P01"),
        (OperationalError, "53100"),
        (OperationalError, "53300"),
        (OperationalError, "55P03"),
        (OperationalError, "57014"),
        (OperationalError, "57P01"),
        (OperationalError, "57P02"),
        (OperationalError, "57P03"),
        (OperationalError, "57P05"),
        (OperationalError, "58030"),
        (OperationalError, None),
        (InterfaceError, None),
    ],
)
def test_states_that_end_by_themselves_are_passing(kind, state):
    assert is_passing(as_django_raises(kind, state=state))


@pytest.mark.parametrize(
    "kind, state",
    [
        (InternalError, "25P02"),
        (OperationalError, "54001"),
        (OperationalError, "55006"),
        (OperationalError, "57P04"),
        (InternalError, "XX000"),
        (ProgrammingError, "42P01"),
        (IntegrityError, "23505"),
        (DataError, "22003"),
    ],
)
def test_mistakes_that_stay_are_not_passing(kind, state):
    assert not is_passing(as_django_raises(kind, state=state))


def test_errors_without_a_code_are_passing_only_when_the_connection_may_be_lost():
    assert is_passing(OperationalError("database is locked"))
    assert is_passing(InterfaceError("connection already closed"))
    assert not is_passing(DatabaseError("no connection"))
    assert not is_passing(ValueError("database is locked"))
    assert not is_passing(None)


def test_locked_sqlite_is_passing(tmp_path):
    with closing(sqlite3.connect(tmp_path / "db")) as other:
        other.execute("BEGIN EXCLUSIVE")

        assert is_passing(error_of_sqlite(tmp_path / "db", "CREATE TABLE t (n)"))


def test_full_sqlite_is_passing(tmp_path):
    filled = "CREATE TABLE t (b)", "PRAGMA max_page_count = 2", "INSERT INTO t VALUES (zeroblob(100000))"

    assert is_passing(error_of_sqlite(tmp_path / "db", *filled))


def test_readonly_sqlite_is_passing(tmp_path):
    assert is_passing(error_of_sqlite(tmp_path / "db", "PRAGMA query_only = 1", "CREATE TABLE t (n)"))


def test_missing_table_of_sqlite_is_not_passing(tmp_path):
    assert not is_passing(error_of_sqlite(tmp_path / "db", "SELECT 1 FROM missing"))


@pytest.mark.django_db
def test_query_after_a_passing_error_in_the_same_transaction_is_passing():
    with pytest.raises(TransactionManagementError) as caught, transaction.atomic():
        transaction.set_rollback(True)
        connection.rollback_exc = OperationalError("database is locked")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    assert is_passing(caught.value)


@pytest.mark.django_db
@pytest.mark.postgresql
def test_read_only_and_timed_out_postgresql_are_passing():
    for statements in (
        "SET LOCAL transaction_read_only = on; CREATE TABLE written (n int)",
        "SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)",
    ):
        with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statements)

        assert is_passing(caught.value), statements
