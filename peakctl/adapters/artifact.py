"""Artifacts: numbered versions of a zip, no status, no search (docs/platform.md, 3.1)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from peakctl.adapters.answers import (
    edit_of,
    files_at,
    manifest,
    metadata_of,
    pick,
    require,
    spec_of,
)
from peakctl.adapters.ledger_store import is_record
from peakctl.adapters.requests import changed, live_of, zip_part
from peakctl.adapters.rest import Call, Rest
from peakctl.api.bodies import Part
from peakctl.archives.digest import digest_of
from peakctl.model import (
    ArchiveFile,
    CallRequest,
    CallResult,
    KeptVersion,
    Listed,
    Live,
    Resource,
    Step,
)
from peakctl.model.values import MISSING, JsonObject, Tree


class Adapter(Rest):
    """One request to read; two when the resource has a folder to compare."""

    path = "service/artifacts/api/v1/artifacts/"
    items = ("artifacts",)
    search = None
    numbered = "version"
    drops_versions = True

    def listed(self, item: JsonObject) -> Listed:
        """Ledgers and histories are artifacts, but no one's to manage."""
        found = super().listed(item)
        return replace(found, ours=not is_record(found.name))

    def calls(self) -> dict[Step, Call]:
        return {
            **super().calls(),
            Step.CREATE: self._create,
            Step.CREATE_VERSION: self._create_version,
            Step.UPDATE_METADATA: self._update_metadata,
        }

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        described, files = await asyncio.gather(
            self.get(self.at(listed.id)), self._files(listed, resource)
        )
        if described is None:
            return None
        version = newest_number(described)
        return Live(
            key=self.key(listed, resource),
            id=listed.id,
            values=manifest(
                pick(described, "name", "description"),
                {} if files is None else {"artifact": {"digest": digest_of(files)}},
            ),
            version=version,
            latest=version,
            attributes={"id": listed.id},
            files=files,
        )

    async def _files(
        self, listed: Listed, resource: Resource | None
    ) -> tuple[ArchiveFile, ...] | None:
        if resource is None or not resource.archives:
            return None
        return await files_at(self.api, self.at(listed.id, "download"))

    async def read_version(self, listed: Listed, number: str) -> Live | None:
        """Two requests: what it is called now, and the files of that version."""
        described, files = await asyncio.gather(
            self.get(self.at(listed.id)),
            files_at(self.api, self.at(listed.id, number, "download"), lenient=True),
        )
        if described is None or files is None:
            return None
        values = manifest(
            pick(described, "name", "description"), {"artifact": {"digest": digest_of(files)}}
        )
        key = self.key(listed, None)
        return Live(key, listed.id, values, version=number, files=files)

    async def archive(self, live: Live) -> bytes | None:
        """That of the newest version."""
        return await self.download(self.at(live.id, "download"))

    async def versions(self, listed: Listed) -> tuple[KeptVersion, ...]:
        """By their numbers; of those that the platform lists without one nothing can be asked."""
        found = await self.listed_below(self.at(listed.id), "versions")
        numbers = {n: each for each in found if isinstance(n := each.get("version"), int)}
        return tuple(
            KeptVersion(str(number), made=edit_of(each)) for number, each in sorted(numbers.items())
        )[::-1]

    async def archive_path(self, listed: Listed, version: str) -> str | None:
        """Every version is an archive."""
        return self.at(listed.id, version, "download")

    async def _create(self, request: CallRequest) -> CallResult:
        metadata, spec = metadata_of(request.desired), spec_of(request.desired)
        parts = [
            *zip_part(request),
            Part("name", text=metadata["name"]),
            Part("description", text=metadata.get("description")),
            Part("source", text=spec.get("source")),
            *_checks(spec),
        ]
        answer = await self.api.send("POST", self.path, parts=parts)
        id_ = require(answer, "id")
        return CallResult(request.key, id_, {"id": id_}, number=_number(answer))

    async def _create_version(self, request: CallRequest) -> CallResult:
        live = live_of(request)
        parts = [*zip_part(request), *_checks(spec_of(request.desired))]
        answer = await self.api.send("PUT", self.at(live.id), parts=parts)
        return CallResult(request.key, live.id, {"id": live.id}, number=_number(answer))

    async def _update_metadata(self, request: CallRequest) -> CallResult:
        live = live_of(request)
        body = changed(self.kind, request, "metadata")
        await self.api.send("PATCH", self.at(live.id), json=body)
        return CallResult(request.key, live.id, {"id": live.id})


def _checks(spec: Tree) -> list[Part]:
    return [Part(name, json=spec.get(name, MISSING)) for name in ("scan", "validate")]


def _number(answer: object) -> str | None:
    """The number of the version that was made, if the answer tells it."""
    number = answer.get("version") if isinstance(answer, dict) else None
    return str(number) if isinstance(number, int) else None


def newest_number(described: JsonObject) -> str | None:
    """The newest version, of a listing that may be one page of many; None of none."""
    numbers = [v.get("version") for v in described.get("versions") or () if isinstance(v, dict)]
    known = [n for n in (*numbers, described.get("versionCount")) if isinstance(n, int)]
    return str(max(known)) if any(known) else None
