"""Answers that no honest platform gives: each read changed in one place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x1b[31mhostile\x1b[0m\x9b1m\u202e\r\b"
GONE = object()


def _deep() -> Any:
    value: Any = []
    for _ in range(300):
        value = [value]
    return value


VALUES: tuple[Any, ...] = (
    GONE,
    None,
    True,
    0,
    -1,
    10**400,
    1e308,
    "",
    ESCAPE,
    "../../x?y#z",
    "9" * 5000,
    [],
    {},
    [None],
    [[]],
    [1, "a", {}],
    {"id": None},
    {"a": {"b": [{"c": ESCAPE}]}},
    [{"name": ESCAPE, "id": ESCAPE}],
    _deep(),
)
"""What may stand in the place of any value."""
TEXTS: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"7",
    b"{",
    b"\xff\xfe",
    b"[" * 5000,
    b"<p>",
)
"""What may stand in the place of a whole answer."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the whole first."""
    yield path
    if isinstance(value, dict | list):
        for part, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, part))


def changed(value: Any, path: tuple[Any, ...], instead: Any) -> Any:
    """A copy with something else at a place; without it for `GONE`."""
    if not path:
        return None if instead is GONE else instead
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and instead is GONE:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(copy[path[0]], path[1:], instead)
    return copy


@dataclass
class Mutating(httpx.AsyncBaseTransport):
    """Changes the answer to the `at`-th request that gives JSON, as `chance` will have it.

    `told` says what was changed. With `writes` it is those to writes that are changed.
    """

    inner: httpx.AsyncBaseTransport
    at: int
    chance: random.Random
    writes: bool = False
    count: int = 0
    told: str = ""
    seen: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        if (request.method == "GET") is self.writes or response.status_code >= 300:
            return response
        self.count += 1
        if self.count - 1 != self.at:
            return response
        return self._change(request, response, await response.aread())

    def _change(
        self, request: httpx.Request, response: httpx.Response, body: bytes
    ) -> httpx.Response:
        where = f"{request.method} {request.url.path}"
        if "json" not in response.headers.get("content-type", "") or self.chance.random() < 0.1:
            text = self.chance.choice(TEXTS)
            self.told = f"{where}: {text[:20]!r}"
            return httpx.Response(200, content=text)
        value = json.loads(body)
        path = self.chance.choice(list(places(value)))
        instead = self.chance.choice(VALUES)
        self.told = f"{where}: {path} = {'gone' if instead is GONE else repr(instead)[:60]}"
        return httpx.Response(200, content=json.dumps(changed(value, path, instead)).encode())
