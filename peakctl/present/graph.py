"""What needs what, drawn: layers from left to right as SVG; DOT and Mermaid for other tools.

A plan's graph is part of its HTML page; `peakctl graph` has that of manifests and of their users.
"""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Mapping, Sequence

from peakctl.model import EMPTY, Key, Plan
from peakctl.model.records import dataclass
from peakctl.model.text import printable
from peakctl.present.plan_text import SYMBOLS
from peakctl.present.text import first_names

MOST = 12
"""Boxes in a layer, beyond which resources of one kind and role share one."""
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 280, 28, 70, 10, 12
_LETTERS = 34
_SPACE = 'xmlns="http://www.w3.org/2000/svg"'


@dataclass(frozen=True, slots=True)
class Box:
    """One or several resources of one kind and role.

    `role` is the word by which it is coloured, `mark` stands before its name. `anchor` is the id of
    the one that it leads to on the page.
    """

    keys: tuple[Key, ...]
    role: str
    layer: int
    mark: str = ""
    anchor: str = ""

    @property
    def label(self) -> str:
        """What stands in the box."""
        first, begun = self.keys[0], f"{self.mark} " if self.mark else ""
        if len(self.keys) == 1:
            return f"{begun}{first}"
        return f"{begun}{len(self.keys)} × {first.kind} {self.role}"


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes and, by their positions, which must be ready before which."""

    boxes: tuple[Box, ...]
    edges: frozenset[tuple[int, int]]


def graph_of(plan: Plan, anchors: Mapping[Key, str]) -> Graph:
    """The graph of everything that a plan changes; what stays as it is is not in it."""
    pending = {action.key: action for action in plan.pending}
    needs = {
        key: frozenset(each for each in a.after if each in pending) for key, a in pending.items()
    }
    roles = {key: str(action.verb) for key, action in pending.items()}
    return layered_graph(needs, roles, {str(verb): mark for verb, mark in SYMBOLS.items()}, anchors)


def layered_graph(
    needs: Mapping[Key, frozenset[Key]],
    roles: Mapping[Key, str],
    marks: Mapping[str, str] = EMPTY,
    anchors: Mapping[Key, str] | None = None,
) -> Graph:
    """Everything in layers, each after what it needs; `marks` are those of roles.

    Where a layer has many resources, those of one kind and role share a box.
    """
    layers, anchors = _layers(needs), anchors or {}
    boxes: list[Box] = []
    by_layer: defaultdict[int, list[Key]] = defaultdict(list)
    for key, layer in layers.items():
        by_layer[layer].append(key)
    for layer, keys in sorted(by_layer.items()):
        for group in _groups(keys, roles):
            anchor = anchors.get(group[0], "") if len(group) == 1 else ""
            role = roles[group[0]]
            boxes.append(Box(group, role, layer, marks.get(role, ""), anchor))
    of_key = {key: at for at, box in enumerate(boxes) for key in box.keys}
    pairs = ((of_key[one], of_key[key]) for key, needed in needs.items() for one in needed)
    return Graph(tuple(boxes), frozenset(pair for pair in pairs if pair[0] != pair[1]))


def _layers(before: Mapping[Key, frozenset[Key]]) -> dict[Key, int]:
    """How many steps each is from what needs nothing; actions come after what they need."""
    layers: dict[Key, int] = {}
    left = dict(before)
    while left:
        ready = [key for key, needed in left.items() if needed <= layers.keys()]
        for key in ready or list(left):  # a cycle, which nothing valid has, would end all the same
            layers[key] = max((layers.get(each, -1) + 1 for each in left.pop(key)), default=0)
    return layers


def _groups(keys: Sequence[Key], roles: Mapping[Key, str]) -> list[tuple[Key, ...]]:
    if len(keys) <= MOST:
        return [(key,) for key in sorted(keys)]
    found: defaultdict[tuple[str, str], list[Key]] = defaultdict(list)
    for key in sorted(keys):
        found[key.kind, roles[key]].append(key)
    return [tuple(group) for group in found.values()]


def graph_svg(graph: Graph) -> str:
    """The drawing; "" for nothing. Boxes of one resource are links to it."""
    if not graph.boxes:
        return ""
    places = _places(graph)
    wide = max(x for x, _ in places) + _WIDTH + _MARGIN
    high = max(y for _, y in places) + _HEIGHT + _MARGIN
    lines = [_edge(places[one], places[two]) for one, two in sorted(graph.edges)]
    boxes = [_box(box, place) for box, place in zip(graph.boxes, places, strict=True)]
    label = f"{len(graph.boxes)} boxes, what must be ready first on the left"
    size = f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"'
    head = f'<svg {_SPACE} {size} role="group" aria-label="{label}">'
    return "\n".join((head, *lines, *boxes, "</svg>"))


def _places(graph: Graph) -> list[tuple[int, int]]:
    """Where each box is: those of a layer in one column, near what they come after."""
    rows: dict[int, float] = {}
    columns: defaultdict[int, list[int]] = defaultdict(list)
    needs: defaultdict[int, list[int]] = defaultdict(list)
    for one, two in graph.edges:
        needs[two].append(one)
    for at, box in enumerate(graph.boxes):
        columns[box.layer].append(at)
    for _, column in sorted(columns.items()):
        middle = {
            at: _mean([rows[each] for each in needs[at] if each in rows], at) for at in column
        }
        for row, at in enumerate(sorted(column, key=lambda each: (middle[each], each))):
            rows[at] = row
    wide, high = _WIDTH + _GAP_X, _HEIGHT + _GAP_Y
    return [
        (_MARGIN + box.layer * wide, _MARGIN + round(rows[at] * high))
        for at, box in enumerate(graph.boxes)
    ]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _edge(one: tuple[int, int], two: tuple[int, int]) -> str:
    x, y = one[0] + _WIDTH, one[1] + _HEIGHT // 2
    to_x, to_y = two[0], two[1] + _HEIGHT // 2
    bend = max((to_x - x) // 2, 20)
    return f'<path d="M{x} {y} C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"/>'


def _box(box: Box, place: tuple[int, int]) -> str:
    x, y = place
    text = printable(box.label)
    short = text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
    names = first_names([printable(str(key)) for key in box.keys])
    inner = (
        f"<title>{html.escape(f'{box.role}: {names}')}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"/>'
        f'<text x="{x + 10}" y="{y + 18}">{html.escape(short)}</text>'
    )
    group = f'<g class="{box.role}">{inner}</g>'
    return f'<a href="#{box.anchor}">{group}</a>' if box.anchor else group
