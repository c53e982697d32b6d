"""A bounded part of `make chaos`: two runs that meet, and plans that something changed under."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chaos.duels import DUELS, Search, fight, fights, make_duel
from chaos.mutation import Agreed, agree, mutated, mutations
from chaos.plans import applied, changing
from chaos.race import Schedule
from chaos.shared import write_duel
from chaos.sweep import Case
from chaos.table import render_wrong
from chaos.tenant import Tenant

ROOT = Path(__file__).resolve().parents[2]

FIRST = {"the same project twice": 2, "two projects that share things": 2}
"""How many edges of writes are tried where no ledger is there yet."""


def hold(cases: list[Case]) -> None:
    """None of the cases went wrong, and there are some."""
    assert cases
    assert not [case for case in cases if case.wrong], render_wrong(c for c in cases if c.wrong)


@pytest.mark.parametrize("name", DUELS)
def test_two_runs_end_as_if_one_had_come_after_the_other(tmp_path: Path, name: str) -> None:
    duel = make_duel(name, tmp_path)
    hold(list(fights(duel, Search(step=9, edges=FIRST.get(name, 1), drawn=3))))
    duel.end()


def test_one_of_two_that_make_the_ledger_in_the_same_second_goes_on(tmp_path: Path) -> None:
    """Both have made theirs when either looks."""
    duel = make_duel("the same project twice", tmp_path)
    case = fight(duel, Schedule(0, (1, 2, 2), pace=0.0, edges=True))
    assert not case.wrong
    assert sorted(case.codes) == [0, 13]
    duel.end()


def small(work: Path) -> list[Agreed]:
    """A project of three resources that are all about to change."""
    start = applied(Tenant(write_duel(work / "before", "one")))
    start.project = write_duel(work / "after", "one", "later")
    return list(agree("small", start, work))


def test_no_change_between_plan_and_apply_sends_more_than_was_agreed_to(tmp_path: Path) -> None:
    for agreed in small(tmp_path):
        assert agreed.allowed.total() >= 3
        hold(list(mutated(agreed, step=3)))


def test_the_same_with_every_kind(tmp_path: Path) -> None:
    start = changing("everything", tmp_path)
    saved, shown = agree("everything", start, tmp_path)
    hold(list(mutated(saved, step=41)))
    hold(list(mutated(shown, step=31)))
    kinds = {mutation.name.split()[1] for mutation in mutations(shown)}
    assert len(kinds) == 11


# --- the proof itself is worth something -------------------------------------------------------


def test_a_lease_that_nobody_checks_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.ledger import client, recovery

    async def ours(_store: Any, _id: Any, _numbers: Any, number: int, ledger: Any) -> Any:
        return number, ledger

    for module in (client, recovery):
        monkeypatch.setattr(module, "newest_in_force", ours)
    duel = make_duel("its next state twice", tmp_path)
    assert any(case.wrong for case in fights(duel, Search(step=30, edges=3, drawn=0)))


def test_a_first_ledger_that_nobody_checks_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.ledger.client import LedgerClient

    async def first(_client: Any, _made: Any) -> bool:
        return True

    monkeypatch.setattr(LedgerClient, "_is_first", first)
    duel = make_duel("the same project twice", tmp_path)
    assert any(case.wrong for case in fights(duel, Search(step=30, edges=2, drawn=0)))


def test_conflicts_that_nobody_sees_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.ledger import ownership

    monkeypatch.setattr(ownership, "find_conflicts", lambda *_: {})
    duel = make_duel("two projects that share things", tmp_path)
    assert any(case.wrong for case in fights(duel, Search(step=30, edges=3, drawn=0)))


def test_an_approval_of_everything_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peakctl.operations.saved_plan.objections_to_all", lambda *_: ())
    for agreed in small(tmp_path):
        assert any(case.wrong for case in mutated(agreed))
