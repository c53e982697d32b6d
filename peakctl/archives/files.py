"""The files of an artifact folder: links followed within it, ignored ones left out."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.archives.digest import Entry
from peakctl.archives.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from peakctl.archives.ignore import Ignored

MAX_FILES = 100_000
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """One file to pack: where it is, and the path it gets in the archive."""

    path: str
    place: str
    executable: bool
    size: int


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder on the walk. `above` are the real places of the folders that it lies in."""

    prefix: str
    place: str
    above: tuple[str, ...]


def find_files(folder: Path, ignored: Ignored) -> tuple[Found, ...]:
    """All files of `folder` that are not ignored, sorted by their path's UTF-8 bytes.

    Broken links are skipped, as the platform's client does. Raises ManifestsInvalid for links that
    leave the folder or run in a circle, for what is no file, and for names that are not text.
    """
    root = os.path.realpath(folder)
    waiting = [_Folder("", root, (root,))]
    found: list[Found] = []
    while waiting:
        for item in _scan(waiting.pop(), root, ignored):
            if isinstance(item, Found):
                found.append(item)
            else:
                waiting.append(item)
        if len(found) > MAX_FILES:
            raise refusal(
                "too-many-files",
                f"the folder has more than {MAX_FILES:,} files",
                fix="leave out what the artifact does not need with an ignore file",
            )
    return tuple(sorted(found, key=lambda f: f.path.encode()))


def read_entry(found: Found, write: Callable[[bytes], object] | None = None) -> Entry:
    """The file's hash and size as read now, its bytes also handed to `write`.

    Raises ManifestsInvalid when it cannot be read.
    """
    sha = hashlib.sha256()
    size = 0
    for chunk in _chunks(found):
        sha.update(chunk)
        size += len(chunk)
        if write is not None:
            write(chunk)
    return Entry(found.path, found.executable, size, sha.hexdigest())


def _chunks(found: Found) -> Iterator[bytes]:
    try:
        with Path(found.place).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise _unreadable(found.path, error) from error


def _scan(folder: _Folder, root: str, ignored: Ignored) -> Iterator[Found | _Folder]:
    try:
        with os.scandir(folder.place) as entries:
            listed = list(entries)
    except OSError as error:
        raise _unreadable(folder.prefix or "the folder", error) from error
    for entry in listed:
        path = folder.prefix + _checked_name(entry.name, folder.prefix)
        item = _look(entry, path, folder, root, ignored)
        if item is not None:
            yield item


def _look(
    entry: os.DirEntry[str], path: str, folder: _Folder, root: str, ignored: Ignored
) -> Found | _Folder | None:
    try:
        status = entry.stat()
    except OSError as error:
        _check_broken(error, path, ignored)
        return None
    is_folder = stat.S_ISDIR(status.st_mode)
    if ignored.folder(path) if is_folder else ignored.file(path):
        return None
    place = _inside(entry, path, root)
    if is_folder:
        if place in folder.above:
            raise _loop(path)
        return _Folder(f"{path}/", place, (*folder.above, place))
    if not stat.S_ISREG(status.st_mode):
        raise refusal(
            "not-a-file",
            f'"{path}" is neither a file nor a folder',
            fix="leave it out with an ignore file",
        )
    return Found(path, place, bool(status.st_mode & stat.S_IXUSR), status.st_size)


def _inside(entry: os.DirEntry[str], path: str, root: str) -> str:
    """The real place of an entry; below `root` only."""
    if not entry.is_symlink():
        return entry.path
    place = os.path.realpath(entry.path)
    if os.path.commonpath([place, root]) != root:
        raise refusal(
            "link-outside",
            f'the link "{path}" leads out of the folder',
            detail="the archive would hold files from elsewhere on this machine",
            fix="put a copy in its place, or leave it out with an ignore file",
        )
    return place


def _check_broken(error: OSError, path: str, ignored: Ignored) -> None:
    """An entry without a status: a broken link is skipped, as the client does."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR) or ignored.file(path):
        return
    raise _loop(path) if error.errno == errno.ELOOP else _unreadable(path, error)


def _checked_name(name: str, prefix: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = (prefix + name).encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise refusal(
            "file-name",
            f'the file name "{shown}" is not UTF-8 text',
            fix="rename the file: an archive cannot name it",
        ) from None
    return name


def _loop(path: str) -> Exception:
    return refusal(
        "link-loop",
        f'the link "{path}" leads back to a folder that it lies in',
        fix="remove the link, or leave it out with an ignore file",
    )


def _unreadable(path: str, error: OSError) -> Exception:
    return refusal(
        "unreadable",
        f'"{path}" cannot be read',
        detail=str(error.strerror),
        fix="make it readable, or leave it out with an ignore file",
    )
