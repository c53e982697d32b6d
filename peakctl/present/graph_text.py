"""The graph of a project's resources, and whom a change reaches: text, DOT, Mermaid, SVG, HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from peakctl.model import JsonDict, Key, dotted
from peakctl.model.text import printable
from peakctl.present.graph import graph_svg, layered_graph
from peakctl.present.text import Line, counted, indent, line, table_lines, to_plain

if TYPE_CHECKING:
    from peakctl.engine.graph import Reached
    from peakctl.operations.graph import GraphEdge, Impact, LiveUse, ResourceGraph

Pairs = Sequence[tuple[Key, Key, str]]
"""Who refers to what, and a word about it."""
DRAWN = ("dot", "mermaid", "svg", "html")
"""The forms that are drawings."""
_STYLE = (
    "text { font: 12px ui-monospace, monospace; } rect { fill: #f4f5f7; stroke: #333; }"
    " path { fill: none; stroke: #888; } .outside rect { stroke-dasharray: 4 3; }"
    " .target rect { fill: #fde9b8; } .follows rect { fill: #dbe9fb; }"
    " .other rect { fill: #fbdcdc; } .nobody rect { fill: #fbdcdc; stroke-dasharray: 4 3; }"
)


def drawn_text(form: str, roles: Mapping[Key, str], pairs: Pairs, words: Sequence[Line]) -> str:
    """A drawing of resources, each of a role, in one of the forms of `DRAWN`.

    `words` are the same as text, which a page has below its drawing.
    """
    if form == "dot":
        return _dot(roles, pairs)
    if form == "mermaid":
        return _mermaid(roles, pairs)
    needs = {key: frozenset(to for one, to, _ in pairs if one == key) for key in roles}
    drawing = graph_svg(layered_graph(needs, roles))
    head, _, rest = drawing.partition("\n")
    drawing = f"{head}\n<style>{_STYLE}</style>\n{rest}\n" if drawing else ""
    return drawing if form == "svg" else _page(drawing, words)


def _dot(roles: Mapping[Key, str], pairs: Pairs) -> str:
    lines = [f'  {_quoted(str(key))} [class="{role}"];' for key, role in roles.items()]
    for one, to, word in pairs:
        label = f" [label={_quoted(word)}]" if word else ""
        lines.append(f"  {_quoted(str(one))} -> {_quoted(str(to))}{label};")
    return "\n".join(("digraph peakctl {", "  rankdir=RL; node [shape=box];", *lines, "}\n"))


def _quoted(text: str) -> str:
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _mermaid(roles: Mapping[Key, str], pairs: Pairs) -> str:
    ids = {key: f"r{at}" for at, key in enumerate(roles)}
    lines = [f'  {ids[key]}["{_escaped(str(key))}"]:::{role}' for key, role in roles.items()]
    for one, to, word in pairs:
        label = f'|"{_escaped(word)}"|' if word else ""
        lines.append(f"  {ids[one]} -->{label} {ids[to]}")
    return "\n".join(("flowchart RL", *lines, ""))


def _escaped(text: str) -> str:
    """A text within quotes of Mermaid, which knows HTML's entities written with `#`."""
    plain = printable(text).replace("\n", " ")
    return "".join(c if c.isalnum() or c in " ./_-@[]" else f"#{ord(c)};" for c in plain)


def _page(drawing: str, words: Sequence[Line]) -> str:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    text = html.escape(to_plain(words))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>peakctl graph</title>\n</head>\n<body>\n{drawing}<pre>{text}</pre>\n"
        "</body>\n</html>\n"
    )


# --- the resources of a project ------------------------------------------------------------------


def graph_lines(found: ResourceGraph) -> tuple[Line, ...]:
    """Each resource with where it is declared, and below it what it refers to."""
    lines: list[Line] = []
    for node in found.nodes:
        if node.place is not None:
            lines.append(line((str(node.key), "bold"), (f"  {node.place}", "dim")))
            edges = [edge for edge in found.edges if edge.source == node.key]
            lines += indent((_edge_line(edge, found) for edge in edges), 2)
    declared = sum(node.place is not None for node in found.nodes)
    words = f"{counted(declared, 'resource')}, {counted(len(found.edges), 'reference')}."
    return (*lines, *(((),) if lines else ()), line((words, "bold")))


def _edge_line(edge: GraphEdge, found: ResourceGraph) -> Line:
    outside = any(node.key == edge.target and node.place is None for node in found.nodes)
    version = f"@{edge.version}" if edge.version else ""
    where = f"  {edge.path}{', in no manifest' if outside else ''}"
    return line(f"-> {edge.target}{version}", (where, "dim"))


