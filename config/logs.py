"""Logs that a stranger can neither flood nor forge."""

import copy
import logging
import re
import threading
import time

MAX_LINE = 500
#: What would begin another line, or steer a terminal.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

#: PostgreSQL's own words on a broken constraint: they hold the row, and so e-mails and phones.
DETAIL = re.compile(r"^DETAIL: .*$", re.MULTILINE)


class Limit(logging.Filter):
    """Let through ``per_minute`` warnings and errors from each place in the code, and count the rest.

    How often a place logs is often up to whoever sends us requests: a forged Host header, a health check while the
    database is away, a queue that is full. The last record of a minute says that others are left out, the first one
    of the next says how many were.
    """

    def __init__(self, *, per_minute: int = 10, clock=time.monotonic):
        super().__init__()
        self._per_minute, self._clock = per_minute, clock
        self._lock = threading.Lock()
        #: By place: when its minute began, and how many records it has had since.
        self._seen: dict[tuple, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged; what is to be said of others goes into its ``note``."""
        if record.levelno < logging.WARNING:
            return True
        number, left_out = self._count(record)
        if left_out:
            record.note = f" [{left_out} more like this were left out before]"
        elif number == self._per_minute:
            record.note = " [more like this are left out for up to a minute]"
        return number <= self._per_minute

    def _count(self, record: logging.LogRecord) -> tuple[int, int]:
        """Return which one of its minute this is, and how many were left out if it is the first."""
        # The kind of exception too: one defect must not hide another.
        place = record.name, record.pathname, record.lineno, record.exc_info and record.exc_info[0]
        now = self._clock()
        with self._lock:
            began_at, count = self._seen.get(place, (now, 0))
            left_out = 0
            if now - began_at >= 60:
                began_at, count, left_out = now, 0, max(0, count - self._per_minute)
            self._seen[place] = began_at, count + 1
        return count + 1, left_out


class Line(logging.Formatter):
    """One line of a bounded length, and a traceback only where the fault is ours."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name.startswith("django.security."):
            # A request that Django refused: where in its code tells nothing.
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        return DETAIL.sub("DETAIL: left out", super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        line = CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", super().formatMessage(record))
        return line[:MAX_LINE] + "…" * (len(line) > MAX_LINE) + getattr(record, "note", "")
