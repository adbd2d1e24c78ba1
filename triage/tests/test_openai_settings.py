"""From the settings to an insight, and the sentences for settings that are wrong."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as django_settings

from triage.analyzers.registry import built_analyzer
from triage.tasks import work

from .factories import JobFactory
from .model_server import serving
from .test_openai import KEY, PRIVATE, TEXT


@pytest.fixture
def model(settings):
    built_analyzer.cache_clear()
    with serving() as server:
        settings.TRIAGE_ANALYZER = "openai"
        settings.OPENAI_BASE_URL = server.url + "/"
        settings.OPENAI_API_KEY = KEY
        settings.OPENAI_MODEL = "small"
        yield server
    built_analyzer.cache_clear()


@pytest.mark.django_db
def test_the_settings_name_who_reads(model):
    job = JobFactory(inquiry__message=TEXT)

    work()

    insight = job.inquiry.insights.get()
    assert (insight.analyzer, insight.intent, insight.priority, insight.note) == ("openai", "buy", "P0", "")
    assert insight.version.startswith("small/")
    assert insight.evidence[0] == {"text": "urgent pricing", "start": 12, "end": 26, "for": "buy"}
    assert model.requests[0][0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.django_db
@pytest.mark.parametrize(("sends", "leaves"), [(False, False), (True, True)])
def test_private_words_leave_only_where_the_setting_says_so(model, settings, sends, leaves):
    settings.OPENAI_SEND_PII = sends

    JobFactory(inquiry__message=PRIVATE)
    work()

    assert ("ivan@example.com" in model.said) is leaves


@pytest.mark.django_db
def test_without_the_model_everything_is_still_read(model, settings):
    settings.OPENAI_BASE_URL = "http://127.0.0.1:1/v1"
    settings.OPENAI_TIMEOUT_SECONDS = 2
    jobs = [JobFactory(inquiry__message=f"Need urgent pricing for {seats} seats ASAP!") for seats in (50, 60, 70)]

    work()

    insights = [job.inquiry.insights.get() for job in jobs]
    assert {(insight.analyzer, insight.priority) for insight in insights} == {("rules", "P0")}
    assert insights[0].note == "unreachable"
    assert {insight.note for insight in insights} <= {"unreachable", "resting"}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("OPENAI_TIMEOUT_SECONDS", "99", "OPENAI_TIMEOUT_SECONDS is 99; it must be 2 to 20."),
        ("OPENAI_API_KEY", "sk-secret with space", "OPENAI_API_KEY holds spaces or letters that no key has."),
        ("TRIAGE_DAILY_LIMIT", "-1", "TRIAGE_DAILY_LIMIT is -1; it must be 0 (no limit) or more."),
        ("TRIAGE_MINUTE_LIMIT", "many", "TRIAGE_MINUTE_LIMIT has a value that cannot be read"),
        ("OPENAI_SEND_PII", "maybe", "OPENAI_SEND_PII is 'maybe'; it must be on or off."),
        ("OPENAI_MODEL", "m" * 81, "OPENAI_MODEL is longer than 80 characters."),
        ("TRIAGE_ANALYZER", "openai", "TRIAGE_ANALYZER is openai, and OPENAI_MODEL is not set."),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(tmp_path, name, value, sentence):
    environment = os.environ | {"VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings", name: value}

    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=django_settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode != 0
    assert sentence in ended.stdout + ended.stderr
    assert "sk-secret" not in ended.stdout + ended.stderr
