"""A plan that deletes: users before what they use, and never what is protected."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from ledgers import US, ledger_of

from peakctl.engine.destroy import find_absent, make_destroy_plan
from peakctl.errors import Severity
from peakctl.ledger.ownership import Owners, find_owners
from peakctl.model import Cause, Intent, Key, Ledger, Listed, Owned, Owner, Reason, Step, Verb

IMAGE, SERVICE = Key("Image", "a"), Key("Service", "s")


def documents(lab: Any, **image: Any) -> list[Any]:
    return [
        lab.manifest("Image", "a", {"type": "api"}, **image),
        lab.manifest("Service", "s", {"imageDetails": {"name": "a"}}),
    ]


def destroy(lab: Any, *manifests: Any) -> Any:
    resources = lab.resources(*manifests)
    return make_destroy_plan(resources, lab.observe(resources), lab.kinds)


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
    assert planned.plan.actions[0].reasons == (Reason(Cause.DESTROYED),)


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


def destroy_owned(lab: Any, ledger: Ledger, **image: Any) -> Any:
    resources = lab.resources(*documents(lab, **image))
    owners = find_owners(ledger.owner, ledger, ())
    return make_destroy_plan(
        resources, replace(lab.observe(resources), owners=owners), lab.kinds, ledger
    )


def test_only_what_the_ledger_owns_is_deleted(lab: Any) -> None:
    lab.Image.put("a", id=7)
    lab.Service.put("s")
    found = destroy_owned(lab, ledger_of(Owned(IMAGE, "7"), Owned(SERVICE, "another")))
    (action,) = found.plan.actions
    assert (action.key, action.after) == (IMAGE, frozenset())
    assert action.notes == ("id 7", "used by Service/s, which stays")
    (told,) = found.diagnostics
    assert (told.code, told.severity, told.key) == ("destroy/not-owned", Severity.WARNING, SERVICE)
    assert told.summary == "it is left alone: this project does not own id Service-s"
    assert found.ok


def test_what_a_run_set_out_to_make_is_deleted(lab: Any) -> None:
    lab.Image.put("a")
    found = destroy_owned(lab, ledger_of(intents=(Intent(IMAGE, "create"),)))
    assert [a.key for a in found.plan.actions] == [IMAGE]


def test_what_another_project_made_under_that_name_is_left_alone(lab: Any) -> None:
    lab.Image.put("a")
    resources = lab.resources(*documents(lab))
    ids = {("Image", "Image-a"): Owner("q", "e")}
    world = replace(lab.observe(resources), owners=Owners(US, ids))
    found = make_destroy_plan(
        resources, world, lab.kinds, ledger_of(intents=(Intent(IMAGE, "create"),))
    )
    assert [d.code for d in found.diagnostics] == ["destroy/not-owned"]


def test_what_the_ledger_protects_is_refused(lab: Any) -> None:
    lab.Image.put("a")
    found = destroy_owned(lab, ledger_of(Owned(IMAGE, "Image-a", protect=True)))
    (told,) = found.diagnostics
    assert (told.code, told.path) == ("guard/protected", ("lifecycle", "protect"))
    assert told.summary == "it is not deleted: the ledger protects it"


def test_what_a_rebuild_only_claimed_is_refused(lab: Any) -> None:
    lab.Image.put("a")
    found = destroy_owned(lab, ledger_of(Owned(IMAGE, "Image-a", claimed=True)))
    assert found.plan.actions == ()
    (told,) = found.diagnostics
    assert (told.code, told.severity, told.key) == ("guard/claimed", Severity.ERROR, IMAGE)


def test_what_we_claim_and_another_project_owns_is_left_alone(lab: Any) -> None:
    lab.Image.put("a")
    resources = lab.resources(*documents(lab))
    ours = ledger_of(Owned(IMAGE, "Image-a", claimed=True))
    theirs = replace(ours, owner=Owner("q", "e"), owned={IMAGE: Owned(IMAGE, "Image-a")})
    owners = find_owners(ours.owner, ours, (theirs,))
    world = replace(lab.observe(resources), owners=owners)
    found = make_destroy_plan(resources, world, lab.kinds, ours)
    assert [d.code for d in found.diagnostics] == ["destroy/not-owned"]


def test_what_is_protected_but_not_owned_is_left_alone(lab: Any) -> None:
    lab.Image.put("a")
    found = destroy_owned(lab, ledger_of(), lifecycle={"protect": True})
    assert [d.code for d in found.diagnostics] == ["destroy/not-owned"]
    assert found.plan.actions == ()


# --- before the first ledger of a project --------------------------------------------------


def destroy_first(lab: Any, **owners: Any) -> Any:
    lab.Image.put("a")
    resources = lab.resources(lab.manifest("Image", "a", {"type": "api"}))
    known = Owners(US, **owners)
    return make_destroy_plan(resources, replace(lab.observe(resources), owners=known), lab.kinds)


def test_before_the_first_ledger_nothing_is_owned_so_nothing_is_deleted(lab: Any) -> None:
    found = destroy_first(lab)
    assert found.plan.actions == ()
    (told,) = found.diagnostics
    assert (told.code, told.severity) == ("destroy/not-owned", Severity.WARNING)
    assert told.fix.startswith("adopt it by an apply first")


def test_before_the_first_ledger_what_another_project_owns_is_left_alone(lab: Any) -> None:
    found = destroy_first(lab, ids={("Image", "Image-a"): Owner("q", "e")})
    assert found.plan.actions == ()
    (told,) = found.diagnostics
    assert (told.code, told.severity) == ("destroy/not-owned", Severity.WARNING)
    assert told.summary == "it is left alone: id Image-a belongs to q/e"


def test_before_the_first_ledger_what_may_be_another_project_s_is_left_alone(lab: Any) -> None:
    found = destroy_first(lab, unread=("peakctl-ledger-q-e",))
    assert found.plan.actions == ()
    (told,) = found.diagnostics
    assert "peakctl-ledger-q-e cannot be read" in told.summary


# --- what is in the ledger, and not live under its name ------------------------------------


def absent(lab: Any, ledger: Ledger | None, *keys: Key) -> Any:
    resources = lab.resources(*documents(lab))
    world = replace(lab.observe(resources), ledger=ledger)
    return asyncio.run(find_absent(keys, world, lab.shelves))


def test_only_what_is_in_no_listing_is_gone(lab: Any) -> None:
    lab.Image.put("a", id=7)
    lab.Service.listed = (Listed(8, "renamed"),)
    ledger = ledger_of(Owned(IMAGE, "7"), Owned(SERVICE, "8"))
    gone, (told,) = absent(lab, ledger, IMAGE, SERVICE)
    assert gone == frozenset()
    assert (told.code, told.key, told.severity) == ("destroy/renamed", SERVICE, Severity.WARNING)
    assert told.summary == 'it is left alone: id 8 is there, and is called "renamed" now'
    lab.Service.listed = (Listed(9, "s"),)
    assert absent(lab, ledger, IMAGE, SERVICE) == (frozenset({SERVICE}), ())


def test_only_what_was_chosen_and_is_in_the_ledger_is_gone(lab: Any) -> None:
    assert absent(lab, None, IMAGE) == (frozenset(), ())
    ledger = ledger_of(Owned(IMAGE, "7"), Owned(SERVICE, "8"))
    assert absent(lab, ledger, IMAGE, Key("Image", "z")) == (frozenset({IMAGE}), ())
