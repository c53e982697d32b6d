"""How long waits took: entries that are kept, read with care, and found for each action."""

from __future__ import annotations

import pytest
from ledgers import ledger_of

from peakctl.ledger.remembered import kept_wait, read_wait, usual_waits, write_wait
from peakctl.model import Action, Key, Live, Owned, Verb

IMAGE, OTHER, NEW = Key("Image", "train"), Key("Image", "other"), Key("Image", "new")


@pytest.mark.parametrize("seconds", [1, 38, 3600])
def test_a_wait_is_read_as_it_was_written(seconds: int) -> None:
    entry = write_wait(seconds)
    assert read_wait(entry) == seconds
    assert kept_wait({"spec/a": "digest", **entry}) == entry


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "1e9", "٣", "12345678", "38s", "x"])
def test_what_is_no_number_of_seconds_is_not_told(text: str) -> None:
    assert read_wait({"waited": text}) is None
    assert kept_wait({"waited": text}) == {}


def test_what_was_over_at_once_leaves_nothing() -> None:
    assert write_wait(0) == {}


def test_waits_follow_the_id_and_else_the_name() -> None:
    ledger = ledger_of(
        Owned(IMAGE, 7, digests=write_wait(38)), Owned(OTHER, 8, digests={"spec/a": "digest"})
    )
    renamed = Action(NEW, Verb.BUILD, live=Live(NEW, "7", {}))
    replaced = Action(IMAGE, Verb.CREATE)
    elsewhere = Action(IMAGE, Verb.BUILD, live=Live(IMAGE, 9, {}))
    unknown = Action(OTHER, Verb.BUILD, live=Live(OTHER, 8, {}))
    assert usual_waits([renamed, replaced, unknown], ledger) == {NEW: 38, IMAGE: 38}
    assert usual_waits([elsewhere], ledger) == {IMAGE: 38}
    assert usual_waits([renamed, replaced], None) == {}
