"""The small model beside the rules: a vocabulary and one row of weights a feature, read from a data file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
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
PART_SHARE = 1.5
SIGN_SHARE = 0.35
#: Divides the model's scores before they become beliefs.
TEMPERATURE = 1.6


@dataclass(frozen=True, slots=True)
class Model:
    """Arrays only; reading changes nothing, so threads may share one."""

    version: str
    rows: dict[str, int]
    rarity: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

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

    def save(self, path: Path = PATH) -> None:
        """Write the model without compression: the same model is the same bytes."""
        names = np.frombuffer("\n".join(self.rows).encode(), dtype=np.uint8)
        about = np.frombuffer(json.dumps({"version": self.version, "intents": INTENTS}).encode(), dtype=np.uint8)
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
        raised = np.exp((scores - scores.max()) / TEMPERATURE)
        return raised / raised.sum()

    def scores(self, message: Message, hits: list[Hit]) -> np.ndarray:
        """The plain sums of weights, before they become beliefs."""
        total = self.bias.copy()
        total += self._block(features.word_features(message), 1.0)
        total += self._block(features.part_features(message), PART_SHARE)
        signs = self._rows(features.sign_features(message, hits))
        return total + SIGN_SHARE * self.weights[signs].sum(axis=0)

    def _block(self, names: list[str], share: float) -> np.ndarray | float:
        rows = self._rows(names)
        if not rows:
            return 0.0
        found = self.rarity[rows]
        length = max(float(np.sqrt((found**2).sum())), 1.0)
        return (share / length) * (found @ self.weights[rows])

    def _rows(self, names: list[str]) -> list[int]:
        rows = self.rows
        return [rows[name] for name in names if name in rows]


@lru_cache(maxsize=1)
def model() -> Model:
    """The model that ships with the project, read once a process."""
    return Model.load()
