"""How well a model reads phrases it has not seen: whole themes are held out, so no line meets its own variant."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

import numpy as np

from triage.analyzers.base import INTENTS

from .corpus import SEED, Example
from .fit import Seen, fit, to_matrix

FOLDS = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the held-out model said of one message."""

    intent: str
    read_as: str
    confidence: float
    lang: str


def cross_validate(examples: list[Example], seen: list[Seen], folds: int = FOLDS) -> list[Verdict]:
    """Every message read by a model that has not seen its group."""
    groups = sorted({example.group for example in examples})
    Random(SEED).shuffle(groups)
    fold_of = {group: number % folds for number, group in enumerate(groups)}
    verdicts = []
    for fold in range(folds):
        inside = [place for place, example in enumerate(examples) if fold_of[example.group] != fold]
        outside = [place for place, example in enumerate(examples) if fold_of[example.group] == fold]
        model = fit([examples[place] for place in inside], [seen[place] for place in inside])
        matrix = to_matrix([seen[place] for place in outside], model.rows, model.rarity)
        for place, scores in zip(outside, matrix @ model.weights + model.bias, strict=True):
            beliefs = model.probabilities(scores)
            best = int(beliefs.argmax())
            example = examples[place]
            verdicts.append(Verdict(example.intent, INTENTS[best], float(beliefs[best]), example.lang))
    return verdicts


def table(verdicts: list[Verdict]) -> str:
    """Precision, recall and F1 by intent, accuracy by language, and how honest the confidence is."""
    lines = [f"{'':12} precision recall    F1      n"]
    for intent in INTENTS:
        precision, recall, score = _scores(verdicts, intent)
        count = sum(verdict.intent == intent for verdict in verdicts)
        lines.append(f"{intent:12} {precision:9.3f} {recall:6.3f} {score:5.3f} {count:6}")
    macro = np.mean([_scores(verdicts, intent)[2] for intent in INTENTS])
    lines.append(
        f"macro-F1 {macro:.3f}, accuracy {_accuracy(verdicts):.3f}, calibration error {_calibration(verdicts):.3f}"
    )
    for lang in ("en", "ru"):
        lines.append(f"{lang}: accuracy {_accuracy([verdict for verdict in verdicts if verdict.lang == lang]):.3f}")
    return "\n".join(lines)


def _scores(verdicts: list[Verdict], intent: str) -> tuple[float, float, float]:
    outcome = Counter((verdict.intent == intent, verdict.read_as == intent) for verdict in verdicts)
    hit, called, present = outcome[True, True], outcome[False, True], outcome[True, False]
    precision, recall = hit / max(hit + called, 1), hit / max(hit + present, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def _accuracy(verdicts: list[Verdict]) -> float:
    return sum(verdict.intent == verdict.read_as for verdict in verdicts) / max(len(verdicts), 1)


def _calibration(verdicts: list[Verdict], bins: int = 15) -> float:
    """The mean distance between confidence and truth over equal bins of confidence."""
    filled = [[] for _ in range(bins)]
    for verdict in verdicts:
        filled[min(bins - 1, int(verdict.confidence * bins))].append(verdict)
    gaps = (
        len(held) * abs(_accuracy(held) - sum(verdict.confidence for verdict in held) / len(held))
        for held in filled
        if held
    )
    return sum(gaps) / max(len(verdicts), 1)
