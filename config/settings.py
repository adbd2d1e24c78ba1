"""The one settings file: everything comes from the environment or `.env`, and a wrong value stops the start."""

import os
import re
import secrets
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from store.files import write_file

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(os.environ.get("ENV_FILE", BASE_DIR / ".env"))


def read(cast, name, default):
    """One variable of the environment. Raises ImproperlyConfigured, naming it, when its value has the wrong form."""
    try:
        return cast(name, default=default)
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"{name} has a value that cannot be read: {error}.") from error


def flag(name, *, default):
    # django-environ reads every unknown word as false: a misspelt DEBUG=flase would go unseen.
    word = read(env.str, name, "yes" if default else "no").strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("", "0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} is {word!r}; it must be on or off.")


def address(name, *schemes, default):
    """An address of one of these schemes, or nothing. Raises ImproperlyConfigured."""
    url = read(env.str, name, default)
    try:
        parts = urlsplit(url)
        is_known = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_known = False
    if url and not is_known:
        # Not the value itself: it may hold a password.
        raise ImproperlyConfigured(f"{name} must look like {schemes[0]}://host:port.")
    return url


DATABASE_URL = read(env.str, "DATABASE_URL", "")
REDIS_URL = address("REDIS_URL", "redis", "rediss", default="")

# Without Redis, worker and relay live in a process beside the serving one: `manage.py serve`.
EMBEDDED = not REDIS_URL
DEBUG = flag("DEBUG", default=False)

# What the embedded run keeps: the SQLite file and its generated secrets.
VAR_DIR = Path(read(env.str, "VAR_DIR", str(BASE_DIR / "var")))
try:
    if EMBEDDED or not DATABASE_URL:
        # Whatever this process writes is its owner's: the database with all contacts, keys, models.
        os.umask(0o077)
        VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
except OSError as error:
    raise ImproperlyConfigured(
        f"The folder {VAR_DIR} cannot be made ({error.strerror}). Set VAR_DIR to one that can."
    ) from error


#: What is shorter was cut, and too short to be safe (Django's own mark is 50).
SHORTEST_SECRET = 50


def kept_secret(name):
    """Return a secret that is made once and kept in VAR_DIR, so that sessions outlive a restart.

    A file that a full disk or a loss of power has left empty, cut or filled with NULs is replaced, and a line on
    standard error says so. Raises ImproperlyConfigured.
    """
    path = VAR_DIR / name
    try:
        if path.exists():
            secret = path.read_text(errors="replace").strip()
            if len(secret) >= SHORTEST_SECRET and secret.isascii() and secret.isprintable():
                return secret
            sys.stderr.write(f"The file {path} was damaged, and a new one was made: everybody must log in again.\n")
        write_file(path, secrets.token_urlsafe(50).encode(), mode=0o600)
        # Not the one just made: of two processes that start at once, the later one's stays.
        return path.read_text()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The file {path} cannot be read or written ({error.strerror}). "
            "Make room for it, or set VAR_DIR to another folder."
        ) from error


SECRET_KEY = read(env.str, "SECRET_KEY", "")
if not SECRET_KEY:
    if DATABASE_URL or REDIS_URL:
        if not DEBUG:
            raise ImproperlyConfigured(
                "SECRET_KEY is not set. Outside the embedded run it must be a long random word."
            )
        SECRET_KEY = "only-for-debugging"
    else:
        SECRET_KEY = kept_secret("secret_key")

