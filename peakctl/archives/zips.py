"""The files in a zip from the platform, and their digest. Its bytes are not trusted."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator

from peakctl.archives.digest import MAX_UNPACKED, digest_of
from peakctl.errors import Diagnostic, PeakctlError
from peakctl.model import ArchiveFile

MAX_ENTRIES = 200_000
CHUNK = 1 << 20
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def digest_of_zip(data: bytes) -> str:
    """The digest that `pack` gives the same files. Raises PeakctlError for what is no safe zip."""
    return digest_of(files_of_zip(data))


def files_of_zip(data: bytes, *, lenient: bool = False) -> tuple[ArchiveFile, ...]:
    """The files in a zip. Raises PeakctlError for what is no safe zip.

    Folder entries, times, owners and the order do not count. `lenient` leaves out entries whose
    names are unsafe or there twice: enough for a list to be read, never for a digest. Nothing is
    written to disk.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return tuple(_read(archive, lenient=lenient))
    except BROKEN as error:
        raise _refused("is not a readable zip file", str(error)) from error


def _read(archive: zipfile.ZipFile, *, lenient: bool) -> Iterator[ArchiveFile]:
    listed = archive.infolist()
    if len(listed) > MAX_ENTRIES:
        raise _refused(f"has more than {MAX_ENTRIES:,} entries")
    names: set[str] = set()
    left = MAX_UNPACKED
    for info in listed:
        problem = name_problem(info.filename, names)
        if problem and not lenient:
            raise _refused(problem)
        if problem or info.is_dir():
            continue
        names.add(info.filename)
        entry = _entry(archive, info, left)
        left -= entry.size
        yield entry


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> ArchiveFile:
    sha = hashlib.sha256()
    size = 0
    with archive.open(info) as member:
        while chunk := member.read(CHUNK):
            size += len(chunk)
            if size > left:
                raise _refused("unpacks to more than 1 GiB")
            sha.update(chunk)
    executable = bool(info.external_attr >> 16 & stat.S_IXUSR)
    return ArchiveFile(info.filename, executable, size, sha.hexdigest())


def name_problem(name: str, names: Collection[str]) -> str:
    """What is wrong with the name of an entry after those called `names`; "" if nothing is."""
    parts = name.removesuffix("/").split("/")
    if not name or name.startswith("/") or any(part in ("", ".", "..") for part in parts):
        return f"holds an entry with the unsafe name {name!r}"
    return f'holds "{name}" twice' if name in names else ""


def _refused(why: str, detail: str = "") -> PeakctlError:
    return PeakctlError(
        Diagnostic(
            code="artifact/bad-archive",
            summary=f"the archive that the platform keeps {why}",
            detail=detail,
            fix="upload the artifact again",
        )
    )
