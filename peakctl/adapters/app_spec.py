"""App specs: releases of several blocks under one name (docs/platform.md, 2.5 and 3.4)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from peakctl.adapters import specs
from peakctl.adapters.answers import pick, spec_of
from peakctl.adapters.requests import json_text, stated
from peakctl.model import CallRequest, JsonObject, Listed, Live, Resource


class Adapter(specs.Specs):
    """One request to read when the answer shows the latest release, else two."""

    path = "press/v1/apps/specs/"
    word = "app"

    async def read_version(self, listed: Listed, number: str) -> Live | None:
        described, release = await asyncio.gather(
            self.get(self.at(listed.id)), self.release(listed.id, number)
        )
        if described is None or release is None:
            return None
        return self._at_release(described, listed, None, number, release)

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        described = await self.get(self.at(listed.id))
        if described is None:
            return None
        version, release = await self._shown_release(described, listed, resource)
        return self._at_release(described, listed, resource, version, release)

    def _at_release(
        self,
        described: JsonObject,
        listed: Listed,
        resource: Resource | None,
        version: str | None,
        release: JsonObject,
    ) -> Live:
        live = self.live(described, listed, resource, version)
        shaped = pick(release, "config", "parameters")
        numbered = {"release": pick({"version": version, "notes": release.get("notes")}, *RELEASE)}
        return replace(
            live, values={**live.values, "spec": {**spec_of(live.values), **shaped, **numbered}}
        )

    async def _shown_release(
        self, described: JsonObject, listed: Listed, resource: Resource | None
    ) -> tuple[str | None, JsonObject]:
        """The release to show: the fixed one where it exists, else the latest."""
        latest, wanted = specs.latest_release(described), specs.wanted_release(resource)
        if wanted and wanted != latest:
            release = await self.release(listed.id, wanted)
            if release is not None:
                return wanted, release
        shown = {**pick(described, "parameters"), **(described.get("latestRelease") or {})}
        if "config" not in shown or ("parameters" not in shown and _declares(resource)):
            shown = {**shown, **(await self.release(listed.id, latest) or {})}
        return latest, shown

    async def send_create(self, request: CallRequest) -> object:
        """JSON whose values are JSON strings, and only here (docs/platform.md, 2.5)."""
        spec = spec_of(request.desired)
        texts = {
            "spec": json_text(specs.spec_body(request, self.word)),
            "featured": json_text(spec.get("featured", False)),
            **{name: json_text(spec[name]) for name in ("tenants", "parameters") if name in spec},
        }
        return await self.api.send("POST", self.path, json={**texts, **stated(spec, "scope")})

    async def send_release(self, request: CallRequest, path: str) -> object:
        body = {**specs.release_body(request), **stated(spec_of(request.desired), "parameters")}
        return await self.api.send("POST", path, json=body)


RELEASE = ("version", "notes")


def _declares(resource: Resource | None) -> bool:
    return resource is None or bool(spec_of(resource.values).get("parameters"))
