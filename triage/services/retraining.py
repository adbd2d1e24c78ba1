"""Learning from corrections: a new version of the offline reader's model, taken only if it is not worse.

Every fifth corrected text, the same ones each time, is held back: no version ever learns from it, and old and new are
judged by it. Training needs scikit-learn, which serving does not.
"""

import hashlib
import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from leads.identity import fold
from triage.analyzers.base import Analyzer
from triage.analyzers.model import Model
from triage.analyzers.model import model as shipped_model
from triage.analyzers.normalise import normalise
from triage.analyzers.versions import Making, RetrainedReader, Versions
from triage.queries import last_words

#: Fewer corrections than this teach nothing and judge nothing.
FEWEST = 20
HELD_BACK_EVERY = 5
#: How much a corrected text counts beside one made from the phrases, of which there are hundreds of thousands.
WEIGHT = 150.0
_SIGNS = re.compile(r"[\W\d_]+")


class NotNow(Exception):
    """There is no training now. The message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text and what it is, in a supervisor's last word."""

    text: str
    intent: str
    lang: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a training."""

    making: Making
    is_taken: bool

    def __str__(self) -> str:
        fate = "It is in use now." if self.is_taken else "It is worse and was not taken."
        return f"version {self.making.version} {self.making}. {fate}"


#: Gives a model fitted on the phrases and these lessons.
Trainer = Callable[[Sequence[Lesson]], Model]


def retrain(
    versions: Versions, *, now: datetime, trainer: Trainer | None = None, only_if_new: bool = False
) -> Outcome:
    """Fit a new version on phrases and corrections, judge it, and choose it if it is not worse than the one in use.

    It is kept in either case, so that it can be looked at. May take minutes; call it outside any transaction. Raises
    NotNow: too few corrections, ``only_if_new`` and no more of them than last time, or scikit-learn is not there.
    """
    learnt, held_back = split(lessons())
    if (count := len(learnt) + len(held_back)) < FEWEST or not held_back:
        raise NotNow(f"There are {count} corrected texts; {FEWEST} are needed, with some to hold back.")
    if only_if_new and any(count <= last.learnt_count + last.held_back_count for last in versions.all()[-1:]):
        raise NotNow("There are no new corrections since the last training.")
    before = versions.in_use()
    made = (trainer or _trainer())(learnt)
    making = Making(
        version=made.version,
        made_at=now.isoformat(timespec="seconds"),
        learnt_count=len(learnt),
        held_back_count=len(held_back),
        before=before,
        before_right_count=right_count(versions.reader(before), held_back),
        right_count=right_count(RetrainedReader(made), held_back),
        shipped=shipped_model().version,
    )
    versions.add(made, making)
    is_taken = making.right_count >= making.before_right_count
    if is_taken:
        versions.choose(made.version)
    return Outcome(making, is_taken)


def compare(versions: Versions, names: Iterable[str]) -> tuple[int, dict[str, int]]:
    """How many texts are held back now, and how many of them each version reads right. Raises NoSuchVersion."""
    _, held_back = split(lessons())
    return len(held_back), {name: right_count(versions.reader(name), held_back) for name in names}


def lessons() -> list[Lesson]:
    """The last word on every corrected text that says anything."""
    words = ((correction.message, correction) for correction in last_words())
    return [
        Lesson(text, correction.intent, correction.lang or normalise(text).lang or "en")
        for text, correction in words
        if text.strip()
    ]


def split(taught: Iterable[Lesson]) -> tuple[list[Lesson], list[Lesson]]:
    """Those to learn from and those to hold back, by their letters alone: a text that differs from another only in its
    numbers or signs never stands on the other side.
    """
    sides: tuple[list[Lesson], list[Lesson]] = ([], [])
    for lesson in taught:
        digest = hashlib.sha256(_SIGNS.sub("", fold(lesson.text)).encode()).digest()
        sides[int.from_bytes(digest[:4]) % HELD_BACK_EVERY == 0].append(lesson)
    return sides


def right_count(reader: Analyzer, judged: Sequence[Lesson]) -> int:
    """How many texts a reader reads right."""
    return sum(reader.read(lesson.text).intent == lesson.intent for lesson in judged)


def _trainer() -> Trainer:
    # By name and not before it is needed: serving does without what training needs.
    parts = ("corpus", "fit", "phrases")
    try:
        corpus, fit, phrases = (importlib.import_module(f"triage.training.{part}") for part in parts)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sklearn", "scipy"):
            raise
        raise NotNow("Training needs scikit-learn: pip install -r requirements-train.txt.") from error

    def train(learnt: Sequence[Lesson]) -> Model:
        examples = corpus.build(phrases.load_phrases())
        examples += [
            corpus.Example(lesson.text, lesson.intent, lesson.lang, "corrections", WEIGHT) for lesson in learnt
        ]
        return fit.fit(examples, [fit.see(example.text) for example in examples])

    return train