def graph_parts(found: ResourceGraph) -> tuple[dict[Key, str], Pairs]:
    """What is drawn of it: the role of each resource, and who refers to what."""
    roles = {n.key: "resource" if n.place is not None else "outside" for n in found.nodes}
    pairs = dict.fromkeys((e.source, e.target, e.version or "") for e in found.edges)
    return roles, tuple(pairs)


def graph_document(found: ResourceGraph) -> JsonDict:
    """The whole graph."""
    return {
        "resources": [
            {
                "key": str(node.key),
                "kind": node.key.kind,
                "name": node.key.name,
                "declared": None if node.place is None else str(node.place),
            }
            for node in found.nodes
        ],
        "references": [
            {
                "from": str(edge.source),
                "to": str(edge.target),
                "path": edge.path,
                "version": edge.version,
            }
            for edge in found.edges
        ],
    }


# --- whom a change reaches -----------------------------------------------------------------------

_REACHED = ("resource", "how")
_USES = ("resource", "id", "uses", "whose")


def impact_lines(found: Impact) -> tuple[Line, ...]:
    """Whom it reaches: by manifests of this project, in other projects, and nobody's."""
    lines: list[Line] = []
    if found.project:
        rows = [(str(each.key), how(each, found.key)) for each in found.project]
        lines += [line(("In the manifests of this project", "bold"))]
        lines += [*table_lines(_REACHED, rows), ()]
    for title, uses in (
        ("Of this project, in no manifest any more", found.ours),
        ("In other projects", found.others),
        ("In nobody's manifest", found.nobodys),
    ):
        if uses:
            lines += [line((title, "bold"))]
            lines += [*table_lines(_USES, [_use_row(each) for each in uses]), ()]
    return (*lines, line((_summary(found), "bold")))


def how(reached: Reached, target: Key) -> str:
    """Why a change reaches it, or does not."""
    where = ", ".join(dotted(path) for path in reached.paths)
    if reached.pinned is not None:
        return f"pinned to {reached.pinned}: a newer version does not reach it ({where})"
    if not reached.follows:
        return f"waits for {reached.via} ({where})"
    through = "" if reached.via == target else f" through {reached.via}"
    return f"follows{through} ({where})"


def _use_row(use: LiveUse) -> tuple[str, ...]:
    whose = "nobody's" if use.owner is None else str(use.owner)
    part = f"part of {use.part_of}" if use.part_of else whose
    return use.label, str(use.id), ", ".join(use.versions), part


def _summary(found: Impact) -> str:
    if found.live is None:
        return f"{found.key}: {len(found.project)} in this project; it is not live yet."
    here = len({*(each.key for each in found.project), *(each.key for each in found.ours)})
    others, nobodys = ({e.key for e in uses} for uses in (found.others, found.nobodys))
    return (
        f"{found.key}: {here} in this project, {len(others)} in other projects,"
        f" {len(nobodys)} in nobody's manifest."
    )


def impact_parts(found: Impact) -> tuple[dict[Key, str], Pairs]:
    """What is drawn of it."""
    roles, pairs = {found.key: "target"}, {}
    for each in found.project:
        roles[each.key] = "follows" if each.follows else "resource"
        pairs[each.key, each.via] = each.pinned or ""
    for role, uses in (
        ("outside", found.ours),
        ("other", found.others),
        ("nobody", found.nobodys),
    ):
        for use in uses:
            roles.setdefault(use.key, role)
            pairs.setdefault((use.key, found.key), ", ".join(use.versions))
    return roles, tuple((one, to, word) for (one, to), word in pairs.items())


def impact_document(found: Impact) -> JsonDict:
    """The whole of it."""
    return {
        "key": str(found.key),
        "live": found.live is not None,
        "owner": None if found.owner is None else str(found.owner),
        "project": [
            {
                "key": str(each.key),
                "via": str(each.via),
                "paths": [dotted(path) for path in each.paths],
                "pinned": each.pinned,
                "follows": each.follows,
            }
            for each in found.project
        ],
        "users": [_use_document(each) for each in found.live or ()],
    }


def _use_document(use: LiveUse) -> JsonDict:
    return {
        "key": str(use.key),
        "id": use.id,
        "label": use.label,
        "versions": list(use.versions),
        "owner": None if use.owner is None else str(use.owner),
        "part_of": use.part_of or None,
        "declared": use.declared,
    }
