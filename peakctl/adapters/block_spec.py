"""Block specs: workflow or service templates, with their files (docs/platform.md, 2.5 and 3.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from peakctl.adapters import specs
from peakctl.adapters.answers import files_at, pick, read_config, require, spec_of
from peakctl.adapters.requests import live_of, zip_part
from peakctl.api.bodies import Part
from peakctl.archives.digest import digest_of, split_digest
from peakctl.model import ArchiveFile, CallRequest, Checked, Listed, Live, LiveId, Resource, Step
from peakctl.model.text import printable
from peakctl.model.values import MISSING, JsonDict, JsonObject, Key

ARTIFACTS = "service/artifacts/api/v1/artifacts"
PRIVATE = ("artifact", "archive")
Query = tuple[tuple[str, str], ...]
CHECK: Query = (("validate", "true"),)


class Adapter(specs.Specs):
    """Two requests to read, side by side: the spec and the release that the listing names."""

    path = "press/v1/blocks/specs/"
    word = ""
    makes = ("Artifact",)

    async def read_version(self, listed: Listed, number: str) -> Live | None:
        if await self.release(listed.id, number) is None:
            return None
        return await self._read(listed, None, number)

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        return await self._read(listed, resource, specs.wanted_release(resource))

    async def _read(
        self, listed: Listed, resource: Resource | None, fixed: str | None
    ) -> Live | None:
        """The release `fixed` where it exists, else the latest."""
        wanted = fixed or specs.latest_release(listed.item)
        described, release = await asyncio.gather(
            self.get(self.at(listed.id)), self.release(listed.id, wanted)
        )
        if described is None:
            return None
        latest = specs.latest_release(described)
        if release is None or (fixed is None and wanted != latest):
            wanted, release = latest, await self.release(listed.id, latest)
        live = self.live(described, listed, resource, wanted)
        shaped, digest = _release_values({**_latest(described, wanted), **(release or {})})
        held = _held_archive(release or {})
        files = None
        if digest is None and resource is not None and resource.archives and held:
            files = await files_at(self.api, _download_path(held))
            digest = None if files is None else digest_of(files)
        artifact = {"artifact": {"digest": digest}} if digest else {}
        spec = {**spec_of(live.values), **shaped, **artifact}
        spec["release"] = {**pick({"version": wanted}, "version"), **shaped.get("release", {})}
        values = {**live.values, "spec": spec}
        private = pick({"artifact": artifact_id(release or {}), "archive": held}, *PRIVATE)
        return replace(live, values=values, private=private, files=files)

    async def files(self, live: Live) -> tuple[ArchiveFile, ...] | None:
        """Those of the release that was read, from the artifact that holds them."""
        if live.files is not None or "archive" not in live.private:
            return live.files
        return await files_at(self.api, _download_path(live.private["archive"]), lenient=True)

    async def archive(self, live: Live) -> bytes | None:
        """That of the release that was read, from the artifact that holds it."""
        if "archive" not in live.private:
            return None
        return await self.download(_download_path(live.private["archive"]))

    async def archive_path(self, listed: Listed, version: str) -> str | None:
        """That of the artifact which the release holds; one of images that exist holds none."""
        held = _held_archive(await self.release(listed.id, version) or {})
        return _download_path(held) if held else None

    async def makers(self, lives: Sequence[Live], read: Sequence[Live]) -> Mapping[LiveId, Key]:
        """One listing, one of the releases of each spec, and one request for each release.

        What a release holds is known by id; it may be held by any of them.
        """
        known = {(str(each.id), each.version): each.private.get("artifact") for each in read}
        found = await asyncio.gather(*(self._held(i, known) for i in await self.list_all()))
        holders = {str(id_): key for each in found for id_, key in each.items()}
        ids = {live.live_id for live in lives}
        return {each: holders[each.id] for each in ids if each.id in holders}

    async def _held(
        self, listed: Listed, known: Mapping[tuple[str, str | None], str | int | None]
    ) -> dict[str | int, Key]:
        """The artifacts that releases of one spec hold."""
        versions = [each.number for each in await self.versions(listed)]
        missing = [v for v in versions if (str(listed.id), v) not in known]
        found = await asyncio.gather(*(self.release(listed.id, v) for v in missing))
        ids = [artifact_id(release or {}) for release in found]
        ids += [known.get((str(listed.id), version)) for version in versions]
        return {id_: Key(self.kind.name, listed.name) for id_ in ids if id_ is not None}

    async def check(self, request: CallRequest) -> Checked | None:
        """One POST with `validate=true`, which stores nothing where it is known (1.29)."""
        if request.step is Step.CREATE:
            answer = await self.send_create(request, CHECK)
        elif request.step is Step.CREATE_RELEASE:
            path = self.at(live_of(request).id, "releases")
            answer = await self.send_release(request, path, CHECK)
        else:
            return None
        if not isinstance(answer, Mapping) or "success" not in answer:
            return Checked(made=require(answer, "id"))
        message = printable(str(answer.get("message") or "the platform gives no reason"))
        return Checked(refused="" if answer["success"] else message)

    async def send_create(self, request: CallRequest, query: Query = ()) -> object:
        spec = spec_of(request.desired)
        parts = [
            Part("spec", json=specs.spec_body(request, "workflow")),
            Part("featured", json=spec.get("featured", False)),
            Part("scope", text=spec.get("scope")),
            Part("tenants", json=spec.get("tenants", MISSING)),
            *_release_parts(request),
        ]
        return await self.api.send("POST", self.path, parts=parts, query=query)

    async def send_release(self, request: CallRequest, path: str, query: Query = ()) -> object:
        parts = [Part("spec", json=specs.release_body(request)), *_release_parts(request)]
        return await self.api.send("POST", path, parts=parts, query=query)


def _held_archive(release: JsonObject) -> JsonDict | None:
    """The id and the version of the artifact that a release holds, if it names both."""
    held = pick(release.get("artifact") or {}, "id", "version")
    return held if len(held) == 2 and held["id"] else None


def _download_path(held: JsonObject) -> str:
    return f"{ARTIFACTS}/{quote(str(held['id']), safe='')}/{held['version']}/download"


def artifact_id(release: JsonObject) -> str | int | None:
    """The id of the artifact that a release holds, if any."""
    held: str | int | None = (release.get("artifact") or {}).get("id")
    return held


def _release_parts(request: CallRequest) -> list[Part]:
    spec = spec_of(request.desired)
    return [
        Part("autoRunOnDeploy", json=spec.get("autoRunOnDeploy", False)),
        Part("parameters", json=spec.get("parameters", MISSING)),
        *zip_part(request),
    ]


def _latest(described: JsonObject, version: str | None) -> JsonDict:
    """What the description of the spec already says of that release."""
    if version is None or specs.latest_release(described) != version:
        return {}
    return {**pick(described, "parameters"), **(described.get("latestRelease") or {})}


def _release_values(release: JsonObject) -> tuple[JsonDict, str | None]:
    """The part of `spec` that a release has, and the digest at the end of its notes."""
    notes, digest = split_digest(release.get("notes") or "")
    spec = pick(release, "autoRunOnDeploy", "parameters")
    if release.get("config") is not None:
        spec["config"] = read_config(release["config"])
    if notes:
        spec["release"] = {"notes": notes}
    return spec, digest
