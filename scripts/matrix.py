"""Walk every settable field through every ordered pair of its values, and write down the verdicts.

python scripts/matrix.py [KIND ...] [--field TEXT] [--changed] [--jobs N]

Without arguments: every field of every kind, on each variant of the platform that its calls notice;
writes tests/matrix/table.yaml and docs/fields.md. With --changed: only the fields whose schema is
not the one that the table tells of; the reasons are read again for all. With a kind or a part of a
field's name: walks those alone, prints each finding, and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.judge import Verdict
from matrix.schema import all_fields
from matrix.table import PAGE, TABLE, load_table, make_rows, page_text, table_text, with_reason
from matrix.walk import Result, platforms_for, walk_fields

if TYPE_CHECKING:
    from matrix.schema import SettableField
    from matrix.table import Table

SHARD = 60
"""Fields that one process walks at a time."""


@dataclass(frozen=True)
class Shard:
    """Fields of one kind (by the places in `all_fields`) on one platform."""

    platform: str
    places: tuple[int, ...]


def shards(places: list[int]) -> list[Shard]:
    """The work of a run, the kinds with the most fields first."""
    fields = all_fields()
    groups: dict[tuple[str, str], list[int]] = {}
    for place in places:
        for platform in platforms_for(fields[place]):
            groups.setdefault((fields[place].kind, platform), []).append(place)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [
        Shard(platform, tuple(found[start : start + SHARD]))
        for (_, platform), found in ordered
        for start in range(0, len(found), SHARD)
    ]


def walk(shard: Shard) -> list[Result]:
    """One shard, in a folder of its own."""
    rows = [all_fields()[place] for place in shard.places]
    with tempfile.TemporaryDirectory() as folder:
        return walk_fields(Path(folder), rows, shard.platform)


def wanted(args: argparse.Namespace) -> list[int]:
    """The places of the fields that were asked for."""
    table = load_table() if args.changed else {}
    return [
        place
        for place, row in enumerate(all_fields())
        if (not args.kinds or row.kind in args.kinds)
        and args.field in row.name
        and not (args.changed and is_known(table, row))
    ]


def is_known(table: Table, row: SettableField) -> bool:
    """Whether the table tells of the field as its schema is now."""
    known = table.get(row.kind, {}).get(row.name)
    return known is not None and known.schema == row.digest


def show(results: list[Result]) -> None:
    """Each finding of each field."""
    for result in results:
        print(f"{result.verdict:18} {result.row.kind} {result.row.name} ({result.platform})")
        for finding in result.findings:
            print(f"    {finding.verdict}: {finding.step}: {finding.detail}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--field", default="", help="a part of the names of fields")
    parser.add_argument("--changed", action="store_true", help="only where the schema is another")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    began = time.monotonic()
    work = shards(wanted(args))
    results: list[Result] = []
    with ProcessPoolExecutor(args.jobs) as pool:
        for done, found in enumerate(pool.map(walk, work), 1):
            results += found
            print(f"{done} of {len(work)}: {found[0].row.kind}, {found[0].platform}", flush=True)
    took = time.monotonic() - began
    steps = sum(result.steps for result in results)
    if args.kinds or args.field:
        show(results)
    else:
        write(results, load_table() if args.changed else {})
    bad = sum(result.verdict is not Verdict.OK for result in results)
    print(f"{steps} steps in {took:.0f} s ({steps / took:.0f} a second); {bad} walks are not OK")
    return 0


def write(results: list[Result], before: Table) -> None:
    """The table and the page, the fields in the order of the schemas; rows of `before` stay."""
    walked = make_rows(results)
    table: Table = {}
    for row in all_fields():
        kept = walked.get(row.kind, {}).get(row.name) or before[row.kind][row.name]
        table.setdefault(row.kind, {})[row.name] = with_reason(row, kept)
    TABLE.write_text(table_text(table), encoding="utf-8")
    PAGE.write_text(page_text(table), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
