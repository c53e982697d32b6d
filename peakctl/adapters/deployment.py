"""Deployments of blocks and of apps: one kind, two routes (docs/platform.md, 2.6 and 3.5)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from urllib.parse import quote

from peakctl.adapters.answers import edit_of, manifest, metadata_of, name_of, pick, require, spec_of
from peakctl.adapters.failures import explain_deployment
from peakctl.adapters.hidden import SPEC_FIELDS, Releases
from peakctl.adapters.parts import outputs_of_parts
from peakctl.adapters.requests import carried, changed, live_of, stated
from peakctl.adapters.rest import ODD, Call, Rest
from peakctl.adapters.specs import METADATA
from peakctl.model import (
    CallRequest,
    CallResult,
    Failure,
    KeptVersion,
    Readiness,
    Step,
    mapping_at,
    value_at,
)
from peakctl.model.resources import Listed, Live, LiveId, Resource, State
from peakctl.model.values import EMPTY, MISSING, JsonDict, JsonObject, Key, Path, Tree

FAMILIES = ("apps", "blocks")
RUN_VERSION = {"blocks": "v1", "apps": "v2"}


class Adapter(Rest):
    """`Listed.item["family"]` is the route of the thing: `blocks` or `apps`.

    Two requests to read a block, one when nothing gives it values; for an app one more. Where a
    value is shown, the deployed release is read too: it says what is hidden.
    """

    path = "press/v1/"
    items = ("deployments",)
    search = "name"
    numbered = "revision"
    makes = ("Workflow", "Service", "Webapp")
    lists_status = True

    @cached_property
    def _releases(self) -> Releases:
        return Releases(self.get)

    def calls(self) -> dict[Step, Call]:
        return {
            **super().calls(),
            Step.CREATE: self._create,
            Step.CREATE_REVISION: self._create_revision,
            Step.PATCH_PARAMETERS: self._patch_parameters,
            Step.UPDATE_METADATA: self._update_metadata,
            Step.REDEPLOY: self._redeploy,
        }

    async def index(self, resources: Sequence[Resource] = ()) -> tuple[Listed, ...]:
        """Both listings, or only those that the resources can be in."""
        own = {family_of(r.values) for r in resources if r.key.kind == self.kind.name}
        return await self._list(sorted(own) or FAMILIES)

    async def list_all(self, narrow: Sequence[tuple[str, str]] = ()) -> tuple[Listed, ...]:
        return await self._list(FAMILIES, narrow)

    async def _list(
        self, families: Sequence[str], narrow: Sequence[tuple[str, str]] = ()
    ) -> tuple[Listed, ...]:
        found = await asyncio.gather(
            *(self.api.pages(self._route(f), self.items, narrow) for f in families)
        )
        return tuple(
            self.listed({**item, "family": family})
            for family, items in zip(families, found, strict=True)
            for item in items
        )

    async def first_page(self) -> tuple[tuple[Listed, ...], bool]:
        found = await asyncio.gather(
            *(self.api.first_page(self._route(f), self.items) for f in FAMILIES)
        )
        listed = tuple(
            self.listed({**item, "family": family})
            for family, (items, _) in zip(FAMILIES, found, strict=True)
            for item in items
        )
        return listed, all(is_all for _, is_all in found)

    async def look_up(self, id: str | int, values: Tree) -> Listed | None:  # noqa: A002
        """One request when `values` name the family and it is there; else both routes are asked."""
        known = [f for f in FAMILIES if SPEC_FIELDS[f] in spec_of(values)]
        for family in dict.fromkeys((*known, *FAMILIES)):
            answer = await self.get(self._route(family, id))
            if answer is not None:
                return self.described(id, {**answer, "family": family})
        return None

    def _route(self, family: str, *rest: str | int) -> str:
        return self.at(family, "deployments", *rest) + ("" if rest else "/")

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        family = str(listed.item["family"])
        route = self._route(family, listed.id)
        described, run = await asyncio.gather(self.get(route), self._run(listed.id, resource))
        if described is None:
            return None
        number = revision_of(described)
        revision: JsonObject | None = None
        if described.get("parameters") is None and number is not None:
            revision = await self.get(f"{route}/revisions/{number}")
        word = self.status(described)
        values = deployment_values(family, described, revision or {}, run)
        return Live(
            key=self.key(listed, resource),
            id=listed.id,
            values=values,
            status=word,
            state=self.classify(word).state,
            version=release_of(values),
            latest=None if number is None else str(number),
            attributes={"id": listed.id},
            private={"family": family, "revision": number, "resources": parts_of(described)},
            foreign=owner_of(described),
            parts=made_by(described),
            hidden=await self._releases.hidden(family, values),
            edited=edit_of(revision, described.get("latestRevision")),
            facts=self.facts_in(described),
        )

    async def versions(self, listed: Listed) -> tuple[KeptVersion, ...]:
        """Its revisions, by their numbers; each has the id by which the platform names it."""
        route = self._route(str(listed.item["family"]), listed.id, "revisions")
        found = await self.listed_below(route, "revisions")
        known = (each for each in found if isinstance(each.get("revision"), int))
        return tuple(self._kept(e) for e in sorted(known, key=lambda each: -each["revision"]))

    def _kept(self, revision: JsonObject) -> KeptVersion:
        reading = self.classify(str(revision.get("status") or ""))
        number, notes = str(revision["revision"]), str(revision.get("notes") or "")
        made = edit_of(revision)
        return KeptVersion(number, revision.get("id"), reading.state, reading.status, made, notes)

    async def read_version(self, listed: Listed, number: str) -> Live | None:
        """As the revision had it: release and parameters; what is hidden, by that release."""
        family = str(listed.item["family"])
        route = self._route(family, listed.id)
        described, revision = await asyncio.gather(
            self.get(route), self.get(f"{route}/revisions/{quote(number, safe='')}")
        )
        if described is None or revision is None:
            return None
        revision = {name: each for name, each in revision.items() if name != "latestRevision"}
        values = deployment_values(
            family, pick(described, "metadata"), {**revision, **_spec_of(described, revision)}, None
        )
        return Live(
            key=self.key(listed, None),
            id=listed.id,
            values=values,
            status=str(revision.get("status") or ""),
            version=release_of(values),
            latest=None if (last := revision_of(described)) is None else str(last),
            attributes={"id": listed.id},
            private={"family": family, "revision": revision.get("revision", number)},
            foreign=owner_of(described),
            hidden=await self._releases.hidden(family, values),
            edited=edit_of(revision),
        )

    async def makers(self, lives: Sequence[Live], read: Sequence[Live]) -> Mapping[LiveId, Key]:
        """One listing, and one request for each deployment of a block that may have made one.

        Blocks of apps are in that listing, too; what a deployment has made is known by name.
        """
        known = {str(each.id) for each in read}
        kinds = {live.key.kind for live in lives}
        asked = [
            item
            for item in await self._list(("blocks",))
            if str(item.id) not in known and kinds & {*kinds_made(item.item)}
        ]
        found = await asyncio.gather(*(self.get(self._route("blocks", i.id)) for i in asked))
        makers = {part: each.key for each in read for part in each.parts}
        for item, described in zip(asked, found, strict=True):
            parts = made_by(described or {})
            makers |= dict.fromkeys(parts, Key(self.kind.name, item.name))
        named = ((live, Key(live.key.kind, name_of(live))) for live in lives)
        return {live.live_id: makers[key] for live, key in named if key in makers}

    async def hidden_in(self, live: Live, maker: Key) -> frozenset[Path]:
        """By the release that is deployed: three requests, of which two are asked for once."""
        found = [item for item in await self._list(("blocks",)) if item.name == maker.name]
        places: set[Path] = set()
        for item in found or [Listed("", "", {})]:
            values = deployment_values("blocks", await self._described(item), {}, None)
            named = mapping_at(values, ("spec", "blockSpec"))
            places |= await self._releases.hidden_in_part(named, live.values)
        return frozenset(places)

    async def _described(self, item: Listed) -> Tree:
        answer = await self.get(self._route("blocks", item.id)) if item.name else None
        return answer or {}

    async def _run(self, id_: str | int, resource: Resource | None) -> JsonObject | None:
        """The run values in force, which revisions do not return; None where they cannot be had."""
        if resource is not None and not declares_values(resource.values):
            return None
        return await self.get(f"press/v1/deployments/{self._quoted(id_)}/parameters/run")

    def _quoted(self, id_: str | int) -> str:
        return self.at(id_).removeprefix(self.path)

    async def _create(self, request: CallRequest) -> CallResult:
        family, body = family_of(request.desired), create_body(request.desired)
        answer = await self.api.send("POST", self._route(family), json=body)
        return self._result(request, require(answer, "id"), family, 1)

    async def _create_revision(self, request: CallRequest) -> CallResult:
        return await self._revise(request, "revisions", revision_body(request))

    async def _redeploy(self, request: CallRequest) -> CallResult:
        return await self._revise(request, "redeploy", {})

    async def _revise(self, request: CallRequest, word: str, body: JsonObject) -> CallResult:
        live = live_of(request)
        family = str(live.private["family"])
        answer = await self.api.send("POST", self._route(family, live.id, word), json=body)
        number = answer.get("revision") if isinstance(answer, dict) else None
        if number is None and request.step is Step.CREATE_REVISION:
            number = _next(live.private.get("revision"))
        return self._result(request, live.id, family, number)

    async def _patch_parameters(self, request: CallRequest) -> CallResult:
        """Run values without a revision. A 404 or 405 of the newer call, for apps, is raised:

        the platform may not have it, and a revision with all values does the same.
        """
        live = live_of(request)
        family = str(live.private["family"])
        path = f"press/{RUN_VERSION[family]}/deployments/{self._quoted(live.id)}/parameters/run"
        await self.api.send("PATCH", path, json=patch_body(request, family))
        return CallResult(request.key, live.id, {"id": live.id})

    async def _update_metadata(self, request: CallRequest) -> CallResult:
        live = live_of(request)
        route = self._route(str(live.private["family"]), live.id)
        await self.api.send("PATCH", route, json=changed(self.kind, request, "metadata"))
        return CallResult(request.key, live.id, {"id": live.id})

    async def delete(self, request: CallRequest) -> CallResult:
        live = live_of(request)
        return await self.delete_at(request, self._route(str(live.private["family"]), live.id))

    async def told(self, answer: JsonObject) -> Tree:
        """The outputs of what it has made: a request or two for each. What is odd there is left."""
        with contextlib.suppress(*ODD):
            return await outputs_of_parts(self.api, answer)
        return EMPTY

    async def explain(self, result: CallResult) -> Failure:
        """One request for the deployment, and one or two for each of its parts."""
        watch = result.watch or {}
        described = None if watch.get("gone") else await self.get(str(watch.get("path")))
        if described is None:
            return Failure()
        number = watch.get("revision") or revision_of(described)
        what = f"revision {number}" if number is not None else ""
        return await explain_deployment(self.api, described, what)

    def _result(
        self, request: CallRequest, id_: str | int, family: str, number: int | None
    ) -> CallResult:
        watch = self.watch(id_, {"family": family, "revision": number})
        made = None if number is None else str(number)
        return CallResult(request.key, id_, {"id": id_}, watch, number=made)

    def watch(self, id: str | int, private: JsonObject) -> JsonObject | None:  # noqa: A002
        route = self._route(str(private["family"]), id)
        return {"path": route, "revision": private.get("revision")}

    def collection(self, watch: JsonObject) -> str:
        return str(watch["path"]).rpartition("/")[0] + "/"

    def status(self, answer: JsonObject) -> str:
        latest = answer.get("latestRevision") or {}
        return str((answer.get("metadata") or {}).get("status") or latest.get("status") or "")

    def readiness(self, answer: JsonObject, watch: JsonObject) -> Readiness:
        """Of the very revision: an older answer is pending, a newer revision has replaced it."""
        number, own = revision_of(answer), watch.get("revision")
        if number is not None and own is not None and number != own:
            if number < own:
                waited = f"revision {own} is not there yet"
                return Readiness(State.PENDING, self.status(answer), waited)
            return Readiness(
                State.FAILED, "superseded", f"revision {number} has replaced revision {own}"
            )
        word = str((answer.get("latestRevision") or {}).get("status") or "")
        revision = self.classify(word)
        return revision if revision.state is State.PENDING else self.classify(self.status(answer))


def _next(revision: object) -> int | None:
    """The revision after `revision`: they count up (docs/platform.md, 3.5)."""
    return revision + 1 if isinstance(revision, int) else None


KINDS_OF_PARTS = {
    "workflow": ("Workflow",),
    **dict.fromkeys(("service", "webapp", "web-app"), ("Service", "Webapp")),
}
VALUES = ("parameters", "appParameters")


def family_of(values: Tree) -> str:
    """The route that a manifest's deployment is on."""
    return "blocks" if "blockSpec" in spec_of(values) else "apps"


