"""What a ledger remembers of a resource beside what it was made of.

It stands among the digests of the resource, so that older ledgers and older versions of peakctl
need not know of it:

- the files of an archive, which the platform never gives back: `file:spec/artifact:PATH` has a
  short digest of a file, `files:spec/artifact` says which archive the list is of, and how many
  files and bytes it has. A list that would be too long is left out, and that total stays.
- what a rollback has put where the manifests say otherwise: one entry for what it was rolled back
  to and one for each field. A plan that would undo it needs consent; an apply whose manifests agree
  with what is live forgets it.
- how long the last good wait took, in whole seconds. Nothing is decided by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from peakctl.ledger.codec import LONGEST_WORD
from peakctl.ledger.digests import Digests, place
from peakctl.model import EMPTY, Action, Archive, ArchiveFile, FileTotal, Key, Path, Verb
from peakctl.model.ledger import Ledger, Owned
from peakctl.model.records import dataclass

# --- files of archives ---------------------------------------------------------------------------

MOST_FILES = 200
MOST_BYTES = 16 * 2**10
"""Of one list: of its paths, each with its digest."""
MOST_IN_ALL = 5_000
"""Files in all lists of a ledger, so that a plan does not read megabytes."""
DIGITS = 8
_FILE, _TOTAL = "file:", "files:"
_TOTALS = re.compile(r"([0-9a-f]+) ([0-9]{1,15}) ([0-9]{1,15})")
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
    found = _TOTALS.fullmatch(stored.get(f"{_TOTAL}{at}", ""))
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


# --- rollbacks -----------------------------------------------------------------------------------

_MARK = "rolled-back"
_FIELD = f"{_MARK} "
_THERE = "x"
WHOLE = (Verb.REPLACE, Verb.DELETE)
"""What undoes a rollback whatever its fields are."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What a resource was rolled back to, in words, and the places that it changed for that."""

    to: str
    places: frozenset[str]

    def is_undone_by(self, action: Action) -> bool:
        """Whether an action changes again what the rollback has changed."""
        if action.verb is Verb.KEEP:
            return False
        return action.verb in WHOLE or any(self.concerns(each.path) for each in action.changes)

    def concerns(self, path: Path) -> bool:
        """Whether a path is one that the rollback changed, or lies above or below one."""
        here = place(path)
        return any(_on_one_way(here, each) for each in self.places)


def _on_one_way(one: str, two: str) -> bool:
    return one == two or one.startswith(f"{two}/") or two.startswith(f"{one}/")


def write_mark(to: str, paths: Iterable[Path]) -> dict[str, str]:
    """The entries of a rollback to `to` that changed `paths`."""
    fields = {f"{_FIELD}{place(path)}": _THERE for path in paths}
    return {_MARK: to[:LONGEST_WORD], **fields}


def read_mark(digests: Mapping[str, str]) -> RolledBack | None:
    """What the entries of a resource tell of a rollback; None where they tell of none."""
    if _MARK not in digests:
        return None
    places = (name.removeprefix(_FIELD) for name in digests if name.startswith(_FIELD))
    return RolledBack(digests[_MARK], frozenset(places))


def kept_mark(digests: Mapping[str, str]) -> dict[str, str]:
    """The entries among those of a resource, to be written again."""
    return {n: each for n, each in digests.items() if n == _MARK or n.startswith(_FIELD)}


# --- waits ---------------------------------------------------------------------------------------

_WAITED = "waited"
_SECONDS = re.compile(r"[1-9][0-9]{0,6}")


def write_wait(seconds: int) -> dict[str, str]:
    """The entry of a wait; none for one that was over at once."""
    text = str(seconds)
    return {_WAITED: text} if _SECONDS.fullmatch(text) else {}


def read_wait(digests: Mapping[str, str]) -> int | None:
    """The seconds that the entries of a resource tell of; None where they tell of none."""
    found = _SECONDS.fullmatch(digests.get(_WAITED, ""))
    return int(found[0]) if found else None


def kept_wait(digests: Mapping[str, str]) -> dict[str, str]:
    """The entry among those of a resource, to be written again."""
    return write_wait(read_wait(digests) or 0)


def usual_waits(actions: Iterable[Action], ledger: Ledger | None) -> dict[Key, int]:
    """What is known of the waits of `actions`: of the id, else of what had the name before."""
    owned = ledger.owned if ledger else {}
    by_id = {each.live_id: each.digests for each in owned.values()}
    by_key = {key: each.digests for key, each in owned.items()}
    out: dict[Key, int] = {}
    for action in actions:
        of_name = by_key.get(action.key, EMPTY)
        found = by_id.get(action.live.live_id, of_name) if action.live else of_name
        seconds = read_wait(found)
        if seconds is not None:
            out[action.key] = seconds
    return out
