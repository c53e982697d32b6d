"""Images: named lines of immutable versions, each made by a build (docs/platform.md, 3.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.adapters.builds import build_lines, build_word
from peakctl.adapters.image_bodies import autodeploy, content
from peakctl.adapters.image_reads import PRIVATE, build_id, image_values, version_word
from peakctl.adapters.image_versions import find_version, is_ready, newest_ready
from peakctl.adapters.orders import given, live_of, metadata_of, spec_of
from peakctl.adapters.rest import Call, Rest
from peakctl.adapters.shapes import pick
from peakctl.api.bodies import Part
from peakctl.model import CallResult, Live, State, Step

if TYPE_CHECKING:
    from peakctl.model import CallRequest, Listed, Readiness, Resource, Tree


class Adapter(Rest):
    """One request to read an image, at its newest version or at the one that a manifest fixes."""

    path = "service/image-management/api/v2/images/"
    items = ("images",)

    def calls(self) -> dict[Step, Call]:
        return {
            **super().calls(),
            Step.CREATE: self._create,
            Step.CREATE_VERSION: self._create_version,
            Step.UPDATE_VERSION: self._update_version,
        }

    def listed(self, item: Tree) -> Listed:
        return replace(super().listed(item), ours=item.get("scope") != "global")

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        """The version that counts, whole; the image itself only where the listing says too little.

        The listing has all else there is to know of an image (docs/platform.md, 2.2). What it shows
        of a version's content is not relied on: a summary may be cut, a description above all.
        """
        image, latest = listed.item, listed.item.get("latestVersion") or {}
        latest = {name: value for name, value in latest.items() if name != "buildDetails"}
        if "id" not in latest or not image.get("type"):
            described = await self.get(self.at(listed.id))
            if described is None:
                return None
            image, latest = described, described.get("latestVersion") or {}
        wanted = spec_of(resource.values).get("version") if resource else None
        told = await self._version(listed.id, latest, wanted)
        if told is None and image is listed.item:  # the version that the listing showed is gone
            return await self.read(replace(listed, item={}), resource)
        return self._live(listed, resource, image, latest if told is None else told)

    def _live(self, listed: Listed, resource: Resource | None, image: Tree, told: Tree) -> Live:
        reading = self.classify(version_word(told))
        latest = image.get("latestVersion") or {}
        return Live(
            key=self.key(listed, resource),
            id=listed.id,
            values=image_values({"name": listed.name, **image}, told),
            status=reading.status,
            state=reading.state,
            version=told.get("version"),
            latest=latest.get("version") or told.get("version"),
            attributes={"id": listed.id, **pick({"version": told.get("id")}, "version")},
            private=pick({"versionId": told.get("id"), "buildId": build_id(told)}, *PRIVATE),
            foreign=None if image.get("scope") != "global" else "part of the platform",
            notes=("no version of it is on the platform",) if not told else (),
        )

    async def _version(self, id_: str | int, latest: Tree, wanted: str | None) -> Tree | None:
        """The version to tell of, whole: the wanted one where it exists, else the latest.

        None when it is gone.
        """
        told = latest
        if wanted is not None and wanted != latest.get("version"):
            told = await find_version(self.api, self._versions(id_), wanted) or latest
        if "buildDetails" in told or "id" not in told:
            return told
        whole = await self.get(self.at(id_, "versions", told["id"]))
        return None if whole is None else {**told, **whole}

    async def pin(self, listed: Listed, version: str | None) -> Tree | None:
        """Without a request when the listing shows that the latest version is the one."""
        found: Tree | None = listed.item.get("latestVersion") or {}
        if not found or not is_ready(found) or version not in (None, found.get("version")):
            versions = self._versions(listed.id)
            if version is None:
                found = await newest_ready(self.api, versions)
            else:
                found = await find_version(self.api, versions, version)
        return {"id": listed.id, "version": found["id"]} if found else None

    async def _create(self, order: CallRequest) -> CallResult:
        parts = [
            Part("name", text=metadata_of(order.desired)["name"]),
            Part("type", text=spec_of(order.desired).get("type")),
            Part("version", text=order.version),
            *content(order),
        ]
        answer = await self.api.send("POST", self.path, parts=parts)
        return self._receipt(order, given(answer, "imageId"), answer)

    async def _create_version(self, order: CallRequest) -> CallResult:
        path = self._versions(live_of(order).id)
        parts = [Part("version", text=order.version), *content(order), *autodeploy(order)]
        answer = await self.api.send("POST", path, parts=parts)
        return self._receipt(order, live_of(order).id, answer)

    async def _update_version(self, order: CallRequest) -> CallResult:
        live = live_of(order)
        path = self.at(live.id, "versions", live.private["versionId"])
        parts = [*content(order), *autodeploy(order)]
        answer = await self.api.send("PATCH", path, parts=parts)
        version = {"versionId": live.private["versionId"]}
        return self._receipt(order, live.id, {**version, **(answer or {})})

    def _versions(self, id_: str | int) -> str:
        return self.at(id_, "versions")

    def _receipt(self, order: CallRequest, id_: str | int, answer: Tree) -> CallResult:
        version = given(answer, "versionId")
        private = {"versionId": version, "buildId": build_id(answer)}
        watch = self.watch(id_, pick(private, *PRIVATE))
        return CallResult(order.key, id_, {"id": id_, "version": version}, watch)

    def watch(self, id: str | int, private: Tree) -> Tree | None:  # noqa: A002
        path = self.at(id, "versions", private["versionId"])
        return {"path": path, "image": id, **private}

    def status(self, answer: Tree) -> str:
        return version_word(answer.get("latestVersion") or answer)

    async def poll(self, receipt: CallResult) -> Readiness:
        """The version; before a failure counts, the very build (it may be an older one's)."""
        reading = await super().poll(receipt)
        watch = receipt.watch or {}
        if reading.state is not State.FAILED or "buildId" not in watch:
            return reading
        word = await build_word(self.api, self.at(watch["image"], "builds"), watch)
        own = self.classify(word)
        return own if word and own.state is State.PENDING else reading

    async def logs(self, receipt: CallResult) -> tuple[str, ...]:
        watch = receipt.watch or {}
        if "buildId" not in watch:
            return ()
        return await build_lines(
            self.api, self.at(watch["image"], "builds", watch["buildId"], "logs")
        )
