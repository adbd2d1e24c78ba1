"""`manage.py triage_text`: JSON lines in, insights out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def triage_text():
    """Runs the command in a process of its own whose database cannot be reached."""

    def run(*lines, arguments=()):
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.testing",
            "TEST_DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/none",
        }
        asked = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        done = subprocess.run(
            [sys.executable, "manage.py", "triage_text", *arguments],
            input=asked,
            capture_output=True,
            cwd=ROOT,
            env=environment,
        )
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()

    return run


def test_it_answers_every_line_in_order_without_a_database(triage_text):
    code, answers, errors = triage_text({"text": "How much is it?", "id": 7}, {"text": "Привет!"}, {"text": "\ud800"})

    assert (code, errors) == (0, "")
    assert [answer["intent"] for answer in answers[:2]] == ["buy", "other"]
    assert answers[0]["id"] == 7
    assert "id" not in answers[1]
    assert list(answers[1]) == [
        "intent",
        "priority",
        "next_action",
        "confidence",
        "tags",
        "evidence",
        "analyzer",
        "version",
    ]


def test_it_adds_the_beliefs_when_asked(triage_text):
    _, [answer], _ = triage_text({"text": "How much is it?"}, arguments=["--probs"])

    assert sum(answer["probs"].values()) == pytest.approx(1)


def test_a_bad_line_is_answered_with_its_reason_and_stops_nothing(triage_text):
    code, answers, errors = triage_text(
        b"{", {"no": "text"}, {"text": 5}, b"\xff\xfe", b"[" * 5000, {"text": "ok", "id": "z"}
    )

    assert [answer.get("error") for answer in answers[:3]] == [
        "the line is not JSON",
        "the line has no text",
        "the text is not a string",
    ]
    assert "error" in answers[3] and "error" in answers[4]
    assert answers[5]["id"] == "z"
    assert code == 1
    assert "5 lines" in errors
