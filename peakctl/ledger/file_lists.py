"""Lists of the files of archives that the platform never gives back, as a ledger has them.

They stand among the digests of a resource: `file:spec/artifact:PATH` has a short digest of a file,
`files:spec/artifact` says which archive the list is of, and how many files and bytes it has. A list
that would be too long is left out, and that total stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from peakctl.ledger.digests import Digests, place
from peakctl.model import Archive, ArchiveFile, FileTotal, Key, Owned, Path
from peakctl.model.records import dataclass

MOST_FILES = 200
MOST_BYTES = 16 * 2**10
"""Of one list: of its paths, each with its digest."""
MOST_IN_ALL = 5_000
"""Files in all lists of a ledger, so that a plan does not read megabytes."""
DIGITS = 8
_FILE, _TOTAL = "file:", "files:"
_WORDS = re.compile(r"([0-9a-f]+) ([0-9]{1,15}) ([0-9]{1,15})")
"""Of a total: the archive, the number of its files, their bytes."""


@dataclass(frozen=True, slots=True)
class FileList:
    """What a ledger knows of an archive: `files` are short digests by path, None if left out."""

    total: FileTotal
    files: Mapping[str, str] | None


def short_file_digest(file: ArchiveFile, digests: Digests) -> str:
    """The same for the same content and executable bit, whatever the path."""
    return digests.of(["file", file.executable, file.size, file.sha256])[:DIGITS]


def write_list(path: Path, archive: Archive, digests: Digests) -> dict[str, str]:
    """The entries for the archive of the field at `path`."""
    at, files = place(path), archive.files
    total = f"{digests.short(archive.digest)} {len(files)} {sum(file.size for file in files)}"
    entries = {f"{_TOTAL}{at}": total}
    used = sum(len(file.path.encode()) + DIGITS for file in files)
    if len(files) <= MOST_FILES and used <= MOST_BYTES:
        entries |= {f"{_FILE}{at}:{f.path}": short_file_digest(f, digests) for f in files}
    return entries


def kept_lists(digests: Mapping[str, str]) -> dict[str, str]:
    """The entries of lists among the digests of a resource."""
    return {name: each for name, each in digests.items() if name.startswith((_FILE, _TOTAL))}


def without_lists(digests: Mapping[str, str]) -> dict[str, str]:
    """The digests of a resource that are of something else."""
    return {n: each for n, each in digests.items() if not n.startswith((_FILE, _TOTAL))}


def read_list(
    stored: Mapping[str, str], path: Path, archive: str, digests: Digests
) -> FileList | None:
    """What is known of the archive with the digest `archive` at `path`; None of any other one."""
    at = place(path)
    found = _WORDS.fullmatch(stored.get(f"{_TOTAL}{at}", ""))
    if found is None or found[1] != digests.short(archive):
        return None
    total = FileTotal(int(found[2]), int(found[3]))
    head = f"{_FILE}{at}:"
    files = {name[len(head) :]: each for name, each in stored.items() if name.startswith(head)}
    return FileList(total, files if len(files) == total.files else None)


def shorten_lists(owned: Mapping[Key, Owned]) -> dict[Key, Owned]:
    """`owned` without the longest lists of files, where all together would be too long."""
    counts = {
        key: sum(name.startswith(_FILE) for name in each.digests) for key, each in owned.items()
    }
    over = sum(counts.values()) - MOST_IN_ALL
    out = dict(owned)
    for key in sorted(counts, key=lambda key: (-counts[key], key)):
        if over <= 0:
            break
        over -= counts[key]
        digests = {n: d for n, d in out[key].digests.items() if not n.startswith(_FILE)}
        out[key] = replace(out[key], digests=digests)
    return out