def declares_values(values: Tree) -> bool:
    """Whether a manifest gives values to parameters."""
    return any(spec_of(values).get(name) for name in VALUES)


def revision_of(described: JsonObject) -> int | None:
    """The number of the latest revision."""
    number = (described.get("latestRevision") or {}).get("revision")
    return number if isinstance(number, int) else None


def _spec_of(described: JsonObject, revision: JsonObject) -> JsonDict:
    """The spec and release of a revision: no revision changes the spec."""
    of_revision = revision.get("spec") or {}
    id_ = pick(described.get("spec") or {}, "id")
    return {"spec": {**id_, **of_revision}}


def release_of(values: Tree) -> str | None:
    """The release that is deployed."""
    at = ("blockSpec",) if spec_of(values).get("blockSpec") else ("appSpec",)
    version = mapping_at(values, ("spec", *at, "release")).get("version")
    return str(version) if version else None


def owner_of(described: JsonObject) -> str | None:
    """Why a deployment is not ours: a block that an app has deployed (docs/platform.md, 3.5)."""
    parent = described.get("parent")
    id_ = parent.get("id") if isinstance(parent, Mapping) else parent
    return f"part of app deployment {id_}" if id_ else None


def parts_of(described: JsonObject) -> list[JsonDict]:
    """The kind and name of everything that the deployment has made, which is its own."""
    latest = described.get("latestRevision") or {}
    made = [*(latest.get("resources") or ()), *(latest.get("blocks") or ())]
    return [{"kind": m.get("kind"), "name": m.get("name")} for m in made if isinstance(m, Mapping)]


