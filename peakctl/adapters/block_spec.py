"""Block specs: a workflow or a service as a template, with its files (contract, 2.5 and 3.4)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from peakctl.adapters.orders import spec_of
from peakctl.adapters.shapes import pick, read_config
from peakctl.adapters.specs import Specs, latest_release, release_body, spec_body, wanted_release
from peakctl.adapters.zips import digest_at, zip_part
from peakctl.api.bodies import Part
from peakctl.archives import split_digest
from peakctl.model import MISSING

if TYPE_CHECKING:
    from peakctl.model import Listed, Live, Order, Resource, Tree

ARTIFACTS = "service/artifacts/api/v1/artifacts"


class Adapter(Specs):
    """Two requests to read, side by side: the spec and the release that the listing tells of."""

    path = "press/v1/blocks/specs/"
    word = ""

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        wanted = wanted_release(resource) or latest_release(listed.item)
        described, release = await asyncio.gather(
            self.get(self.at(listed.id)), self.release(listed.id, wanted)
        )
        if described is None:
            return None
        latest = latest_release(described)
        if release is None or (wanted_release(resource) is None and wanted != latest):
            wanted, release = latest, await self.release(listed.id, latest)
        live = self.live(described, listed, resource, wanted)
        shaped, digest = _release_values({**_latest(described, wanted), **(release or {})})
        if digest is None and resource is not None and resource.archives:
            digest = await self._download(release or {})
        artifact = {"artifact": {"digest": digest}} if digest else {}
        spec = {**spec_of(live.values), **shaped, **artifact}
        spec["release"] = {**pick({"version": wanted}, "version"), **shaped.get("release", {})}
        return replace(live, values={**live.values, "spec": spec})

    async def _download(self, release: Tree) -> str | None:
        """The digest of a release without a digest line, from its archive."""
        at = release.get("artifact") or {}
        if not at.get("id") or at.get("version") is None:
            return None
        path = f"{ARTIFACTS}/{quote(str(at['id']), safe='')}/{at['version']}/download"
        return await digest_at(self.api, path)

    async def send_create(self, order: Order) -> Any:
        spec = spec_of(order.desired)
        parts = [
            Part("spec", json=spec_body(order, "workflow")),
            Part("featured", json=spec.get("featured", False)),
            Part("scope", text=spec.get("scope")),
            Part("tenants", json=spec.get("tenants", MISSING)),
            *_release_parts(order),
        ]
        return await self.api.send("POST", self.path, parts=parts)

    async def send_release(self, order: Order, path: str) -> Any:
        parts = [Part("spec", json=release_body(order)), *_release_parts(order)]
        return await self.api.send("POST", path, parts=parts)


def _release_parts(order: Order) -> list[Part]:
    spec = spec_of(order.desired)
    return [
        Part("autoRunOnDeploy", json=spec.get("autoRunOnDeploy", False)),
        Part("parameters", json=spec.get("parameters", MISSING)),
        *zip_part(order),
    ]


def _latest(described: Tree, version: str | None) -> dict[str, Any]:
    """What describing the spec already tells of that release."""
    if version is None or latest_release(described) != version:
        return {}
    return {**pick(described, "parameters"), **(described.get("latestRelease") or {})}


def _release_values(release: Tree) -> tuple[dict[str, Any], str | None]:
    """The part of `spec` that a release tells, and the digest at the end of its notes."""
    notes, digest = split_digest(release.get("notes") or "")
    spec = pick(release, "autoRunOnDeploy", "parameters")
    if release.get("config") is not None:
        spec["config"] = read_config(release["config"])
    if notes:
        spec["release"] = {"notes": notes}
    return spec, digest
