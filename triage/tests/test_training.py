"""The model's making: the same phrases give the same file."""

import json
from collections import defaultdict

import numpy as np
import pytest

from triage.analyzers.base import INTENTS
from triage.analyzers.lexicon import lexicon
from triage.analyzers.model import PATH, Model
from triage.analyzers.normalise import normalise

# One process fits the model that they share.
pytestmark = pytest.mark.xdist_group("training")

pytest.importorskip("sklearn", reason="training needs requirements-train.txt")

from triage.training.corpus import build  # noqa: E402
from triage.training.fit import fit, see, to_matrix  # noqa: E402
from triage.training.phrases import LANGUAGES, load_phrases, source_digest  # noqa: E402

#: Every so many phrases: enough to fit a model, few enough to fit two.
STRIDE = 60


@pytest.fixture(scope="module")
def some_phrases():
    return load_phrases()[::STRIDE]


def trained(phrases):
    examples = build(phrases)
    return fit(examples, [see(example.text) for example in examples])


@pytest.fixture(scope="module")
def some_model(some_phrases):
    return trained(some_phrases)


def test_training_twice_gives_the_same_bytes(some_phrases, some_model, tmp_path):
    some_model.save(tmp_path / "first")
    trained(some_phrases).save(tmp_path / "second")

    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_saved_model_is_the_model(some_model, tmp_path):
    model = some_model
    model.save(tmp_path / "model.npz")

    loaded = Model.load(tmp_path / "model.npz")

    assert loaded.version == model.version
    assert loaded.rows == model.rows
    assert np.array_equal(loaded.weights, model.weights)


def test_serving_sums_what_training_saw(some_model):
    model = some_model
    texts = ["Сколько стоит доставка?", "i cant log in!!", "", "заработок в лс https://bit.ly/1 " * 40]

    for text in texts:
        message = normalise(text)
        served = model.scores(message, lexicon().find(message))
        learnt = to_matrix([see(text)], model.rows, model.rarity) @ model.weights + model.bias
        assert served == pytest.approx(learnt[0], abs=1e-4)


def test_the_shipped_model_was_made_from_these_phrases_and_rules():
    with np.load(PATH, allow_pickle=False) as stored:
        about = json.loads(stored["about"].tobytes())

    assert about["source"] == source_digest(), "run `make train`: phrases or rules changed since the model was made"
    assert about["version"] == Model.load().version
    assert about["intents"] == list(INTENTS)


def test_the_shipped_model_is_small():
    assert PATH.stat().st_size < 10_000_000


def test_every_intent_has_hundreds_of_messages_in_each_language():
    # Those of every tenth phrase are enough already, and made in a tenth of the time.
    texts = defaultdict(set)
    for example in build(load_phrases()[::10]):
        texts[example.intent, example.lang].add(example.text)

    assert {key: len(found) for key, found in texts.items() if len(found) < 200} == {}
    assert len(texts) == len(INTENTS) * len(LANGUAGES)
