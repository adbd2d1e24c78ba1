"""What a message states beyond its intent: urgency, seats, money, an outage, a threat. Each fact knows its words."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Context
from .lexicon import Hit, by_fact
from .normalise import MONEY, NUMBER, URL, Message

#: From this many seats on, a buyer is a company.
ENTERPRISE_SEATS = 20

_SEATS = (
    *("seat", "user", "licen", "employee", "people", "staff", "member", "agent", "workstation", "desk", "operator"),
    *("person", "headcount", "сотрудник", "человек", "людей", "лиценз", "пользовател", "рабочи", "мест", "оператор"),
    *("менеджер", "участник", "посадочн", "аккаунт", "учеток", "учетн"),
)
#: Shortened links hide where they lead.
_SHORT_LINKS = (
    "bit.ly",
    "tinyurl",
    "goo.gl",
    "t.co/",
    "clck.ru",
    "is.gd",
    "cutt.ly",
    "vk.cc",
    "rb.gy",
    "t.me/+",
    "t.me/joinchat",
)
_ODD_ENDINGS = (".xyz", ".top", ".club", ".site", ".online", ".biz", ".info")
#: How far from a number the counted word may stand: "50 paid annual seats".
_REACH = 2


@dataclass(frozen=True, slots=True)
class Fact:
    """Something stated, and the words (first to last) that state it."""

    name: str
    first: int
    last: int


def facts_of(message: Message, hits: list[Hit], context: Context) -> dict[str, Fact | None]:
    """The facts by name. A fact known from the context alone has no words: None."""
    facts = {name: Fact(name, found[0].first, found[0].last) for name, found in by_fact(hits).items()}
    for fact in (_seats(message), _money(message), _suspicious_link(message), _mixed_script(message)):
        if fact:
            facts.setdefault(fact.name, fact)
    if context.earlier_count:
        facts.setdefault("repeat_contact", None)
    return facts


def _seats(message: Message) -> Fact | None:
    """At least ENTERPRISE_SEATS of something that people sit on or sign in with."""
    words = message.words
    for place, word in enumerate(words):
        if word != NUMBER or _value(message, place) < ENTERPRISE_SEATS:
            continue
        for near in range(place + 1, min(place + 1 + _REACH, len(words))):
            if words[near].startswith(_SEATS):
                return Fact("enterprise", place, near)
    return None


def _value(message: Message, place: int) -> float:
    """The number at a place; separators of thousands are dropped, and what is no number counts as nothing."""
    start, end = message.spans[place]
    digits = "".join(sign for sign in message.text[start:end] if sign in "0123456789")
    is_fraction = message.text[start:end].count(".") == 1 and len(digits) < 4
    return 0 if is_fraction or not digits else float(digits)


def _money(message: Message) -> Fact | None:
    place = _first(message.words, MONEY)
    return None if place is None else Fact("money", place, place)


def _suspicious_link(message: Message) -> Fact | None:
    for place, word in enumerate(message.words):
        if word == URL:
            start, end = message.spans[place]
            link = message.text[start:end].lower()
            host = link.split("//")[-1].split("/")[0]
            if any(part in link for part in _SHORT_LINKS) or host.endswith(_ODD_ENDINGS) or "xn--" in host:
                return Fact("suspicious_link", place, place)
    return None


def _mixed_script(message: Message) -> Fact | None:
    return Fact("mixed_script", message.mixed[0], message.mixed[0]) if message.mixed else None


def _first(words: tuple[str, ...], wanted: str) -> int | None:
    return words.index(wanted) if wanted in words else None
