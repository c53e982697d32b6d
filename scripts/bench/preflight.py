"""How many refusals of the platform a plan predicts, and how many of its predictions are false.

Each case is planned, then applied without the preflight: what the emulator then refuses is what a
plan should have told. Half of the cases look like the others and are refused nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
from chaos.clock import FakeClock

from peakctl import APPROVE_ALL, PeakctlError, PlanOptions, Project, apply, plan
from peakctl.emulator import Emulator, Options, emulator_transport
from peakctl.emulator import tenants as emulated_tenants
from peakctl.emulator.faults import read_faults
from peakctl.operations import platform, preflight, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from peakctl.model import JsonDict

PROJECT = "project: %s\nenvironments: {local: {emulator: true}}\ndefaultEnvironment: local\n"
URL = "https://example.com"
WORKFLOWS = "/service/workflows/api/v1/workflows/"
WEBAPPS = "/service/webapps/api/v1/webapps/"
IMAGES = "/service/image-management/api/v2/images/"


def document(kind: str, name: str, spec: JsonDict, **metadata: object) -> JsonDict:
    return {
        "apiVersion": "peakctl/v1",
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


def image(name: str = "base") -> JsonDict:
    details = {"source": "dockerfile", "dockerfile": "FROM python:3.12"}
    return document("Image", name, {"type": "api", "buildDetails": details})


def service(name: str = "api", **spec: object) -> JsonDict:
    machine = {"instanceType": "Micro (0.5CPU, 1GB RAM)"}
    return document(
        "Service", name, {"imageDetails": {"name": "base"}, "resources": machine, **spec}
    )


def flow(name: str = "flow", word: str = "a") -> JsonDict:
    step = {"type": "http", "method": "get", "url": f"{URL}/{word}"}
    return document("Workflow", name, {"steps": {"a": step}})


def block(name: str = "block") -> JsonDict:
    step = {"type": "http", "method": "get", "url": URL}
    spec = {"kind": "workflow", "config": {"steps": {"a": step}}}
    return document("BlockSpec", name, spec, summary="One")


def app(name: str = "app") -> JsonDict:
    return document("AppSpec", name, {"config": [{"name": "block"}]}, summary="One")


def deployed(name: str = "live", **spec: object) -> JsonDict:
    return document("Deployment", name, spec or {"blockSpec": {"name": "block"}})


@dataclass(frozen=True, slots=True)
class Case:
    """What is live of this project and of another one, what happens, and what is then planned."""

    name: str
    now: tuple[JsonDict, ...]
    before: tuple[JsonDict, ...] = ()
    others: tuple[JsonDict, ...] = ()
    happens: Callable[[Bench], None] = lambda _: None
    permissions: JsonDict | None = None
    prune: bool = False


class Bench:
    """An emulator with two projects, on a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.emulator = Emulator(clock=self.clock.now, options=Options(provided_images=True))
        self._close = self.emulator.close
        self.emulator.close = lambda: None  # type: ignore[method-assign]  # commands close theirs

    def close(self) -> None:
        self._close()

    def write(self, name: str, documents: tuple[JsonDict, ...]) -> Project:
        root = self.folder / name
        (root / "manifests").mkdir(parents=True, exist_ok=True)
        (root / "peakctl.yaml").write_text(PROJECT % name)
        text = "\n---\n".join(json.dumps(each) for each in documents)
        (root / "manifests" / "all.yaml").write_text(text)
        return Project.open(root)

    def apply(self, name: str, documents: tuple[JsonDict, ...], **options: bool) -> None:
        wanted = PlanOptions(prune_history=options.get("prune", False), **options)
        apply(self.write(name, documents), APPROVE_ALL, planning=wanted)

    def send(self, method: str, path: str, body: object = None) -> Any:
        """Somebody else's request."""

        async def do() -> Any:
            async with httpx.AsyncClient(
                transport=emulator_transport(self.emulator),
                base_url="http://emulator",
                headers={"Authorization": "any"},
            ) as client:
                answer = await client.request(method, path, json=body)
            answer.raise_for_status()
            return answer.json()

        return asyncio.run(do())

    def webapp(self, name: str) -> None:
        """A webapp that somebody made in the console."""
        images = self.send("GET", f"{IMAGES}?pageSize=100")["images"]
        mine = next(each["id"] for each in images if each["name"] == "base")
        machine = {"instanceTypeId": 46}
        details = {"imageId": mine}
        body = {"name": name, "imageDetails": details, "resources": machine}
        self.send("POST", WEBAPPS, body)

    def runs(self) -> None:
        """The first workflow runs, for a long time."""
        self.send("POST", f"{WORKFLOWS}1/execute", {})


def forbidden(path: str) -> Callable[[Bench], None]:
    """From then on writes to a path are refused with 403."""

    def forbid(bench: Bench) -> None:
        rule = {"path": path, "action": "status", "status": 403, "times": 999}
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            bench.emulator.faults += read_faults({"method": method, **rule})

    return forbid


def may(feature: str, *actions: str) -> JsonDict:
    return {"PLATFORM": {feature: {"actions": list(actions)}}}


def machine(number: int) -> JsonDict:
    return {"instanceTypeId": number}


