"""HTTP/1.1 on real sockets: every way an answer can come in, proxies, and what counts as unsent."""

from __future__ import annotations

import asyncio
import base64
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.api import connection, sockets
from peakctl.api.limits import Limits
from peakctl.api.sockets import SocketTransport
from peakctl.settings import read_network

TLS = Path(__file__).parents[2] / "data" / "tls"
TRUST = {"SSL_CERT_FILE": str(TLS / "ca.pem")}
LIMITS = Limits(connect=5.0, read=5.0)
QUICK = Limits(connect=5.0, read=0.05)
Use = Callable[[SocketTransport, str], Awaitable[object]]


class Server:
    """Answers each request with the next of `replies`; None closes the connection.

    A reply is a list of parts with a turn of the loop between them, the empty one ends it.
    """

    def __init__(self, *replies: list[bytes] | None) -> None:
        self.replies = list(replies)
        self.seen: list[bytes] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.replies:
                self.seen.append(await reader.readuntil(b"\r\n\r\n"))
                if not await self.answer(writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, writer: asyncio.StreamWriter) -> bool:
        for part in self.replies.pop(0) or [b""]:
            if not part:
                return False
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        return True


def run(
    server: Server,
    use: Use,
    limits: Limits = LIMITS,
    env: dict[str, str] | None = None,
    certificate: str = "",
) -> object:
    async def main() -> object:
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / certificate, TLS / "server.key")
        async with await asyncio.start_server(server, "127.0.0.1", 0, ssl=context) as listening:
            port = listening.sockets[0].getsockname()[1]
            transport = SocketTransport(limits, read_network(env or {}))
            try:
                return await use(transport, f"http{'s' if certificate else ''}://127.0.0.1:{port}")
            finally:
                await transport.aclose()
                if serving := asyncio.all_tasks() - {asyncio.current_task()}:
                    await asyncio.wait(serving, timeout=5)

    return asyncio.run(main())


async def get(transport: SocketTransport, url: str) -> bytes:
    response = await transport.handle_async_request(httpx.Request("GET", url))
    try:
        return await response.aread()
    finally:
        await response.aclose()


