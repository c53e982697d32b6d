"""The client of hosts: what it follows, how much it reads, and what it says of what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from peakctl.errors import HostError, Severity
from peakctl.hosts import client as module
from peakctl.hosts.client import HostClient

BASE = "https://host.example.com/api"


def ask(answer: Callable[[httpx.Request], httpx.Response], method: str = "get", *args: Any) -> Any:
    async def run() -> Any:
        headers = {"Authorization": "Bearer secret-token"}
        async with HostClient(httpx.MockTransport(answer), BASE, headers) as client:
            return await getattr(client, method)("/things", *args)

    return asyncio.run(run())


def test_a_redirect_is_followed_to_the_same_host_alone() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url}")
        if request.url.path == "/api/things":
            return httpx.Response(301, headers={"Location": "/api/renamed"})
        return httpx.Response(200, json={"ok": True})

    assert ask(answer) == {"ok": True}
    assert seen == [f"GET {BASE}/things", f"GET {BASE}/renamed"]
    with pytest.raises(HostError, match="answers 301"):
        ask(answer, "post", {})  # a 301 would turn it into another request


@pytest.mark.parametrize(
    "location",
    ["https://evil.example.com/api/things", "http://host.example.com/api/things", "//evil", ""],
)
def test_the_token_goes_nowhere_else(location: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url).startswith(BASE)
        return httpx.Response(307, headers={"Location": location})

    with pytest.raises(HostError, match="answers 307") as caught:
        ask(answer)
    assert caught.value.status == 307


def test_an_answer_without_end_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(HostError, match="was not reached: more than"):
        ask(lambda _: httpx.Response(200, content=b"x" * 2000))


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (httpx.Response(200, text="<html>"), "answers 200 with something that is no JSON"),
        (httpx.Response(404, json={"message": "Not Found"}), "answers 404: .* (.Not Found.)"),
        (httpx.Response(403, json={"error": "\x1b[2Jno\nscope"}), "answers 403: the token may not"),
        (httpx.Response(503, text="oops"), "answers 503: it failed$"),
        (httpx.Response(418, json=[1]), "answers 418: it was refused$"),
    ],
)
def test_what_goes_wrong_is_one_line_without_the_token(response: httpx.Response, told: str) -> None:
    with pytest.raises(HostError, match=told) as caught:
        ask(lambda _: response)
    (problem,) = caught.value.diagnostics
    assert problem.severity is Severity.WARNING
    assert "\n" not in problem.summary
    assert "\x1b" not in problem.summary
    assert "secret-token" not in problem.summary


def test_an_empty_answer_is_nothing() -> None:
    assert ask(lambda _: httpx.Response(204)) == {}


def test_pages_are_read_to_the_end_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(module, "MOST_PAGES", 3)
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["page"])
        return httpx.Response(200, json=[{"n": 1}, "odd"][: 2 if asked[-1] != "9" else 1])

    async def run() -> list[Any]:
        async with HostClient(httpx.MockTransport(answer), BASE, {}) as client:
            return [each async for each in client.pages("/things")]

    assert asyncio.run(run()) == [{"n": 1}] * 3
    assert asked == ["1", "2", "3"]


FILE = "https://files.example.net/1.zip?sig=1"


def download(answer: Callable[[httpx.Request], httpx.Response], most: int = 100) -> Any:
    return ask(answer, "download", most)


def test_a_file_is_fetched_from_elsewhere_without_the_token() -> None:
    seen: list[tuple[str, bool]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), "authorization" in request.headers))
        if request.url.host == "host.example.com":
            return httpx.Response(302, headers={"Location": FILE})
        return httpx.Response(200, content=b"zip")

    assert download(answer) == b"zip"
    assert seen == [(f"{BASE}/things", True), (FILE, False)]


@pytest.mark.parametrize("where", ["http://files.example.net/1.zip", "ftp://x/1", "", FILE])
def test_a_file_is_fetched_over_https_alone_and_not_in_circles(where: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": where})

    with pytest.raises(HostError, match="answers 302"):
        download(answer)
    assert len(asked) <= 4
    assert not any(each.startswith(("http:", "ftp:")) for each in asked)


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (httpx.Response(200, content=b"x" * 101), "was not reached: more than"),
        (httpx.Response(410, json={"message": "expired"}), "answers 410: it is not there any more"),
        (httpx.Response(204), "answers 204, and no file"),
        (httpx.Response(500, text="oops"), "answers 500: it failed"),
    ],
)
def test_a_file_that_is_none(response: httpx.Response, told: str) -> None:
    with pytest.raises(HostError, match=told):
        download(lambda _: response)
