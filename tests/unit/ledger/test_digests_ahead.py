"""Secrets that are worked on ahead: those that a plan compares, and no other."""

from __future__ import annotations

from typing import Any

import pytest
from ledgers import ledger_of

from peakctl.ledger import digests
from peakctl.ledger.digests import Digests, digest_ahead
from peakctl.model import Document, Key, Live, Location, Owned, Resource, Secret

KEY = Key("Workflow", "nightly")


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The secrets that were worked on, as JSON."""
    found: list[str] = []
    monkeypatch.setattr(digests, "_slowly", lambda text, **_: found.append(text) or text)
    return found


def resource(spec: Any) -> Resource:
    return Resource(KEY, {"spec": spec}, Document({}, "m.yaml", "/", lambda _: Location("m.yaml")))


def ahead(desired: Any, live: Any, *places: str, owner: bool = True) -> None:
    ledger = ledger_of(Owned(KEY, "7", secret=places))
    there = {KEY: Live(KEY, "7" if owner else "8", {"spec": live})}
    digest_ahead(ledger, {KEY: resource(desired)}, there)


def test_one_secret_is_no_work_for_many(worked: list[str]) -> None:
    Digests("salt").work_ahead([Secret("a"), {"b": [Secret("a")]}, "plain"])
    assert worked == []


def test_each_secret_is_worked_on_once(worked: list[str]) -> None:
    Digests("salt").work_ahead([Secret("a"), {"b": [Secret("a"), Secret("c")]}, "plain"])
    assert sorted(worked) == ['"a"', '"c"']


@pytest.mark.parametrize(
    ("desired", "live", "places", "expected"),
    [
        ({"a": Secret("x"), "b": Secret("y")}, {}, ("spec/a", "spec/b"), ['"x"', '"y"']),
        ({"a": Secret("x"), "b": Secret("y")}, {"a": "x", "b": "y"}, ("spec/a", "spec/b"), []),
        ({"a": Secret("x")}, {"a": "old"}, ("spec/a",), ['"old"', '"x"']),
        ({"a": Secret("x"), "b": Secret("y")}, {"a": "****", "b": "***"}, ("spec/a", "spec/b"),
         ['"x"', '"y"']),
        ({"a": [{"t": Secret("x")}]}, {"a": [{"t": "old"}]}, ("spec/a/0/t",), ['"old"', '"x"']),
        ({"a": [Secret("x")], "b": Secret("y")}, {"b": "q"}, ("spec/a/3", "spec/a/n", "spec/c/d"),
         []),
    ],
    ids=["unseen", "the same", "another", "masked", "in a list", "gone"],
)  # fmt: skip
def test_what_is_compared_by_digest_is_worked_on(
    worked: list[str], desired: Any, live: Any, places: tuple[str, ...], expected: list[str]
) -> None:
    ahead(desired, live, *places)
    assert sorted(worked) == expected


def test_what_no_ledger_tells_of_is_left_alone(worked: list[str]) -> None:
    spec = {"a": Secret("x"), "b": Secret("y")}
    digest_ahead(None, {KEY: resource(spec)}, {})
    ahead(spec, {}, "spec/a", "spec/b", owner=False)
    digest_ahead(ledger_of(Owned(KEY, "7", secret=None)), {}, {KEY: Live(KEY, "7", {})})
    digest_ahead(ledger_of(Owned(KEY, "7")), {KEY: resource(spec)}, {KEY: Live(KEY, "7", {})})
    assert worked == []
