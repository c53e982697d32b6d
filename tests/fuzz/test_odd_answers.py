"""Odd answers (numbers for texts, absurd dates, deep JSON) are told, never an internal error."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import peakctl.emulator as emulator_room
from peakctl.emulator import emulator_transport

EXAMPLES = Path(__file__).parents[2] / "manifests-examples"
DEEP = "[" * 3000 + "]" * 3000
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    7.5,
    10**30,
    "",
    "x",
    "9999-99-99T99:99:99Z",
    "0000-00-00",
    "\x1b[2J\u202e",
    [],
    [1],
    [None],
    ["x"],
    {},
    {"a": 1},
    [[]],
    [{}],
]
RUNS = 60
"""Commands for each draw; every one of them gets other odd values at other places."""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for part, inner in items:
            yield from leaves(inner, (*path, part))


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    part, *rest = path
    out = dict(value) if isinstance(value, dict) else list(value)
    out[part] = replaced(value[part], tuple(rest), odd)
    return out


class Odd(httpx.AsyncBaseTransport):
    """Changes one answer to a read in some, at one place."""

    def __init__(self, inner: httpx.AsyncBaseTransport, draw: random.Random) -> None:
        self._inner = inner
        self._draw = draw

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        body = await answer.aread()
        headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
        is_json = "json" in answer.headers.get("content-type", "")
        if request.method == "GET" and is_json and self._draw.random() < 0.3:
            body = self._changed(body)
        return httpx.Response(answer.status_code, headers=headers, content=body)

    def _changed(self, body: bytes) -> bytes:
        if self._draw.random() < 0.02:
            return DEEP.encode()
        value = json.loads(body)
        path = self._draw.choice(list(leaves(value)))
        return json.dumps(replaced(value, path, self._draw.choice(ODD))).encode()


@pytest.fixture(params=["workflow-block", "api-and-web-app", "forecast-workflow", "artifact-only"])
def project(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLES / request.param, tmp_path / "p", dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / "p")
    return tmp_path / "p"


@pytest.mark.parametrize("seed", range(2))
def test_an_odd_answer_is_no_internal_error(
    project: Path, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    emulator = make_emulator()
    done = peakctl("apply", "-y", emulator=emulator)
    assert done.code == 0, done.err
    draw = random.Random(seed)
    monkeypatch.setattr(
        emulator_room, "emulator_transport", lambda it: Odd(emulator_transport(it), draw)
    )
    commands = [["plan", "--prune"], ["plan", "-o", "json"], ["ledger", "show"]]
    commands += [["get", kind] for kind in ("images", "services", "workflows", "deployments")]
    commands += [["get", kind, "-o", "yaml"] for kind in ("blockspecs", "appspecs", "artifacts")]
    for _ in range(RUNS):
        words = draw.choice(commands)
        done = peakctl(*words, emulator=emulator)
        assert "internal/" not in done.err + done.out, (words, done.err)
        assert "\x1b[2J" not in done.err + done.out
