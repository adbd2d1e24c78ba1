"""Whether the database is fit to work on, in sentences for whoever starts the service: the fault and the way out."""

import sqlite3
from pathlib import Path

from django.apps import apps
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

OUR_APPS = {"crm", "leads", "routing", "triage"}
#: A larger file is not read from end to end at each start, which takes a second for some hundred megabytes.
MAX_CHECKED_BYTES = 100 * 1024 * 1024


def database_fault(database: BaseDatabaseWrapper | None = None) -> str:
    """Return what keeps this version from working on a database, the default one; empty when nothing does."""
    database = database or connection
    try:
        return (database.vendor == "sqlite" and _file_fault(database)) or _version_fault(database)
    except DatabaseError as error:
        return fault_of(error, database) or f"The database cannot be reached: {str(error).strip()}"


def fault_of(error: DatabaseError, database: BaseDatabaseWrapper | None = None) -> str:
    """Return what an error says about the SQLite file; empty when it says nothing about it."""
    cause = error.__cause__
    path = (database or connection).settings_dict["NAME"]
    # The lowest byte is the kind of error, the others its details.
    match getattr(cause, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return _damaged(path)
        case sqlite3.SQLITE_FULL:
            return f"The disk is full: {path} cannot be written. Make room for it and start again."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_PERM:
            return (
                f"The database {path} cannot be read or written ({cause}). Check its permissions and its disk, or "
                "set VAR_DIR or DATABASE_URL to another place."
            )
        case sqlite3.SQLITE_BUSY:
            return f"The database {path} is in use by another program ({cause}). End that one and start again."
    return ""


def _damaged(path: str) -> str:
    return (
        f"The database {path} is damaged, or is not an SQLite database. Move it away, together with its -wal and -shm "
        "files; then put a backup in its place, or start anew without one."
    )


def _foreign(path: str) -> str:
    return (
        f"The database {path} belongs to another application. Move it away, or set VAR_DIR or DATABASE_URL to "
        "another place."
    )


def _file_fault(database: BaseDatabaseWrapper) -> str:
    """Return what is wrong with the SQLite file, whatever version made it."""
    path = database.settings_dict["NAME"]
    tables = database.introspection.table_names()
    if tables and "django_migrations" not in tables:
        return _foreign(path)
    if Path(path).exists() and Path(path).stat().st_size <= MAX_CHECKED_BYTES:
        with database.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(1)")
            if cursor.fetchone() != ("ok",):
                return _damaged(path)
    applied = MigrationLoader(database).applied_migrations or {}
    labels = {label for label, _ in applied}
    # A first start that was interrupted may have had migrations of Django's own apps only.
    if labels - {config.label for config in apps.get_app_configs()} and not labels & OUR_APPS:
        return _foreign(path)
    return ""


def _version_fault(database: BaseDatabaseWrapper) -> str:
    """Return which migration of ours the database has had that is not known here."""
    loader = MigrationLoader(database)
    unknown = sorted(set(loader.applied_migrations or ()) - set(loader.disk_migrations))
    ours = [f"{label}.{name}" for label, name in unknown if label in OUR_APPS]
    if not ours:
        return ""
    return (
        f"The database was made by a newer version of this project: {ours[-1]} was applied to it and is not known "
        "here. Install that version, or use a backup from before."
    )
