"""This thread's connection to the database, and when it is of no use any more."""

from contextlib import suppress

from django.db import Error, connection

from .errors import is_passing

#: Deadlocks, serialization failures and timeouts end a transaction, and leave the connection as good as it was.
HARMLESS_CLASS = "40"
HARMLESS_STATES = {"55P03", "57014"}


def discard_after(error: BaseException) -> None:
    """Close this thread's connection if this error says that it may be the cause; the next query opens another.

    A connection that was killed is noticed before the next request in any case. One to a server that became read-only
    at a failover still answers, and would refuse every write for as long as it is kept. Does nothing in a transaction,
    which whoever opened it ends.
    """
    if not is_passing(error) or _is_harmless(error) or connection.in_atomic_block:
        return
    with suppress(Error):
        if connection.connection is not None:
            # A pool would hand it out again: what is closed it throws away.
            connection.connection.close()
        connection.close()


def _is_harmless(error: BaseException) -> bool:
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return state.startswith(HARMLESS_CLASS) or state in HARMLESS_STATES
