"""What the model sees of a message. Training and serving both go through here, so they cannot disagree."""

from __future__ import annotations

import re
from functools import lru_cache

from .lexicon import Hit
from .normalise import MONEY, PHONE, URL, Message

#: The model reads this many words; a longer text has said what it wants by then.
WORDS_READ = 200
#: Parts of a word longer than this add nothing.
LETTERS_READ = 24

_EMOJI = re.compile("[\u2600-\u27bf\u2b50\U0001f300-\U0001faff]")

# Endings, longest first. Cutting them is all the stemming that a model with parts of words needs.
_RU_ENDINGS = re.compile(
    "(?:ировать|ированн|иями|ями|ами|ого|его|ому|ему|ыми|ими|ться|тся|ешь|ишь|ете|ите|ают|яют|уют|ует|ает|яет|ать|ять|ить|еть"
    "|ала|али|ило|или|ила|ый|ий|ой|ая|яя|ое|ее|ые|ие|ую|юю|ых|их|ым|им|ом|ем|ам|ям|ах|ях|ов|ев|ей|ия|ию|ии|ие|ют|ут|ят|ат|ет|ит|л|а|я|о|е|ы|и|у|ю|ь)$"
)
_EN_ENDINGS = re.compile("(?:ings?|edly|ed|ers?|ies|es|ly|s)$")


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without its ending; short words and placeholders stay as they are."""
    if len(word) < 4 or word[0] == "<":
        return word
    short = (_RU_ENDINGS if word[0] > "\u0400" else _EN_ENDINGS).sub("", word)
    return short if len(short) >= 3 else word


def parts(word: str) -> tuple[str, ...]:
    """The runs of 2 to 5 letters in a word, its borders marked by blanks."""
    if word[0] == "<":
        return ()
    padded = f" {word[:LETTERS_READ]} "
    return tuple({f"~{padded[at : at + n]}": None for n in (2, 3, 4, 5) for at in range(len(padded) - n + 1)})


def word_features(message: Message) -> list[str]:
    """Stems and pairs of neighbouring stems, each once."""
    stems = [stem(word) for word in message.words[:WORDS_READ]]
    bounded = ["^", *stems, "$"]
    return list({*stems, *(f"{left} {right}" for left, right in zip(bounded, bounded[1:], strict=False))})


def distinct_words(message: Message) -> set[str]:
    """The words whose parts count, each once."""
    return set(message.words[:WORDS_READ])


def sign_features(message: Message, hits: list[Hit]) -> list[str]:
    """What the rules found, and the outer shape of the text."""
    text = message.text[:4000]
    signs = {f"rule:{hit.rule.id}" for hit in hits}
    signs.add(f"lang:{message.lang}")
    shapes = (
        ("question", "?" in text),
        ("ends in a question", text.rstrip().endswith("?")),
        ("many emoji", len(_EMOJI.findall(text)) > 2),
        ("mixed", bool(message.mixed)),
        ("link", URL in message.words),
        ("money", MONEY in message.words),
        ("phone", PHONE in message.words),
    )
    signs.update(name for name, holds in shapes if holds)
    return [f"!{sign}" for sign in signs]
