"""Files that appear at once and whole, or not at all: a disk that fills up while one is written leaves the old one."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def write_file(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file, replacing the one that is there. Raises OSError, with the old one untouched."""
    replace_file(path, lambda half: half.write_bytes(content), mode=mode)


def replace_file(path: Path, write: Callable[[Path], object], *, mode: int = 0o666) -> None:
    """Call ``write`` with the path of an empty file, and put that in the place of another once it is on the disk.

    Raises OSError, with the old one untouched.
    """
    # Of this process alone: two that write at once must not write into each other's file.
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    try:
        half.unlink(missing_ok=True)
        os.close(os.open(half, os.O_CREAT | os.O_EXCL, mode))
        write(half)
        # Before the rename: after a loss of power the new name could stand there with nothing in it.
        sync(half)
        os.replace(half, path)
        sync(path.parent)
    except OSError as error:
        # An error of write() and fsync() names no file.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
