"""From a language model's answer to a Reading: nothing outside the taxonomy passes, nothing it invents is evidence."""

from __future__ import annotations

import json

from .base import TAGS, Evidence, Reading, Unavailable
from .masking import Masked
from .policy import SURE_ENOUGH
from .prompt import ASKED_TAGS, MACHINE_TAGS
from .quotes import place_of

#: More would bury the telling words.
EVIDENCE_LIMIT = 12


def reading_of(answer: str, *, text: str, masked: Masked, offline: Reading) -> Reading:
    """The reading of ``text`` in a model's answer about its masked form.

    ``offline`` is what the house's own reader made of it: its tags that need no judgement are taken over, and where it
    sees a buyer, nothing is set aside. Raises Unavailable: ``nonsense`` when the answer is outside the taxonomy.
    """
    try:
        told = json.loads(answer[answer.find("{") : answer.rfind("}") + 1])
        return _reading(told, text=text, masked=masked, offline=offline)
    except (ValueError, TypeError, KeyError, RecursionError):
        # What it said instead is not repeated: it may quote the message.
        raise Unavailable("nonsense") from None


def _reading(told: dict, *, text: str, masked: Masked, offline: Reading) -> Reading:
    confidence = told["confidence"]
    if isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise ValueError("confidence is not a number")
    tags = _words(told.get("tags"), ASKED_TAGS) | set(offline.tags).intersection(MACHINE_TAGS)
    action = told["next_action"]
    if confidence < SURE_ENOUGH or (action == "ignore" and offline.intent == "buy"):
        action = "qualify"
    return Reading(
        intent=told["intent"],
        priority=told["priority"],
        next_action=action,
        confidence=float(confidence),
        tags=tuple(tag for tag in TAGS if tag in tags),
        evidence=_evidence(told, tags, text=text, masked=masked)
        + tuple(words for words in offline.evidence if words.reason in MACHINE_TAGS),
    )


def _words(told: object, allowed: tuple[str, ...]) -> set[str]:
    """Of a list of words, those that are allowed."""
    return {word for word in told if isinstance(word, str)}.intersection(allowed) if isinstance(told, list) else set()


def _evidence(told: dict, tags: set[str], *, text: str, masked: Masked) -> tuple[Evidence, ...]:
    """The quotes that occur in what was sent and speak for what was answered, in the original's words."""
    reasons = {told["intent"], told["priority"], *tags}
    quoted = told.get("evidence")
    found = []
    for words in quoted[:EVIDENCE_LIMIT] if isinstance(quoted, list) else ():
        if not isinstance(words, dict) or words.get("for") not in reasons or not isinstance(words.get("quote"), str):
            continue
        if place := place_of(words["quote"], masked.text):
            start, end = masked.origin(*place)
            found.append(Evidence(text[start:end], start, end, words["for"]))
    return tuple(dict.fromkeys(found))
