"""The small language in which the rules are written, and the matcher that finds its phrases among words.

    how much            these words, one after another
    pric*               a word that begins so
    (buy|order|get me)  one of these
    (the|my)?           one of these, or nothing
    _                   any one word
    ..                  up to three words between
    <num> <money> <url> <phone> <email>    a number, a sum of money, …

There is no way to write an unbounded repetition, so no phrase can make a hostile text slow to read.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

GAP = 3
#: For so many pairs of neighbours the phrases they can begin are remembered.
PAIRS_REMEMBERED = 40_000

_PLAIN = re.compile(r"\w+\*?|<\w+>|\.\.")
_PIECE = re.compile(r"\)\?|[()|]|[^\s()|]+")


@dataclass(frozen=True, slots=True)
class Step:
    """What one place of a phrase accepts. An empty step accepts any word; a gap accepts up to three."""

    exact: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    is_gap: bool = False

    def accepts(self, word: str) -> bool:
        if word in self.exact:
            return True
        return word.startswith(self.prefixes) if self.prefixes else not self.exact


def compile_phrase(phrase: str) -> list[tuple[Step, ...]]:
    """Every plain sequence of steps that a phrase stands for; optional and many-word parts are multiplied out."""
    pieces = _PIECE.findall(phrase)[::-1]
    ways = _ways(pieces)
    if pieces:
        raise ValueError(f"brackets do not match in {phrase!r}")
    return ways


def _ways(pieces: list[str]) -> list[tuple[Step, ...]]:
    """The ways to read the pieces (last one first in the list) up to the closing bracket, which stays."""
    options = [_sequence(pieces)]
    while pieces and pieces[-1] == "|":
        pieces.pop()
        options.append(_sequence(pieces))
    ways = list(itertools.chain.from_iterable(options))
    words = [way[0] for way in ways if len(way) == 1 and (way[0].exact or way[0].prefixes)]
    together = Step(
        frozenset(itertools.chain.from_iterable(step.exact for step in words)),
        tuple(sorted({prefix for step in words for prefix in step.prefixes})),
    )
    longer = [way for way in ways if not (len(way) == 1 and way[0] in words)]
    return longer + ([(together,)] if words else [])


def _sequence(pieces: list[str]) -> list[tuple[Step, ...]]:
    """The ways to read pieces that follow one another."""
    ways = [()]
    while pieces and pieces[-1] not in ("|", ")", ")?"):
        piece = pieces.pop()
        if piece == "(":
            choices = _ways(pieces)
            closing = pieces.pop() if pieces else ""
            if not closing.startswith(")"):
                raise ValueError("a bracket is never closed")
            choices += [()] if closing == ")?" else []
        else:
            choices = [(_step(piece),)]
        ways = [way + choice for way in ways for choice in choices]
    return ways


def _step(piece: str) -> Step:
    if not _PLAIN.fullmatch(piece):
        raise ValueError(f"{piece!r} is not how a word looks once it is normalised")
    if piece == "..":
        return Step(is_gap=True)
    if piece == "_":
        return Step()
    return Step(prefixes=(piece[:-1],)) if piece.endswith("*") else Step(exact=frozenset([piece]))


class Matcher:
    """Finds the phrases of many rules in one pass over the words: each word wakes only the phrases it can begin."""

    def __init__(self, phrases: Iterable[tuple[str, object]]):
        """``phrases`` are pairs of a phrase and whatever it should be reported as."""
        self._by_word = defaultdict(list)
        self._by_prefix = defaultdict(list)
        for phrase, owner in phrases:
            for steps in compile_phrase(phrase):
                self._index(steps, owner)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})
        self._woken = lru_cache(maxsize=PAIRS_REMEMBERED)(self._wake)

    def _index(self, steps: tuple[Step, ...], owner: object) -> None:
        if not steps or steps[0].is_gap or not (steps[0].exact or steps[0].prefixes):
            raise ValueError(f"a phrase of {owner} does not begin with a word")
        for word in steps[0].exact:
            self._by_word[word].append((steps[1:], owner))
        for prefix in steps[0].prefixes:
            self._by_prefix[prefix].append((steps[1:], owner))

    def find(self, words: Sequence[str]) -> list[tuple[object, int, int]]:
        """(owner, first word, last word) for every phrase found, in the order of the text."""
        found = []
        for place, (word, following) in enumerate(zip(words, [*words[1:], ""], strict=False)):
            for steps, owner in self._woken(word, following):
                last = _end(steps, words, place + 1) if steps else place + 1
                if last:
                    found.append((owner, place, last - 1))
        return found

    def _wake(self, word: str, following: str) -> list[tuple[tuple[Step, ...], object]]:
        """The phrases that these two neighbours can begin, each without its first step."""
        woken = list(self._by_word.get(word, ()))
        for length in self._lengths:
            if length > len(word):
                break
            woken += self._by_prefix.get(word[:length], ())
        return [
            (steps, owner) for steps, owner in woken if not steps or steps[0].is_gap or steps[0].accepts(following)
        ]


def _end(steps: tuple[Step, ...], words: Sequence[str], place: int) -> int:
    """Where the steps end when they begin at ``place``; 0 when they do not fit."""
    count = len(words)
    for number, step in enumerate(steps):
        if step.is_gap:
            return _end_after_gap(steps[number + 1 :], words, place)
        if place >= count or not step.accepts(words[place]):
            return 0
        place += 1
    return place


def _end_after_gap(steps: tuple[Step, ...], words: Sequence[str], place: int) -> int:
    """Where the steps end when up to GAP words may come before them; the nearest fit wins."""
    if not steps:
        return place
    accepts = steps[0].accepts
    for start in range(place, min(place + GAP + 1, len(words))):
        if accepts(words[start]):
            last = _end(steps, words, start)
            if last:
                return last
    return 0
