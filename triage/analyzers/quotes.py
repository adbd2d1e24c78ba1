"""Where quoted words stand in a text. What an analyzer quotes is found there, or it is no evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .base import Evidence

#: A longer quote shows nothing that its beginning does not, and takes long to look for.
QUOTE_LIMIT = 300


def place_of(quote: str, text: str, *, near: int = 0) -> tuple[int, int] | None:
    """The stretch of the text with the quoted words, the one closest to ``near``; None when they do not occur.

    Case and white space do not count.
    """
    words = quote[:QUOTE_LIMIT].split()
    if not words:
        return None
    pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
    spans = (match.span() for match in pattern.finditer(text))
    return min(spans, key=lambda span: abs(span[0] - near), default=None)


def requote(evidence: Iterable[Evidence], text: str) -> tuple[Evidence, ...]:
    """Evidence that holds for this text: what stands elsewhere is moved there, what does not occur is dropped."""
    return tuple(dict.fromkeys(filter(None, (_requoted(words, text) for words in evidence))))


def _requoted(words: Evidence, text: str) -> Evidence | None:
    if words.text and text[words.start : words.end] == words.text:
        return words
    place = place_of(words.text, text, near=words.start)
    return Evidence(text[slice(*place)], *place, words.reason) if place else None
