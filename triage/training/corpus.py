"""From the written phrases to the messages that the model learns from. The same seed gives the same messages."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .noise import bare, dressed, slip, transliterate
from .phrases import LANGUAGES, Phrase, load_slots, variants

SEED = 20261120
#: Long messages made of several phrases of one intent, as a share of that intent's phrases.
LONG_SHARE = 0.5
#: How much a line without choices counts. It is one person's way to put it; a frame with choices is everybody's.
LITERAL = 0.1
#: Intents whose phrases make sense one after another.
_LONG = ("support", "complaint", "buy", "info", "partnership", "job", "spam", "other")


@dataclass(frozen=True, slots=True)
class Example:
    """One message to learn from. ``group`` is held out as a whole when the model is scored."""

    text: str
    intent: str
    lang: str
    group: str
    weight: float = 1.0


def build(phrases: list[Phrase], seed: int = SEED) -> list[Example]:
    """Every message made from the phrases: as written, as typed in haste, as mailed, and strung together."""
    rng = Random(seed)
    slots = {lang: load_slots(lang) for lang in LANGUAGES}
    examples = []
    for phrase in phrases:
        texts = _typed(phrase, slots[phrase.lang], rng)
        weight = len(texts) ** -0.25 * (1.0 if "{" in phrase.text else LITERAL)
        examples += [Example(text, phrase.intent, phrase.lang, phrase.theme, weight) for text in texts]
    return examples + _long_messages(phrases, slots, rng)


def _typed(phrase: Phrase, slots: dict, rng: Random) -> list[str]:
    texts = variants(phrase, slots, rng)
    typed = list(texts)
    typed.append(bare(rng.choice(texts)))
    typed.append(slip(rng.choice(texts), rng))
    if phrase.intent not in ("other", "spam"):
        typed.append(dressed(rng.choice(texts), slots, rng))
    if phrase.lang == "ru" and rng.random() < 0.05:
        typed.append(transliterate(rng.choice(texts)))
    return list(dict.fromkeys(text for text in typed if text))


def _long_messages(phrases: list[Phrase], slots: dict, rng: Random) -> list[Example]:
    """Several phrases of one theme, now and then with a sentence that only tells the circumstances."""
    examples = []
    for lang in LANGUAGES:
        for intent in _LONG:
            own = [phrase for phrase in phrases if phrase.intent == intent and phrase.lang == lang]
            for _ in range(int(len(own) * LONG_SHARE)):
                first = rng.choice(own)
                theme = [phrase for phrase in own if phrase.theme == first.theme]
                chosen = [first, *rng.choices(theme, k=rng.choice((1, 1, 2, 3, 5)))]
                sentences = [variants(phrase, slots[lang], rng)[0] for phrase in chosen]
                if intent in ("support", "complaint"):
                    sentences[1:1] = [
                        variants_of_circumstance(slots[lang], rng) for _ in range(rng.choice((0, 1, 2, 3)))
                    ]
                text = ". ".join(sentence.rstrip(". ") for sentence in dict.fromkeys(sentences))
                if rng.random() < 0.5 and intent not in ("other", "spam"):
                    text = dressed(text, slots[lang], rng)
                examples.append(Example(text, intent, lang, first.theme))
    return examples


def variants_of_circumstance(slots: dict, rng: Random) -> str:
    phrase = Phrase(rng.choice(slots["circumstance"]), "", "", "")
    return variants(phrase, slots, rng)[0]
