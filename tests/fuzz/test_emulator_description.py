"""The emulator's description is true: drawn requests meet only what it says, and never a 5xx.

The normal run draws a few requests for each call; PEAKCTL_FUZZ=200 (`make fuzz-emulator`) draws so
many.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from peakctl.emulator import Emulator, Options
from peakctl.emulator.admin import ADMIN, seed
from peakctl.emulator.calls import Call
from peakctl.emulator.operations import OPERATIONS as PLATFORM
from peakctl.emulator.options import DURATIONS

OPERATIONS = {(each.method, each.path): each for each in (*PLATFORM, *ADMIN)}
EXAMPLES = int(os.environ.get("PEAKCTL_FUZZ", "3"))
AT_ONCE = dict.fromkeys(DURATIONS, 0)
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
STEP = {"type": "sql", "sqlQueryPath": "q"}
RELEASE = {"version": "1.0.0"}
PARAMETERS = {"run": [{"name": "n", "type": "number", "required": False}]}
BLOCK = {"version": 1, "kind": "workflow", "release": RELEASE, "config": {"steps": {"a": STEP}}}
WORLD = [
    {
        "kind": "image",
        "as": "image",
        "body": {
            "name": "i",
            "type": "api",
            "buildDetails": {"source": "dockerfile", "dockerfile": "FROM scratch"},
        },
    },
    {
        "kind": "service",
        "as": "service",
        "body": {
            "name": "s",
            "serviceType": "api",
            "imageDetails": {"imageId": "${image.imageId}"},
        },
    },
    {"kind": "workflow", "as": "workflow", "body": {"name": "w", "steps": {"a": STEP}}},
    {
        "kind": "block-spec",
        "as": "block",
        "body": {
            "spec": {**BLOCK, "metadata": {"name": "b", "summary": "s"}},
            "scope": "private",
            "parameters": PARAMETERS,
        },
    },
    {
        "kind": "app-spec",
        "as": "app",
        "body": {
            "spec": {
                "version": 1,
                "kind": "app",
                "metadata": {"name": "a", "summary": "s"},
                "release": RELEASE,
                "config": [{"id": "${block.id}", "release": RELEASE}],
            },
            "scope": "private",
        },
    },
    {"kind": "block-deployment", "as": "blocked", "body": {"spec": {"id": "${block.id}"}}},
    {"kind": "app-deployment", "as": "apped", "body": {"spec": {"id": "${app.id}"}}},
    {
        "kind": "email",
        "as": "email",
        "body": {"recipients": ["a@b.c"], "subject": "s", "templateName": "default-template"},
    },
    {
        "kind": "artifact",
        "as": "artifact",
        "body": {"name": "a"},
        "artifact": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==",
    },
]
PLACES = {
    "/artifacts/": {"id": "artifact.id", "version": "artifact.version"},
    "/images/": {"image": "image.imageId", "version": "image.versionId", "build": "image.buildId"},
    "/webapps/": {"id": "service.id", "name": "=s"},
    "/workflows/": {"id": "workflow.id"},
    "/blocks/specs/": {"id": "block.id", "version": "=1.0.0"},
    "/apps/specs/": {"id": "app.id", "version": "=1.0.0"},
    "/press/v1/specs/": {"id": "block.id"},
    "/blocks/deployments/": {"id": "blocked.id", "revision": "=1"},
    "/press/v1/deployments/": {"id": "blocked.id"},
    "/apps/deployments/": {"id": "apped.id", "revision": "=1"},
    "/v2/deployments/": {"id": "apped.id"},
    "/templates/": {"name": "=default-template"},
    "/emails/": {"id": "email.id"},
}
RISKY = ("/_emulator/faults", "/_emulator/options", "/_emulator/clock", "/_emulator/seed")


class LiveState:
    """An emulator with one of everything; its answers by name."""

    def __init__(self) -> None:
        self.emulator = Emulator(options=Options(**AT_ONCE))
        made = asyncio.run(seed(self.emulator, {"resources": WORLD}))
        self.answers = {each["as"]: each["answer"] for each in made}

    def known(self, path: str) -> dict[str, str]:
        """Ids that exist, for the placeholders of a path."""
        words = next((words for place, words in PLACES.items() if place in path), {})
        return {name: self._value(word) for name, word in words.items()}

    def _value(self, word: str) -> str:
        name, _, field = word.partition(".")
        return word[1:] if word.startswith("=") else str(self.answers[name][field])


@pytest.fixture
def world() -> Iterator[LiveState]:
    made = LiveState()
    yield made
    made.emulator.close()


@schemathesis.serializer("application/zip")
def _zip(ctx: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def may_replace(case: Any, location: ParameterLocation) -> bool:
    """Whether what was drawn there was not meant to be wrong."""
    info = case.meta.components.get(location) if case.meta else None
    return info is None or info.mode is GenerationMode.POSITIVE


@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS))
def test_drawn_requests_meet_what_the_description_says(
    method: str, path: str, world: LiveState, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path in RISKY and method != "GET":
        world.emulator.faults = []
    schema = schemathesis.openapi.from_asgi("/_emulator/openapi.json", world.emulator.app)
    operation = schema[path][method]
    drawn = operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    asked = spy(monkeypatch)

    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=drawn, exists=st.integers(0, 3))
    def ask(case: Any, exists: int) -> None:
        if exists and may_replace(case, ParameterLocation.PATH):
            case.path_parameters = {**(case.path_parameters or {}), **in_path(world, path)}
        if may_replace(case, ParameterLocation.HEADER):
            case.headers = {"Authorization": "any"}
        response = case.call()
        world.emulator.faults = []
        case.validate_response(response, checks=CHECKS)

    ask()
    assert asked <= set(OPERATIONS[method, path].query)


def in_path(world: LiveState, path: str) -> dict[str, str]:
    return {k: v for k, v in world.known(path).items() if f"{{{k}}}" in path}


def spy(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the query parameters that handlers look at."""
    asked: set[str] = set()

    def watching(real: Any) -> Any:
        def watched(call: Call, query: str) -> Any:
            asked.add(query)
            return real(call, query)

        return watched

    for name in ("ask", "asks"):
        monkeypatch.setattr(Call, name, watching(getattr(Call, name)))
    return asked
