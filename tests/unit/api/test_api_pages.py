from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from peakctl.api.limits import Limits
from peakctl.api.pages import Listing
from peakctl.api.problems import Asked, problem
from peakctl.api.retry import Failure
from peakctl.errors import ApiError

ASKED = Asked("GET", "service/images/")


def read(
    answer: Callable[[int], Any], keys: tuple[str, ...] = ("images",)
) -> tuple[Any, list[int]]:
    asked: list[int] = []

    async def fetch(number: int) -> Any:
        asked.append(number)
        found = answer(number)
        if isinstance(found, Exception):
            raise found
        return found

    listing = Listing(ASKED, fetch, keys, Limits(page_size=2, pages=5))
    return asyncio.run(listing.all()), asked


def page(*ids: int, count: int | None = None, key: str = "images") -> dict[str, Any]:
    return {key: [{"id": n} for n in ids]} | ({} if count is None else {"pageCount": count})


def ids(items: list[dict[str, Any]]) -> list[int]:
    return [item["id"] for item in items]


def test_all_pages_are_read_in_order() -> None:
    items, asked = read(lambda n: page(2 * n, 2 * n + 1, count=3))
    assert ids(items) == [2, 3, 4, 5, 6, 7]
    assert asked == [1, 2, 3]


@pytest.mark.parametrize("count", [0, 1])
def test_one_page_is_one_request(count: int) -> None:
    assert read(lambda _: page(count=count)) == ([], [1])


def test_the_first_key_that_is_there_counts() -> None:
    items, _ = read(lambda _: page(1, count=1, key="webapps"), ("services", "webapps"))
    assert ids(items) == [1]


def test_an_empty_listing_may_be_null() -> None:
    assert read(lambda _: {"images": None, "pageCount": 1})[0] == []


@pytest.mark.parametrize("count", [None, "3", True, -1, 0])
def test_without_a_page_count_a_short_page_is_the_last(count: Any) -> None:
    pages = {1: page(1, 2), 2: page(3, 4), 3: page(5)}
    items, asked = read(lambda n: pages[n] | {"pageCount": count})
    assert ids(items) == [1, 2, 3, 4, 5]
    assert asked == [1, 2, 3]


def test_without_a_page_count_a_page_that_says_nothing_new_is_the_end() -> None:
    items, asked = read(lambda _: page(1, 2))
    assert ids(items) == [1, 2]
    assert asked == [1, 2]


def test_without_a_page_count_a_page_that_is_gone_is_the_end() -> None:
    gone = problem(ASKED, Failure.REFUSED, status=404)
    items, _ = read(lambda n: page(1, 2) if n == 1 else gone)
    assert ids(items) == [1, 2]


def test_the_answers_own_page_size_is_believed() -> None:
    items, asked = read(lambda n: (page(n) if n < 3 else page()) | {"pageSize": 1})
    assert ids(items) == [1, 2]
    assert asked == [1, 2, 3]


def test_a_listing_that_shrinks_is_read_again() -> None:
    rounds = iter([page(1, 2, count=3), page(3, count=2), page(count=2), page(2, 3, count=2),
                   page(4, count=2)])  # fmt: skip
    items, asked = read(lambda _: next(rounds))
    assert ids(items) == [1, 2, 3, 4]
    assert asked == [1, 2, 3, 1, 2]


def test_a_page_that_is_gone_is_tolerated() -> None:
    gone = problem(ASKED, Failure.REFUSED, status=404)
    items, _ = read(lambda n: gone if n == 3 else page(n, count=3))
    assert ids(items) == [1, 2]


def test_items_that_come_twice_count_once_and_the_later_wins() -> None:
    def answer(number: int) -> dict[str, Any]:
        return {"images": [{"id": 1, "page": number}], "pageCount": 2}

    items, asked = read(answer)
    assert items == [{"id": 1, "page": 2}]
    assert asked == [1, 2, 1, 2]


def test_releases_of_one_spec_are_told_apart() -> None:
    releases = [{"id": "s", "version": "1.0.0"}, {"id": "s", "version": "1.0.1"}]
    assert read(lambda _: {"images": releases, "pageCount": 1})[0] == releases


def test_items_without_an_id_are_told_apart_as_a_whole() -> None:
    items = [{"name": "a"}, {"name": "b"}]
    assert read(lambda _: {"images": items, "pageCount": 1})[0] == items


@pytest.mark.parametrize("answer", [{"other": []}, [], {"images": {}}, {"images": [1]}, {}])
def test_what_is_no_listing_is_an_error_that_says_so(answer: Any) -> None:
    with pytest.raises(ApiError, match=r"images"):
        read(lambda _: answer)


def test_there_is_an_end_to_pages() -> None:
    with pytest.raises(ApiError, match="more than 5 pages"):
        read(lambda _: page(1, count=6))
    with pytest.raises(ApiError, match="more than 5 pages"):
        read(lambda n: page(2 * n, 2 * n + 1))


def test_an_error_on_a_later_page_is_raised_as_it_is() -> None:
    broken = problem(ASKED, Failure.UNAVAILABLE, status=503)
    with pytest.raises(ApiError) as caught:
        read(lambda n: page(n, count=4) if n == 1 else broken)
    assert caught.value is broken
