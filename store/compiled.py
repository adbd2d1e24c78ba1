"""Querysets compiled once, run many times, read as tuples.

    OPERATORS_OF = Compiled(lambda: Operator.objects.filter(sources=Given("source")).values_list("pk", "name"))
    OPERATORS_OF.rows(source=3)  ->  [(1, "Anna"), (2, "Boris")]

What is left open is a `Given`, or a `GivenList` after ``__among``. The SQL is Django's own, and so are the converters
of what comes back; the text stays the same however many values a list has.
"""

import json
from collections.abc import Callable, Iterable
from typing import ClassVar, Self

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import CharField, Expression, Field, ForeignObject, Lookup, QuerySet, TextField

from .cursors import prepared_cursor


class Given(Expression):
    """A value that is passed each time the compiled queryset is run, under this name."""

    def __init__(self, name: str, output_field: Field | None = None):
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler, connection):
        return "%s", [self]

    def prepare(self, value, connection):
        """Return the value as the database driver takes it."""
        field = self._output_field_or_none
        return field.get_db_prep_value(value, connection) if field else value


class GivenList(Given):
    """Several values, for the lookup ``__among``; they go to the database as one parameter."""

    def of(self, field: Field) -> "GivenList":
        """Return the same for values of this field."""
        return GivenList(self.name, field)

    def prepare(self, values: Iterable, connection):
        values = [super(GivenList, self).prepare(value, connection) for value in values]
        return json.dumps(values) if connection.vendor == "sqlite" else values


@ForeignObject.register_lookup
@Field.register_lookup
class Among(Lookup):
    """``field__among=GivenList(name)``: as ``__in``, with the same text for any number of values."""

    lookup_name = "among"

    def as_sqlite(self, compiler, connection):
        return self._sql(compiler, connection, "%s IN (SELECT value FROM json_each(%%s))")

    def as_postgresql(self, compiler, connection):
        # A cast to varchar(n) would cut a longer value to a shorter one that may exist.
        field = self.lhs.output_field
        element = "text" if isinstance(field, CharField | TextField) else field.rel_db_type(connection)
        return self._sql(compiler, connection, f"%s = ANY(%%s::{element}[])")

    def _sql(self, compiler, connection, template):
        column, params = self.process_lhs(compiler, connection)
        return template % column, [*params, self.rhs.of(self.lhs.output_field)]


class Compiled:
    """A queryset of ``values_list`` with holes. ``build`` is called once a process and database.

    ``lock`` names the model whose rows are locked until the transaction ends, in the order of the queryset: Django's
    own ``select_for_update(of=…)`` wants whole instances. NO KEY: a row that merely refers to a locked one may still
    be written. Databases without row locks ignore it.
    """

    _all: ClassVar[list[Self]] = []

    def __init__(self, build: Callable[[], QuerySet], *, lock: type | None = None):
        self._build, self._lock = build, lock
        Compiled._all.append(self)
        self._statements: dict[str, tuple] = {}

    @classmethod
    def compile_all(cls) -> None:
        """Compile every queryset that was declared, for the default database: not at the cost of the first request."""
        for compiled in cls._all:
            compiled._compile(connections[DEFAULT_DB_ALIAS])

    def rows(self, **values) -> list:
        """Return the rows for these values, as sequences. Raises KeyError for a value that is missing."""
        connection = connections[DEFAULT_DB_ALIAS]
        compiler, sql, holes, converters = self._statements.get(connection.vendor) or self._compile(connection)
        params = [hole.prepare(values[hole.name], connection) if isinstance(hole, Given) else hole for hole in holes]
        with prepared_cursor(connection) as cursor:
            cursor.execute(sql, params)
            rows = cursor.fetchall()
        return list(compiler.apply_converters(rows, converters)) if converters else rows

    def queryset(self) -> QuerySet:
        """Return the queryset as it was written, holes and all."""
        return self._build()

    def _compile(self, connection):
        query = self._build().query
        compiler = query.get_compiler(connection=connection)
        sql, holes = compiler.as_sql()
        if self._lock and connection.features.has_select_for_update:
            alias = next(
                name for name, table in query.alias_map.items() if table.table_name == self._lock._meta.db_table
            )
            sql += f" FOR NO KEY UPDATE OF {connection.ops.quote_name(alias)}"
        # Of the connection that compiled it the converters use what all connections share.
        converters = compiler.get_converters([column for column, _, _ in compiler.select])
        # Threads that compile at the same moment compile the same.
        self._statements[connection.vendor] = statement = compiler, sql, holes, converters
        return statement
