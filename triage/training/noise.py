"""How people really type: no capitals, no commas, slips of the finger, a greeting before and a name after."""

from __future__ import annotations

import re
from random import Random

from .phrases import expand

_NEIGHBOURS = {
    "a": "sq", "e": "wr", "i": "uo", "o": "ip", "n": "bm", "t": "ry", "s": "ad", "r": "et",
    "а": "вп", "е": "кн", "и": "мт", "о": "лр", "н": "ег", "т": "иь", "с": "чм", "р": "по", "п": "ра", "л": "од",
}  # fmt: skip
_TRANSLIT = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
        "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
        "х": "h", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ы": "y", "ь": "",
        "э": "e", "ю": "yu", "я": "ya",
    }
)  # fmt: skip


def slip(text: str, rng: Random) -> str:
    """The text with one slip in a longer word: a letter lost, doubled, swapped or its neighbour hit instead."""
    places = [match.span() for match in re.finditer(r"[^\W\d_]{5,}", text)]
    if not places:
        return text
    start, end = rng.choice(places)
    at = rng.randrange(start + 1, end - 1)
    letter = text[at]
    changed = rng.choice(("", letter * 2, text[at + 1] + letter, rng.choice(_NEIGHBOURS.get(letter.lower(), letter))))
    skipped = 2 if len(changed) == 2 and changed != letter * 2 else 1
    return text[:at] + changed + text[at + skipped :]


def bare(text: str) -> str:
    """Typed on a phone: no capitals and hardly a comma."""
    return re.sub(r"[.,!?;:«»\"]+", "", text).lower()


def transliterate(text: str) -> str:
    return text.lower().translate(_TRANSLIT)


def dressed(text: str, slots: dict[str, list[str]], rng: Random) -> str:
    """With what stands around a request in a mail: a greeting, a closing, sometimes a forwarding header."""
    before = expand(rng.choice(slots["opening"]), slots, rng) if rng.random() < 0.8 else ""
    after = expand(rng.choice(slots["closing"]), slots, rng) if rng.random() < 0.6 else ""
    return " ".join(part for part in (before, text, after) if part)
