"""Fits the model: a vocabulary and a class-balanced logistic regression over it."""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from triage.analyzers import features
from triage.analyzers.base import INTENTS
from triage.analyzers.lexicon import lexicon
from triage.analyzers.model import BLOCKS, PART_SHARE, SIGN_SHARE, Model
from triage.analyzers.normalise import normalise

from .corpus import Example

#: Strength of the fit. Weaker generalises better to writers that no phrase file knows.
STRENGTH = 1.0
#: When the fit has settled. Stopped sooner, it reads what others write a point or two worse.
SETTLED, STEPS = 1e-4, 400
#: A feature seen in fewer messages than this is a name or a slip.
SEEN_AT_LEAST = {"words": 8, "parts": 20, "signs": 2}


@dataclass(frozen=True, slots=True)
class Seen:
    """The features of one message by block; a part is named once for each word that has it."""

    words: list[str]
    parts: list[str]
    signs: list[str]


def see(text: str) -> Seen:
    message = normalise(text)
    hits = lexicon().find(message)
    return Seen(
        [sys.intern(name) for name in features.word_features(message)],
        [part for word in features.distinct_words(message) for part in _parts(word)],
        [sys.intern(name) for name in features.sign_features(message, hits)],
    )


@lru_cache(maxsize=200_000)
def _parts(word: str) -> tuple[str, ...]:
    """The parts of a word, each name kept in memory once for all messages that have it."""
    return tuple(map(sys.intern, features.parts(word)))


def fit(examples: list[Example], seen: list[Seen], *, strength: float = STRENGTH) -> Model:
    """A model of the examples. The result depends on nothing but the arguments."""
    vocabulary, rarity = _vocabulary(seen)
    matrix = to_matrix(seen, vocabulary, rarity)
    labels = np.array([INTENTS.index(example.intent) for example in examples])
    regression = LogisticRegression(C=strength, max_iter=STEPS, tol=SETTLED)
    regression.fit(matrix, labels, sample_weight=_weights(examples, labels))
    weights, bias = _all_intents(regression)
    return Model.of(list(vocabulary), rarity, weights, bias)


def _vocabulary(seen: list[Seen]) -> tuple[dict[str, int], np.ndarray]:
    """The features worth keeping with their numbers, and how rare each is (1 + ln(messages / messages with it))."""
    kept, rarity = {}, []
    for block in BLOCKS:
        counts = Counter(name for one in seen for name in set(getattr(one, block)))
        for name in sorted(name for name, count in counts.items() if count >= SEEN_AT_LEAST[block]):
            kept[name] = len(kept)
            rarity.append(1.0 if block == "signs" else 1 + np.log(len(seen) / counts[name]))
    return kept, np.array(rarity, dtype=np.float32)


def to_matrix(seen: list[Seen], vocabulary: dict[str, int], rarity: np.ndarray) -> sparse.csr_matrix:
    """One row a message, its blocks scaled as the model scales them when it serves."""
    # Packed, not lists: there are tens of millions of them.
    columns, values, ends = array("i"), array("f"), [0]
    for one in seen:
        for block, share in zip(BLOCKS, (1.0, PART_SHARE, SIGN_SHARE), strict=True):
            counts = Counter(vocabulary[name] for name in getattr(one, block) if name in vocabulary)
            known = sorted(counts)
            found, times = rarity[known], np.array([counts[column] for column in known], dtype=np.float32)
            length = 1.0 if block == "signs" else max(float(np.sqrt((times * found**2).sum())), 1.0)
            columns.extend(known)
            values.extend(share * times * found / length)
        ends.append(len(columns))
    packed = np.frombuffer(values, dtype=np.float32), np.frombuffer(columns, dtype=np.int32), np.array(ends)
    return sparse.csr_matrix(packed, shape=(len(seen), len(vocabulary)))


def _weights(examples: list[Example], labels: np.ndarray) -> np.ndarray:
    """Each message's weight. A rare intent is raised to the root of what would make all equal: enough to be heard."""
    own = np.array([example.weight for example in examples])
    groups = np.array([f"{label}{example.lang}" for label, example in zip(labels, examples, strict=True)])
    for group in np.unique(groups):
        own[groups == group] /= np.sqrt(own[groups == group].sum())
    return own * len(examples) / own.sum()


def _all_intents(regression: LogisticRegression) -> tuple[np.ndarray, np.ndarray]:
    """The weights for every intent of the taxonomy, also for one that the examples lack."""
    weights = np.zeros((regression.coef_.shape[1], len(INTENTS)), dtype=np.float32)
    bias = np.full(len(INTENTS), -20.0, dtype=np.float32)
    for place, label in enumerate(regression.classes_):
        weights[:, label] = regression.coef_[place]
        bias[label] = regression.intercept_[place]
    return weights, bias
