"""A ledger and a history go with what they were for, and not before."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from peakctl.ledger.client import LedgerClient
from peakctl.ledger.codec import read_ledger, write_ledger
from peakctl.ledger.removal import remove_records
from peakctl.model import (
    Actor,
    Intent,
    Key,
    Lease,
    Ledger,
    Owned,
    Owner,
    history_name,
    ledger_name,
)

US = Owner("shop", "preview.pr-7-", "preview")
OTHER = Owner("shop", "preview.pr-8-", "preview")
KEY = Key("Image", "pr-7-a")
EMPTY = Ledger(US, salt="s", writer="w")
FULL = {
    "owned": replace(EMPTY, owned={KEY: Owned(KEY, 1)}),
    "meant": replace(EMPTY, intents=(Intent(KEY, "create"),)),
    "leased": replace(EMPTY, lease=Lease("r", Actor("alice"), 0.0, 1.0)),
}


def put(store: Any, name: str, text: bytes) -> None:
    made = f"id{len(store.names) + 1}"
    store.names[made] = name, "2026-01-01T00:00:00"
    store.versions[made] = {1: text}


@pytest.fixture
def stores(ledger_store: Any, history_store: Any) -> tuple[Any, Any]:
    """The ledgers and the histories of two prefixes."""
    for owner in (OTHER, US):
        put(ledger_store, ledger_name(owner), write_ledger(replace(EMPTY, owner=owner)))
        put(history_store, history_name(owner), b"runs")
    return ledger_store, history_store


def remove(stores: tuple[Any, Any], ours: Ledger, clock: Any) -> bool:
    client = LedgerClient(stores[0], US, clock, lambda _: None)
    return asyncio.run(remove_records(client, stores[1], ours))


def left(store: Any) -> list[str]:
    return [store.names[id_][0] for id_ in store.versions]


def written(store: Any) -> Ledger:
    return read_ledger(store.versions["id2"][1], US)


def test_both_go_where_nothing_is_left(stores: Any, clock: Any) -> None:
    assert remove(stores, written(stores[0]), clock)
    assert left(stores[0]) == [ledger_name(OTHER)]
    assert left(stores[1]) == [history_name(OTHER)]


@pytest.mark.parametrize("name", FULL)
def test_both_stay_while_something_is_owned_meant_or_under_way(
    stores: Any, clock: Any, name: str
) -> None:
    assert not remove(stores, FULL[name], clock)
    assert (len(left(stores[0])), len(left(stores[1]))) == (2, 2)


def test_both_stay_where_another_run_has_written_since(stores: Any, clock: Any) -> None:
    assert not remove(stores, replace(written(stores[0]), writer="before"), clock)
    assert (len(left(stores[0])), len(left(stores[1]))) == (2, 2)


def test_there_may_be_none_any_more(stores: Any, clock: Any) -> None:
    ours = written(stores[0])
    del stores[0].versions["id2"], stores[0].names["id2"]
    assert not remove(stores, ours, clock)
