"""The result of an untrusted job, for one that may comment: written, and shown with care.

The job of a fork has no token, so it leaves a file (schemas/output/result.json), and a job whose
definition nobody in the fork can change writes the comment. Whatever is in the file may be a lie or
an attack: it is shown as text in a code block, where no host makes a link, a mention or an image of
anything, and without the characters that begin a marker.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice

from peakctl.errors import Diagnostic, counted
from peakctl.model import Action, JsonDict, JsonObject, Verb
from peakctl.model.text import safe_line
from peakctl.present.changes import shown_changes
from peakctl.present.ci_report import JobFacts, facts_line
from peakctl.present.markdown_room import HOSTS, LIMIT, cut_text
from peakctl.present.plan_json import FORMAT_VERSION
from peakctl.present.plan_markdown import escaped, fenced
from peakctl.present.plan_text import SYMBOLS, is_shown
from peakctl.present.problems import in_order
from peakctl.present.report import Report

MOST_ACTIONS = 300
MOST_FIELDS = 10
MOST_PROBLEMS = 50
PATH_LENGTH = 200
TEXT_LENGTH = 500
_AROUND = 600
"""Characters of a comment around what is said in the file."""
_TAMED = str.maketrans({"<": "\u2039", ">": "\u203a", "@": "\uff20", "`": "\u02cb", "\t": " "})
"""What begins a tag, a marker, a mention or the end of a code block, as what looks alike."""


def result_text(report: Report) -> str:
    """The file: JSON, ended by a line feed. No longer than its schema allows."""
    problems = in_order(report.diagnostics)[::-1]  # errors first
    actions = [each for each in report.plan.actions if is_shown(each)] if report.plan else []
    document: JsonDict = {
        "format_version": FORMAT_VERSION,
        "command": "plan",
        "offline": report.command != "plan",
        "exit_code": int(report.exit_code),
        "counts": {str(v): report.plan.count(v) for v in Verb} if report.plan else None,
        "actions": [_action(each) for each in actions[:MOST_ACTIONS]],
        "more_actions": max(len(actions) - MOST_ACTIONS, 0),
        "removed": _removed(report)[:MOST_ACTIONS],
        "problems": [_problem(each) for each in problems[:MOST_PROBLEMS]],
        "more_problems": max(len(problems) - MOST_PROBLEMS, 0),
    }
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "replace").decode()


def _action(action: Action) -> JsonDict:
    paths = (path for change in shown_changes(action) for path in change.paths)
    fields = [_short(path, PATH_LENGTH) for path in islice(dict.fromkeys(paths), MOST_FIELDS)]
    name = _short(action.key.name, PATH_LENGTH)
    return {"verb": str(action.verb), "kind": action.key.kind, "name": name, "fields": fields}


def _short(text: str, most: int) -> str:
    return "\n".join(safe_line(row) for row in text.splitlines())[:most]


def _removed(report: Report) -> list[JsonDict]:
    found = report.extra.get("removed", ())
    pairs = [str(each).partition("/") for each in found] if isinstance(found, Sequence) else []
    return [{"kind": kind, "name": _short(name, PATH_LENGTH)} for kind, _, name in pairs]


def _problem(problem: Diagnostic) -> JsonDict:
    owner = f"{problem.key}: " if problem.key else ""
    return {
        "code": problem.code,
        "severity": str(problem.severity),
        "summary": _short(f"{owner}{problem.summary}", TEXT_LENGTH),
        "place": _short(str(problem.locations[0]), PATH_LENGTH) if problem.locations else "",
        "detail": _short(problem.detail, TEXT_LENGTH),
        "fix": _short(problem.fix, TEXT_LENGTH),
    }


# --- the comment ---------------------------------------------------------------------------------


def result_markdown(
    result: JsonObject | None, where: Report, facts: JobFacts, host: str = "github"
) -> str:
    """The comment on a result that was read and checked; None where the file is not usable.

    `where` has the project and the environment, as the trusted job knows them.
    """
    limit = HOSTS.get(host, LIMIT)
    parts = [_title(where), f"{facts_line(facts)}\n", _ORIGIN]
    if result is None:
        parts.append("**Failed**: the job has left no result that can be shown. See its log.\n")
    else:
        parts.append(f"**{_verdict(result)}**\n")
        text = "\n".join(_rows(result))
        room = limit.size - sum(map(limit.of, parts)) - _AROUND
        parts += [fenced(cut_text(text, room, limit), "text")] if text else []
    return "\n".join(parts)


_ORIGIN = (
    "**From a fork**: its own job says this, without secrets and without a tenant. Nobody has"
    " checked it, and it is no plan that can be applied.\n"
)


def _title(where: Report) -> str:
    named = (("project", where.project), ("environment", where.environment))
    words = " ".join(f"{word} `{tamed(value)}`" for word, value in named if value)
    return f"### peakctl plan: {words or 'no project'}\n"


def _verdict(result: JsonObject) -> str:
    counts: JsonObject = result["counts"] or {}
    pending = [f"{counts[v]} to {v}" for v in map(str, Verb) if v != Verb.KEEP and counts.get(v)]
    plan = f"Plan{' (offline)' if result['offline'] else ''}: {', '.join(pending)}"
    code = int(result["exit_code"])
    failed = f"Failed with exit code {code}" if code not in (0, 2) else ""
    if not pending:
        return failed or ("Nothing changes" if counts else "No plan")
    return escaped(f"{failed}. {plan}" if failed else plan)


def _rows(result: JsonObject) -> Iterator[str]:
    for problem in result["problems"]:
        place = f"  in {tamed(problem['place'])}" if problem["place"] else ""
        yield f"{problem['severity']}[{problem['code']}]: {tamed(problem['summary'])}"
        for words in (problem["detail"], problem["fix"]):
            yield from (f"  {tamed(row)}" for row in words.splitlines() if row.strip())
        yield from [place] if place else []
    if more := result["more_problems"]:
        yield f"... {counted(more, 'more problem')}"
    for action in result["actions"]:
        symbol = SYMBOLS[Verb(action["verb"])]
        yield f"{symbol} {action['verb']} {action['kind']}/{tamed(action['name'])}"
        yield from (f"    {tamed(field)}" for field in action["fields"])
    if more := result["more_actions"]:
        yield f"... {counted(more, 'more resource')}"
    for key in result["removed"]:
        yield f"no longer declared: {key['kind']}/{tamed(key['name'])}"


def tamed(text: str) -> str:
    """One line that no host and no program makes anything of but text."""
    plain = safe_line(text).translate(_TAMED)
    return plain.replace("://", "[:]//").replace("peakctl:", "peakctl[:]")
