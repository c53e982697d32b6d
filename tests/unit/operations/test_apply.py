"""Applies from Python where something is not as usual: no ledger, no known tenant, guards."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peakctl import (
    APPROVE_ALL,
    GuardRefused,
    PlanOptions,
    PlanStale,
    Project,
    UsageError,
    apply,
    destroy,
    plan,
    read_saved_plan,
    save_plan,
    show_ledger,
)
from peakctl.model import Plan
from peakctl.operations import platform as platforms
from peakctl.operations import tenant as tenants
from peakctl.operations.platform import connect
from peakctl.operations.saved_plan import check_approved

PROJECT = """\
project: shop
manifests: [m]
environments:
  local: {emulator: true}
  bare: {emulator: true, ledger: false}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {call: {type: http, method: post, url: "https://example.com"}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_emulator: Any) -> Path:
    """A project on one emulator for all of its environments."""
    emulator = make_emulator()
    monkeypatch.setattr(platforms, "open_emulator", lambda *_, **__: emulator)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "m/flow.yaml").write_text(FLOW % "nightly")
    return tmp_path


def opened(folder: Path, environment: str = "local") -> Project:
    return Project.open(folder, environment, variables={})


def test_without_a_ledger_a_plan_is_made_again_before_it_is_applied(folder: Path) -> None:
    project = opened(folder, "bare")
    planned = plan(project)
    apply(opened(folder), APPROVE_ALL)  # somebody makes it meanwhile
    done = apply(project, planned)
    assert done.ok
    assert not done.plan.pending


def test_a_ledger_is_needed_to_destroy_and_to_be_shown(folder: Path) -> None:
    project = opened(folder, "bare")
    with pytest.raises(UsageError, match="destroy needs a project with a ledger"):
        destroy(project, APPROVE_ALL)
    with pytest.raises(UsageError, match="keeps no ledger"):
        show_ledger(project)


def test_everything_that_is_declared_is_destroyed_at_once(folder: Path) -> None:
    apply(opened(folder), APPROVE_ALL)
    assert destroy(opened(folder), APPROVE_ALL).ok
    shown = show_ledger(opened(folder))
    assert shown.ledger is not None
    assert [run.command for run in shown.ledger.runs] == ["apply", "destroy"]
    assert not shown.ledger.owned


def test_a_saved_plan_of_an_unknown_tenant_needs_a_word_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenants, "is_emulated", lambda _: False)
    project, file = opened(folder), folder / "p"
    assert [d.code for d in save_plan(project, plan(project), file)] == ["plan/unbound"]
    saved = read_saved_plan(project, file)
    with pytest.raises(GuardRefused, match="not bound to a tenant"):
        apply(project, saved)
    assert apply(project, replace(saved, tenant_confirmed=True)).ok


def test_what_a_guard_refuses_is_neither_saved_nor_applied(folder: Path) -> None:
    for n in range(12):
        (folder / f"m/{n}.yaml").write_text(FLOW % f"flow-{n}")
    project = opened(folder)
    apply(project, APPROVE_ALL)
    for n in range(12):
        (folder / f"m/{n}.yaml").unlink()
    options = PlanOptions(prune=True)
    planned = plan(project, options)
    assert [d.code for d in planned.guards] == ["guard/mass-change"]
    assert [d.code for d in save_plan(project, planned, folder / "p")] == ["plan/not-saved"]
    for approval in (planned, APPROVE_ALL):
        with pytest.raises(GuardRefused):
            apply(project, approval, planning=options)
    assert apply(project, APPROVE_ALL, planning=replace(options, allow_mass_change=12)).ok


def test_a_live_number_that_became_true_is_not_what_was_approved(folder: Path) -> None:
    apply(opened(folder), APPROVE_ALL)
    (folder / "m/flow.yaml").write_text((FLOW % "nightly").replace("post", "get"))
    planned = plan(opened(folder))
    (action,) = planned.plan.actions
    before = action.live
    assert before is not None

    def with_live(value: int) -> Plan:
        spec = {"retryOptions": {"duration": value}}
        live = replace(before, values={**before.values, "spec": spec})
        return Plan((replace(action, live=live),))

    async def check(now: Plan) -> None:
        async with connect(opened(folder)) as platform:
            check_approved(platform, replace(planned, plan=with_live(1)), now, "again")

    asyncio.run(check(with_live(1)))
    assert with_live(1) == with_live(True)
    with pytest.raises(PlanStale, match="changed on the platform meanwhile"):
        asyncio.run(check(with_live(True)))


def test_what_came_after_the_plan_is_told_with_its_cause(folder: Path) -> None:
    project = opened(folder)
    apply(project, APPROVE_ALL)
    (folder / "m/flow.yaml").write_text((FLOW % "nightly").replace("post", "get"))
    planned = plan(project)
    (folder / "m/flow.yaml").write_text((FLOW % "nightly").replace("post", "put"))
    apply(project, APPROVE_ALL)  # another run is quicker
    with pytest.raises(PlanStale) as caught:
        apply(project, planned)
    assert "changed on the platform meanwhile" in caught.value.diagnostics[0].summary
    assert caught.value.diagnostics[0].fix == "look at the new plan: run it again"
    assert not show_ledger(project).is_held
