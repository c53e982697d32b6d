"""What the platform made for another resource is never adopted, and nothing is asked in vain."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from ledgers import THEM, US, ledger_of

from peakctl.engine.observe.live_state import LiveState, Makers, adoptable, find_makers, mark_made
from peakctl.engine.plan.planner import make_plan
from peakctl.ledger.ownership import Consent, adopted, find_owners
from peakctl.model import Key, Ledger, Owned, Step

FLOW, WHOLE = Key("Workflow", "w"), Key("Deployment", "d")
STEPS = {"steps": {"train": {"command": "c", "imageId": 1}}}
OTHER = {"steps": {"train": {"command": "other", "imageId": 1}}}


def seen(lab: Any, ledger: Ledger | None, others: tuple[Ledger, ...] = (), spec: Any = None) -> Any:
    """The resources, the world, and the plan of one workflow that is live and equal."""
    lab.Workflow.put("w", STEPS, id=7)
    lab.Deployment.makes = ("Workflow",)
    resources = lab.resources(lab.manifest("Workflow", "w", spec or STEPS))
    owners = find_owners(US if ledger else None, ledger, others)
    world = replace(lab.observe(resources), ledger=ledger, owners=owners)
    return resources, world, make_plan(resources, world, lab.kinds).plan


def asked(lab: Any, *args: Any, **more: Any) -> list[int]:
    _, world, plan = seen(lab, *args, **more)
    return [live.id for live in adoptable(plan, world, lab.shelves)]


def test_what_nobody_owns_is_asked_about(lab: Any) -> None:
    assert asked(lab, ledger_of()) == [7]


@pytest.mark.parametrize("claimed", [True, False])
def test_what_is_ours_is_asked_about_only_when_it_was_claimed(lab: Any, claimed: bool) -> None:
    assert asked(lab, ledger_of(Owned(FLOW, 7, claimed=claimed))) == ([7] if claimed else [])


def test_what_is_another_projects_is_not_asked_about(lab: Any) -> None:
    assert asked(lab, ledger_of(), (ledger_of(Owned(FLOW, 7), owner=THEM),)) == []


def test_without_a_ledger_what_is_changed_is_asked_about(lab: Any) -> None:
    assert asked(lab, None) == []
    assert asked(lab, None, spec=OTHER) == [7]


def test_nothing_is_asked_where_it_cannot_be_adopted(lab: Any) -> None:
    _, world, plan = seen(lab, ledger_of())
    unread = replace(world, owners=replace(world.owners, unread=("x",)))
    assert adoptable(plan, unread, lab.shelves) == ()
    lab.Deployment.makes = ()
    assert adoptable(plan, world, lab.shelves) == ()


def decide(lab: Any, world: LiveState) -> Makers:
    return asyncio.run(find_makers(list(world.live.values()), (), lab.shelves))


def test_a_part_is_refused_whether_or_not_it_differs(lab: Any) -> None:
    resources, world, _ = seen(lab, ledger_of())
    lab.Deployment.made = {("Workflow", "7"): WHOLE}
    decided = decide(lab, world)
    assert decided == Makers({("Workflow", "7"): WHOLE})
    planned = make_plan(resources, mark_made(world, decided), lab.kinds)
    assert [d.code for d in planned.diagnostics] == ["live/not-ours"]
    assert "the platform made it for Deployment/d" in planned.diagnostics[0].summary


def test_what_is_no_part_is_adopted(lab: Any) -> None:
    resources, world, _ = seen(lab, ledger_of())
    decided = decide(lab, world)
    assert decided == Makers({("Workflow", "7"): None})
    now = mark_made(world, decided)
    assert make_plan(resources, now, lab.kinds).ok
    assert now.live == world.live


@pytest.mark.parametrize("owned", [(), (Owned(FLOW, 7, claimed=True),)])
def test_after_a_failed_read_nothing_is_adopted(lab: Any, owned: tuple[Owned, ...]) -> None:
    resources, world, _ = seen(lab, ledger_of(*owned))
    lab.Deployment.faults = [lab.fault(Step.CREATE, lab.problem(500, "down"))]
    decided = decide(lab, world)
    assert decided.found == {}
    now = mark_made(world, decided)
    planned = make_plan(resources, now, lab.kinds, consent=Consent(adopt=True))
    assert [d.code for d in planned.guards] == ["guard/part-unknown"]
    assert "down" in planned.guards[0].detail
    assert adopted(planned.plan.actions, now.owners) == ()


def test_other_errors_are_raised_as_they_are(lab: Any) -> None:
    _, world, _ = seen(lab, ledger_of())
    lab.Deployment.faults = [lab.fault(Step.CREATE, KeyError("x"))]
    with pytest.raises(KeyError):
        decide(lab, world)


def test_kinds_that_make_nothing_of_what_is_asked_are_not_asked(lab: Any) -> None:
    seen(lab, ledger_of())
    lab.Deployment.asked.clear()
    assert asyncio.run(find_makers((), (), lab.shelves)) == Makers()
    assert lab.Deployment.asked == []
