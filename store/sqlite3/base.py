"""Django's SQLite backend with a gate for writers, who then wait no longer than they must.

SQLite has one writer at a time. Who finds the database locked sleeps, for longer and longer, and looks again: under
load a transaction of 10 ms waits for 100. Transactions are IMMEDIATE here, so each passes a gate before it begins: the
threads of a process are woken one after the other, and one of each process at a time looks, every millisecond, whether
the lock of a file beside the database is free. Whoever knows nothing of the gate still meets SQLite's own lock.
"""

import fcntl
import os
import threading
import time
from contextlib import suppress

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

LOOK_SECONDS = 0.001


class Gate:
    """The gate of one database. Held by one thread of one process, and freed when that process dies."""

    def __init__(self, database: str):
        # A database in memory has no file, and no other process.
        self._path = f"{database}-gate" if os.path.isabs(database) else ""
        self._of_threads = threading.Lock()
        self._file: int | None = None

    def enter(self, seconds: float) -> bool:
        """Wait for the gate, so long at the most. Return whether it was passed."""
        deadline = time.monotonic() + seconds
        if not self._of_threads.acquire(timeout=seconds):
            return False
        try:
            while not self._lock_file():
                if time.monotonic() >= deadline:
                    self._of_threads.release()
                    return False
                time.sleep(LOOK_SECONDS)
        except BaseException:
            self._of_threads.release()
            raise
        return True

    def leave(self) -> None:
        if self._file is not None:
            # Closing it frees its lock.
            os.close(self._file)
            self._file = None
        self._of_threads.release()

    def is_held(self) -> bool:
        """Return whether a thread of this process has passed it and not left."""
        return self._of_threads.locked()

    def _lock_file(self) -> bool:
        if not self._path:
            return True
        # A folder that cannot be written is reported by SQLite, which needs it too.
        with suppress(OSError):
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            self._file = file
        return True


_gates: dict[str, Gate] = {}


class DatabaseWrapper(base.DatabaseWrapper):
    _holds_gate = False

    def _start_transaction_under_autocommit(self):
        self._enter()
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._leave()
            raise

    def _commit(self):
        super()._commit()
        # A commit that failed is rolled back next: the transaction still holds SQLite's lock.
        self._leave()

    def _rollback(self):
        try:
            super()._rollback()
        finally:
            self._leave()

    def _close(self):
        try:
            super()._close()
        finally:
            self._leave()

    def _enter(self):
        seconds = self.settings_dict["OPTIONS"].get("timeout", 5)
        if not self._gate.enter(seconds):
            raise OperationalError("database is locked")
        self._holds_gate = True

    def _leave(self):
        if self._holds_gate:
            self._holds_gate = False
            self._gate.leave()

    @property
    def _gate(self) -> Gate:
        database = str(self.settings_dict["NAME"])
        # setdefault is atomic: all threads get the same one.
        return _gates.get(database) or _gates.setdefault(database, Gate(database))
