"""What arrives during a transaction goes in with the next one, and nobody is left waiting, whatever breaks."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from django.db import InternalError, OperationalError

from crm import group_commit
from crm.group_commit import MAX_GROUP, GroupCommit, Interrupted

WAIT_SECONDS = 10


class Arrival:
    def __init__(self, name):
        self.name = name
        self.outcome = None


class Database:
    """Takes lists, sets outcomes, and can be held up at its first list."""

    def __init__(self):
        self.lists = []
        self.is_in, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()
        self.breaks_on = {}

    def commit(self, arrivals):
        names = [arrival.name for arrival in arrivals]
        self.lists.append(names)
        self.is_in.set()
        assert self.may_go_on.wait(WAIT_SECONDS)
        for name in names:
            if error := self.breaks_on.get(name):
                raise error
        for arrival in arrivals:
            arrival.outcome = f"{arrival.name} is in"


@pytest.fixture
def database():
    return Database()


@pytest.fixture
def queue():
    return GroupCommit()


@contextmanager
def while_first_is_under_way(queue, database, *, followers):
    """Hold the transaction of "first" up until all followers wait, then let everything go. Yield all arrivals."""
    first = Arrival("first")
    database.may_go_on.clear()
    with ThreadPoolExecutor(len(followers) + 1) as pool:
        futures = [pool.submit(queue.submit, [first], database.commit)]
        assert database.is_in.wait(WAIT_SECONDS)
        for follower in followers:
            futures.append(pool.submit(queue.submit, follower, database.commit))
            wait_until(lambda: follower in [party.arrivals for party in queue._waiting])  # noqa: B023
        database.may_go_on.set()
        yield [first, *(arrival for follower in followers for arrival in follower)]
        for future in futures:
            future.result(WAIT_SECONDS)


def wait_until(condition):
    for _ in range(WAIT_SECONDS * 1000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("It never came true.")


def test_single_arrival_begins_at_once_and_alone(queue, database):
    arrival = Arrival("Ann")

    queue.submit([arrival], database.commit)

    assert (database.lists, arrival.outcome) == ([["Ann"]], "Ann is in")


def test_arrivals_during_a_transaction_go_in_together_with_the_next(queue, database):
    followers = [[Arrival(name)] for name in ("Ann", "Bob", "Cid")]

    with while_first_is_under_way(queue, database, followers=followers) as arrivals:
        pass

    assert database.lists == [["first"], ["Ann", "Bob", "Cid"]]
    assert [arrival.outcome for arrival in arrivals] == ["first is in", "Ann is in", "Bob is in", "Cid is in"]


def test_group_is_no_larger_than_it_may_be_and_parties_are_not_torn_apart(queue, database):
    batch = [Arrival(f"item {n}") for n in range(MAX_GROUP)]

    with while_first_is_under_way(queue, database, followers=[[Arrival("Ann")], batch, [Arrival("Bob")]]) as arrivals:
        pass

    assert [len(names) for names in database.lists] == [1, 1, MAX_GROUP, 1]
    assert all(arrival.outcome for arrival in arrivals)


def test_arrival_that_breaks_its_group_breaks_alone(queue, database):
    database.breaks_on["Bob"] = ValueError("Bob")

    with while_first_is_under_way(
        queue, database, followers=[[Arrival(n)] for n in ("Ann", "Bob", "Cid")]
    ) as arrivals:
        pass

    assert database.lists == [["first"], ["Ann", "Bob", "Cid"], ["Ann"], ["Bob"], ["Cid"]]
    assert [str(arrival.outcome) for arrival in arrivals] == ["first is in", "Ann is in", "Bob", "Cid is in"]


def test_database_that_cannot_be_reached_is_not_asked_for_each_again(queue, database):
    database.breaks_on["Ann"] = OperationalError("gone")

    with while_first_is_under_way(queue, database, followers=[[Arrival(n)] for n in ("Ann", "Bob")]) as arrivals:
        pass

    assert database.lists == [["first"], ["Ann", "Bob"]]
    assert [str(arrival.outcome) for arrival in arrivals] == ["first is in", "gone", "gone"]


def read_only():
    """What Django raises for PostgreSQL's read-only transaction: no OperationalError."""
    error = InternalError("read-only")
    error.__cause__ = psycopg.errors.ReadOnlySqlTransaction()
    return error


def test_passing_state_that_django_calls_a_defect_breaks_all_alike(queue, database):
    database.breaks_on["Ann"] = read_only()

    with while_first_is_under_way(queue, database, followers=[[Arrival(n)] for n in ("Ann", "Bob")]) as arrivals:
        pass

    assert database.lists == [["first"], ["Ann", "Bob"]]
    assert [str(arrival.outcome) for arrival in arrivals] == ["first is in", "read-only", "read-only"]


def test_passing_state_while_arrivals_are_tried_alone_is_not_waited_for_by_each(queue, database):
    database.breaks_on |= {"Bob": ValueError("Bob"), "Cid": OperationalError("gone")}

    with while_first_is_under_way(
        queue, database, followers=[[Arrival(n)] for n in ("Ann", "Bob", "Cid", "Dan", "Eve")]
    ) as arrivals:
        pass

    assert database.lists == [["first"], ["Ann", "Bob", "Cid", "Dan", "Eve"], ["Ann"], ["Bob"], ["Cid"]]
    assert [str(arrival.outcome) for arrival in arrivals] == ["first is in", "Ann is in", "Bob", *["gone"] * 3]


def test_leader_that_is_stopped_leaves_nobody_waiting_and_claims_nothing(queue, database):
    def stop(arrivals):
        for arrival in arrivals:
            arrival.outcome = "not committed yet"
        raise SystemExit

    arrival = Arrival("Ann")
    with pytest.raises(SystemExit):
        queue.submit([arrival], stop)
    after = Arrival("Bob")
    queue.submit([after], database.commit)

    assert isinstance(arrival.outcome, Interrupted)
    assert after.outcome == "Bob is in"


def test_who_waits_too_long_is_told_so_and_the_others_go_in(queue, database, monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_WAIT_SECONDS", 0.01)
    database.may_go_on.clear()
    first, late = Arrival("first"), Arrival("late")
    with ThreadPoolExecutor(1) as pool:
        leading = pool.submit(queue.submit, [first], database.commit)
        assert database.is_in.wait(WAIT_SECONDS)
        with pytest.raises(Interrupted):
            queue.submit([late], database.commit)
        database.may_go_on.set()
        leading.result(WAIT_SECONDS)
    after = Arrival("after")
    queue.submit([after], database.commit)

    assert late.outcome is None
    assert database.lists == [["first"], ["after"]]
    assert (first.outcome, after.outcome) == ("first is in", "after is in")


def test_many_threads_all_get_their_own_outcome(queue, database):
    arrivals = [Arrival(str(n)) for n in range(500)]

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda arrival: queue.submit([arrival], database.commit), arrivals))

    assert [arrival.outcome for arrival in arrivals] == [f"{n} is in" for n in range(500)]
    assert sorted(name for names in database.lists for name in names) == sorted(str(n) for n in range(500))
    assert not queue._has_leader


def test_every_source_has_a_queue_of_its_own():
    assert GroupCommit.of(1) is GroupCommit.of(1)
    assert GroupCommit.of(1) is not GroupCommit.of(2)
