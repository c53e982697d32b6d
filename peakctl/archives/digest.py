"""The digest of a set of files, of a zip from the platform, and the line of text that carries it.

The bytes of such a zip are not trusted.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from peakctl.errors import Diagnostic, PeakctlError

_LINE = re.compile(r"(?:^|\r\n\r\n|\r\n|\n\n|\n)peakctl-digest: (sha256:[0-9a-f]{64})\s*\Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as the digest sees it: `path` is relative with `/`, `sha256` is the hash's hex."""

    path: str
    executable: bool
    size: int
    sha256: str


def digest_of(entries: Iterable[Entry]) -> str:
    """`sha256:<hex>` over the entries, whatever their order."""
    total = hashlib.sha256()
    for entry in sorted(entries, key=lambda e: e.path.encode()):
        bit = "x" if entry.executable else "-"
        total.update(f"{entry.path}\0{bit}\0{entry.size}\0{entry.sha256}\n".encode())
    return f"sha256:{total.hexdigest()}"


def add_digest(text: str, digest: str) -> str:
    """`text` with the digest as its last line; `split_digest` gives both back unchanged."""
    line = f"peakctl-digest: {digest}"
    return f"{text}\n\n{line}" if text else line


def split_digest(text: str) -> tuple[str, str | None]:
    """The text as its author wrote it, and the digest of its last line, None without one."""
    found = _LINE.search(text)
    return (text[: found.start()], found[1]) if found else (text, None)


MAX_UNPACKED = 2**30
"""Bytes of an artifact before compression; a hundred times what the platform takes compressed."""
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
    """The digest that `pack` gives the same files. Raises PeakctlError for what is no safe zip.

    Folder entries, times, owners and the order do not count.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return digest_of(_read(archive))
    except BROKEN as error:
        raise _refused("is not a readable zip file", str(error)) from error


def _read(archive: zipfile.ZipFile) -> list[Entry]:
    listed = archive.infolist()
    if len(listed) > MAX_ENTRIES:
        raise _refused(f"has more than {MAX_ENTRIES:,} entries")
    entries: dict[str, Entry] = {}
    left = MAX_UNPACKED
    for info in listed:
        name = _safe_name(info.filename)
        if info.is_dir():
            continue
        if name in entries:
            raise _refused(f'holds "{name}" twice')
        entries[name] = _entry(archive, info, left)
        left -= entries[name].size
    return list(entries.values())


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> Entry:
    sha = hashlib.sha256()
    size = 0
    with archive.open(info) as member:
        while chunk := member.read(CHUNK):
            size += len(chunk)
            if size > left:
                raise _refused("unpacks to more than 1 GiB")
            sha.update(chunk)
    executable = bool(info.external_attr >> 16 & stat.S_IXUSR)
    return Entry(info.filename, executable, size, sha.hexdigest())


def _safe_name(name: str) -> str:
    parts = name.removesuffix("/").split("/")
    if not name or name.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise _refused(f"holds an entry with the unsafe name {name!r}")
    return name


def _refused(why: str, detail: str = "") -> PeakctlError:
    return PeakctlError(
        Diagnostic(
            code="artifact/bad-archive",
            summary=f"the archive that the platform keeps {why}",
            detail=detail,
            fix="upload the artifact again",
        )
    )
