"""A field counts as shown once any read of the kind has returned it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peakctl.engine.diff.unseen import shown_fields, unseen_present
from peakctl.engine.observe.live_state import LiveState
from peakctl.kinds.fields import Kind
from peakctl.model import Key, Live


def live(name: str, kind: str = "Service", **spec: Any) -> tuple[Key, Live]:
    key = Key(kind, name)
    return key, Live(key, name, {"metadata": {"name": name}, "spec": spec})


def test_one_read_is_enough_for_the_kind(kinds: Mapping[str, Kind]) -> None:
    world = LiveState(live=dict([live("a"), live("b", parameters={}), live("c", "Webapp")]))
    shown = shown_fields(kinds["Service"], world)
    assert shown(("spec", "parameters"))
    assert not shown(("spec", "scaleToZero"))
    assert not shown_fields(kinds["Webapp"], world)(("spec", "parameters"))


def test_a_null_shows_a_field_and_an_unknown_field_shows_nothing(
    kinds: Mapping[str, Kind],
) -> None:
    _, read = live("a", parameters=None, zzz=1)
    found = list(unseen_present(kinds["Service"].root, read.values))
    assert found == [("spec", "parameters")]


def test_a_field_that_one_item_shows_is_shown_in_all(kinds: Mapping[str, Kind]) -> None:
    blocks = [{"id": "b-1"}, {"id": "b-2", "autoRunOnDeploy": True}]
    shown = shown_fields(
        kinds["AppSpec"], LiveState(live=dict([live("a", "AppSpec", config=blocks)]))
    )
    assert shown(("spec", "config", "b-7", "autoRunOnDeploy"))
    assert not shown(("spec", "config", "b-7", "release"))
    steps = {"one": {"type": "sql", "repository": {"branch": "b"}}}
    world = LiveState(live=dict([live("w", "Workflow", steps=steps, triggers=[{"webhook": True}])]))
    policy = ("spec", "triggers", "(webhook)", "webhookPolicy")
    assert not shown_fields(kinds["Workflow"], world)(policy)


def test_an_unseen_field_that_no_read_shows_plans_nothing(lab: Any) -> None:
    spec = {"serviceType": "api", "imageDetails": {"imageId": 1}}
    lab.Service.put("a", spec)
    given = {**spec, "parameters": {"env": {"A": "1"}}}
    assert lab.steps(lab.manifest("Service", "a", given)) == []
    lab.Service.put("b", {**spec, "parameters": {}})
    both = (lab.manifest("Service", "b", spec), lab.manifest("Service", "a", given))
    assert [a.steps for a in lab.plan(*both).plan.actions] == [("update",), ()]
