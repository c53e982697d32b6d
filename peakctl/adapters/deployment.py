"""Deployments of blocks and of apps: one kind, two routes (docs/platform.md, 2.6 and 3.5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from peakctl.adapters import deployment_reads as reads
from peakctl.adapters.bodies import changed
from peakctl.adapters.deployment_bodies import create_body, patch_body, revision_body
from peakctl.adapters.hidden import Releases
from peakctl.adapters.orders import given, live_of, name_of, spec_of
from peakctl.adapters.rest import Call, Rest
from peakctl.model import CallResult, Key, Live, Readiness, State, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from peakctl.api.client import Api
    from peakctl.kinds.fields import Kind
    from peakctl.model import CallRequest, Listed, Resource, Tree

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
    makes = ("Workflow", "Service", "Webapp")

    def __init__(self, api: Api, kind: Kind) -> None:
        super().__init__(api, kind)
        self._releases = Releases(self.get)

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
        own = {reads.family_of(r.values) for r in resources if r.key.kind == self.kind.name}
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

    async def look_up(self, id: str | int, values: Tree) -> Listed | None:  # noqa: A002
        """One request when `values` tell the family and it is there; else both routes are asked."""
        known = [f for f in FAMILIES if reads.SPEC_FIELDS[f] in spec_of(values)]
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
        number = reads.revision_of(described)
        revision: Tree | None = None
        if described.get("parameters") is None and number is not None:
            revision = await self.get(f"{route}/revisions/{number}")
        word = self.status(described)
        values = reads.deployment_values(family, described, revision or {}, run)
        return Live(
            key=self.key(listed, resource),
            id=listed.id,
            values=values,
            status=word,
            state=self.classify(word).state,
            version=reads.release_of(values),
            latest=None if number is None else str(number),
            attributes={"id": listed.id},
            private={"family": family, "revision": number, "resources": reads.parts_of(described)},
            foreign=reads.owner_of(described),
            parts=reads.made_by(described),
            hidden=await self._releases.hidden(family, values),
        )

    async def wholes(
        self, lives: Sequence[Live], read: Sequence[Live]
    ) -> Mapping[tuple[str, str], Key]:
        """One listing, and one request for each deployment of a block that may have made one.

        Blocks of apps are in that listing, too; what a deployment has made is known by name.
        """
        known = {str(each.id) for each in read}
        kinds = {live.key.kind for live in lives}
        asked = [
            item
            for item in await self._list(("blocks",))
            if str(item.id) not in known and kinds & {*reads.kinds_made(item.item)}
        ]
        found = await asyncio.gather(*(self.get(self._route("blocks", i.id)) for i in asked))
        makers = {part: each.key for each in read for part in each.parts}
        for item, described in zip(asked, found, strict=True):
            parts = reads.made_by(described or {})
            makers |= dict.fromkeys(parts, Key(self.kind.name, item.name))
        told = ((live, Key(live.key.kind, name_of(live))) for live in lives)
        return {(key.kind, str(live.id)): makers[key] for live, key in told if key in makers}

    async def _run(self, id_: str | int, resource: Resource | None) -> Tree | None:
        """The run values in force, which revisions do not tell; None where they cannot be had."""
        if resource is not None and not reads.declares_values(resource.values):
            return None
        return await self.get(f"press/v1/deployments/{self._quoted(id_)}/parameters/run")

    def _quoted(self, id_: str | int) -> str:
        return self.at(id_).removeprefix(self.path)

    async def _create(self, order: CallRequest) -> CallResult:
        family = reads.family_of(order.desired)
        body = create_body(order.desired)
        id_ = given(await self.api.send("POST", self._route(family), json=body), "id")
        return self._receipt(order, id_, family, 1)

    async def _create_revision(self, order: CallRequest) -> CallResult:
        return await self._revise(order, "revisions", revision_body(order))

    async def _redeploy(self, order: CallRequest) -> CallResult:
        return await self._revise(order, "redeploy", {})

    async def _revise(self, order: CallRequest, word: str, body: Tree) -> CallResult:
        live = live_of(order)
        family = str(live.private["family"])
        answer = await self.api.send("POST", self._route(family, live.id, word), json=body)
        number = answer.get("revision") if isinstance(answer, dict) else None
        if number is None and order.step is Step.CREATE_REVISION:
            number = _next(live.private.get("revision"))
        return self._receipt(order, live.id, family, number)

    async def _patch_parameters(self, order: CallRequest) -> CallResult:
        """Run values without a revision. A 404 or 405 of the newer call, for apps, is raised:

        the platform may not have it, and a revision with all values does the same.
        """
        live = live_of(order)
        family = str(live.private["family"])
        path = f"press/{RUN_VERSION[family]}/deployments/{self._quoted(live.id)}/parameters/run"
        await self.api.send("PATCH", path, json=patch_body(order, family))
        return CallResult(order.key, live.id, {"id": live.id})

    async def _update_metadata(self, order: CallRequest) -> CallResult:
        live = live_of(order)
        route = self._route(str(live.private["family"]), live.id)
        await self.api.send("PATCH", route, json=changed(self.kind, order, "metadata"))
        return CallResult(order.key, live.id, {"id": live.id})

    async def delete(self, order: CallRequest) -> CallResult:
        live = live_of(order)
        return await self.delete_at(order, self._route(str(live.private["family"]), live.id))

    def _receipt(
        self, order: CallRequest, id_: str | int, family: str, number: int | None
    ) -> CallResult:
        watch = self.watch(id_, {"family": family, "revision": number})
        return CallResult(order.key, id_, {"id": id_}, watch)

    def watch(self, id: str | int, private: Tree) -> Tree | None:  # noqa: A002
        route = self._route(str(private["family"]), id)
        return {"path": route, "revision": private.get("revision")}

    def status(self, answer: Tree) -> str:
        latest = answer.get("latestRevision") or {}
        return str((answer.get("metadata") or {}).get("status") or latest.get("status") or "")

    def readiness(self, answer: Tree, watch: Tree) -> Readiness:
        """Of the very revision: an older answer is pending, a newer revision has replaced it."""
        number, own = reads.revision_of(answer), watch.get("revision")
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
