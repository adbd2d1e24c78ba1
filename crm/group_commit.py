"""Group commit: what arrives while a transaction of the same source is under way goes in with the next one.

Databases commit in groups for the same reason: the work of a transaction hardly grows with what is in it. Nobody waits
for company: whoever finds nobody at work begins at once, alone. Nothing is answered before its commit.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

from django.db import InterfaceError, OperationalError

#: A larger group would hold the source's lock for longer than others should wait.
MAX_GROUP = 100
#: Longer than any statement may take. Who has waited so long is told that it may not have been saved.
MAX_WAIT_SECONDS = 30


class Interrupted(Exception):
    """The thread that was to commit this was stopped, or did not come to an end: it may not have been saved."""


class _Party:
    """What one thread brought, and what became of it."""

    def __init__(self, arrivals: Sequence):
        self.arrivals = arrivals
        self.error: BaseException | None = Interrupted()
        self.is_over = False
        #: Set when it is over, or when it is this party's turn to lead.
        self.called = threading.Event()


class GroupCommit:
    """The door of one source in this process."""

    _doors: dict[int, Self] = {}

    def __init__(self):
        self._mutex = threading.Lock()
        self._waiting: deque[_Party] = deque()
        self._has_leader = False

    @classmethod
    def of(cls, source_id: int) -> Self:
        """Return the door of this source."""
        # setdefault is atomic: all threads get the same door.
        return cls._doors.get(source_id) or cls._doors.setdefault(source_id, cls())

    def submit(self, arrivals: Sequence, commit: Callable[[Sequence], None]) -> None:
        """Have ``commit`` called for a list that holds these arrivals, by this thread or another, and wait for it.

        Raises what ``commit`` raised for them, and Interrupted.
        """
        party = _Party(arrivals)
        with self._mutex:
            self._waiting.append(party)
            is_leader, self._has_leader = not self._has_leader, True
        if not is_leader and not party.called.wait(MAX_WAIT_SECONDS):
            self._leave(party)
        if not party.is_over:
            self._lead(commit)
        if party.error:
            raise party.error

    def _leave(self, party: _Party) -> None:
        """Stop waiting, unless called at this very moment. Raises Interrupted."""
        with self._mutex:
            if party.called.is_set():
                return
            if party in self._waiting:
                self._waiting.remove(party)
        raise Interrupted

    def _lead(self, commit) -> None:
        """Commit the group that has gathered, then call the first of those who came meanwhile to lead the next."""
        with self._mutex:
            group = self._gather()
        try:
            _commit_together(group, commit)
        finally:
            with self._mutex:
                for party in group:
                    party.is_over = True
                    party.called.set()
                self._has_leader = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].called.set()

    def _gather(self) -> list[_Party]:
        group = [self._waiting.popleft()]
        size = len(group[0].arrivals)
        while self._waiting and size + len(self._waiting[0].arrivals) <= MAX_GROUP:
            group.append(self._waiting.popleft())
            size += len(group[-1].arrivals)
        return group


def _commit_together(group: list[_Party], commit) -> None:
    """Commit a group. What breaks it is tried alone; a database that cannot be reached breaks all alike."""
    try:
        commit([arrival for party in group for arrival in party.arrivals])
    except (OperationalError, InterfaceError) as error:
        for party in group:
            party.error = error
    except Exception as error:
        if len(group) == 1:
            group[0].error = error
            return
        for party in group:
            _commit_together([party], commit)
    else:
        for party in group:
            party.error = None
