"""Which version is in force, and which of several ledgers counts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from peakctl.errors import ApiError, LedgerUnusable, Severity
from peakctl.ledger.codec import write_ledger
from peakctl.ledger.revisions import (
    LedgerRevision,
    find_revision,
    read_others,
    tell_duplicates,
    tell_unread,
)
from peakctl.model import Flaw, Ledger, Owner, ledger_name

T = TypeVar("T")
OWNER = Owner("retail", "prod")
OTHER = Owner("pricing", "prod")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def version(number: int, base: int, seen: int, owner: Owner = OWNER) -> bytes:
    return write_ledger(Ledger(owner, "salt", f"w{number}", base, seen))


def put(store: Any, *texts: bytes | None, owner: Owner = OWNER) -> str:
    """A ledger with these versions, numbered from 1; None is one that was trimmed."""
    made = str(run(store.create(ledger_name(owner), texts[0] or b"")))
    for text in texts[1:]:
        run(store.append(made, text or b""))
    for number, text in enumerate(texts, 1):
        if text is None:
            run(store.drop(made, number))
    store.asked.clear()
    return made


def revision_of(store: Any, owner: Owner = OWNER) -> LedgerRevision | None:
    return run(find_revision(store, store.pick(store._listed()), owner))


def in_force(store: Any) -> tuple[int, str]:
    found = revision_of(store)
    assert found is not None
    return found.number, found.ledger.writer


CORRUPT = b"{}"


@pytest.mark.parametrize(
    ("versions", "number"),
    [
        ([(0, 0)], 1),
        ([(0, 0), (1, 1), (2, 2)], 3),
        ([(0, 0), (1, 1), (1, 1)], 2),
        ([(0, 0), (1, 1), (1, 1), (2, 3)], 4),
        ([(0, 0), (1, 1), (1, 1), (1, 1)], 2),
        ([(0, 0), (1, 1), (1, 1), (2, 2)], 4),
        ([(0, 0), (1, 1), (1, 1), (2, 2), (2, 3)], 4),
        ([(0, 0), (1, 1), (1, 1), (2, 2), (3, 3)], 4),
        ([(0, 0), CORRUPT, (1, 1)], 3),
        ([(0, 0), (1, 1), CORRUPT, (2, 2)], 4),
        ([None, None, (2, 2), (3, 3)], 4),
        ([(0, 0), None, (1, 1)], 3),
        ([None, (1, 1), (1, 1)], 2),
        ([(0, 0), (9, 9)], 2),
        ([(0, 0), (1, 1), (0, 0)], 2),
    ],
)
def test_a_version_is_in_force_if_none_that_came_between_is(
    ledger_store: Any, versions: list[Any], number: int
) -> None:
    texts = [
        version(n, *each) if isinstance(each, tuple) else each for n, each in enumerate(versions, 1)
    ]
    put(ledger_store, *texts)
    found = revision_of(ledger_store)
    assert found is not None
    assert (found.number, found.newest, found.ledger.writer) == (
        number,
        len(versions),
        f"w{number}",
    )


def test_a_quiet_ledger_takes_two_requests(ledger_store: Any) -> None:
    put(ledger_store, version(1, 0, 0), version(2, 1, 1), version(3, 2, 2))
    assert in_force(ledger_store) == (3, "w3")
    assert ledger_store.asked == ["read", "numbers"]


def test_there_is_no_ledger_of_another_name(ledger_store: Any) -> None:
    put(ledger_store, version(1, 0, 0, OTHER), owner=OTHER)
    assert revision_of(ledger_store) is None


@pytest.mark.parametrize(
    ("newest", "flaw"),
    [
        (b"", Flaw.CORRUPT),
        (version(2, 1, 1, OTHER), Flaw.FOREIGN),
        (b'{"kind": "peakctl-ledger", "format_version": 3}', Flaw.NEWER),
    ],
)
def test_a_newest_version_that_cannot_be_read_is_told(
    ledger_store: Any, newest: bytes, flaw: Flaw
) -> None:
    put(ledger_store, version(1, 0, 0), newest)
    with pytest.raises(LedgerUnusable) as caught:
        run(find_revision(ledger_store, ledger_store._listed(), OWNER))
    assert caught.value.flaw is flaw


def test_of_two_of_one_name_the_oldest_with_a_version_counts(ledger_store: Any) -> None:
    empty = put(ledger_store, version(1, 0, 0))
    run(ledger_store.drop(empty, 1))
    ledger_store.clock.time += 5
    second = put(ledger_store, version(7, 0, 0))
    ledger_store.clock.time += 5
    put(ledger_store, version(8, 0, 0))
    found = revision_of(ledger_store)
    assert found is not None
    assert (found.id, found.ledger.writer) == (second, "w7")


def test_a_newest_version_that_is_deleted_meanwhile_is_passed_over(ledger_store: Any) -> None:
    made = put(ledger_store, version(1, 0, 0), version(2, 1, 1))
    del ledger_store.versions[made][2]

    async def as_before(_: Any) -> tuple[int, ...]:
        return (1, 2)

    ledger_store.numbers = as_before
    found = revision_of(ledger_store)
    assert found is not None
    assert (found.number, found.newest) == (1, 2)


def test_a_ledger_that_goes_while_it_is_looked_at_is_none(ledger_store: Any) -> None:
    made = put(ledger_store, version(1, 0, 0), version(2, 1, 1), version(3, 1, 1))
    numbers = ledger_store.numbers

    async def then_delete(ledger: Any) -> Any:
        found = await numbers(ledger)
        ledger_store.versions[made].clear()
        return found

    ledger_store.numbers = then_delete
    assert revision_of(ledger_store) is None


def test_the_others_are_the_oldest_of_each_name_and_those_that_cannot_be_read_are_named(
    ledger_store: Any,
) -> None:
    put(ledger_store, version(1, 0, 0))
    put(ledger_store, version(1, 0, 0, OTHER), version(2, 1, 1, OTHER), owner=OTHER)
    ledger_store.clock.time += 5
    put(ledger_store, version(5, 0, 0, OTHER), owner=OTHER)
    newer = version(1, 0, 0, Owner("newer", "prod")).replace(
        b'"format_version": 2', b'"format_version": 99'
    )
    put(ledger_store, newer, owner=Owner("newer", "prod"))
    put(ledger_store, b"", owner=Owner("broken", "prod"))
    put(ledger_store, b"null", owner=Owner("none", "prod"))
    put(ledger_store, version(1, 0, 0), owner=Owner("renamed", "prod"))
    gone = put(ledger_store, version(1, 0, 0), owner=Owner("gone", "prod"))
    run(ledger_store.drop(gone, 1))
    found = run(read_others(ledger_store, ledger_store._listed(), OWNER))
    assert [(each.owner, each.writer) for each in found.ledgers] == [(OTHER, "w2")]
    assert found.unread == tuple(f"peakctl-ledger-{n}-prod" for n in ("broken", "newer", "none"))
    assert [each.severity for each in tell_unread(found.unread)] == [Severity.WARNING] * 3
    assert tell_unread(()) == ()


def test_an_error_while_others_are_read_is_that_error(ledger_store: Any) -> None:
    put(ledger_store, version(1, 0, 0, OTHER), owner=OTHER)
    ledger_store.faults["read"] = [ledger_store.error(500)]
    with pytest.raises(ApiError):
        run(read_others(ledger_store, ledger_store._listed(), OWNER))


@pytest.mark.parametrize(
    ("ids", "which"), [((1, 2), "artifact 2"), ((1, 2, 3), "artifacts 2, 3")], ids=["one", "two"]
)
def test_of_several_of_one_name_it_is_told_which_may_go(ids: tuple[int, ...], which: str) -> None:
    told = tell_duplicates(OWNER, ids)
    assert (told.code, told.fix) == ("ledger/duplicate", f"delete the {which}")
    assert told.detail.startswith("the oldest counts, 1;")
