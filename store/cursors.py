"""Cursors for statements whose text stays the same."""

from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper


def prepared_cursor(connection) -> CursorWrapper:
    """Return a cursor whose statements PostgreSQL plans once a connection; on SQLite, whose driver keeps them, any.

    For statements with few texts and exact types only. Django's option ``server_side_binding`` would do it for all
    queries, and cuts `F("due") + 24_000_000_000` to 32 bits: it takes the number for an IntegerField's.
    """
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return connection._prepare_cursor(ServerBindingCursor(connection.connection))
