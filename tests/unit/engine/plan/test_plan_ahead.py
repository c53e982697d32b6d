"""What is compared while others are read: when a plan takes it, and when it must not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from peakctl.engine.plan.ahead import Comparisons
from peakctl.model import Key, Ledger, Live, Owned, Owner, Secret

FLOW, IMAGE = Key("Workflow", "flow"), Key("Image", "image")
STEP = {"type": "standard", "command": "c", "imageDetails": {"name": "image"}}
CALL = {"type": "http", "method": "get", "url": "https://example.com"}


def world(lab: Any) -> tuple[Any, dict[Key, Live]]:
    """A workflow and its image, both live and as their manifests say."""
    spec = {"type": "workflow", "buildDetails": {"source": "dockerfile", "dockerfile": "FROM a"}}
    lab.Image.put("image", spec, version="1.0.0", attributes={"id": 7, "version": 70})
    live = {**STEP, "imageId": 7, "imageVersionId": 70}
    del live["imageDetails"]
    lab.Workflow.put("flow", {"steps": {"a": live}})
    documents = [
        lab.manifest("Image", "image", spec),
        lab.manifest("Workflow", "flow", {"steps": {"a": STEP}}),
    ]
    resources = lab.resources(*documents)
    return resources, dict(lab.observe(resources).live)


def shown(_: object) -> bool:
    return False


def test_a_comparison_is_found_for_the_same_values(lab: Any) -> None:
    resources, live = world(lab)
    ahead = Comparisons(resources, lab.kinds)
    ahead.make(IMAGE, live, None)
    values = live[IMAGE].values
    found = ahead.find(IMAGE, resources[IMAGE].values, values, None, shown)
    assert found is not None
    assert found.changes == ()
    assert ahead.find(FLOW, resources[FLOW].values, live[FLOW].values, None, shown) is None


def test_none_is_found_for_other_values(lab: Any) -> None:
    resources, live = world(lab)
    ahead = Comparisons(resources, lab.kinds)
    ahead.make(IMAGE, live, None)
    desired, values = resources[IMAGE].values, live[IMAGE].values
    assert ahead.find(IMAGE, {**desired, "spec": {}}, values, None, shown) is None
    assert ahead.find(IMAGE, desired, dict(values), None, shown) is None
    ledger = Ledger(Owner("shop", "dev"), "salt")
    assert ahead.find(IMAGE, desired, values, ledger, shown) is None


def test_a_reference_to_what_was_not_read_yet_gives_another_comparison(lab: Any) -> None:
    resources, live = world(lab)
    (planned,) = [a for a in lab_plan(lab, resources) if a.key == FLOW]
    for found, hit in ((live, True), ({FLOW: live[FLOW]}, False)):
        ahead = Comparisons(resources, lab.kinds)
        ahead.make(FLOW, found, None)
        values = live[FLOW].values
        assert (ahead.find(FLOW, planned.desired, values, None, shown) is not None) is hit


def lab_plan(lab: Any, resources: Any) -> Any:
    return lab.plan(*(each.document.value for each in resources.values())).plan.actions


def test_secrets_and_hidden_values_are_left_to_the_plan(lab: Any) -> None:
    secret = {"type": "bearer-token", "bearerToken": Secret("hunter22")}
    plain = lab.resources(lab.manifest("Workflow", "flow", {"steps": {"a": CALL}}))
    sealed = lab.resources(
        lab.manifest("Workflow", "flow", {"steps": {"a": {**CALL, "auth": secret}}})
    )
    live = Live(FLOW, "id", plain[FLOW].values)
    path = ("spec", "steps", "a", "url")
    applied = Owned(FLOW, "id", secret=("spec.steps.a.url",))
    ledger = Ledger(Owner("shop", "dev"), "salt", owned={FLOW: applied})
    cases = (
        (sealed, live, None),
        (plain, replace(live, hidden=frozenset({path})), None),
        (plain, live, ledger),
    )
    for resources, there, known in cases:
        ahead = Comparisons(resources, lab.kinds)
        ahead.make(FLOW, {FLOW: there}, known)
        assert ahead.find(FLOW, resources[FLOW].values, there.values, known, shown) is None


def test_what_reads_are_seen_to_show_is_compared_by_the_plan(lab: Any) -> None:
    resources, live = world(lab)
    ahead = Comparisons(resources, lab.kinds)
    ahead.make(IMAGE, live, None)
    values = live[IMAGE].values
    told = ahead.find(IMAGE, resources[IMAGE].values, values, None, lambda _: True)
    asked = ahead._made[IMAGE].asked
    assert (told is None) is bool(asked)
