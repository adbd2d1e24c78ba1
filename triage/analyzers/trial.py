"""Whether somebody else's class is an analyzer: found out by a trial, before any inquiry depends on it."""

from __future__ import annotations

from typing import Any

from .base import Context, Evidence, Reading, Unavailable, UnreadableError

TEXT = "Hello! We need an urgent quote for 50 seats. Здравствуйте, сколько это стоит?"
#: As much as an insight's row can hold.
NAME_LIMIT = 100


def fault_of(analyzer: Any) -> str:
    """What keeps an object from being an analyzer, in words that follow a colon; empty when nothing does.

    It is asked to read one text, without being allowed to spend anything: one that needs to says that it cannot now,
    which is no fault.
    """
    for name in ("name", "version"):
        word = getattr(analyzer, name, None)
        if not isinstance(word, str) or not 1 <= len(word) <= NAME_LIMIT:
            return f"its {name} must be a word of 1 to {NAME_LIMIT} characters"
    if not callable(getattr(analyzer, "read", None)):
        return "it has no method read"
    try:
        reading = analyzer.read(TEXT, Context(earlier_count=1, spend=_nothing_to_spend))
    except UnreadableError:
        return ""
    except Exception as error:
        # A class of somebody else's may fail in any way.
        return f"reading a text failed with {type(error).__name__}: {error}"
    if not isinstance(reading, Reading):
        return f"reading a text gave a {type(reading).__name__} and not a Reading"
    return "" if all(_stands_in(TEXT, words) for words in reading.evidence) else "its evidence is not in the text"


def _nothing_to_spend() -> None:
    raise Unavailable("budget")


def _stands_in(text: str, words: object) -> bool:
    return isinstance(words, Evidence) and text[words.start : words.end] == words.text != ""
