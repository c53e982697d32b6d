"""Small worlds for the engine: manifests as maps, and adapters over a dict with scripted faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path as FilePath
from typing import Any

import pytest
from chaos.clock import FakeClock

from peakctl.catalog import lookup_kind
from peakctl.engine.apply import Packs, apply
from peakctl.engine.observe.live_state import LiveState, observe
from peakctl.engine.plan.names import Names
from peakctl.engine.plan.planner import Planned, make_plan
from peakctl.engine.plan.shown import show_with_versions
from peakctl.engine.waiting import Stop, WaitLimits
from peakctl.errors import ApiError, Diagnostic, PeakctlError
from peakctl.kinds.fields import Kind
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.model import (
    Action,
    Archive,
    ArchiveFile,
    CallRequest,
    CallResult,
    Document,
    Event,
    Failure,
    Key,
    Listed,
    Live,
    Location,
    LogPage,
    Outcome,
    PendingInListing,
    Plan,
    Readiness,
    Resource,
    State,
    Step,
    Tree,
    VersionNames,
)

IMAGE = {"type": "workflow", "buildDetails": {"source": "dockerfile", "dockerfile": "FROM a"}}


def manifest(kind: str, name: str, spec: Any = None, metadata: Any = None, **more: Any) -> Any:
    """A manifest as YAML would give it."""
    return {
        "apiVersion": "peakctl/v1",
        "kind": kind,
        "metadata": {"name": name, **(metadata or {})},
        "spec": spec or {},
        **more,
    }


def problem(status: int | None, detail: str = "", *, doubtful: bool = False) -> ApiError:
    said = Diagnostic("api/refused", detail or f"answered {status}", fix="look at it")
    return ApiError(said, status=status, detail=detail, doubtful=doubtful)


@dataclass
class Fault:
    """What one call of a step comes to: `effect` tells whether the platform acted first."""

    step: Step
    error: Exception
    effect: bool = False


@dataclass
class Shelf:
    """An adapter over a dict: name -> Live. `readings` are what polls give, READY when empty."""

    kind: str
    things: dict[str, Live] = field(default_factory=dict)
    listed: tuple[Listed, ...] | None = None
    pins: dict[tuple[str, str | None], Tree | None] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    readings: list[Readiness] = field(default_factory=list)
    named: dict[str, VersionNames] = field(default_factory=dict)
    failure: Failure = field(default_factory=Failure)
    pages: list[LogPage | PeakctlError] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    answers: Tree | None = None
    gives: Any = field(default_factory=dict)
    used_by: tuple[str, ...] = ()
    pending: Any = field(default_factory=PendingInListing)
    watched: bool = False
    number: str | None = None
    keeps: bool = False
    makes: tuple[str, ...] = ()
    made: dict[tuple[str, str], Key] = field(default_factory=dict)
    archive: tuple[ArchiveFile, ...] | Exception | None = None
    orders: list[CallRequest] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def put(self, name: str, spec: Any = None, metadata: Any = None, **more: Any) -> Live:
        values = {"metadata": {"name": name, **(metadata or {})}, "spec": spec or {}}
        id_ = more.pop("id", f"{self.kind}-{name}")
        more.setdefault("attributes", {"id": id_})
        self.things[name] = Live(Key(self.kind, name), id_, values, **more)
        return self.things[name]

    async def index(self, resources: Sequence[Resource] = ()) -> tuple[Listed, ...]:
        self.asked.append("index")
        if self.listed is not None:
            return self.listed
        return tuple(Listed(live.id, name) for name, live in self.things.items())

    async def find(self, name: str) -> tuple[Listed, ...]:
        self.asked.append(f"find {name}")
        return tuple(Listed(v.id, n) for n, v in self.things.items() if n == name)

    async def look_up(self, id: str | int, values: Tree) -> Listed | None:  # noqa: A002
        self.asked.append(f"look up {id}")
        found = (Listed(v.id, n) for n, v in self.things.items() if str(v.id) == str(id))
        return next(found, None)

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        self.asked.append(f"read {listed.name}")
        live = self.things.get(listed.name)
        return replace(live, key=resource.key) if live and resource else live

    async def pin(self, listed: Listed, version: str | None) -> Tree | None:
        self.asked.append(f"pin {listed.name} {version}")
        return self.pins.get((listed.name, version), {"id": listed.id} if not version else None)

    async def name_versions(self, id: str | int, versions: Collection[str]) -> VersionNames:  # noqa: A002
        self.asked.append(f"name {id} {','.join(versions)}")
        if self.faults:
            raise self.faults[0].error
        return self.named.get(str(id), VersionNames())

    async def call(self, order: CallRequest) -> CallResult:
        self.orders.append(order)
        fault = next((f for f in self.faults if f.step is order.step), None)
        if fault is None:
            return self._effect(order)
        self.faults.remove(fault)
        if fault.effect:
            self._effect(order)
        raise fault.error

    def _effect(self, order: CallRequest) -> CallResult:
        name, old = order.key.name, order.live
        id_ = old.id if old else f"{self.kind}-{name}"
        if order.step is Step.DELETE:
            self.things.pop(name, None)
        elif order.step is not Step.WAIT:
            values = {"metadata": dict(order.desired["metadata"]), "spec": order.desired["spec"]}
            if self.keeps and old and not order.clear:
                values = dict(old.values)
            number = (old.private.get("revision", 1) if old else 0) + 1
            self.things[name] = Live(
                order.key, id_, values, version=order.version, private={"revision": number}
            )
        attributes = {"id": id_, "version": f"{order.version}-id"} if order.version else {"id": id_}
        watch = {"id": id_} if self.watched else None
        return CallResult(order.key, id_, attributes, watch, self.answers, self.number)

    async def poll(self, receipt: CallResult) -> Readiness:
        return self.readings.pop(0) if self.readings else Readiness(State.READY, "ready")

    async def pending_in_listing(self, results: Sequence[CallResult], most: int) -> Any:
        self.asked.append(f"pending {len(results)} {most}")
        if isinstance(self.pending, Exception):
            raise self.pending
        return self.pending

    async def dependents(self, live: Live) -> tuple[str, ...]:
        return self.used_by

    async def makers(
        self, lives: Sequence[Live], read: Sequence[Live]
    ) -> Mapping[tuple[str, str], Key]:
        self.asked.append("makers")
        if self.faults:
            raise self.faults[0].error
        return self.made

    async def hidden_in(self, live: Live, maker: Key) -> frozenset[Any]:
        return frozenset()

    async def files(self, live: Live) -> tuple[ArchiveFile, ...] | None:
        self.asked.append(f"files {live.key.name}")
        if isinstance(self.archive, Exception):
            raise self.archive
        return self.archive

    async def explain(self, receipt: CallResult) -> Failure:
        return self.failure

    async def log_page(self, receipt: CallResult, token: str | None) -> LogPage:
        self.tokens.append(token)
        page = self.pages.pop(0)
        if isinstance(page, PeakctlError):
            raise page
        return page

    async def outputs(self, receipt: CallResult) -> Tree:
        self.asked.append(f"outputs {receipt.id}")
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


@dataclass
class Lab:
    """Every kind with its shelf; plan and apply over them."""

    kinds: dict[str, Kind]
    shelves: dict[str, Shelf]
    clock: FakeClock = field(default_factory=lambda: FakeClock(1000.0))
    stop: Stop = field(default_factory=Stop)
    events: list[Event] = field(default_factory=list)
    tails: bool = False
    usual: dict[Key, int] | None = None
    packs: Packs | None = None

    manifest = staticmethod(manifest)
    problem = staticmethod(problem)
    listed = staticmethod(Listed)
    fault = staticmethod(Fault)

    def resources(self, *documents: Any, digest: str = "sha256:new") -> dict[Key, Resource]:
        found, problems = read_resources(
            [_document(value) for value in documents],
            self.kinds,
            project_root=FilePath("/project"),
            pack=lambda found, _: [Archive(digest, 1, lambda: b"zip")] * len(found),
        )
        assert [p for p in problems if p.severity == "error"] == []
        return {resource.key: resource for resource in found}

    def observe(self, resources: Mapping[Key, Resource]) -> LiveState:
        return asyncio.run(observe(resources, self.kinds, self.shelves))

    def plan(self, *documents: Any, retry_failed: bool = False) -> Planned:
        resources = self.resources(*documents)
        world = self.observe(resources)
        return make_plan(resources, world, self.kinds, retry_failed=retry_failed)

    def shown(self, *documents: Any) -> dict[Key, Action]:
        """The actions of a plan with what they change in manifest form."""
        resources = self.resources(*documents)
        world = self.observe(resources)
        plan = make_plan(resources, world, self.kinds).plan
        named = partial(Names, plan.actions, world, self.kinds)
        shown, _ = asyncio.run(show_with_versions(plan, self.kinds, named, self.shelves, {}))
        return {action.key: action for action in shown.actions}

    def steps(self, *documents: Any, retry_failed: bool = False) -> list[str]:
        """The steps of the last action."""
        planned = self.plan(*documents, retry_failed=retry_failed)
        assert planned.diagnostics == ()
        return [str(step) for step in planned.plan.actions[-1].steps]

    def apply(self, plan: Plan, **limits: Any) -> tuple[Outcome, ...]:
        return asyncio.run(self.applying(plan, **limits))

    def applying(self, plan: Plan, **limits: Any) -> Any:
        """The coroutine of an apply."""
        return apply(
            plan,
            self.kinds,
            self.shelves,
            clock=self.clock,
            emit=self.events.append,
            limits=WaitLimits(**limits),
            stop=self.stop,
            tails=self.tails,
            usual=self.usual,
            packs=self.packs,
        )

    def run(self, *documents: Any) -> tuple[Outcome, ...]:
        planned = self.plan(*documents)
        assert planned.diagnostics == ()
        return self.apply(planned.plan)

    def __getattr__(self, name: str) -> Shelf:
        return self.shelves[name]

    def __getitem__(self, name: str) -> Shelf:
        return self.shelves[name]


def _document(value: Any) -> Document:
    return Document(value, "m.yaml", "/project", lambda path: Location("m.yaml", len(path) + 1, 1))


@pytest.fixture
def lab() -> Lab:
    kinds = {**load_kinds(), "InstanceType": lookup_kind("InstanceType")}
    return Lab(kinds, {name: Shelf(name) for name in kinds})


@pytest.fixture
def kinds() -> Mapping[str, Kind]:
    return load_kinds()


@pytest.fixture
def differences(kinds: Mapping[str, Kind]) -> Callable[..., Any]:
    """`compare` of two specs of a kind, as `{path: (before, after)}`; `reasons` are the skipped."""
    from peakctl.engine.diff.compare import compare
    from peakctl.model import dotted

    def tell(kind: str, desired: Any, live: Any, *, reasons: bool = False, **more: Any) -> Any:
        sides = [
            {"metadata": {"name": "x", **side.pop("metadata", {})}, "spec": side}
            for side in (dict(desired), dict(live))
        ]
        found = compare(kinds[kind], sides[0], sides[1], **more)
        if reasons:
            return {dotted(s.path): s.reason for s in found.skipped}
        return {dotted(c.path): (c.before, c.after) for c in found.changes}

    return tell
