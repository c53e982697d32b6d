"""What a ledger remembers of one resource, by places that have one meaning each."""

from __future__ import annotations

import pytest

from peakctl.ledger.digests import NO_DIGESTS, Digests, StoredDigests, place, stored_digests
from peakctl.model import MISSING, Intent, Key, Ledger, Live, Owned, Owner, Path, Secret

DIGESTS = Digests("salt")


def memory(**values: object) -> StoredDigests:
    return StoredDigests({name: DIGESTS.of(value) for name, value in values.items()}, DIGESTS)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), ""),
        (("spec", "a.b", 0, "x"), "spec/a.b/0/x"),
        (("a/b", "c~d", "~1"), "a~1b/c~0d/~01"),
    ],
)
def test_a_place_is_written_as_a_pointer(path: Path, expected: str) -> None:
    assert place(path) == expected


def test_keys_come_back_as_they_were() -> None:
    words = ["a/b", "c~d", "~1", 'q"."q', "x.y", ""]
    found = StoredDigests({place(("spec", word, "more")): "" for word in words})
    assert found.words(("spec",)) == words
    assert found.words(("sp",)) == []


def test_a_value_is_the_same_another_or_not_known() -> None:
    known = memory(a=1, b=MISSING)
    assert known.same(("a",), 1) is True
    assert known.same(("a",), True) is False
    assert known.same(("a",), MISSING) is False
    assert known.same(("b",), MISSING) is True
    assert known.same(("c",), 1) is None
    assert NO_DIGESTS.same((), None) is None


def test_a_value_is_the_same_whether_it_was_a_secret_then_or_is_one_now() -> None:
    digests = Digests("")
    was = StoredDigests({"a": digests.of(Secret("x")), "b": digests.of("x")}, digests, ["a"])
    assert was.same(("a",), "x") is True
    assert was.same(("a",), "y") is False
    assert was.same(("a",), MISSING) is False
    assert was.same(("b",), Secret("x")) is True
    assert was.same(("b",), Secret("y")) is False


def test_a_map_is_known_by_its_entries() -> None:
    known = StoredDigests({"a/b": ""})
    assert known.knows(("a",))
    assert not known.has(("a",))
    assert known.has(("a", "b"))
    assert not known.knows(("b",))


def test_memories_follow_the_id_whatever_the_name_was() -> None:
    owned = Owned(Key("Image", "old"), 7, digests={"a": Digests("pepper").of("x")})
    find = stored_digests(Ledger(Owner("p", "e"), "pepper", owned={owned.key: owned}))
    assert find(Live(Key("Image", "new"), "7", {})).same(("a",), "x") is True
    assert find(Live(Key("Service", "old"), 7, {})) is NO_DIGESTS
    assert find(Live(Key("Image", "new"), 7, {}, version="2")).has(("a",))
    assert stored_digests(None)(Live(Key("Image", "old"), 7, {})) is NO_DIGESTS


@pytest.mark.parametrize(
    ("verb", "version", "known"),
    [("build", "2", False), ("release", "2", False), ("build", "3", True), ("edit", "2", True)],
)
def test_of_a_version_that_no_run_has_reported_nothing_is_known(
    verb: str, version: str, known: bool
) -> None:
    owned = Owned(Key("Image", "a"), 7, digests={"a": ""})
    intents = (Intent(owned.key, verb, version),)
    ledger = Ledger(Owner("p", "e"), "salt", owned={owned.key: owned}, intents=intents)
    find = stored_digests(ledger)
    assert find(Live(owned.key, 7, {}, version="2")).has(("a",)) is known
    assert find(Live(owned.key, 7, {})).has(("a",))
