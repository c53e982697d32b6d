"""A run as data: which stages there are, in which order, and what is said of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from peakctl.engine.observe.live_state import LiveState
from peakctl.ledger.ownership import Owners
from peakctl.model import Action, Key, Live, Owner, Plan, Step, Verb
from peakctl.operations.load import LoadResult
from peakctl.operations.plan import PlanOptions, PlanResult
from peakctl.operations.stages import (
    AcquireLease,
    CarryOut,
    CheckHealth,
    Record,
    ReleaseLease,
    RemoveRecords,
    Replan,
    TakeOver,
    WriteHistory,
    build_stages,
    explain,
)

US, THEM = Owner("shop", "prod"), Owner("other", "prod")
KEY, OTHER = Key("Image", "base"), Key("Service", "api")


def live(key: Key) -> Live:
    return Live(key, 7, {})


def planned(*actions: Action, owned: bool = True) -> PlanResult:
    ids = {a.live.live_id: US for a in actions if a.live and owned}
    state = LiveState(owners=Owners(US, ids))
    return PlanResult(Plan(actions), PlanOptions(), LoadResult({}, frozenset()), state)


def stages(
    *actions: Action, owner: Owner | None = US, asked: bool = True, checks: int = 0, **more: Any
) -> Any:
    return build_stages(planned(*actions, **more), owner, asked=asked, checks=checks)


KEEP = Action(OTHER, Verb.KEEP, live=live(OTHER))
CREATE = Action(KEY, Verb.CREATE, (Step.CREATE,))
TAKEN = Action(KEY, Verb.EDIT, (Step.UPDATE,), live=live(KEY), taken_from=THEM)


def test_a_run_that_changes_something_does_it_under_a_lease() -> None:
    assert stages(CREATE, KEEP) == (
        AcquireLease(US, intents=1),
        Replan(known=1, conflicts=True),
        TakeOver(()),
        CarryOut(actions=1),
        Record(US),
        ReleaseLease(US),
        WriteHistory(US),
    )


def test_what_is_all_ours_has_no_conflict_with_other_projects() -> None:
    edit = Action(KEY, Verb.EDIT, (Step.UPDATE,), live=live(KEY))
    assert stages(edit, KEEP)[1] == Replan(known=1, conflicts=False)


def test_a_run_that_changes_nothing_needs_no_lease() -> None:
    assert stages(KEEP) == (CarryOut(actions=0), Record(US))


def test_what_becomes_ours_as_it_is_is_written_under_a_lease() -> None:
    assert stages(KEEP, owned=False)[0] == AcquireLease(US, intents=1)


def test_what_changes_hands_is_taken_out_of_the_ledger_of_its_owner() -> None:
    assert TakeOver((THEM,)) in stages(TAKEN)


def test_without_a_ledger_there_are_only_the_calls() -> None:
    assert stages(CREATE, owner=None, asked=False) == (CarryOut(actions=1),)


def test_without_a_ledger_it_is_planned_again_after_a_question() -> None:
    assert stages(CREATE, owner=None) == (Replan(known=0, conflicts=True), CarryOut(actions=1))


def test_a_prefix_that_is_destroyed_takes_its_records_along() -> None:
    owner = Owner("shop", "preview.pr-7-", "preview")
    plan = planned(Action(KEY, Verb.DELETE, (Step.DELETE,), live=live(KEY)))
    destroyed = replace(plan, options=PlanOptions(destroy=True))
    last = RemoveRecords(owner)
    assert build_stages(destroyed, owner, asked=True)[-1] == last
    assert explain([last])[0] == (
        "remove records",
        "delete the ledger and the history of shop/preview.pr-7-, if it owns nothing any more",
    )
    assert last not in build_stages(plan, owner, asked=True)
    assert build_stages(destroyed, US, asked=True)[-1] == WriteHistory(US)


def test_every_stage_is_explained() -> None:
    told = explain(stages(CREATE, KEEP))
    assert [name for name, _ in told] == [
        "acquire lease",
        "replan",
        "take over",
        "carry out",
        "record",
        "release lease",
        "write history",
    ]
    assert told[0][1].startswith("write the lease of shop/prod and 1 intent into the ledger")
    assert "1 unchanged resource not read again" in told[1][1]
    assert "and the ledgers of other projects" in told[1][1]
    assert told[2][1].endswith("(nothing so far)")
    assert "make the calls of 1 action" in told[3][1]
    assert explain(stages(TAKEN))[2][1].endswith("ledgers of other/prod")
    assert explain([Replan(0, conflicts=False)])[0][1] == (
        "look at the platform again; stop if more would be done"
    )


def test_health_is_checked_last_and_only_where_something_changes() -> None:
    found = stages(CREATE, checks=2)
    assert found[-1] == CheckHealth(2)
    assert explain(found)[-1] == ("check health", "make 2 health checks of peakctl.yaml")
    assert CheckHealth(2) not in stages(KEEP, checks=2)
    result = planned(CREATE)
    destroying = replace(result, options=PlanOptions(destroy=True))
    assert CheckHealth(2) not in build_stages(destroying, US, asked=True, checks=2)
