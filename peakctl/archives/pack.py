"""A folder becomes an `Archive`: the same bytes for the same files, within the platform's limit.

Files that were hardly meant to be uploaded are known by their names and first bytes, and told as
notices. Plan files are left out: they are peakctl's own, and one that lies in an artifact would
make its own plan stale.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.archives import files
from peakctl.archives.digest import MAX_UNPACKED, digest_of
from peakctl.errors import ManifestsInvalid
from peakctl.model import Archive, ArchiveFile, ArtifactFolder, Notice
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    import zipfile

    from peakctl.archives.ignored import Ignored

LIMIT = 10 * 2**20
"""Bytes of a compressed archive (docs/platform.md, 4)."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SHOWN = 5
_WORTH_A_THREAD = 8 * 2**20
"""Bytes of all folders from which more than one thread is started for them."""
_MEAN_SIZE = 128 * 2**10
"""Bytes of a file, in the mean, from which threads that hash do not wait for each other."""


def pack(
    folder: Path,
    ignore_files: Sequence[str] | None,
    project_root: Path,
    *,
    skip: Collection[files.FileId] = frozenset(),
) -> Archive:
    """The archive of `folder`, with the files that the platform's own client would pack.

    `ignore_files` are names at the root of the folder; None or empty means `.dockerignore` if there
    is one. Left out beside those are `.git`, `.peakctl`, plan files and the files `skip` (those
    that the run writes). `encode()` reads the files again and refuses when they are no longer those
    of the digest. Raises ManifestsInvalid, without places, for all that cannot be packed, a folder
    outside `project_root` and an archive over `LIMIT` included.
    """
    _check_folder(folder, project_root)
    return _archive(_find(folder, ignore_files, skip))


def pack_all(
    folders: Sequence[ArtifactFolder],
    project_root: Path,
    *,
    skip: Collection[files.FileId] = frozenset(),
) -> list[Archive | ManifestsInvalid | None]:
    """What `pack` gives or raises for each folder; None for one that is not needed.

    What several manifests name is read once. Nothing is read of a folder that is not needed, but it
    has to be there, since a manifest names it.
    """
    packed: dict[ArtifactFolder, Archive | ManifestsInvalid | None] = {}
    found: dict[ArtifactFolder, tuple[files.Found, ...]] = {}
    for each in dict.fromkeys(folders):
        packed[each] = None
        try:
            _check_folder(each.place, project_root)
            if each.needed:
                found[each] = _find(each.place, each.ignore, skip)
        except ManifestsInvalid as problem:
            packed[each] = problem

    def read(each: ArtifactFolder) -> None:
        try:
            packed[each] = _archive(found[each])
        except ManifestsInvalid as problem:
            packed[each] = problem

    largest_first = sorted(found, key=lambda each: -_size(found[each]))
    _side_by_side([functools.partial(read, each) for each in largest_first], _readers(found))
    return [packed[each] for each in folders]


def _readers(found: Mapping[ArtifactFolder, Sequence[files.Found]]) -> int:
    """How many threads read the folders: one, unless nearly all of their time is for bytes.

    Bytes are read, hashed and compressed beside each other; what is done for each file is not, so
    many small files take longer in two threads than in one.
    """
    size, count = sum(map(_size, found.values())), sum(map(len, found.values()))
    compresses = any(_largest_possible(each) > LIMIT for each in found.values())
    pays = size >= _WORTH_A_THREAD and (compresses or size >= count * _MEAN_SIZE)
    return min(len(found), os.cpu_count() or 1) if pays else 1


def _size(found: Sequence[files.Found]) -> int:
    return sum(file.size for file in found)


def _side_by_side(calls: Iterable[Callable[[], None]], count: int) -> None:
    """Make all calls, in `count` threads where the system allows as many, this one among them.

    Raises what one of them raises; none is begun after that.
    """
    waiting, failed = deque(calls), list[BaseException]()

    def work() -> None:
        try:
            while (call := _next(waiting)) is not None:
                call()
        except BaseException as error:  # noqa: BLE001 - it is raised below
            waiting.clear()
            failed.append(error)

    others = [threading.Thread(target=work, daemon=True) for _ in range(count - 1)]
    with contextlib.suppress(RuntimeError):  # no more threads: those that there are do all
        for other in others:
            other.start()
    work()
    for other in others:
        if other.ident is not None and not failed:
            other.join()
    if failed:
        raise failed[0]


def _next(waiting: deque[Callable[[], None]]) -> Callable[[], None] | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _find(
    folder: Path, names: Sequence[str] | None, skip: Collection[files.FileId]
) -> tuple[files.Found, ...]:
    found = files.find_files(folder, _ignored(folder, names), skip)
    if _size(found) > MAX_UNPACKED:
        raise _too_large(found, f"more than {_human(MAX_UNPACKED)} before compression")
    return found


