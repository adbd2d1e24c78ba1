"""The settings of the tests: those of the service, untouched by the developer's own environment and `.env`.

A test run has a folder of its own. The database is the one TEST_DATABASE_URL names, else a SQLite file in that folder
(a file, because threads cannot share a database in memory); the broker is TEST_REDIS_URL, else the memory of the
process. `make test` sets both for its second half.
"""

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

if "TEST_DIR" not in os.environ:
    os.environ["TEST_DIR"] = tempfile.mkdtemp(prefix="crm-tests-")
    atexit.register(shutil.rmtree, os.environ["TEST_DIR"], ignore_errors=True)
TEST_DIR = os.environ["TEST_DIR"]


def own_redis():
    """TEST_REDIS_URL; when it names no database, each parallel process of pytest gets one of its own."""
    url = os.environ.get("TEST_REDIS_URL", "")
    if not url or urlsplit(url).path.strip("/"):
        return url
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return f"{url.rstrip('/')}/{number}"


EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"
for name in re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE):
    os.environ.pop(name, None)
os.environ.update(
    ENV_FILE=os.devnull,
    SECRET_KEY="only-for-tests",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", ""),
    REDIS_URL=own_redis(),
    VAR_DIR=TEST_DIR,
    DEFAULT_FROM_EMAIL="crm@example.com",
)

from .settings import *  # noqa: E402, F403 - Django takes its settings from one module.
from .settings import DATABASES, STORAGES  # noqa: E402

# One round is enough where nobody guesses passwords.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Nothing is collected for a test, and every client would list all files first.
STATIC_ROOT = None
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

if DATABASES["default"]["ENGINE"] == "store.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(TEST_DIR, "test.sqlite3")}
    # No test cuts the power, and every commit would wait for the disk.
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