GONE = {"prune": True}
CASES = (
    Case("a machine by an id that is not there", (image(), service(resources=machine(99999)))),
    Case("a machine by an id that is there", (image(), service(resources=machine(46)))),
    Case(
        "a name that a webapp has",
        (image(), service()), (image(),), happens=lambda bench: bench.webapp("api"),
    ),
    Case(
        "a name near that of a webapp",
        (image(), service()), (image(),), happens=lambda bench: bench.webapp("apis"),
    ),
    Case(
        "a block with the name of an app",
        (block("mine"), deployed(blockSpec={"name": "mine"})),
        others=(block(), app(), deployed(appSpec={"name": "app"})),
    ),
    Case(
        "a block beside an app of another name",
        (block("mine"), deployed("more", blockSpec={"name": "mine"})),
        others=(block(), app(), deployed(appSpec={"name": "app"})),
    ),
    Case("the delete of an image in use", (flow(),), (image(), flow()), (service(),), prune=True),
    Case("the delete of an image without users", (flow(),), (image(), flow()), prune=True),
    Case("the delete of an image and its user", (flow(),), (image(), service(), flow()), **GONE),
    Case("the delete of a deployed spec", (flow(),), (block(), flow()), (deployed(),), **GONE),
    Case("the delete of a spec and its users", (flow(),), (block(), deployed(), flow()), **GONE),
    Case("the delete of a spec that an app has", (flow(),), (block(), flow()), (app(),), **GONE),
    Case("a change of a running workflow", (flow(word="b"),), (flow(),), happens=Bench.runs),
    Case("a change beside a running one", (flow(), flow("more")), (flow(),), happens=Bench.runs),
    Case(
        "a token that may only read it",
        (flow(),), happens=forbidden("/workflows/"), permissions=may("WORKFLOWS", "read"),
    ),
    Case("a token that may write it", (flow(),), permissions=may("WORKFLOWS", "write")),
    Case("a token that may only read another", (flow(),), permissions=may("IMAGES", "read")),
    Case(
        "a token that may not, and no feature says so",
        (flow(),), happens=forbidden("/workflows/"), permissions=may("PRICING", "read"),
    ),
    Case(
        "an image version by an id that is not there",
        (image(), service(imageDetails={"imageId": 1, "versionId": 99999})), (image(),),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one case: told by the plan, by whatever message, and refused by the platform."""

    name: str
    predicted: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def word(self) -> str:
        """What the prediction was worth."""
        if self.refused:
            return "hit" if self.predicted else "missed"
        return "FALSE" if self.predicted else "quiet"


def measure() -> Iterator[Found]:
    """Every case, each with a tenant of its own."""
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            bench = Bench(Path(folder))
            stack.callback(bench.close)
            for each in _patches(bench):
                stack.enter_context(each)
            yield _play(case, bench)


def _patches(bench: Bench) -> Iterator[contextlib.AbstractContextManager[object]]:
    """What sends every run of peakctl to the emulator and the clock of the bench."""
    clock, emulator = bench.clock, bench.emulator
    yield patch.object(platform, "open_emulator", lambda *_, **__: emulator)
    yield patch.object(project.SystemClock, "now", lambda _: clock.now())
    yield patch.object(project.SystemClock, "sleep", lambda _, seconds: clock.sleep(seconds))


def _play(case: Case, bench: Bench) -> Found:
    if case.before:
        bench.apply("mine", case.before)
    if case.others:
        bench.apply("others", case.others)
    case.happens(bench)
    permissions = case.permissions or emulated_tenants.PERMISSIONS
    with patch.object(emulated_tenants, "PERMISSIONS", permissions):
        mine = bench.write("mine", case.now)
        try:
            found = plan(mine, PlanOptions(prune=case.prune, prune_history=case.prune))
            codes = [each.code for each in found.diagnostics]
        except PeakctlError as error:
            codes = [each.code for each in error.diagnostics]
        told = tuple(code for code in codes if code.startswith(("preflight/", "manifest/")))
        before = len(bench.emulator.requests)
        _apply_blindly(case, bench)
    writes = (each for each in bench.emulator.requests[before:] if each.method != "GET")
    refused = (f"{w.method} {w.status}" for w in writes if 400 <= w.status < 500)
    unread = "preflight/unread"
    return Found(case.name, tuple(c for c in told if c != unread), tuple(dict.fromkeys(refused)))


def _apply_blindly(case: Case, bench: Bench) -> None:
    """An apply without the preflight; it may end in an error, which is what is looked for."""

    async def nothing(*_: object) -> tuple[()]:
        return ()

    with patch.object(preflight, "find_refusals", nothing), contextlib.suppress(PeakctlError):
        bench.apply("mine", case.now, prune=case.prune)


def show_preflight() -> bool:
    """Print each case, and the share that was predicted; whether no prediction was false."""
    found = list(measure())
    for each in found:
        words = ", ".join((*each.predicted, *each.refused)) or "nothing"
        print(f"{each.word:<7} {each.name}: {words}")
    words = [each.word for each in found]
    refusals = words.count("hit") + words.count("missed")
    share = words.count("hit") / refusals
    print(f"refusals predicted: {words.count('hit')} of {refusals} ({share:.0%})", end="; ")
    print(f"false alarms: {words.count('FALSE')} of {len(words) - refusals}")
    return "FALSE" not in words


if __name__ == "__main__":
    show_preflight()
