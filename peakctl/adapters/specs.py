"""What block specs and app specs share: metadata that can change, releases that cannot (3.4)."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from peakctl.adapters.answers import edit_of, metadata_of, pick, pick_shown, require, spec_of
from peakctl.adapters.requests import changed, live_of, stated, with_digest
from peakctl.adapters.rest import Call, Rest
from peakctl.archives.digest import split_digest
from peakctl.errors import ApiError
from peakctl.model import CallRequest, CallResult, KeptVersion, Listed, Live, Resource, Step
from peakctl.model.values import JsonDict, JsonObject, mapping_at

METADATA = (
    "name",
    "title",
    "summary",
    "description",
    "descriptionContentType",
    "imageUrl",
    "tags",
)
FORMAT = 1  # of a spec; the only one there is


class Specs(Rest):
    """A kind of spec; the subclass says how it sends a create and a release, and reads one."""

    items = ("specs",)
    search = "name"
    numbered = "release"
    word: ClassVar[str]

    def calls(self) -> dict[Step, Call]:
        return {
            **super().calls(),
            Step.CREATE: self._create,
            Step.CREATE_RELEASE: self._create_release,
            Step.UPDATE_METADATA: self._update_metadata,
        }

    async def pin(self, listed: Listed, version: str | None) -> JsonObject | None:
        """A release of the spec: without a request when the listing shows it as the latest."""
        latest = latest_release(listed.item)
        if version in (None, latest):
            return {"id": listed.id, "version": latest} if latest else None
        if await self.get(self.at(listed.id, "releases", str(version))) is None:
            return None
        return {"id": listed.id, "version": version}

    async def dependents(self, live: Live) -> tuple[str, ...]:
        """Deployments of any of its releases (docs/platform.md, 2.5); none of what is gone."""
        path = f"press/v1/specs/{quote(str(live.id), safe='')}/releases/deployments"
        try:
            found = await self.api.pages(path, ("deployments",))
        except ApiError as error:
            if error.status != 404:
                raise
            return ()
        return tuple(f"Deployment/{metadata_of(each).get('name', each['id'])}" for each in found)

    def live(
        self, described: JsonObject, listed: Listed, resource: Resource | None, version: str | None
    ) -> Live:
        """Everything but the release. A spec is ready as soon as it exists."""
        kind = {"kind": self.word} if self.word else _kind_of(described)
        metadata = pick(described.get("metadata") or {}, *METADATA, "status")
        spec = {"version": FORMAT, **kind, **pick_shown(described, "scope", "featured", "tenants")}
        return Live(
            key=self.key(listed, resource),
            id=listed.id,
            values={"metadata": metadata, "spec": spec},
            status=str(metadata.get("status", "")),
            version=version,
            latest=latest_release(described) or version,
            attributes={"id": listed.id, "version": version},
            edited=edit_of(described.get("latestRelease")),
        )

    async def release(self, id_: str | int, version: str | None) -> JsonObject | None:
        """One release, None when there is no such number."""
        return await self.get(self.at(id_, "releases", version)) if version else None

    async def versions(self, listed: Listed) -> tuple[KeptVersion, ...]:
        """Its releases, in the platform's own order: the newest first (docs/platform.md, 2.5)."""
        found = await self.listed_below(self.at(listed.id, "releases"), "releases")
        return tuple(
            KeptVersion(str(each["version"]), made=edit_of(each), notes=text, digest=digest or "")
            for each in found
            for text, digest in [split_digest(str(each.get("notes") or ""))]
        )

    async def _create(self, request: CallRequest) -> CallResult:
        answer = await self.send_create(request)
        return self._result(request, require(answer, "id"))

    async def _create_release(self, request: CallRequest) -> CallResult:
        live = live_of(request)
        await self.send_release(request, self.at(live.id, "releases"))
        return self._result(request, live.id)

    async def send_create(self, request: CallRequest) -> object:
        raise NotImplementedError

    async def send_release(self, request: CallRequest, path: str) -> object:
        raise NotImplementedError

    async def _update_metadata(self, request: CallRequest) -> CallResult:
        live = live_of(request)
        body = changed(self.kind, request, "spec")
        if body.get("tenants", ()) is None:
            del body["tenants"]
        body |= _tenants(request, body)
        if metadata := changed(self.kind, request, "metadata"):
            body["metadata"] = metadata
        try:
            await self.api.send("PATCH", self.at(live.id), json=body)
        except ApiError as error:
            if "no changes detected" not in error.detail.lower():
                raise
        return self._result(request, live.id) if request.version else await self.wait(request)

    def _result(self, request: CallRequest, id_: str | int) -> CallResult:
        return CallResult(request.key, id_, {"id": id_, "version": request.version})


def _tenants(request: CallRequest, body: JsonObject) -> JsonDict:
    """Tenants belong to scope shared: they go with it, and leave with it without a word."""
    tenants = spec_of(request.desired).get("tenants")
    if tenants is not None and body.get("scope") == "shared":
        return {"tenants": tenants}
    return {}


def _kind_of(described: JsonObject) -> JsonDict:
    """The kind of a block; one example calls a block "app" (docs/platform.md, 5)."""
    return pick(described, "kind") if described.get("kind") != "app" else {}


def latest_release(item: JsonObject) -> str | None:
    """The number of the latest release in a summary or a describe answer."""
    version = (item.get("latestRelease") or {}).get("version")
    return str(version) if version else None


def wanted_release(resource: Resource | None) -> str | None:
    """The number that the manifest fixes."""
    number = mapping_at(resource.values, ("spec", "release")).get("version") if resource else None
    return number if isinstance(number, str) else None


def release_body(request: CallRequest) -> JsonDict:
    """`release` and `config` of a new release; the digest of the files ends the notes."""
    spec = spec_of(request.desired)
    notes = with_digest(mapping_at(spec, ("release",)).get("notes"), request)
    release = {"version": request.version} | ({"notes": notes} if notes is not None else {})
    return {"release": release} | stated(spec, "config")


def spec_body(request: CallRequest, word: str) -> JsonDict:
    """`body` of a new spec; its status is set later, the create call does not take it."""
    spec = spec_of(request.desired)
    return {
        "version": spec.get("version", FORMAT),
        "kind": spec.get("kind", word),
        "metadata": stated(metadata_of(request.desired), *METADATA),
        **release_body(request),
    }
