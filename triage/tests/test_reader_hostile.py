"""Any text at all gives a valid reading, and soon."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.analyzers.base import TAGS, Context
from triage.analyzers.rules import RulesAnalyzer

READER = RulesAnalyzer()
#: Far above what a read takes on a busy machine, far below what a runaway would.
SECONDS = 0.5

#: Words that wake many rules, so that random sentences of them try the matcher hardest.
BUSY = (
    "how can i do you the my want to get is not please need where как где можно не у вас цена заказ когда хочу".split()
)

PATHOLOGICAL = {
    "one letter": "a" * 10_000,
    "one word": "цена " * 2_000,
    "busy words": "how can i do you want to get not the my " * 250,
    "gaps": "where where where not not my my order " * 260,
    "digits": "1" * 10_000,
    "digits and blanks": "1 " * 5_000,
    "digits and commas": "1," * 5_000,
    "brackets": "(" * 5_000 + ")" * 5_000,
    "angle brackets": "<" * 10_000,
    "almost mails": "a@" * 5_000,
    "long almost mail": "a" * 5_000 + "@" + "b" * 4_999,
    "dots": "a." * 5_000,
    "almost links": "http://" * 1_428,
    "dashes": "a-" * 5_000,
    "quotes": "a'" * 5_000,
    "plus signs": "+7 (" * 2_500,
    "currency": "$ " * 5_000,
    "zalgo": "h" + "\u0336\u0489\u0300" * 3_333,
    "emoji": "🔥👨‍👩‍👧‍👦💰" * 1_000,
    "right to left": "\u202eשלום مرحبا " * 800,
    "null bytes": "\x00" * 10_000,
    "html": "<script>alert(1)</script><a href='x'>" * 270,
    "no blanks": "дайтеценунатовар" * 625,
    "chinese": "请问这个多少钱" * 1_400,
    "mixed": "Зaрабoтoк" * 1_111,
    "half pairs": "\ud800" * 10_000,
    "new lines": "\n" * 10_000,
    "dressed as a placeholder": "<phone><num><url>" * 588,
}


def assert_valid(text, reading):
    assert set(reading.tags) <= set(TAGS)
    assert sum(reading.probs.values()) == pytest.approx(1)
    for evidence in reading.evidence:
        assert evidence.text and text[evidence.start : evidence.end] == evidence.text


@given(st.text(max_size=400))
def test_any_text_gives_a_valid_reading(text):
    assert_valid(text, READER.read(text))


@given(st.binary(max_size=600), st.sampled_from(["utf-8", "latin-1", "cp1251", "utf-16"]))
def test_random_bytes_give_a_valid_reading(raw, encoding):
    text = raw.decode(encoding, errors="replace")

    assert_valid(text, READER.read(text))


@given(st.lists(st.sampled_from(BUSY), max_size=300).map(" ".join), st.integers(0, 5))
@settings(deadline=None)
def test_sentences_of_busy_words_give_a_valid_reading(text, earlier_count):
    assert_valid(text, READER.read(text, Context(earlier_count=earlier_count)))


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_ten_thousand_hostile_characters_are_read_in_no_time(name):
    text = PATHOLOGICAL[name][:10_000]
    started = time.process_time()

    reading = READER.read(text)

    assert time.process_time() - started < SECONDS
    assert_valid(text, reading)


def test_a_longer_text_is_read_no_longer():
    text = "where is my order " * 100_000
    started = time.process_time()

    assert_valid(text, READER.read(text))

    assert time.process_time() - started < SECONDS
