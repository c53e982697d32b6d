"""The files of an artifact folder: links followed within it, ignored ones left out.

Errors have no place; callers add it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import field
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, ManifestsInvalid
from peakctl.model import ArchiveFile
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from peakctl.archives.ignored import Ignored

IGNORE_FILE = ".dockerignore"
"""What leaves files out where no other file is named."""
FileId = tuple[int, int]
"""Device and number of a file."""
MAX_FILES = 100_000
LEFT_OUT = frozenset({".git", ".peakctl"})
"""What git and peakctl keep for themselves, a folder or (in a worktree or submodule) a file."""
CHUNK = 2**18
MOST = 100
"""Problems that are told by name."""


def artifact_error(code: str, summary: str, *, detail: str = "", fix: str = "") -> ManifestsInvalid:
    """The error to raise; `code` comes without its `artifact/`."""
    return ManifestsInvalid(
        Diagnostic(code=f"artifact/{code}", summary=summary, detail=detail, fix=fix)
    )


def raise_all(errors: Sequence[ManifestsInvalid]) -> None:
    """Raise all of them at once, the first `MOST` by name; nothing if there are none."""
    found = sorted((d for each in errors for d in each.diagnostics), key=lambda d: d.summary)
    if not found:
        return
    more = len(found) - MOST
    if more > 0:
        summary = f"{more} more files of the folder cannot be packed"
        found[MOST:] = [Diagnostic(code=found[MOST].code, summary=summary)]
    raise ManifestsInvalid(*found)


@dataclass(frozen=True, slots=True)
class Found:
    """One file to pack: where it is, and the path it gets in the archive."""

    path: str
    place: str
    executable: bool
    size: int
    modified: float = 0.0


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder on the walk. `above` are the real places of the folders that it lies in."""

    prefix: str
    place: str
    above: tuple[str, ...]


def find_files(
    folder: Path, ignored: Ignored | None, skip: Collection[FileId] = frozenset()
) -> tuple[Found, ...]:
    """All files of `folder` that are not ignored, sorted by their path's UTF-8 bytes.

    What git and peakctl keep for themselves is left out, and the files `skip`. Raises
    ManifestsInvalid with all that cannot be packed: links that lead nowhere, out of the folder or
    in a circle, what is no file, what cannot be read, names that are not text.
    """
    root = os.path.realpath(folder)
    walk = _Walk(root, ignored, skip)
    waiting = [_Folder("", root, (root,))]
    while waiting:
        waiting += walk.enter(waiting.pop())
        if len(walk.found) > MAX_FILES:
            raise artifact_error(
                "too-many-files",
                f"the folder has more than {MAX_FILES:,} files",
                fix="leave out what the artifact does not need with an ignore file",
            )
    raise_all(walk.problems)
    return tuple(sorted(walk.found, key=lambda f: f.path.encode()))


@dataclass(slots=True)
class _Walk:
    """A walk through a folder: what was found on it, and what cannot be packed."""

    root: str
    ignored: Ignored | None
    skip: Collection[FileId]
    found: list[Found] = field(default_factory=list)
    problems: list[ManifestsInvalid] = field(default_factory=list)

    def enter(self, folder: _Folder) -> list[_Folder]:
        """Look at all that is in a folder; gives the folders there."""
        inner = []
        for entry in self._listed(folder):
            try:
                item = self._look(entry, folder)
            except ManifestsInvalid as problem:
                self.problems.append(problem)
                continue
            if isinstance(item, Found):
                self.found.append(item)
            elif item is not None:
                inner.append(item)
        return inner

    def _listed(self, folder: _Folder) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder.place) as entries:
                return [entry for entry in entries if entry.name not in LEFT_OUT]
        except OSError as error:
            self.problems.append(_unreadable(folder.prefix or "the folder", error))
            return []

    def _look(self, entry: os.DirEntry[str], folder: _Folder) -> Found | _Folder | None:
        path = folder.prefix + _checked_name(entry.name, folder.prefix)
        try:
            status = entry.stat()
        except OSError as error:
            _check_broken(error, path, entry, self.ignored)
            return None
        is_folder = stat.S_ISDIR(status.st_mode)
        out = self.ignored and (self.ignored.folder if is_folder else self.ignored.file)
        if out and out(path):
            return None
        place = _inside(entry, path, self.root)
        if is_folder:
            if place in folder.above:
                raise _loop(path)
            return _Folder(f"{path}/", place, (*folder.above, place))
        return None if (status.st_dev, status.st_ino) in self.skip else _file(path, place, status)


