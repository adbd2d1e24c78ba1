"""Learning from corrections: judged on what was held back, taken only if not worse, rolled back when wanted."""

import io
import sys
from random import Random

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from leads.identity import content_hash
from triage.analyzers import registry
from triage.analyzers.base import INTENTS
from triage.analyzers.model import Model, model
from triage.analyzers.rules import RulesAnalyzer
from triage.analyzers.versions import SHIPPED, NoSuchVersion, RetrainedReader, Versions
from triage.checks import check_model
from triage.models import Correction
from triage.services import read_inquiry
from triage.services.retraining import NotNow, lessons, retrain, right_count, split
from triage.tasks import retrain as retrain_task
from triage.training import phrases

from .factories import JobFactory

pytestmark = pytest.mark.django_db

#: A trade's own words that no phrase of the project knows; here they offer a partnership whenever they are written.
ODD = "The flurbish {} zonked grommelig by the vrantz again"
NOUNS = (
    "anvil basket candle dagger easel funnel goblet hammock inkwell jigsaw kettle ladder mirror needle oven".split()
)


@pytest.fixture
def versions(settings, tmp_path):
    settings.MODELS_DIR = tmp_path / "models"
    registry._offline_reader.cache_clear()
    yield registry.versions()
    registry._offline_reader.cache_clear()


@pytest.fixture
def corrections(db):
    """What a supervisor said of sixty texts, all of one kind."""
    rng = Random(7)
    texts = {ODD.format(" ".join(rng.sample(NOUNS, 3))) for _ in range(60)}
    return [correct(text) for text in sorted(texts)]


def correct(text, intent="partnership"):
    return Correction.objects.create(
        text=text,
        content_hash=content_hash(text),
        lang="en",
        intent=intent,
        priority="P2",
        next_action="call",
        created_at=timezone.now(),
    )


def taught(learnt):
    """A quick stand-in for the training: the shipped model, leaning to what most lessons say."""
    shipped = model()
    most = max((lesson.intent for lesson in learnt), key=[lesson.intent for lesson in learnt].count)
    return leaning_to(most, shipped)


def leaning_to(intent, shipped):
    bias = shipped.bias.copy()
    bias[INTENTS.index(intent)] += 50
    return Model.of(list(shipped.rows), shipped.rarity, shipped.weights, bias)


def run(versions, **kwargs):
    return retrain(versions, now=timezone.now(), **{"trainer": taught} | kwargs)


