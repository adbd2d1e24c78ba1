"""A wrong setting stops the start with a sentence that names it, whatever process it is."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from crm import checks
from triage.analyzers.registry import built_analyzer

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "config" / "settings.py"


def read_settings(monkeypatch, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(SETTINGS))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "flase"),
        ("BEHIND_PROXY", "perhaps"),
        ("SECURE_SSL_REDIRECT", "sometimes"),
        ("SECURE_HSTS_SECONDS", "-1"),
        ("ALLOWED_HOSTS", ""),
        ("ALLOWED_HOSTS", "https://crm.example.com"),
        ("CSRF_TRUSTED_ORIGINS", "crm.example.com"),
        ("DATABASE_URL", "garbage"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "postgres://"),
        ("DATABASE_URL", "postgres://user@host:port/name"),
        ("DATABASE_POOL", "many"),
        ("DATABASE_POOL", "-1"),
        ("WORKER_MEMORY_MB", "0"),
        ("REDIS_URL", "garbage"),
        ("REDIS_URL", "http://host"),
        ("REDIS_URL", "redis://host:port"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("LANGUAGE_CODE", "de"),
        ("LOG_LEVEL", "loud"),
        ("OPENAI_BASE_URL", "api.openai.com"),
    ],
)
def test_it_refuses_a_value_of_the_wrong_form(monkeypatch, name, value):
    monkeypatch.setenv("DATABASE_URL", "")

    with pytest.raises(ImproperlyConfigured, match=name):
        read_settings(monkeypatch, **{name: value})


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_it_does_not_repeat_a_password(monkeypatch, name):
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_settings(monkeypatch, **{name: "nonsense://user:hunter2@host/name"})

    assert "hunter2" not in str(refusal.value)


def test_it_refuses_to_go_without_a_secret_key_outside_the_embedded_run(monkeypatch):
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        read_settings(monkeypatch, SECRET_KEY="", REDIS_URL="redis://host")


def test_it_keeps_a_secret_key_of_its_own_in_the_embedded_run(monkeypatch, tmp_path):
    alone = {"SECRET_KEY": "", "REDIS_URL": "", "DATABASE_URL": "", "VAR_DIR": str(tmp_path / "var")}

    first = read_settings(monkeypatch, **alone)["SECRET_KEY"]

    assert len(first) > 50
    assert read_settings(monkeypatch, **alone)["SECRET_KEY"] == first
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_it_refuses_a_folder_that_cannot_be_made(monkeypatch, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ImproperlyConfigured, match="VAR_DIR"):
        read_settings(monkeypatch, REDIS_URL="", VAR_DIR=str(tmp_path / "file" / "var"))


def test_an_acknowledged_inquiry_is_on_the_disk(monkeypatch):
    """The tests themselves run faster than that: see config/testing.py."""
    database = read_settings(monkeypatch, DATABASE_URL="", REDIS_URL="")["DATABASES"]["default"]

    assert "synchronous=FULL" in database["OPTIONS"]["init_command"]
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_the_hosted_run_collects_its_static_files(monkeypatch):
    hosted = read_settings(monkeypatch, REDIS_URL="redis://host")

    assert hosted["STATIC_ROOT"] is not None
    assert hosted["STORAGES"]["staticfiles"]["BACKEND"] == "config.storage.HashedStorage"


PRODUCTION = {
    "SECRET_KEY": "a-long-random-word-of-more-than-fifty-different-letters",
    "ALLOWED_HOSTS": "crm.example.com",
    "BEHIND_PROXY": "on",
    "DATABASE_URL": "postgres://crm:secret@postgres/crm",
    "REDIS_URL": "redis://redis",
}


def test_production_settings_pass_the_deployment_checks(tmp_path):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(tmp_path), **PRODUCTION}

    ended = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 0, ended.stderr


def test_behind_a_proxy_everything_goes_over_https(monkeypatch):
    alone = read_settings(monkeypatch, BEHIND_PROXY="off")
    behind = read_settings(monkeypatch, BEHIND_PROXY="on")
    chosen = read_settings(monkeypatch, SECURE_SSL_REDIRECT="off", SECURE_HSTS_SECONDS="31536000")

    names = ("SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    assert [alone[name] for name in names] == [False, 0, False, False]
    assert [behind[name] for name in names] == [True, 86_400, True, True]
    assert [chosen[name] for name in names] == [False, 31_536_000, True, True]


@pytest.fixture
def fresh_analyzer():
    built_analyzer.cache_clear()
    yield
    built_analyzer.cache_clear()


@pytest.mark.parametrize("name", ["", "foo", "no.such.Class", "os.path", "pathlib.PurePath.match"])
def test_it_refuses_an_analyzer_that_cannot_be_had(settings, fresh_analyzer, name):
    settings.TRIAGE_ANALYZER = name

    (error,) = checks.check_analyzer(None)

    assert error.id == "crm.E001"
    assert "TRIAGE_ANALYZER" in error.msg


def test_it_refuses_a_model_without_key_and_name(settings):
    settings.TRIAGE_ANALYZER, settings.OPENAI_API_KEY, settings.OPENAI_MODEL = "openai", "", ""

    errors = checks.check_openai(None)

    assert [error.id for error in errors] == ["crm.E002", "crm.E002"]
    assert "OPENAI_API_KEY" in errors[0].msg
    assert "OPENAI_MODEL" in errors[1].msg


def test_it_refuses_a_folder_the_database_cannot_lie_in(settings, monkeypatch):
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/no/such/folder/crm.sqlite3"}
    monkeypatch.setitem(settings.DATABASES, "default", sqlite)

    (error,) = checks.check_folder(None)

    assert error.id == "crm.E003"
    assert "/no/such/folder" in error.msg


def test_it_warns_of_several_processes_on_one_sqlite_file(settings, monkeypatch):
    settings.EMBEDDED = False
    monkeypatch.setitem(settings.DATABASES, "default", {"ENGINE": "django.db.backends.sqlite3"})

    assert [warning.id for warning in checks.check_sqlite_is_alone(None)] == ["crm.W001"]


def test_it_warns_of_debug_at_scale(settings):
    settings.EMBEDDED, settings.DEBUG = False, True

    assert [warning.id for warning in checks.check_debug(None)] == ["crm.W002"]


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["manage.py", "web"],
        ["-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"],
        ["-m", "celery", "-A", "config", "worker"],
        ["-m", "celery", "-A", "config", "beat"],
    ],
    ids=["manage", "web", "gunicorn", "worker", "beat"],
)
@pytest.mark.parametrize("wrong", [{"REDIS_URL": "garbage"}, {"TRIAGE_ANALYZER": "foo", "REDIS_URL": "redis://host"}])
def test_every_process_ends_with_a_sentence(tmp_path, command, wrong):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(tmp_path), **wrong}

    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )

    said = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert f"{next(iter(wrong))} " in said
    assert "Traceback" not in said
