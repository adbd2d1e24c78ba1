"""Tell a passing state of the database from a mistake of ours."""

import sqlite3

from django.db import Error, InterfaceError, OperationalError
from django.db.transaction import TransactionManagementError

#: Connection errors; deadlocks and serialization failures; out of disk, memory or connections.
PASSING_CLASSES = ("08", "40", "53")
PASSING_STATES = {
    "25006",  # read-only: a failover is under way
    "25P03",  # idle in transaction for too long
    "55P03",  # lock timeout
    "57014",  # statement timeout, or cancelled
    "57P01",  # shutting down
    "57P02",  # crashed
    "57P03",  # starting up
    "57P05",  # idle for too long
    "58030",  # input/output error
}
#: The primary result codes of SQLite; the extended ones hold them in their lowest byte.
PASSING_CODES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}


def is_passing(error: BaseException | None) -> bool:
    """Return whether the same request may succeed a little later: the database was busy, away or read-only.

    Django's class of the error does not tell: a missing table of SQLite is an OperationalError, and PostgreSQL's
    read-only transaction an InternalError. The driver's own error, which is its cause, does.
    """
    if isinstance(error, TransactionManagementError):
        # A later query in the same transaction: the cause is what broke the transaction.
        return is_passing(error.__cause__)
    driver_error = error.__cause__ if isinstance(error, Error) and error.__cause__ else error
    if state := getattr(driver_error, "sqlstate", None):
        return state.startswith(PASSING_CLASSES) or state in PASSING_STATES
    if code := getattr(driver_error, "sqlite_errorcode", None):
        return code & 0xFF in PASSING_CODES
    # No code at all: the connection was lost or never made, or our own gate for writers was taken (store/sqlite3).
    return isinstance(error, (OperationalError, InterfaceError))
