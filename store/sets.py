"""Rows written as sets: one statement for any number of rows, its text made from the model's fields.

    write(
        insert(Lead, [{"id": …, "name": "Ann", …}, …]),
        update(Weight, [{"id": 7, "due": 12}, …]),
    )

The rows of a set travel as one JSON document and one parameter. PostgreSQL takes all sets of a `write` in one
statement, SQLite one after the other; foreign keys are checked at the commit on both, so the order is free. Nothing is
filled in: a row names every column that may not be null. Callers run inside a transaction of their own.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Field, JSONField, Model

from .cursors import prepared_cursor
from .documents import dumps

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Statement:
    """One set to write: its verb, its table, and rows that all have the same columns."""

    verb: str
    model: type[Model]
    rows: Sequence[Row]
    is_lenient: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.rows[0])


def insert(model: type[Model], rows: Sequence[Row], *, ignore_conflicts: bool = False) -> Statement:
    """Return the statement that inserts these rows, given by column name (``lead_id``, not ``lead``)."""
    return Statement("insert", model, rows, is_lenient=ignore_conflicts)


def update(model: type[Model], rows: Sequence[Row]) -> Statement:
    """Return the statement that sets columns where the first one, which is unique, has the row's value."""
    return Statement("update", model, rows)


def write(*statements: Statement) -> None:
    """Carry out statements; those without rows are left out. Raises IntegrityError and what the database raises."""
    connection = connections[DEFAULT_DB_ALIAS]
    statements = [statement for statement in statements if statement.rows]
    parts = [(_sql_of(s.verb, s.model, s.columns, s.is_lenient, connection.vendor), s) for s in statements]
    with prepared_cursor(connection) as cursor:
        if connection.vendor == "postgresql" and len(parts) > 1:
            sql = ", ".join(f"set_{n} AS ({sql})" for n, (sql, _) in enumerate(parts))
            cursor.execute(f"WITH {sql} SELECT 1", [_document(s, connection.vendor) for _, s in parts])
            return
        for sql, statement in parts:
            cursor.execute(sql, [_document(statement, connection.vendor)])


def insert_new(model: type[Model], rows: Sequence[Row], *, returning: Sequence[str]) -> list[tuple]:
    """Insert the rows that conflict with none that is there, and return these columns of those inserted.

    On PostgreSQL it waits for transactions that are about to insert the same; rows are tried in their order.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    statement = insert(model, rows, ignore_conflicts=True)
    sql = _sql_of("insert", model, statement.columns, True, connection.vendor)
    with prepared_cursor(connection) as cursor:
        columns = ", ".join(map(_quoted, returning))
        cursor.execute(f"{sql} RETURNING {columns}", [_document(statement, connection.vendor)])
        return cursor.fetchall()


@lru_cache(maxsize=256)
def _sql_of(verb: str, model: type[Model], columns: tuple[str, ...], is_lenient: bool, vendor: str) -> str:
    fields = {field.column: field for field in model._meta.concrete_fields}
    source = _SOURCES[vendor]([fields[column] for column in columns])
    table = _quoted(model._meta.db_table)
    if verb == "update":
        key, *rest = columns
        assignments = ", ".join(f"{_quoted(column)} = r.{_quoted(column)}" for column in rest)
        return f"UPDATE {table} SET {assignments} FROM {source} WHERE {table}.{_quoted(key)} = r.{_quoted(key)}"
    names = ", ".join(_quoted(column) for column in columns)
    lenient = " ON CONFLICT DO NOTHING" if is_lenient else ""
    # SQLite would take ON for the beginning of a join, were there no WHERE.
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {source} WHERE true{lenient}"


def _postgresql_source(fields: list[Field]) -> str:
    connection = connections[DEFAULT_DB_ALIAS]
    columns = ", ".join(f"{_quoted(field.column)} {field.rel_db_type(connection)}" for field in fields)
    return f"json_to_recordset(%s::json) AS r({columns})"


def _sqlite_source(fields: list[Field]) -> str:
    columns = ", ".join(f"json_extract(value, '$.{field.column}') AS {_quoted(field.column)}" for field in fields)
    return f"(SELECT {columns} FROM json_each(%s)) AS r"


_SOURCES = {"postgresql": _postgresql_source, "sqlite": _sqlite_source}


def _document(statement: Statement, vendor: str) -> str:
    if vendor == "postgresql":
        return dumps(statement.rows)
    return json.dumps(_with_json_as_text(statement), ensure_ascii=False, default=_for_sqlite)


def _for_sqlite(value):
    """Write a value the way Django's SQLite backend keeps it."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None))
    raise TypeError(f"{value!r} cannot be written as JSON")


def _with_json_as_text(statement: Statement) -> list[Row]:
    """Return the rows with JSON columns as the text that they are on SQLite."""
    texts = [f.column for f in statement.model._meta.concrete_fields if isinstance(f, JSONField)]
    texts = [column for column in texts if column in statement.columns]
    if not texts:
        return statement.rows
    return [row | {column: dumps(row[column]) for column in texts} for row in statement.rows]


def _quoted(name: str) -> str:
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(name)
