"""Walks: many fields of a kind side by side, each as a resource of its own in one project.

One plan, one apply and one plan more move every walk by one step: a step costs milliseconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from matrix.bases import Stand, load_bases, stands
from matrix.circuit import circuit, drawn
from matrix.fixtures import Ids, apply, json_lines, make_tenant, plan
from matrix.judge import Finding, Seen, Verdict, defaults_of, judge, missing_of, patterns_of
from matrix.rows import Leaves, stored, unlike
from matrix.values import ABSENT, KEEP, candidates, is_open, meaning_for, settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from chaos.tenant import Tenant

    from matrix.judge import Pattern
    from matrix.schema import SettableField

ABREAST = 60
"""Walks that go side by side: enough to share the cost of a plan, few enough to tell apart."""
NAME = "metadata.name"
PLATFORMS: dict[str, dict[str, bool]] = {
    "echoing reads": {},
    "minimal reads": {"full_reads": False},
    "merging patches": {"patch_merges": True},
    "carried parameters": {"carry_parameters": True, "default_parameters": True},
    "older calls": {"newer_calls": False},
}


def platforms_for(row: SettableField) -> list[str]:
    """The platforms whose ways the field may notice: those that change its calls or its reads."""
    found = ["echoing reads", "minimal reads"]
    if row.kind in ("Service", "Webapp"):
        found.append("merging patches")
    if row.kind == "Deployment" and row.rule.call in ("revise", "patch", ""):
        found += ["carried parameters", "older calls"]
    return found


@dataclass
class Walk:
    """One field on its way through its values."""

    row: SettableField
    stand: Stand
    values: list[Any]
    patterns: list[Pattern]
    order: Iterator[int]
    number: int = 0
    here: int = 0
    generation: int = 0
    live: Any = KEEP
    steps: int = 0
    findings: list[Finding] = field(default_factory=list)
    known: dict[str, Leaves] = field(default_factory=dict)
    fresh: bool = True

    @property
    def name(self) -> str:
        """The resource that walks; `metadata.name` itself walks through names."""
        base = f"walk-{self.number}-{self.generation}"
        return f"{base}-{self.values[self.here]}" if self.is_renaming else base

    @property
    def is_renaming(self) -> bool:
        return self.row.name == NAME

    def document(self) -> dict[str, Any]:
        value = self.name if self.is_renaming else self.values[self.here]
        made = self.stand.document(self.name, value)
        if self.is_renaming:
            base = f"walk-{self.number}-{self.generation}"
            others = [f"{base}-{each}" for each in self.values if each != self.values[self.here]]
            made["metadata"]["previousNames"] = others
        return made

    def wanted(self) -> Any:
        return meaning_for(self.row, self.values[self.here])

    def found(self, verdict: Verdict, before: int, detail: str) -> None:
        step = f"{_shown(self.values[before])} -> {_shown(self.values[self.here])}"
        self.findings.append(Finding(verdict, step, detail))

    def begin_again(self) -> None:
        """Go on as another resource, made with the value that the walk has come to."""
        self.generation += 1
        self.live, self.fresh = KEEP, True


def _shown(value: Any) -> str:
    return "absent" if value is ABSENT else json.dumps(value)


@dataclass(frozen=True)
class Result:
    """What came of a field on one platform."""

    row: SettableField
    platform: str
    values: int
    steps: int
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        return next((v for v in Verdict if any(f.verdict is v for f in self.findings)), Verdict.OK)


def walk_fields(
    folder: Path, rows: list[SettableField], platform: str, steps: int | None = None
) -> list[Result]:
    """Walk fields of one kind on one platform: all ordered pairs, or `steps` drawn ones."""
    tenant = make_tenant(folder, PLATFORMS[platform])
    ids = Ids(tenant)
    walks = prepare(tenant, ids, rows, steps)
    for start in range(0, len(walks), ABREAST):
        part = walks[start : start + ABREAST]
        Company(tenant, ids, part).go()
    by_name = {walk.row.name: walk for walk in walks}
    return [_result(row, platform, by_name[row.name]) for row in rows]


def _result(row: SettableField, platform: str, walk: Walk) -> Result:
    return Result(row, platform, len(walk.values), walk.steps, tuple(walk.findings))


def prepare(tenant: Tenant, ids: Ids, rows: list[SettableField], steps: int | None) -> list[Walk]:
    """A walk for each field, where it has the most values that peakctl takes for valid."""
    bases = load_bases()
    tries = [
        (row, stand, value)
        for row in rows
        for stand in islice(stands(row, bases[row.kind]), 4)
        for value in _values(row, stand)
    ]
    bad = invalid(tenant, ids, [(s, ABSENT if r.name == NAME else v) for r, s, v in tries])
    valid: dict[str, dict[int, tuple[Stand, list[Any]]]] = {}
    for number, (row, stand, value) in enumerate(tries):
        kept = valid.setdefault(row.name, {}).setdefault(id(stand), (stand, []))[1]
        if number not in bad:
            kept.append(value)
    walks = []
    for number, row in enumerate(rows):
        stand, values = max(valid[row.name].values(), key=lambda found: len(found[1]))
        walks.append(_walk(number, row, stand, values, steps))
    return walks


def _values(row: SettableField, stand: Stand) -> list[Any]:
    if row.name == NAME:
        return ["a", "b", "c"]
    return candidates(row, stand.value)


def _walk(
    number: int,
    row: SettableField,
    stand: Stand,
    values: list[Any],
    steps: int | None,
) -> Walk:
    seed = f"{row.kind} {row.name}"
    way = circuit(len(values)) if steps is None else drawn(len(values), steps, seed)
    return Walk(row, stand, values, patterns_of(row), iter(way), number)


def invalid(tenant: Tenant, ids: Ids, tries: list[tuple[Stand, Any]]) -> set[int]:
    """The numbers of those that peakctl refuses before it asks the platform anything."""
    bad: set[int] = set()
    for start in range(0, len(tries), 500):
        part = tries[start : start + 500]
        documents = [stand.document(f"try-{n}", value) for n, (stand, value) in enumerate(part)]
        write(tenant, ids, documents)
        found = json.loads(tenant.run("validate", "-o", "json").out)
        for error in found["errors"]:
            lines = [place["line"] for place in error["locations"]]
            if not lines:
                raise RuntimeError(f"an error without a place: {error}")
            bad |= {start + (line - 1) // 2 for line in lines}
    return bad


def write(tenant: Tenant, ids: Ids, documents: list[dict[str, Any]]) -> None:
    text = json_lines([ids.put(document) for document in documents])
    (tenant.project / "manifests" / "all.yaml").write_text(text, encoding="utf-8")


class Company:
    """Walks that go side by side."""

    def __init__(self, tenant: Tenant, ids: Ids, walks: list[Walk]) -> None:
        self.tenant, self.ids = tenant, ids
        self.walks = [walk for walk in walks if walk.values]
        self.kind = walks[0].row.kind

    def go(self) -> None:
        """All of every walk."""
        left = self.walks
        while left:
            moved = []
            before: dict[int, int] = {}
            for walk in left:
                step = next(walk.order, None)
                if step is not None:
                    before[walk.number], walk.here = walk.here, step
                    moved.append(walk)
            if moved:
                self._step(moved, before)
            left = moved
        write(self.tenant, self.ids, [])

    def _step(self, walks: list[Walk], before: dict[int, int]) -> None:
        planned = self._plan(walks, before)
        held = self._stored()
        applied = apply(self.tenant)
        again = plan(self.tenant)
        now = self._stored()
        if "actions" not in applied or "actions" not in again:
            raise RuntimeError(f"{self.kind}: {applied['errors']} {again['errors']}")
        actions, ended = _by_key(planned["actions"]), _by_key(applied["outcomes"])
        after = _by_key(again["actions"])
        for walk in walks:
            key = f"{self.kind}/{walk.name}"
            old = walk.name
            if walk.is_renaming:
                old = f"walk-{walk.number}-{walk.generation}-{walk.values[before[walk.number]]}"
            outcome = ended.get(key, {"status": "done", "message": "", "detail": []})
            seen = Seen(
                actions[key], outcome, after[key], held.get(old, {}), now.get(walk.name, {})
            )
            self._judge(walk, before[walk.number], seen)

    def _plan(self, walks: list[Walk], before: dict[int, int]) -> dict[str, Any]:
        """The plan of a step. A walk whose change is refused goes on as another resource, made with
        the value; where that is refused too, it stays with the value that it had."""
        errors: list[dict[str, Any]] = []
        seen: set[int] = set()
        for _ in range(len(walks) + 2):
            write(self.tenant, self.ids, [walk.document() for walk in walks])
            found = plan(self.tenant)
            errors = [e for e in found["errors"] if not e["code"].startswith("guard/mass")]
            by_key = {f"{self.kind}/{walk.name}": walk for walk in walks}
            refused = {e["key"]: e for e in errors if e["key"] in by_key}
            if not errors:
                return found
            if not refused:
                break
            for key, error in refused.items():
                walk, told = by_key[key], f"{error['code']}: {error['summary']}"
                walk.found(Verdict.REFUSED, before[walk.number], told)
                walk.begin_again()
                if walk.number in seen:
                    walk.here = before[walk.number]
                seen.add(walk.number)
        raise RuntimeError(f"{self.kind}: {errors}")

    def _stored(self) -> dict[str, Leaves]:
        return stored(self.tenant, self.kind)

    def _judge(self, walk: Walk, before: int, seen: Seen) -> None:
        walk.steps += 1
        value, wanted = self.ids.put(walk.values[walk.here]), settle(walk.live, walk.wanted())
        if walk.fresh:
            self._judge_made(walk, before, seen)
        else:
            for verdict, detail in judge(walk.row, walk.patterns, walk.live, wanted, seen):
                walk.found(verdict, before, detail)
        walk.fresh, walk.live = False, wanted
        if seen.again["verb"] == "unchanged" and _ended_well(seen):
            self._confirm(walk, before, seen, value)
        else:
            walk.begin_again()

    def _judge_made(self, walk: Walk, before: int, seen: Seen) -> None:
        if seen.outcome["status"] != "done":
            walk.found(Verdict.REFUSED, before, f"create: {seen.outcome}")
        elif seen.again["verb"] != "unchanged":
            left = [change["path"] for change in seen.again["changes"]]
            walk.found(Verdict.DRIFT_AFTER_APPLY, before, f"after its create: {left}")

    def _confirm(self, walk: Walk, before: int, seen: Seen, value: Any) -> None:
        """Each way to a value ends in the same state, and that state has the value."""
        if is_open(walk.live) or any(f.verdict is Verdict.NO_PLAN for f in walk.findings):
            return
        state = json.dumps(walk.live, sort_keys=True, default=repr)
        known = walk.known.setdefault(state, seen.after)
        defaults = {walk.row.word: walk.row.rule.default, **defaults_of(walk.row.rule)}
        ids = frozenset(map(str, self.ids.all))
        places = [] if walk.is_renaming else unlike(known, seen.after, ids, defaults)
        if places:
            walk.found(Verdict.COLLATERAL_CHANGE, before, f"not as at other times: {places}")
        gone = missing_of(walk.row, value, seen.after)
        if gone:
            walk.found(Verdict.UPDATE_IGNORED, before, f"not stored: {gone}")


def _ended_well(seen: Seen) -> bool:
    return seen.outcome["status"] in ("done", "already right")


def _by_key(found: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["key"]: each for each in found}
