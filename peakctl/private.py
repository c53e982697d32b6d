"""Files that may hold secrets: their owner alone may read them, from the first byte on.

The mode is given when a file is made, never afterwards: between the two, others could open it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

FILE = 0o600
FOLDER = 0o700
_OTHERS = 0o077


def make_private_folder(folder: Path) -> None:
    """Make `folder` for its owner alone; one that is there already keeps its mode."""
    folder.mkdir(mode=FOLDER, exist_ok=True)


def make_private(path: Path) -> None:
    """Make an empty file for its owner alone, or take the rights of others away from one.

    Raises OSError. A file of another user keeps its mode: only its owner can change that.
    """
    number = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), FILE)
    try:
        _narrow(number)
    finally:
        os.close(number)


def narrow(path: Path) -> None:
    """Take the rights of others away from a file, if it is there and ours."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
            path.chmod(FILE)


def write_private(path: Path, data: bytes) -> None:
    """Write a file for its owner alone: all of `data`, or nothing and OSError.

    What is no regular file (a pipe, `/dev/stdout`) is written to as it stands.
    """
    if (path.exists() and not path.is_file()) or path.is_relative_to("/dev"):
        with path.open("wb") as stream:
            stream.write(data)
        return
    path = Path(os.path.realpath(path))  # a link stays one
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.unlink(missing_ok=True)
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE)
        with os.fdopen(number, "wb") as file:
            file.write(data)
        beside.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError):  # told by the name that was asked for
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _narrow(number: int) -> None:
    if hasattr(os, "fchmod") and stat.S_IMODE(os.fstat(number).st_mode) & _OTHERS:
        with contextlib.suppress(PermissionError):
            os.fchmod(number, FILE)
