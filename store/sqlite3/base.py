"""Django's SQLite backend with a gate for writers: the threads of one process wait for each other awake.

SQLite has one writer at a time. Who finds the database locked sleeps, for longer and longer, and looks again: under
load a transaction of 10 ms waits for 100. Transactions are IMMEDIATE here, so each takes this gate before it begins,
and is woken when the one before it has ended. Other processes still meet at SQLite's own lock.
"""

import threading
from collections import defaultdict

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

#: One for each database file, by its name.
_gates: dict[str, threading.Lock] = defaultdict(threading.Lock)


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
        if not _gates[str(self.settings_dict["NAME"])].acquire(timeout=seconds):
            raise OperationalError("database is locked")
        self._holds_gate = True

    def _leave(self):
        if self._holds_gate:
            self._holds_gate = False
            _gates[str(self.settings_dict["NAME"])].release()
