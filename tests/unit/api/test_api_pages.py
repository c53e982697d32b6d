from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from peakctl.api.failures import Asked, Failure, problem
from peakctl.api.limits import Limits
from peakctl.api.pages import Listing
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


def test_a_listing_that_changes_between_pages_is_read_again() -> None:
    rounds = iter([page(1, 2, count=3), page(3, count=2), page(count=2), page(2, 3, count=2),
                   page(4, count=2)])  # fmt: skip
    items, asked = read(lambda _: next(rounds))
    assert ids(items) == [2, 3, 4]
    assert asked == [1, 2, 3, 1, 2]


@pytest.mark.parametrize("counted", [{"imageCount": 3}, {"imagesCount": 3}])
def test_a_healthy_listing_with_a_count_is_read_once(counted: dict[str, int]) -> None:
    pages = {1: page(1, 2, count=2) | {"pageNumber": 1}, 2: page(3, count=2) | {"pageNumber": 2}}
    items, asked = read(lambda n: pages[n] | counted | {"pageSize": 2})
    assert ids(items) == [1, 2, 3]
    assert asked == [1, 2]


def test_with_a_count_alone_pages_are_read_until_all_is_counted() -> None:
    pages = {1: page(1, 2), 2: page(3, 4)}
    items, asked = read(lambda n: pages[n] | {"imageCount": 4})
    assert ids(items) == [1, 2, 3, 4]
    assert asked == [1, 2]


def test_a_server_that_gives_smaller_pages_than_it_says_is_understood() -> None:
    items, asked = read(lambda n: page(n, count=3) | {"imageCount": 3, "pageSize": 2})
    assert ids(items) == [1, 2, 3]
    assert asked == [1, 2, 3]


def incomplete(answer: Callable[[int], Any], why: str) -> list[int]:
    """The pages that were asked for before the listing was given up."""
    asked: list[int] = []

    def tell(number: int) -> Any:
        asked.append(number)
        return answer(number)

    with pytest.raises(ApiError, match="not complete") as caught:
        read(tell)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "api/incomplete-listing"
    assert why in diagnostic.detail
    assert diagnostic.detail.startswith("read 3 times")
    assert not caught.value.doubtful
    return asked


