"""A proxy in front of the emulator that lies about listings, changes texts and loses answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

Page = dict[str, Any]
Lie = Callable[[Page, str, str, int], Page]
"""Page, the key of its items, the key of their count, and the number of the page that was asked."""

LISTING = re.compile(r"/(workflows|artifacts|webapps|images|deployments|specs)/$")


def dropped(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, items: page[items][1:]}


def emptied(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, items: []}


def doubled(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, items: [*page[items][:1], *page[items]]}


def one_page(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, "pageCount": 1}


def many_pages(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, "pageCount": 5000}


def one_more_page(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, "pageCount": page["pageCount"] + 1}


def counted_less(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, count: max(0, page[count] - 1)}


def counted_more(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, count: page[count] + 1}


def counted_by_page(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, count: page[count] + number}


def another_number(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, "pageNumber": number + 1}


def turned(page: Page, items: str, count: str, number: int) -> Page:
    return {**page, items: page[items][::-1]}


def first_page_again(page: Page, items: str, count: str, number: int) -> Page:
    return page  # what is asked for is changed instead: see `Proxy.shown`


def hidden(page: Page, items: str, count: str, number: int) -> Page:
    """Consistent: no sign tells that anything lacks."""
    return {**page, items: [], count: 0, "pageCount": 1}


CONTRADICTIONS: tuple[Lie, ...] = (
    dropped,
    emptied,
    doubled,
    one_page,
    many_pages,
    one_more_page,
    counted_less,
    counted_more,
    counted_by_page,
    another_number,
    first_page_again,
)
HARMLESS: tuple[Lie, ...] = (turned,)


@dataclass
class Proxy(httpx.AsyncBaseTransport):
    """Small pages for everybody; `lie` is told of listings whose path holds `where`, `times` times.

    `store` is what a text becomes that is written (at every depth); `lost` are statuses to answer
    to the next POSTs of `where`, after their effect.
    """

    inner: httpx.AsyncBaseTransport
    size: int = 2
    lie: Lie | None = None
    where: str = ""
    times: int = 0
    store: Callable[[str], str] | None = None
    lost: list[int] = field(default_factory=list)
    asked: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if request.method in ("POST", "PUT", "PATCH") and self.store:
            request = await self._stored(request, self.store)
        listing = request.method == "GET" and LISTING.search(request.url.path)
        shown = self._shown(request) if listing else request
        answer = await self.inner.handle_async_request(shown)
        if request.method == "POST" and self.lost and self.where in request.url.path:
            return httpx.Response(self.lost.pop(0), json={"detail": "gateway"}, request=request)
        return await self._lied(request, answer) if listing else answer

    def _applies(self, request: httpx.Request) -> bool:
        return self.lie is not None and self.times > 0 and self.where in request.url.path

    def _shown(self, request: httpx.Request) -> httpx.Request:
        """The request with small pages; of the first page, whichever is asked, for that lie."""
        url = request.url.copy_set_param("pageSize", str(self.size))
        if self._applies(request) and self.lie is first_page_again:
            url = url.copy_set_param("pageNumber", "1")
        return httpx.Request(request.method, url, headers=request.headers)

    async def _lied(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        page = json.loads(await answer.aread())
        number = int(request.url.params.get("pageNumber", 1))
        if self._applies(request) and answer.is_success and self.lie is not None:
            items = next(key for key, value in page.items() if isinstance(value, list))
            count = next(key for key in page if key.endswith("Count") and key != "pageCount")
            page = self.lie(page, items, count, number)
            self.times -= 1
        return httpx.Response(answer.status_code, json=page, request=request)

    async def _stored(self, request: httpx.Request, store: Callable[[str], str]) -> httpx.Request:
        body = await request.aread()
        if not request.headers.get("Content-Type", "").startswith("application/json"):
            return request
        changed = json.dumps(deep(json.loads(body), store)).encode()
        headers = {k: v for k, v in request.headers.items() if k != "content-length"}
        return httpx.Request(request.method, request.url, headers=headers, content=changed)


def deep(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every text in it changed."""
    if isinstance(value, dict):
        return {key: deep(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [deep(each, change) for each in value]
    return change(value) if isinstance(value, str) else value
