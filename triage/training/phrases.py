"""The phrase files and the small language in which they are written.

A file holds phrases of one intent in one language about one field: ``<language>/<intent>/<field>.txt``.
A line is one phrase. ``{a|b|c}`` stands for one of the three, ``{|please}`` for a word or nothing, ``{product}`` for
one of the words listed under that name in ``slots/<language>.toml``. A line that begins with ``#`` and a blank names a
theme: all phrases below it belong together and are held out together when the model is scored.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from random import Random

from triage.analyzers.lexicon import FOLDER

HERE = Path(__file__).parent
LANGUAGES = ("en", "ru")
#: How many messages one line with choices in it may become.
VARIANTS = 32

_CHOICE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One written line, its intent and language, and the theme it belongs to."""

    text: str
    intent: str
    lang: str
    theme: str


def load_phrases(folder: Path = HERE / "phrases") -> list[Phrase]:
    """All phrases, in the order of the files and their lines."""
    phrases = []
    for path in sorted(folder.glob("*/*/*.txt")):
        lang, intent = path.parts[-3:-1]
        theme = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("# "):
                theme = line.lstrip("# ")
            elif line.strip():
                phrases.append(Phrase(line.strip(), intent, lang, f"{lang}/{intent}/{path.stem}/{theme}"))
    return phrases


def source_digest() -> str:
    """A digest of all that the model is made from; the model file carries it, so that a stale one is noticed."""
    digest = hashlib.sha256()
    for folder, pattern in ((HERE, "phrases/*/*/*.txt"), (HERE, "slots/*.toml"), (FOLDER, "*.toml")):
        for path in sorted(folder.glob(pattern)):
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def load_slots(lang: str) -> dict[str, list[str]]:
    return tomllib.loads((HERE / "slots" / f"{lang}.toml").read_text(encoding="utf-8"))


def expand(text: str, slots: dict[str, list[str]], rng: Random) -> str:
    """One message that a line stands for, its choices drawn by ``rng``."""

    def choose(match: re.Match) -> str:
        choice = match.group(1)
        return rng.choice(slots[choice] if choice in slots else choice.split("|"))

    while _CHOICE.search(text):
        text = _CHOICE.sub(choose, text)
    return re.sub(r" {2,}", " ", text).strip()


def variants(phrase: Phrase, slots: dict[str, list[str]], rng: Random) -> list[str]:
    """The different messages that a phrase becomes, in the order they were drawn."""
    if "{" not in phrase.text:
        return [phrase.text]
    return list(dict.fromkeys(expand(phrase.text, slots, rng) for _ in range(VARIANTS)))
