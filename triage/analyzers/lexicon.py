"""The rules as data: every ``words/*.toml`` file read into one matcher."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .base import INTENTS, TAGS
from .normalise import Message
from .patterns import Matcher

FOLDER = Path(__file__).with_name("words")
_FIELDS = {"id", "intent", "weight", "tag", "fact", "strong", "en", "ru", "unless"}


@dataclass(frozen=True, slots=True)
class Rule:
    """Phrases that mean one thing: an intent, a tag, a fact for the policy, or several of these."""

    id: str
    intent: str = ""
    weight: float = 0.0
    tag: str = ""
    fact: str = ""
    #: Hardly ever said by an honest sender; counts for the strict decision on spam.
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule's phrase found in a message, from its first word to its last."""

    rule: Rule
    first: int
    last: int


class Lexicon:
    """All rules, and one pass that finds them in a message."""

    def __init__(self, folder: Path = FOLDER):
        self.rules: list[Rule] = []
        phrases = []
        for path in sorted(folder.glob("*.toml")):
            for entry in tomllib.loads(path.read_text(encoding="utf-8"))["rule"]:
                rule = _rule(entry, path)
                self.rules.append(rule)
                phrases += [(phrase, (rule, False)) for phrase in entry.get("en", []) + entry.get("ru", [])]
                phrases += [(phrase, (rule, True)) for phrase in entry.get("unless", [])]
        self._matcher = Matcher(phrases)

    def find(self, message: Message) -> list[Hit]:
        """Every finding in the order of the text, without those whose rule is called off by one of its exceptions."""
        hits, called_off = [], set()
        for (rule, is_exception), first, last in self._matcher.find(message.words):
            if is_exception:
                called_off.add(rule.id)
            else:
                hits.append(Hit(rule, first, last))
        return [hit for hit in hits if hit.rule.id not in called_off] if called_off else hits


def _rule(entry: dict, path: Path) -> Rule:
    """One rule from its table. Raises ValueError on anything the taxonomy does not know: a typo must not pass."""
    rule = Rule(**{key: value for key, value in entry.items() if key not in ("en", "ru", "unless")})
    if set(entry) - _FIELDS or (rule.intent and rule.intent not in INTENTS) or (rule.tag and rule.tag not in TAGS):
        raise ValueError(f"{path.name}: rule {rule.id} names something unknown")
    return rule


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The rules that ship with the project, read once a process."""
    return Lexicon()


def by_fact(hits: list[Hit]) -> dict[str, list[Hit]]:
    """The findings grouped by the fact they establish."""
    groups = defaultdict(list)
    for hit in hits:
        if hit.rule.fact:
            groups[hit.rule.fact].append(hit)
    return dict(groups)
