"""The small model beside the rules: a vocabulary and one row of weights a feature, read from a data file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from . import features
from .base import INTENTS
from .lexicon import Hit
from .normalise import Message

PATH = Path(__file__).with_name("model.npz")
BLOCKS = ("words", "parts", "signs")
#: How much the parts of words, and the signs found by rules, count beside whole words.
PART_SHARE = 1.0
SIGN_SHARE = 0.3
#: The rows of so many words are kept; others are looked up anew.
WORDS_REMEMBERED = 20_000


class Model:
    """Arrays and a memory of words already looked up; reading changes nothing else, so threads may share one."""

    def __init__(self, version: str, rows: dict[str, int], rarity: np.ndarray, weights: np.ndarray, bias: np.ndarray):
        self.version, self.rows, self.rarity, self.weights, self.bias = version, rows, rarity, weights, bias
        self._parts_of = lru_cache(maxsize=WORDS_REMEMBERED)(self._sum_of_parts)

    @classmethod
    def of(cls, names: list[str], rarity: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> Model:
        """A model from its parts, rounded as it will be stored; its version is a digest of them."""
        rarity, weights, bias = rarity.astype("<f2"), weights.astype("<f2"), bias.astype("<f4")
        digest = hashlib.sha256("\n".join(names).encode())
        for array in (rarity, weights, bias):
            digest.update(array.tobytes())
        rows = {name: row for row, name in enumerate(names)}
        return cls(digest.hexdigest()[:12], rows, rarity.astype("f4"), weights.astype("f4"), bias)

    @classmethod
    def load(cls, path: Path = PATH) -> Model:
        with np.load(path, allow_pickle=False) as stored:
            names = stored["names"].tobytes().decode().split("\n")
            return cls.of(names, stored["rarity"], stored["weights"], stored["bias"])

    def save(self, path: Path = PATH, *, source: str = "") -> None:
        """Write the model uncompressed: the same model is the same bytes. ``source`` is a digest of its making."""
        names = np.frombuffer("\n".join(self.rows).encode(), dtype=np.uint8)
        about = np.frombuffer(
            json.dumps({"version": self.version, "intents": INTENTS, "source": source}).encode(), dtype=np.uint8
        )
        with path.open("wb") as file:
            np.savez(
                file,
                about=about,
                names=names,
                rarity=self.rarity.astype("<f2"),
                weights=self.weights.astype("<f2"),
                bias=self.bias,
            )

    def beliefs(self, message: Message, hits: list[Hit]) -> dict[str, float]:
        """The belief in each intent; they sum to 1."""
        return dict(zip(INTENTS, self.probabilities(self.scores(message, hits)).tolist(), strict=True))

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        raised = np.exp(scores - scores.max())
        return raised / raised.sum()

    def scores(self, message: Message, hits: list[Hit]) -> np.ndarray:
        """The plain sums of weights, before they become beliefs."""
        signs = self._rows(features.sign_features(message, hits))
        return self.bias + self._words(message) + self._parts(message) + SIGN_SHARE * self.weights[signs].sum(axis=0)

    def _words(self, message: Message) -> np.ndarray | float:
        rows = self._rows(features.word_features(message))
        if not rows:
            return 0.0
        found = self.rarity[rows]
        return (found @ self.weights[rows]) / max(math.sqrt(float(found @ found)), 1.0)

    def _parts(self, message: Message) -> np.ndarray | float:
        known = [self._parts_of(word) for word in features.distinct_words(message)]
        if not known:
            return 0.0
        length = max(math.sqrt(sum(square for _, square in known)), 1.0)
        return sum(scores for scores, _ in known) * (PART_SHARE / length)

    def _sum_of_parts(self, word: str) -> tuple[np.ndarray, float]:
        """What a word's parts weigh together, and the square of their length: a word is summed once, not each time."""
        rows = self._rows(features.parts(word))
        found = self.rarity[rows]
        return found @ self.weights[rows], float(found @ found)

    def _rows(self, names: Iterable[str]) -> list[int]:
        rows = self.rows
        return [rows[name] for name in names if name in rows]


@lru_cache(maxsize=1)
def model() -> Model:
    """The model that ships with the project, read once a process."""
    return Model.load()
