"""What is kept in `var/` survives a full disk, a loss of power and a careless hand."""

import runpy
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from crm import welcome
from triage.analyzers.versions import SHIPPED, Versions

SETTINGS = Path(__file__).resolve().parents[2] / "config" / "settings.py"


@pytest.fixture
def read_settings(monkeypatch, tmp_path):
    """Read the settings of an embedded run that keeps its files in this test's folder."""
    environment = {"SECRET_KEY": "", "REDIS_URL": "", "DATABASE_URL": "", "VAR_DIR": str(tmp_path)}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return lambda: runpy.run_path(str(SETTINGS))


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"cut-in-the-middl", b"\0" * 67, b"\xff" * 67],
    ids=["empty", "blank", "cut", "nul", "binary"],
)
def test_damaged_secret_key_is_made_anew_and_a_line_says_so(read_settings, tmp_path, capsys, content):
    path = tmp_path / "secret_key"
    path.write_bytes(content)

    key = read_settings()["SECRET_KEY"]

    assert len(key) > 50
    assert read_settings()["SECRET_KEY"] == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().err.count(f"The file {path} was damaged") == 1


def test_secret_key_that_cannot_be_written_is_told_in_a_sentence(read_settings, tmp_path):
    (tmp_path / "secret_key").mkdir()

    with pytest.raises(ImproperlyConfigured, match="secret_key cannot be read or written"):
        read_settings()


@pytest.mark.django_db
def test_damaged_password_file_is_no_password(tmp_path):
    password = welcome.ensure_admin(tmp_path)
    assert welcome.ensure_admin(tmp_path) == password

    (tmp_path / "admin_password").write_bytes(b"\xff\0")

    assert welcome.ensure_admin(tmp_path) is None
    assert "changepassword admin" in welcome.banner(url="", password=None, key=None)


@pytest.mark.parametrize("content", [b"", b"\xff\0", b"../../etc/passwd"])
def test_damaged_choice_of_a_model_is_the_model_that_ships(tmp_path, content):
    (tmp_path / "chosen").write_bytes(content)

    assert Versions(tmp_path).chosen() == SHIPPED