def command(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_what_is_held_back_is_the_same_each_time_and_never_learnt(corrections):
    learnt, held_back = split(lessons())

    assert len(learnt) + len(held_back) == len(corrections)
    assert 3 <= len(held_back) <= len(learnt) / 2
    correct("One more that says something else entirely")
    assert set(held_back) <= set(split(lessons())[1])


def test_a_text_that_differs_only_in_numbers_stands_on_the_same_side():
    for number in range(20):
        correct(f"My order {number} has not arrived!")

    assert sorted(map(len, split(lessons()))) == [0, 20]


def test_the_last_word_on_a_text_is_the_one_to_learn():
    correct("Is this text a question?", "info")
    correct("Is this text a question?", "buy")

    assert [lesson.intent for lesson in lessons()] == ["buy"]


def test_a_version_that_is_not_worse_is_taken_and_read_with_at_once(versions, corrections):
    before = registry.offline_reader()

    outcome = run(versions)

    assert outcome.is_taken and outcome.making.right_count > outcome.making.before_right_count
    after = registry.get_analyzer()
    assert after is not before
    assert after.version.endswith("+" + outcome.making.version) and before.version in after.version
    insight = read_inquiry(JobFactory(inquiry__message="What is this?").pk, analyzer=after)
    assert (insight.intent, insight.version) == ("partnership", after.version)


def test_a_version_that_is_worse_is_kept_and_not_taken(versions, corrections):
    run(versions)
    chosen = versions.chosen()

    outcome = run(versions, trainer=lambda learnt: leaning_to("spam", model()))

    assert not outcome.is_taken and versions.chosen() == chosen
    assert {made.version for made in versions.all()} == {chosen, outcome.making.version}


def test_few_corrections_teach_nothing(versions):
    correct("One")

    with pytest.raises(NotNow, match="There are 1 corrected texts; 20 are needed"):
        run(versions)


def test_the_night_does_not_learn_the_same_twice(versions, corrections):
    run(versions)
    with pytest.raises(NotNow, match="no new corrections"):
        run(versions, only_if_new=True)
    correct("Something new under the sun")

    assert run(versions, only_if_new=True)


def test_the_task_of_the_night_says_why_nothing_was_done(versions, caplog):
    retrain_task()

    assert "The reader was not trained: There are 0 corrected texts" in caplog.text


def test_without_scikit_learn_it_says_in_a_sentence_what_to_install(versions, corrections, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("triage.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    monkeypatch.setitem(sys.modules, "scipy", None)

    with pytest.raises(CommandError, match="^Training needs scikit-learn: pip install -r requirements-train.txt.$"):
        call_command("retrain")


def test_versions_are_listed_compared_and_rolled_back(versions, corrections):
    name = run(versions).making.version

    assert f"* {name}" in command("analyzers", "list") and f"  {SHIPPED}" in command("analyzers")
    held_back = len(split(lessons())[1])
    assert f"{name:12}  {held_back} of {held_back} right, 100%" in command("analyzers", "compare")
    assert SHIPPED not in command("analyzers", "compare", name)

    assert command("analyzers", "use", SHIPPED) == "shipped is in use from now on.\n"
    assert registry.offline_reader().version == RulesAnalyzer().version
    assert f"* {SHIPPED}" in command("analyzers", "list")


@pytest.mark.parametrize("name", ["0123456789ab", "../../etc/passwd", ""])
def test_a_version_that_is_not_there_is_refused(versions, name):
    with pytest.raises(CommandError, match="There is no version"):
        call_command("analyzers", "use", name)


def test_a_folder_that_cannot_be_written_is_said_to_be(versions, corrections, settings, tmp_path):
    (tmp_path / "file").write_text("in the way")
    settings.MODELS_DIR = tmp_path / "file" / "models"

    with pytest.raises(CommandError, match="cannot be written: .* Set MODELS_DIR"):
        call_command("analyzers", "use", SHIPPED)


def test_it_warns_when_a_newer_model_ships_than_the_chosen_one_was_judged_against(versions, corrections, monkeypatch):
    run(versions)
    assert check_model(None) == []

    monkeypatch.setattr("triage.checks.shipped_model", lambda: leaning_to("buy", model()))

    assert [warning.id for warning in check_model(None)] == ["triage.W005"]


def test_a_broken_file_is_no_version_and_the_shipped_one_reads(versions, corrections, caplog):
    name = run(versions).making.version
    (versions._folder / f"{name}.npz").write_bytes(b"PK broken")

    assert versions.in_use() == SHIPPED
    assert registry.offline_reader().version == RulesAnalyzer().version
    assert caplog.text.count("cannot be read; the shipped one is used") == 1


def test_a_version_comes_back_from_its_file_as_it_was(versions, corrections):
    made = taught(split(lessons())[0])
    name = run(versions).making.version

    again = Versions(versions._folder).load(name)

    assert again.version == made.version == name
    assert right_count(RetrainedReader(again), lessons()) == right_count(RetrainedReader(made), lessons())
    with pytest.raises(NoSuchVersion):
        versions.load("0" * 12)


def test_the_real_training_learns_what_the_phrases_do_not_know(versions, corrections, monkeypatch):
    some = phrases.load_phrases()[::60]
    monkeypatch.setattr(phrases, "load_phrases", lambda: some)

    outcome = retrain(versions, now=timezone.now())

    assert outcome.is_taken
    assert outcome.making.right_count == outcome.making.held_back_count > outcome.making.before_right_count
