"""Text files that people write: read whole, or an error that says why not.

Takes a path, gives text without byte order marks. A file that is there and cannot be read must
never count as absent, so every reason (a link that leads nowhere, a named pipe, bytes that are no
UTF-8) is an `Unreadable` with words for the user.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
