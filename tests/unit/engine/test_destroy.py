"""A plan that deletes: users before what they use, and never what is protected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from peakctl.engine.destroy import make_destroy_plan
from peakctl.engine.ledger.owners import Owners
from peakctl.errors import Severity
from peakctl.model import Intent, Key, Ledger, Owned, Owner, Step, Verb

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


# --- with a ledger -------------------------------------------------------------------------


def ledger_of(*owned: Owned, intents: tuple[Intent, ...] = ()) -> Ledger:
    return Ledger(Owner("p", "e"), "salt", owned={o.key: o for o in owned}, intents=intents)


def destroy_owned(lab: Any, ledger: Ledger, **image: Any) -> Any:
    resources = lab.resources(*documents(lab, **image))
    return make_destroy_plan(resources, lab.observe(resources), ledger)


def test_only_what_the_ledger_owns_is_deleted(lab: Any) -> None:
    lab.Image.put("a", id=7)
    lab.Service.put("s")
    found = destroy_owned(lab, ledger_of(Owned(IMAGE, "7"), Owned(SERVICE, "another")))
    (action,) = found.plan.actions
    assert (action.key, action.after) == (IMAGE, frozenset())
    assert action.notes == ("id 7", "used by Service/s, which stays")
    (told,) = found.diagnostics
    assert (told.code, told.severity, told.key) == ("destroy/not-owned", Severity.WARNING, SERVICE)
    assert found.ok


def test_what_a_run_set_out_to_make_is_deleted(lab: Any) -> None:
    lab.Image.put("a")
    found = destroy_owned(lab, ledger_of(intents=(Intent(IMAGE, "create"),)))
    assert [a.key for a in found.plan.actions] == [IMAGE]


def test_what_another_project_made_under_that_name_is_left_alone(lab: Any) -> None:
    lab.Image.put("a")
    resources = lab.resources(*documents(lab))
    ids = {("Image", "Image-a"): Owner("q", "e")}
    world = replace(lab.observe(resources), owners=Owners(Owner("p", "e"), ids))
    found = make_destroy_plan(resources, world, ledger_of(intents=(Intent(IMAGE, "create"),)))
    assert [d.code for d in found.diagnostics] == ["destroy/not-owned"]


def test_what_the_ledger_protects_is_refused(lab: Any) -> None:
    lab.Image.put("a")
    found = destroy_owned(lab, ledger_of(Owned(IMAGE, "Image-a", protect=True)))
    (told,) = found.diagnostics
    assert (told.code, told.path) == ("guard/protected", ("lifecycle", "protect"))
    assert told.summary == "it is not deleted: the ledger protects it"


def test_what_is_protected_but_not_owned_is_left_alone(lab: Any) -> None:
    lab.Image.put("a")
    found = destroy_owned(lab, ledger_of(), lifecycle={"protect": True})
    assert [d.code for d in found.diagnostics] == ["destroy/not-owned"]
    assert found.plan.actions == ()
