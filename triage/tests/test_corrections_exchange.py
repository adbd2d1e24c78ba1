"""Corrections go out and come in as lines: nothing lost, nothing twice, nothing wrong taken in."""

import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from triage.models import Correction, Insight
from triage.services.exchange import exported_lines, import_lines

from .test_corrections import MESSAGE, correct, read

pytestmark = pytest.mark.django_db

LINE = {"text": MESSAGE, "intent": "buy", "priority": "P1", "next_action": "call"}


@pytest.fixture
def sue():
    return User.objects.create(username="sue")


def imported(*lines):
    return import_lines([line if isinstance(line, str) else json.dumps(line) for line in lines], now=timezone.now())


def test_what_goes_out_comes_in_elsewhere_whole_and_decides_there(sue):
    correct(read(), sue, intent="buy")
    lines = list(exported_lines())
    Insight.objects.all().delete()
    assert not Correction.objects.exists()

    result = import_lines(lines, now=timezone.now())

    assert (result.new_count, result.known_count, result.refused) == (1, 0, {})
    assert list(exported_lines()) == lines
    assert Correction.objects.get().by == sue
    assert read().intent == "buy"


def test_importing_again_adds_nothing(sue):
    correct(read(), sue, intent="buy")
    lines = list(exported_lines())

    assert import_lines(lines, now=timezone.now()).known_count == 1
    assert (imported(LINE, LINE).new_count, imported(LINE).known_count) == (1, 1)
    assert Correction.objects.count() == 2


def test_a_short_line_is_enough():
    imported(LINE)

    correction = Correction.objects.get()
    assert (correction.lang, correction.read_intent, correction.by_name) == ("en", "", "")
    assert read(MESSAGE.replace("Omsk", "Tver")).next_action == "call"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "it is not JSON."),
        ("[" * 100_000, "it is not JSON."),
        ("[]", "it is not a JSON object."),
        (LINE | {"text": " "}, "it has no text."),
        (LINE | {"text": 5}, "its text is not a text of at most 10000 characters."),
        (LINE | {"text": "a\0b"}, "its text holds a character that cannot be stored."),
        ('{"text": "\\ud800"}', "its text holds a character that cannot be stored."),
        (LINE | {"priority": "P9"}, "its priority is 'P9'; it must be one of P0, P1, P2, P3."),
        (LINE | {"intent": []}, "its intent is []; it must be one of buy, "),
        (LINE | {"id": "7"}, "its id is '7', which is no UUID."),
        (LINE | {"read": "info"}, "its read is not an object."),
        (LINE | {"confidence": 7}, "its confidence is 7; it must lie between 0 and 1."),
        (LINE | {"at": "yesterday"}, "its at is 'yesterday'; it must be a time like 2026-11-20T12:00:00Z."),
        (LINE | {"at": "2026-11-20T12:00:00"}, "its at is '2026-11-20T12:00:00'; it must be a time"),
    ],
)
def test_a_wrong_line_is_refused_with_its_reason_and_spoils_no_other(line, reason):
    result = imported(line, "", LINE)

    assert list(result.refused) == [1]
    assert result.refused[1].startswith(reason)
    assert result.new_count == 1


def test_the_command_writes_a_file_and_reads_it(sue, tmp_path):
    correct(read(), sue, intent="buy")
    file = tmp_path / "corrections.jsonl"

    call_command("corrections", "export", str(file), stderr=io.StringIO())
    Correction.objects.all().delete()
    out = io.StringIO()
    call_command("corrections", "import", str(file), stdout=out)

    assert out.getvalue() == "1 corrections imported, 0 were known.\n"
    assert MESSAGE in file.read_text(encoding="utf-8")


def test_the_command_names_the_lines_it_refused(tmp_path):
    file = tmp_path / "corrections.jsonl"
    file.write_text("nonsense\n" + json.dumps(LINE), encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()

    with pytest.raises(CommandError, match="1 lines were refused"):
        call_command("corrections", "import", str(file), stdout=out, stderr=err)

    assert err.getvalue() == "Line 1 was refused: it is not JSON.\n"
    assert out.getvalue() == "1 corrections imported, 0 were known.\n"


def test_the_command_says_that_a_file_is_not_there(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("corrections", "import", str(tmp_path / "none.jsonl"))
