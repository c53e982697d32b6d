"""The committed table of verdicts, and the page for users that is made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from matrix.judge import Verdict
from peakctl.kinds.fields import Absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matrix.schema import SettableField
    from matrix.walk import Result

ROOT = Path(__file__).resolve().parents[2]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TABLE = ROOT / "tests" / "matrix" / "table.yaml"
REASONS = Path(__file__).with_name("reasons.yaml")
PAGE = ROOT / "docs" / "fields.md"
HEAD = """\
# How each field fares when its value changes: written by `make matrix`, read by tests/matrix.
# values: how many were tried, "absent" and null among them; schema: digest of the field's schema.
# platforms: the verdict on each variant of the platform, where they are not all the same.
"""
LOCAL = "peakctl alone reads it; it is never sent to the platform"


@dataclass(frozen=True)
class Row:
    """The verdict of one field: the worst of those on the platforms it was walked on."""

    verdict: Verdict
    values: int
    schema: str
    reason: str = ""
    platforms: Mapping[str, Verdict] = field(default_factory=dict)

    def on(self, platform: str) -> Verdict:
        return self.platforms.get(platform, self.verdict)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Those other than OK, the worst first."""
        found = {self.verdict, *self.platforms.values()}
        return tuple(v for v in Verdict if v in found and v is not Verdict.OK)


Table = dict[str, dict[str, Row]]


def make_rows(results: Iterable[Result]) -> Table:
    """The rows of all results, in their order."""
    by_name: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        by_name.setdefault((result.row.kind, result.row.name), []).append(result)
    table: Table = {}
    for (kind, name), told in by_name.items():
        table.setdefault(kind, {})[name] = _row(told)
    return table


def _row(results: list[Result]) -> Row:
    row = results[0].row
    verdicts = {each.platform: each.verdict for each in results}
    worst = next(v for v in Verdict if v in verdicts.values())
    same = set(verdicts.values()) == {worst}
    made = Row(
        verdict=worst,
        values=max(each.values for each in results),
        schema=row.digest,
        platforms={} if same else verdicts,
    )
    return with_reason(row, made)


def with_reason(field: SettableField, row: Row) -> Row:
    """The row with the reason of each of its verdicts."""
    reasons = dict.fromkeys(reason_for(field, verdict) for verdict in row.verdicts)
    return replace(row, reason="; ".join(filter(None, reasons)))


def reason_for(row: SettableField, verdict: Verdict) -> str:
    """Why the field does not simply follow its manifest: what was written for it, else what the
    schema says."""
    if verdict is Verdict.OK:
        return ""
    for written in load_reasons():
        fits = any(fnmatchcase(f"{row.kind}:{row.name}", p) for p in written["fields"])
        if fits and written["verdict"] == verdict:
            return str(written["reason"])
    rules = (row.rule, *(rule for _, rule in row.above[::-1]))
    if verdict is Verdict.REFUSED:
        return next((rule.immutable for rule in rules if rule.immutable), "")
    if verdict is Verdict.NO_PLAN and row.rule.absent is Absent.LOCAL and not row.rule.file_for:
        return LOCAL
    if verdict is Verdict.NO_PLAN:
        return next((rule.deferred for rule in rules if rule.deferred), "")
    return ""


def load_reasons() -> list[dict[str, Any]]:
    """What was written for fields, by patterns of their names."""
    found: list[dict[str, Any]] = yaml.load(REASONS.read_text("utf-8"), LOADER)
    return found


def load_table() -> Table:
    """The committed table."""
    told = yaml.load(TABLE.read_text("utf-8"), LOADER)
    return {kind: {name: _read(row) for name, row in rows.items()} for kind, rows in told.items()}


def _read(row: dict[str, Any]) -> Row:
    platforms = {name: Verdict(word) for name, word in row.get("platforms", {}).items()}
    return Row(
        Verdict(row["verdict"]), row["values"], row["schema"], row.get("reason", ""), platforms
    )


def table_text(table: Table) -> str:
    """The table as it is committed, a line a field."""
    lines = [HEAD]
    for kind, rows in table.items():
        lines.append(f"{kind}:\n")
        for name, row in rows.items():
            told: dict[str, Any] = {"verdict": row.verdict, "values": row.values}
            told |= {"schema": row.schema}
            told |= {"reason": row.reason} if row.reason else {}
            told |= {"platforms": dict(row.platforms)} if row.platforms else {}
            lines.append(f"  {json.dumps(name)}: {json.dumps(told, ensure_ascii=False)}\n")
    return "".join(lines)


MEANS = {
    Verdict.OK: "changes, and its removal, are planned, applied and then live",
    Verdict.REFUSED: "some change is refused, with an error that says what to do",
    Verdict.NO_PLAN: "some change alone plans nothing",
    Verdict.DRIFT_AFTER_APPLY: "some change is planned again after it was applied",
    Verdict.UPDATE_IGNORED: "some change is applied, and the platform keeps what it had",
    Verdict.COLLATERAL_CHANGE: "some change takes another field with it",
}


def page_text(table: Table) -> str:
    """docs/fields.md."""
    counts = {
        v: sum(r.verdict is v for rows in table.values() for r in rows.values()) for v in MEANS
    }
    lines = [
        "# Fields\n\n",
        "Every field that a manifest can set was changed from each of its values to each other\n",
        "one, its absence and null among them, through plan and apply against the emulator, in\n",
        "every way in which the emulated platform may read and patch. `make matrix` writes this\n",
        "page.\n\n",
        "| | means | fields |\n|---|---|---|\n",
        *(f"| {v} | {text} | {counts[v]} |\n" for v, text in MEANS.items() if counts[v]),
        "\nWhat `OK` needs no word: the tables list the other fields, each with its reason.\n",
    ]
    for kind, rows in table.items():
        fine = sum(row.verdict is Verdict.OK for row in rows.values())
        lines.append(f"\n## {kind}\n\n{fine} of {len(rows)} fields are OK.\n")
        others = {name: row for name, row in rows.items() if row.verdict is not Verdict.OK}
        if others:
            lines.append("\n| field | | why |\n|---|---|---|\n")
        lines += [_line(name, row) for name, row in others.items()]
    return "".join(lines)


def _line(name: str, row: Row) -> str:
    told = [f"{verdict}{_where(row, verdict)}" for verdict in row.verdicts]
    reason = row.reason.replace("|", "\\|")
    return f"| `{name}` | {', '.join(told)} | {reason} |\n"


def _where(row: Row, verdict: Verdict) -> str:
    """On which platforms a verdict holds, if not on all."""
    places = [platform for platform, each in row.platforms.items() if each is verdict]
    return f" with {' and '.join(places)}" if places else ""