ALLOWED_HOSTS = read(env.list, "ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
for host in ALLOWED_HOSTS:
    if "/" in host:
        raise ImproperlyConfigured(f"ALLOWED_HOSTS holds {host!r}; each must be a bare host name.")
if not ALLOWED_HOSTS and not DEBUG:
    raise ImproperlyConfigured("ALLOWED_HOSTS is empty: every request would be refused.")
CSRF_TRUSTED_ORIGINS = read(env.list, "CSRF_TRUSTED_ORIGINS", [])
for origin in CSRF_TRUSTED_ORIGINS:
    if "://" not in origin:
        raise ImproperlyConfigured(f"CSRF_TRUSTED_ORIGINS holds {origin!r}; each must begin with http:// or https://.")
# The proxy in front ends TLS: from then on nothing personal goes over plain HTTP.
BEHIND_PROXY = flag("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = BEHIND_PROXY
SECURE_SSL_REDIRECT = flag("SECURE_SSL_REDIRECT", default=BEHIND_PROXY)
# Health checks ask the process itself, past the proxy.
SECURE_REDIRECT_EXEMPT = [r"^healthz/?$", r"^readyz/?$"]
# Browsers keep to it whatever happens to the certificate: a day, until somebody is sure.
SECURE_HSTS_SECONDS = read(env.int, "SECURE_HSTS_SECONDS", 86_400 if BEHIND_PROXY else 0)
if SECURE_HSTS_SECONDS < 0:
    raise ImproperlyConfigured(f"SECURE_HSTS_SECONDS is {SECURE_HSTS_SECONDS}; it must be 0 (off) or more.")
# What the other names under this domain do is not this service's to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "crm.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "crm.apps.CrmConfig",
    "triage",
    "leads",
    "routing",
]

MIDDLEWARE = [
    "crm.middleware.Confidential",
    "django.middleware.security.SecurityMiddleware",
    "crm.middleware.IntakeFirst",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "crm.busy.PatientSessions",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# The desk's forms; what the API takes is in crm/api/parsing.py. Anyone may post to the log-in page, and nothing takes
# files: without a handler that spools them they are read past.
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


# The web server at scale (manage.py web). One process for every two cores: posts go in together within a process, and
# several processes split the groups and wait for each other at the source's lock.
WEB_WORKERS = read(env.int, "WEB_WORKERS", 1)
WEB_THREADS = read(env.int, "WEB_THREADS", 16)
for name, value in (("WEB_WORKERS", WEB_WORKERS), ("WEB_THREADS", WEB_THREADS)):
    if value < 1:
        raise ImproperlyConfigured(f"{name} is {value}; it must be 1 or more.")
BIND = read(env.str, "BIND", "0.0.0.0:8000")
if not re.fullmatch(r"[^:\s]+:[0-9]{1,5}", BIND) or not 0 < int(BIND.rpartition(":")[2]) < 65_536:
    raise ImproperlyConfigured(f"BIND is {BIND!r}; it must be an address and a port, as in 0.0.0.0:8000.")

DATABASE_POOL = read(env.int, "DATABASE_POOL", 0)
if DATABASE_POOL < 0:
    raise ImproperlyConfigured(f"DATABASE_POOL is {DATABASE_POOL}; it must be 0 (no pool) or more.")


def database():
    """The DATABASES entry: PostgreSQL by DATABASE_URL, else SQLite in VAR_DIR. Raises ImproperlyConfigured."""
    url = DATABASE_URL or f"sqlite:///{VAR_DIR / 'crm.sqlite3'}"
    if url.partition("://")[0] not in ("postgres", "postgresql", "sqlite"):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///.")
    try:
        config = env.db_url_config(url)
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}.") from error
    if not config.get("NAME"):
        raise ImproperlyConfigured("DATABASE_URL names no database: postgres://user:password@host/name.")
    if config["ENGINE"] == "django.db.backends.postgresql":
        # Kept for good: to connect anew costs as much as several intakes.
        config["CONN_MAX_AGE"] = None
        config["CONN_HEALTH_CHECKS"] = True
        config["OPTIONS"] = {
            **config.get("OPTIONS", {}),
            "connect_timeout": 5,
            # For the cursors of store/cursors.py; Django's own bind on the client, where nothing is prepared.
            "prepare_threshold": 1,
            # What is prepared has one good plan: to make it anew each time takes a third of a single intake.
            "options": "-c lock_timeout=5s -c statement_timeout=15s -c idle_in_transaction_session_timeout=30s "
            "-c plan_cache_mode=force_generic_plan -c random_page_cost=1.1",
        }
        if DATABASE_POOL:
            config["CONN_MAX_AGE"] = 0
            config["OPTIONS"]["pool"] = {"min_size": 1, "max_size": DATABASE_POOL, "timeout": 5}
    else:
        config["ENGINE"] = "store.sqlite3"
        config["OPTIONS"] = {
            # IMMEDIATE takes the write lock at BEGIN, where waiting is possible; FULL because a 201 is a promise.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    return config


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Login without ?next= would land on a page that does not exist.
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LANGUAGE_CODE = read(env.str, "LANGUAGE_CODE", "en")
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise ImproperlyConfigured(f"LANGUAGE_CODE is {LANGUAGE_CODE!r}; it must be en or ru.")
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = read(env.str, "TIME_ZONE", "UTC")
try:
    ZoneInfo(TIME_ZONE)
except (KeyError, ValueError, OSError) as error:
    raise ImproperlyConfigured(f"TIME_ZONE is {TIME_ZONE!r}; no such time zone is known.") from error

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
# At scale `collectstatic` gathers the files; the embedded run needs no such step and serves them from where they lie.
IS_COLLECTED = not EMBEDDED and not DEBUG
STATIC_ROOT = BASE_DIR / "staticfiles" if IS_COLLECTED else None
WHITENOISE_USE_FINDERS = not IS_COLLECTED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "config.storage.HashedStorage"
        if IS_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

UNFOLD = {
    "SITE_TITLE": _("Front desk"),
    "SITE_HEADER": _("Front desk"),
    "SITE_SUBHEADER": _("Intake, routing, triage"),
    "SITE_SYMBOL": "concierge",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "crm.desk.favicon"}],
    "SHOW_LANGUAGES": True,
    "STYLES": ["crm.desk.stylesheet"],
    "SCRIPTS": ["crm.desk.script"],
    "SIDEBAR": {"navigation": "crm.desk.navigation"},
    "TABS": "crm.desk.tabs",
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["crm.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["crm.api.authentication.HasScope"],
    # For the OpenAPI document only: bodies are read by crm/api/parsing.py.
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "crm.api.problems.answer_exception",
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "CRM intake API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_PATCH": False,
    "PREPROCESSING_HOOKS": ["crm.api.schema.without_trailing_slashes"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "crm.api.schema.with_required_bodies",
    ],
}

# The row of triage.Job is the truth and a message only a wake-up call: it may be lost, doubled or late.
CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": 300,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    if REDIS_URL
    else {"polling_interval": 0.05}
)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = 45
CELERY_TASK_TIME_LIMIT = 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A worker's process that has grown beyond this is replaced after its task.
WORKER_MEMORY_MB = read(env.int, "WORKER_MEMORY_MB", 400)
if WORKER_MEMORY_MB < 1:
    raise ImproperlyConfigured(f"WORKER_MEMORY_MB is {WORKER_MEMORY_MB}; it must be 1 or more.")