def _file(path: str, place: str, status: os.stat_result) -> Found:
    if not stat.S_ISREG(status.st_mode):
        raise artifact_error(
            "not-a-file",
            f'"{path}" is neither a file nor a folder',
            fix="leave it out with an ignore file",
        )
    executable = bool(status.st_mode & stat.S_IXUSR)
    return Found(path, place, executable, status.st_size, status.st_mtime)


def read_entry(found: Found, write: Callable[[memoryview], object] | None = None) -> ArchiveFile:
    """The file's hash and size as read now, its bytes also handed to `write`, which keeps none.

    Raises ManifestsInvalid when it cannot be read.
    """
    sha = hashlib.sha256()
    size = 0
    for chunk in _chunks(found):
        sha.update(chunk)
        size += len(chunk)
        if write is not None:
            write(chunk)
    return ArchiveFile(found.path, found.executable, size, sha.hexdigest(), found.modified)


def _chunks(found: Found) -> Iterator[memoryview]:
    """The bytes of a file, each chunk in the place of the one before: new memory takes longer."""
    memory = memoryview(bytearray(min(CHUNK, found.size + 2**12)))
    try:
        with FileIO(found.place) as file:
            while count := file.readinto(memory):
                yield memory[:count]
    except OSError as error:
        raise _unreadable(found.path, error) from error


def _inside(entry: os.DirEntry[str], path: str, root: str) -> str:
    """The real place of an entry; below `root` only."""
    if not entry.is_symlink():
        return entry.path
    place = os.path.realpath(entry.path)
    if os.path.commonpath([place, root]) != root:
        raise artifact_error(
            "link-outside",
            f'the link "{path}" leads out of the folder',
            detail="the archive would hold files from elsewhere on this machine",
            fix="put a copy in its place, or leave it out with an ignore file",
        )
    return place


def _check_broken(
    error: OSError, path: str, entry: os.DirEntry[str], ignored: Ignored | None
) -> None:
    """An entry without a status: never passed over unless it is ignored.

    The platform's own client skips broken links; what they stand for would then be missing.
    """
    if ignored is not None and ignored.file(path):
        return
    if error.errno == errno.ELOOP:
        raise _loop(path)
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        raise _unreadable(path, error)
    if entry.is_symlink():  # else it was removed just now
        goal = _printable_name(str(Path(entry.path).readlink()))
        raise artifact_error(
            "broken-link",
            f'the link "{path}" leads to "{goal}", which does not exist',
            fix="make what it leads to, remove the link, or leave it out with an ignore file",
        )


def _printable_name(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _checked_name(name: str, prefix: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise artifact_error(
            "file-name",
            f'the file name "{_printable_name(prefix + name)}" is not UTF-8 text',
            fix="rename the file: an archive cannot name it",
        ) from None
    return name


def _loop(path: str) -> ManifestsInvalid:
    return artifact_error(
        "link-loop",
        f'the link "{path}" leads back to a folder that it lies in',
        fix="remove the link, or leave it out with an ignore file",
    )


def _unreadable(path: str, error: OSError) -> ManifestsInvalid:
    return artifact_error(
        "unreadable",
        f'"{path}" cannot be read',
        detail=str(error.strerror),
        fix="make it readable, or leave it out with an ignore file",
    )
