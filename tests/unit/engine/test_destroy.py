"""A plan that deletes: users before what they use, and never what is protected."""

from __future__ import annotations

from typing import Any

from peakctl.engine.destroy import make_destroy_plan
from peakctl.model import Key, Step, Verb

IMAGE, SERVICE = Key("Image", "a"), Key("Service", "s")


def documents(lab: Any, **image: Any) -> list[Any]:
    return [
        lab.manifest("Image", "a", {"type": "api"}, **image),
        lab.manifest("Service", "s", {"imageDetails": {"name": "a"}}),
    ]


def destroy(lab: Any, *manifests: Any) -> Any:
    resources = lab.resources(*manifests)
    return make_destroy_plan(resources, lab.observe(resources))


def test_users_go_before_what_they_use(lab: Any) -> None:
    lab.Image.put("a")
    lab.Service.put("s")
    planned = destroy(lab, *documents(lab))
    assert planned.ok
    assert [(a.key, a.verb, a.steps, a.after) for a in planned.plan.actions] == [
        (SERVICE, Verb.DELETE, (Step.DELETE,), frozenset()),
        (IMAGE, Verb.DELETE, (Step.DELETE,), frozenset({SERVICE})),
    ]
    assert planned.plan.actions[0].notes == ("id Service-s",)


def test_what_is_not_there_is_passed_over(lab: Any) -> None:
    lab.Image.put("a")
    (action,) = destroy(lab, *documents(lab)).plan.actions
    assert (action.key, action.after) == (IMAGE, frozenset())


def test_what_is_protected_is_refused(lab: Any) -> None:
    lab.Image.put("a")
    (told,) = destroy(lab, *documents(lab, lifecycle={"protect": True})).diagnostics
    assert (told.code, told.fix) == ("guard/protected", "remove lifecycle.protect first")


def test_what_is_not_ours_is_refused(lab: Any) -> None:
    lab.Image.put("a", foreign="part of the platform")
    (told,) = destroy(lab, *documents(lab)).diagnostics
    assert (told.code, told.path) == ("live/not-ours", ("metadata", "name"))


def test_a_loop_is_told(lab: Any) -> None:
    loop = lab.manifest("Image", "a", {"type": "api"}, dependsOn=["Image/a"])
    planned = destroy(lab, loop)
    assert [d.code for d in planned.diagnostics] == ["manifest/cycle"]
