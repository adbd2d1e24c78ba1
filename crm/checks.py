"""Settings that would break a promise stop the start, with an id and a hint.

A value of the wrong form is refused in config/settings.py; here stand values that are well formed and still wrong.
`manage.py` runs these by itself; Celery and gunicorn are made to (config/celery.py, config/gunicorn.py).
"""

import os
from pathlib import Path

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register, run_checks
from django.core.exceptions import ImproperlyConfigured

from triage.analyzers.registry import HOUSE, get_analyzer
from triage.analyzers.trial import fault_of

from .database import database_fault


@register
def check_analyzer(app_configs, **kwargs):
    """The reader named in the settings can be had and reads: found out now, not by the first inquiry."""
    try:
        analyzer = get_analyzer()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="TRIAGE_ANALYZER=rules reads offline.", id="crm.E001")]
    except Exception as error:
        # A class of somebody else's may fail in any way.
        message = f"TRIAGE_ANALYZER is {settings.TRIAGE_ANALYZER!r}, which fails: {type(error).__name__}: {error}"
        return [Error(message, hint="It must be a class that needs no arguments.", id="crm.E001")]
    fault = "" if settings.TRIAGE_ANALYZER in HOUSE else fault_of(analyzer)
    if not fault:
        return []
    message = f"TRIAGE_ANALYZER is {settings.TRIAGE_ANALYZER!r}, which is no analyzer: {fault}."
    return [Error(message, hint="docs/analyzers.md shows how one is written.", id="crm.E001")]


@register
def check_openai(app_configs, **kwargs):
    if settings.TRIAGE_ANALYZER != "openai":
        return []
    missing = [name for name in ("OPENAI_API_KEY", "OPENAI_MODEL") if not getattr(settings, name)]
    return [
        Error(f"TRIAGE_ANALYZER is openai, and {name} is not set.", hint=f"Set {name}.", id="crm.E002")
        for name in missing
    ]


@register
def check_folder(app_configs, **kwargs):
    """SQLite writes beside its file, so the folder must be writable, not only the file."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        return []
    folder = Path(database["NAME"]).parent
    if os.access(folder, os.W_OK | os.X_OK):
        return []
    message = f"The folder {folder}, which the database is to lie in, is missing or cannot be written."
    return [Error(message, hint="Set VAR_DIR or DATABASE_URL to a place that can.", id="crm.E003")]


@register(Tags.database)
def check_database(app_configs, databases=None, **kwargs):
    """The database is whole, ours and not newer. Run by `manage.py migrate`; `serve` asks by itself."""
    sentence = database_fault() if databases else ""
    return [Error(sentence, id="crm.E004")] if sentence else []


@register
def check_sqlite_is_alone(app_configs, **kwargs):
    if settings.EMBEDDED or not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return []
    message = "REDIS_URL is set and DATABASE_URL is not: several processes will write to one SQLite file."
    return [Warning(message, hint="Set DATABASE_URL to a PostgreSQL database.", id="crm.W001")]


@register
def check_debug(app_configs, **kwargs):
    if not settings.DEBUG or settings.EMBEDDED:
        return []
    message = "DEBUG is on beside REDIS_URL: anyone who finds an error is shown the settings."
    return [Warning(message, hint="Unset DEBUG where others can reach it.", id="crm.W002")]


def wrong_settings() -> str:
    """What keeps this process from being started, in sentences; empty when nothing does."""
    errors = [message for message in run_checks() if message.is_serious() and not message.is_silenced()]
    return "\n".join(f"Wrong setting. {error.msg} {error.hint or ''} ({error.id})" for error in errors)


def not_at_scale() -> str:
    """What keeps the processes from working together at scale; empty when nothing does."""
    if settings.EMBEDDED:
        return (
            "REDIS_URL is not set, and processes cannot share a broker in memory. "
            "Set it, or use `manage.py serve`, which is worker, relay and beat in one."
        )
    return ""


def not_collected() -> str:
    """Whether the static files the web processes need are missing; empty when they are there."""
    if settings.IS_COLLECTED and not Path(settings.STATIC_ROOT or "", "staticfiles.json").exists():
        return "The static files were not collected. Run `manage.py collectstatic` first."
    return ""
