"""`manage.py backup`: a copy that can be put in the database's place."""

import sqlite3
from contextlib import closing

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from routing.models import Source

# VACUUM runs in no transaction.
pytestmark = pytest.mark.django_db(transaction=True)

sqlite_only = pytest.mark.skipif(connection.vendor != "sqlite", reason="it copies SQLite")


@sqlite_only
def test_backup_holds_what_the_database_holds(tmp_path):
    Source.objects.create(slug="site", name="Site")

    call_command("backup", tmp_path / "copy.sqlite3")

    with closing(sqlite3.connect(tmp_path / "copy.sqlite3")) as copy:
        assert copy.execute("SELECT slug FROM routing_source").fetchall() == [("site",)]
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert (tmp_path / "copy.sqlite3").stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.iterdir())) == 1


@sqlite_only
def test_backup_overwrites_nothing(tmp_path):
    (tmp_path / "copy.sqlite3").write_text("an older one")

    with pytest.raises(CommandError, match="exists already"):
        call_command("backup", tmp_path / "copy.sqlite3")

    assert (tmp_path / "copy.sqlite3").read_text() == "an older one"


@sqlite_only
def test_backup_to_a_folder_that_is_not_there_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(CommandError, match="copy.sqlite3 cannot be written: No such file"):
        call_command("backup", tmp_path / "missing" / "copy.sqlite3")


def test_backup_of_postgresql_names_the_program_for_it(monkeypatch, tmp_path):
    monkeypatch.setattr(connection, "vendor", "postgresql")

    with pytest.raises(CommandError, match="pg_dump"):
        call_command("backup", tmp_path / "copy")

    assert not (tmp_path / "copy").exists()
