"""App specs: releases of several blocks under one name (docs/platform.md, 2.5 and 3.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from peakctl.adapters.json_texts import json_text
from peakctl.adapters.orders import spec_of, stated
from peakctl.adapters.shapes import pick
from peakctl.adapters.specs import (
    Specs,
    latest_release,
    release_body,
    spec_body,
    wanted_release,
)

if TYPE_CHECKING:
    from peakctl.model import CallRequest, Listed, Live, Resource, Tree


class Adapter(Specs):
    """One request to read when the answer shows the latest release, else two."""

    path = "press/v1/apps/specs/"
    word = "app"

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        described = await self.get(self.at(listed.id))
        if described is None:
            return None
        version, release = await self._told(described, listed, resource)
        live = self.live(described, listed, resource, version)
        shaped = pick(release, "config", "parameters")
        numbered = {"release": pick({"version": version, "notes": release.get("notes")}, *RELEASE)}
        return replace(
            live, values={**live.values, "spec": {**spec_of(live.values), **shaped, **numbered}}
        )

    async def _told(
        self, described: Tree, listed: Listed, resource: Resource | None
    ) -> tuple[str | None, Tree]:
        """The release to tell of: the fixed one where it exists, else the latest."""
        latest, wanted = latest_release(described), wanted_release(resource)
        if wanted and wanted != latest:
            release = await self.release(listed.id, wanted)
            if release is not None:
                return wanted, release
        shown = {**pick(described, "parameters"), **(described.get("latestRelease") or {})}
        if "config" not in shown or ("parameters" not in shown and _declares(resource)):
            shown = {**shown, **(await self.release(listed.id, latest) or {})}
        return latest, shown

    async def send_create(self, order: CallRequest) -> Any:
        """JSON whose values are JSON texts, and only here (docs/platform.md, 2.5)."""
        spec = spec_of(order.desired)
        texts = {
            "spec": json_text(spec_body(order, self.word)),
            "featured": json_text(spec.get("featured", False)),
            **{name: json_text(spec[name]) for name in ("tenants", "parameters") if name in spec},
        }
        return await self.api.send("POST", self.path, json={**texts, **stated(spec, "scope")})

    async def send_release(self, order: CallRequest, path: str) -> Any:
        body = {**release_body(order), **stated(spec_of(order.desired), "parameters")}
        return await self.api.send("POST", path, json=body)


RELEASE = ("version", "notes")


def _declares(resource: Resource | None) -> bool:
    return resource is None or bool(spec_of(resource.values).get("parameters"))
