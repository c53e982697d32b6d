"""What a tenant has, as tables and as data: its kinds, its machines, the resources of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.present.text import Line, counted, line, table_lines
from peakctl.present.values import block

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from peakctl.model import JsonDict, Live
    from peakctl.operations.get import GetResult
    from peakctl.operations.overview import Machine, Overview

"""Characters of a description in a table."""


def about(live: Live, result: GetResult) -> JsonDict:
    """A resource in JSON."""
    return {
        "key": str(live.key),
        "kind": live.key.kind,
        "name": live.key.name,
        "id": str(live.id),
        "status": live.status,
        "version": live.version or "",
        "uses": list(result.uses.get(live.live_id, ())),
        "part_of": result.part_of.get(live.live_id),
        **({"in_manifests": _in_manifests(live, result)} if result.prefix else {}),
    }


def _in_manifests(live: Live, result: GetResult) -> str | None:
    """What manifests call it under the prefix of the environment; None where none could."""
    name, prefix = live.key.name, result.prefix
    could = name.startswith(prefix) and live.live_id not in result.part_of
    return name.removeprefix(prefix) if could else None


def listing_rows(result: GetResult) -> list[JsonDict]:
    """The resources of a kind in the order of their names."""
    in_order = sorted(result.found, key=lambda live: (live.key, str(live.id)))
    return [about(live, result) for live in in_order]


def listing_lines(result: GetResult, *, verbose: bool = False) -> tuple[Line, ...]:
    """A table of them: columns that say nothing are left out, ids are there with `verbose`.

    Ids are there also where two have one name.
    """
    rows = listing_rows(result)
    if not rows:
        return (line(f"There is no {result.kind}."),)
    with_ids = verbose or len({row["name"] for row in rows}) < len(rows)
    names = {row["id"]: row["key"] for row in rows}
    cells = [{**row, **_in_words(row, names)} for row in rows]
    titles = [
        title
        for title in ("name", "in manifests", "version", "status", "uses", "part of")
        if title == "name" or any(row[title] for row in cells)
    ]
    titles += ["id"] if with_ids else []
    return table_lines(titles, [[row[title] or "" for title in titles] for row in cells])


def _in_words(row: JsonDict, names: Mapping[str, str]) -> JsonDict:
    """What a table says in other words than JSON; states of all kinds are spelled alike.

    What is a part of another one of the table goes by the name of that.
    """
    status = row["status"].lower().replace("_", "-")
    whole = row["part_of"] or ""
    return {
        "status": status,
        "uses": ", ".join(row["uses"]),
        "part of": names.get(whole.rpartition(" ")[2], whole),
        "in manifests": row.get("in_manifests"),
    }


def overview_rows(found: Overview) -> list[JsonDict]:
    """Each kind with its number; `more` where that is of the first page alone."""
    return [
        {
            "kind": each.kind,
            "count": each.count,
            "more": each.more,
            "description": each.description,
        }
        for each in found.kinds
    ]


def overview_lines(found: Overview) -> tuple[Line, ...]:
    """A table of the kinds, and what to type next."""
    rows = [
        (each.kind, "?" if each.count is None else f"{each.count}{'+' if each.more else ''}")
        for each in found.kinds
    ]
    words = [each.description.partition(". ")[0].rstrip(".") for each in found.kinds]
    table = table_lines(
        ("kind", "count", "what it is"), [(*r, w) for r, w in zip(rows, words, strict=True)]
    )
    next_ = "peakctl get KIND lists one kind; get instance-types the machines"
    return (*table, (), line((next_, "dim")))


def machine_rows(machines: Sequence[Machine]) -> list[JsonDict]:
    """Each machine with what it can be used for."""
    return [
        {
            "name": each.name,
            "used_for": list(each.used_for),
            "default_of_steps": each.storage is not None,
            "default_storage": each.storage,
        }
        for each in machines
    ]


def machine_lines(machines: Sequence[Machine]) -> tuple[Line, ...]:
    """The machines of each use; uses that have the same ones are told together."""
    by_use: dict[str, list[str]] = {}
    for each in machines:
        for use in each.used_for:
            by_use.setdefault(use, []).append(each.name)
    groups: dict[tuple[str, ...], list[str]] = {}
    for use in sorted(by_use):
        groups.setdefault(tuple(by_use[use]), []).append(use)
    usual = {each.name: each.storage for each in machines if each.storage is not None}
    lines: list[Line] = []
    for names, uses in groups.items():
        lines += [line((f"For {_together(uses)}:", "bold")), *(line("  ", n) for n in names), ()]
    words = [f"{name}{f', {disk}' if disk else ''}" for name, disk in usual.items()]
    told = [line((f"A step of a workflow that names none gets {w}.", "dim")) for w in words[:1]]
    return (*lines, *told, line(f"{counted(len(machines), 'instance type')}."))


def _together(uses: Sequence[str]) -> str:
    """`Service (api, web-app), Workflow`: each kind once."""
    kinds: dict[str, list[str]] = {}
    for use in uses:
        kind, _, word = use.rstrip(")").partition(" (")
        kinds.setdefault(kind, []).extend([word] if word else [])
    return ", ".join(
        f"{kind} ({', '.join(words)})" if words else kind for kind, words in kinds.items()
    )


def as_yaml(rows: Sequence[JsonDict]) -> str:
    """Rows as YAML."""
    return "".join(f"{row}\n" for row in block(list(rows)))
