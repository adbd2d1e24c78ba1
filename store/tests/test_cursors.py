"""Statements that are prepared give what others give."""

import pytest
from django.db import connection
from django.db.models import F

from routing.models import Weight
from routing.tests.factories import OperatorFactory, SourceFactory
from store.cursors import prepared_cursor

pytestmark = pytest.mark.django_db


def test_prepared_cursor_reads_and_is_seen_by_wrappers_of_execution():
    seen = []

    def note(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note), prepared_cursor(connection) as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
    assert seen == ["SELECT 1"]


@pytest.mark.postgresql
def test_statement_is_prepared_when_it_comes_again():
    with prepared_cursor(connection) as cursor:
        for number in (1, 2):
            cursor.execute("SELECT %s::bigint AS hot", [number])
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%AS hot'")
        assert cursor.fetchall() == [(1,)]


def test_large_numbers_reach_the_database_whole_through_querysets():
    SourceFactory(weights={OperatorFactory(): 1})

    Weight.objects.update(due=F("due") + 24_000_000_000)

    assert Weight.objects.get().due == 24_000_000_000
