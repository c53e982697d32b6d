"""An archive of the platform as files of a project. Its bytes are not trusted.

Nothing is written here: what is wrong with any entry refuses the whole, before a file is made.
"""

from __future__ import annotations

import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import PurePosixPath

from peakctl.archives.pack import holds_credentials
from peakctl.archives.zips import BROKEN, CHUNK, name_problem
from peakctl.errors import Diagnostic, PeakctlError
from peakctl.model.records import dataclass

MAX_FILES = 20_000
MAX_BYTES = 2**28
"""Bytes of one archive before compression: files are held in memory until all are known."""
MAX_RATIO = 200
RATIO_FREE = 2**20
"""Bytes that may be compressed as well as they can be."""
MAX_PATH = 240
"""Characters of a path below the folder, so that every file system takes it."""
_BAD = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]|[. ]\Z')
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z", re.IGNORECASE)
_OF_GIT = ".git"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The files of an archive by their paths, and which are executable.

    `credentials` are paths of files that may hold credentials, by their names and first bytes.
    """

    files: Mapping[str, bytes]
    executable: frozenset[str] = frozenset()
    credentials: tuple[str, ...] = field(default=())


def unpack(data: bytes, most: int = MAX_BYTES) -> Unpacked:
    """The files of a zip; folders, times and owners do not count.

    `most` is how many bytes they may have together. Raises PeakctlError (artifact/unsafe-archive)
    for what is no zip, and for an archive with a path that leads out, a link, a device, names that
    not every system can tell apart or take, files of git's own, or too many, too large or too much
    compressed files.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check(archive.infolist())
            listed = [info for info in archive.infolist() if not info.is_dir()]
            files = dict(_read(archive, listed, min(most, _allowed(len(data)))))
    except BROKEN as error:
        raise refused("is not a readable zip file", str(error)) from error
    return Unpacked(
        files,
        frozenset(i.filename for i in listed if i.external_attr >> 16 & stat.S_IXUSR),
        tuple(path for path, each in files.items() if _is_credential_file(path, each)),
    )


def _allowed(size: int) -> int:
    return max(RATIO_FREE, size * MAX_RATIO)


def _check(listed: Sequence[zipfile.ZipInfo]) -> None:
    if len(listed) > MAX_FILES:
        raise refused(f"has more than {MAX_FILES:,} entries")
    names: set[str] = set()
    folded: dict[str, str] = {}
    for info in listed:
        problem = name_problem(info.filename, names) or _problem(info, folded)
        if problem:
            raise refused(problem)
        names.add(info.filename)


def _problem(info: zipfile.ZipInfo, folded: dict[str, str]) -> str:
    """What is wrong with an entry; "" if nothing is. `folded` are all paths so far."""
    name = info.filename.removesuffix("/")
    sort = stat.S_IFMT(info.external_attr >> 16)
    shown = repr(name)
    if sort not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"holds {shown}, which is a link or a device"
    parts = name.split("/")
    if len(name) > MAX_PATH or any(_BAD.search(p) or _DEVICES.match(p) for p in parts):
        return f"holds {shown}, a name that not every system takes"
    if any(part.lower() == _OF_GIT for part in parts):
        return f"holds {shown}, a file of git's own"
    return _clash(name, folded, is_folder=info.is_dir())


def _clash(name: str, folded: dict[str, str], *, is_folder: bool) -> str:
    """Whether a path is another one where letter case or Unicode forms are not told apart."""
    for path in (*map(str, PurePosixPath(name).parents), name):
        what = "folder" if is_folder or path != name else "file"
        key = unicodedata.normalize("NFC", path).casefold()
        known = folded.setdefault(key, f"{what} {path}")
        if known != f"{what} {path}":
            return (
                f'holds "{path}" and "{known.partition(" ")[2]}", which not every system has both'
            )
    return ""


def _read(
    archive: zipfile.ZipFile, listed: Sequence[zipfile.ZipInfo], most: int
) -> Iterator[tuple[str, bytes]]:
    left = most
    for info in listed:
        parts: list[bytes] = []
        with archive.open(info) as member:
            while chunk := member.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise refused("unpacks to more than it may", f"the limit is {most:,} bytes")
                parts.append(chunk)
        yield info.filename, b"".join(parts)


def _is_credential_file(path: str, data: bytes) -> bool:
    return holds_credentials(PurePosixPath(path).name.lower(), data)


def refused(why: str, detail: str = "") -> PeakctlError:
    """The error for an archive that is not unpacked."""
    return PeakctlError(
        Diagnostic(
            code="artifact/unsafe-archive",
            summary=f"the archive that the platform keeps {why}",
            detail=detail,
            fix="look at it with care, and upload the artifact again from its sources",
        )
    )
