"""What a policy asks of an action beside its changes: where it is declared, labels, manifest."""

from __future__ import annotations

from collections.abc import Mapping

from peakctl.model import Action, JsonDict, Location, Secret, Value
from peakctl.present.values import to_json

API_VERSION = "peakctl/v1"


def facts_document(action: Action, place: Location | None) -> JsonDict:
    """Facts as JSON; what no manifest names, and what a saved plan does not hold, is null.

    `desired` is the manifest after its templates, files filled in: references are by name, secrets
    are masked, and so is what the platform hides. It is null for what is deleted: nothing is
    desired then, and only what would be sent tells which parameters are hidden.
    """
    resource = action.resource
    at = {"file": place.file, "line": place.line, "column": place.column} if place else None
    if resource is None:
        return {"location": at, "labels": None, "protect": None, "desired": None}
    values: Mapping[str, Value] = {
        word: _sealed(each, action.desired.get(word)) for word, each in resource.values.items()
    }
    manifest = {"apiVersion": API_VERSION, "kind": action.key.kind, **to_json(values)}
    return {
        "location": at,
        "labels": dict(resource.labels),
        "protect": resource.protect,
        "desired": manifest if action.desired else None,
    }


def _sealed(value: Value, sent: Value) -> Value:
    """A value of the manifest, masked wherever that which is sent is a secret."""
    if isinstance(sent, Secret):
        return sent
    if isinstance(value, Mapping) and isinstance(sent, Mapping):
        return {key: _sealed(each, sent.get(key)) for key, each in value.items()}
    if isinstance(value, list) and isinstance(sent, list) and len(value) == len(sent):
        return [_sealed(*pair) for pair in zip(value, sent, strict=True)]
    return value
