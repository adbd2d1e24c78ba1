"""An analyzer of somebody else's: named in the settings, tried at the start, and as good as the house's own."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks

from triage.analyzers.base import Context, Evidence, Reading, Unavailable, UnreadableError
from triage.analyzers.registry import built_analyzer
from triage.tasks import work

from .factories import JobFactory

DOCUMENT = Path(django_settings.BASE_DIR) / "docs" / "analyzers.md"
GOOD = Reading("other", "P3", "qualify", 0.5)


class Theirs:
    """Good in every way; the others break one thing each."""

    name, version = "theirs", "1"

    def read(self, text, context=None):
        return GOOD


class Nameless(Theirs):
    name = ""


class Unversioned(Theirs):
    version = None


class Wordy(Theirs):
    version = "1" * 101


class Silent:
    name, version = "silent", "1"


class Free(Theirs):
    def read(self, text, context=None):
        return {"intent": "buy"}


class Inventive(Theirs):
    def read(self, text, context=None):
        return Reading("buy", "P0", "call", 1, evidence=(Evidence("never said", 0, 10, "buy"),))


class Beyond(Theirs):
    def read(self, text, context=None):
        return Reading("purchase", "P0", "call", 1)


class Demanding(Theirs):
    def __init__(self, key):
        """Cannot be built."""


class Hasty(Theirs):
    def read(self, text):
        return GOOD


class Away(Theirs):
    def read(self, text, context=None):
        raise UnreadableError("The service is being moved.")


class Paid(Theirs):
    asked = []

    def read(self, text, context=None):
        context.spend()
        self.asked.append(text)
        return GOOD


def faults():
    """What the checks at the start say of the analyzer."""
    return [error.msg for error in run_checks() if error.id == "crm.E001"]


@pytest.fixture(autouse=True)
def fresh():
    built_analyzer.cache_clear()
    yield
    built_analyzer.cache_clear()


@pytest.fixture
def named(settings):
    def name(path):
        settings.TRIAGE_ANALYZER = path if "." in path else f"{__name__}.{path}"
        return faults()

    return name


@pytest.mark.parametrize("name", ["Theirs", "Away", "Paid"])
def test_a_class_that_reads_is_accepted(named, name):
    assert named(name) == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Nameless", "its name must be a word of 1 to 100 characters"),
        ("Unversioned", "its version must be a word of 1 to 100 characters"),
        ("Wordy", "its version must be a word of 1 to 100 characters"),
        ("Silent", "it has no method read"),
        ("Free", "reading a text gave a dict and not a Reading"),
        ("Inventive", "its evidence is not in the text"),
        ("Beyond", "reading a text failed with ValueError: intent 'purchase' is not one of"),
        ("Hasty", "reading a text failed with TypeError"),
        ("Demanding", "which fails: TypeError"),
        ("Missing", "the dotted path of a class"),
        ("no.such.module.Analyzer", "the dotted path of a class"),
    ],
)
def test_one_that_does_not_read_stops_the_start_with_a_sentence(named, name, fault):
    [sentence] = named(name)

    assert sentence.startswith("TRIAGE_ANALYZER is '")
    assert fault in sentence


def test_a_word_the_house_does_not_know_is_refused(settings):
    settings.TRIAGE_ANALYZER = "magic"

    [sentence] = faults()

    assert sentence.startswith("TRIAGE_ANALYZER is 'magic'; it must be one of rules, openai, or the dotted path")


def test_the_trial_spends_nothing(named):
    named("Paid")

    assert Paid.asked == []


@pytest.mark.django_db
def test_the_example_of_the_documentation_is_true(named, monkeypatch):
    [example] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    [path] = re.findall(r"^TRIAGE_ANALYZER=(\S+)$", DOCUMENT.read_text(), re.MULTILINE)
    module, name = path.rsplit(".", 1)
    for part in ("acme", module):
        monkeypatch.setitem(sys.modules, part, ModuleType(part))
    exec(example, vars(sys.modules[module]))
    assert len(DOCUMENT.read_text().splitlines()) < 70

    assert named(path) == []
    job = JobFactory(inquiry__message="Where is my Invoice?")
    work()

    insight = job.inquiry.insights.get()
    assert (insight.intent, insight.priority, insight.tags) == ("support", "P2", ["billing"])
    assert (insight.analyzer, insight.version, insight.note) == ("acme", "2026-11", "")
    assert insight.evidence == [{"text": "Invoice", "start": 12, "end": 19, "for": "billing"}]
    assert Context().spend() is None


@pytest.mark.django_db
def test_its_own_words_for_why_it_cannot_read_are_kept(monkeypatch, named):
    def read(self, text, context=None):
        raise Unavailable("The crystal ball is " + "very " * 60 + "dim")

    monkeypatch.setattr(Theirs, "read", read)
    named("Theirs")
    job = JobFactory()

    work()

    insight = job.inquiry.insights.get()
    assert insight.analyzer == "rules"
    assert insight.get_note_display().startswith("The crystal ball is very")
    assert len(insight.note) == 200
