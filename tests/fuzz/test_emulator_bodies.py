"""Bodies drawn from the emulator's own shapes, nearly right, meet no status that is not described.

Deeper than what schemathesis draws: ids that exist stand where ids belong, and JSON in texts and
parts is drawn too. PEAKCTL_FUZZ says how many for each call.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import httpx
import hypothesis
import pytest
from hypothesis import strategies as st

from peakctl.emulator import Emulator, Options, emulator_transport
from peakctl.emulator.admin import description, seed
from peakctl.emulator.options import DURATIONS

EXAMPLES = int(os.environ.get("PEAKCTL_FUZZ", "5"))
AT_ONCE = dict.fromkeys(DURATIONS, 0)
DESCRIBED = json.loads(description())
RELEASE = {"version": "1.0.0"}
HEAD = {"version": 1, "metadata": {"name": "n", "summary": "s"}, "release": RELEASE}
STEPS = {"a": {"type": "sql", "sqlQueryPath": "q"}}
SOURCE = {"source": "dockerfile", "dockerfile": "FROM scratch"}
FAILING = {"source": "dockerfile", "dockerfile": "FROM scratch\nRUN exit 1"}
EMPTY = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
NUMBER = {"name": "x", "type": "number", "required": False}
BLOCK = {**HEAD, "kind": "workflow", "config": {"steps": STEPS}}
APP = {**HEAD, "kind": "app", "config": [{"id": "${block.id}", "release": RELEASE}]}
WORLD = [
    {"kind": "image", "as": "image", "body": {"name": "i", "type": "api", "buildDetails": SOURCE}},
    {
        "kind": "service",
        "as": "service",
        "body": {"name": "s", "imageDetails": {"imageId": "${image.imageId}"}},
    },
    {"kind": "workflow", "as": "workflow", "body": {"name": "w", "steps": STEPS}},
    {"kind": "artifact", "as": "artifact", "body": {"name": "a"}, "artifact": EMPTY},
    {
        "kind": "image",
        "as": "broken",
        "body": {"name": "b", "type": "api", "buildDetails": FAILING},
    },
    {
        "kind": "block-spec",
        "as": "block",
        "body": {"spec": BLOCK, "parameters": {"run": [NUMBER], "build": [NUMBER]}},
    },
    {"kind": "app-spec", "as": "app", "body": {"spec": APP}},
    {"kind": "block-deployment", "as": "blocked", "body": {"spec": {"id": "${block.id}"}}},
    {"kind": "app-deployment", "as": "apped", "body": {"spec": {"id": "${app.id}"}}},
]
PLACES = {
    "{name}/test": "=s",
    "/images/{image}/versions/{version}": "broken.imageId broken.versionId",
    "/artifacts/": "artifact.id artifact.version",
    "/images/": "image.imageId",
    "/webapps/": "service.id",
    "/workflows/": "workflow.id",
    "/blocks/specs/": "block.id",
    "/apps/specs/": "app.id",
    "/apps/deployments/": "apped.id",
    "/deployments/": "blocked.id",
}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from(["", "a", "n", "x", "1.0.0", "2.0.0", "@param:x", "* * * * *", "é\x00"])
ANYTHING: dict[str, Any] = {"not": {"type": "null"}}
CALLS = [
    (method, path, media)
    for path, methods in sorted(DESCRIBED["paths"].items())
    for method, one in methods.items()
    for media in one.get("requestBody", {}).get("content", {})
    if not path.startswith("/_emulator")
]


class LiveState:
    """An emulator with one of most things; `ids` by the names of fields that mean them."""

    def __init__(self) -> None:
        self.emulator = Emulator(options=Options(**AT_ONCE, strict_names=False))
        made = asyncio.run(seed(self.emulator, {"resources": WORLD}))
        self.answers = {each["as"]: each["answer"] for each in made}
        image = self.answers["image"]
        specs = [self.answers[name]["id"] for name in ("block", "app")]
        self.ids: dict[str, list[Any]] = {
            "imageId": [image["imageId"]],
            "versionId": [image["versionId"]],
            "imageVersionId": [image["versionId"]],
            "id": [*specs, image["imageId"]],
            "kind": ["workflow", "service", "app"],
            "releaseVersion": ["1.0.0"],
            "version": [1, "1.0.0", "1.0.1", "2.0.0"],
            "name": ["n", "m"],
            "steps": [STEPS],
            "config": [{"steps": STEPS}, [{"id": specs[0], "release": RELEASE}]],
            "release": [{"version": "3.0.0"}],
        }

    def path(self, path: str) -> str:
        """The path with ids that exist in its first places, and 1 in the others."""
        words = next((words for part, words in PLACES.items() if part in path), "=1").split()
        for word in words:
            path = re.sub(r"\{\w+\}", self._value(word), path, count=1)
        return re.sub(r"\{\w+\}", "1", path)

    def _value(self, word: str) -> str:
        name, _, field = word.partition(".")
        return word[1:] if word.startswith("=") else str(self.answers[name][field])


@pytest.fixture
def world() -> Iterator[LiveState]:
    made = LiveState()
    yield made
    made.emulator.close()


def drawn(schema: dict[str, Any], ids: dict[str, list[Any]], name: str = "") -> Any:
    """Values of a schema, now and then something else, and often ids that exist."""
    right = _right(schema, ids)
    if name in ids:
        known = st.sampled_from(ids[name])
        right = known if schema == ANYTHING else known | right
    return st.integers(0, 24).flatmap(lambda turn: right if turn else JUNK)


def _right(schema: dict[str, Any], ids: dict[str, list[Any]]) -> Any:
    if "anyOf" in schema:
        return st.one_of(*(_right(each, ids) for each in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "contentSchema" in schema:
        return drawn(schema["contentSchema"], ids).map(json.dumps)
    if schema.get("type") == "object":
        return _map(schema, ids)
    if schema.get("type") == "array":
        return st.lists(drawn(schema.get("items", {}), ids), max_size=3)
    numbers = st.integers(schema.get("minimum", -1), schema.get("maximum", 50))
    plain = {"string": WORDS, "integer": numbers, "boolean": st.booleans(), "null": st.none()}
    return plain.get(schema.get("type", ""), JUNK)


def _map(schema: dict[str, Any], ids: dict[str, list[Any]]) -> Any:
    known = {k: drawn(each, ids, k) for k, each in schema.get("properties", {}).items()}
    needed = {k: known.pop(k) for k in schema.get("required", ())}
    fixed = st.fixed_dictionaries(needed, optional=known)
    more = schema.get("additionalProperties")
    return st.dictionaries(WORDS, drawn(more, ids), max_size=3) if more else fixed


def as_parts(body: Any) -> list[tuple[str, Any]]:
    words = body if isinstance(body, dict) else {"spec": body}
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in words.items()}
    zipped = b"PK\x05\x06" + bytes(18)
    return [
        (name, ("a.zip", zipped, "application/zip") if name == "artifact" else (None, text))
        for name, text in texts.items()
    ] or [("x", (None, ""))]


def send(world: LiveState, method: str, path: str, **more: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = emulator_transport(world.emulator)
        async with httpx.AsyncClient(transport=transport, base_url="http://peak") as client:
            headers = {"Authorization": "seed"}
            return await client.request(method.upper(), path, headers=headers, **more)

    return asyncio.run(ask())


@pytest.mark.parametrize(("method", "path", "media"), CALLS)
def test_no_body_meets_what_is_not_described(
    method: str, path: str, media: str, world: LiveState
) -> None:
    operation = DESCRIBED["paths"][path][method]
    schema = operation["requestBody"]["content"][media]["schema"]

    @hypothesis.seed(7)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(body=drawn(schema, world.ids))
    def ask(body: Any) -> None:
        parts = {"files": as_parts(body)} if "multipart" in media else {"json": body}
        answer = send(world, method, world.path(path), **parts)
        assert str(answer.status_code) in operation["responses"], answer.text

    ask()
    read_all(world)


def read_all(world: LiveState) -> None:
    """Whatever a write took, no read may stumble over."""
    for path in DESCRIBED["paths"]:
        if "get" in DESCRIBED["paths"][path] and not path.startswith("/_emulator"):
            answer = send(world, "get", world.path(path))
            described = DESCRIBED["paths"][path]["get"]["responses"]
            assert str(answer.status_code) in described, (path, answer.text)