def kinds_made(item: JsonObject) -> tuple[str, ...]:
    """The kinds of which a listed block may have made something; an unknown word means all."""
    every = dict.fromkeys(kind for kinds in KINDS_OF_PARTS.values() for kind in kinds)
    return KINDS_OF_PARTS.get(str(item.get("kind")).lower(), tuple(every))


def made_by(described: JsonObject) -> tuple[Key, ...]:
    """The same, as the keys that they may have in manifests."""
    made = (described.get("latestRevision") or {}).get("resources") or ()
    return tuple(
        Key(kind, str(each.get("name")))
        for each in made
        if isinstance(each, Mapping)
        for kind in KINDS_OF_PARTS.get(str(each.get("kind")).lower(), ())
    )


def deployment_values(
    family: str, described: JsonObject, revision: JsonObject, run: JsonObject | None
) -> JsonDict:
    """Manifest shape. `run` are the run values in force, which win over those of the revision."""
    latest = {**revision, **(described.get("latestRevision") or {})}
    spec = {**(revision.get("spec") or {}), **(described.get("spec") or {})}
    named = pick(spec, "id", "release", "includes", "excludes")
    whole: JsonDict = {SPEC_FIELDS[family]: named}
    if latest.get("notes"):
        whole["revision"] = {"notes": latest["notes"]}
    whole |= _values(family, {**pick(revision, *VALUES), **pick(described, *VALUES)}, run)
    return manifest(pick(described.get("metadata") or {}, *METADATA), whole)


