"""The files that a new version of an archive adds, changes and removes, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from peakctl.model import Action, FileChanges, FileTotal, JsonDict, ShownChange, Verb
from peakctl.present.text import Line, counted, indent, line

MOST = 8
MOST_VERBOSE = 200
"""Names of files in the lines of one action; JSON has more."""


def file_lines(action: Action, *, verbose: bool = False) -> tuple[Line, ...]:
    """The lines about the files of an action; none where it uploads none, or they are not known."""
    files = action.files
    if files is None:
        return ()
    if action.verb in (Verb.CREATE, Verb.REPLACE):
        return (line(("+ ", "added"), f"files: {_total(files.total)}"),)
    if not files.complete:
        return tuple(_not_known(files))
    names = _first(_names(files), MOST_VERBOSE if verbose else MOST)
    rest = sum(files.counts) - len(names)
    more = [line((f"… {rest} more", "dim"))] if rest else []
    return (line(("~ ", "edit"), f"files: {_counts(files)}"), *indent((*names, *more), 4))


def replaces(action: Action, change: ShownChange) -> bool:
    """Whether the lines about files say what the change of a digest says, and more."""
    at = action.files.at if action.files else ()
    return bool(at) and any(each.path[: len(at)] == at for each in change.wire)


def files_document(files: FileChanges | None) -> JsonDict | None:
    """The same as JSON; each list is bounded, the counts are not."""
    if files is None:
        return None
    return {
        "complete": files.complete,
        "counts": files.counts._asdict(),
        "total": files.total._asdict(),
        "before": files.before._asdict() if files.before else None,
        "added": list(files.added),
        "changed": list(files.changed),
        "removed": list(files.removed),
        "renamed": [{"before": old, "after": new} for old, new in files.renamed],
        "newest": list(files.newest),
    }


def size_text(size: int) -> str:
    """`340 KB`, `8.1 MB`: decimal units, as file managers write them."""
    if size < 1_000:
        return f"{size} B"
    if size < 999_500:
        return f"{size / 1e3:.0f} KB"
    return f"{size / 1e6:.1f} MB"


def _total(total: FileTotal) -> str:
    return f"{counted(total.files, 'file')}, {size_text(total.size)}"


def _counts(files: FileChanges) -> str:
    counts = files.counts._asdict().items()
    return ", ".join(f"{count} {word}" for word, count in counts if count)


def _names(files: FileChanges) -> tuple[list[Line], ...]:
    """The names of each sort of change, a line each."""
    return (
        [line((f"+ {path}", "added")) for path in files.added],
        [line((f"~ {path}", "edit")) for path in files.changed],
        [line((f"~ {old} -> {new}", "edit")) for old, new in files.renamed],
        [line((f"- {path}", "removed")) for path in files.removed],
    )


def _first(sorts: Sequence[Sequence[Line]], most: int) -> list[Line]:
    """`most` lines of them, in fair shares; a single one more too, since its count is a line."""
    left = most + 1 if sum(map(len, sorts)) == most + 1 else most
    by_length = sorted(range(len(sorts)), key=lambda index: len(sorts[index]))
    shares: dict[int, int] = {}
    for place, index in enumerate(by_length):
        shares[index] = min(len(sorts[index]), left // (len(sorts) - place))
        left -= shares[index]
    return [row for index, sort in enumerate(sorts) for row in sort[: shares[index]]]


def _not_known(files: FileChanges) -> Iterator[Line]:
    before = f" (before: {_total(files.before)})" if files.before else ""
    yield line(("~ ", "edit"), f"files: {_total(files.total)}{before}; which changed is not known")
    if files.newest:
        yield from indent((line((f"newest: {', '.join(files.newest)}", "dim")),), 4)
