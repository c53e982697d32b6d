"""What each new version of an archive changes, file by file: for readers, nothing is decided by it.

The files of the live archive come from the read of the resource, else from one request where the
platform gives archives back, else from the list in the ledger.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from peakctl.engine.observe.live_state import LiveState
from peakctl.errors import PeakctlError
from peakctl.ledger.digests import Digests
from peakctl.ledger.remembered import read_list, short_file_digest
from peakctl.model import (
    EMPTY,
    Adapter,
    Archive,
    ArchiveFile,
    Ledger,
    Live,
    LiveId,
    Path,
    Resource,
    value_at,
)
from peakctl.model.plan import Action, FileChanges, FileCounts, FileTotal, Plan, Verb
from peakctl.model.records import dataclass

MOST = 1_000
"""Of the paths in each list of changes."""
NEWEST = 5
Compared = tuple[LiveId, str, str]
"""A live resource, the digest of its archive, and that of the new one."""


async def add_file_changes(
    plan: Plan,
    observed: LiveState,
    adapters: Mapping[str, Adapter],
    known: Mapping[Compared, FileChanges],
) -> Plan:
    """`plan`, with the files of each archive that it uploads.

    At most one request for each new version of an archive; none for those in `known`, which were
    compared before. Raises nothing of its own: where a request fails, the files are not known.
    """
    new = [(action, found) for action in plan.actions if (found := _new_archive(action))]
    asked = (_of_archive(found, action, observed, adapters, known) for action, found in new)
    answers = await asyncio.gather(*asked)
    changed = {
        action.key: replace(action, files=replace(files, at=found.path))
        for (action, found), files in zip(new, answers, strict=True)
    }
    return Plan(tuple(changed.get(action.key, action) for action in plan.actions))


def redacted_files(plan: Plan, redact: Callable[[str], str]) -> Plan:
    """The plan without a secret in the names of files."""
    actions = (replace(a, files=a.files.renamed_by(redact)) if a.files else a for a in plan.actions)
    return replace(plan, actions=tuple(actions))


def compared(plan: Plan) -> dict[Compared, FileChanges]:
    """What `add_file_changes` has found for a plan, for one of the same that is made later."""
    found = ((_new_archive(action), action) for action in plan.actions)
    return {
        new.compared: action.files
        for new, action in found
        if new is not None and new.live is not None and action.files is not None
    }


@dataclass(frozen=True, slots=True)
class _New:
    """An archive that an action uploads, at `path`; `live` has the version before, if any."""

    path: Path
    archive: Archive
    live: Live | None

    @property
    def live_digest(self) -> str:
        found = value_at(self.live.values, (*self.path, "digest")) if self.live else ""
        return found if isinstance(found, str) else ""

    @property
    def compared(self) -> Compared:
        assert self.live is not None  # noqa: S101 - only new versions are compared
        return self.live.live_id, self.live_digest, self.archive.digest


def _new_archive(action: Action) -> _New | None:
    """The archive that the action uploads with other files than the live one, or for the first
    time; None where it does not, or where nobody looked at the files."""
    for path, archive in (action.resource.archives if action.resource else {}).items():
        made = action.verb in (Verb.CREATE, Verb.REPLACE)
        differs = any(change.path[: len(path)] == path for change in action.changes)
        if (made or differs) and len(archive.files) == archive.size:
            return _New(path, archive, None if made else action.live)
    return None


async def _of_archive(
    new: _New,
    action: Action,
    observed: LiveState,
    adapters: Mapping[str, Adapter],
    known: Mapping[Compared, FileChanges],
) -> FileChanges:
    ours = {file.path: _content(file) for file in new.archive.files}
    if new.live is None:
        return compare_files(new.archive, ours, {})
    if new.compared in known:
        return known[new.compared]
    try:
        files = await adapters[action.key.kind].files(new.live)
    except PeakctlError:
        files = None
    if files is None:
        return _by_ledger(new, new.live, observed.ledger)
    theirs = {file.path: _content(file) for file in files}
    return compare_files(new.archive, ours, theirs, _total(files))


def compare_archives(action: Action, before: Resource | None) -> FileChanges | None:
    """The files of the archive that an action uploads, beside those that `before` declares.

    None where it uploads none.
    """
    new = _new_archive(action)
    if new is None:
        return None
    ours = {file.path: _content(file) for file in new.archive.files}
    old = before.archives.get(new.path) if before is not None else None
    if new.live is None:
        found = compare_files(new.archive, ours, {})
    elif old is None or len(old.files) != old.size:
        found = _not_known(new.archive, None)
    else:
        theirs = {file.path: _content(file) for file in old.files}
        found = compare_files(new.archive, ours, theirs, _total(old.files))
    return replace(found, at=new.path)


def _content(file: ArchiveFile) -> str:
    return f"{'x' if file.executable else '-'}{file.sha256}"


def _total(files: Iterable[ArchiveFile]) -> FileTotal:
    sizes = [file.size for file in files]
    return FileTotal(len(sizes), sum(sizes))


def _by_ledger(new: _New, live: Live, ledger: Ledger | None) -> FileChanges:
    owned = ledger.owned.values() if ledger else ()
    stored = next((each.digests for each in owned if each.live_id == live.live_id), EMPTY)
    digests = Digests(ledger.salt if ledger else "")
    found = read_list(stored, new.path, new.live_digest, digests)
    if found is None or found.files is None:
        return _not_known(new.archive, found.total if found else None)
    ours = {file.path: short_file_digest(file, digests) for file in new.archive.files}
    return compare_files(new.archive, ours, found.files, found.total)


def compare_files(
    archive: Archive,
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    before: FileTotal | None = None,
) -> FileChanges:
    """What `archive` changes: `ours` and `theirs` are digests by path, of it and of the live one.

    A file with one new path and the same content as one that is gone was renamed.
    """
    renamed = _renamed(ours, theirs)
    old, new = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    added = _in_order(ours.keys() - theirs.keys() - new)
    removed = _in_order(theirs.keys() - ours.keys() - old)
    changed = _in_order(path for path in ours if theirs.get(path, ours[path]) != ours[path])
    counts = FileCounts(len(added), len(changed), len(removed), len(renamed))
    if before is not None and not any(counts):  # they differ in names that are no paths
        return _not_known(archive, before)
    return FileChanges(
        tuple(added[:MOST]),
        tuple(changed[:MOST]),
        tuple(removed[:MOST]),
        tuple(renamed[:MOST]),
        counts,
        total=_total(archive.files),
        before=before,
    )


def _not_known(archive: Archive, before: FileTotal | None) -> FileChanges:
    """Where the files of the live archive are not known, those that were written last may help."""
    latest = sorted(archive.files, key=lambda file: (-file.modified, file.path.encode()))
    newest = tuple(file.path for file in latest[:NEWEST])
    return FileChanges(complete=False, total=_total(archive.files), before=before, newest=newest)


def _renamed(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of a path that is gone and the only new one with its content."""
    new, old = _by_content(ours, theirs), _by_content(theirs, ours)
    pairs = [
        (old[content][0], paths[0])
        for content, paths in new.items()
        if len(paths) == 1 and len(old.get(content, ())) == 1
    ]
    return sorted(pairs, key=lambda pair: pair[0].encode())


def _by_content(paths: Mapping[str, str], others: Mapping[str, str]) -> dict[str, list[str]]:
    """Those of `paths` that `others` lack, by what they hold."""
    out: dict[str, list[str]] = defaultdict(list)
    for path, content in paths.items():
        if path not in others:
            out[content].append(path)
    return out


def _in_order(paths: Iterable[str]) -> list[str]:
    return sorted(paths, key=str.encode)