GONE = problem(ASKED, Failure.REFUSED, status=404)
LIES: dict[str, tuple[Callable[[int], Any], str]] = {
    "a page is gone": (lambda n: GONE if n == 3 else page(2 * n, 2 * n + 1, count=3), "page 3"),
    "too few pages": (lambda _: page(1, 2, count=1) | {"imageCount": 3}, "counts 3 items"),
    "an item is dropped": (lambda _: page(1, count=1) | {"imageCount": 2}, "lists 1"),
    "the count is too small": (lambda _: page(1, 2, count=1) | {"imageCount": 1}, "lists 2"),
    "the count is 0": (lambda _: page(1, count=1) | {"imageCount": 0}, "counts 0"),
    "no page, and a count": (lambda _: page(1) | {"imageCount": 2}, "lists 1"),
    "two counts": (lambda _: page(1) | {"imageCount": 1, "imagesCount": 2}, "1, 2"),
    "a page comes twice": (lambda _: page(1, 2, count=2), "twice"),
    "short pages that repeat": (lambda _: page(1, count=2), "nothing new"),
    "an item comes twice": (lambda _: page(1, 1, count=1), "twice"),
    "an empty page": (lambda n: page(*([1, 2] if n == 1 else []), count=2), "empty"),
    "an empty first page": (lambda n: page(*([] if n == 1 else [1]), count=2), "empty"),
    "a page that is not full": (lambda n: page(n, count=2), "not full"),
    "another page": (lambda _: page(1, count=1) | {"pageNumber": 2}, "page 2 came"),
    "another count": (lambda n: page(2 * n, 2 * n + 1, count=2) | {"imageCount": 3 + n}, "4, 5"),
    "another number of pages": (
        lambda n: page(*([1, 2] if n == 1 else [3]), count=n + 1), "changed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_listing_that_goes_on_contradicting_itself_is_an_error(lie: str) -> None:
    incomplete(*LIES[lie])


def test_more_pages_than_the_count_fills_are_not_asked_for() -> None:
    asked = incomplete(lambda _: page(1, 2, count=4) | {"imageCount": 3}, "do not fill 4 pages")
    assert asked == [1, 1, 1]


def test_pauses_are_made_before_a_listing_is_read_again() -> None:
    slept: list[float] = []

    async def fetch(_: int) -> Any:
        return page(1, count=1) | {"imageCount": 2}

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    with pytest.raises(ApiError, match="not complete"):
        asyncio.run(Listing(ASKED, fetch, ("images",), Limits(), sleep).all())
    assert slept == [0.0, 1.0]


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
        read(lambda _: page(1, 2, count=6))
    with pytest.raises(ApiError, match="more than 5 pages"):
        read(lambda n: page(2 * n, 2 * n + 1))


def test_an_error_on_a_later_page_is_raised_as_it_is() -> None:
    broken = problem(ASKED, Failure.UNAVAILABLE, status=503)
    with pytest.raises(ApiError) as caught:
        read(lambda n: page(n, count=4) if n == 1 else broken)
    assert caught.value is broken


@pytest.mark.parametrize(
    ("answer", "is_all"),
    [
        (page(1, 2, count=1), True),
        (page(1, 2, count=2), False),
        (page(1, 2) | {"imagesCount": 2}, True),
        (page(1, 2) | {"imagesCount": 3}, False),
        (page(1), True),
        (page(1, 2), False),
    ],
)
def test_the_first_page_says_whether_there_are_more(answer: Any, is_all: bool) -> None:
    asked: list[int] = []

    async def fetch(number: int) -> Any:
        asked.append(number)
        return answer

    listing = Listing(ASKED, fetch, ("images",), Limits(page_size=2, pages=5))
    items, found = asyncio.run(listing.first())
    assert (ids(items), found, asked) == (ids(answer["images"]), is_all, [1])


def test_a_first_page_that_is_another_is_an_error() -> None:
    async def fetch(_: int) -> Any:
        return page(1, count=3) | {"pageNumber": 2}

    listing = Listing(ASKED, fetch, ("images",), Limits(page_size=2, pages=5))
    with pytest.raises(ApiError):
        asyncio.run(listing.first())


@pytest.mark.parametrize(
    ("most", "found", "asked"),
    [(3, [2, 3, 4, 5, 6, 7], [1, 2, 3]), (2, [2, 3], [1])],
)
def test_a_listing_is_read_within_a_number_of_pages(
    most: int, found: list[int], asked: list[int]
) -> None:
    items, count, numbers = read_within(most, lambda n: page(2 * n, 2 * n + 1, count=3))
    assert (ids(items), count, numbers) == (found, 3, asked)


def test_one_page_is_all_where_no_number_is_told_and_what_comes_twice_does_no_harm() -> None:
    assert read_within(2, lambda _: page(1, 2)) == ([{"id": 1}, {"id": 2}], 1, [1])
    assert ids(read_within(2, lambda _: page(1, 2, count=2))[0]) == [1, 2, 1, 2]


@pytest.mark.parametrize("wrong", [GONE, {"pageNumber": 1}])
def test_a_page_that_is_not_there_is_an_error(wrong: Any) -> None:
    def answer(number: int) -> Any:
        first = page(1, 2, count=2)
        return first if number == 1 else wrong if isinstance(wrong, Exception) else first | wrong

    with pytest.raises(ApiError):
        read_within(2, answer)


def read_within(most: int, answer: Callable[[int], Any]) -> tuple[Any, int, list[int]]:
    asked: list[int] = []

    async def fetch(number: int) -> Any:
        asked.append(number)
        found = answer(number)
        if isinstance(found, Exception):
            raise found
        return found

    listing = Listing(ASKED, fetch, ("images",), Limits(page_size=2, pages=5))
    items, count = asyncio.run(listing.within(most))
    return items, count, asked
