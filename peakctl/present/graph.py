"""What changes and what must be ready before it, as an SVG of layers from left to right.

What stays as it is is not drawn. Where a layer has many resources, those of one kind with one verb
are drawn as one box with their number, so that a plan of hundreds stays readable.
"""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from peakctl.model import Key, Plan, Verb
from peakctl.model.text import printable
from peakctl.present.plan_text import SYMBOLS
from peakctl.present.text import first_names

MOST = 12
"""Boxes in a layer, beyond which resources of one kind and verb share one."""
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 280, 28, 70, 10, 12
_LETTERS = 34


@dataclass(frozen=True, slots=True)
class Box:
    """One or several resources. `anchor` is the id of the one that it leads to on the page."""

    keys: tuple[Key, ...]
    verb: Verb
    layer: int
    anchor: str = ""

    @property
    def label(self) -> str:
        """What stands in the box."""
        first = self.keys[0]
        if len(self.keys) == 1:
            return f"{SYMBOLS[self.verb]} {first}"
        return f"{SYMBOLS[self.verb]} {len(self.keys)} × {first.kind} {self.verb}"


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes and, by their positions, which must be ready before which."""

    boxes: tuple[Box, ...]
    edges: frozenset[tuple[int, int]]


def graph_of(plan: Plan, anchors: Mapping[Key, str]) -> Graph:
    """The graph of everything that a plan changes."""
    pending = {action.key: action for action in plan.pending}
    before = {
        key: frozenset(each for each in a.after if each in pending) for key, a in pending.items()
    }
    layers = _layers(before)
    boxes: list[Box] = []
    by_layer: defaultdict[int, list[Key]] = defaultdict(list)
    for key, layer in layers.items():
        by_layer[layer].append(key)
    for layer, keys in sorted(by_layer.items()):
        for group in _groups(keys, {key: pending[key].verb for key in keys}):
            anchor = anchors.get(group[0], "") if len(group) == 1 else ""
            boxes.append(Box(group, pending[group[0]].verb, layer, anchor))
    of_key = {key: at for at, box in enumerate(boxes) for key in box.keys}
    pairs = ((of_key[one], of_key[key]) for key, needed in before.items() for one in needed)
    return Graph(tuple(boxes), frozenset(pair for pair in pairs if pair[0] != pair[1]))


def _layers(before: Mapping[Key, frozenset[Key]]) -> dict[Key, int]:
    """How many steps each is from what needs nothing; actions come after what they need."""
    layers: dict[Key, int] = {}
    left = dict(before)
    while left:
        ready = [key for key, needed in left.items() if needed <= layers.keys()]
        for key in ready or list(left):  # a cycle, which no plan has, would end all the same
            layers[key] = max((layers.get(each, -1) + 1 for each in left.pop(key)), default=0)
    return layers


def _groups(keys: Sequence[Key], verbs: Mapping[Key, Verb]) -> list[tuple[Key, ...]]:
    if len(keys) <= MOST:
        return [(key,) for key in sorted(keys)]
    found: defaultdict[tuple[str, Verb], list[Key]] = defaultdict(list)
    for key in sorted(keys):
        found[key.kind, verbs[key]].append(key)
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
    head = f'<svg {size} role="group" aria-label="{label}">'
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
    return [
        (
            _MARGIN + box.layer * (_WIDTH + _GAP_X),
            _MARGIN + round(rows[at] * (_HEIGHT + _GAP_Y)),
        )
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
        f"<title>{html.escape(f'{box.verb}: {names}')}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"/>'
        f'<text x="{x + 10}" y="{y + 18}">{html.escape(short)}</text>'
    )
    group = f'<g class="{box.verb}">{inner}</g>'
    return f'<a href="#{box.anchor}">{group}</a>' if box.anchor else group
