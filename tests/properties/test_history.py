"""The history under any bytes, any order of runs, and writers that overtake each other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peakctl.adapters.ledger_store import HISTORIES, text_of, zip_of
from peakctl.errors import LedgerUnusable
from peakctl.ledger.history import (
    FEWEST_RUNS,
    LARGEST,
    MOST_RUNS,
    HistoryClient,
    merge_runs,
    read_history,
    runs_to_keep,
    write_history,
)
from peakctl.model import Actor, History, HistoryResource, HistoryRun, Key, Owner, history_name

US = Owner("retail", "prod")
NOW = 1_800_000_000.0
ids = st.text("abcdef", min_size=1, max_size=3)
resources = st.builds(
    HistoryResource,
    st.builds(Key, st.sampled_from(["Image", "Service"]), st.text(min_size=1, max_size=5)),
    st.sampled_from(["build", "edit", "adopt"]),
    st.sampled_from(["done", "failed"]),
    st.none() | st.just("0.0.1"),
    st.none() | st.just("0.0.2"),
)


@st.composite
def runs(draw: Any) -> HistoryRun:
    ended = NOW - draw(st.integers(0, 200)) * 86_400
    recovered = draw(st.booleans())
    done = () if recovered else tuple(draw(st.lists(resources, max_size=3)))
    return HistoryRun(
        0, draw(ids), Actor("ada"), "apply", ended, ended, "done", resources=done,
        recovered=recovered,
    )  # fmt: skip


def is_ours(text: bytes) -> bool:
    try:
        read_history(text, US)
    except LedgerUnusable:
        return False
    return True


@given(st.binary(max_size=200))
def test_no_bytes_are_worse_than_unusable(data: bytes) -> None:
    assert not is_ours(data)
    assert not is_ours(text_of(data, HISTORIES.member))


@given(st.lists(runs(), max_size=6), st.data())
def test_one_damaged_byte_is_seen(given: list[HistoryRun], data: Any) -> None:
    history = History(US, 3, merge_runs((), given))
    text = write_history(history)
    assert read_history(text_of(zip_of(text, HISTORIES.member), HISTORIES.member), US) == history
    at = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda other: other != text[at]))
    damaged = text[:at] + bytes([byte]) + text[at + 1 :]
    assert not is_ours(damaged) or read_history(damaged, US) == history


@given(st.lists(runs(), max_size=12), st.lists(runs(), max_size=12))
def test_merging_keeps_each_run_once_under_its_number(
    first: list[HistoryRun], second: list[HistoryRun]
) -> None:
    known = merge_runs((), first)
    both = merge_runs(known, second)
    assert {run.id for run in both} == {run.id for run in (*first, *second)}
    assert [run.number for run in both] == list(range(1, len(both) + 1))
    assert [run.id for run in both[: len(known)]] == [run.id for run in known]
    assert merge_runs(both, (*first, *second)) == both
    full = {run.id for run in (*first, *second) if not run.recovered}
    assert {run.id for run in both if not run.recovered} == full


@given(st.lists(runs(), max_size=30), st.integers(0, 40))
def test_what_is_kept_are_the_newest(given: list[HistoryRun], times: int) -> None:
    many = merge_runs((), given)
    repeated = many * times
    kept = runs_to_keep(repeated, NOW)
    assert len(kept) <= MOST_RUNS
    assert len(kept) >= min(len(repeated), FEWEST_RUNS)
    assert len(write_history(History(US, 1, kept))) <= LARGEST


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, 4), st.randoms(use_true_random=False))
def test_writers_that_overtake_each_other_lose_nothing(
    make_ledger_store: Callable[..., Any], writers: int, dice: random.Random
) -> None:
    store = make_ledger_store(prefix="peakctl-history-")

    async def pause() -> None:
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)

    async def write(word: str) -> None:
        run = HistoryRun(0, word, Actor("ada"), "apply", NOW, NOW, "done")
        client = HistoryClient(store, US, store.clock)
        await client.add([run], await client.find())

    async def race() -> None:
        await store.create(history_name(US), write_history(History(US, 1)))
        store.pause = pause
        await asyncio.gather(*(write(str(n)) for n in range(writers)))

    asyncio.run(race())
    found = asyncio.run(HistoryClient(store, US, store.clock).find())
    assert found is not None
    runs = found.history.runs
    assert {run.id for run in runs} == {str(n) for n in range(writers)}
    assert [run.number for run in runs] == list(range(1, writers + 1))
