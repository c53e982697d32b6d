"""The digest of a set of files, and the line of text that carries it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from peakctl.model import ArchiveFile

_LINE = re.compile(r"(?:^|\r\n\r\n|\r\n|\n\n|\n)peakctl-digest: (sha256:[0-9a-f]{64})\s*\Z")
MAX_UNPACKED = 2**30
"""Bytes of an artifact before compression; a hundred times what the platform takes compressed."""


def digest_of(entries: Iterable[ArchiveFile]) -> str:
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
