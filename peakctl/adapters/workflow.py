"""Workflows: written as a whole document, read back in another shape (docs/platform.md, 3.7)."""

from __future__ import annotations

from collections.abc import Mapping

from peakctl.adapters.answers import metadata_of, pick, pick_shown, read_config, require, spec_of
from peakctl.adapters.requests import complete, live_of, stated
from peakctl.adapters.rest import Call, Rest
from peakctl.kinds.fields import outputs_in
from peakctl.model import CallRequest, CallResult, JsonDict, JsonObject, Step, Tree, Value

SPEC = ("metadata", "triggers", "watchers", "retryOptions", "steps")


class Adapter(Rest):
    """One request to read, one to write; ready as soon as it exists."""

    path = "service/workflows/api/v1/workflows/"
    items = ("workflows",)

    def calls(self) -> dict[Step, Call]:
        return {
            **super().calls(),
            Step.CREATE: self._create,
            Step.UPDATE: self._update,
            Step.UPDATE_METADATA: self._update,
        }

    def values(self, described: JsonObject) -> JsonDict:
        return {"metadata": pick(described, "name", "tags"), "spec": workflow_spec(described)}

    def private(self, described: JsonObject) -> JsonObject:
        return {"webhooks": webhook_ids(described.get("triggers"))}

    async def _create(self, request: CallRequest) -> CallResult:
        answer = await self.api.send("POST", self.path, json=_document(request.desired))
        return self._result(request, require(answer, "id"), answer)

    async def _update(self, request: CallRequest) -> CallResult:
        """The whole document: a PUT clears what it leaves out (docs/platform.md, 5)."""
        live = live_of(request)
        whole = complete(self.kind.root, request.desired, live.values)
        body = _document(whole)
        if isinstance(body.get("triggers"), list):
            body["triggers"] = _keep_webhooks(body["triggers"], len(live.private["webhooks"]))
        answer = await self.api.send("PUT", self.at(live.id), json=body)
        return self._result(request, live.id, answer)

    def _result(self, request: CallRequest, id_: str | int, answer: object) -> CallResult:
        """Both writes answer with the triggers, and so with the ids of webhooks (2.4)."""
        outputs = None
        if isinstance(answer, Mapping) and "triggers" in answer:
            outputs = outputs_in(self.kind, answer)
        return CallResult(request.key, id_, {"id": id_}, outputs=outputs)


def _document(desired: Tree) -> JsonDict:
    return stated(metadata_of(desired), "name", "tags") | stated(spec_of(desired), *SPEC)


def _keep_webhooks(triggers: list[Value], live: int) -> list[Value]:
    """As many webhooks as there are now keep their ids; without the word they may get new ones."""
    kept = []
    for trigger in triggers:
        if isinstance(trigger, dict) and trigger.get("webhook") is True and live > 0:
            trigger, live = {"webhookPolicy": "preserve", **trigger}, live - 1
        kept.append(trigger)
    return kept


def workflow_spec(described: JsonObject) -> JsonDict:
    """The spec half of a workflow; unset fields stay null, to show that the read returns them."""
    shaped: JsonDict = read_config(pick(described, *SPEC))
    return pick_shown(described, *SPEC) | shaped


def webhook_ids(triggers: Value) -> list[str]:
    """The ids of the live webhooks, which only reads return; "" for one without an id."""
    found = triggers if isinstance(triggers, list) else []
    hooks = [t.get("webhook") for t in found if isinstance(t, Mapping)]
    return [hook if isinstance(hook, str) else "" for hook in hooks if hook]
