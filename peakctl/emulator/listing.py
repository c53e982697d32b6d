"""Pages, filters and orders of listings (contract, section 1.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import Row, Where

if TYPE_CHECKING:
    from peakctl.emulator.calls import Call

PAGE_SIZE = 25
MAX_PAGE_SIZE = 100
COLUMN_OF = {
    "createdAt": "created",
    "createdBy": "tenant",
    "name": "folded(name)",
    "title": "folded(json_extract(body, '$.metadata.title'))",
}
Shown = Callable[[Row], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed and how its answer names it.

    alias: the count's other name, where the sources spell it in two ways (contract, section 1.6).
    """

    kinds: tuple[str, ...]
    items: str
    count: str
    order: str = "seq"
    sortable: tuple[str, ...] = ()
    alias: str = ""


def answer_page(
    call: Call,
    listing: Listing,
    where: Sequence[Where],
    shown: Shown,
    *,
    anyone: Where | None = None,
) -> dict[str, Any]:
    """One page, found and counted by the database."""
    size, number = page_of(call)
    total = call.tx.count(listing.kinds, where, anyone=anyone)
    rows = call.tx.select(
        listing.kinds,
        where,
        order=_order(call, listing),
        limit=size,
        offset=(number - 1) * size,
        anyone=anyone,
    )
    return {
        listing.items: [shown(row) for row in rows],
        listing.count: total,
        **({listing.alias: total} if listing.alias else {}),
        **_page(total, size, number),
    }


def answer_list(call: Call, items: str, count: str, found: Sequence[Any]) -> dict[str, Any]:
    """One page of things that are already at hand."""
    size, number = page_of(call)
    start = (number - 1) * size
    page = _page(len(found), size, number)
    return {items: list(found[start : start + size]), count: len(found), **page}


def page_of(call: Call) -> tuple[int, int]:
    """(pageSize, pageNumber), checked."""
    size = min(_positive(call, "pageSize", PAGE_SIZE), MAX_PAGE_SIZE)
    return size, _positive(call, "pageNumber", 1)


def _positive(call: Call, name: str, default: int) -> int:
    text = call.ask(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 2**31:
        raise invalid(name, f"{text!r} is not a whole number above 0")
    return int(text)


def _page(total: int, size: int, number: int) -> dict[str, int]:
    return {"pageCount": max(1, -(-total // size)), "pageNumber": number, "pageSize": size}


def _order(call: Call, listing: Listing) -> str:
    """`sort=name:asc,createdAt:desc` -> ORDER BY; a field without an order is ascending."""
    asked = call.asks("sort") if listing.sortable else ()
    words = [_order_word(text, listing) for text in asked]
    return ", ".join([*words, listing.order])


def _order_word(text: str, listing: Listing) -> str:
    field, _, way = text.partition(":")
    if field not in listing.sortable or way not in ("", "asc", "desc"):
        raise invalid("sort", f"{text!r} is not one of {', '.join(listing.sortable)}")
    return f"{COLUMN_OF[field]} {way or 'asc'}"


def one_of(call: Call, query: str, column: str, allowed: Sequence[str] = ()) -> list[Where]:
    """A filter with several values; unknown ones are refused where the contract has a list."""
    values = call.asks(query)
    for value in values:
        if allowed and value not in allowed:
            raise invalid(query, f"{value!r} is not one of {', '.join(allowed)}")
    if not values:
        return []
    return [Where(f"{column} IN ({', '.join('?' * len(values))})", tuple(values))]


def containing(call: Call, query: str, *columns: str) -> list[Where]:
    """A search term, found anywhere in any of the columns, in capitals or not."""
    return _found(call.ask(query), columns, "> 0")


def starting(call: Call, query: str, *columns: str) -> list[Where]:
    """A prefix, in capitals or not."""
    return _found(call.ask(query), columns, "= 1")


def _found(term: str | None, columns: Sequence[str], place: str) -> list[Where]:
    if not term:
        return []
    text = " OR ".join(f"instr(folded({column}), ?) {place}" for column in columns)
    return [Where(f"({text})", (term.casefold(),) * len(columns))]