def _archive(found: Sequence[files.Found]) -> Archive:
    found, entries, suspicious = _read(found)
    digest = digest_of(entries)
    encode: Callable[[], bytes] = functools.partial(_encode, found, digest)
    if _largest_possible(found) > LIMIT:
        encoded = _encode(found, digest)
        encode = functools.partial(bytes, encoded)
    return Archive(
        digest=digest,
        size=len(found),
        encode=encode,
        paths=frozenset(file.path for file in found),
        notices=suspicious.notices(file.path for file in found),
        files=tuple(entries),
    )


def _ignored(folder: Path, names: Sequence[str] | None) -> Ignored | None:
    """What the ignore files leave out; what reads them is loaded where there are any."""
    if not names and not os.path.lexists(folder / files.IGNORE_FILE):
        return None
    from peakctl.archives.ignored import read_ignored

    return read_ignored(folder, names or [files.IGNORE_FILE])


def _read(
    found: Sequence[files.Found],
) -> tuple[tuple[files.Found, ...], list[ArchiveFile], _Suspicious]:
    """What is packed, its entries, and what was noticed. Raises ManifestsInvalid with all
    files that cannot be read."""
    packed, entries, suspicious, problems = [], [], _Suspicious(), []
    for file in found:
        first = _First(_SEEN_OF_KEYS if file.path.lower().endswith(_KEYS) else _SEEN)
        try:
            entry = files.read_entry(file, first.take)
        except ManifestsInvalid as problem:
            problems.append(problem)
            continue
        start = first.start
        if is_plan_file(start):
            continue
        suspicious.inspect(file.path, entry.size, start)
        packed.append(file)
        entries.append(entry)
    files.raise_all(problems)
    return tuple(packed), entries, suspicious


@dataclass(slots=True)
class _First:
    """The first `most` bytes of a file, which are enough to know what sort it is."""

    most: int
    start: bytes = b""

    def take(self, chunk: memoryview) -> None:
        if len(self.start) < self.most:
            self.start += chunk[: self.most - len(self.start)]


class _Bounded(io.BytesIO):
    """Memory that takes no more than the platform does, however much there is to compress."""

    def __init__(self, found: Sequence[files.Found]) -> None:
        super().__init__()
        self._found = found

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if self.tell() + len(data) > LIMIT:
            raise _too_large(self._found, "more than 10 MiB compressed")
        return super().write(data)


def _encode(found: Sequence[files.Found], digest: str) -> bytes:
    import zipfile

    sink = _Bounded(found)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        entries = [_write_file(archive, file) for file in found]
        for folder in _folders(found):
            archive.writestr(_described(f"{folder}/", 0o40755, zipfile.ZIP_STORED), b"")
    if digest_of(entries) != digest:
        raise files.artifact_error(
            "changed",
            "the files of the artifact changed while they were being packed",
            fix="let whatever writes to the folder finish, then run again",
        )
    return sink.getvalue()


def _write_file(archive: zipfile.ZipFile, file: files.Found) -> ArchiveFile:
    from zipfile import ZIP_DEFLATED

    mode = 0o100755 if file.executable else 0o100644
    info = _described(file.path, mode, ZIP_DEFLATED)
    info.file_size = file.size
    with archive.open(info, "w") as member:
        return files.read_entry(file, member.write)


def _described(name: str, mode: int, method: int) -> zipfile.ZipInfo:
    from zipfile import ZipInfo

    info = ZipInfo(name, _EPOCH)
    info.create_system = 3
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def _folders(found: Iterable[files.Found]) -> list[str]:
    """The folders that hold a file, at any depth: the platform wants an entry for each."""
    folders = set[str]()
    for file in found:
        folder = file.path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return sorted(folders, key=str.encode)


def _largest_possible(found: Sequence[files.Found]) -> int:
    """Deflate adds 5 bytes a 16 KiB block at worst; each entry has two headers with its name."""
    names = sum(2 * len(file.path.encode()) + 300 for file in found)
    folders = sum(2 * len(folder.encode()) + 300 for folder in _folders(found))
    return sum(file.size + file.size // 2**10 + 64 for file in found) + names + folders


def _check_folder(folder: Path, project_root: Path) -> None:
    if not folder.is_dir():
        raise files.artifact_error(
            "no-folder",
            f'there is no folder "{_relative(folder, project_root)}"',
            fix="paths are relative to the manifest file",
        )
    if not folder.resolve().is_relative_to(project_root.resolve()):
        raise files.artifact_error(
            "outside-project",
            f'the folder "{folder.resolve().name}" is outside of the project',
            detail="what is uploaded comes from the project alone",
            fix="move it below the folder of peakctl.yaml",
        )


def _too_large(found: Sequence[files.Found], why: str) -> Exception:
    largest = sorted(found, key=lambda f: (-f.size, f.path))[:_SHOWN]
    return files.artifact_error(
        "too-large",
        f"the artifact is too large: {why}",
        detail="largest files: " + ", ".join(f"{f.path} ({_human(f.size)})" for f in largest),
        fix="leave out what is not needed with an ignore file, e.g. .dockerignore",
    )


def _human(size: int) -> str:
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} B"


