"""What tells who somebody is, taken out of a text before it leaves the house, and the way back to the original words.

Addresses, phones, cards, accounts, handles and long numbers are found by their form, names where people introduce
themselves or sign, and the lead's own name wherever it stands. Sums of money, quantities and dates stay: they are what
the message is about. A third person's name in the middle of a sentence is not found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Between two digits of one number: spaces, dashes, dots, brackets, and marks that do not show.
_GAP = "[ \u00a0\u2009\u202f\u200b-\u200d\u2060().\\-\u2010-\u2015/]"
_CURRENCY = r"(?:₽|\$|€|£|¥|₸|руб|р\.|тыс|млн|usd|eur|gbp|rub|dollar|euro|pound|bucks|доллар|евро|тенге|k\b|к\b)"
_AMOUNT = r"\d{1,10}(?:[ \u00a0.,]\d{3}){0,3}(?:[.,]\d{1,2})?"
_CAPITAL = r"[A-ZА-ЯЁ][\w'’.-]{0,30}"
_FULL_NAME = rf"{_CAPITAL}(?:[ \u00a0]{_CAPITAL}){{0,2}}"
_REGARDS = (
    "(?:(?:best|kind|warm) )?regards|yours (?:truly|sincerely|faithfully)|sincerely|all the best|с уважением"
    "|с наилучшими пожеланиями|всего доброго|с благодарностью"
)
_THANKS = "cheers|thanks|thank you|many thanks|спасибо|заранее спасибо|благодарю|best"
_AT, _DOT = r"[ ]?[\[(](?i:at|собака)[\])][ ]?", r"[ ]?(?:\.|[\[(](?i:dot|точка)[\])])[ ]?"
_PROFILE = r"t\.me|wa\.me|vk\.com|vk\.ru|facebook\.com|instagram\.com|linkedin\.com/in"
_INTRODUCTION = "my name is|my name['’]s|i am called|меня зовут|мо[её] имя|name:|имя:|фио:"


def _spaced(phrases: str) -> str:
    """For a verbose pattern, in which a plain space means nothing."""
    return phrases.replace(" ", "[ ]")


# Every quantifier is bounded: the time to mask a text grows with its length and with nothing else.
_PRIVATE = re.compile(
    rf"""
      (?P<EMAIL>[\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,5}}
        | \b[\w.+-]{{1,64}}{_AT}[\w-]{{1,63}}{_DOT}\w{{2,20}})
    | (?:(?i:{_PROFILE})/)(?P<CONTACT>[^\s<>"']{{1,200}})
    | (?P<HANDLE>(?<!\w)@\w{{3,40}})
    | (?P<ACCOUNT>\b[A-Z]{{2}}\d{{2}}(?:[ ]?[A-Z0-9]{{4}}){{2,7}}(?:[ ]?[A-Z0-9]{{1,3}})?\b)
    | (?P<date>(?<!\d)(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}})(?!\d|[./-]\d))
    | (?P<money>(?i:{_CURRENCY}[ ]?{_AMOUNT}(?!\d)|(?<![\w+]){_AMOUNT}[ \u00a0]?{_CURRENCY}))
    | (?P<NUMBER>(?<![^\W\d_])[+(]?\d(?:{_GAP}{{0,3}}\d){{6,30}})
    | (?:(?i:{_spaced(_REGARDS)})[,.!—–-]{{0,2}}\s{{1,4}})(?P<NAME>{_FULL_NAME})
    | (?:(?i:{_spaced(_THANKS)})[,.!—–-]{{0,2}}\s{{1,4}})(?P<SIGNATURE>{_FULL_NAME})(?=[,.!]?\s*(?:\n|$))
    | (?:(?i:{_spaced(_INTRODUCTION)})\s{{1,4}})(?P<SELF>[\w'’-]{{2,30}}(?:[ ]{_CAPITAL}){{0,2}})
    """,
    re.VERBOSE,
)
_LABEL = {"HANDLE": "CONTACT", "SIGNATURE": "NAME", "SELF": "NAME"}
_STAYS = ("date", "money")
#: As many digits as a card has; a phone has fewer.
_CARD_DIGITS = 13
_PHONE_DIGITS = 10
#: Nobody's name has more words that tell who it is.
NAME_WORDS = 6
_ROUND_SUM = re.compile(r"\d{1,3}(?:[ \u00a0.,]\d{3}){1,2}|\d{7,8}")


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without private words. ``masks``: each mask's start and end, then those of what it hides, in order."""

    text: str
    masks: tuple[tuple[int, int, int, int], ...] = ()

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original text behind a stretch of the masked one; a mask that is touched counts whole."""
        return self._original(start, is_end=False), self._original(end, is_end=True)

    def _original(self, place: int, *, is_end: bool) -> int:
        shift = 0
        for start, end, original_start, original_end in self.masks:
            if place <= start:
                break
            if place < end:
                return original_end if is_end else original_start
            shift = original_end - end
        return place + shift


def mask(text: str, name: str = "") -> Masked:
    """The text with what tells who somebody is replaced by what kind of thing it is: ``[EMAIL]``, ``[PHONE]``.

    ``name`` is the writer's, hidden wherever it stands with a capital letter, in Russian with any ending.
    """
    pieces: list[str] = []
    masks: list[tuple[int, int, int, int]] = []
    done = length = 0
    for start, end, label in _finds(text, name):
        length += start - done
        pieces += (text[done:start], label)
        masks.append((length, length + len(label), start, end))
        length, done = length + len(label), end
    return Masked("".join((*pieces, text[done:])), tuple(masks))


def _finds(text: str, name: str) -> list[tuple[int, int, str]]:
    """Start, end and label of all that is hidden, in order and apart from each other."""
    found = []
    for match in _PRIVATE.finditer(text):
        if label := _label(match):
            found.append((*match.span(match.lastgroup or 0), label))
    if own := _pattern_of(name):
        taken = {place for start, end, _ in found for place in range(start, end)}
        found += [(*match.span(), "[NAME]") for match in own.finditer(text) if taken.isdisjoint(range(*match.span()))]
    return sorted(found)


def _pattern_of(name: str) -> re.Pattern | None:
    """Finds the words of a name; None when it has none worth hiding."""
    words = re.findall(r"[^\W\d_]{3,30}", name)[:NAME_WORDS]
    return re.compile(rf"\b(?:{'|'.join(map(_forms_of, words))})\b") if words else None


def _forms_of(word: str) -> str:
    """A pattern for one word of a name, with a capital or all in capitals."""
    word = word.lower()
    ending = ""
    if "а" <= word[0] <= "я" or word[0] == "ё":
        word, ending = word[:2] + word[2:].rstrip("аеёийоуыьюя"), "[а-яё]{0,3}"
    capital, rest = word[0].upper(), word[1:]
    return rf"{capital}(?:{rest}{ending}|{rest.upper()}{ending.upper()})"


def _label(match: re.Match) -> str:
    """What is put in the place of a find; empty when it may stay."""
    kind = match.lastgroup
    if kind in _STAYS:
        return ""
    if kind == "NUMBER":
        kind = _number(match.group(kind))
    return f"[{_LABEL.get(kind, kind)}]" if kind else ""


def _number(raw: str) -> str:
    """The kind of a long number; empty for a round sum, which is somebody's budget."""
    digits = re.sub(r"\D", "", raw)
    if digits.endswith("000") and _ROUND_SUM.fullmatch(raw):
        return ""
    if len(digits) >= _CARD_DIGITS:
        return "CARD"
    return "PHONE" if raw[0] == "+" or len(digits) >= _PHONE_DIGITS else "NUMBER"
