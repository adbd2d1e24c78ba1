"""What a supervisor has said of this text before, or of one that is nearly the same: it decides before any analyzer.

Cheap by design: one look for the very same content; for the rest, the recent corrections are kept in memory, read anew
when there is another, and compared letter by letter.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from rapidfuzz import fuzz, process

from leads.identity import fold
from triage.analyzers.base import INTENTS, PRIORITIES, Context, Reading
from triage.analyzers.registry import offline_reader
from triage.models import Correction
from triage.queries import corrections_stamp, newest_correction_of, recent_correction_texts

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


def precedent_of(message: str, *, content_hash: str) -> Precedent | None:
    """The correction that decides this message, if there is one. An empty message is like no other."""
    if not message.strip():
        return None
    if same := newest_correction_of(content_hash):
        return Precedent(same, 1.0)
    text = _plain(message)
    if not SHORTEST <= len(text) <= LONGEST:
        return None
    ids, texts = _recent(corrections_stamp())
    alike = process.extract(text, texts, scorer=fuzz.ratio, score_cutoff=100 * LIKENESS, limit=CLOSER_LOOKS)
    for other, score, place in alike:
        if _says_the_same(text, other) and (correction := Correction.objects.filter(pk=ids[place]).first()):
            return Precedent(correction, score / 100)
    return None


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
