"""A report as one HTML page that needs nothing else: no network, no file beside it.

It is readable without its script, which folds, filters and moves. Nothing but that very script may
run: the page says so to the browser, should a text of somebody else ever get through unescaped.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from peakctl.errors import Severity
from peakctl.model import Action, Key, Outcome, Plan, Verb
from peakctl.present.graph import graph_of, graph_svg
from peakctl.present.outcome_text import outcome_lines
from peakctl.present.plan_text import plan_lines, plan_summary
from peakctl.present.policy_text import policy_lines
from peakctl.present.problems import problem_lines
from peakctl.present.report import Report
from peakctl.present.text import Line, first_names, one_line, to_plain

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
