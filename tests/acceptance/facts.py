"""What a plan says, read back from each form of it: text, Markdown and JSON say the same.

The facts of an action: its key, verb and version, why it is there, what it does beside itself,
which fields change, whether files do, and its notes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from peakctl.model import Action
from peakctl.present.markdown_room import LIMIT
from peakctl.present.plan_json import json_document
from peakctl.present.plan_markdown import markdown_text
from peakctl.present.plan_text import plan_lines, plan_summary, versions_text
from peakctl.present.reasons import consequence_text, reason_text
from peakctl.present.report import Report
from peakctl.present.text import to_plain

_HEAD = re.compile(r"(?:[-+*^~>=]|-/\+) (\w+) +(\S+/\S+)")
_DETAILS = re.compile(r"<summary><code>(.*?)</code>.*?\n`{3,}diff\n(.*?)\n`{3,}\n", re.DOTALL)
_CHANGE = re.compile(r"    [-+~] (.+)")


@dataclass(frozen=True)
class Said:
    """The text about one action in one form: its first line, and the lines below."""

    verb: str
    head: str
    body: tuple[str, ...]

    def has(self, words: str) -> bool:
        return words in self.head or any(words in row for row in self.body)


def check_facts(report: Report) -> None:
    """Fail unless all forms of the plan of a report say the same about each action."""
    plan = report.plan
    assert plan is not None
    forms = {
        "text": dict(_in_text(to_plain(plan_lines(plan, show_all=True, verbose=True)))),
        "markdown": dict(_in_markdown(markdown_text(report, show_all=True))),
    }
    document = json_document(report)
    listed = {each["key"]: each for each in document["actions"]}
    keys = [str(action.key) for action in plan.actions]
    assert list(listed) == keys
    for form, said in forms.items():
        assert list(said) == keys, form
        for action in plan.actions:
            _check(action, said[str(action.key)], listed[str(action.key)])
    assert plan_summary(plan) in markdown_text(report).replace("\\", "")
    for owned in document.get("undeclared", ()):
        assert owned["key"] in markdown_text(report).replace("\\", "")


def _check(action: Action, said: Said, listed: Mapping[str, Any]) -> None:
    assert said.verb == listed["verb"] == action.verb
    assert listed["version"] == action.version
    assert said.has(versions_text(action))
    assert [each["cause"] for each in listed["causes"]] == [r.cause for r in action.reasons]
    for reason in action.reasons:
        assert said.has(reason_text(reason)), (said, reason_text(reason))
    effects = [each["effect"] for each in listed["consequences"]]
    assert effects == [each.effect for each in action.consequences]
    for each in action.consequences:
        assert said.has(consequence_text(each, action.key)), (said, each)
    for note in listed["notes"]:
        assert said.has(f"note: {note}"), (said, note)
    _check_fields(said, listed)


def _check_fields(said: Said, listed: Mapping[str, Any]) -> None:
    rows = [found[1] for row in said.body if (found := _CHANGE.match(row))]
    files = [row for row in rows if row.startswith("files:")]
    assert bool(files) == (listed["files"] is not None), said
    fields = [row for row in rows if row not in files]
    paths = [change["path"] for change in listed["changes"]]
    for row in fields:
        assert any(_is_of(row, path) for path in paths), (row, paths)
    for path in paths:
        told = any(_is_of(row, path) for row in fields)
        assert told or files, (path, said)  # the digest of files is told as the files


def _is_of(row: str, path: str) -> bool:
    """Whether a row is about a field or something below it."""
    return row.startswith(path) and row[len(path) : len(path) + 1] in (":", ".", "[", "")


def _in_text(text: str) -> Iterator[tuple[str, Said]]:
    for block in re.split(r"\n(?=\S)", text.rstrip("\n")):
        head, *body = block.splitlines() or [""]
        found = _HEAD.match(head)
        if found:
            yield found[2], Said(found[1], head, tuple(body))


def _in_markdown(text: str) -> Iterator[tuple[str, Said]]:
    assert len(text) < LIMIT.size
    bodies = {}
    for title, body in re.findall(
        r"<summary><code>(.*?)</code>.*?\n`{3,}diff\n(.*?)\n`{3,}\n", text, re.S
    ):
        found = _HEAD.match(html.unescape(title))
        assert found, title
        rows = (re.sub(r"^([-+!]?)( *)", _as_text, row) for row in body.splitlines())
        bodies[found[2]] = tuple(rows)
    for row in re.findall(r"^\| `.*", text, re.M):
        cells = re.split(r"(?<!\\) \| ", re.sub(r"\\([^|])", r"\1", row))
        key = cells[2].split(" ")[0]
        yield key, Said(cells[1], row.replace("\\", ""), bodies.get(key, ()))


def _as_text(found: re.Match[str]) -> str:
    """The margin of a row of the plan for that of a diff, which has its mark in front."""
    mark, margin = found[1].replace("!", "~"), found[2]
    return f"    {margin[: -1 if mark and margin else None]}{mark} " if mark else f"   {margin}"
