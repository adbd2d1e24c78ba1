"""A connection that may be the cause of an error is thrown away, and no other."""

from copy import deepcopy

import psycopg
import pytest
from django.db import IntegrityError, InternalError, OperationalError, connection, transaction

from store import connections
from store.connections import discard_after

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def error_of(django_class, driver_error):
    error = django_class("as it happens")
    error.__cause__ = driver_error
    return error


def own_connection():
    connection.ensure_connection()
    return connection.connection


CAUSES = [
    error_of(InternalError, psycopg.errors.ReadOnlySqlTransaction()),
    error_of(OperationalError, psycopg.errors.AdminShutdown()),
    error_of(OperationalError, psycopg.OperationalError("the connection is closed")),
]
OTHERS = [
    error_of(OperationalError, psycopg.errors.DeadlockDetected()),
    error_of(OperationalError, psycopg.errors.LockNotAvailable()),
    error_of(OperationalError, psycopg.errors.QueryCanceled()),
    error_of(IntegrityError, psycopg.errors.UniqueViolation()),
    ValueError("a mistake"),
]


def test_connection_is_closed_after_what_it_may_have_caused_and_kept_after_the_rest():
    for error in [*CAUSES, *OTHERS]:
        before = own_connection()

        discard_after(error)

        assert (own_connection() is not before) == before.closed == (error in CAUSES), error


def test_connection_is_left_to_the_transaction_that_it_is_in():
    with transaction.atomic():
        before = own_connection()
        discard_after(error_of(OperationalError, psycopg.errors.AdminShutdown()))

        assert own_connection() is before


def test_pool_does_not_hand_a_discarded_connection_out_again(monkeypatch):
    pooled = connection.copy(alias="pooled")
    pooled.settings_dict = deepcopy(pooled.settings_dict)
    pooled.settings_dict["CONN_MAX_AGE"] = 0
    pooled.settings_dict["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 1}
    monkeypatch.setattr(connections, "connection", pooled)
    with pooled.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")

    discard_after(error_of(InternalError, psycopg.errors.ReadOnlySqlTransaction()))

    with pooled.cursor() as cursor:
        cursor.execute("SHOW default_transaction_read_only")
        assert cursor.fetchone() == ("off",)
    pooled.close()
    pooled.close_pool()