CELERY_WORKER_MAX_MEMORY_PER_CHILD = WORKER_MEMORY_MB * 1024
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "crm.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "forget-expired-keys": {"task": "crm.forget_expired_keys", "schedule": timedelta(hours=1)},
}

# A word the house knows (see triage/analyzers/registry.py) or the dotted path of a class.
TRIAGE_ANALYZER = read(env.str, "TRIAGE_ANALYZER", "rules")
OPENAI_BASE_URL = address("OPENAI_BASE_URL", "https", "http", default="https://api.openai.com/v1")
OPENAI_API_KEY = read(env.str, "OPENAI_API_KEY", "")
OPENAI_MODEL = read(env.str, "OPENAI_MODEL", "")
# On: names, e-mails and phones go to the model as they were written. Off: masked.
OPENAI_SEND_PII = flag("OPENAI_SEND_PII", default=False)
OPENAI_TIMEOUT_SECONDS = read(env.int, "OPENAI_TIMEOUT_SECONDS", 15)
# Requests an analyzer may make a day and a minute, counted for all workers together. 0: as many as it likes.
TRIAGE_DAILY_LIMIT = read(env.int, "TRIAGE_DAILY_LIMIT", 0)
TRIAGE_MINUTE_LIMIT = read(env.int, "TRIAGE_MINUTE_LIMIT", 0)
if not (OPENAI_API_KEY.isascii() and OPENAI_API_KEY.isprintable() and " " not in OPENAI_API_KEY):
    # Not the value itself: it is a secret.
    raise ImproperlyConfigured("OPENAI_API_KEY holds spaces or letters that no key has.")
