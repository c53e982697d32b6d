"""How everything is, as a table with what is wrong below it, and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from peakctl.engine.plan.causes import run_words
from peakctl.model.text import status_word
from peakctl.present.ledger import SHORT_COMMIT, iso
from peakctl.present.text import Line, counted, indent, line, table_lines

if TYPE_CHECKING:
    from peakctl.model import JsonDict
    from peakctl.operations.status import ResourceStatus, StatusResult

_MARGIN = 2
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))
_TITLES = (
    "resource",
    "state",
    "version",
    "runs on",
    "drift",
    "apply",
    "last run",
    "next",
    "changed",
)


def status_lines(found: StatusResult) -> tuple[Line, ...]:
    """The table, without columns that say nothing; addresses, what is not well; the counts last."""
    if not found.resources:
        return (line(("Status: nothing is declared, and nothing owned.", "bold")),)
    cells = [_cells(each, found.at) for each in found.resources]
    filled = [i for i in range(len(_TITLES)) if i < 2 or any(row[i] for row in cells)]
    titles = [_TITLES[i] for i in filled]
    return (
        *table_lines(titles, [[row[i] for i in filled] for row in cells]),
        (),
        *_addresses(found.resources),
        *_not_well(found.resources),
        *_runs(found),
        line((status_summary(found), "bold" if found.is_well else "error")),
    )


def status_summary(found: StatusResult) -> str:
    """`Status: 12 resources, 2 not well, 3 to apply.`, `Status: 12 resources, all well.`"""
    counts = status_counts(found)
    some = {
        "not_well": "not well",
        "absent": "absent",
        "to_apply": "to apply",
        "undeclared": "in no manifest",
    }
    words = [f"{counts[name]} {word}" for name, word in some.items() if counts[name]]
    if not (counts["not_well"] or counts["absent"]):
        words.insert(0, "all well")
    return f"Status: {', '.join((counted(counts['resources'], 'resource'), *words))}."


def status_counts(found: StatusResult) -> dict[str, int]:
    """How many there are, of each sort."""
    rows = found.resources
    health = Counter(str(each.health) for each in rows)
    return {
        "resources": len(rows),
        "well": sum(each.is_well for each in rows),
        "not_well": sum(not each.is_well for each in rows),
        "to_apply": sum(each.pending is not None for each in rows),
        "drifted": sum(bool(each.drift) for each in rows),
        "undeclared": sum(not each.declared for each in rows),
        "absent": health["absent"],
        "failed": health["failed"],
        "under_way": health["under way"],
    }


def _cells(row: ResourceStatus, now: float) -> list[str]:
    run, changed = row.last_run, row.changed
    unknown = "" if row.id is None else "?"
    drift = unknown if row.drift is None else row.drift or "no"
    told = [ago(changed.at, now)] if changed.at is not None else []
    told += [changed.by] if changed.by else []
    told += [changed.commit[:SHORT_COMMIT]] if changed.commit else []
    ran = f"{status_word(run.status)} {ago(run.at, now)}".rstrip() if run else ""
    return [
        f"{row.key}" if row.is_well else f"{row.key} !",
        row.status,
        row.version or "",
        ", ".join(row.uses),
        drift if row.declared else "",
        (str(row.pending) if row.pending else "") if row.declared else "in no manifest",
        ran,
        "" if row.next_run is None else ahead(row.next_run, now),
        " ".join(told),
    ]


def ago(at: float | None, now: float) -> str:
    """`5m ago`, `3h ago`; nothing for a time that is not known."""
    if at is None:
        return ""
    words = _span(now - at)
    return f"{words} ago" if words else "just now"


def ahead(at: float, now: float) -> str:
    """`in 5h`."""
    words = _span(at - now)
    return f"in {words}" if words else "in less than 1m"


def _span(seconds: float) -> str:
    """The largest unit alone; nothing for less than a minute."""
    return next((f"{int(seconds // size)}{unit}" for size, unit in _UNITS if seconds >= size), "")


def _addresses(rows: Sequence[ResourceStatus]) -> Iterator[Line]:
    found = [each for each in rows if each.address]
    if not found:
        return
    wide = max(len(str(each.key)) for each in found)
    yield line(("Addresses", "bold"))
    yield from indent(
        (line(f"{each.key!s:<{wide}}  ", (each.address, "command")) for each in found), _MARGIN
    )
    yield ()


def _not_well(rows: Sequence[ResourceStatus]) -> Iterator[Line]:
    ill = [each for each in rows if not each.is_well]
    if not ill:
        return
    yield line(("Not well", "bold"))
    for each in ill:
        place = each.place
        where = f"  {place.file}:{place.line}" if place else ""
        yield from indent((line((str(each.key), "bold"), (where, "dim")),), _MARGIN)
        yield from indent((line((text, "error")) for text in each.problems), 2 * _MARGIN)
        if each.next:
            yield from indent((line("see: ", (each.next, "command")),), 2 * _MARGIN)
    yield ()


def _runs(found: StatusResult) -> Iterator[Line]:
    """The last run of the project, and one that is under way."""
    lease = found.lease
    if lease is not None:
        words = f"A run of {lease.actor.who} is under way since {iso(lease.since)}."
        yield line((words, "note"))
    for words in run_words(found.last_run):
        yield line((f"{words[:1].upper()}{words[1:]}.", "dim"))


def status_document(found: StatusResult) -> JsonDict:
    """The command's own part of its JSON document."""
    return {
        "summary": status_counts(found),
        "well": found.is_well,
        "at": iso(found.at),
        "resources": status_rows(found),
    }


def status_rows(found: StatusResult) -> list[JsonDict]:
    """Each resource as data."""
    return [_row(each) for each in found.resources]


def _row(row: ResourceStatus) -> JsonDict:
    run, changed, place = row.last_run, row.changed, row.place
    return {
        "key": str(row.key),
        "kind": row.key.kind,
        "name": row.key.name,
        "id": row.id,
        "declared": row.declared,
        "owned": row.owned,
        "well": row.is_well,
        "health": str(row.health),
        "status": row.status,
        "version": row.version,
        "uses": list(row.uses),
        "drift": row.drift,
        "paths": list(row.paths),
        "pending": str(row.pending) if row.pending else None,
        "last_run": {"id": run.id, "status": status_word(run.status), "at": _time(run.at)}
        if run
        else None,
        "next_run": _time(row.next_run),
        "address": row.address or None,
        "changed": {
            "at": _time(changed.at),
            "by": changed.by or None,
            "commit": changed.commit or None,
        },
        "problems": list(row.problems),
        "next": row.next or None,
        "file": place.file if place else None,
        "line": place.line if place else None,
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)
