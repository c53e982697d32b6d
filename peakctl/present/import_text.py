"""What an import wrote, what it left out and why, and what is left to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from peakctl.errors import counted
from peakctl.model import JsonDict, dotted
from peakctl.operations.import_files import SOURCES
from peakctl.present.text import Line, line

if TYPE_CHECKING:
    from peakctl.operations.importing import ImportResult

SHOWN = 10
"""Resources that are named for one reason; JSON has all of them."""


def import_lines(done: ImportResult) -> tuple[Line, ...]:
    """The result for people, before the plan."""
    return tuple(_lines(done))


def _lines(done: ImportResult) -> Iterator[Line]:
    yield from (line(("+ ", "create"), name) for name in done.manifests)
    others = Counter(_group(name) for name in done.written if name not in done.manifests)
    for name, count in sorted(others.items()):
        words = f" ({counted(count, 'file')})" if name.endswith("/") else ""
        yield line(("+ ", "create"), f"{name}{words}")
    yield from (line(("~ ", "edit"), name) for name in done.changed)
    if done.written or done.changed:
        yield ()
    yield from _left(done)
    yield from _variables(done)
    yield from _credentials(done)
    words = f"Imported {counted(len(done.imported), 'resource')}"
    words += f", updated {len(done.updated)}" if done.updated else ""
    yield line((f"{words}, left out {len(done.left)}.", "good"))
    if done.planned:
        yield ()


def _group(name: str) -> str:
    """The folder that a resource packs, for a file in one; else the file."""
    parts = name.split("/")
    return f"{parts[0]}/{parts[1]}/" if parts[0] == SOURCES and len(parts) > 2 else name


def _left(done: ImportResult) -> Iterator[Line]:
    reasons = defaultdict(list)
    for each in done.left:
        reasons[each.why].append(str(each.key))
    if reasons:
        yield line(("Left out:", "bold"))
    for why, keys in sorted(reasons.items()):
        more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
        yield line(f"  {', '.join(keys[:SHOWN])}{more}", (f"  {why}", "dim"))
    if reasons:
        yield ()


def _variables(done: ImportResult) -> Iterator[Line]:
    if not done.variables:
        return
    yield line(("Variables to set, named in .env.example:", "bold"))
    for each in done.variables:
        where = f"  {each.key} {dotted(each.path)}: {each.why}"
        yield line(f"  {each.name}", (where, "dim"))
    yield ()


def _credentials(done: ImportResult) -> Iterator[Line]:
    if not done.credentials:
        return
    yield line(("Files that may hold credentials, which .gitignore leaves out:", "bold"))
    yield from (line(f"  {name}") for name in done.credentials)
    yield line(("  without them a checkout packs other files: a plan there shows a change", "dim"))
    yield ()


def import_document(done: ImportResult) -> JsonDict:
    """The same for programs."""
    return {
        "root": str(done.root),
        "imported": [str(key) for key in done.imported],
        "updated": [str(key) for key in done.updated],
        "left": [{"key": str(e.key), "id": e.id, "why": e.why} for e in done.left],
        "manifests": list(done.manifests),
        "written": list(done.written),
        "changed": list(done.changed),
        "same": list(done.same),
        "variables": [
            {"name": e.name, "key": str(e.key), "path": dotted(e.path), "why": e.why}
            for e in done.variables
        ],
        "credentials": list(done.credentials),
    }