def _relative(folder: Path, root: Path) -> str:
    return str(folder.relative_to(root) if folder.is_relative_to(root) else folder)


SHOWN = 20
_PLAN = re.compile(rb'\s*\{\s*"kind":\s*"peakctl-plan"')
_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_SIZE = 1024
_LINK = re.compile(rb"\.{1,2}/[^\s\0]{1,4000}")
"""What git writes in place of a link where links are switched off, as on Windows."""
_PRIVATE = b"PRIVATE KEY-----"
_NAMES = frozenset(
    {
        ".env",
        ".netrc",
        "_netrc",
        ".pypirc",
        ".git-credentials",
        "credentials.json",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
    }
)
"""Beside these, what begins with `.env.`."""
_SEEN = 2**14
"""Bytes of a file that tell which sort it is."""
_SEEN_OF_KEYS = 2**20
"""The same of certificates, which may be many, with a private key after them."""
_KEYS = (".pem", ".key")
"""These may be certificates as well, which are public: only a private key in them counts."""
_EMPTY_FILES = frozenset({".dockerignore", ".gitignore", ".gitkeep", ".keep"})
"""A folder that holds nothing else is as good as empty."""
_HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist")


_EMPTY = Notice(
    "artifact/empty",
    "the folder has no file to upload, but for ignore files",
    "it is empty, or its ignore files leave everything out",
    "if it is a git submodule, check it out: git submodule update --init",
)
_POINTERS = (
    "artifact/lfs-pointer",
    "Git LFS pointers are uploaded in place of files",
    "the files themselves were not fetched",
    "fetch them with git lfs pull, in CI at the checkout",
)
_LINKS = (
    "artifact/link-as-text",
    "files that hold nothing but a path are uploaded",
    "git writes a link so where links are switched off, as on Windows",
    "set core.symlinks and check them out again, or put the files in their place",
)
_CREDENTIALS = (
    "artifact/credentials",
    "files that may hold credentials are uploaded",
    "whoever may download the artifact, or run the image, can read them",
    "leave them out with an ignore file, e.g. .dockerignore",
)


def is_plan_file(start: bytes) -> bool:
    """Whether a file that begins so is a plan of `peakctl plan --out`."""
    return _PLAN.match(start) is not None


@dataclass(slots=True)
class _Suspicious:
    """The paths of the files that were hardly meant to be uploaded, by sort."""

    pointers: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)

    def inspect(self, path: str, size: int, start: bytes) -> None:
        """Note a file of which `start` was read."""
        if size < _LFS_SIZE and start.startswith(_LFS):
            self.pointers.append(path)
        if len(start) == size and _LINK.fullmatch(start):
            self.links.append(path)
        if holds_credentials(_name(path).lower(), start):
            self.credentials.append(path)

    def notices(self, paths: Iterable[str]) -> tuple[Notice, ...]:
        """One a sort of file; `paths` are those of all files."""
        told = [
            Notice(code, f"{words}: {_listed(noted)}", detail, fix)
            for noted, (code, words, detail, fix) in (
                (self.pointers, _POINTERS),
                (self.links, _LINKS),
                (self.credentials, _CREDENTIALS),
            )
            if noted
        ]
        holds_any = any(_name(path) not in _EMPTY_FILES for path in paths)
        return tuple(told) if holds_any else (_EMPTY, *told)


def holds_credentials(name: str, start: bytes) -> bool:
    """Whether a file of this name, in lower case, that begins so may hold credentials."""
    if name in _HARMLESS:
        return False
    if name.endswith(_KEYS):
        return _PRIVATE in start
    return name in _NAMES or name.startswith(".env.")


def _name(path: str) -> str:
    """The last part of a path: a path object for each of many files takes longer than its hash."""
    return path.rpartition("/")[2]


def _listed(paths: list[str]) -> str:
    more = len(paths) - SHOWN
    return ", ".join(paths[:SHOWN]) + (f" and {more} more" if more > 0 else "")
