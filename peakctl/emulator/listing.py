"""Listings: their pages, filters and orders, in queries, in SQL and in the description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import Body, Row, Where, parse_stamp
from peakctl.emulator.schemas import TEXT, Schema, items, record, whole
from peakctl.emulator.views import View
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from peakctl.emulator.calls import Call

PAGE_SIZE = 25
MAX_PAGE_SIZE = 100
PAGE = dict.fromkeys(("pageCount", "pageNumber", "pageSize"), whole())
PAGES = dict.fromkeys(("pageSize", "pageNumber"), whole(1, 2**31 - 1))
WORDS = items(TEXT)
# An empty value of a filter counts as absent.
DATE: Schema = {"anyOf": [{"type": "string", "format": "date-time"}, {"const": ""}]}
TITLE = "json_extract(body, '$.metadata.title')"
COLUMN_OF = {
    "createdAt": "created", "createdBy": "tenant", "name": "folded(name)",
    "title": f"folded({TITLE})",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """One query parameter of a listing, and the conditions that its value stands for."""

    query: str
    schema: Schema
    conditions: Callable[[Call], list[Where]]


def one_of(query: str, column: str, choices: Sequence[str] = (), within: str = "{}") -> Filter:
    """Several values; unknown ones are refused where the reference has a list.

    `within` is SQL around the condition, for a column of what a row holds.
    """

    def conditions(call: Call) -> list[Where]:
        values = call.asks(query)
        for value in values:
            if choices and value not in choices:
                raise invalid(query, f"{value!r} is not one of {', '.join(choices)}")
        marks = ", ".join("?" * len(values))
        sql = within.format(f"{column} IN ({marks})")
        return [Where(sql, tuple(values))] if values else []

    known = items({"type": "string", "enum": [*choices, ""]})
    return Filter(query, known if choices else WORDS, conditions)


def containing(query: str, *columns: str) -> Filter:
    """A search term, found anywhere in any of the columns, in capitals or not."""
    return _asked(query, TEXT, lambda term: _found(term, columns, "> 0"))


def starting(query: str, *columns: str) -> Filter:
    """A prefix, in capitals or not."""
    return _asked(query, TEXT, lambda term: _found(term, columns, "= 1"))


def _found(term: str, columns: Sequence[str], place: str) -> Where:
    text = " OR ".join(f"instr(folded({column}), ?) {place}" for column in columns)
    return Where(f"({text})", (term.casefold(),) * len(columns))


def _asked(query: str, schema: Schema, condition: Callable[[str], Where]) -> Filter:
    return Filter(query, schema, lambda call: [condition(v)] if (v := call.ask(query)) else [])


DATES = (
    _asked("dateFrom", DATE, lambda at: Where("created >= ?", (parse_stamp(at, "dateFrom"),))),
    _asked("dateTo", DATE, lambda at: Where("created <= ?", (parse_stamp(at, "dateTo"),))),
)


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed and how its answer names it.

    view: what is shown of each row, unless the page says otherwise; then `item` is the schema of
    that. kinds: none means those of the operation. parent: the placeholder in the path that names
    the row whose children are listed. alias: the count's other name, where the sources spell it in
    two ways. bounded: the parameter `count` bounds how many are shown.
    """

    items: str
    count: str
    view: View = field(default_factory=View)
    kinds: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    sortable: tuple[str, ...] = ()
    order: str = "seq"
    parent: str = ""
    alias: str = ""
    bounded: bool = False
    item: Schema | None = None

    @property
    def query(self) -> dict[str, Schema]:
        """The query parameters by name."""
        known: dict[str, Schema] = {**PAGES, **{each.query: each.schema for each in self.filters}}
        if self.sortable:
            pattern = f"^(({'|'.join(self.sortable)})(:(asc|desc))?)?$"
            known["sort"] = items({"type": "string", "pattern": pattern})
        return {**known, "count": TEXT} if self.bounded else known

    def answer(self, **more: Schema) -> Schema:
        """The schema of a page of items."""
        listed = items(self.item or self.view.schema)
        return record({**PAGE, self.count: whole(), self.items: listed, **more})

    def conditions(self, call: Call) -> list[Where]:
        """What the filters of a call ask for."""
        return [condition for each in self.filters for condition in each.conditions(call)]

    def page(
        self,
        call: Call,
        *where: Where,
        shown: Callable[[Call, Row], Body] | None = None,
        anyone: Where | None = None,
    ) -> Body:
        """One page, found and counted by the database."""
        if self.parent:
            where = (*where, Where("parent = ?", (call.find(self.parent).id,)))
        size, number = page_of(call)
        kinds, where = self.kinds or call.operation.kinds, (*where, *self.conditions(call))
        total = call.tx.count(kinds, where, anyone=anyone)
        start, order = (number - 1) * size, self._order(call)
        rows = call.tx.select(kinds, where, order=order, limit=size, offset=start, anyone=anyone)
        if self.bounded and (call.ask("count") or "").isdecimal():
            rows = rows[: int(call.ask("count") or 0)]
        listed = [shown(call, row) if shown else self.view(row) for row in rows]
        counts = dict.fromkeys((self.count, self.alias or self.count), total)
        return {self.items: listed, **counts, **_page(total, size, number)}

    def part(self, call: Call, found: Sequence[object]) -> Body:
        """One page of things that are already at hand."""
        size, number = page_of(call)
        start = (number - 1) * size
        page = _page(len(found), size, number)
        return {self.items: list(found[start : start + size]), self.count: len(found), **page}

    def _order(self, call: Call) -> str:
        """`sort=name:asc,createdAt:desc` -> ORDER BY; a field without an order is ascending."""
        asked = call.asks("sort") if self.sortable else ()
        return ", ".join([*(self._order_word(text) for text in asked), self.order])

    def _order_word(self, text: str) -> str:
        name, _, way = text.partition(":")
        if name not in self.sortable or way not in ("", "asc", "desc"):
            raise invalid("sort", f"{text!r} is not one of {', '.join(self.sortable)}")
        return f"{COLUMN_OF[name]} {way or 'asc'}"


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
