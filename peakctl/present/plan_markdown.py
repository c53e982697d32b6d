"""A report as Markdown for a comment on a pull request: counts, a table, details to unfold."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Action, Key, Outcome, Plan, Verb
from peakctl.model.text import printable
from peakctl.present import plan_text
from peakctl.present.markdown_room import (
    LIMIT,
    Limit,
    cut_text,
    fair_share,
    first_rows,
    most_useful,
)
from peakctl.present.outcome_text import outcome_lines
from peakctl.present.policy_text import change_text, policy_headline
from peakctl.present.problems import in_order, problem_lines
from peakctl.present.reasons import effects_text, reasons_text
from peakctl.present.report import Report
from peakctl.present.text import counted, first_names, to_plain

_NAMED = 20
_LEAST = 400
"""Of the details of one resource: with less room, fewer resources are shown."""
_FENCE = 200
"""Room for what stands around a text that is cut: fence, title, count."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!@])")


def markdown_text(report: Report, *, show_all: bool = False, limit: Limit = LIMIT) -> str:
    """The comment, never longer than `limit`.

    What must be read comes first: verdict, what is deleted, what restarts, counts. Then as much of
    the table, of warnings and of details as there is room for; each says how much more there is.
    """
    head = "\n".join(_head(report, limit))
    plan, room = report.plan, limit.size - limit.of(head) - 2 * _FENCE
    parts = [head]
    actions = [a for a in plan.actions if show_all or plan_text.is_shown(a)] if plan else []
    if actions:
        rows = _table_rows(actions, {o.key: o for o in report.outcomes})
        parts.append(_table(rows, room * 7 // 10, limit, ended=bool(report.outcomes)))
        room -= limit.of(parts[-1])
    warnings = [d for d in report.diagnostics if d.severity is not Severity.ERROR]
    most = room // 3 if actions else room
    parts += _problems("Warnings", warnings, report, most, limit)
    room -= sum(map(limit.of, parts[2:] if actions else parts[1:]))
    parts += _details(actions, room, report.again or "peakctl plan", limit)
    return "\n".join(parts).rstrip() + "\n"


def _head(report: Report, limit: Limit) -> Iterator[str]:
    plan, part = report.plan, limit.size // 5
    yield _title(report)
    yield from _policy(report, part // 2, limit)
    errors = [d for d in report.diagnostics if d.severity is Severity.ERROR]
    yield from _problems("Failed", errors, report, part, limit)
    yield from _result(report, limit)
    if plan is None:
        return
    yield f"**{escaped(plan_text.plan_summary(plan))}**\n"
    yield from _warn_of_deletes(plan.actions)
    yield from _undeclared(report)
    if report.outcomes:
        ending = outcome_lines(
            plan, report.outcomes, report.took or 0.0, report.again, stopped=report.stopped
        )
        yield _fenced_within(to_plain(ending), "text", part, limit)


def _result(report: Report, limit: Limit) -> Iterator[str]:
    """What a command found beside a plan, as far as it fits; without both its last line."""
    room = limit.size // 2
    kept, left = first_rows(report.sections, room, limit)
    yield from kept
    if left:
        yield f"_and {counted(left, 'more part')}: run `{_code(report.again)}` to see it._\n"
    if report.ok and report.lines and not report.sections and report.plan is None:
        yield f"**{escaped(to_plain(report.lines[-1:]).strip())}**\n"


def _code(text: str) -> str:
    return printable(text).replace("`", "'")


def _fenced_within(text: str, language: str, room: int, limit: Limit) -> str:
    return fenced(cut_text(text, room - _FENCE, limit), language)


def _undeclared(report: Report) -> Iterator[str]:
    """What a reviewer of a removed manifest asks for: what becomes of the resource."""
    if report.undeclared:
        names = first_names([escaped(str(owned.key)) for owned in report.undeclared], _NAMED)
        count = counted(len(report.undeclared), "resource")
        yield f"**No longer declared: {count}**, kept (`--prune` deletes): {names}\n"


def _title(report: Report) -> str:
    where = " ".join(
        f"{word} `{_code(value)}`"
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


def _policy(report: Report, room: int, limit: Limit) -> Iterator[str]:
    """Ahead of everything: who changes the rules wants to be seen doing it."""
    if report.policy is not None and report.policy.changes:
        changes = (f"~ {change_text(each)}" for each in report.policy.changes)
        yield f"**{escaped(policy_headline(report.policy))}**\n"
        text = "\n".join(printable(change) for change in changes)
        yield _fenced_within(text, "text", room, limit)


def _problems(
    title: str, problems: Sequence[Diagnostic], report: Report, room: int, limit: Limit
) -> Iterator[str]:
    """The first of them, as many as there is room for, with a count of the rest."""
    if not problems:
        return
    yield f"**{title}**\n"
    each, shown, used = in_order(problems), 0, 0
    while shown < len(each) and (not shown or used < room - 2 * _FENCE):
        text = to_plain(problem_lines(each[shown : shown + 1], report.excerpts))
        used += limit.of(text) + 1
        shown += 1
    if shown > 1 and used >= room - 2 * _FENCE:
        shown -= 1
    text = to_plain(problem_lines(each[:shown], report.excerpts))
    yield _fenced_within(text, "text", room - _FENCE, limit)
    if shown < len(each):
        again = _code(report.again or "peakctl plan")
        yield f"_and {len(each) - shown} more: run `{again}` to see them._\n"


def _warn_of_deletes(actions: Sequence[Action]) -> Iterator[str]:
    """Deletes by name, ahead of everything that can be undone."""
    for verb, words in ((Verb.DELETE, "Deletes %s for good"), (Verb.REPLACE, "Replaces %s")):
        names = [escaped(str(a.key)) for a in actions if a.verb is verb]
        if names:
            listed = first_names(names, _NAMED)
            yield f"**{words % counted(len(names), 'resource')}:** {listed}\n"


def _table(rows: Sequence[str], room: int, limit: Limit, *, ended: bool) -> str:
    """The rows that fit, with a count of the others."""
    last, rule = (" ended |", " --- |") if ended else ("", "")
    head = f"| | action | resource | version | because |{last}\n{'| --- ' * 5}|{rule}"
    kept, left = first_rows(rows, room - _FENCE, limit)
    more = f"\n_and {counted(left, 'more resource')}; all are in the counts above._\n"
    return "\n".join((head, *kept, more if left else ""))


def _table_rows(actions: Sequence[Action], outcomes: Mapping[Key, Outcome]) -> list[str]:
    rows = []
    for action in actions:
        outcome = outcomes.get(action.key)
        ended = f" {outcome.status if outcome else ''} |" if outcomes else ""
        version = escaped(plan_text.versions_text(action))
        symbol = f"`{plan_text.SYMBOLS[action.verb]}`"
        effects = escaped(effects_text(action))
        name = escaped(str(action.key)) + (f" **({effects})**" if effects else "")
        because = escaped(reasons_text(action))
        rows.append(f"| {symbol} | {action.verb} | {name} | {version} | {because} |{ended}")
    return rows


def _details(actions: Sequence[Action], room: int, again: str, limit: Limit) -> Iterator[str]:
    """What changes of each resource. A large one is cut, so that no other is lost for it."""
    found = [(action, text) for action in actions if (text := _detail_text(action)).strip()]
    most = max(room // _LEAST, 0)
    if most < len(found):
        chosen = most_useful([_rank(action) for action, _ in found], most)
    else:
        chosen = frozenset(range(len(found)))
    shown = [each for at, each in enumerate(found) if at in chosen]
    share = fair_share([limit.of(_detail(*each)) + 1 for each in shown], room)
    for action, text in shown:
        whole = _detail(action, text)
        if limit.of(whole) + 1 > share:
            around = limit.of(_detail(action, "")) + 8
            whole = _detail(action, cut_text(text, max(share - around, 0), limit))
        yield whole
    if left := len(found) - len(shown):
        words = counted(left, "more resource")
        yield f"\n_The details of {words} do not fit into a comment: run `{_code(again)}`._\n"


def _rank(action: Action) -> int:
    """Whose details are wanted most where not all fit."""
    return 0 if action.deletes else 1 if action.consequences else 2


def _detail_text(action: Action) -> str:
    lines = plan_text.plan_lines(Plan((action,)), show_all=True, verbose=True, because=False)
    return _as_diff(to_plain(lines[1:]).rstrip() + "\n")


def _detail(action: Action, text: str) -> str:
    title = html.escape(printable(plan_text.headline_text(action)))
    tag = "<details open>" if action.verb is Verb.DELETE else "<details>"
    return f"{tag}<summary><code>{title}</code></summary>\n\n{fenced(text, 'diff')}\n</details>\n"


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
