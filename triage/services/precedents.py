"""What a supervisor has said of this text before, or of one that is nearly the same: it decides before any analyzer.

Cheap by design: one look whether there are corrections at all, one for the very same contents; for the rest, the
recent corrections are kept in memory, read anew when there is another, and compared letter by letter.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from uuid import UUID

from rapidfuzz import fuzz, process

from leads.identity import fold
from triage.analyzers.base import INTENTS, PRIORITIES, Context, Reading
from triage.analyzers.registry import offline_reader
from triage.models import Correction
from triage.queries import corrections_stamp, newest_corrections_of, recent_correction_texts

#: How alike two texts must be, of 1.
LIKENESS = 0.9
#: Shorter texts are too easily alike; longer ones take too long to compare. The very same text counts at any length.
SHORTEST, LONGEST = 30, 3_000
#: How many corrections a text is compared with, the newest first.
RECENT = 1_000
#: How many of the likest are looked at more closely.
CLOSER_LOOKS = 5

#: A text that differs in one of these says the opposite, however alike it looks.
_NEGATIONS = frozenset("not no never without cannot nothing nobody не нет ни без никогда нельзя ничего никто".split())
_WORD = re.compile(r"\w+(?:['’]\w+)?")


@dataclass(frozen=True, slots=True)
class Precedent:
    """Stands in an analyzer's place, and is named in the insight by the correction it goes by."""

    correction: Correction
    #: 1 for the same content, less for a text that is nearly the same.
    likeness: float
    name: str = "correction"

    @property
    def version(self) -> str:
        return str(self.correction.pk)

    def read(self, text: str, context: Context = Context()) -> Reading:  # noqa: B008 - it is frozen
        """What the supervisor said, with the facts and words that the offline reader finds in this text."""
        found = offline_reader().read(text, context)
        right = self.correction
        said = {right.intent, right.priority}
        return replace(
            found,
            intent=right.intent,
            priority=right.priority,
            next_action=right.next_action,
            confidence=self.likeness,
            # Words that speak for another intent or priority would contradict what stands beside them.
            evidence=tuple(e for e in found.evidence if e.reason in said or e.reason not in INTENTS + PRIORITIES),
            probs={},
        )


def precedents_of(messages: Mapping[str, str]) -> dict[str, Precedent]:
    """Return the corrections that decide these messages, which are given and found by their content hashes.

    An empty message is like no other. One statement while there are no corrections, three at most.
    """
    stamp = corrections_stamp()
    if stamp is None:
        return {}
    messages = {content_hash: message for content_hash, message in messages.items() if message.strip()}
    same = {correction.content_hash: Precedent(correction, 1.0) for correction in newest_corrections_of(messages)}
    others = [(content_hash, message) for content_hash, message in messages.items() if content_hash not in same]
    likeness = {content_hash: dict(_alike(message, stamp)) for content_hash, message in others}
    # In the meantime one may have been deleted.
    corrections = Correction.objects.in_bulk({pk for alike in likeness.values() for pk in alike})
    near = {
        content_hash: next((Precedent(corrections[pk], alike[pk]) for pk in alike if pk in corrections), None)
        for content_hash, alike in likeness.items()
    }
    return same | {content_hash: precedent for content_hash, precedent in near.items() if precedent}


def _alike(message: str, stamp) -> Iterator[tuple[UUID, float]]:
    """The ids of the recent corrections whose texts say nearly the same, the likest first, and how alike they are."""
    text = _plain(message)
    if not SHORTEST <= len(text) <= LONGEST:
        return
    ids, texts = _recent(stamp)
    alike = process.extract(text, texts, scorer=fuzz.ratio, score_cutoff=100 * LIKENESS, limit=CLOSER_LOOKS)
    for other, score, place in alike:
        if _says_the_same(text, other):
            yield ids[place], score / 100


@lru_cache(maxsize=1)
def _recent(stamp) -> tuple[list, list[str]]:
    """The ids and texts of the recent corrections, the newest first. The stamp changes when they do."""
    ids, texts = [], []
    for pk, message in recent_correction_texts(limit=RECENT):
        text = _plain(message)
        if SHORTEST <= len(text) <= LONGEST:
            ids.append(pk)
            texts.append(text)
    return ids, texts


def _says_the_same(text: str, other: str) -> bool:
    """Whether what differs is neither a negation nor a fact of the policy's: urgency, money, size, a threat."""
    differing = set(_WORD.findall(text)) ^ set(_WORD.findall(other))
    if any(word in _NEGATIONS or word.endswith(("n't", "n’t")) for word in differing):
        return False
    return set(offline_reader().read(text).tags) == set(offline_reader().read(other).tags)


def _plain(message: str) -> str:
    return " ".join(fold(message).split())
