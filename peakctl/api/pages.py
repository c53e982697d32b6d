"""All pages of a listing, accepted only when every check says that none is missing.

What a listing lacks would be made a second time, or forgotten. So a listing whose pages contradict
each other is read again from the first page (somebody may have made or deleted something between
two of them), and is an error when it goes on doing so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from peakctl.api.failures import Asked, incomplete, odd_answer
from peakctl.api.limits import Limits
from peakctl.errors import ApiError
from peakctl.model import JsonDict
from peakctl.model.records import dataclass

# Items of one listing may share their `id` (the releases of a spec), so it is not enough.
_IDENTITY = ("id", "version", "revision", "buildId", "versionId", "executionId")
_BEYOND = (404, 416, 422)
"""What a page that is not there (any more) may be answered with."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its items and how many fit. None stands for what the answer does not say:

    `pages` how many there are, `totals` how many items in all (the platform spells the count in two
    ways), `number` which page it is.
    """

    items: list[JsonDict]
    pages: int | None
    size: int
    totals: frozenset[int] = frozenset()
    number: int | None = None

    @property
    def total(self) -> int | None:
        """How many items there are, of all that was said the largest."""
        return max(self.totals, default=None)


class Contradiction(Exception):
    """The pages of one round are not all of one listing; the message says why."""


async def _at_once(_seconds: float) -> None:
    """No pause: for callers without a clock."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing to read: `fetch(n)` gives the n-th page, counted from 1, as decoded JSON.

    `sleep` waits some seconds before a further round.
    """

    asked: Asked
    fetch: Callable[[int], Awaitable[Any]]
    keys: tuple[str, ...]
    limits: Limits
    sleep: Callable[[float], Awaitable[None]] = _at_once

    async def all(self) -> list[JsonDict]:
        """Every item once, of one round whose pages agree.

        Raises ApiError when an answer is no listing, there is no end, or (api/incomplete-listing)
        when no round agrees.
        """
        why = ""
        for pause in (None, *self.limits.listing_pauses):
            if pause is not None:
                await self.sleep(pause)
            try:
                pages = await self._round()
                _check(pages)
                return [item for page in pages for item in page.items]
            except Contradiction as error:
                why = str(error)
        raise incomplete(self.asked, why, 1 + len(self.limits.listing_pauses))

    async def first(self) -> tuple[list[JsonDict], bool]:
        """The items of the first page, and whether they are all that there is. One request.

        Raises ApiError when the answer is no listing.
        """
        try:
            page = await self._page(1)
        except Contradiction as error:
            raise incomplete(self.asked, str(error), 1) from error
        if page.pages is not None:
            return page.items, page.pages == 1
        if page.total is not None:
            return page.items, page.total <= len(page.items)
        return page.items, len(page.items) < page.size

    async def within(self, most: int) -> tuple[list[JsonDict], int]:
        """The items of all pages, or of the first where they are more than `most`; and how many.

        For who can do without an item: that none is missing is not checked. Raises ApiError when
        an answer is no listing, or a page is not there.
        """
        try:
            first = await self._page(1)
            count = first.pages or 1
            rest = await self._rest(count) if count <= most else []
        except Contradiction as error:
            raise incomplete(self.asked, str(error), 1) from error
        return [item for page in (first, *rest) for item in page.items], count

    async def _round(self) -> list[Page]:
        """The pages of one round. Raises Contradiction as soon as one cannot be right."""
        first = await self._page(1)
        if first.pages is None:
            return await self._until_the_end(first)
        _check_first(first)
        self._check_count(first.pages)
        if len(first.items) < first.size:  # suspicious: a page that is not full, and more to come
            return await self._one_by_one(first)
        return [first, *await self._rest(first.pages)]

    async def _rest(self, count: int) -> list[Page]:
        """The pages after the first, together."""
        try:
            async with asyncio.TaskGroup() as group:
                rest = [group.create_task(self._later(n)) for n in range(2, count + 1)]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in rest]

    async def _one_by_one(self, first: Page) -> list[Page]:
        """As many pages as the first one says, no further than they add something."""
        pages, seen = [first], set(_identities(first.items))
        for number in range(2, (first.pages or 1) + 1):
            page = await self._later(number)
            pages.append(page)
            if seen.issuperset(_identities(page.items)):
                raise Contradiction(f"page {number} of {first.pages} has nothing new")
            seen.update(_identities(page.items))
        return pages

    async def _until_the_end(self, page: Page) -> list[Page]:
        """For answers without `pageCount`: on until all is counted, or else a page is not full.

        Where no count is given either, a page that is gone or says nothing new is the end, too.
        """
        pages, seen = [page], set(_identities(page.items))
        total = page.total
        while len(seen) < total if total is not None else len(page.items) >= page.size:
            number = len(pages) + 1
            self._check_count(number)
            page = await self._maybe(number) or Page([], None, page.size)
            if seen.issuperset(_identities(page.items)):
                break
            seen.update(_identities(page.items))
            pages.append(page)
        return pages

    async def _later(self, number: int) -> Page:
        """A page that was promised. Raises Contradiction when it is not there (any more)."""
        page = await self._maybe(number)
        if page is None:
            raise Contradiction(f"page {number} is not there")
        return page

    async def _maybe(self, number: int) -> Page | None:
        try:
            return await self._page(number)
        except ApiError as error:
            if error.status in _BEYOND:
                return None
            raise

    async def _page(self, number: int) -> Page:
        answer = await self.fetch(number)
        key = (
            next((k for k in self.keys if k in answer), None) if isinstance(answer, dict) else None
        )
        if key is None:
            raise odd_answer(self.asked, f"the answer has no list {_either(self.keys)}")
        items = [] if answer[key] is None else answer[key]
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise odd_answer(self.asked, f'"{key}" in the answer is not a list of objects')
        size = _positive(answer.get("pageSize")) or self.limits.page_size
        page = Page(
            items,
            _positive(answer.get("pageCount")),
            size,
            frozenset(n for name in _counts(key) if (n := _count(answer.get(name))) is not None),
            _positive(answer.get("pageNumber")),
        )
        if page.number not in (None, number):
            raise Contradiction(f"page {number} was asked for, and page {page.number} came")
        return page

    def _check_count(self, count: int) -> None:
        if count > self.limits.pages:
            raise odd_answer(self.asked, f"a listing of more than {self.limits.pages} pages")


def _check_first(page: Page) -> None:
    """Raise Contradiction when the first page promises more pages than its count can fill."""
    if page.total is None or page.pages is None:
        return
    held = min(page.size, len(page.items)) or page.size
    most = max(1, -(-page.total // held))
    if page.pages > most:
        raise Contradiction(f"{page.total} items do not fill {page.pages} pages of {held}")


def _check(pages: list[Page]) -> None:
    """Raise Contradiction unless every sign says that these pages are the whole listing."""
    items = [item for page in pages for item in page.items]
    if len({page.pages for page in pages}) > 1:
        raise Contradiction("the number of pages changed from page to page")
    totals = frozenset[int]().union(*(page.totals for page in pages))
    if len(totals) > 1:
        raise Contradiction(f"the counts differ: {', '.join(map(str, sorted(totals)))}")
    if len(set(_identities(items))) < len(items):
        raise Contradiction("an item comes twice")
    if totals and totals != {len(items)}:
        raise Contradiction(f"the platform counts {max(totals)} items, and lists {len(items)}")
    if len(pages) > 1 and not all(page.items for page in pages):
        raise Contradiction("a page is empty")
    if not totals and any(len(page.items) < page.size for page in pages[:-1]):
        raise Contradiction("a page before the last is not full")


def _counts(key: str) -> tuple[str, str]:
    """The names under which the number of the items of `key` may stand."""
    return f"{key}Count", f"{key.removesuffix('s')}Count"


def _count(value: object) -> int | None:
    """A number of items; 0 is one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _positive(value: object) -> int | None:
    """A count of something; 0 pages of something is no count to go by."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _either(keys: tuple[str, ...]) -> str:
    return " or ".join(f'"{key}"' for key in keys)


def _identities(items: Iterable[JsonDict]) -> list[str]:
    return [_identity(item) for item in items]


def _identity(item: JsonDict) -> str:
    return json.dumps({k: item[k] for k in _IDENTITY if k in item} or item, sort_keys=True)
