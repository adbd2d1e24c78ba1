"""A database that is damaged, foreign or newer than we are: a sentence and the way out, never a traceback."""

import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.db import DatabaseError, connection, connections
from django.db.migrations.recorder import MigrationRecorder

from crm.api import health
from crm.database import database_fault, fault_of
from store.sqlite3.base import DatabaseWrapper

ROOT = Path(__file__).resolve().parents[2]
GARBAGE = b"not a database at all " * 1000

pytestmark = pytest.mark.django_db

embedded_only = pytest.mark.skipif(not settings.EMBEDDED, reason="the embedded run needs neither PostgreSQL nor Redis")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "crm.sqlite3"


@pytest.fixture
def open_database(path):
    """Return a connection to the file, as the service opens it."""
    options = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
    }
    defaults = {"TIME_ZONE": None, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "AUTOCOMMIT": True, "TEST": {}}
    database = connections["another"] = DatabaseWrapper(
        {**defaults, "NAME": str(path), "OPTIONS": options}, alias="another"
    )
    yield database
    database.close()
    del connections["another"]


def execute(path, script):
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def apply(database, *migrations):
    for label, name in migrations:
        MigrationRecorder(database).record_applied(label, name)


@pytest.mark.parametrize("content", [None, b""])
def test_missing_and_empty_files_are_new_databases(path, open_database, content):
    if content is not None:
        path.write_bytes(content)

    assert database_fault(open_database) == ""


def test_wal_that_was_left_behind_without_its_database_does_no_harm(path, open_database):
    path.with_name("crm.sqlite3-wal").write_bytes(GARBAGE)

    assert database_fault(open_database) == ""


def test_interrupted_first_start_is_no_fault(path, open_database):
    apply(open_database, ("contenttypes", "0001_initial"))

    assert database_fault(open_database) == ""


def test_garbage_is_named_as_damage_with_the_way_out(path, open_database):
    path.write_bytes(GARBAGE)

    sentence = database_fault(open_database)

    assert sentence.startswith(f"The database {path} is damaged, or is not an SQLite database.")
    assert "put a backup in its place, or start anew" in sentence
    assert "-wal" in sentence


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_damage_in_the_middle_is_found(path, open_database, damage):
    execute(path, "CREATE TABLE django_migrations (id, app, name, applied)")
    execute(path, "CREATE TABLE t (v); INSERT INTO t SELECT hex(randomblob(2000)) FROM pragma_function_list LIMIT 50;")
    content = path.read_bytes()
    cut = len(content) // 2
    path.write_bytes(content[:cut] + (b"" if damage == "cut" else os.urandom(8192) + content[cut + 8192 :]))

    assert "is damaged" in database_fault(open_database)


def test_database_of_another_application_is_left_alone(path, open_database):
    execute(path, "CREATE TABLE songs (title)")

    assert database_fault(open_database).startswith(f"The database {path} belongs to another application.")


def test_database_of_another_django_project_is_left_alone(path, open_database):
    apply(open_database, ("contenttypes", "0001_initial"), ("blog", "0001_initial"))

    assert "belongs to another application" in database_fault(open_database)


def test_database_of_a_newer_version_is_named():
    assert database_fault() == ""

    MigrationRecorder(connection).record_applied("leads", "9999_from_the_future")

    assert "leads.9999_from_the_future was applied to it and is not known here" in database_fault()
    # `manage.py migrate` runs this one.
    assert [error.id for error in run_checks(tags=[Tags.database], databases=["default"])] == ["crm.E004"]


def test_readyz_says_unavailable_and_logs_the_sentence(path, open_database, monkeypatch, client, caplog):
    def oldest_due_age():
        open_database.cursor()

    path.write_bytes(GARBAGE)
    monkeypatch.setattr(health, "oldest_due_age", oldest_due_age)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["database"] is False
    assert "is damaged" in caplog.text
    assert str(path) not in response.content.decode()


def run(*command, folder, **more):
    """Run a management command with its data in a folder. Return its exit status and what it printed."""
    environment = {"VAR_DIR": str(folder), "SECRET_KEY": "", "DATABASE_URL": "", "REDIS_URL": ""}
    environment |= {"DJANGO_SETTINGS_MODULE": "config.settings"}
    with subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        # Left open: `embedded` ends when it is closed.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **more,
    ) as process:
        output = process.stdout.read()
        return process.wait(timeout=60), output


@embedded_only
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["migrate"], ["embedded"]])
def test_every_process_refuses_a_damaged_database_with_a_sentence(path, command):
    path.write_bytes(GARBAGE)

    status, output = run(*command, folder=path.parent)

    assert status == 1
    assert f"{path} is damaged" in output
    assert "Traceback" not in output
    assert path.read_bytes() == GARBAGE


@embedded_only
@pytest.mark.parametrize("has_key", [False, True])
def test_full_disk_is_told_in_a_sentence(path, has_key):
    """No file may grow, as on a full disk, so that no file system has to be made for it."""
    if has_key:
        (path.parent / "secret_key").write_text("k" * 60)

    def fill_the_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    status, output = run("serve", "--port", "0", folder=path.parent, preexec_fn=fill_the_disk)

    assert status == 1
    assert "cannot be read or written" in output
    assert str(path.parent) in output
    assert "Traceback" not in output


def test_other_errors_are_no_fault_of_the_file():
    assert fault_of(DatabaseError("no such table")) == ""
