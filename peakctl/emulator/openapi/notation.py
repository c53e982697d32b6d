"""A short way to write what an answer holds.

`id:text note:text? items:[artifact] map:{}` says: a map with these keys, all there; `?` allows
null. Types are text, int, number, flag, any, list, `{}` for any map, `{item}` for a map as `ITEMS`
has it, `[item]` for a list of such maps.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
PLAIN: dict[str, Schema] = {
    "text": {"type": "string"},
    "int": {"type": "integer"},
    "number": {"type": "number"},
    "flag": {"type": "boolean"},
    "list": {"type": "array"},
    "{}": {"type": "object"},
    "any": {},
}
PAGE = "pageCount:int pageNumber:int pageSize:int"
MADE = "createdAt:text createdBy:text"
ITEMS = {
    "artifact": f"id:text name:text description:text? {MADE}",
    "artifactVersion": f"version:int {MADE}",
    "image": f"id:int name:text type:text scope:text {MADE} latestVersion:{{}}",
    "imageVersion": "id:int version:text description:text? status:text lastBuildStatus:text"
    " lastBuildAt:text? tags:list buildDetails:{}",
    "build": "buildId:text versionId:int version:text status:text startedAt:text finishedAt:text?",
    "buildLine": "timestamp:text message:text ingestionTime:text",
    "service": f"id:text name:text serviceType:text status:text {MADE} updatedAt:text"
    " updatedBy:text tags:list",
    "workflow": "id:int name:text status:text createdAt:text updatedAt:text triggers:list"
    " lastExecution:{} tags:list",
    "execution": "executionId:text status:text duration:text? executedAt:text",
    "stepRun": "name:text status:text startedAt:text finishedAt:text? stepType:text",
    "logLine": "timestamp:int message:text",
    "spec": "id:text kind:text featured:flag scope:text metadata:{} latestRelease:{}",
    "release": f"id:text version:text notes:text? {MADE}",
    "deployment": "id:text kind:text metadata:{} spec:{} latestRevision:{revisionState}",
    "revisionState": "revision:int status:text",
    "revision": f"id:text revision:int status:text notes:text? {MADE}",
    "executed": "blockSpecId:text version:text executionId:text status:text",
    "email": f"id:int status:text subject:text templateName:text {MADE}",
    "emailStatus": "email:text status:text description:text",
    "template": f"id:int name:text scope:text {MADE}",
    "instanceType": "id:int name:text cpu:number memory:number gpu:number? gpuMemory:number?"
    " instanceClass:text provider:text providerInstanceId:text?",
    "resources": "id:int cpu:number memory:number gpu:number? gpuMemory:number?",
    "versionRef": "version:text",
    "fault": "method:text path:text action:text when:text skip:int times:int? seen:int hits:int",
    "request": "method:text path:text query:list status:int at:number seconds:number tenant:text",
    "created": "kind:text as:text? answer:any",
    "problem": "detail:text",
}


def schema_of(notation: str) -> Schema:
    """The JSON Schema of an answer; a notation in brackets is a list of such items."""
    if notation.startswith("["):
        return _typed(notation)
    known = {name: _typed(kind) for name, _, kind in _words(notation)}
    return {"type": "object", "properties": known, **({"required": list(known)} if known else {})}


def _words(notation: str) -> list[tuple[str, str, str]]:
    return [word.partition(":") for word in notation.split()]


def _typed(word: str) -> Schema:
    kind = word.removesuffix("?")
    schema = PLAIN[kind] if kind in PLAIN else _item(kind)
    return schema if kind == word else {"anyOf": [schema, {"type": "null"}]}


def _item(kind: str) -> Schema:
    reference = {"$ref": f"#/components/schemas/{kind[1:-1]}"}
    return {"type": "array", "items": reference} if kind.startswith("[") else reference
