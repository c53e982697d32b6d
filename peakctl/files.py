"""Files: texts that people write are read whole, and what may hold secrets is its owner's alone.

A file that is there and cannot be read must never count as absent, so every reason (a link that
leads nowhere, a named pipe, bytes that are no UTF-8) is an `Unreadable` with words for the user.
The mode of a private file is given when it is made, never afterwards: between the two, others could
open it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from io import FileIO
from pathlib import Path

MAX_BYTES = 32 * 2**20
BOM = "\ufeff"

_STREAMS = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""Where a shell puts `<(command)`: pipes that may be read."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SORTS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a named pipe"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISREG, ""),
)


class Unreadable(Exception):
    """A file that is no text to read. `code` is `unreadable`, `too-large` or `not-utf-8`.

    `reason` is a clause about the file; `line` and `column` are where it stops being text.
    """

    def __init__(
        self, code: str, reason: str, *, fix: str = "", line: int = 1, column: int = 1
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.fix = fix
        self.line = line
        self.column = column


def read_text(path: Path, *, limit: int | None = None) -> str:
    """The text of a file, byte order marks left out. Raises Unreadable.

    `limit` is in bytes (default: `MAX_BYTES`). Line ends stay as they are. Only regular files are
    opened: a pipe would wait for its writer.
    """
    limit = limit or MAX_BYTES
    try:
        data = _read_bytes(path, limit)
    except (OSError, ValueError) as error:
        raise Unreadable("unreadable", reason_of(error, path)) from None
    if len(data) > limit:
        size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit} bytes"
        fix = "split it into several files"
        raise Unreadable("too-large", f"it has more than {size}", fix=fix)
    return decode_text(data)


def read_start(path: Path, size: int) -> str:
    """The first `size` bytes of a file as far as they are text. Raises OSError where it cannot."""
    return without_marks(_read_bytes(path, size).decode("utf-8", "ignore"))


def decode_text(data: bytes) -> str:
    """UTF-8 bytes as text, byte order marks left out. Raises Unreadable."""
    if data.startswith(_UTF_16):
        raise Unreadable("not-utf-8", "it is UTF-16, not UTF-8 text", fix="save the file as UTF-8")
    try:
        return without_marks(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(errors="replace")
        raise Unreadable(
            "not-utf-8",
            "it is not UTF-8 text",
            fix="save the file as UTF-8",
            line=before.count("\n") + 1,
            column=len(before) - before.rfind("\n"),
        ) from None


def without_marks(text: str) -> str:
    """`text` without byte order marks: at its beginning, and where files were joined, of lines."""
    return text.removeprefix(BOM).replace(f"\n{BOM}", "\n") if BOM in text else text


def reason_of(error: OSError | ValueError, path: Path) -> str:
    """Why a path could not be opened or listed, as a clause about it."""
    if not isinstance(error, OSError):
        return "its name is not a path"
    if error.errno == errno.ENOENT and path.is_symlink():
        return f'it is a link to "{path.readlink()}", which does not exist'
    if error.errno == errno.ELOOP:
        return "it is a link that leads back to itself"
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def _read_bytes(path: Path, limit: int) -> bytes:
    is_stream = str(path).startswith(_STREAMS)
    if not is_stream:
        _refuse_special(path.stat().st_mode)
    flags = os.O_RDONLY | (0 if is_stream else getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not is_stream:
            _refuse_special(os.fstat(file.fileno()).st_mode)
        return file.read(limit + 1)


def _refuse_special(mode: int) -> None:
    """Raise an OSError for what is no regular file: it may have changed since it was listed."""
    what = next((words for is_sort, words in _SORTS if is_sort(mode)), "it is a device")
    if what:
        raise OSError(errno.EINVAL, what)


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


def open_private(path: Path) -> FileIO:
    """An empty file for its owner alone, whose lines are there as soon as they are written.

    What is no regular file (a pipe, `/dev/stdout`) is written to as it stands. Raises OSError.
    """
    if not (path.exists() and not path.is_file()) and not path.is_relative_to("/dev"):
        make_private(path)
    return FileIO(path, "wb")


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
