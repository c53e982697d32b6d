"""Which version of a ledger is in force, and which of several ledgers of one name counts.

The platform numbers versions as they arrive, so two writers may build on the same one. Every
version says what its writer knew (`seen`); it is in force if none that came between is.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import TypeVar

from peakctl.errors import Diagnostic, LedgerUnusable, Severity
from peakctl.ledger.codec import read_ledger
from peakctl.model import Ledger, LedgerStore, Listed, Owner, ledger_name
from peakctl.model.records import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LedgerRevision:
    """The version of a ledger that is in force on the platform.

    `number` is its number, `ledger` what it says; 0 and an empty ledger when no version can be
    read. `newest` is the highest of all numbers.
    """

    id: str | int
    number: int
    newest: int
    ledger: Ledger


def empty_ledger(owner: Owner) -> Ledger:
    """A ledger that lists nothing, with a salt of its own."""
    return Ledger(owner, salt=secrets.token_hex(16))


async def find_revision(
    store: LedgerStore, listed: tuple[Listed, ...], owner: Owner
) -> LedgerRevision | None:
    """The version in force of the ledger of `owner`; None when there is no ledger.

    `listed` are ledgers, the oldest first. Two requests side by side; more only when writers have
    raced. Raises LedgerUnusable when the newest version cannot be read, ApiError and
    NotAuthenticated.
    """
    for each in named(listed, owner):
        text, numbers = await asyncio.gather(store.read(each.id), store.numbers(each.id))
        if text is not None:
            ledger = read_ledger(text, owner)
            if numbers and numbers[-1] == ledger.seen + 1:
                return LedgerRevision(each.id, numbers[-1], numbers[-1], ledger)
        if found := await _walk(store, each.id, owner):
            return found
    return None


async def _walk(store: LedgerStore, id: str | int, owner: Owner) -> LedgerRevision | None:  # noqa: A002
    """The same, one version after the other; None for a ledger without any."""
    numbers = await store.numbers(id)
    for newest in reversed(numbers):
        text = await store.read(id, newest)
        if text is not None:
            ledger = read_ledger(text, owner)
            found = await newest_in_force(store, id, numbers, newest, ledger)
            return LedgerRevision(id, found[0], numbers[-1], found[1])
    return None


@dataclass(frozen=True, slots=True)
class Others:
    """The ledgers of other projects, each in its newest version.

    `unread` are the names of those that cannot be read: their projects may own anything.
    """

    ledgers: tuple[Ledger, ...] = ()
    unread: tuple[str, ...] = ()


async def read_others(
    store: LedgerStore, listed: tuple[Listed, ...], owner: Owner | None
) -> Others:
    """The newest version of every ledger that is not `owner`'s; one that is gone is left out."""
    oldest: dict[str, Listed] = {}
    for each in listed:
        if owner is None or each.name != ledger_name(owner):
            oldest.setdefault(each.name, each)
    found = await all_of(_read_other(store, each) for each in oldest.values())
    return Others(
        tuple(each for each in found if isinstance(each, Ledger)),
        tuple(sorted(each for each in found if isinstance(each, str))),
    )


async def _read_other(store: LedgerStore, listed: Listed) -> Ledger | str | None:
    """Its newest version; its name when that cannot be read, None when it is gone or misnamed."""
    text = await store.read(listed.id)
    if text is None:
        return None
    ledger = readable(text)
    if ledger is None:
        return listed.name
    return ledger if ledger_name(ledger.owner) == listed.name else None


def tell_unread(names: Iterable[str]) -> tuple[Diagnostic, ...]:
    """That ledgers of other projects cannot be read, one warning each."""
    return tuple(
        Diagnostic(
            code="ledger/unread",
            summary=f'"{name}" is another project\'s ledger, and cannot be read',
            detail="what its project owns is not known, so nothing that is live is made ours",
            fix=(
                "upgrade peakctl if it is of a newer format; else, in its project: "
                "peakctl ledger rebuild"
            ),
            severity=Severity.WARNING,
        )
        for name in names
    )


def named(listed: tuple[Listed, ...], owner: Owner) -> tuple[Listed, ...]:
    """What has the name of the ledger of `owner`; the first that has a version counts."""
    return tuple(each for each in listed if each.name == ledger_name(owner))


def tell_duplicates(owner: Owner, ids: Sequence[str | int]) -> Diagnostic:
    """That several artifacts have the name; `ids` are theirs, first the one that counts."""
    first, *others = ids
    which = (
        f"artifact {others[0]}" if len(others) == 1 else f"artifacts {', '.join(map(str, others))}"
    )
    return Diagnostic(
        code="ledger/duplicate",
        summary=f"{len(ids)} artifacts have the name of the ledger of {owner}",
        detail=f"the oldest counts, {first}; what is in the others is not looked at",
        fix=f"delete the {which}",
        severity=Severity.WARNING,
    )


def readable(text: bytes | None, owner: Owner | None = None) -> Ledger | None:
    """The ledger in `text`, None where that is none of `owner` (None: of anybody)."""
    try:
        return None if text is None else read_ledger(text, owner)
    except LedgerUnusable:
        return None


async def _read(
    store: LedgerStore,
    id: str | int,  # noqa: A002
    number: int | None = None,
    owner: Owner | None = None,
) -> Ledger | None:
    """A ledger as soon as its text is in: the texts of many would take much memory."""
    return readable(await store.read(id, number), owner)


async def newest_in_force(
    store: LedgerStore,
    id: str | int,  # noqa: A002
    numbers: Sequence[int],
    newest: int,
    ledger: Ledger,
) -> tuple[int, Ledger]:
    """The newest version in force of those up to `newest`, whose text is `ledger`.

    Reads nothing when nobody wrote between `newest` and what its writer knew.
    """
    texts = {newest: ledger}
    floor, unread = ledger.seen, newest
    while floor + 1 < unread:
        between = [n for n in numbers if floor < n < unread]
        ledgers = await all_of(_read(store, id, number, ledger.owner) for number in between)
        texts |= {n: found for n, found in zip(between, ledgers, strict=True) if found}
        unread, floor = floor + 1, min([floor, *(found.seen for found in ledgers if found)])
    return _last_in_force(texts)


def _last_in_force(texts: Mapping[int, Ledger]) -> tuple[int, Ledger]:
    """`texts` are all above some number that each of their writers knew of."""
    first, *later = sorted(texts)
    last = first
    for number in later:
        if texts[number].seen >= last:
            last = number
    return last, texts[last]


async def all_of(work: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """The results of work done side by side, in its order; the first error ends it all."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
