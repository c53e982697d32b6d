"""A ledger is mended over what cannot be read, and a lease is taken from nobody who is alive."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from peakctl.engine.ledger.chain import Standing
from peakctl.engine.ledger.mend import Found, salvage, unlock, write_next, write_owned
from peakctl.engine.ledger.text import read_ledger, write_ledger
from peakctl.errors import LeaseHeld, LedgerUnusable
from peakctl.model import (
    Actor,
    Flaw,
    Intent,
    Key,
    Lease,
    Ledger,
    Listed,
    Owned,
    Owner,
    PastRun,
    ledger_name,
)

US, THEM = Owner("retail", "prod"), Owner("ads", "prod")
NAME = ledger_name(US)
ALICE, BOB = Actor("alice"), Actor("bob")
KEY = Key("Image", "a")
EMPTY = Ledger(US, salt="s")
NOW = 1_800_000_000.0


class Store:
    """Ledgers in memory; `meanwhile` is called once, before the next write."""

    kind = "Artifact"

    def __init__(self) -> None:
        self.kept: dict[str | int, tuple[str, dict[int, bytes | None]]] = {}
        self.meanwhile: Callable[[], None] = lambda: None
        self._ids = (f"id{number}" for number in itertools.count(1))

    def put(self, *texts: bytes | None, name: str = NAME) -> str:
        id_ = next(self._ids)
        self.kept[id_] = name, dict(enumerate(texts, 1))
        return id_

    def now(self) -> float:
        return NOW

    async def list(self) -> tuple[Listed, ...]:
        return tuple(Listed(id_, name) for id_, (name, _) in sorted(self.kept.items(), key=str))

    def pick(self, listed: tuple[Listed, ...]) -> tuple[Listed, ...]:
        return listed

    async def numbers(self, id_: str | int) -> tuple[int, ...]:
        return tuple(self.kept[id_][1])

    async def read(self, id_: str | int, number: int | None = None) -> bytes | None:
        versions = self.kept[id_][1]
        return versions[max(versions) if number is None else number]

    async def create(self, name: str, text: bytes) -> str | int:
        self._let_others_write()
        return self.put(text, name=name)

    async def append(self, id_: str | int, text: bytes) -> int:
        self._let_others_write()
        number = max(self.kept[id_][1]) + 1
        self.kept[id_][1][number] = text
        return number

    async def drop(self, id_: str | int, number: int) -> None:
        raise AssertionError("nothing is trimmed here")

    async def remove(self, id_: str | int) -> None:
        del self.kept[id_]

    def newest(self, id_: str | int) -> Ledger:
        versions = self.kept[id_][1]
        text = versions[max(versions)]
        assert text is not None
        return read_ledger(text, US)

    def _let_others_write(self) -> None:
        others, self.meanwhile = self.meanwhile, lambda: None
        others()


def text(ledger: Ledger = EMPTY, *, base: int = 0, seen: int = 0) -> bytes:
    return write_ledger(replace(ledger, base=base, seen=seen))


def salvaged(store: Store) -> Found | None:
    async def find() -> Found | None:
        return await salvage(store, await store.list(), US)

    return asyncio.run(find())


def standing(store: Store) -> Standing:
    found = salvaged(store)
    assert found is not None
    return found.standing


def test_without_a_ledger_nothing_is_found() -> None:
    store = Store()
    store.put(text(), name="peakctl-ledger-other-prod")
    store.put()  # all versions are gone
    assert salvaged(store) is None


def test_a_whole_ledger_is_found_as_it_stands() -> None:
    store = Store()
    id_ = store.put(text(), text(base=1, seen=1), text(base=1, seen=1))
    twin = store.put(text())
    found = salvaged(store)
    assert found is not None
    assert (found.standing.id, found.standing.number, found.standing.newest) == (id_, 2, 3)
    assert found.damage is None
    assert found.twins == (twin,)


def test_damaged_and_missing_versions_are_passed_over() -> None:
    store = Store()
    store.put(text(), text(replace(EMPTY, salt="two"), base=1, seen=1), b"", b"{", None)
    found = salvaged(store)
    assert found is not None
    assert (found.standing.number, found.standing.newest) == (2, 5)
    assert found.standing.ledger.salt == "two"
    assert found.damage is not None
    assert found.damage.code == "ledger/corrupt"


def test_a_ledger_of_which_nothing_can_be_read_is_empty() -> None:
    store = Store()
    store.put(b"", b"")
    found = salvaged(store)
    assert found is not None
    assert (found.standing.number, found.standing.newest) == (0, 2)
    assert found.standing.ledger.owned == {}
    assert found.standing.ledger.salt


@pytest.mark.parametrize(
    ("newest", "flaw"),
    [
        (write_ledger(Ledger(THEM, salt="s")), Flaw.FOREIGN),
        (b'{"kind": "peakctl-ledger", "format_version": 99}', Flaw.NEWER),
    ],
)
def test_what_is_not_ours_or_not_understood_is_not_written_over(newest: bytes, flaw: Flaw) -> None:
    store = Store()
    store.put(text(), newest, b"")
    with pytest.raises(LedgerUnusable) as caught:
        salvaged(store)
    assert caught.value.flaw is flaw


def held() -> Ledger:
    lease = Lease("r1", BOB, NOW - 60, NOW + 840)
    return replace(EMPTY, lease=lease, intents=(Intent(KEY, "create"),), owned={KEY: Owned(KEY, 1)})


def test_unlocking_keeps_all_but_the_lease_and_tells_of_both_runs() -> None:
    store = Store()
    id_ = store.put(text(held()))
    done = asyncio.run(unlock(store, standing(store), run="r2", actor=ALICE))
    written = store.newest(id_)
    assert (done.number, done.ledger) == (2, written)
    assert (written.base, written.seen, written.lease) == (1, 1, None)
    assert (written.intents, written.owned) == (held().intents, held().owned)
    assert written.runs == (
        PastRun("r1", BOB, "", NOW - 60, NOW, "unlocked"),
        PastRun("r2", ALICE, "ledger unlock", NOW, NOW, "done"),
    )


def test_a_run_that_renews_meanwhile_keeps_its_lease() -> None:
    store = Store()
    id_ = store.put(text(held()))
    shown = standing(store)
    store.meanwhile = lambda: store.kept[id_][1].update({2: text(held(), base=1, seen=1)})
    with pytest.raises(LeaseHeld) as caught:
        asyncio.run(unlock(store, shown, run="r2", actor=ALICE))
    assert caught.value.diagnostics[0].code == "lease/moved"
    assert standing(store).number == 2
    assert standing(store).ledger.lease is not None


def test_a_write_that_only_rubbish_came_before_is_in_force() -> None:
    store = Store()
    id_ = store.put(text())
    shown = standing(store)
    store.meanwhile = lambda: store.kept[id_][1].update({2: b"rubbish"})
    done = asyncio.run(write_next(store, shown, replace(EMPTY, salt="new")))
    assert done.number == 3
    assert standing(store).ledger.salt == "new"


def test_a_rebuilt_ledger_goes_over_the_damage_and_keeps_salt_runs_and_intents() -> None:
    store = Store()
    run = PastRun("r0", BOB, "apply", NOW, NOW, "done")
    before = replace(EMPTY, runs=(run,) * 25, intents=(Intent(KEY, "create"),))
    id_ = store.put(text(before), b"damaged")
    owned = {KEY: Owned(KEY, 1)}
    asyncio.run(write_owned(store, standing(store), US, owned, run="r2", actor=ALICE))
    written = store.newest(id_)
    assert (written.base, written.seen) == (1, 2)
    assert (written.owned, written.salt, written.intents) == (owned, "s", before.intents)
    assert len(written.runs) == 20
    assert written.runs[-1].command == "ledger rebuild"
    assert written.runs[-1].counts == {"owned": 1}
    found = salvaged(store)
    assert found is not None
    assert (found.standing.number, found.damage) == (3, None)


def test_a_first_ledger_is_made() -> None:
    store = Store()
    owned = {KEY: Owned(KEY, 1)}
    done = asyncio.run(write_owned(store, None, US, owned, run="r2", actor=ALICE))
    assert (done.id, done.number, done.newest) == ("id1", 1, 1)
    assert standing(store) == done


def test_of_two_first_ledgers_the_later_one_is_taken_back() -> None:
    store = Store()
    store.meanwhile = lambda: store.put(text()) and None
    with pytest.raises(LeaseHeld):
        asyncio.run(write_owned(store, None, US, {}, run="r2", actor=ALICE))
    assert list(store.kept) == ["id1"]