def _values(family: str, shown: JsonDict, run: JsonObject | None) -> JsonDict:
    if run is None:
        return shown
    if family == "blocks":
        return {**shown, "parameters": {**(shown.get("parameters") or {}), "run": dict(run)}}
    by_block, of_app = _app_run(run)
    parameters = dict(shown.get("parameters") or {})
    for block, values in by_block.items():
        parameters[block] = {**(parameters.get(block) or {}), "run": values}
    if parameters:
        shown = {**shown, "parameters": parameters}
    if of_app:
        shown = {**shown, "appParameters": {**(shown.get("appParameters") or {}), "run": of_app}}
    return shown


def _app_run(run: JsonObject) -> tuple[JsonDict, JsonDict]:
    """Run values by block, and of the app, of an answer whose shape for apps is not documented."""
    nested = any(isinstance(run.get(name), Mapping) for name in VALUES)
    by_block = (run.get("parameters") or {}) if nested else run
    of_app = (run.get("appParameters") or {}) if nested else {}
    blocks = {b: _flat(v) for b, v in by_block.items() if isinstance(v, Mapping)}
    return blocks, _flat(of_app)


def _flat(values: JsonObject) -> JsonDict:
    """Values by name, also of an answer that keeps them below `run`."""
    inner = values.get("run") if set(values) <= {"build", "run"} else None
    return dict(inner if isinstance(inner, Mapping) else values)


