"""A host's REST API: paths and JSON in, JSON or a HostError out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

from peakctl import __version__
from peakctl.api.http import httpx
from peakctl.api.limits import parse_http_date
from peakctl.errors import HostError
from peakctl.model import JsonDict
from peakctl.model.text import safe_line
from peakctl.settings import is_loopback

TIMEOUT = 20.0
"""Seconds that one request may take to connect, and then between two parts of its answer."""
PAGE = 100
MOST_PAGES = 50
"""Of a listing: 5,000 comments are more than anybody reads."""
LARGEST = 32 * 2**20
"""Bytes of an answer."""
_REDIRECTS = 3
_WORDS = 300
"""Characters of what a host says of an error."""
_WHY = {
    401: "the token is not accepted",
    403: "the token may not do that",
    404: "it is not there, or the token may not see it",
    410: "it is not there any more",
    413: "it is too large",
    422: "the host finds the request wrong",
    429: "too many requests",
}


class HostClient:
    """Requests to one API, with the same headers each. Nothing is repeated, redirects stay there.

    Methods raise HostError for every answer that is not 2xx with JSON, and for none.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport, base: str, headers: Mapping[str, str]
    ) -> None:
        self._base = base
        self._private = tuple(headers)
        self._date = ""
        self._http = httpx.AsyncClient(
            transport=transport,
            headers={**headers, "User-Agent": f"peakctl/{__version__}"},
            timeout=TIMEOUT,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    @property
    def server_time(self) -> float | None:
        """The host's own time, that of its last answer, in seconds since 1970."""
        return parse_http_date(self._date)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> object:
        return await self._send("GET", path, query)

    async def post(
        self, path: str, body: JsonDict, query: Mapping[str, str] | None = None
    ) -> object:
        return await self._send("POST", path, query, body)

    async def patch(
        self, path: str, body: JsonDict, query: Mapping[str, str] | None = None
    ) -> object:
        return await self._send("PATCH", path, query, body)

    async def put(self, path: str, body: JsonDict) -> object:
        return await self._send("PUT", path, None, body)

    async def download(self, path: str, most: int) -> bytes:
        """A file of at most `most` bytes. Where a host keeps files elsewhere, it gets no token."""
        told = f"GET {_shown(path)}"
        try:
            response = await self._request(
                "GET", f"{self._base}{path}", None, None, most, is_file=True
            )
            for _ in range(_REDIRECTS):
                onward = _onward(response) or _elsewhere(response)
                if onward is None:
                    break
                response = await self._request("GET", onward, None, None, most, is_file=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreached(told, error) from error
        if response.status_code != 200:
            _decoded(told, response)
            raise HostError.of(f"{told}: the host answers {response.status_code}, and no file")
        return response.content

    async def pages(
        self, path: str, query: Mapping[str, str] | None = None, *, within: str = ""
    ) -> AsyncIterator[JsonDict]:
        """Every object of a listing that is numbered by pages, as GitHub and GitLab have it.

        `within` is the field of the answer that has the list, where it is not the answer itself.
        """
        for number in range(1, MOST_PAGES + 1):
            wanted = {**(query or {}), "per_page": str(PAGE), "page": str(number)}
            answer = await self.get(path, wanted)
            found = answer.get(within) if within and isinstance(answer, dict) else answer
            if not isinstance(found, list):
                raise HostError.of(f"GET {_shown(path)}: the host answers no list")
            for each in found:
                if isinstance(each, dict):
                    yield each
            if len(found) < PAGE:
                return

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: JsonDict | None = None,
    ) -> object:
        url = path if path.startswith(("https://", "http://")) else f"{self._base}{path}"
        told = f"{method} {_shown(path)}"
        try:
            response = await self._request(method, url, query, body)
            for _ in range(_REDIRECTS):
                onward = _onward(response)
                if onward is None:
                    break
                response = await self._request(method, onward, None, body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreached(told, error) from error
        return _decoded(told, response)

    async def _request(
        self,
        method: str,
        url: str,
        query: Mapping[str, str] | None,
        body: JsonDict | None,
        most: int | None = None,
        *,
        is_file: bool = False,
    ) -> httpx.Response:
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = self._http.build_request(
            method, url, params=query, content=content, headers=headers
        )
        if is_file and not _is_same_host(url, self._base):
            for name in self._private:
                request.headers.pop(name, None)
        response = await self._http.send(request, stream=True)
        self._date = response.headers.get("date", self._date)
        most = most or LARGEST
        try:
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > most:
                    raise httpx.ReadError(f"more than {most // 2**20} MiB")
        finally:
            await response.aclose()
        return httpx.Response(
            response.status_code, headers=_plain(response), content=bytes(data), request=request
        )


def _plain(response: httpx.Response) -> dict[str, str]:
    """The headers that are looked at; the content is decoded already."""
    names = ("content-type", "location")
    return {name: response.headers[name] for name in names if name in response.headers}


def _onward(response: httpx.Response) -> str | None:
    """Where a redirect leads, if the same request may be sent there: to the same host alone.

    A repository that was renamed answers so.
    """
    is_read = response.request.method == "GET"
    if response.status_code not in ((301, 302, 307, 308) if is_read else (307, 308)):
        return None
    before = str(response.request.url)
    after = urljoin(before, response.headers.get("location", ""))
    return after if _is_same_host(before, after) else None


def _elsewhere(response: httpx.Response) -> str | None:
    """Where a redirect leads to another host, over https: that of the files of a host."""
    if response.status_code not in (301, 302, 303, 307, 308):
        return None
    after = urljoin(str(response.request.url), response.headers.get("location", ""))
    is_safe = urlsplit(after).scheme == "https" or is_loopback(urlsplit(after).hostname or "")
    return after if is_safe else None


def _is_same_host(one: str, other: str) -> bool:
    return urlsplit(one)[:2] == urlsplit(other)[:2]


def _unreached(told: str, error: Exception) -> HostError:
    why = safe_line(str(error))[:_WORDS] or type(error).__name__
    return HostError.of(f"{told}: the host was not reached: {why}")


def _decoded(told: str, response: httpx.Response) -> object:
    status = response.status_code
    try:
        found = response.json() if response.content else {}
    except (ValueError, RecursionError):
        found = None
    if 200 <= status < 300 and found is not None:
        return found
    if 200 <= status < 300:
        raise HostError.of(f"{told}: the host answers {status} with something that is no JSON")
    why = _WHY.get(status, "it failed" if status >= 500 else "it was refused")
    words = found.get("message") or found.get("error") if isinstance(found, dict) else None
    said = f" ({safe_line(str(words))[:_WORDS]})" if words else ""
    raise HostError.of(f"{told}: the host answers {status}: {why}{said}", status=status)


def _shown(path: str) -> str:
    return safe_line(urlsplit(path).path)
