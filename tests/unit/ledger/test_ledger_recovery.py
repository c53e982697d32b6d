"""A ledger is recovered past what cannot be read; a lease is taken from nobody who is alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from peakctl.errors import LeaseHeld, LedgerUnusable
from peakctl.ledger.client import LedgerClient
from peakctl.ledger.codec import read_ledger, write_ledger
from peakctl.ledger.recovery import Found, recover, refuse_alive, unlock, write_owned
from peakctl.ledger.revisions import LedgerRevision
from peakctl.model import (
    Actor,
    Flaw,
    Intent,
    Key,
    Lease,
    Ledger,
    Owned,
    Owner,
    PastRun,
    Run,
    ledger_name,
)

US, THEM = Owner("retail", "prod"), Owner("ads", "prod")
NAME = ledger_name(US)
ALICE, BOB = Actor("alice"), Actor("bob")
KEY = Key("Image", "a")
UNLOCK, REBUILD = Run("r2", ALICE, "ledger unlock"), Run("r2", ALICE, "ledger rebuild")
EMPTY = Ledger(US, salt="s")
NOW = 1_800_000_000.0


def put(store: Any, *texts: bytes | None, name: str = NAME) -> str:
    """A ledger with these versions; its id. None is a version that goes before it is read."""
    made = f"id{len(store.names) + 1}"
    store.names[made] = name, f"2026-01-01T00:00:0{len(store.names)}"
    store.versions[made] = dict(enumerate(texts, 1))
    store.counts[made] = len(texts)
    return made


def add(store: Any, id_: str, text: bytes) -> None:
    store.counts[id_] += 1
    store.versions[id_][store.counts[id_]] = text


def before_a(method: str, store: Any, act: Callable[[], object]) -> None:
    """Let others act once, when the next `method` is on its way."""

    async def pause() -> None:
        if store.asked[-1] == method:
            store.pause = None
            act()

    store.pause = pause


def newest(store: Any, id_: str) -> Ledger:
    versions = store.versions[id_]
    return read_ledger(versions[max(versions)], US)


def client(store: Any) -> LedgerClient:
    return LedgerClient(store, US, store.clock, lambda _: None)


def text(ledger: Ledger = EMPTY, *, base: int = 0, seen: int = 0) -> bytes:
    return write_ledger(replace(ledger, base=base, seen=seen))


def recovered(store: Any) -> Found | None:
    async def find() -> Found | None:
        return await recover(store, await store.list(), US)

    return asyncio.run(find())


def in_force(store: Any) -> LedgerRevision:
    found = recovered(store)
    assert found is not None
    return found.revision


def test_without_a_ledger_nothing_is_found(ledger_store: Any) -> None:
    put(ledger_store, text(), name="peakctl-ledger-other-prod")
    put(ledger_store)  # all versions are gone
    assert recovered(ledger_store) is None


def test_a_whole_ledger_is_found_as_it_is(ledger_store: Any) -> None:
    id_ = put(ledger_store, text(), text(base=1, seen=1), text(base=1, seen=1))
    other = put(ledger_store, text())
    found = recovered(ledger_store)
    assert found is not None
    assert (found.revision.id, found.revision.number, found.revision.newest) == (id_, 2, 3)
    assert found.damage is None
    assert found.duplicates == (other,)


def test_damaged_and_missing_versions_are_passed_over(ledger_store: Any) -> None:
    put(ledger_store, text(), text(replace(EMPTY, salt="two"), base=1, seen=1), b"", b"{", None)
    found = recovered(ledger_store)
    assert found is not None
    assert (found.revision.number, found.revision.newest) == (2, 5)
    assert found.revision.ledger.salt == "two"
    assert found.damage is not None
    assert found.damage.code == "ledger/corrupt"


def test_a_ledger_of_which_nothing_can_be_read_is_empty(ledger_store: Any) -> None:
    put(ledger_store, b"", b"")
    found = recovered(ledger_store)
    assert found is not None
    assert (found.revision.number, found.revision.newest) == (0, 2)
    assert found.revision.ledger.owned == {}
    assert found.revision.ledger.salt


@pytest.mark.parametrize(
    ("bad", "flaw"),
    [
        (write_ledger(Ledger(THEM, salt="s")), Flaw.FOREIGN),
        (b'{"kind": "peakctl-ledger", "format_version": 99}', Flaw.NEWER),
    ],
)
def test_what_is_not_ours_or_not_understood_is_not_written_over(
    ledger_store: Any, bad: bytes, flaw: Flaw
) -> None:
    put(ledger_store, text(), bad, b"")
    with pytest.raises(LedgerUnusable) as caught:
        recovered(ledger_store)
    assert caught.value.flaw is flaw


@pytest.mark.parametrize("bad", [b"null", b'{"kind": "something"}'])
def test_what_is_no_ledger_is_passed_over_only_where_an_older_version_is_ours(
    ledger_store: Any, bad: bytes
) -> None:
    put(ledger_store, text(), b"", bad)
    found = recovered(ledger_store)
    assert found is not None
    assert found.revision.number == 1
    assert found.damage is not None
    assert found.damage.code == "ledger/foreign"


def test_what_never_was_a_ledger_is_not_written_over(ledger_store: Any) -> None:
    put(ledger_store, b"", b"null")
    with pytest.raises(LedgerUnusable) as caught:
        recovered(ledger_store)
    assert caught.value.flaw is Flaw.FOREIGN


def held() -> Ledger:
    lease = Lease("r1", BOB, NOW - 60, NOW + 840)
    return replace(EMPTY, lease=lease, intents=(Intent(KEY, "create"),), owned={KEY: Owned(KEY, 1)})


def test_unlocking_keeps_all_but_the_lease_and_tells_of_both_runs(ledger_store: Any) -> None:
    id_ = put(ledger_store, text(held()))
    done = asyncio.run(unlock(client(ledger_store), in_force(ledger_store), UNLOCK))
    written = newest(ledger_store, id_)
    assert (done.number, done.ledger) == (2, written)
    assert (written.base, written.seen, written.lease) == (1, 1, None)
    assert (written.intents, written.owned) == (held().intents, held().owned)
    assert written.runs == (
        PastRun("r1", BOB, "", NOW - 60, NOW, "unlocked"),
        PastRun("r2", ALICE, "ledger unlock", NOW, NOW, "done"),
    )


def test_a_run_that_renews_meanwhile_keeps_its_lease(ledger_store: Any) -> None:
    id_ = put(ledger_store, text(held()))
    shown = in_force(ledger_store)
    renewal = text(held(), base=1, seen=1)
    before_a("append", ledger_store, lambda: add(ledger_store, id_, renewal))
    with pytest.raises(LeaseHeld) as caught:
        asyncio.run(unlock(client(ledger_store), shown, UNLOCK))
    assert caught.value.diagnostics[0].code == "lease/moved"
    assert in_force(ledger_store).number == 2
    assert in_force(ledger_store).ledger.lease is not None


def test_a_write_that_only_rubbish_came_before_is_in_force(ledger_store: Any) -> None:
    id_ = put(ledger_store, text())
    shown = in_force(ledger_store)
    before_a("append", ledger_store, lambda: add(ledger_store, id_, b"rubbish"))
    owned = {KEY: Owned(KEY, 1)}
    done = asyncio.run(write_owned(client(ledger_store), shown, owned, REBUILD))
    assert done.number == 3
    assert in_force(ledger_store).ledger.owned == owned


def test_a_rebuilt_ledger_goes_over_the_damage_and_keeps_salt_runs_and_intents(
    ledger_store: Any,
) -> None:
    run = PastRun("r0", BOB, "apply", NOW, NOW, "done")
    before = replace(EMPTY, runs=(run,) * 25, intents=(Intent(KEY, "create"),))
    id_ = put(ledger_store, text(before), b"damaged")
    owned = {KEY: Owned(KEY, 1)}
    asyncio.run(write_owned(client(ledger_store), in_force(ledger_store), owned, REBUILD))
    written = newest(ledger_store, id_)
    assert (written.base, written.seen) == (1, 2)
    assert (written.owned, written.salt, written.intents) == (owned, "s", before.intents)
    assert len(written.runs) == 20
    assert written.runs[-1].command == "ledger rebuild"
    assert written.runs[-1].counts == {"owned": 1}
    found = recovered(ledger_store)
    assert found is not None
    assert (found.revision.number, found.damage) == (3, None)


def test_a_first_ledger_is_made(ledger_store: Any) -> None:
    owned = {KEY: Owned(KEY, 1)}
    done = asyncio.run(write_owned(client(ledger_store), None, owned, REBUILD))
    assert (done.number, done.newest) == (1, 1)
    assert in_force(ledger_store) == done


def test_of_two_first_ledgers_the_later_one_is_taken_back(ledger_store: Any) -> None:
    before_a("create", ledger_store, lambda: put(ledger_store, text()))
    with pytest.raises(LeaseHeld):
        asyncio.run(write_owned(client(ledger_store), None, {}, REBUILD))
    assert list(ledger_store.names) == ["id1"]


@pytest.mark.parametrize("alive", [True, False, None])
def test_a_lease_whose_process_is_there_is_not_to_be_taken_away(
    ledger_store: Any, alive: bool | None
) -> None:
    client = LedgerClient(ledger_store, US, ledger_store.clock, lambda _: alive)
    theirs = replace(BOB, process="77:1")
    for ledger in (EMPTY, replace(EMPTY, lease=Lease("r", theirs, NOW, NOW + 900))):
        if not alive or ledger is EMPTY:
            refuse_alive(client, ledger)
            continue
        with pytest.raises(LeaseHeld) as caught:
            refuse_alive(client, ledger)
        (told,) = caught.value.diagnostics
        assert (told.code, "process 77" in told.summary) == ("lease/alive", True)
