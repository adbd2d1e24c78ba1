"""Files that are there whole, or as they were before."""

import errno
import os

import pytest

from store import files


def test_file_is_replaced_with_the_permissions_asked_for(tmp_path):
    path = tmp_path / "secret"
    path.write_text("a longer old one")

    files.write_file(path, b"new", mode=0o600)

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_leaves_the_old_file_as_it_was(tmp_path, monkeypatch):
    def fsync(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "secret"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(OSError, match="No space left on device.*secret"):
        files.write_file(path, b"new")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
