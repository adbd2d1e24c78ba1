"""The circuit breaker by itself."""

from threading import Barrier, Thread

import pytest

from triage.analyzers.breaker import Breaker


@pytest.fixture
def breaker():
    return Breaker(failures=3, rest_seconds=30)


def opened(breaker, *, at=0.0):
    for _ in range(3):
        breaker.fail(at)
    return breaker


def test_closed_it_lets_everything_pass(breaker):
    assert all(breaker.may_pass(now) for now in range(100))


def test_failures_in_a_row_open_it(breaker):
    breaker.fail(0)
    breaker.fail(0)
    assert breaker.may_pass(0)

    breaker.fail(0)

    assert breaker.state(0) == "open"
    assert not breaker.may_pass(29.9)


def test_a_success_between_them_keeps_it_closed(breaker):
    for _ in range(10):
        breaker.fail(0)
        breaker.fail(0)
        breaker.succeed()

    assert breaker.state(0) == "closed"


def test_after_the_rest_one_may_try(breaker):
    opened(breaker)

    assert breaker.state(30) == "half-open"
    assert [breaker.may_pass(30) for _ in range(4)] == [True, False, False, False]


def test_a_trial_that_succeeds_closes_it(breaker):
    opened(breaker).may_pass(30)

    breaker.succeed()

    assert all(breaker.may_pass(30) for _ in range(4))


def test_a_trial_that_fails_opens_it_again_at_once(breaker):
    opened(breaker).may_pass(30)

    breaker.fail(31)

    assert not breaker.may_pass(60)
    assert breaker.may_pass(61)


def test_a_trial_that_never_reports_back_does_not_close_the_way_for_ever(breaker):
    opened(breaker).may_pass(30)

    assert not breaker.may_pass(59)
    assert breaker.may_pass(60)


def test_of_many_threads_one_may_try(breaker):
    opened(breaker)
    barrier, passes = Barrier(16), []

    def knock():
        barrier.wait(5)
        passes.append(breaker.may_pass(30))

    threads = [Thread(target=knock) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert sorted(passes) == [False] * 15 + [True]
