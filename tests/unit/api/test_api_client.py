from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import httpx
import pytest
from chaos.clock import FakeClock

from peakctl import __version__
from peakctl.api.bodies import Part
from peakctl.api.client import Api, Sent, bases_for, spoke_base
from peakctl.api.limits import Limits
from peakctl.errors import ApiError, NotAuthenticated
from peakctl.model import Secret

TOKEN = "tok-en-12345"
Reply = httpx.Response | Exception


class Platform:
    """Gives the replies one after the other (the last one for ever), and keeps the requests."""

    def __init__(self, *replies: Reply, limits: Limits | None = None) -> None:
        self.replies = list(replies)
        self.seen: list[httpx.Request] = []
        self.clock = FakeClock()
        self.limits = limits
        self.sent: list[Sent] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.seen.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    def use(self, work: Callable[[Api], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with Api(
                transport=httpx.MockTransport(self),
                bases=bases_for(None, None),
                token=Secret(TOKEN),
                clock=self.clock,
                limits=self.limits,
                chance=lambda: 0.0,
                on_request=self.sent.append,
            ) as api:
                return await work(api)

        return asyncio.run(main())

    def fail(self, work: Callable[[Api], Awaitable[Any]]) -> ApiError:
        with pytest.raises(ApiError) as caught:
            self.use(work)
        return caught.value


def answers(*statuses: int) -> Iterable[httpx.Response]:
    return (httpx.Response(status, json={"status": status}) for status in statuses)


def create(api: Api) -> Awaitable[Any]:
    return api.send("POST", "service/x", json={"a": 1})


@pytest.mark.parametrize(
    ("stage", "endpoint", "service"),
    [
        (None, None, "https://service.peak.ai"),
        ("prod", None, "https://service.peak.ai"),
        ("latest", None, "https://service.dev.peak.ai"),
        ("dev", None, "https://service.dev.peak.ai"),
        ("parvati", None, "https://service.parvati.peak.ai"),
        ("beta", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/service"),
    ],
)
def test_bases_follow_the_stage_and_the_endpoint(
    stage: str | None, endpoint: str | None, service: str
) -> None:
    bases = bases_for(stage, endpoint)
    assert bases["service"] == service
    assert bases["press"] == service.replace("service", "press")


@pytest.mark.parametrize(
    ("service", "address"),
    [
        ("https://service.peak.ai", "https://service.spoke1.peak.ai"),
        ("https://service.dev.peak.ai", "https://service.spoke1.dev.peak.ai"),
        ("http://127.0.0.1:8080/service", "http://127.0.0.1:8080/service"),
        ("https://service.example.com/service", "https://service.example.com/service"),
    ],
)
def test_a_spoke_has_a_host_beside_that_of_the_platform(service: str, address: str) -> None:
    assert spoke_base(service, "service.spoke1") == address


def test_a_spoke_is_asked_by_its_name() -> None:
    there = Platform(*answers(200))
    there.use(lambda a: a.get("service.spoke1/spoke/api/v1/logs/workflow"))
    assert str(there.seen[0].url) == "https://service.spoke1.peak.ai/spoke/api/v1/logs/workflow"


def test_a_read_has_token_and_agent_and_no_body() -> None:
    there = Platform(*answers(200))
    assert there.use(lambda a: a.get("press/v1/specs/", [("a", "b c")])) == {"status": 200}
    request = there.seen[0]
    assert str(request.url) == "https://press.peak.ai/v1/specs/?a=b+c"
    assert request.headers["Authorization"] == TOKEN
    assert (
        request.headers["User-Agent"] == f"peakctl/{__version__} python/{platform.python_version()}"
    )
    assert "content-type" not in request.headers
    assert request.content == b""
    assert not [name for name in request.headers if name.startswith("x-")]


def test_a_write_sends_json_and_a_delete_sends_nothing() -> None:
    there = Platform(*answers(201))
    there.use(lambda a: a.send("PATCH", "service/x", json={"p": Secret("w")}))
    there.use(lambda a: a.send("DELETE", "service/x"))
    patch, delete = there.seen
    assert patch.content == b'{"p": "w"}'
    assert patch.headers["Content-Type"] == "application/json"
    assert delete.content == b""
    assert "content-type" not in delete.headers


def test_a_write_can_be_multipart() -> None:
    there = Platform(*answers(200))
    there.use(lambda a: a.send("POST", "service/x", parts=[Part("artifact", file=b"PK")]))
    assert there.seen[0].headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b"\r\n\r\nPK\r\n" in there.seen[0].content


@pytest.mark.parametrize("content", [b"", b" \n", b"done", b"[" * 100_000])
def test_a_write_may_be_answered_without_json(content: bytes) -> None:
    there = Platform(httpx.Response(204, content=content))
    assert there.use(create) == {}


def test_an_empty_answer_to_a_read_is_an_empty_object() -> None:
    assert Platform(httpx.Response(200)).use(lambda a: a.get("service/x")) == {}


def test_a_read_that_is_no_json_is_tried_again_and_then_an_error() -> None:
    there = Platform(httpx.Response(200, content=b"{'secret"), *answers(200))
    assert there.use(lambda a: a.get("service/x")) == {"status": 200}
    error = Platform(httpx.Response(200, content=b"{'secret")).fail(lambda a: a.get("service/x"))
    assert error.diagnostics[0].code == "api/garbled"
    assert error.detail == "8 bytes that are not JSON"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_reads_are_tried_again(status: int) -> None:
    there = Platform(*answers(status, status, 200))
    assert there.use(lambda a: a.get("service/x")) == {"status": 200}
    assert there.clock.slept == [0.25, 0.5]


def test_reads_end_after_four_attempts() -> None:
    there = Platform(*answers(503))

    async def work(api: Api) -> int:
        with pytest.raises(ApiError):
            await api.get("service/x")
        return api.requests

    assert there.use(work) == 4


@pytest.mark.parametrize("status", [400, 404, 409, 422, 501])
def test_what_is_definite_is_not_tried_again(status: int) -> None:
    there = Platform(*answers(status))
    assert there.fail(lambda a: a.get("service/x")).status == status
    assert len(there.seen) == 1


@pytest.mark.parametrize(
    "reply",
    [httpx.ReadError("x"), httpx.ReadTimeout("x"), *answers(408, 500, 502, 503, 504)],
    ids=lambda r: type(r).__name__ if isinstance(r, Exception) else str(r.status_code),
)
def test_a_write_in_doubt_is_sent_once(reply: Reply) -> None:
    there = Platform(reply)
    assert there.fail(create).doubtful
    assert len(there.seen) == 1


@pytest.mark.parametrize(
    "reply",
    [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x"), *answers(429)],
    ids=lambda r: type(r).__name__ if isinstance(r, Exception) else str(r.status_code),
)
def test_a_write_that_was_not_acted_on_is_sent_again_whole(reply: Reply) -> None:
    there = Platform(reply, *answers(200))
    assert there.use(create) == {"status": 200}
    assert [r.content for r in there.seen] == [b'{"a": 1}'] * 2


def test_a_refusal_names_the_token_and_hides_it() -> None:
    there = Platform(httpx.Response(401, json={"detail": f"bad {TOKEN}"}))
    with pytest.raises(NotAuthenticated) as caught:
        there.use(lambda a: a.get("service/x"))
    assert caught.value.diagnostics[0].detail == "bad (sensitive)"


def test_a_secret_that_was_sent_does_not_come_back() -> None:
    there = Platform(httpx.Response(422, json={"detail": "value hunter22 is weak"}))
    error = there.fail(lambda a: a.send("POST", "service/x", json={"p": Secret("hunter22")}))
    assert error.detail == "value (sensitive) is weak"


def test_retry_after_pauses_everyone() -> None:
    throttled = httpx.Response(429, headers={"Retry-After": "7"})
    there = Platform(throttled, *answers(200), limits=Limits(in_flight=1))

    async def work(api: Api) -> None:
        await asyncio.gather(api.get("service/a"), api.get("service/b"))

    there.use(work)
    assert [r.url.path for r in there.seen] == ["/a", "/b", "/a"]
    assert there.clock.slept[0] == 7.0


class Slow(Platform):
    """Answers only once others had their turn."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        await asyncio.sleep(0)
        return self.replies[0]


@pytest.mark.parametrize(("method", "left"), [("GET", 2), ("POST", 1)])
def test_a_read_that_waits_leaves_before_the_answer_of_another_is_worked_on(
    method: str, left: int
) -> None:
    there = Slow(*answers(200), limits=Limits(in_flight=1))
    worked: list[int] = []

    async def one(api: Api, path: str) -> None:
        await (api.get(path) if method == "GET" else api.send(method, path, json={}))
        worked.append(len(there.seen))

    there.use(lambda api: asyncio.gather(*(one(api, f"service/{n}") for n in range(3))))
    assert worked[0] == left


def test_a_retry_date_is_read_by_the_servers_clock() -> None:
    headers = {
        "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
        "Retry-After": "Sun, 06 Nov 1994 08:49:40 GMT",
    }
    there = Platform(httpx.Response(503, headers=headers), *answers(200))

    async def work(api: Api) -> float | None:
        await api.get("service/x")
        return api.server_time

    assert there.use(work) == 784111777.0
    assert there.clock.slept == [3.0]


def test_a_wait_that_is_too_long_ends_the_request() -> None:
    there = Platform(httpx.Response(429, headers={"Retry-After": "3600"}))
    assert there.fail(create).diagnostics[0].code == "api/throttled"
    assert len(there.seen) == 1


def moved(to: str, status: int = 302) -> httpx.Response:
    return httpx.Response(status, headers={"Location": to})


def test_a_download_follows_redirects_and_keeps_the_token_at_home() -> None:
    there = Platform(
        moved("/b"), moved("https://store.invalid/c?sig=1"), httpx.Response(200, content=b"zip")
    )
    assert there.use(lambda a: a.download("service/a")) == b"zip"
    assert [r.headers.get("Authorization") for r in there.seen] == [TOKEN, TOKEN, None]


def test_a_whole_address_is_downloaded_without_token() -> None:
    there = Platform(httpx.Response(200, content=b"log"))
    assert there.use(lambda a: a.download("https://service.peak.ai/log?sig=1")) == b"log"
    assert "Authorization" not in there.seen[0].headers
    assert there.sent[0].path == "https://service.peak.ai/log"


def test_the_query_of_an_address_is_not_told() -> None:
    there = Platform(httpx.ReadError("cannot read https://store.invalid/c?sig=1 now"))
    assert there.fail(lambda a: a.get("service/x")).detail == (
        "cannot read https://store.invalid/c?… now"
    )


@pytest.mark.parametrize(
    "reply",
    [moved("/x"), moved("http://service.peak.ai/x"), httpx.Response(304)],
    ids=["for ever", "to plain http", "to nowhere"],
)
def test_some_redirects_are_not_followed(reply: httpx.Response) -> None:
    there = Platform(reply)
    assert there.fail(lambda a: a.get("service/x")).diagnostics[0].code == "api/moved"
    assert len(there.seen) == (6 if reply.headers.get("Location") == "/x" else 1)


def test_a_redirected_write_is_an_error() -> None:
    there = Platform(moved("/y", 307), *answers(200))
    assert there.fail(create).diagnostics[0].code == "api/moved"
    assert len(there.seen) == 1


def test_an_answer_without_end_is_cut_off() -> None:
    there = Platform(httpx.Response(200, content=b"x" * 11), limits=Limits(answer_size=10))
    assert "more than 10 bytes" in str(there.fail(lambda a: a.download("service/x")))


class Breaking(httpx.AsyncByteStream):
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        raise self.error


@pytest.mark.parametrize("error", [httpx.ConnectTimeout("x"), httpx.ReadError("x")])
def test_an_answer_that_breaks_off_leaves_a_write_in_doubt(error: Exception) -> None:
    there = Platform(httpx.Response(200, stream=Breaking(error)))
    assert there.fail(create).doubtful
    assert there.sent[0].failure == "ReadError"


def test_an_attempt_has_an_end() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        return await asyncio.get_running_loop().create_future()

    there = Platform(limits=Limits(connect=0.0, read=0.0))
    there.__class__ = type("Silent", (Platform,), {"__call__": lambda _, r: never(r)})
    error = there.fail(create)
    assert error.diagnostics[0].code == "api/timeout"
    assert error.doubtful


def test_pages_asks_for_a_hundred_at_a_time() -> None:
    there = Platform(httpx.Response(200, json={"images": [{"id": 1}], "pageCount": 1}))
    assert there.use(lambda a: a.pages("service/i/", ("images",), [("status", "ready")])) == [
        {"id": 1}
    ]
    assert there.seen[0].url.query == b"status=ready&pageSize=100&pageNumber=1"


def test_requests_are_told_without_their_secrets() -> None:
    there = Platform(*answers(503, 200))
    there.use(lambda a: a.get("service/x?q=1"))
    assert there.sent == [
        Sent("GET", "service/x", 503, 0.0),
        Sent("GET", "service/x", 200, 0.0),
    ]


def test_nobody_needs_to_listen() -> None:
    async def main() -> Any:
        async with Api(
            transport=httpx.MockTransport(lambda _: httpx.Response(200)),
            bases=bases_for(None, None),
            token=Secret(TOKEN),
            clock=FakeClock(),
        ) as api:
            assert api.server_time is None
            return await api.get("service/x")

    assert asyncio.run(main()) == {}


def test_addresses_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Platform(*answers(200)).use(lambda a: a.get("service/x"))
    assert not [each for each in caplog.records if each.name != "asyncio"]


@pytest.mark.parametrize("token", ["t0ken\n", " t0ken", "tök", "t0\nken", 7])
def test_a_token_that_cannot_be_sent_is_refused_unseen(token: Any) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        Api(
            transport=httpx.MockTransport(lambda _: httpx.Response(200)),
            bases={},
            token=Secret(token),
            clock=FakeClock(),
        )
    assert caught.value.diagnostics[0].code == "auth/malformed-token"
    assert str(token) not in str(caught.value)
