"""Every field keeps the verdict of the table: a drawn part of its walk, all of it where its schema
has changed or where the verdict is not OK. `make matrix` walks everything and writes the table."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest
from matrix.judge import Verdict
from matrix.schema import SettableField, all_fields
from matrix.table import (
    PAGE,
    TABLE,
    Row,
    load_reasons,
    load_table,
    page_text,
    reason_for,
    table_text,
    with_reason,
)
from matrix.walk import PLATFORMS, Result, platforms_for, walk_fields

ROOT = Path(__file__).resolve().parents[2]

TABLE_NOW = load_table()
FIELDS = all_fields()
DRAWN = 3
"""Steps of a field's walk that are tried on one drawn platform each time."""
SHARE = 60
FEW = {
    ("BlockSpec", "spec[kind=workflow].config.images"),  # steps refer to those that are there
}
"""Walked through fewer than three values though the schema has more."""
REWRITE = "run `make matrix`, and read what it changes"


def row_of(field: SettableField) -> Row | None:
    """What the table says of the field."""
    return TABLE_NOW.get(field.kind, {}).get(field.name)


def is_drawn(field: SettableField) -> bool:
    """Whether a part of the field's walk is enough today."""
    row = row_of(field)
    return row is not None and row.schema == field.digest and row.verdict is Verdict.OK


def work() -> dict[tuple[str, str, bool, int], list[SettableField]]:
    """Fields to walk together: by kind, platform, and whether a drawn part is enough."""
    groups: defaultdict[tuple[str, str, bool], list[SettableField]] = defaultdict(list)
    for field in FIELDS:
        found, row = platforms_for(field), row_of(field)
        if row is not None and row.schema == field.digest:
            found = [random.Random(f"{field.kind} {field.name}").choice(found)]
        for platform in found:
            groups[field.kind, platform, is_drawn(field)].append(field)
    return {
        (*key, start // SHARE): fields[start : start + SHARE]
        for key, fields in groups.items()
        for start in range(0, len(fields), SHARE)
    }


WORK = work()


def told(results: list[Result]) -> dict[str, str]:
    """What a failure is to say: each field that fares otherwise, and its findings."""
    return {
        f"{each.row.kind} {each.row.name} ({each.platform})": "; ".join(
            f"{f.verdict}: {f.step}: {f.detail}" for f in each.findings
        )
        or "OK"
        for each in results
    }


@pytest.mark.parametrize(
    "group", WORK, ids=lambda g: f"{g[0]}, {g[1]}, {'some' if g[2] else 'all'}, {g[3]}"
)
def test_fields_fare_as_the_table_says(group: tuple[str, str, bool, int], tmp_path: Path) -> None:
    results = walk_fields(tmp_path, WORK[group], group[1], DRAWN if group[2] else None)
    other = [
        each
        for each in results
        if (row := row_of(each.row)) is not None and each.verdict is not row.on(each.platform)
    ]
    assert told(other) == {}, REWRITE


def test_the_table_has_every_field_and_no_other() -> None:
    listed = {(kind, name) for kind, rows in TABLE_NOW.items() for name in rows}
    assert listed == {(field.kind, field.name) for field in FIELDS}, REWRITE


def test_every_verdict_but_ok_has_its_reason() -> None:
    for field in FIELDS:
        row = row_of(field)
        assert row is not None
        assert row == with_reason(field, row), f"{field.kind} {field.name}: {REWRITE}"
        silent = [verdict for verdict in row.verdicts if not reason_for(field, verdict)]
        assert silent == [], (
            f"{field.kind} {field.name}: write the reason in scripts/matrix/reasons.yaml"
        )


def test_every_written_reason_is_used() -> None:
    used = "".join(row.reason for rows in TABLE_NOW.values() for row in rows.values())
    assert [each["reason"] for each in load_reasons() if each["reason"] not in used] == []


def few_values(field: SettableField) -> int:
    """How many values the schema has where that is less than three; three elsewhere."""
    node = field.node
    told = node.get("enum") or ([node["const"]] if "const" in node else [True, False])
    limited = "enum" in node or "const" in node or node.get("type") == "boolean"
    return min(3, len(told)) if limited else 3


def test_a_field_has_three_values_or_all_that_its_schema_has() -> None:
    few = {
        (field.kind, field.name)
        for field in FIELDS
        if (row := row_of(field)) is not None and row.values < few_values(field)
    }
    assert few == FEW


def test_the_table_and_the_page_are_as_they_are_written() -> None:
    assert TABLE.read_text("utf-8") == table_text(TABLE_NOW)
    assert PAGE.read_text("utf-8") == page_text(TABLE_NOW), REWRITE


def test_every_platform_is_walked_on() -> None:
    assert {platform for field in FIELDS for platform in platforms_for(field)} == set(PLATFORMS)
