"""A report as Markdown for a comment on a pull request: counts, a table, details to unfold."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Action, Outcome, Plan, Verb
from peakctl.model.text import printable
from peakctl.present import plan_text
from peakctl.present.outcome_text import outcome_lines
from peakctl.present.policy_text import change_text, policy_headline
from peakctl.present.problems import in_order, problem_lines
from peakctl.present.reasons import effects_text, reasons_text
from peakctl.present.report import Report
from peakctl.present.text import counted, first_names, to_plain

LIMIT = 65_000
"""Characters; code hosts refuse comments of 65,536."""
_RESERVE = 400
_NAMED = 20
_PROBLEMS = 15_000
"""Characters of errors, and of warnings, so that the plan has room beside them."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!@])")


def markdown_text(report: Report, *, show_all: bool = False) -> str:
    """The comment, always shorter than `LIMIT`; what does not fit is left out whole."""
    return _fit(_sections(report, show_all=show_all))


def _sections(report: Report, *, show_all: bool) -> Iterator[str]:
    plan = report.plan
    yield _title(report)
    yield from _policy(report)
    errors = [d for d in report.diagnostics if d.severity is Severity.ERROR]
    warnings = [d for d in report.diagnostics if d.severity is not Severity.ERROR]
    yield from _problems("Failed", errors, report)
    yield from report.sections
    if plan is None:
        yield from _problems("Warnings", warnings, report)
        return
    yield f"**{escaped(plan_text.plan_summary(plan))}**\n"
    yield from _undeclared(report)
    if report.outcomes:
        ending = outcome_lines(
            plan, report.outcomes, report.took or 0.0, report.again, stopped=report.stopped
        )
        yield fenced(to_plain(ending), "text")
    actions = [a for a in plan.actions if show_all or plan_text.is_shown(a)]
    yield from _warn_of_deletes(actions)
    yield from _table(actions, {o.key: o for o in report.outcomes})
    yield from _problems("Warnings", warnings, report)
    yield from _details(actions)


def _undeclared(report: Report) -> Iterator[str]:
    """What a reviewer of a removed manifest asks for: what becomes of the resource."""
    if report.undeclared:
        names = first_names([escaped(str(owned.key)) for owned in report.undeclared], _NAMED)
        count = counted(len(report.undeclared), "resource")
        yield f"**No longer declared: {count}**, kept (`--prune` deletes): {names}\n"


def _title(report: Report) -> str:
    where = " ".join(
        f"{word} `{printable(value)}`"
        for word, value in (
            ("project", report.project),
            ("environment", report.environment),
            ("prefix", report.name_prefix),
        )
        if value
    )
    parts = (report.project, report.environment, report.name_prefix)
    mark = f"peakctl:{report.command} {' '.join(part or '' for part in parts)}"
    heading = f"### peakctl {report.command}: {where or 'no project'}"
    return f"<!-- {_harmless(mark.strip())} -->\n{heading}\n"


def _harmless(text: str) -> str:
    return re.sub(r"[^\w:. /-]", "", text).replace("--", "-")


def _policy(report: Report) -> Iterator[str]:
    """Ahead of everything: who changes the rules wants to be seen doing it."""
    if report.policy is not None and report.policy.changes:
        changes = (f"~ {change_text(each)}" for each in report.policy.changes)
        yield f"**{escaped(policy_headline(report.policy))}**\n"
        yield fenced("\n".join(printable(change) for change in changes), "text")


def _problems(title: str, problems: Sequence[Diagnostic], report: Report) -> Iterator[str]:
    """The first of them, as many as leave room for the plan, with a count of the rest."""
    if not problems:
        return
    yield f"**{title}**\n"
    each, shown, used = in_order(problems), 0, 0
    while shown < len(each) and (not shown or used < _PROBLEMS):
        used += len(to_plain(problem_lines(each[shown : shown + 1], report.excerpts)))
        shown += 1
    yield fenced(to_plain(problem_lines(each[:shown], report.excerpts))[: 2 * _PROBLEMS], "text")
    if shown < len(each):
        yield f"_and {len(each) - shown} more: run `peakctl plan` to see them._\n"


def _warn_of_deletes(actions: list[Action]) -> Iterator[str]:
    """Deletes by name, ahead of everything that can be undone."""
    for verb, words in ((Verb.DELETE, "Deletes %s for good"), (Verb.REPLACE, "Replaces %s")):
        names = [escaped(str(a.key)) for a in actions if a.verb is verb]
        if names:
            listed = first_names(names, _NAMED)
            yield f"**{words % counted(len(names), 'resource')}:** {listed}\n"


def _table(actions: list[Action], outcomes: dict[object, Outcome]) -> Iterator[str]:
    if not actions:
        return
    last = " ended |" if outcomes else ""
    rule = " --- |" if outcomes else ""
    yield f"| | action | resource | version | because |{last}\n{'| --- ' * 5}|{rule}"
    for action in actions:
        outcome = outcomes.get(action.key)
        ended = f" {outcome.status if outcome else ''} |" if outcomes else ""
        version = escaped(plan_text.versions_text(action))
        symbol = f"`{plan_text.SYMBOLS[action.verb]}`"
        effects = escaped(effects_text(action))
        name = escaped(str(action.key)) + (f" **({effects})**" if effects else "")
        because = escaped(reasons_text(action))
        yield f"| {symbol} | {action.verb} | {name} | {version} | {because} |{ended}"
    yield ""


def _details(actions: list[Action]) -> Iterator[str]:
    for action in actions:
        lines = plan_text.plan_lines(Plan((action,)), show_all=True, verbose=True, because=False)
        text = to_plain(lines[1:])
        if text.strip():
            title = html.escape(printable(plan_text.headline_text(action)))
            body = fenced(_as_diff(text.rstrip() + "\n"), "diff")
            tag = "<details open>" if action.verb is Verb.DELETE else "<details>"
            yield f"{tag}<summary><code>{title}</code></summary>\n\n{body}\n</details>\n"


def _as_diff(text: str) -> str:
    """Put the mark of each line first, where code hosts look for it to colour the line."""
    return "".join(f"{_sign_first(row[4:])}\n" for row in text.splitlines())


def _sign_first(row: str) -> str:
    mark = row.lstrip()[:2]
    if mark not in ("+ ", "- ", "~ "):
        return f" {row}"
    margin = " " * (len(row) - len(row.lstrip()))
    return mark[0].replace("~", "!") + margin + row.lstrip()[1:]


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of back-ticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", printable(text).replace("\n", " "))


def _fit(sections: Iterator[str]) -> str:
    """The sections that fit, in order: a large one is left out, and no later one because of it."""
    used, left = 0, 0
    kept: list[str] = []
    for section in sections:
        if used + len(section) + 1 > LIMIT - _RESERVE:
            left += 1
            continue
        kept.append(section)
        used += len(section) + 1
    if left:
        rest = f"({counted(left, 'part')}): run `peakctl plan` to see it."
        kept.append(f"\n_The rest does not fit into a comment {rest}_\n")
    return "\n".join(kept).rstrip() + "\n"