if len(OPENAI_MODEL) > 80:
    raise ImproperlyConfigured("OPENAI_MODEL is longer than 80 characters.")
if not 2 <= OPENAI_TIMEOUT_SECONDS <= 20:
    # Two readings must fit into a task's 45 seconds.
    raise ImproperlyConfigured(f"OPENAI_TIMEOUT_SECONDS is {OPENAI_TIMEOUT_SECONDS}; it must be 2 to 20.")
for limit in ("TRIAGE_DAILY_LIMIT", "TRIAGE_MINUTE_LIMIT"):
    if globals()[limit] < 0:
        raise ImproperlyConfigured(f"{limit} is {globals()[limit]}; it must be 0 (no limit) or more.")

# Where people reach the desk, for the links in alerts.
PUBLIC_URL = address("PUBLIC_URL", "https", "http", default="")

# Whom a P0 inquiry is told to. What is well formed and still wrong is found by triage/checks.py.
ALERT_EMAILS = [name.strip() for name in read(env.list, "ALERT_EMAILS", []) if name.strip()]
ALERT_WEBHOOK_URL = address("ALERT_WEBHOOK_URL", "https", "http", default="")
# More than one while a secret is being replaced: each signs.
ALERT_WEBHOOK_SECRET = [word.strip() for word in read(env.list, "ALERT_WEBHOOK_SECRET", []) if word.strip()]
# On: e-mail, phone and message of the lead go with the alert, not only the name.
ALERT_PERSONAL_DATA = flag("ALERT_PERSONAL_DATA", default=False)

EMAIL_URL = read(env.str, "EMAIL_URL", "")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = read(env.str, "DEFAULT_FROM_EMAIL", "crm@localhost")
EMAIL_TIMEOUT = 15


def email():
    """Django's EMAIL_ settings by EMAIL_URL; nothing set prints what would be sent. Raises ImproperlyConfigured."""
    example = "smtp+tls://user:password@host:587"
    try:
        config = env.email_url_config(EMAIL_URL or "consolemail://")
    except (ValueError, ImproperlyConfigured) as error:
        # Not the value itself: it may hold a password.
        raise ImproperlyConfigured(f"EMAIL_URL must look like {example}.") from error
    if config["EMAIL_BACKEND"].endswith("smtp.EmailBackend") and not config["EMAIL_HOST"]:
        raise ImproperlyConfigured(f"EMAIL_URL names no host; it must look like {example}.")
    return config


globals().update(email())

# The versions of the offline reader's model that `manage.py retrain` makes; at scale a folder that all processes see.
MODELS_DIR = Path(read(env.str, "MODELS_DIR", str(VAR_DIR / "models")))
# On: every night a new one is fitted on the corrections, and taken if it is not worse.
RETRAIN_NIGHTLY = flag("RETRAIN_NIGHTLY", default=False)
if RETRAIN_NIGHTLY:
    CELERY_BEAT_SCHEDULE["retrain"] = {"task": "triage.retrain", "schedule": crontab(hour=3, minute=30)}

LOG_LEVEL = read(env.str, "LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured(f"LOG_LEVEL is {LOG_LEVEL!r}; it must be DEBUG, INFO, WARNING, ERROR or CRITICAL.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"limit": {"()": "config.logs.Limit"}},
    "formatters": {"line": {"()": "config.logs.Line", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["limit"]}},
    "loggers": {
        # Client errors go into the response; only our own are logged.
        "django.request": {"level": "ERROR"},
        # Addresses that are called may hold a secret.
        "httpx": {"level": "WARNING"},
        # The servers' own, which else have handlers without a limit.
        "waitress": {"level": "WARNING"},
        "_granian": {"propagate": True},
        "gunicorn.error": {"propagate": True},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
