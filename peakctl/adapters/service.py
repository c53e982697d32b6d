"""Services, and the route that webapps share with them (docs/platform.md, 2.3 and 3.3)."""

from __future__ import annotations

from typing import ClassVar

from peakctl.adapters.answers import manifest, metadata_of, pick_shown, read_env, require, spec_of
from peakctl.adapters.failures import explain_service
from peakctl.adapters.requests import changed, live_of, stated
from peakctl.adapters.rest import Call, Rest
from peakctl.kinds.fields import Absent
from peakctl.model import CallRequest, CallResult, Failure, JsonDict, JsonObject, Listed, Step

METADATA = ("name", "title", "description")  # its tags are read-only


class Webapps(Rest):
    """One request to read. A PATCH keeps what it leaves out, so only what differs is sent."""

    path = "service/webapps/api/v1/webapps/"
    lists_status = True
    spec: ClassVar[tuple[str, ...]]
    fixed: ClassVar[tuple[str, ...]] = ("name", "serviceType")

    def calls(self) -> dict[Step, Call]:
        return {
            **super().calls(),
            Step.CREATE: self._create,
            Step.UPDATE: self._update,
            Step.UPDATE_METADATA: self._update,
        }

    def values(self, described: JsonObject) -> JsonDict:
        spec = read_env(pick_shown(described, *self.spec))
        return manifest(pick_shown(described, *METADATA), spec)

    def attributes(self, listed: Listed) -> JsonObject:
        """Redeploying names the type of the service, too."""
        return {"id": listed.id, "word": listed.item.get("serviceType") or "web-app"}

    async def _create(self, request: CallRequest) -> CallResult:
        metadata, spec = metadata_of(request.desired), spec_of(request.desired)
        body = stated(metadata, *METADATA) | stated(spec, *self.spec)
        for name, value in self._fixed_defaults().items():
            body.setdefault(name, value)
        id_ = require(await self.api.send("POST", self.path, json=body), "id")
        return CallResult(request.key, id_, {"id": id_}, self.watch(id_, {}))

    def _fixed_defaults(self) -> JsonDict:
        """Defaults that hold for good: sent, so that none is left to the platform.

        The route is shared: without its type, a service that states little is taken for a webapp.
        """
        fields = self.kind.root.properties["spec"].properties
        return {
            name: field.default
            for name in self.spec
            if (field := fields[name]).immutable and field.absent is Absent.DEFAULT
        }

    async def _update(self, request: CallRequest) -> CallResult:
        live = live_of(request)
        body = {**changed(self.kind, request, "metadata"), **changed(self.kind, request, "spec")}
        for name in self.fixed:
            body.pop(name, None)
        await self.api.send("PATCH", self.at(live.id), json=body)
        return CallResult(request.key, live.id, {"id": live.id}, self.watch(live.id, {}))

    async def explain(self, result: CallResult) -> Failure:
        """Two requests: the service, and the version of the image that it runs."""
        watch = result.watch or {}
        described = None if watch.get("gone") else await self.get(self.at(result.id))
        return await explain_service(self.api, described) if described else Failure()

    def watch(self, id: str | int, private: JsonObject) -> JsonObject | None:  # noqa: A002
        return {"path": self.at(id)}


class Adapter(Webapps):
    """An older page shows the list under `webapps` for the same call (docs/platform.md, 5)."""

    items = ("services", "webapps")
    query = (("featureType", "services"),)
    spec = (
        "serviceType",
        "imageDetails",
        "resources",
        "parameters",
        "sessionStickiness",
        "scaleToZero",
        "entrypoint",
        "healthCheckURL",
        "minInstances",
    )
