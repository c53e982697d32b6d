"""A folder becomes an `Archive`: the same bytes for the same files, within the platform's limit."""

from __future__ import annotations

import functools
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from peakctl.archives.digest import Entry, digest_of
from peakctl.archives.files import FileId, Found, find_files, read_entry
from peakctl.archives.ignore import read_ignored
from peakctl.archives.refusals import raise_all, refusal
from peakctl.archives.suspects import Suspects, is_plan_file
from peakctl.archives.unpack import MAX_UNPACKED
from peakctl.errors import ManifestsInvalid
from peakctl.model import Archive

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

LIMIT = 10 * 2**20
"""Bytes of a compressed archive (docs/platform.md, 4)."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SHOWN = 5


def pack(
    folder: Path,
    ignore_files: Sequence[str] | None,
    project_root: Path,
    *,
    skip: Collection[FileId] = frozenset(),
) -> Archive:
    """The archive of `folder`, with the files that the platform's own client would pack.

    `ignore_files` are names at the root of the folder; None or empty means `.dockerignore` if there
    is one. Left out beside those are `.git`, `.peakctl`, plan files and the files `skip` (those
    that the run writes). `encode()` reads the files again and refuses when they are no longer those
    of the digest. Raises ManifestsInvalid, without places, for all that cannot be packed, a folder
    outside `project_root` and an archive over `LIMIT` included.
    """
    _check_folder(folder, project_root)
    found = find_files(folder, read_ignored(folder, ignore_files), skip)
    _check_raw(found)
    found, entries, suspects = _read(found)
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
        notices=suspects.notices(file.path for file in found),
    )


def _read(found: Sequence[Found]) -> tuple[tuple[Found, ...], list[Entry], Suspects]:
    """What is packed, its entries, and what is odd about it. Raises ManifestsInvalid with all
    files that cannot be read."""
    packed, entries, suspects, problems = [], [], Suspects(), []
    for file in found:
        chunks = _First()
        try:
            entry = read_entry(file, chunks.take)
        except ManifestsInvalid as problem:
            problems.append(problem)
            continue
        start = chunks.start
        if is_plan_file(start):
            continue
        suspects.look(file.path, entry.size, start)
        packed.append(file)
        entries.append(entry)
    raise_all(problems)
    return tuple(packed), entries, suspects


@dataclass(slots=True)
class _First:
    """The first chunk of a file, which is enough to know what sort it is."""

    start: bytes = b""

    def take(self, chunk: bytes) -> None:
        self.start = self.start or chunk


class _Bounded(io.BytesIO):
    """Memory that takes no more than the platform does, however much there is to compress."""

    def __init__(self, found: Sequence[Found]) -> None:
        super().__init__()
        self._found = found

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if self.tell() + len(data) > LIMIT:
            raise _too_large(self._found, "more than 10 MiB compressed")
        return super().write(data)


def _encode(found: Sequence[Found], digest: str) -> bytes:
    sink = _Bounded(found)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        entries = [_write_file(archive, file) for file in found]
        for folder in _folders(found):
            archive.writestr(_described(f"{folder}/", 0o40755, zipfile.ZIP_STORED), b"")
    if digest_of(entries) != digest:
        raise refusal(
            "changed",
            "the files of the artifact changed while they were being packed",
            fix="let whatever writes to the folder finish, then run again",
        )
    return sink.getvalue()


def _write_file(archive: zipfile.ZipFile, file: Found) -> Entry:
    mode = 0o100755 if file.executable else 0o100644
    info = _described(file.path, mode, zipfile.ZIP_DEFLATED)
    info.file_size = file.size
    with archive.open(info, "w") as member:
        return read_entry(file, member.write)


def _described(name: str, mode: int, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def _folders(found: Iterable[Found]) -> list[str]:
    """The folders that hold a file, at any depth: the platform wants an entry for each."""
    parents = {str(p) for file in found for p in PurePosixPath(file.path).parents}
    return sorted(parents - {"."}, key=str.encode)


def _largest_possible(found: Sequence[Found]) -> int:
    """Deflate adds 5 bytes a 16 KiB block at worst; each entry has two headers with its name."""
    names = sum(2 * len(file.path.encode()) + 300 for file in found)
    folders = sum(2 * len(folder.encode()) + 300 for folder in _folders(found))
    return sum(file.size + file.size // 2**10 + 64 for file in found) + names + folders


def _check_folder(folder: Path, project_root: Path) -> None:
    if not folder.is_dir():
        raise refusal(
            "no-folder",
            f'there is no folder "{_shown(folder, project_root)}"',
            fix="paths are relative to the manifest file",
        )
    if not folder.resolve().is_relative_to(project_root.resolve()):
        raise refusal(
            "outside-project",
            f'the folder "{folder.resolve().name}" is outside of the project',
            detail="what is uploaded comes from the project alone",
            fix="move it below the folder of peakctl.yaml",
        )


def _check_raw(found: Sequence[Found]) -> None:
    if sum(file.size for file in found) > MAX_UNPACKED:
        raise _too_large(found, f"more than {_human(MAX_UNPACKED)} before compression")


def _too_large(found: Sequence[Found], why: str) -> Exception:
    largest = sorted(found, key=lambda f: (-f.size, f.path))[:_SHOWN]
    return refusal(
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


def _shown(folder: Path, root: Path) -> str:
    return str(folder.relative_to(root) if folder.is_relative_to(root) else folder)
