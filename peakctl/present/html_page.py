"""A report as one HTML page that needs nothing else: no network, no file beside it.

It is readable without its script, which folds, filters and moves. Nothing but that very script may
run: the page says so to the browser, should a text of somebody else ever get through unescaped.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from peakctl.errors import Severity
from peakctl.model import Action, Key, Outcome, Plan, Verb
from peakctl.model.records import dataclass
from peakctl.model.text import printable
from peakctl.present.outcome_text import outcome_lines
from peakctl.present.plan_text import SYMBOLS, plan_lines, plan_summary
from peakctl.present.policy_text import policy_lines
from peakctl.present.problems import problem_lines
from peakctl.present.report import Report
from peakctl.present.text import Line, first_names, one_line, to_plain

MOST = 12
"""Boxes in a layer, beyond which resources of one kind and verb share one."""
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 280, 28, 70, 10, 12
_LETTERS = 34
_FOLDER = Path(__file__).resolve().parent / "page"
_ROLE = re.compile(r"[a-z]+\Z")


def html_text(report: Report) -> str:
    """The page."""
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    title = f"peakctl {report.command}"
    names = {"project": report.project, "environment": report.environment}
    facts = ", ".join(f"{word} {_text(name)}" for word, name in names.items() if name)
    return Template(_asset("page.html")).substitute(
        title=_text(f"{title}: {report.project}" if report.project else title),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        verdict=_text(_verdict(report)),
        verdict_class="good" if report.ok else "bad",
        facts=f"{facts or 'no project'}, exit code {int(report.exit_code)}",
        sections="\n".join(_sections(report)),
    )


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _verdict(report: Report) -> str:
    if report.plan is not None:
        return plan_summary(report.plan)
    if report.ok and report.lines:
        return to_plain(report.lines[-1:]).strip()
    return "Done." if report.ok else "Failed."


def _sections(report: Report) -> Iterator[str]:
    plan = report.plan
    yield from _block("Rules that are changed", policy_lines(report.policy))
    for title, is_error in (("Errors", True), ("Warnings", False)):
        found = [d for d in report.diagnostics if (d.severity is Severity.ERROR) is is_error]
        if found:
            yield from _block(title, problem_lines(found, report.excerpts))
    if plan is None:
        yield from _block("Result", report.lines[:-1] if report.ok else report.lines)
        return
    if report.undeclared:
        names = first_names([str(owned.key) for owned in report.undeclared], 50)
        yield f"<h2>No longer declared</h2>\n<p>Kept, --prune deletes: {_text(names)}</p>"
    if report.outcomes:
        ending = outcome_lines(
            plan, report.outcomes, report.took or 0.0, report.again, stopped=report.stopped
        )
        yield from _block("How it ended", ending)
    yield from _plan(plan, {outcome.key: outcome for outcome in report.outcomes})


def _plan(plan: Plan, outcomes: Mapping[Key, Outcome]) -> Iterator[str]:
    anchors = {action.key: f"r{at}" for at, action in enumerate(plan.actions)}
    drawn = graph_svg(graph_of(plan, anchors))
    if drawn:
        same = plan.count(Verb.KEEP)
        hint = f"What must be ready first is on the left; {same} unchanged are not drawn."
        yield f'<h2 id="graph">What changes</h2>\n<p class="hint">{hint}</p>'
        box = 'class="graph" tabindex="0" role="region" aria-labelledby="graph"'
        yield f"<div {box}>\n{drawn}\n</div>"
    yield _asset("controls.html")
    for action in plan.actions:
        yield _resource(action, anchors[action.key], outcomes.get(action.key))


def _resource(action: Action, anchor: str, outcome: Outcome | None) -> str:
    lines = plan_lines(Plan((action,)), show_all=True, show_ignored=True, verbose=True)
    head, rest = lines[0], [row for row in lines[1:] if row]
    words = f"{action.verb} {action.key} {' '.join(map(str, action.classes))}"
    words += f" {outcome.status}" if outcome else ""
    ended = f'<span class="ended">{_text(str(outcome.status))}</span>' if outcome else ""
    body = _pre(rest) if rest else '<p class="hint">Nothing more is to be said.</p>'
    opened = " open" if action.deletes else ""
    return (
        f'<details class="resource" id="{anchor}" data-key="{_text(str(action.key))}"'
        f' data-verb="{action.verb}" data-search="{_text(words.lower())}"{opened}>\n'
        f"<summary>{ended}{_spans(head)}</summary>\n{body}\n</details>"
    )


def _block(title: str, lines: Sequence[Line]) -> Iterator[str]:
    if any(lines):
        yield f"<h2>{title}</h2>\n{_pre(lines)}"


def _pre(lines: Iterable[Line]) -> str:
    return f"<pre>{chr(10).join(map(_spans, lines)).rstrip()}</pre>"


def _spans(line: Line) -> str:
    return "".join(_span(text, str(role)) for text, role in line)


def _span(text: str, role: str) -> str:
    words = _text(text)
    return f'<span class="{role}">{words}</span>' if _ROLE.match(role) else words


def _text(text: str) -> str:
    """A text of anybody as it may stand in a page or in an attribute."""
    return html.escape(one_line(text))


# --- what changes, drawn from left to right -----------------------------------------------------


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
    """The graph of everything that a plan changes; what stays as it is is not in it.

    Where a layer has many resources, those of one kind with one verb share a box, so that a plan of
    hundreds stays readable.
    """
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
