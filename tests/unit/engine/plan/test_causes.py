"""Why an action is in a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ledgers import THEM, US, ledger_of

from peakctl.engine.plan.planner import make_plan
from peakctl.ledger.ownership import Consent, find_owners
from peakctl.model import Cause, Key, Ledger, Listed, Owned, State

FLOW = Key("Workflow", "w")
SPEC = {"steps": {"s": {"imageId": 1, "command": "run"}}}
OTHER = {"steps": {"s": {"imageId": 2, "command": "run"}}}
IMAGE = {"type": "api", "buildDetails": {"source": "dockerfile", "dockerfile": "FROM a"}}
SERVICE = {"serviceType": "api", "imageDetails": {"imageId": 1, "versionId": 2}}
ANY = Consent(adopt=True, take_over=("bank",))


def causes(
    lab: Any,
    *documents: Any,
    ours: Ledger | None = None,
    others: tuple[Ledger, ...] = (),
    unread: tuple[str, ...] = (),
    retry: bool = False,
) -> list[tuple[str, ...]]:
    """The causes of each action of a plan, in its order."""
    resources = lab.resources(*documents)
    owners = replace(find_owners(US if ours else None, ours, others), unread=unread)
    world = replace(lab.observe(resources), ledger=ours, owners=owners)
    planned = make_plan(resources, world, lab.kinds, consent=ANY, retry_failed=retry)
    return [tuple(str(each.cause) for each in action.reasons) for action in planned.plan.actions]


def flow(lab: Any, spec: Any = SPEC, **metadata: Any) -> Any:
    return lab.manifest("Workflow", "w", spec, metadata)


def test_every_cause_has_a_word_and_a_sentence() -> None:
    assert all(cause.sentence and str(cause) == cause.value for cause in Cause)
    assert Cause("differs") is Cause.DIFFERS


@pytest.mark.parametrize("ours", [None, ledger_of(), ledger_of(Owned(Key("Workflow", "x"), 7))])
def test_what_this_project_never_had_is_made_for_the_first_time(
    lab: Any, ours: Ledger | None
) -> None:
    assert causes(lab, flow(lab), ours=ours) == [("first-apply",)]


@pytest.mark.parametrize("name", ["w", "v"])
def test_what_the_ledger_has_and_is_not_there_was_deleted_outside(lab: Any, name: str) -> None:
    ours = ledger_of(Owned(Key("Workflow", name), 7))
    assert causes(lab, flow(lab, previousNames=["v"]), ours=ours) == [("deleted-outside",)]


def test_what_the_ledger_has_under_another_name_was_renamed_outside(lab: Any) -> None:
    lab.Workflow.listed = (Listed(7, "z"),)
    assert causes(lab, flow(lab), ours=ledger_of(Owned(FLOW, 7))) == [("renamed-outside",)]


def test_what_another_manifest_has_now_is_made_for_the_first_time(lab: Any) -> None:
    lab.Workflow.put("z", SPEC, {"name": "z"}, id=7)
    moved = lab.manifest("Workflow", "b", SPEC, {"previousNames": ["z"]})
    found = causes(lab, moved, flow(lab), ours=ledger_of(Owned(FLOW, 7)))
    assert found == [("renamed",), ("first-apply",)]


def test_what_is_as_its_manifest_says_has_none(lab: Any) -> None:
    lab.Workflow.put("w", SPEC, id=7)
    assert causes(lab, flow(lab), ours=ledger_of(Owned(FLOW, 7))) == [()]


def test_what_differs_and_what_follows_another_action(lab: Any) -> None:
    lab.Image.put("a", IMAGE, id=1, version="1.0.0", latest="1.0.0", attributes={"id": 1})
    built = {**IMAGE, "buildDetails": {"source": "dockerfile", "dockerfile": "FROM b"}}
    lab.Service.put("s", SERVICE, {"title": "old"})
    image = lab.manifest("Image", "a", built)
    service = {"serviceType": "api", "imageDetails": {"name": "a"}}
    following = lab.manifest("Service", "s", service, {"title": "old"})
    assert causes(lab, image, following) == [("differs",), ("follows",)]
    both = lab.manifest("Service", "s", service, {"title": "new"})
    assert causes(lab, image, both) == [("differs",), ("differs", "follows")]


@pytest.mark.parametrize("spec", [SPEC, OTHER])
def test_what_becomes_ours(lab: Any, spec: Any) -> None:
    lab.Workflow.put("w", SPEC, id=7)
    rest = () if spec is SPEC else ("differs",)
    theirs = ledger_of(Owned(FLOW, 7), owner=THEM)
    assert causes(lab, flow(lab, spec), ours=ledger_of()) == [("adopted", *rest)]
    found = causes(lab, flow(lab, spec), ours=ledger_of(), others=(theirs,))
    assert found == [("taken-over", *rest)]
    unknown = causes(lab, flow(lab, spec), ours=ledger_of(), unread=("peakctl-ledger-x",))
    assert unknown == [rest]


def test_states_of_what_is_live(lab: Any) -> None:
    document = lab.manifest("Service", "s", SERVICE)
    lab.Service.put("s", SERVICE, state=State.PENDING, status="UPDATING", id="7")
    assert causes(lab, document) == [("under-way",)]
    lab.Service.put("s", SERVICE, state=State.FAILED, status="CREATE_FAILED", id="7")
    ours = ledger_of(Owned(Key("Service", "s"), "7", created=True))
    assert causes(lab, document, ours=ours) == [("failed",)]


def test_a_deployment_that_was_rolled_back_is_failed_where_it_is_tried_again(lab: Any) -> None:
    named = {"blockSpec": {"id": "b", "release": {"version": "1.0.0"}}}
    document = lab.manifest("Deployment", "d", named)
    lab.Deployment.put("d", named, state=State.STUCK, status="rolled-back")
    assert causes(lab, document) == [()]
    assert causes(lab, document, retry=True) == [("failed",)]
