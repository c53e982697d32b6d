"""The socket transport against a real server on the loopback interface."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpx
import pytest
from chaos.clock import FakeClock

from peakctl.api import sockets
from peakctl.api.client import Api, socket_transport
from peakctl.api.limits import Limits
from peakctl.errors import ApiError, PeakctlError
from peakctl.model import Secret
from peakctl.settings import read_network

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LIMITS = Limits(attempts=2, read=5.0, connect=5.0)


class Server:
    """Answers each request with the next of `replies`: bytes, or None to close the connection."""

    def __init__(self, *replies: bytes | None) -> None:
        self.replies = list(replies)
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.base = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        length = next(
            (int(v) for k, _, v in (line.partition(":") for line in head.split("\r\n"))
             if k.lower() == "content-length"), 0)  # fmt: skip
        self.bodies.append(await reader.readexactly(length))
        reply = self.replies.pop(0)
        if reply is None:
            return False
        writer.write(reply)
        await writer.drain()
        return b"Connection: close" not in reply


def ok(body: bytes = b"{}", extra: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


def run(server: Server, use: Callable[[Api], Awaitable[object]], limits: Limits = LIMITS) -> object:
    async def main() -> object:
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        server.base = f"http://127.0.0.1:{port}"
        async with listening, api(server.base, limits) as client:
            return await use(client)

    return asyncio.run(main())


def api(base: str, limits: Limits) -> Api:
    return Api(
        transport=socket_transport(limits),
        bases={"service": f"{base}/service", "press": f"{base}/press"},
        token=Secret("secret-token"),
        clock=FakeClock(),
        limits=limits,
        chance=lambda: 0.0,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_request_arrives_as_it_was_asked_for() -> None:
    server = Server(ok(b'{"id": 1}'))
    query = [("name", "a b&c,d/é"), ("status", "x"), ("status", "y")]
    assert run(server, lambda a: a.get("service/web%2Fapps/v1/", query)) == {"id": 1}
    line, *headers = server.heads[0].split("\r\n")
    assert line.startswith("GET /service/web%2Fapps/v1/?name=a+b%26c")
    assert line.endswith("&status=x&status=y HTTP/1.1")
    assert "Authorization: secret-token" in headers
    assert not [h for h in headers if h.lower().startswith(("content-", "cookie"))]


def test_a_large_upload_arrives_whole_with_its_length() -> None:
    server = Server(ok())
    body = {"text": "x" * 3_000_000}
    run(server, lambda a: a.send("POST", "service/artifacts/", json=body))
    assert len(server.bodies[0]) == 3_000_000 + len('{"text": ""}')
    assert "transfer-encoding" not in server.heads[0].lower()


def test_connections_are_used_again() -> None:
    server = Server(ok(), ok(), ok())

    async def thrice(client: Api) -> None:
        for _ in range(3):
            await client.get("service/x")

    run(server, thrice)
    assert server.connections == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH"])
def test_a_write_is_not_sent_again_when_the_connection_breaks(method: str) -> None:
    server = Server(ok(), None, ok())

    async def use(client: Api) -> None:
        await client.get("service/x")
        await client.send(method, "service/x", json={})

    with pytest.raises(ApiError) as caught:
        run(server, use)
    assert caught.value.doubtful
    assert caught.value.diagnostics[0].code == "api/broken"
    assert len(server.heads) == 2


def test_a_read_is_sent_again_when_the_connection_breaks() -> None:
    server = Server(None, ok(b"[1]"))
    assert run(server, lambda a: a.get("service/x")) == [1]
    assert len(server.heads) == 2


def test_a_read_is_sent_again_when_the_answer_is_cut_short() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{"
    server = Server(cut, ok(b"[1]"))
    assert run(server, lambda a: a.get("service/x")) == [1]


def test_a_write_whose_answer_is_cut_short_is_in_doubt() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{"
    server = Server(cut, ok())
    with pytest.raises(ApiError) as caught:
        run(server, lambda a: a.send("POST", "service/x", json={}))
    assert caught.value.doubtful
    assert len(server.heads) == 1


def test_an_answer_that_is_not_http_leaves_a_write_in_doubt() -> None:
    server = Server(b"what?\r\nConnection: close\r\n\r\n")
    with pytest.raises(ApiError) as caught:
        run(server, lambda a: a.send("POST", "service/x", json={}))
    assert caught.value.doubtful


def test_a_refused_connection_is_no_doubt_and_is_tried_again() -> None:
    base = f"http://127.0.0.1:{free_port()}"

    async def main() -> int:
        async with api(base, LIMITS) as client:
            with pytest.raises(ApiError) as caught:
                await client.send("POST", "service/x", json={})
            assert not caught.value.doubtful
            assert caught.value.diagnostics[0].code == "api/unreachable"
            return client.requests

    assert asyncio.run(main()) == 2


def test_silence_after_a_write_is_doubt() -> None:
    stuck = Server(b"")
    limits = Limits(attempts=2, read=0.05)
    with pytest.raises(ApiError) as caught:
        run(stuck, lambda a: a.send("POST", "service/x", json={}), limits)
    assert caught.value.doubtful
    assert caught.value.diagnostics[0].code == "api/timeout"


def test_a_redirect_to_another_host_goes_without_the_token() -> None:
    async def main() -> None:
        there = Server(ok(b"zip"))
        async with await asyncio.start_server(there, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            moved = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://localhost:{port}/s?sig=1\r\n\r\n"
            here = Server(moved.encode())
            async with await asyncio.start_server(here, "127.0.0.1", 0) as front:
                base = f"http://127.0.0.1:{front.sockets[0].getsockname()[1]}"
                async with api(base, LIMITS) as client:
                    assert await client.download("service/a/download") == b"zip"
        assert "secret-token" in here.heads[0]
        assert there.heads[0].startswith("GET /s?sig=1 ")
        assert "secret-token" not in there.heads[0]

    asyncio.run(main())


def test_a_failed_tls_handshake_means_that_nothing_was_sent() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
            base = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            async with api(base, LIMITS) as client:
                with pytest.raises(ApiError) as caught:
                    await client.send("POST", "service/x", json={})
        assert caught.value.diagnostics[0].code == "api/unreachable"
        assert not caught.value.doubtful

    asyncio.run(main())


PROXIES = {"HTTP_PROXY": "http://proxy:3128", "HTTPS_PROXY": "http://user:pw@proxy:3129"}


@pytest.mark.parametrize(
    ("url", "env", "expected"),
    [
        ("http://peak.ai", PROXIES, "http://proxy:3128"),
        ("https://peak.ai", PROXIES, "http://proxy:3129"),
        ("https://peak.ai", {"ALL_PROXY": "proxy:1"}, "http://proxy:1"),
        ("https://peak.ai", {**PROXIES, "https_proxy": "http://lower:1"}, "http://lower:1"),
        ("https://peak.ai", {**PROXIES, "https_proxy": ""}, None),
        ("https://peak.ai", {**PROXIES, "https_proxy": "", "all_proxy": "a:1"}, "http://a:1"),
        ("https://peak.ai", {}, None),
        ("http://127.0.0.1:8080", PROXIES, None),
        ("https://inside.corp", {**PROXIES, "NO_PROXY": "x, .corp"}, None),
        ("https://inside.corp", {**PROXIES, "NO_PROXY": "corp"}, None),
        ("https://inside.corp", {**PROXIES, "NO_PROXY": "*.corp:443"}, None),
        ("https://inside.corp", {**PROXIES, "NO_PROXY": "side.corp,corp:80"}, "http://proxy:3129"),
        ("https://inside.corp", {**PROXIES, "no_proxy": "*"}, None),
        ("https://10.1.2.3", {**PROXIES, "NO_PROXY": "10.0.0.0/8"}, None),
        ("https://11.1.2.3", {**PROXIES, "NO_PROXY": "10.0.0.0/8,x/y"}, "http://proxy:3129"),
        ("https://inside.corp", {**PROXIES, "NO_PROXY": "10.0.0.0/8"}, "http://proxy:3129"),
    ],
)
def test_the_proxy_of_the_variables_is_used_where_it_applies(
    url: str, env: dict[str, str], expected: str | None
) -> None:
    proxy = sockets._proxy_for(httpx.URL(url), read_network(env))
    assert (str(proxy.url) if proxy else None) == expected


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("socks5://u:hunter2@proxy:1", "socks5 proxy"),
        ("http://u:hunter2@", "not the address of a proxy"),
        ("http://u:hunter2@proxy:port", "not the address of a proxy"),
        ("http://u:hunter2@proxy:0", "not the address of a proxy"),
        ("http://u:hunter2@[::1", "not the address of a proxy"),
        ("http://u:hunter2@pro xy", "not the address of a proxy"),
        ("hunter2@proxy:99999", "not the address of a proxy"),
    ],
)
def test_a_wrong_proxy_is_told_by_its_variable_alone(address: str, words: str) -> None:
    network = read_network({"HTTPS_PROXY": address})
    with pytest.raises(PeakctlError, match=words) as caught:
        sockets._proxy_for(httpx.URL("https://peak.ai"), network)
    (told,) = caught.value.diagnostics
    assert told.code == "settings/proxy"
    assert told.summary.startswith("HTTPS_PROXY: ")
    assert "hunter2" not in repr(told) + repr(network)


def test_other_systems_have_settings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "http://p:1", "no": ""})
    assert sockets._with_system(read_network({})).proxies == {}
    monkeypatch.setattr(sockets, "_HAS_SYSTEM", True)
    assert sockets._with_system(read_network({})).proxies["https"].value == "http://p:1"
    named = read_network({"ALL_PROXY": "http://q:1"})
    assert sockets._with_system(named) is named


def test_a_proxy_that_cannot_be_reached_means_that_nothing_was_sent() -> None:
    async def main() -> None:
        network = read_network({"HTTP_PROXY": f"http://127.0.0.1:{free_port()}"})
        transport = sockets.SocketTransport(LIMITS, network)
        with pytest.raises(httpx.ProxyError, match="the proxy of HTTP_PROXY"):
            await transport.handle_async_request(httpx.Request("POST", "http://peak.invalid/"))
        await transport.aclose()

    asyncio.run(main())
