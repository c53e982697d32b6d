"""Which resources may lose versions, in which order reasons are asked, and who uses what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from peakctl.engine.gc import GcLimits, KeptFor, choose_resources, judge_versions
from peakctl.engine.observe.version_uses import (
    OF_PARAMETERS,
    VersionUses,
    observe_users,
    observe_version_uses,
    uses_of_manifests,
)
from peakctl.errors import ApiError, Diagnostic
from peakctl.kinds.schemas import load_kinds
from peakctl.model import (
    KeptVersion,
    Key,
    Ledger,
    Listed,
    Live,
    LiveId,
    Owned,
    Owner,
    State,
)
from peakctl.model.resources import Edit

KINDS = load_kinds()
BUILT = {"type": "workflow", "buildDetails": {"source": "dockerfile", "dockerfile": "FROM a"}}
US, THEM = Owner("shop", "prod"), Owner("other", "prod")
BASE = Key("Image", "base")
IMAGE = LiveId.of("Image", 1)


def kept(*versions: KeptVersion, keep: int = 1, older_than: float | None = None) -> list[Any]:
    limits = GcLimits(keep, older_than)
    found = judge_versions(versions, limits, latest=(), users=lambda _: (), now=100.0)
    return [each.kept for each in found]


def version(number: str, **more: Any) -> KeptVersion:
    return KeptVersion(number, **more)


def test_reasons_are_asked_in_their_order() -> None:
    assert kept(
        version("1.0.9", state=State.FAILED),
        version("1.1.0", state=State.FAILED),
        version("1.0.8"),
        version("1.0.7", state=State.PENDING),
        version("1.0.6", status="in-use"),
        version("1.0.5"),
    ) == [KeptFor.NEWEST, KeptFor.NUMBER, KeptFor.READY, KeptFor.BUSY, KeptFor.IN_USE, None]


def test_an_age_that_is_unknown_keeps() -> None:
    old, young = version("2", made=Edit(10.0)), version("1", made=Edit(95.0))
    unknown = version("0", made=Edit(None))
    assert kept(version("4"), version("3"), old, young, unknown, older_than=10.0) == [
        KeptFor.NEWEST,
        KeptFor.AGE,
        None,
        KeptFor.YOUNG,
        KeptFor.AGE,
    ]


def test_numbers_that_cannot_be_compared_keep() -> None:
    assert kept(version("1.0.0"), version("7"), version("old"), version("0.9.0")) == [
        KeptFor.NEWEST,
        KeptFor.NUMBER,
        KeptFor.NUMBER,
        None,
    ]


def test_nothing_is_judged_of_nothing() -> None:
    assert kept() == []


def owned(key: Key = BASE, id_: int = 1, **more: Any) -> Owned:
    return Owned(key, id_, **more)


@pytest.mark.parametrize(
    ("entry", "listed", "words"),
    [
        (owned(protect=True), Listed(1, "base"), "it is protected"),
        (owned(claimed=True), Listed(1, "base"), "`ledger rebuild` added it"),
        (owned(), Listed(2, "base"), "it is not on the platform any more"),
        (owned(), Listed(1, "base", ours=False), "it is part of the platform"),
        (owned(), Listed(1, "other"), 'it has another name now: "other"'),
        (owned(), Listed(1, "peakctl-ledger-a-b"), "it is a ledger"),
    ],
)
def test_what_is_not_surely_ours_is_left_alone(entry: Owned, listed: Listed, words: str) -> None:
    ledger = Ledger(US, "salt", owned={entry.key: entry})
    chosen, (note,) = choose_resources(ledger, (), {}, {"Image": [listed]}, KINDS)
    assert chosen == {}
    assert (note.code, note.key) == ("gc/left", BASE)
    assert words in note.summary


def test_what_another_project_owns_too_is_left_alone() -> None:
    ours, theirs = (Ledger(o, "salt", owned={BASE: owned()}) for o in (US, THEM))
    chosen, (note,) = choose_resources(ours, [theirs], {}, {"Image": [Listed(1, "base")]}, KINDS)
    assert chosen == {}
    assert "other/prod owns it too" in note.summary


def test_kinds_that_were_not_asked_for_are_not_looked_at(lab: Any) -> None:
    flow, odd = Key("Workflow", "w"), Key("Nothing", "n")
    ledger = Ledger(US, "salt", owned={BASE: owned(), flow: owned(flow), odd: owned(odd)})
    listed = {"Image": [Listed("1", "base")], "Nothing": [Listed(1, "n")]}
    chosen, notes = choose_resources(ledger, (), {}, listed, KINDS)
    assert (list(chosen), notes) == ([BASE], ())


def test_what_a_manifest_protects_is_left_alone(lab: Any) -> None:
    resources = lab.resources(lab.manifest("Image", "base", BUILT, lifecycle={"protect": True}))
    ledger = Ledger(US, "salt", owned={BASE: owned()})
    chosen, (note,) = choose_resources(ledger, (), resources, {"Image": [Listed(1, "base")]}, KINDS)
    assert chosen == {}
    assert "it is protected" in note.summary


# --- who uses what -------------------------------------------------------------------------------


@dataclass
class Reads:
    """An adapter of one kind over lives, each with its versions."""

    kind: str
    lives: dict[str, list[Live]] = field(default_factory=dict)
    numbered: str = ""
    makes: tuple[str, ...] = ()
    gone: frozenset[str] = frozenset()
    error: ApiError | None = None

    async def index(self, resources: Any = ()) -> tuple[Listed, ...]:
        return tuple(Listed(name, name) for name in self.lives)

    async def read(self, listed: Listed, resource: Any) -> Live | None:
        if self.error:
            raise self.error
        return None if listed.name in self.gone else self.lives[listed.name][0]

    async def versions(self, listed: Listed) -> tuple[KeptVersion, ...]:
        return tuple(KeptVersion(str(live.version)) for live in self.lives[listed.name])

    async def read_version(self, listed: Listed, number: str) -> Live | None:
        if number in self.gone:
            return None
        return next(live for live in self.lives[listed.name] if live.version == number)


def world(**lives: Any) -> dict[str, Any]:
    """An adapter for each kind; block specs and deployments have releases and revisions."""
    found: dict[str, Any] = {name: Reads(name) for name in KINDS}
    found["BlockSpec"] = Reads("BlockSpec", numbered="release", makes=("Artifact",))
    found["Deployment"] = Reads("Deployment", numbered="revision")
    found["Image"] = Reads("Image", numbered="version")
    for kind, each in lives.items():
        for live in each:
            found[kind].lives.setdefault(live.key.name, []).append(live)
    return found


def live(kind: str, name: str, spec: Any, **more: Any) -> Live:
    return Live(Key(kind, name), name, {"metadata": {"name": name}, "spec": spec}, **more)


def flow(name: str, **ids: Any) -> Live:
    return live("Workflow", name, {"steps": {"a": {"type": "standard", **ids}}})


def block(name: str, number: str, details: Any, **more: Any) -> Live:
    spec = {"kind": "workflow", "config": {"steps": {"a": {"imageDetails": details}}}}
    return live("BlockSpec", name, {**spec, **more.pop("spec", {})}, version=number, **more)


def look(adapters: Any, *wanted: str) -> VersionUses:
    return asyncio.run(observe_version_uses(wanted or ("Image",), KINDS, adapters))


def used(uses: VersionUses, id_: Any, number: str = "0.0.1") -> tuple[str, ...]:
    return uses.of(IMAGE, KeptVersion(number, id_))


def test_workflows_and_every_release_use_versions() -> None:
    found = look(
        world(
            Workflow=[flow("w", imageId=1, imageVersionId=5), flow("other", imageId=2)],
            BlockSpec=[
                block("b", "1.0.0", {"id": 1, "versionId": 5}),
                block("b", "1.1.0", {"id": 1, "versionId": 6}),
            ],
        )
    )
    assert used(found, 5) == ("BlockSpec/b@1.0.0", "Workflow/w")
    assert used(found, "6") == ("BlockSpec/b@1.1.0",)
    assert used(found, 7) == used(found, None) == ()


def test_a_release_holds_the_version_of_an_artifact() -> None:
    held = {"archive": {"id": "a-1", "version": 3}, "artifact": "a-1"}
    adapters = world(BlockSpec=[block("b", "1.0.0", {}, private=held)])
    found = look(adapters, "Artifact")
    assert found.of(LiveId.of("Artifact", "a-1"), KeptVersion("3")) == ("BlockSpec/b@1.0.0",)


def test_users_are_those_of_one_resource_alone() -> None:
    held = {"archive": {"id": "a-1", "version": 3}}
    adapters = world(
        Workflow=[flow("w", imageId=1, imageVersionId=5), flow("other", imageId=2)],
        BlockSpec=[block("b", "1.0.0", {"id": 1}, private=held)],
    )

    def users(target: LiveId) -> dict[str, set[str]]:
        found = asyncio.run(observe_users(target, KINDS, adapters))
        return {str(live.key): set(versions) for live, versions in found}

    assert users(IMAGE) == {"Workflow/w": {"5"}, "BlockSpec/b": set()}
    assert users(LiveId.of("Artifact", "a-1")) == {"BlockSpec/b": {"3"}}
    assert users(LiveId.of("Workflow", 9)) == {}


def test_what_is_gone_meanwhile_uses_nothing_and_what_cannot_be_read_ends_it() -> None:
    adapters = world(Workflow=[flow("w", imageId=1, imageVersionId=5)])
    adapters["Workflow"].gone = frozenset({"w"})
    assert used(look(adapters), 5) == ()
    adapters["Workflow"].error = ApiError(Diagnostic("api/server", "down"), status=503)
    with pytest.raises(ApiError):
        look(adapters)


@pytest.mark.parametrize("details", [{"id": 1, "versionId": "@param:v"}, {"id": "@param:v"}])
def test_parameters_may_name_a_version(details: Any) -> None:
    default = {"parameters": {"build": [{"name": "v", "defaultValue": "8"}]}}
    adapters = world(
        BlockSpec=[block("b", "1.0.0", details, spec=default)],
        Deployment=[
            live("Deployment", "d", {"parameters": {"build": {"v": 6}}}, version="1"),
            live("Deployment", "d", {"parameters": {"build": {"v": 7}}}, version="2"),
        ],
    )
    found = look(adapters)
    assert used(found, 5) == ()
    assert used(found, 6) == used(found, 7) == used(found, 8) == (OF_PARAMETERS,)
    assert not found.is_hidden


def test_a_hidden_parameter_may_name_any_version() -> None:
    hidden = frozenset({("spec", "parameters", "build", "v")})
    spec = {"parameters": {"build": {"v": "***"}}}
    adapters = world(
        BlockSpec=[block("b", "1.0.0", {"id": 1, "versionId": "@param:v"})],
        Deployment=[live("Deployment", "d", spec, version="1", hidden=hidden)],
    )
    assert used(look(adapters), 5) == (OF_PARAMETERS,)


def test_manifests_use_what_they_name(lab: Any) -> None:
    step = {"imageDetails": {"name": "base", "version": "1.2.0"}, "command": "true"}
    other = {"imageDetails": {"name": "else", "version": "1.2.0"}, "command": "true"}
    by_id = {"imageId": 1, "imageVersionId": 9, "command": "true"}
    resources = lab.resources(
        lab.manifest("Image", "base", {**BUILT, "version": "1.3.0"}),
        lab.manifest("Workflow", "w", {"steps": {"a": step, "b": other}}),
        lab.manifest("Workflow", "v", {"steps": {"a": by_id}}),
        lab.manifest("Workflow", "u", {"steps": {"a": {**step, "imageDetails": {"name": "base"}}}}),
    )
    found = uses_of_manifests(resources, KINDS, {BASE: IMAGE})
    assert [user.partition(" ")[0] for user in used(found, None, "1.2.0")] == ["Workflow/w"]
    assert [user.partition(" ")[0] for user in used(found, None, "1.3.0")] == ["Image/base"]
    assert [user.partition(" ")[0] for user in used(found, 9)] == ["Workflow/v"]
