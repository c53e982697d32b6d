"""Resources of a seed file, created through the calls of the platform, or the emulator's own.

A seed is a list of resources, or `{tenant, resources}`. A resource has `kind` (see `WAYS`), `body`
as the platform's call takes it, and optionally `as` (a name for its answer), `in` (ids that stand
in the path of the call) and `artifact` (a zip in base64). The text `${NAME.field}` stands for a
field of an earlier answer; alone in its text it keeps its type.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Operation
from peakctl.emulator.operations import OPERATIONS
from peakctl.emulator.problems import Problem, invalid
from peakctl.model import JsonDict

if TYPE_CHECKING:
    import httpx

    from peakctl.emulator.platform import Emulator

REFERENCE = re.compile(r"\$\{([\w-]+)\.([\w.-]+)\}")
WAYS = {kind: operation for operation in OPERATIONS for kind in operation.seeds}
# What `in` calls the `{id}` in the path of a call.
PARENTS = {"artifact-version": "artifact", "block-release": "spec", "app-release": "spec"}
RESOURCE = s.record(
    {"kind": s.text(*WAYS), "body": s.MAP},
    {"as": s.LINE, "in": s.mapping(s.ANYTHING), "artifact": s.LINE},
)
RESOURCES = s.items(RESOURCE)
TENANT = s.text(pattern="[A-Za-z0-9_-]{1,64}")
SEED = s.record({"resources": RESOURCES}, {"tenant": TENANT})


async def seed(emulator: Emulator, document: Any) -> list[JsonDict]:
    """Create all resources in order, builds and deployments at once done; the answers.

    Stops at the first refusal: raises a `Problem` that says which resource it was. What was created
    before stays.
    """
    found = document if isinstance(document, list) else None
    if found is None:
        s.check(SEED, document, "seed")
        found = document["resources"]
    s.check(RESOURCES, found, "resources")
    tenant = document.get("tenant") if isinstance(document, dict) else None
    import httpx

    from peakctl.emulator.client import emulator_transport

    answers: JsonDict = {}
    made: list[JsonDict] = []
    async with httpx.AsyncClient(
        transport=emulator_transport(emulator.instant()),
        base_url="http://peak",
        headers={"Authorization": f"tenant:{tenant}:seed" if tenant else "seed"},
    ) as client:
        for index, resource in enumerate(found):
            answer = await _create(client, resource, answers, f"resources[{index}]")
            answers[resource.get("as") or ""] = answer
            made.append({"kind": resource["kind"], "as": resource.get("as"), "answer": answer})
    return made


async def _create(
    client: httpx.AsyncClient, resource: JsonDict, answers: JsonDict, at: str
) -> object:
    kind, operation = resource["kind"], WAYS[resource["kind"]]
    body = _resolved(resource["body"], answers, f"{at}.body")
    ids = _resolved(resource.get("in") or {}, answers, f"{at}.in")
    path = operation.path.replace("{id}", f"{{{PARENTS.get(kind, 'id')}}}")
    try:
        path = path.format(**{name: quote(str(key), safe="") for name, key in ids.items()})
    except KeyError as error:
        raise invalid(f"{at}.in.{error.args[0]}", "is required") from None
    response = await client.request(operation.method, path, **_sent(operation, body, resource, at))
    if response.status_code >= 300:
        raise Problem(response.status_code, f"{at} ({kind}): {response.json()['detail']}")
    return response.json()


def _sent(operation: Operation, body: JsonDict, resource: JsonDict, at: str) -> JsonDict:
    """The body as the operation takes it: JSON, or texts in parts or in a map."""
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items()}
    if operation.body is None:
        files: list[tuple[str, object]] = [(name, (None, value)) for name, value in texts.items()]
        if resource.get("artifact"):
            try:
                data = base64.b64decode(resource["artifact"], validate=True)
            except ValueError:  # binascii.Error is one
                raise invalid(f"{at}.artifact", "is not base64") from None
            files.append(("artifact", ("artifact.zip", data, "application/zip")))
        return {"files": files or [("", (None, ""))]}
    takes_texts = "contentSchema" in operation.body["properties"].get("spec", {})
    return {"json": texts if takes_texts else body}


def _resolved(value: object, answers: JsonDict, at: str) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(item, answers, f"{at}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, answers, f"{at}[{n}]") for n, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:
        return _field(whole, answers, at)
    return REFERENCE.sub(lambda found: str(_field(found, answers, at)), value)


def _field(found: re.Match[str], answers: JsonDict, at: str) -> object:
    value = answers.get(found[1])
    for word in found[2].split("."):
        if isinstance(value, list) and word.isdecimal() and int(word) < len(value):
            value = value[int(word)]
        else:
            value = value.get(word) if isinstance(value, dict) else None
    if value is None:
        raise invalid(at, f"{found[0]} is not a field of an earlier answer")
    return value
