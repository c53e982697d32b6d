"""Many writers in any interleaving: one history, nothing lost, and at most one leases the lease."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peakctl.adapters.ledger_store import text_of, zip_of
from peakctl.errors import ApiError, LeaseHeld, LedgerUnusable
from peakctl.ledger.client import LedgerClient
from peakctl.ledger.codec import read_ledger, write_ledger
from peakctl.ledger.lease import HeldLease, write_if_free
from peakctl.ledger.revisions import find_revision, readable
from peakctl.model import (
    Actor,
    CiJob,
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

OWNER = Owner("retail", "prod")
FAULTS = (None, None, None, "lost", "late", "never")
fixed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
slow = settings(fixed, max_examples=40)


# --- the rule, as it is written in the design ------------------------------------------------


def by_the_rule(texts: dict[int, bytes]) -> list[int]:
    """The versions in force, by the words of the rule."""
    ledgers = {n: readable(text, OWNER) for n, text in texts.items()}

    @functools.cache
    def is_in_force(number: int) -> bool:
        ledger = ledgers.get(number)
        if ledger is None:
            return False
        return not any(is_in_force(n) for n in range(ledger.seen + 1, number))

    return [number for number in sorted(texts) if is_in_force(number)]


@fixed
@given(data=st.data())
def test_every_reader_of_any_history_sees_the_same_version(
    make_ledger_store: Callable[[], Any], data: st.DataObject
) -> None:
    """Writers build on what they saw, which may be long ago; some versions are damaged."""
    store = make_ledger_store()

    async def script() -> None:
        made = await store.create(ledger_name(OWNER), write_ledger(Ledger(OWNER, "s", "w1")))
        seen_then = [(1, 1)]
        for number in range(2, data.draw(st.integers(2, 12)) + 1):
            base, seen = data.draw(st.sampled_from(seen_then[-4:]))
            text = write_ledger(Ledger(OWNER, "s", f"w{number}", base, seen))
            damaged = data.draw(st.integers(0, 5)) == 0
            await store.append(made, b"" if damaged else text)
            forces = by_the_rule(store.versions[made])
            if damaged:
                continue
            found = await find_revision(store, store._listed(), OWNER)
            assert found is not None
            assert (found.number, found.newest) == (forces[-1], number)
            assert found.ledger.writer == f"w{found.number}"
            seen_then.append((found.number, number))
        texts = store.versions[made]
        bases = [read_ledger(texts[n], OWNER).base for n in by_the_rule(texts)]
        assert len(set(bases)) == len(bases)

    asyncio.run(script())


# --- writers that race -----------------------------------------------------------------------


class Race:
    """Runs that take the lease, write and give it back, and others that only leave a note."""

    def __init__(self, store: Any, chance: random.Random, *, faulty: bool) -> None:
        self.store = store
        self.chance = chance
        self.holding: set[str] = set()
        self.written: set[Key] = set()
        store.pause = self.wait
        if faulty:
            for method in ("append", "create"):
                store.faults[method] = [chance.choice(FAULTS) for _ in range(40)]

    async def wait(self) -> None:
        if self.store.late and self.chance.random() < 0.2:
            self.store.land()
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)

    async def run(self, number: int) -> None:
        client = LedgerClient(self.store, OWNER, self.store.clock, lambda _: None)
        key, actor = Key("Image", f"of-{number}"), Actor(f"user-{number}")
        for _ in range(4):
            await self.wait()
            with contextlib.suppress(LeaseHeld, ApiError):
                if number % 3 == 0:
                    await self.note(client, key, actor)
                else:
                    await self.apply(client, key, actor)
            await self.store.clock.sleep(self.chance.randrange(3))

    async def note(self, client: LedgerClient, key: Key, actor: Actor) -> None:
        def add(ledger: Ledger) -> Ledger:
            return replace(ledger, owned={**ledger.owned, key: Owned(key, 1)})

        if await write_if_free(client, add, Run(str(actor), actor, "apply")):
            self.written.add(key)

    async def apply(self, client: LedgerClient, key: Key, actor: Actor) -> None:
        held = await HeldLease.acquire(client, Run(actor.who, actor, "apply"), ())
        assert not self.holding
        self.holding.add(actor.who)
        renewal = asyncio.create_task(held.keep(lambda: None))
        if self.chance.random() < 0.3:
            await self.store.clock.sleep(301)
        await self.wait()
        if self.chance.random() < 0.5:
            renewal.cancel()
        self.holding.clear()
        owned = {**held.ledger.owned, key: Owned(key, 1)}
        try:
            await held.finish(owned=owned, intents=(), outcome="done", counts={})
            self.written.add(key)
        finally:
            renewal.cancel()

    async def all(self, many: int) -> None:
        await asyncio.gather(*(self.run(number) for number in range(many)))
        self.store.pause = None
        self.store.faults.clear()
        self.store.land()


def race(store: Any, chance: random.Random, many: int, *, faulty: bool) -> None:
    async def script() -> None:
        runs = Race(store, chance, faulty=faulty)
        await runs.all(many)
        found = await find_revision(store, store._listed(), OWNER)
        if found is None:
            assert not runs.written
            return
        assert runs.written <= found.ledger.owned.keys()
        texts = store.archive[found.id]
        forces = by_the_rule(texts)
        assert found.number == forces[-1]
        ledgers = [read_ledger(texts[number], OWNER) for number in forces]
        bases = [ledger.base for ledger in ledgers]
        assert len(set(bases)) == len(bases)
        assert bases[1:] == forces[:-1]

    asyncio.run(script())


@slow
@given(seed=st.integers(0, 2**32), many=st.integers(2, 5))
def test_writers_that_race_make_one_history_and_lose_nothing(
    make_ledger_store: Callable[[], Any], seed: int, many: int
) -> None:
    race(make_ledger_store(), random.Random(seed), many, faulty=False)


@slow
@given(seed=st.integers(0, 2**32), many=st.integers(2, 5))
def test_the_same_holds_when_answers_are_lost_and_writes_come_late(
    make_ledger_store: Callable[[], Any], seed: int, many: int
) -> None:
    race(make_ledger_store(), random.Random(seed), many, faulty=True)


@fixed
@given(seed=st.integers(0, 2**32), many=st.integers(2, 4))
def test_of_first_ledgers_made_at_once_at_most_one_is_held(
    make_ledger_store: Callable[[], Any], seed: int, many: int
) -> None:
    store, chance = make_ledger_store(), random.Random(seed)

    async def script() -> None:
        runs = Race(store, chance, faulty=chance.random() < 0.5)
        leases = []

        async def take(number: int) -> None:
            await runs.wait()
            await store.clock.sleep(chance.choice((0, 0, 0.3, 1)))
            client = LedgerClient(store, OWNER, store.clock, lambda _: None)
            actor = Actor(f"user-{number}")
            with contextlib.suppress(LeaseHeld, ApiError):
                leases.append(await HeldLease.acquire(client, Run(actor.who, actor, ""), ()))

        await asyncio.gather(*(take(number) for number in range(many)))
        assert len(leases) <= 1
        store.pause = None
        store.land()
        for held in leases:
            found = await find_revision(store, store._listed(), OWNER)
            assert found is not None
            assert found.ledger == held.ledger

    asyncio.run(script())


# --- texts -----------------------------------------------------------------------------------

words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
maybe = st.just("") | words
moments = st.floats(0, 2e11)
counts = st.integers(0, 2**53)
keys = st.builds(Key, words, words)
actors = st.builds(
    Actor, maybe, maybe, maybe, maybe, st.none() | st.builds(CiJob, maybe, maybe, counts, maybe)
)
resources = st.builds(
    Owned,
    keys,
    counts | words,
    st.booleans(),
    st.lists(keys, max_size=3).map(tuple),
    st.dictionaries(words, words, max_size=3),
)
runs = st.builds(
    PastRun, words, actors, maybe, moments, moments, maybe, st.dictionaries(words, counts)
)
ledgers = st.builds(
    Ledger,
    st.builds(Owner, words, words),
    words,
    maybe,
    counts,
    counts,
    st.lists(resources, max_size=4).map(lambda items: {each.key: each for each in items}),
    st.lists(st.builds(Intent, keys, words, st.none() | words), max_size=3).map(tuple),
    st.none() | st.builds(Lease, words, actors, moments, moments),
    st.lists(runs, max_size=2).map(tuple),
)


@given(ledgers)
def test_a_ledger_that_is_written_is_read_again_exactly(ledger: Ledger) -> None:
    text = text_of(zip_of(write_ledger(ledger)))
    assert read_ledger(text, ledger.owner) == ledger
    assert write_ledger(read_ledger(text, None)) == text


def damage(data: bytes, draw: st.DataObject) -> bytes:
    out = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, max(0, len(out) - 1)))
        piece = draw.draw(st.binary(max_size=3))
        out[at : at + draw.draw(st.integers(0, 3))] = piece
    return bytes(out)


WHOLE = Ledger(
    OWNER,
    "salt",
    "w",
    3,
    4,
    owned={key: Owned(key, 17, digests={"spec/x": "a"}) for key in (Key("Image", "forecast"),)},
    lease=Lease("r", Actor("ada"), 1.0, 2.0),
)


@settings(max_examples=500)
@given(draw=st.data())
def test_damage_to_a_text_is_told_or_harmless(draw: st.DataObject) -> None:
    text = damage(write_ledger(WHOLE), draw)
    with contextlib.suppress(LedgerUnusable):
        assert read_ledger(text, OWNER) == WHOLE


@settings(max_examples=500)
@given(draw=st.data())
def test_damage_to_a_zip_is_told_or_harmless(draw: st.DataObject) -> None:
    text = text_of(damage(zip_of(write_ledger(WHOLE)), draw))
    with contextlib.suppress(LedgerUnusable):
        assert read_ledger(text, OWNER) == WHOLE


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    for text in (data, text_of(data)):
        with contextlib.suppress(LedgerUnusable):
            read_ledger(text, None)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.sampled_from(["owned", "lease", "runs", "intents", "salt", "seen", "checksum", "kind"]),
)
def test_any_value_in_any_field_is_read_or_told(value: Any, name: str) -> None:
    body = json.loads(write_ledger(WHOLE))
    body.pop("checksum")
    body[name] = value
    plain = json.dumps(body, sort_keys=True, separators=(",", ":"))
    text = json.dumps({"checksum": hashlib.sha256(plain.encode()).hexdigest(), **body})
    with contextlib.suppress(LedgerUnusable):
        assert write_ledger(read_ledger(text.encode(), OWNER))
