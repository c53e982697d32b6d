"""All pages of a listing (contract, section 1.6)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peakctl.api.problems import Asked, odd_answer
from peakctl.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from peakctl.api.limits import Limits

# Items of one listing may share their `id` (the releases of a spec), so it is not enough.
_IDENTITY = ("id", "version", "revision", "buildId", "versionId", "executionId")


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its items, how many pages there are (None: not said), and how many items fit."""

    items: list[dict[str, Any]]
    count: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing to read: `fetch(n)` gives the n-th page, counted from 1, as decoded JSON."""

    asked: Asked
    fetch: Callable[[int], Awaitable[Any]]
    keys: tuple[str, ...]
    limits: Limits

    async def all(self) -> list[dict[str, Any]]:
        """Every item once. Raises ApiError when an answer is no listing or there is no end.

        A listing that changed while it was read is read once more: an item that moved from one
        page to another would else be missed, and be made a second time.
        """
        found: dict[str, dict[str, Any]] = {}
        for _ in range(2):
            pages = await self._round()
            items = [item for page in pages for item in page.items]
            merged = {_identity(item): item for item in items}
            found.update(merged)
            if len(merged) == len(items) and len({page.count for page in pages}) == 1:
                break
        return list(found.values())

    async def _round(self) -> list[Page]:
        first = await self._page(1)
        if first.count is None:
            return await self._one_by_one(first)
        self._check_count(first.count)
        try:
            async with asyncio.TaskGroup() as group:
                rest = [group.create_task(self._later(n)) for n in range(2, first.count + 1)]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [first, *(page for task in rest if (page := task.result()))]

    async def _one_by_one(self, page: Page) -> list[Page]:
        """For answers without `pageCount`: on until a page is not full, or says nothing new."""
        pages, seen = [page], set(_identities(page.items))
        while len(page.items) >= page.size:
            self._check_count(len(pages) + 1)
            page = await self._later(len(pages) + 1) or Page([], None, page.size)
            if seen.issuperset(_identities(page.items)):
                break
            seen.update(_identities(page.items))
            pages.append(page)
        return pages

    async def _later(self, number: int) -> Page | None:
        """A page that may be gone by now, because the listing shrank."""
        try:
            return await self._page(number)
        except ApiError as error:
            if error.status in (404, 416, 422):
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
        return Page(items, _positive(answer.get("pageCount")), size)

    def _check_count(self, count: int) -> None:
        if count > self.limits.pages:
            raise odd_answer(self.asked, f"a listing of more than {self.limits.pages} pages")


def _positive(value: Any) -> int | None:
    """A count of something; 0 pages of something is no count to go by."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _either(keys: tuple[str, ...]) -> str:
    return " or ".join(f'"{key}"' for key in keys)


def _identities(items: Iterable[dict[str, Any]]) -> list[str]:
    return [_identity(item) for item in items]


def _identity(item: dict[str, Any]) -> str:
    return json.dumps({k: item[k] for k in _IDENTITY if k in item} or item, sort_keys=True)
