"""Instance types: looked up by name for references, never managed (docs/platform.md, 2.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from peakctl.adapters.rest import Rest
from peakctl.model import Listed, Live, Resource

PATH = "service/quota/api/v1/settings/tenant-instance-options"
SCOPES = ("api-deployment", "data-bridge", "webapp", "workflow", "workspace")


class Adapter(Rest):
    """One request for each entity type that a manifest needs; the names differ between them."""

    async def index(self, resources: Sequence[Resource] = ()) -> tuple[Listed, ...]:
        """The options in the scopes that `resources` refer to; of every scope without any."""
        named = {
            reference.scope
            for resource in resources
            for reference in resource.references
            if self.kind.name in reference.kinds and reference.scope
        }
        scopes = sorted(named) if resources else SCOPES
        found = await asyncio.gather(*(self._options(scope) for scope in scopes))
        return tuple(option for options in found for option in options)

    async def first_page(self) -> tuple[tuple[Listed, ...], bool]:
        """All of them: these listings have no pages."""
        return await self.index(), True

    async def find(self, name: str) -> tuple[Listed, ...]:
        return tuple(found for found in await self.index() if found.name == name)

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        """Nothing: an instance type has no manifest."""
        return None

    async def _options(self, scope: str) -> list[Listed]:
        answer = await self.api.get(PATH, (("entityType", scope),))
        return [
            Listed(item["id"], str(item.get("name", "")), {**item, "scope": scope}, ours=False)
            for item in answer.get("data") or ()
        ]
