"""What a call in doubt comes to, when names or numbers alone do not tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peakctl.errors import Diagnostic, NotAuthenticated
from peakctl.model import Action, Plan, State, Status, Step, Verb


def fails(lab: Any, kind: str, step: Step, *, effect: bool = False) -> None:
    error = lab.problem(None, "lost", doubtful=True)
    lab.shelves[kind].faults.append(lab.fault(step, error, effect=effect))


def artifact(lab: Any) -> Any:
    return lab.manifest("Artifact", "a", {"artifact": {"path": "."}})


def test_a_version_that_the_platform_numbers_is_known_by_its_files(lab: Any) -> None:
    fails(lab, "Artifact", Step.CREATE_VERSION, effect=True)
    effect = lab.Artifact._effect

    def counted(order: Any) -> Any:
        receipt = effect(order)
        lab.Artifact.things["a"] = replace(lab.Artifact.things["a"], version="2")
        return receipt

    lab.Artifact._effect = counted
    lab.Artifact.put("a", {"artifact": {"digest": "sha256:old"}}, version="1", latest="1")
    (outcome,) = lab.run(artifact(lab))
    assert outcome.status is Status.DONE
    assert len(lab.Artifact.orders) == 1


def test_a_version_that_was_not_made_stays_unknown(lab: Any) -> None:
    fails(lab, "Artifact", Step.CREATE_VERSION)
    lab.Artifact.put("a", {"artifact": {"digest": "sha256:old"}}, version="1", latest="1")
    (outcome,) = lab.run(artifact(lab))
    assert outcome.status is Status.UNKNOWN


def test_what_has_the_name_of_what_is_deleted_may_be_another(lab: Any) -> None:
    live = lab.Workflow.put("w", id="old")
    plan = Plan((Action(live.key, Verb.DELETE, (Step.DELETE,), live=live),))
    lab.Workflow.put("w", id="new")
    fails(lab, "Workflow", Step.DELETE)
    assert [o.status for o in lab.apply(plan)] == [Status.DONE]
    assert lab.Workflow.things["w"].id == "new"


def test_a_second_of_the_name_does_not_make_the_first_one_gone(lab: Any) -> None:
    live = lab.Workflow.put("w", id="old")
    plan = Plan((Action(live.key, Verb.DELETE, (Step.DELETE,), live=live),))
    twins = (lab.listed("old", "w"), lab.listed("new", "w"))

    async def find(_: str) -> Any:
        return twins

    lab.Workflow.find = find
    fails(lab, "Workflow", Step.DELETE)
    assert [o.status for o in lab.apply(plan)] == [Status.UNKNOWN]


def test_an_update_in_doubt_looks_at_the_very_thing(lab: Any) -> None:
    document = lab.manifest("Workflow", "w", {"steps": {"s": {"command": "c", "imageId": 1}}})
    lab.Workflow.put("w", {"steps": {"s": {"command": "b", "imageId": 1}}}, id="old")
    plan = lab.plan(document).plan
    fails(lab, "Workflow", Step.UPDATE)
    lab.Workflow.things["w"] = replace(lab.Workflow.things["w"], id="new")
    (outcome,) = lab.apply(plan)
    assert outcome.status is Status.FAILED
    assert len(lab.Workflow.orders) == 1


@pytest.mark.parametrize("may_look", [True, False])
def test_a_create_in_doubt_that_nobody_can_look_for_is_unknown(lab: Any, may_look: bool) -> None:
    document = lab.manifest("Workflow", "w", {"steps": {"s": {"command": "c", "imageId": 1}}})
    plan = lab.plan(document).plan
    fails(lab, "Workflow", Step.CREATE, effect=True)

    async def find(_: str) -> Any:
        if may_look:
            raise lab.problem(503, "down")
        raise NotAuthenticated(Diagnostic("auth/forbidden", "not permitted"))

    lab.Workflow.find = find
    (outcome,) = lab.apply(plan)
    assert outcome.status is Status.UNKNOWN
    assert "lost" in outcome.detail[0]
    assert len(lab.Workflow.orders) == 1


def test_what_was_made_after_all_and_came_to_nothing_is_known_by_its_id(lab: Any) -> None:
    fails(lab, "Service", Step.CREATE, effect=True)
    effect = lab.Service._effect

    def broken(order: Any) -> Any:
        receipt = effect(order)
        thing = lab.Service.things["s"]
        lab.Service.things["s"] = replace(thing, state=State.FAILED, status="CREATE_FAILED")
        return receipt

    lab.Service._effect = broken
    spec = {"serviceType": "api", "imageDetails": {"imageId": 1, "versionId": 2}}
    (outcome,) = lab.run(lab.manifest("Service", "s", spec))
    assert (outcome.status, outcome.id) == (Status.FAILED, lab.Service.things["s"].id)
