"""What changes in a reading when only its context does: whether the lead has written before."""

from __future__ import annotations

from dataclasses import replace

from .base import TAGS, Context, Reading
from .policy import next_action_of, priority_of

TAG = "repeat_contact"


def in_context(reading: Reading, context: Context) -> Reading:
    """The same reading for an inquiry in this context: its tag, and the priority and action the policy draws from it.

    A tag that the text itself gives, with words to show for it, stays.
    """
    is_said = any(words.reason == TAG for words in reading.evidence)
    is_repeat = is_said or context.earlier_count > 0
    if is_repeat == (TAG in reading.tags):
        return reading
    tags = tuple(tag for tag in TAGS if tag in reading.tags and tag != TAG or tag == TAG and is_repeat)
    before, after = _policy(reading.intent, reading.tags), _policy(reading.intent, tags)
    if reading.priority != before:
        # Something else decided it, and still does.
        return replace(reading, tags=tags)
    return replace(reading, tags=tags, priority=after, next_action=_action(reading, after))


def _policy(intent: str, tags: tuple[str, ...]) -> str:
    return priority_of(intent, dict.fromkeys(tags))[0]


def _action(reading: Reading, priority: str) -> str:
    """The policy's action for the new priority, unless the analyzer had chosen another than the policy's."""
    if reading.next_action != next_action_of(reading.intent, reading.priority, reading.confidence):
        return reading.next_action
    return next_action_of(reading.intent, priority, reading.confidence)
