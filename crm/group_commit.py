"""Group commit: what arrives while a transaction of the same source is under way goes in with the next one.

Databases commit in groups for the same reason: the cost of a transaction hardly grows with what is in it. Nobody waits
for company: whoever finds nobody at work begins at once, alone. Nothing is answered before its commit.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

from store.connections import discard_after
from store.errors import is_passing

#: A larger group would hold the source's lock for longer than others should wait.
MAX_GROUP = 100
#: Longer than any statement may take. Who has waited so long is told that it may not have been saved.
MAX_WAIT_SECONDS = 30


class Interrupted(Exception):
    """The thread that was to commit this was stopped, or did not come to an end: it may not have been saved."""


class Arrival(Protocol):
    outcome: Any


Commit = Callable[[Sequence[Arrival]], None]


class _Party:
    """What one thread brought."""

    def __init__(self, arrivals: Sequence[Arrival]):
        self.arrivals = arrivals
        self.is_over = False
        #: Released when it is over, or when it is this party's turn to lead. An Event does the same and takes longer.
        self._call = threading.Lock()
        self._call.acquire()

    def call(self) -> None:
        self._call.release()

    def wait(self, seconds: float) -> bool:
        """Wait to be called. Return False when the time is up."""
        return self._call.acquire(timeout=seconds)

    def is_called(self) -> bool:
        return not self._call.locked()


class GroupCommit:
    """The queue of one source in this process."""

    _of_sources: dict[int, Self] = {}

    def __init__(self):
        self._mutex = threading.Lock()
        self._waiting: deque[_Party] = deque()
        self._has_leader = False

    @classmethod
    def of(cls, source_id: int) -> Self:
        """Return the queue of this source."""
        # setdefault is atomic: all threads get the same one.
        return cls._of_sources.get(source_id) or cls._of_sources.setdefault(source_id, cls())

    def submit(self, arrivals: Sequence[Arrival], commit: Commit) -> None:
        """Have ``commit`` called, by this thread or another, for a list that holds these arrivals. Wait for its end.

        ``commit`` sets their outcomes in one transaction; where it raises, that is the outcome. Brings MAX_GROUP
        arrivals at the most. Raises Interrupted when the wait is over before the commit is.
        """
        party = _Party(arrivals)
        with self._mutex:
            self._waiting.append(party)
            is_leader, self._has_leader = not self._has_leader, True
        if not is_leader and not party.wait(MAX_WAIT_SECONDS) and self._leave(party):
            # Not as their outcome: whoever commits them now would set another, before it is committed.
            raise Interrupted
        if not party.is_over:
            self._lead(commit)

    def _leave(self, party: _Party) -> bool:
        """Give up waiting. Return False for one who is called at this very moment: nobody else would lead."""
        with self._mutex:
            if party.is_called():
                return False
            if party in self._waiting:
                self._waiting.remove(party)
            return True

    def _lead(self, commit: Commit) -> None:
        """Commit the group that has gathered, then call the first of those who came meanwhile to lead the next."""
        with self._mutex:
            group = self._gather()
        arrivals = [arrival for party in group for arrival in party.arrivals]
        is_finished = False
        try:
            _commit_together(arrivals, commit)
            is_finished = True
        finally:
            if not is_finished:
                # Not an error but the end of this thread: outcomes that were set may not have been committed.
                _set_outcomes(arrivals, Interrupted())
            with self._mutex:
                self._has_leader = bool(self._waiting)
                # The next leader first: while the database works for it, these answer.
                if self._waiting:
                    self._waiting[0].call()
                for party in group:
                    party.is_over = True
                    party.call()

    def _gather(self) -> list[_Party]:
        group = [self._waiting.popleft()]
        size = len(group[0].arrivals)
        while self._waiting and size + len(self._waiting[0].arrivals) <= MAX_GROUP:
            group.append(self._waiting.popleft())
            size += len(group[-1].arrivals)
        return group


def _commit_together(arrivals: Sequence[Arrival], commit: Commit) -> None:
    """Commit arrivals. What breaks them is tried alone; a passing state of the database breaks all alike."""
    error = _try_to_commit(arrivals, commit)
    if error is None:
        return
    if len(arrivals) == 1 or is_passing(error):
        _set_outcomes(arrivals, error)
        return
    for place, arrival in enumerate(arrivals):
        error = _try_to_commit([arrival], commit)
        if error and is_passing(error):
            # The others would wait for the same, one after the other.
            _set_outcomes(arrivals[place:], error)
            return
        if error:
            _set_outcomes([arrival], error)


def _try_to_commit(arrivals: Sequence[Arrival], commit: Commit) -> Exception | None:
    """Return what broke the commit, if anything did: then whatever outcomes it has set do not count."""
    try:
        commit(arrivals)
    except Exception as error:
        # Here, because the arrivals that are answered with it may be those of other threads.
        discard_after(error)
        return error
    return None


def _set_outcomes(arrivals: Sequence[Arrival], outcome: Exception) -> None:
    for arrival in arrivals:
        arrival.outcome = outcome
