"""The offline analyzer: rules as data, a small model beside them, and a policy that can be read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .base import INTENTS, TAGS, Context, Evidence, Reading
from .facts import Fact, facts_of
from .lexicon import Hit, lexicon
from .model import model
from .normalise import Message, normalise
from .policy import may_be_p0, next_action_of, priority_of
from .spam import is_spam

NO_CONTEXT = Context()

#: More would bury the telling words.
EVIDENCE_LIMIT = 12

#: A longer text is read this far; the time for a read is bounded by it.
CHARACTERS_READ = 10_000

_FACT_TAGS = frozenset(TAGS)
_HERE = Path(__file__).parent
#: All that decides how a text is read.
_DECIDING = (
    *(
        f"{name}.py"
        for name in ("facts", "features", "lexicon", "model", "normalise", "patterns", "policy", "rules", "spam")
    ),
    "model.npz",
    "words/*.toml",
)


class RulesAnalyzer:
    """Reads Russian and English without a network. Reading keeps no state: one, built once, serves all threads."""

    name = "rules"
    #: Measured: 20 at a time are read at half the speed, 100 no faster, and an urgent text waits for a whole batch.
    batch_size = 50

    def __init__(self):
        self._lexicon = lexicon()
        self._model = model()
        self.version = fingerprint()

    def read(self, text: str, context: Context = NO_CONTEXT) -> Reading:
        """Read one message: what is wanted, how soon, what to do, and which words say so."""
        message, hits, facts = self._facts(text, context)
        probs = self._model.beliefs(message, hits)
        intent = _intent(probs, hits)
        priority, raised_by = priority_of(intent, facts)
        confidence = probs[intent]
        return Reading(
            intent=intent,
            priority=priority,
            next_action=next_action_of(
                intent,
                priority,
                confidence,
                is_empty=not message.words,
                shows_buying=any(hit.rule.intent == "buy" for hit in hits),
            ),
            confidence=confidence,
            tags=_tags(message, hits, facts),
            evidence=_evidence(message, hits, facts, intent, priority, raised_by),
            probs=probs,
        )

    def is_p0(self, text: str) -> bool:
        """Return whether `read` calls this text a P0.

        Most texts state nothing that could make them one, whatever their intent: for these the model is not asked.
        """
        message, hits, facts = self._facts(text, NO_CONTEXT)
        if not may_be_p0(facts):
            return False
        return priority_of(_intent(self._model.beliefs(message, hits), hits), facts)[0] == "P0"

    def _facts(self, text: str, context: Context) -> tuple[Message, list[Hit], dict[str, Fact | None]]:
        message = normalise(text[:CHARACTERS_READ])
        hits = self._lexicon.find(message)
        facts = facts_of(message, hits, context)
        _add_intent_facts(facts, hits)
        return message, hits, facts


def fingerprint() -> str:
    """A digest of every file that decides a reading: it changes whenever the same text could be read differently."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _DECIDING for path in _HERE.glob(pattern)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _intent(probs: dict[str, float], hits: list[Hit]) -> str:
    """The likeliest intent; spam only when its own strict decision agrees."""
    if is_spam(probs["spam"], hits):
        return "spam"
    return max((intent for intent in INTENTS if intent != "spam"), key=probs.__getitem__)


def _add_intent_facts(facts: dict[str, Fact | None], hits: list[Hit]) -> None:
    """Tags that intent rules carry (a demo, a budget) are facts for the policy as well."""
    for hit in hits:
        if hit.rule.tag and hit.rule.intent:
            facts.setdefault(hit.rule.tag, Fact(hit.rule.tag, hit.first, hit.last))


def _tags(message: Message, hits: list[Hit], facts: dict[str, Fact | None]) -> tuple[str, ...]:
    found = {hit.rule.tag for hit in hits} | _FACT_TAGS.intersection(facts)
    if message.lang:
        found.add(f"lang:{message.lang}")
    return tuple(tag for tag in TAGS if tag in found)


def _evidence(message, hits, facts, intent, priority, raised_by) -> tuple[Evidence, ...]:
    """The words for the intent, those that raised the priority, those of the tags; none twice, or within others,
    for one reason."""
    found = [(hit.first, hit.last, intent) for hit in hits if hit.rule.intent == intent]
    found += [(facts[name].first, facts[name].last, priority) for name in raised_by if facts[name]]
    found += [(hit.first, hit.last, hit.rule.tag) for hit in hits if hit.rule.tag]
    found += [(fact.first, fact.last, name) for name, fact in facts.items() if fact and name in _FACT_TAGS]
    # A hostile text has thousands: enough of them to fill the list are compared.
    found = list(dict.fromkeys(found))[: 4 * EVIDENCE_LIMIT]
    widest = [place for place in found if not any(_is_within(place, other) for other in found)]
    return tuple(_quote(message, *place) for place in widest[:EVIDENCE_LIMIT])


def _is_within(place: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Whether other words, found for the same reason, hold these and more."""
    return place != other and place[2] == other[2] and other[0] <= place[0] and place[1] <= other[1]


def _quote(message: Message, first: int, last: int, reason: str) -> Evidence:
    start, end = message.span(first, last)
    return Evidence(message.text[start:end], start, end, reason)