def ok(body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def text(content: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        ([ok(b"abc")], b"abc"),
        ([ok(b"")], b""),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([b"HTTP/1.1 200 OK\r\n\r\nto the ", b"end", b""], b"to the end"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"], b"abc"),
        ([ok(gzip.compress(b"abc"), "Content-Encoding: gzip\r\n")], b"abc"),
        ([b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", ok(b"abc")], b"abc"),
        ([b"HTTP/1.0 200 OK\r\n\r\nabc", b""], b"abc"),
    ],
    ids=["length", "empty", "204", "to the end", "chunked", "gzip", "informational", "1.0"],
)
def test_a_body_is_whole_however_it_comes(reply: list[bytes], body: bytes) -> None:
    assert run(Server(reply), get) == body


@given(st.lists(st.integers(1, 60), max_size=6))
def test_it_does_not_matter_where_an_answer_is_cut(cuts: list[int]) -> None:
    whole = ok(b"some body", "X-A: 1\r\n") * 2

    async def twice(transport: SocketTransport, url: str) -> list[bytes]:
        return [await get(transport, url), await get(transport, url)]

    one = whole[: len(whole) // 2]
    places = sorted({0, len(one), *(cut for cut in cuts if cut < len(one))})
    parts = [one[a:b] for a, b in pairwise(places)]
    server = Server(parts, parts)
    assert run(server, twice) == [b"some body"] * 2
    assert server.connections == 1


def test_a_body_larger_than_what_may_wait_comes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_MOST_WAITING", 1000)
    body = bytes(range(256)) * 20_000
    assert run(Server([ok(body)]), get) == body


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ([HEAD + b"Content-Length: 9\r\n\r\nabc", b""], httpx.ReadError),
        ([HEAD + b"Content-", b""], httpx.ReadError),
        (None, httpx.ReadError),
        ([CHUNKED + b"3\r\nabc", b""], httpx.ReadError),
        ([CHUNKED + b"x\r\n"], httpx.RemoteProtocolError),
        ([b"what?\r\n\r\n"], httpx.RemoteProtocolError),
        ([UPGRADE], httpx.RemoteProtocolError),
        ([HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"], httpx.RemoteProtocolError),
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(
    reply: list[bytes] | None, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        run(Server(reply), get)


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (HEAD + b"X: ", b"a" * 65536),
        (HEAD, b"X: a\r\n" * 8192),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2048),
        (CHUNKED + b"0\r\n", b"X: a\r\n" * 8192),
    ],
    ids=["one header", "headers", "informational", "trailers"],
)
def test_headers_without_end_are_an_error(start: bytes, more: bytes) -> None:
    class Endless(Server):
        async def answer(self, writer: asyncio.StreamWriter) -> bool:
            writer.write(start)
            while not writer.transport.is_closing():
                writer.write(more)
                await writer.drain()
                await asyncio.sleep(0)
            return False

    with pytest.raises(httpx.RemoteProtocolError, match="have no end"):
        run(Endless([b"x"]), get)


@pytest.mark.parametrize("reply", [[b"\r\n"], [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"]])
def test_silence_is_a_time_out(reply: list[bytes]) -> None:
    with pytest.raises(httpx.ReadTimeout):
        run(Server(reply, [b"never asked for"]), get, QUICK)


@pytest.mark.parametrize(
    "reply",
    [
        [ok(b"a", "Connection: close\r\n")],
        [ok(b"a") + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"],
        [ok(b"a") + b"more"],
        [b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na"],
    ],
    ids=["closed", "two answers", "surplus", "1.0"],
)
def test_a_connection_that_is_not_sound_is_not_used_again(reply: list[bytes]) -> None:
    async def twice(transport: SocketTransport, url: str) -> list[bytes]:
        return [await get(transport, url), await get(transport, url)]

    server = Server(reply, [ok(b"2")])
    assert run(server, twice) == [b"a", b"2"]
    assert server.connections == 2


def test_what_comes_unasked_ends_a_connection() -> None:
    async def twice(transport: SocketTransport, url: str) -> list[bytes]:
        first = await get(transport, url)
        for _ in range(20):
            await asyncio.sleep(0.001)
        return [first, await get(transport, url)]

    server = Server([ok(b"a"), b"HTTP/1.1 408 Request Timeout\r\n\r\n"], [ok(b"2")])
    assert run(server, twice) == [b"a", b"2"]


def test_a_connection_that_waited_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_KEEP_ALIVE", 0.0)

    async def twice(transport: SocketTransport, url: str) -> list[bytes]:
        return [await get(transport, url), await get(transport, url)]

    server = Server([ok(b"1")], [ok(b"2")])
    assert run(server, twice) == [b"1", b"2"]
    assert server.connections == 2


def test_an_answer_that_is_given_up_closes_its_connection() -> None:
    async def halves(transport: SocketTransport, url: str) -> bytes:
        response = await transport.handle_async_request(httpx.Request("GET", url))
        await response.aclose()
        return await get(transport, url)

    server = Server([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"], [ok(b"2")])
    assert run(server, halves) == b"2"
    assert server.connections == 2


def test_a_cancelled_request_closes_its_connection() -> None:
    async def cancelled(transport: SocketTransport, url: str) -> bytes:
        task = asyncio.create_task(get(transport, url))
        while not transport._open:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not transport._open
        return await get(transport, url)

    assert run(Server([b"\r\n"], [ok(b"2")]), cancelled) == b"2"


def test_an_answer_before_the_end_of_a_request_is_taken() -> None:
    async def upload(transport: SocketTransport, url: str) -> int:
        request = httpx.Request(
            "POST", url, content=text(b"x" * 30_000_000), headers={"Content-Length": "30000000"}
        )
        response = await transport.handle_async_request(request)
        await response.aread()
        await response.aclose()
        assert not transport._open
        return response.status_code

    reply = [b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"]
    server = Server(reply)
    server.replies.append([b""])  # it reads no more, but does not close at once
    assert run(server, upload) == 413


def test_a_server_that_does_not_take_a_request_is_a_time_out() -> None:
    async def upload(transport: SocketTransport, url: str) -> None:
        size = 30_000_000
        head = {"Content-Length": str(size)}
        request = httpx.Request("POST", url, content=text(b"x" * size), headers=head)
        await transport.handle_async_request(request)

    class Deaf(Server):
        async def answer(self, writer: asyncio.StreamWriter) -> bool:
            await asyncio.sleep(1)
            return False

    with pytest.raises(httpx.WriteTimeout):
        run(Deaf([b"x"]), upload, QUICK)


@pytest.mark.parametrize(
    ("name", "value"),
    [("X", "a\r\nY: b"), ("X", "a\nb"), ("X", "a\rb"), ("X", "a\0b"), ("X\r\nY", "b")],
)
def test_a_header_cannot_begin_another_line(name: str, value: str) -> None:
    async def use(transport: SocketTransport, url: str) -> None:
        await transport.handle_async_request(httpx.Request("GET", url, headers={name: value}))

    server = Server([ok(b"")])
    with pytest.raises(httpx.LocalProtocolError):
        run(server, use)
    assert not server.seen


def test_a_body_without_its_length_is_not_sent() -> None:
    async def use(transport: SocketTransport, url: str) -> None:
        await transport.handle_async_request(httpx.Request("POST", url, content=text(b"a")))

    with pytest.raises(httpx.LocalProtocolError):
        run(Server([ok(b"")]), use)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///x", "unix:/x"])
def test_only_addresses_of_the_web_are_asked(url: str) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        run(Server(), lambda transport, _: get(transport, url))


def test_a_host_that_does_not_answer_in_time_was_sent_nothing() -> None:
    limits = Limits(connect=0.0)
    with pytest.raises(httpx.ConnectTimeout):
        run(Server(), get, limits)


# --- proxies ---------------------------------------------------------------------------------


class Tunnels(Server):
    """A proxy: CONNECT leads to `place`, other requests get the next reply."""

    def __init__(self, *replies: list[bytes] | None, place: tuple[str, int] = ("", 0)) -> None:
        super().__init__(*replies)
        self.place = place
        self.refusal = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.place[1]:
            await super().__call__(reader, writer)
            return
        self.seen.append(await reader.readuntil(b"\r\n\r\n"))
        there = await asyncio.open_connection(*self.place)
        writer.write(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
        writer.transport.abort()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def test_a_plain_request_goes_to_the_proxy_by_its_whole_address() -> None:
    proxy = Server([ok(b"by proxy")])

    async def use(transport: SocketTransport, url: str) -> bytes:
        address = url.replace("http://", "http://us%20er:p%3Aw@")
        transport._network = read_network({"HTTP_PROXY": address})
        return await get(transport, "http://peak.invalid:81/a?b=c")

    assert run(proxy, use) == b"by proxy"
    line, *headers = proxy.seen[0].decode().split("\r\n")
    assert line == "GET http://peak.invalid:81/a?b=c HTTP/1.1"
    assert "Host: peak.invalid:81" in headers
    told = base64.b64encode(b"us er:p:w").decode()
    assert f"Proxy-Authorization: Basic {told}" in headers


def through_tunnel(
    host: str, *, secure_proxy: bool = False, certificate: str = "good.pem"
) -> Tunnels:
    """What a proxy saw of one request to a TLS server."""
    server, proxy = Server([ok(b"secret")]), Tunnels()

    async def use(transport: SocketTransport, url: str) -> bytes:
        proxy.place = ("127.0.0.1", httpx.URL(url).port or 0)
        context = None
        if secure_proxy:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "good.pem", TLS / "server.key")
        async with await asyncio.start_server(proxy, "127.0.0.1", 0, ssl=context) as listening:
            address = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            scheme = "https" if secure_proxy else "http"
            env = {**TRUST, "HTTPS_PROXY": f"{scheme}://u:p@{address}"}
            transport._network = read_network(env)
            transport._trust = trusting_any_name(host)
            try:
                return await get(transport, f"https://{host}/x")
            finally:
                await transport.aclose()
                await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=5)

    assert run(server, use, certificate="good.pem") == b"secret"
    assert server.seen[0].startswith(b"GET /x HTTP/1.1\r\n")
    assert b"Proxy-Authorization" not in server.seen[0]
    return proxy


def trusting_any_name(host: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(TLS / "ca.pem"))
    context.check_hostname = host == "127.0.0.1"
    return context


@pytest.mark.parametrize("secure_proxy", [False, True])
def test_a_secure_request_goes_through_a_tunnel(secure_proxy: bool) -> None:
    proxy = through_tunnel("peak.invalid", secure_proxy=secure_proxy)
    told = base64.b64encode(b"u:p").decode()
    assert proxy.seen[0].decode().split("\r\n")[:3] == [
        "CONNECT peak.invalid:443 HTTP/1.1",
        "Host: peak.invalid:443",
        f"Proxy-Authorization: Basic {told}",
    ]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ([b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"], "it answers 407"),
        ([b"HTTP/1.1 503 No\r\n\r\n"], "it answers 503"),
        ([b"hello\r\n\r\n"], "not HTTP/1.1"),
        (None, "closed the connection"),
        ([b"x" * 100_000], "not HTTP/1.1"),
    ],
)
def test_a_proxy_that_opens_no_tunnel_was_sent_nothing(
    reply: list[bytes] | None, words: str
) -> None:
    async def use(transport: SocketTransport, url: str) -> None:
        transport._network = read_network({**TRUST, "HTTPS_PROXY": url})
        await get(transport, "https://peak.invalid/x")

    with pytest.raises(httpx.ProxyError, match=f"the proxy of HTTPS_PROXY.*{words}"):
        run(Server(reply), use)


def test_a_tunnel_to_a_host_that_is_not_trusted_sends_nothing() -> None:
    async def use(transport: SocketTransport, url: str) -> None:
        transport._network = read_network({**TRUST, "HTTPS_PROXY": url})
        await get(transport, "https://peak.invalid/x")

    proxy = Server([b"HTTP/1.1 200 OK\r\n\r\n", b"no TLS at all\r\n\r\n"])
    with pytest.raises(httpx.ConnectError):
        run(proxy, use)
