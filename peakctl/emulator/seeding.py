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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from peakctl.emulator.problems import Problem, invalid
from peakctl.emulator.shapes import LINE, anything, check, items, mapping, record, text

if TYPE_CHECKING:
    import httpx

    from peakctl.emulator.served import Served

REFERENCE = re.compile(r"\$\{([\w-]+)\.([\w.-]+)\}")
IMAGES = "/service/image-management/api/v2/images/"
SERVICES = "/service/webapps/api/v1/webapps/"


@dataclass(frozen=True, slots=True)
class Way:
    """The call that creates a kind; `body` is how it takes its body (contract, section 1.3)."""

    path: str
    body: Literal["json", "parts", "texts"] = "json"
    method: str = "POST"


WAYS = {
    "artifact": Way("/service/artifacts/api/v1/artifacts/", "parts"),
    "artifact-version": Way("/service/artifacts/api/v1/artifacts/{artifact}", "parts", "PUT"),
    "image": Way(IMAGES, "parts"),
    "image-version": Way(IMAGES + "{image}/versions", "parts"),
    "service": Way(SERVICES),
    "webapp": Way(SERVICES),
    "workflow": Way("/service/workflows/api/v1/workflows/"),
    "block-spec": Way("/press/v1/blocks/specs/", "parts"),
    "block-release": Way("/press/v1/blocks/specs/{spec}/releases", "parts"),
    "app-spec": Way("/press/v1/apps/specs/", "texts"),
    "app-release": Way("/press/v1/apps/specs/{spec}/releases"),
    "block-deployment": Way("/press/v1/blocks/deployments/"),
    "app-deployment": Way("/press/v1/apps/deployments/"),
    "email": Way("/service/notifications/api/v1/emails"),
    "email-template": Way("/_emulator/email-templates"),
}
RESOURCE = record(
    {"kind": text(*WAYS), "body": record({})},
    {"as": LINE, "in": mapping(anything), "artifact": LINE},
)
RESOURCES = items(RESOURCE)
TENANT = text(pattern="[A-Za-z0-9_-]{1,64}")
SEED = record({"resources": RESOURCES}, {"tenant": TENANT})


async def seed(emulator: Served, document: Any) -> list[dict[str, Any]]:
    """Create all resources in order, builds and deployments at once done; the answers.

    Stops at the first refusal: raises a `Problem` that says which resource it was. What was created
    before stays.
    """
    found = document if isinstance(document, list) else None
    if found is None:
        check(SEED, document, "seed")
        found = document["resources"]
    check(RESOURCES, found, "resources")
    tenant = document.get("tenant") if isinstance(document, dict) else None
    async with _client(emulator, tenant) as client:
        return await _create_all(client, found)


def _client(emulator: Served, tenant: str | None) -> httpx.AsyncClient:
    import httpx

    from peakctl.emulator.transport import emulator_transport

    token = f"tenant:{tenant}:seed" if tenant else "seed"
    return httpx.AsyncClient(
        transport=emulator_transport(emulator.instant()),
        base_url="http://peak",
        headers={"Authorization": token},
    )


async def _create_all(
    client: httpx.AsyncClient, resources: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    answers: dict[str, Any] = {}
    made: list[dict[str, Any]] = []
    for index, resource in enumerate(resources):
        at = f"resources[{index}]"
        answer = await _create(client, resource, answers, at)
        answers[resource.get("as") or ""] = answer
        made.append({"kind": resource["kind"], "as": resource.get("as"), "answer": answer})
    return made


async def _create(
    client: httpx.AsyncClient, resource: dict[str, Any], answers: dict[str, Any], at: str
) -> Any:
    way = WAYS[resource["kind"]]
    body = _resolved(resource["body"], answers, f"{at}.body")
    ids = _resolved(resource.get("in") or {}, answers, f"{at}.in")
    try:
        path = way.path.format(**{name: quote(str(key), safe="") for name, key in ids.items()})
    except KeyError as error:
        raise invalid(f"{at}.in.{error.args[0]}", "is required") from None
    response = await client.request(way.method, path, **_sent(way, body, resource, at))
    if response.status_code >= 300:
        detail = response.json()["detail"]
        raise Problem(response.status_code, f"{at} ({resource['kind']}): {detail}")
    return response.json()


def _sent(way: Way, body: dict[str, Any], resource: dict[str, Any], at: str) -> dict[str, Any]:
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items()}
    if way.body == "parts":
        files: list[tuple[str, Any]] = [(name, (None, value)) for name, value in texts.items()]
        if resource.get("artifact"):
            data = _archive(resource["artifact"], f"{at}.artifact")
            files.append(("artifact", ("artifact.zip", data, "application/zip")))
        return {"files": files or [("", (None, ""))]}
    return {"json": texts if way.body == "texts" else body}


def _archive(encoded: str, at: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:  # binascii.Error is one
        raise invalid(at, "is not base64") from None


def _resolved(value: Any, answers: dict[str, Any], at: str) -> Any:
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


def _field(found: re.Match[str], answers: dict[str, Any], at: str) -> Any:
    value = answers.get(found[1])
    for word in found[2].split("."):
        if isinstance(value, list) and word.isdecimal() and int(word) < len(value):
            value = value[int(word)]
        else:
            value = value.get(word) if isinstance(value, dict) else None
    if value is None:
        raise invalid(at, f"{found[0]} is not a field of an earlier answer")
    return value
