"""Two projects about to make the same thing."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.ledger.ownership import (
    find_conflicts,
    find_owners,
    goes_first,
    made_meanwhile,
    tell_conflicts,
)
from peakctl.model import (
    Action,
    Actor,
    Intent,
    Key,
    Lease,
    Ledger,
    Live,
    Owned,
    Owner,
    Plan,
    Step,
    Verb,
)

A, B, C = Owner("a", "dev"), Owner("b", "dev"), Owner("c", "dev")
KEY = Key("Service", "api")
NOW = 1000.0
NOBODY = find_owners(A, None, ())


def plan(verb: Verb = Verb.CREATE) -> Plan:
    return Plan((Action(KEY, verb, (Step.CREATE,)),))


def about_to(owner: Owner, verb: str = "create", until: float = NOW + 1, **more: Any) -> Ledger:
    lease = more.pop("lease", Lease("run", Actor("ada"), NOW, until))
    return Ledger(owner, "salt", intents=(Intent(KEY, verb),), lease=lease)


def test_another_run_is_under_way_to_create_the_same() -> None:
    assert find_conflicts(plan(), NOBODY, [about_to(B)], NOW) == {KEY: B}


@pytest.mark.parametrize(
    "other",
    [about_to(B, until=NOW), about_to(B, verb="edit"), about_to(B, lease=None)],
    ids=["its lease is over", "it has it already", "it is not under way"],
)
def test_no_conflict(other: Ledger) -> None:
    assert not find_conflicts(plan(), NOBODY, [other], NOW)


def test_who_does_not_create_has_no_conflict() -> None:
    assert not find_conflicts(plan(Verb.EDIT), NOBODY, [about_to(B)], NOW)


@pytest.mark.parametrize("verb", ["keep", "edit"])
def test_who_adopts_what_another_is_about_to_adopt_has_a_conflict(verb: str) -> None:
    adopting = Plan((Action(KEY, Verb.KEEP, live=Live(KEY, 7, {})),))
    assert find_conflicts(adopting, NOBODY, [about_to(B, verb)], NOW) == {KEY: B}
    ours = find_owners(A, Ledger(A, "salt", owned={KEY: Owned(KEY, 7)}), ())
    assert not find_conflicts(adopting, ours, [about_to(B, verb)], NOW)


def test_what_an_earlier_run_of_another_left_open_makes_no_conflict() -> None:
    lease = Lease("run-2", Actor("ada"), NOW, NOW + 1)
    for run, conflicts in (("run-1", {}), ("run-2", {KEY: B})):
        other = Ledger(B, "salt", intents=(Intent(KEY, "create", run=run),), lease=lease)
        assert find_conflicts(plan(), NOBODY, [other], NOW) == conflicts


def test_who_adopts_is_in_no_conflict_with_who_changes_another_thing_of_the_name() -> None:
    adopting = Plan((Action(KEY, Verb.KEEP, live=Live(KEY, 7, {})),))
    lease, before = Lease("run", Actor("ada"), NOW, NOW + 1), Key("Service", "before")
    for id_, conflicts in (("8", {}), ("7", {KEY: B})):
        other = Ledger(B, "salt", intents=(Intent(before, "edit", id=id_),), lease=lease)
        assert find_conflicts(adopting, NOBODY, [other], NOW) == conflicts


def test_what_another_made_since_we_looked_is_told() -> None:
    other = Ledger(B, "salt", owned={KEY: Owned(KEY, 1), Key("Image", "x"): Owned(KEY, 2)})
    assert made_meanwhile(plan(), [other]) == {KEY}
    assert not made_meanwhile(plan(Verb.EDIT), [other])


def test_of_two_that_see_each_other_one_goes_first() -> None:
    assert goes_first(A, {KEY: B})
    assert not goes_first(B, {KEY: A})
    assert not goes_first(B, {KEY: C, Key("Service", "other"): A})


def test_who_stops_is_told_because_of_whom() -> None:
    (told,) = tell_conflicts({KEY: B})
    assert (told.key, told.code) == (KEY, "lease/conflict")
    assert "b/dev" in told.summary
