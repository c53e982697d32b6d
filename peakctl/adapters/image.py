"""Images: named lines of immutable versions, each made by a build (docs/platform.md, 3.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from peakctl import model
from peakctl.adapters import answers
from peakctl.adapters.failures import log_lines, log_page
from peakctl.adapters.requests import live_of, with_digest, zip_part
from peakctl.adapters.rest import Call, Rest
from peakctl.api.bodies import Part
from peakctl.api.client import Api
from peakctl.archives.digest import split_digest
from peakctl.model.resources import Listed, Live, Resource, State
from peakctl.model.values import MISSING, JsonDict, JsonObject, Value, value_at

if TYPE_CHECKING:
    import semver


class Adapter(Rest):
    """One request to read an image, at its newest version or at the one that a manifest fixes."""

    path = "service/image-management/api/v2/images/"
    items = ("images",)
    numbered = "version"
    drops_versions = True
    lists_status = True

    def calls(self) -> dict[model.Step, Call]:
        return {
            **super().calls(),
            model.Step.CREATE: self._create,
            model.Step.CREATE_VERSION: self._create_version,
            model.Step.UPDATE_VERSION: self._update_version,
        }

    def listed(self, item: JsonObject) -> Listed:
        latest = item.get("latestVersion") or {}
        ours = item.get("scope") != "global"
        return replace(super().listed(item), ours=ours, numbers=numbers_of([latest]))

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
        wanted = _fixed(resource)
        version = await self._version(listed.id, latest, wanted)
        if version is None and image is listed.item:  # the version that the listing showed is gone
            return await self.read(replace(listed, item={}), resource)
        live = self._live(listed, resource, image, latest if version is None else version)
        if resource is None or wanted is not None:
            return live
        older = await self._older(listed, resource, image, live)
        return replace(live, older=older) if older else live

    async def _older(
        self, listed: Listed, resource: Resource, image: JsonObject, live: Live
    ) -> tuple[Live, ...]:
        """Ready versions before the newest that were built of the very files of the manifest.

        Nothing is asked where the newest has them, or there are none: a revert in git, say, goes
        back to what was built before. What the listing shows as such is read whole.
        """
        digest = next((archive.digest for archive in resource.archives.values()), "")
        if not digest or not live.version or _digest(live) in ("", digest):
            return ()
        found = await self.listed_below(self._versions(listed.id), "versions")
        same = [each for each in found if is_ready(each) and _is_of(digest, each)]
        same = sorted(same, key=_order, reverse=True)[:MOST_OLDER]
        whole = [await self.get(self.at(listed.id, "versions", each["id"])) for each in same]
        read = (
            self._live(listed, resource, image, {**each, **answer})
            for each, answer in zip(same, whole, strict=True)
            if answer is not None
        )
        return tuple(each for each in read if each.state is State.READY)

    def _live(
        self, listed: Listed, resource: Resource | None, image: JsonObject, version: JsonObject
    ) -> Live:
        reading = self.classify(version_word(version))
        latest = image.get("latestVersion") or {}
        return Live(
            key=self.key(listed, resource),
            id=listed.id,
            values=image_values({"name": listed.name, **image}, version),
            status=reading.status,
            state=reading.state,
            version=version.get("version"),
            latest=latest.get("version") or version.get("version"),
            attributes={"id": listed.id, **answers.pick({"version": version.get("id")}, "version")},
            private=answers.pick(
                {"versionId": version.get("id"), "buildId": build_id(version)}, *PRIVATE
            ),
            foreign=None if image.get("scope") != "global" else "part of the platform",
            notes=("no version of it is on the platform",) if not version else (),
            edited=answers.edit_of(version),
            facts=self.facts_in(version),
        )

    async def _version(
        self, id_: str | int, latest: JsonObject, wanted: str | None
    ) -> JsonObject | None:
        """The version to describe, whole: the wanted one where it exists, else the latest.

        None when it is gone.
        """
        version = latest
        if wanted is not None and wanted != latest.get("version"):
            version = await find_version(self.api, self._versions(id_), wanted) or latest
        if "buildDetails" in version or "id" not in version:
            return version
        whole = await self.get(self.at(id_, "versions", version["id"]))
        return None if whole is None else {**version, **whole}

    async def pin(self, listed: Listed, version: str | None) -> JsonObject | None:
        """Without a request when the listing shows that the latest version is the one."""
        found: JsonObject | None = listed.item.get("latestVersion") or {}
        if not found or not is_ready(found) or version not in (None, found.get("version")):
            versions = self._versions(listed.id)
            if version is None:
                found = await newest_ready(self.api, versions)
            else:
                found = await find_version(self.api, versions, version)
        if not found:
            return None
        number = answers.pick({"number": found.get("version")}, "number")
        return {"id": listed.id, "version": found["id"], **number}

    async def read_version(self, listed: Listed, number: str) -> Live | None:
        """A listing of its versions that is narrowed, and one request where that says too little"""
        found = await find_version(self.api, self._versions(listed.id), number)
        whole = found and await self.get(self.at(listed.id, "versions", found["id"]))
        if not found or whole is None:
            return None
        return self._live(listed, None, listed.item, {**found, **whole})

    async def name_versions(
        self,
        id: str | int,  # noqa: A002
        versions: Collection[str],
    ) -> model.VersionNames:
        """One version tells its number and the name of its image; several are in one page."""
        if len(versions) == 1:
            answer = await self.get(self.at(id, "versions", *versions)) or {}
            name = answer.get("imageName")
            return model.VersionNames(None if name is None else str(name), numbers_of([answer]))
        answer = await self.get(self._versions(id), (("pageSize", str(MOST_VERSIONS)),)) or {}
        return model.VersionNames(numbers=numbers_of(answer.get("versions") or ()))

    async def versions(self, listed: Listed) -> tuple[model.KeptVersion, ...]:
        """By their ids, which grow: the listing does not promise an order."""
        found = await self.listed_below(self._versions(listed.id), "versions")
        return tuple(self._kept(each) for each in sorted(found, key=_id_of, reverse=True))

    def _kept(self, version: JsonObject) -> model.KeptVersion:
        reading = self.classify(version_word(version))
        made = answers.edit_of({name: version.get(name) for name in ("createdAt", "createdBy")})
        text, digest = split_digest(str(version.get("description") or ""))
        return model.KeptVersion(
            str(version["version"]),
            version["id"],
            reading.state,
            reading.status,
            made,
            text,
            digest or "",
        )

    async def _create(self, request: model.CallRequest) -> model.CallResult:
        parts = [
            Part("name", text=answers.metadata_of(request.desired)["name"]),
            Part("type", text=answers.spec_of(request.desired).get("type")),
            Part("version", text=request.version),
            *content(request),
        ]
        answer = await self.api.send("POST", self.path, parts=parts)
        return self._result(request, answers.require(answer, "imageId"), answer)

    async def _create_version(self, request: model.CallRequest) -> model.CallResult:
        path = self._versions(live_of(request).id)
        parts = [Part("version", text=request.version), *content(request), *autodeploy(request)]
        answer = await self.api.send("POST", path, parts=parts)
        return self._result(request, live_of(request).id, answer)

    async def _update_version(self, request: model.CallRequest) -> model.CallResult:
        live = live_of(request)
        path = self.at(live.id, "versions", live.private["versionId"])
        parts = [*content(request), *autodeploy(request)]
        answer = await self.api.send("PATCH", path, parts=parts)
        version = {"versionId": live.private["versionId"]}
        return self._result(request, live.id, {**version, **(answer or {})})

    def version_path(self, id: str | int, version: str | int) -> str:  # noqa: A002
        return self.at(id, "versions", version)

    def _versions(self, id_: str | int) -> str:
        return self.at(id_, "versions")

    def _result(
        self, request: model.CallRequest, id_: str | int, answer: JsonObject
    ) -> model.CallResult:
        version = answers.require(answer, "versionId")
        private = {"versionId": version, "buildId": build_id(answer)}
        watch = self.watch(id_, answers.pick(private, *PRIVATE))
        return model.CallResult(request.key, id_, {"id": id_, "version": version}, watch)

    def watch(self, id: str | int, private: JsonObject) -> JsonObject | None:  # noqa: A002
        path = self.at(id, "versions", private["versionId"])
        return {"path": path, "image": id, **private}

    def status(self, answer: JsonObject) -> str:
        return version_word(answer.get("latestVersion") or answer)

    def pending(self, item: JsonObject, watch: JsonObject) -> model.Readiness | None:
        """An image shows its latest version only: of an older one it tells nothing."""
        shown = (item.get("latestVersion") or {}).get("id")
        if not watch.get("gone") and str(shown) != str(watch["versionId"]):
            return None
        return super().pending(item, watch)

    async def poll(self, result: model.CallResult) -> model.Readiness:
        """The version; before a failure counts, the very build (it may be an older one's)."""
        reading = await super().poll(result)
        watch = result.watch or {}
        if reading.state is not State.FAILED or "buildId" not in watch:
            return reading
        word = await build_word(self.api, self.at(watch["image"], "builds"), watch)
        own = self.classify(word)
        return own if word and own.state is State.PENDING else reading

    async def explain(self, result: model.CallResult) -> model.Failure:
        watch = result.watch or {}
        if "buildId" not in watch:
            return model.Failure()
        build = watch["buildId"]
        lines = await log_lines(self.api, self.at(watch["image"], "builds", build, "logs"))
        return model.Failure(log=lines, log_of=f"build {build}")

    async def log_page(self, result: model.CallResult, token: str | None) -> model.LogPage:
        watch = result.watch or {}
        if "buildId" not in watch:
            return model.LogPage()
        path = self.at(watch["image"], "builds", watch["buildId"], "logs")
        return await log_page(self.api, path, token)

    async def build_log(
        self, listed: Listed, version: str | None, *, failed: bool
    ) -> model.BuildLog | None:
        """Two requests, or more for a long log: the listing of builds, and the log."""
        found = await find_builds(self.api, listed.id, version)
        wanted = [
            each
            for each in found
            if not failed or self.classify(str(each.get("status"))).state is State.FAILED
        ]
        build = wanted[-1] if wanted else None
        if build is None:
            return None
        id_ = str(build_id(build))
        lines = await log_lines(self.api, self.at(listed.id, "builds", id_, "logs"), most=WHOLE)
        return model.BuildLog(id_, str(build.get("version")), str(build.get("status")), lines)


MOST_OLDER = 3
"""Versions that are read because they have the files of the manifest."""
WHOLE = 20_000
"""Lines of a log that is asked for as such."""
PRIVATE = ("versionId", "buildId")
MOST_VERSIONS = 100
"""Of an image, that are asked for at once to learn their numbers."""


def _fixed(resource: Resource | None) -> str | None:
    """The number that the manifest fixes."""
    number = answers.spec_of(resource.values).get("version") if resource else None
    return number if isinstance(number, str) else None


def _digest(live: Live) -> str:
    """That of the files of a version; "" where it does not tell."""
    found = value_at(live.values, ("spec", "artifact", "digest"))
    return found if isinstance(found, str) else ""


def _is_of(digest: str, version: JsonObject) -> bool:
    return split_digest(str(version.get("description") or ""))[1] == digest


def numbers_of(versions: Iterable[JsonObject]) -> dict[str, str]:
    """The numbers of some versions, by their ids, as far as both are told."""
    return {
        str(each["id"]): str(each["version"])
        for each in versions
        if each.get("id") is not None and each.get("version") is not None
    }


async def find_builds(api: Api, image: str | int, version: str | None) -> list[JsonDict]:
    """The builds of an image, or of one version of it; the newest is the last."""
    path = f"{Adapter.path}{quote(str(image), safe='')}/builds"
    found = await api.pages(path, ("builds",), (("count", "-1"),))
    return sorted((b for b in found if version in (None, b.get("version"))), key=_began)


def _began(build: JsonObject) -> tuple[str, int, str]:
    """When a build began; of several at one moment the greatest id."""
    id_ = build_id(build) or ""
    return str(build.get("startedAt") or ""), len(id_), id_


def build_id(answer: JsonObject) -> str | None:
    """The build as text: examples disagree on whether it is a number (docs/platform.md, 5)."""
    return str(answer["buildId"]) if answer.get("buildId") is not None else None


def version_word(version: JsonObject) -> str:
    """The status of a version; while it is not ready, the status of its build."""
    status, build = version.get("status") or "", version.get("lastBuildStatus") or ""
    return str(build or status) if status in ("", "not-ready") else str(status)


def image_values(described: JsonObject, version: JsonObject) -> JsonDict:
    """Manifest shape of an image at one version."""
    text, digest = split_digest(version.get("description") or "")
    details: JsonDict = answers.without_nulls(version.get("buildDetails") or {})
    details.pop("token", None)
    sort = described.get("type") or version.get("imageType")
    spec: JsonDict = {} if sort is None else {"type": str(sort).lower()}
    spec |= answers.pick(version, "version")
    if details:
        spec["buildDetails"] = details
    if digest:
        spec["artifact"] = {"digest": digest}
    return answers.manifest(
        answers.pick(described, "name") | ({"description": text} if text else {}), spec
    )


def content(request: model.CallRequest) -> list[Part]:
    """The parts of a request that say what a version is made of."""
    description = with_digest(answers.metadata_of(request.desired).get("description"), request)
    details = build_details(request)
    return [
        Part("description", text=description),
        Part("buildDetails", json=details),
        *zip_part(request),
    ]


def build_details(request: model.CallRequest) -> Value:
    """Build details; for an upload always with both paths, as no default is stated (section 5)."""
    details = answers.spec_of(request.desired).get("buildDetails", MISSING)
    if not request.archives:
        return details
    stated = details if isinstance(details, dict) else {}
    return {"source": "upload", "context": ".", "dockerfilePath": "Dockerfile", **stated}


def autodeploy(request: model.CallRequest) -> Sequence[Part]:
    """What to redeploy after the build; create does not take it (docs/platform.md, 2.2)."""
    resources: Any = answers.spec_of(request.desired).get("autodeployResources")
    if not resources:
        return []
    # The platform wants texts, and a resolved reference to a workflow is a number.
    texts = [{**resource, "entityId": str(resource["entityId"])} for resource in resources]
    return [Part("autodeployResources", json=texts)]


READY = ("ready", "in-use")


def is_ready(version: JsonObject) -> bool:
    """Whether a version can be used, and no longer changed (docs/platform.md, 3.2)."""
    return version.get("status") in READY and version.get("id") is not None


async def find_version(api: Api, path: str, number: str) -> JsonObject | None:
    """The version of exactly that number; the platform's search is loose (docs/platform.md, 5)."""
    found = await api.pages(path, ("versions",), (("searchTerm", number),))
    return next((v for v in found if v.get("version") == number), None)


async def newest_ready(api: Api, path: str) -> JsonObject | None:
    """The ready version with the greatest number."""
    query = tuple(("status", word) for word in READY)
    found = await api.pages(path, ("versions",), query)
    return max((v for v in found if is_ready(v)), key=_order, default=None)


def _id_of(version: JsonObject) -> tuple[int, str]:
    """Ids in their order, whether they are numbers or texts."""
    return len(str(version["id"])), str(version["id"])


def _order(version: JsonObject) -> tuple[bool, semver.Version, int]:
    """Semantic versioning order; numbers that are not semantic come first, by id."""
    import semver

    try:
        parsed, known = semver.Version.parse(str(version.get("version"))), True
    except ValueError:
        parsed, known = semver.Version(0), False
    number = version["id"]
    return known, parsed, number if isinstance(number, int) else 0


async def build_word(api: Api, path: str, watch: JsonObject) -> str:
    """The status of the build `watch["buildId"]`, "" when the listing does not have it."""
    query = (("count", "-1"), ("versions", str(watch["versionId"])))
    found = await api.pages(path, ("builds",), query)
    own = (b for b in found if str(b.get("buildId")) == watch["buildId"])
    return str(next(own, {}).get("status") or "")
