"""A language model's server that stumbles: every way ends within the time, with a word that says what happened."""

import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Barrier, Thread

import pytest

from triage.analyzers.base import Context, TooSoon, Unavailable
from triage.analyzers.breaker import Breaker

from .model_server import (
    GOOD,
    Clock,
    answers,
    breaks_off,
    completion,
    drips,
    floods,
    hangs_up,
    passed,
    says,
    serving,
    silent,
)
from .test_openai import TEXT, analyzer_for


@pytest.fixture
def model():
    with serving() as server:
        yield server


@pytest.fixture
def clock():
    return Clock()


def patient(model, clock, **options):
    """An analyzer that sleeps without time passing, with the jitter in the middle."""
    return analyzer_for(model, clock=clock, sleep=clock.sleep, jitter=lambda: 0.5, **options)


def reason(analyzer, context=None):
    with pytest.raises(Unavailable) as caught:
        analyzer.read(TEXT, context or Context())
    return str(caught.value)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408, 425])
def test_what_may_pass_is_tried_again(model, clock, status):
    model.play(answers(status), answers(status), says(GOOD))

    assert patient(model, clock).read(TEXT).intent == "buy"
    assert clock.slept == [0.5, 1.0]


def test_pauses_are_spread_by_jitter(model, clock):
    model.play(answers(500), answers(500), says(GOOD))

    analyzer_for(model, clock=clock, sleep=clock.sleep, jitter=lambda: 1.0).read(TEXT)

    assert clock.slept == [0.75, 1.5]


def test_three_attempts_are_enough(model, clock):
    model.play(answers(500))

    assert reason(patient(model, clock)) == "server_error"
    assert len(model.requests) == 3


def test_the_server_says_when_to_come_again(model, clock):
    model.play(answers(429, Retry_After="4"), says(GOOD))

    patient(model, clock).read(TEXT)

    assert clock.slept == [4.0]


def test_the_server_says_when_to_come_again_by_a_date(model, clock):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=6), usegmt=True)
    model.play(answers(503, Retry_After=date), says(GOOD))

    patient(model, clock).read(TEXT)

    assert 4 <= clock.slept[0] <= 6


@pytest.mark.parametrize("words", ["soon", "-5", "nan", "1e400", "٣", "Thu, 99 Foo 2026 00:00:00 GMT", ""])
def test_a_time_that_is_none_is_overlooked(model, clock, words):
    model.play(answers(429, Retry_After=words.encode().decode("latin-1")), says(GOOD))

    patient(model, clock).read(TEXT)

    assert clock.slept == [0.5]


@pytest.mark.parametrize("words", ["60", "99999999999999999999"])
def test_longer_than_the_time_there_is_nobody_waits(model, clock, words):
    model.play(answers(429, Retry_After=words))

    assert reason(patient(model, clock)) == "rate_limited"
    assert clock.slept == []


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 418])
def test_a_refusal_is_final(model, clock, status):
    model.play(answers(status, b"{}", Location="http://127.0.0.1:1/"))

    assert reason(patient(model, clock)) == "refused"
    # A 400 may have been about the schema, so the same is asked more plainly once.
    assert len(model.requests) == (2 if status == 400 else 1)


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        (silent, "timeout"),
        (drips("body"), "timeout"),
        (drips("headers"), "timeout"),
        (breaks_off, "garbled"),
        (hangs_up, "garbled"),
        (floods, "garbled"),
        (answers(200, b"<html>Gateway</html>"), "garbled"),
        (answers(200, b""), "garbled"),
        (answers(200, b"\xff\xfe\x00"), "garbled"),
        (answers(200, b"[" * 100_000), "garbled"),
        (answers(200, b'{"choices": []}'), "garbled"),
        (answers(200, b'{"choices": [{"message": {"content": null, "refusal": "no"}}]}'), "garbled"),
        (answers(200, b'"choices"'), "garbled"),
        (answers(200, completion(GOOD), Content_Encoding="gzip"), ""),
    ],
)
def test_broken_answers_end_in_time(model, scene, expected):
    model.play(scene)
    analyzer = analyzer_for(model, seconds=2.0)
    since = time.monotonic()

    if expected:
        assert reason(analyzer) == expected
    else:
        analyzer.read(TEXT)

    assert passed(since) < 3.5


def test_a_server_that_is_not_there_cannot_be_reached(clock):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with serving() as model:
        analyzer = patient(model, clock, base_url=f"http://127.0.0.1:{port}/v1")

        assert reason(analyzer) == "unreachable"
        assert model.requests == []


def test_after_five_failed_requests_the_server_is_left_in_peace(model, clock):
    analyzer = patient(model, clock)
    model.play(answers(500))

    assert [reason(analyzer) for _ in range(3)] == ["server_error", "server_error", "resting"]
    assert len(model.requests) == 5


def test_a_time_of_failures_is_said_once_when_it_begins_and_once_when_it_ends(model, clock, caplog):
    analyzer = patient(model, clock)
    model.play(*[answers(401)] * 6, says(GOOD))
    for _ in range(8):
        reason(analyzer)
    clock.now += 30
    reason(analyzer)
    clock.now += 30
    analyzer.read(TEXT)
    analyzer.read(TEXT)

    assert [record.getMessage() for record in caplog.records] == [
        "The language model fails again and again (refused): the offline reader reads for now.",
        "The language model answers again.",
    ]


def test_one_reading_tries_again_after_the_rest(model, clock):
    analyzer = patient(model, clock)
    model.play(answers(500))
    reason(analyzer)
    reason(analyzer)
    clock.now += 30

    model.play(says(GOOD))

    assert analyzer.read(TEXT).intent == "buy"
    assert analyzer.read(TEXT).intent == "buy"


def test_a_trial_that_fails_lets_it_rest_again(model, clock):
    analyzer = patient(model, clock)
    model.play(answers(500))
    reason(analyzer)
    reason(analyzer)
    clock.now += 30

    assert [reason(analyzer), reason(analyzer)] == ["server_error", "resting"]
    assert len(model.requests) == 6


def test_a_server_that_comes_back_knowing_less_is_understood(model, clock):
    analyzer = patient(model, clock)
    model.play(answers(500))
    reason(analyzer)
    reason(analyzer)
    clock.now += 30

    model.play(answers(400, b"json_schema?"), says(GOOD))

    assert analyzer.read(TEXT).intent == "buy"


def test_a_text_the_model_cannot_sort_opens_nothing(model, clock):
    breaker = Breaker()
    analyzer = patient(model, clock, breaker=breaker)
    model.play(says("I would rather not."))

    assert {reason(analyzer) for _ in range(8)} == {"nonsense"}
    assert breaker.state(clock()) == "closed"


def test_every_request_is_paid_for_and_none_that_is_not_made(model, clock):
    spent = []
    analyzer = patient(model, clock)
    model.play(answers(500))

    for _ in range(5):
        reason(analyzer, Context(spend=lambda: spent.append(1)))

    assert len(spent) == len(model.requests) == 5


@pytest.mark.parametrize("error", [TooSoon(30), Unavailable("budget")])
def test_with_nothing_left_to_spend_nothing_is_sent(model, error):
    def spend():
        raise error

    with pytest.raises(type(error)):
        analyzer_for(model).read(TEXT, Context(spend=spend))

    assert model.requests == []


def test_threads_share_an_analyzer(model):
    analyzer, barrier, read = analyzer_for(model), Barrier(8), []

    def reader():
        barrier.wait(5)
        read.extend(analyzer.read(TEXT).intent for _ in range(3))

    threads = [Thread(target=reader) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert read == ["buy"] * 24