CHOSEN = ("includes", "excludes")


def create_body(desired: Tree) -> JsonDict:
    """A new deployment."""
    spec = spec_of(desired)
    return {
        "metadata": stated(metadata_of(desired), *METADATA),
        "spec": _named(desired),
        **stated(spec, "revision", *VALUES),
    }


def revision_body(request: CallRequest) -> JsonDict:
    """A revision, complete: what it leaves out is not known to carry over (docs/platform.md, 5).

    So what was there and goes is sent as empty.
    """
    named, spec = _named(request.desired), spec_of(request.desired)
    removed = [c.path[1:3] for c in request.changes if c.after is MISSING]
    at = SPEC_FIELDS[family_of(request.desired)]
    body = stated(named, "release") | stated(spec, "revision", *VALUES)
    if chosen := {n: [] for n in CHOSEN if (at, n) in removed} | dict(stated(named, *CHOSEN)):
        body["blocksConfig"] = chosen
    for name in VALUES:
        shown = request.live is not None and spec_of(request.live.values).get(name)
        if shown or any(path[0] == name for path in removed):
            body.setdefault(name, {})
    return body


def _named(desired: Tree) -> Tree:
    return mapping_at(desired, ("spec", SPEC_FIELDS[family_of(desired)]))


def patch_body(request: CallRequest, family: str) -> JsonDict:
    """The run values that changed: flat for a block, by block and for the whole for an app."""
    body: JsonDict = {}
    for path in _run_paths(request):
        value = value_at(request.desired, path)
        if value is not MISSING:
            _put(body, _place(path, family), value)
    return body


def _run_paths(request: CallRequest) -> list[Path]:
    """Paths of single run values, among them those of the app that no read has shown."""
    changed = [c.path for c in carried(request) if c.path[:1] == ("spec",) and "run" in c.path[2:4]]
    live = request.live.values if request.live else {}
    at = ("spec", "appParameters", "run")
    if value_at(live, at[:2]) is MISSING and value_at(request.desired, at) is not MISSING:
        changed.append(at)
    return list(dict.fromkeys(name for path in changed for name in _names(request.desired, path)))


def _names(desired: Tree, path: Path) -> list[Path]:
    """The values that a change is about: one, or all below a map that is new as a whole."""
    end = path.index("run", 2) + 1
    if len(path) > end:
        return [path[: end + 1]]
    values = value_at(desired, path)
    return [(*path, name) for name in values] if isinstance(values, Mapping) else []


def _place(path: Path, family: str) -> Path:
    """Where the body has the value of `spec.parameters[.block].run.name`, and the app's own."""
    if family == "blocks":
        return path[-1:]
    return (path[1], path[-1]) if path[1] == "appParameters" else (path[1], path[2], path[-1])


def _put(body: JsonDict, path: Path, value: object) -> None:
    for part in path[:-1]:
        body = body.setdefault(str(part), {})
    body[str(path[-1])] = value
