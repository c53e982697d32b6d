"""What no manifest names: deleted last, users first; and each thing that must survive."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest
from ledgers import THEM, ledger_of

from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.observe.undeclared import observe_undeclared
from peakctl.engine.plan.approval import approve
from peakctl.engine.prune import add_prune, plan_prune
from peakctl.errors import Diagnostic, GuardRefused, Severity
from peakctl.ledger.ownership import Owners
from peakctl.model import (
    Action,
    Cause,
    Key,
    Listed,
    Owned,
    Plan,
    Reason,
    State,
    Status,
    Step,
    Verb,
)

FLOW, OTHER = Key("Workflow", "w"), Key("Workflow", "v")
IMAGE, SERVICE, DEPLOYMENT = Key("Image", "a"), Key("Service", "s"), Key("Deployment", "d")
STEPS = {"train": {"command": "c", "imageId": 1}}


def owned(key: Key, id_: Any = None, **more: Any) -> Owned:
    return Owned(key, id_ or f"{key.kind}-{key.name}", **more)


@dataclass
class Pruned:
    """What came of one prune."""

    actions: tuple[Action, ...]
    told: tuple[Diagnostic, ...]
    gone: frozenset[Key]

    @property
    def keys(self) -> list[str]:
        return [str(action.key) for action in self.actions]

    @property
    def codes(self) -> dict[str, str]:
        return {str(d.key): d.code for d in self.told}

    def notes(self, key: Key) -> tuple[str, ...]:
        return next(action.notes for action in self.actions if action.key == key)


def prune(lab: Any, *things: Owned, manifests: Any = (), unread: Any = (), **more: Any) -> Pruned:
    resources = lab.resources(*manifests)
    ledger = ledger_of(*things)
    world = lab.observe(resources)
    found = asyncio.run(observe_undeclared(world, ledger, resources, lab.shelves, unread=unread))
    return Pruned(*plan_prune(found, ledger, lab.kinds, resources, **more))


# --- what goes -----------------------------------------------------------------------------


def test_what_no_manifest_names_goes(lab: Any) -> None:
    live = lab.Workflow.put("w")
    found = prune(lab, owned(FLOW))
    (action,) = found.actions
    assert (action.key, action.verb, action.steps) == (FLOW, Verb.DELETE, (Step.DELETE,))
    assert action.live == live
    assert action.notes == ("id Workflow-w; owned by this project, and in no manifest",)
    assert action.reasons == (Reason(Cause.UNDECLARED),)
    assert (found.told, found.gone) == ((), frozenset())


def test_ids_are_compared_as_text(lab: Any) -> None:
    lab.Workflow.put("w", id=7)
    assert prune(lab, owned(FLOW, "7")).keys == ["Workflow/w"]


def test_users_go_before_what_they_use(lab: Any) -> None:
    lab.Workflow.put("w")
    lab.Service.put("s")
    lab.Image.put("a")
    found = prune(
        lab, owned(IMAGE), owned(SERVICE, uses=(IMAGE,)), owned(FLOW, uses=(IMAGE,)), history=True
    )
    assert found.keys == ["Workflow/w", "Service/s", "Image/a"]
    assert found.actions[-1].after == {FLOW, SERVICE}
    assert found.notes(IMAGE) == (
        "id Image-a; owned by this project, and in no manifest",
        "all its versions are deleted with it",
        "used by Service/s, Workflow/w, deleted before it",
    )


def test_what_uses_each_other_goes_all_the_same(lab: Any) -> None:
    for name in "vwx":
        lab.Workflow.put(name)
    third = Key("Workflow", "x")
    found = prune(
        lab,
        owned(FLOW, uses=(OTHER, FLOW)),
        owned(OTHER, uses=(FLOW,)),
        owned(third, uses=(FLOW,)),
    )
    assert sorted(found.keys) == ["Workflow/v", "Workflow/w", "Workflow/x"]
    places = {key: number for number, key in enumerate(found.keys)}
    assert places["Workflow/x"] < places["Workflow/w"]
    for action in found.actions:
        assert all(places[str(user)] < places[str(action.key)] for user in action.after)


def test_a_delete_tells_who_uses_it(lab: Any) -> None:
    lab.BlockSpec.put("b", state=State.WARNING, status="odd")
    lab.BlockSpec.used_by = ("Deployment/d", "Deployment/e", "Deployment/f")
    for name in "df":
        lab.Deployment.put(name, {"blockSpec": {"id": "BlockSpec-b"}})
    spec = Key("BlockSpec", "b")
    other = Key("Deployment", "f")
    moved = lab.manifest("Deployment", "d", {"blockSpec": {"id": "other"}})
    found = prune(
        lab,
        owned(spec),
        owned(DEPLOYMENT, uses=(spec,)),
        owned(other, uses=(spec,)),
        manifests=[moved],
        history=True,
    )
    assert found.keys == ["Deployment/f", "BlockSpec/b"]
    assert found.notes(spec)[1:] == (
        "live status is odd",
        "all its versions are deleted with it",
        "used by Deployment/f, deleted before it",
        "used until now by Deployment/d",
        "on the platform Deployment/e still uses it",
    )


def test_what_is_gone_is_forgotten(lab: Any) -> None:
    lab.Image.put("a", id="of someone else")
    lab.Service.listed = (Listed("Service-s", "s"),)
    found = prune(lab, owned(FLOW), owned(IMAGE), owned(SERVICE), history=True)
    assert (found.keys, found.told) == ([], ())
    assert found.gone == {FLOW, IMAGE, SERVICE}  # no such id, another id, gone when it is read


def test_what_is_gone_holds_nothing_up(lab: Any) -> None:
    lab.Workflow.put("v")
    found = prune(lab, owned(FLOW, protect=True, uses=(OTHER,)), owned(OTHER))
    assert (found.keys, found.gone) == (["Workflow/v"], {FLOW})


def test_what_is_gone_as_one_kind_counts_as_the_other(lab: Any) -> None:
    lab.Webapp.put("s", id=5)
    lab.Workflow.put("w")
    found = prune(lab, owned(Key("Webapp", "s"), 5), owned(SERVICE, 5, uses=(FLOW,)), owned(FLOW))
    assert (found.keys, found.gone) == (["Webapp/s", "Workflow/w"], frozenset())
    assert found.actions[1].after == {Key("Webapp", "s")}


# --- what survives -------------------------------------------------------------------------


def test_what_is_in_no_ledger_stays(lab: Any) -> None:
    lab.Workflow.put("w")
    assert prune(lab).keys == []


def test_what_a_manifest_names_stays(lab: Any) -> None:
    lab.Workflow.put("w")
    found = prune(lab, owned(FLOW), manifests=[lab.manifest("Workflow", "w", {"steps": STEPS})])
    assert (found.keys, found.told) == ([], ())


def renamed(lab: Any) -> Any:
    spec = {"kind": "workflow", "config": {"steps": {}}}
    return lab.manifest("BlockSpec", "new", spec, {"summary": "s", "previousNames": ["old"]})


def test_what_is_renamed_by_a_manifest_stays(lab: Any) -> None:
    lab.BlockSpec.put("old")
    found = prune(lab, owned(Key("BlockSpec", "old")), manifests=[renamed(lab)], history=True)
    assert (found.keys, found.told) == ([], ())


def test_what_a_previous_name_may_mean_stays(lab: Any) -> None:
    lab.BlockSpec.put("old")
    lab.BlockSpec.put("new")
    found = prune(lab, owned(Key("BlockSpec", "old")), manifests=[renamed(lab)], history=True)
    assert (found.keys, found.codes) == ([], {"BlockSpec/old": "prune/named"})


def test_what_is_declared_as_a_kind_of_the_same_names_stays(lab: Any) -> None:
    webapp = Key("Webapp", "s")
    lab.Webapp.put("s", id=5)
    lab.Service.put("s", id=5)
    api = lab.manifest("Service", "s", {"serviceType": "api", "imageDetails": {"imageId": 1}})
    assert prune(lab, owned(webapp, 5), manifests=[api]).told == ()
    lab.Service.put("s", id=6)
    found = prune(lab, owned(webapp, 5), manifests=[api])
    assert (found.keys, found.codes) == ([], {"Webapp/s": "prune/named"})


def test_what_is_recorded_twice_goes_once(lab: Any) -> None:
    lab.Webapp.put("s", id=5)
    lab.Service.put("s", id=5)
    lab.Workflow.put("w", id=8)
    found = prune(
        lab, owned(Key("Webapp", "s"), 5), owned(SERVICE, 5), owned(OTHER, 8), owned(FLOW, 8)
    )
    assert (sorted(found.keys), found.told) == (["Service/s", "Workflow/w"], ())


def test_what_is_protected_stays(lab: Any) -> None:
    lab.Workflow.put("w")
    found = prune(lab, owned(FLOW, protect=True))
    (told,) = found.told
    assert (found.keys, told.code, told.severity) == ([], "prune/protected", Severity.NOTE)
    assert told.fix == "peakctl unprotect Workflow/w, then prune"


def test_what_a_rebuild_only_claimed_stays(lab: Any) -> None:
    lab.Service.put("s", id=1)
    found = prune(lab, owned(SERVICE, 1, claimed=True))
    (told,) = found.told
    assert (found.keys, told.code, told.severity) == ([], "prune/claimed", Severity.WARNING)


def test_what_is_protected_under_an_older_name_stays(lab: Any) -> None:
    lab.Workflow.put("w", id=8)
    assert prune(lab, owned(FLOW, 8), owned(OTHER, 8, protect=True)).keys == []


def test_what_something_protected_uses_stays(lab: Any) -> None:
    lab.Service.put("s")
    for name in "vw":
        lab.Workflow.put(name)
    found = prune(
        lab,
        owned(SERVICE, protect=True, uses=(FLOW,)),
        owned(FLOW, uses=(OTHER,)),
        owned(OTHER),
    )
    assert found.keys == []
    assert found.codes == {
        "Service/s": "prune/protected",
        "Workflow/w": "prune/needed",
        "Workflow/v": "prune/needed",
    }


def test_what_has_a_history_stays_without_the_flag(lab: Any) -> None:
    for kind in ("Image", "Artifact", "BlockSpec", "AppSpec"):
        lab.shelves[kind].put("a")
        key = Key(kind, "a")
        for unread in ((), (kind,)):
            found = prune(lab, owned(key), unread=unread)
            assert (found.keys, found.codes) == ([], {str(key): "prune/history"})
        assert prune(lab, owned(key), history=True).keys == [str(key)]
        assert prune(lab, owned(key), history=True, unread=(kind,)).keys == []


def test_what_history_keeps_holds_up_nothing(lab: Any) -> None:
    lab.Image.put("a")
    lab.Workflow.put("w")
    assert prune(lab, owned(IMAGE, uses=(FLOW,)), owned(FLOW)).keys == ["Workflow/w"]


def test_what_has_another_name_now_stays(lab: Any) -> None:
    lab.Workflow.put("hand", id="Workflow-w")
    (told,) = prune(lab, owned(FLOW)).told
    assert (told.code, told.severity) == ("prune/renamed", Severity.WARNING)
    assert 'another name now: "hand"' in told.summary


def test_what_is_not_ours_stays(lab: Any) -> None:
    lab.Deployment.put("d", foreign="part of app deployment x")
    lab.Image.listed = (Listed("Image-a", "a", ours=False),)
    ledger = Key("Artifact", "peakctl-ledger-retail-dev")
    lab.Artifact.put(ledger.name)
    found = prune(lab, owned(DEPLOYMENT), owned(IMAGE), owned(ledger), history=True)
    assert (found.keys, set(found.codes.values())) == ([], {"prune/not-ours"})
    assert [d.summary.rpartition(": ")[2] for d in found.told] == [
        "it is a ledger",
        "part of app deployment x",
        "part of the platform",
    ]


@pytest.mark.parametrize("declared", [False, True])
def test_what_the_platform_made_for_a_deployment_stays(lab: Any, declared: bool) -> None:
    lab.Workflow.put("w")
    lab.Deployment.put("d", parts=(FLOW,))
    manifest = lab.manifest("Deployment", "d", {"blockSpec": {"id": "b"}})
    found = prune(lab, owned(DEPLOYMENT), owned(FLOW), manifests=[manifest] if declared else [])
    assert found.keys == ([] if declared else ["Deployment/d"])
    assert found.codes == {"Workflow/w": "prune/not-ours"}
    assert "the platform made it for Deployment/d" in found.told[0].summary


def test_what_another_project_owns_too_stays(lab: Any) -> None:
    lab.Workflow.put("w")
    theirs = ledger_of(owned(FLOW), owner=THEM)
    (told,) = prune(lab, owned(FLOW), others=[theirs]).told
    assert (told.code, told.severity) == ("prune/owned-elsewhere", Severity.WARNING)
    assert "bank/prod owns it too" in told.summary


def test_a_kind_that_is_not_known_stays(lab: Any) -> None:
    found = prune(lab, owned(Key("Robot", "r")))
    assert (found.keys, found.codes) == ([], {"Robot/r": "prune/unknown-kind"})


# --- what is still referred to -------------------------------------------------------------


def references(lab: Any, **spec: Any) -> Any:
    return lab.manifest("Service", "s", {"serviceType": "api", **spec})


def test_what_a_manifest_refers_to_by_name_is_refused(lab: Any) -> None:
    lab.Image.put("a")
    lab.Artifact.put("files")
    found = prune(
        lab,
        owned(IMAGE, uses=(Key("Artifact", "files"),)),
        owned(Key("Artifact", "files")),
        manifests=[references(lab, imageDetails={"name": "a"})],
        history=True,
    )
    assert found.keys == []  # nor what it uses
    told, needed = found.told
    assert (told.code, told.severity, told.key) == ("guard/prune-used", Severity.ERROR, SERVICE)
    assert told.summary == "it refers to Image/a, which is in no manifest and would be deleted"
    assert (str(told.locations[0]), told.path) == ("m.yaml:3:1", ("spec", "imageDetails"))
    assert (needed.code, str(needed.key)) == ("prune/needed", "Artifact/files")


def test_what_a_manifest_refers_to_by_id_is_refused(lab: Any) -> None:
    lab.Image.put("a", id=7)
    spec = {"steps": {"train": {"command": "c", "imageId": 7}}}
    for manifest, path in (
        (references(lab, imageDetails={"imageId": 7}), ("spec", "imageDetails", "imageId")),
        (lab.manifest("Workflow", "w", spec), ("spec", "steps", "train", "imageId")),
    ):
        found = prune(lab, owned(IMAGE, 7), manifests=[manifest], history=True)
        assert [(d.code, d.path) for d in found.told] == [("guard/prune-used", path)]


def test_items_of_lists_refer_too(lab: Any) -> None:
    lab.BlockSpec.put("b", id="b-1")
    app = lab.manifest("AppSpec", "x", {"config": [{"id": "b-1", "release": {"version": "1.0.0"}}]})
    app["metadata"]["summary"] = "s"
    found = prune(lab, owned(Key("BlockSpec", "b"), "b-1"), manifests=[app], history=True)
    assert [d.path for d in found.told] == [("spec", "config", 0, "id")]


def test_what_stays_live_because_changes_are_ignored_is_refused(lab: Any) -> None:
    lab.Image.put("a", id=7)
    lab.Image.put("b", id=8)
    lab.Service.put("s", {"imageDetails": {"imageId": 7, "versionId": 1}, "new word": 7})
    manifest = references(lab, imageDetails={"imageId": 8})
    ignoring = {**manifest, "lifecycle": {"ignoreChanges": ["spec.imageDetails"]}}
    other = {**manifest, "lifecycle": {"ignoreChanges": ["spec.entrypoint"]}}
    assert prune(lab, owned(IMAGE, 7), manifests=[ignoring], history=True).keys == []
    for allowed in (manifest, other):
        found = prune(lab, owned(IMAGE, 7), manifests=[allowed], history=True)
        assert found.keys == ["Image/a"]


def test_what_a_manifest_of_the_run_answers_refers_to_nothing_undeclared(lab: Any) -> None:
    lab.Image.put("b")
    image = lab.manifest("Image", "a", {"type": "api"})
    found = prune(
        lab,
        owned(Key("Image", "b")),
        manifests=[image, references(lab, imageDetails={"name": "a"})],
        history=True,
    )
    assert found.keys == ["Image/b"]


# --- requests ------------------------------------------------------------------------------


def test_a_listing_that_is_there_serves(lab: Any) -> None:
    lab.Workflow.put("w")
    lab.Workflow.put("v")
    prune(lab, owned(OTHER), manifests=[lab.manifest("Workflow", "w", {"steps": STEPS})])
    assert sorted(lab.Workflow.asked) == ["index", "read v", "read w"]


def test_a_listing_that_was_narrowed_is_not_believed(lab: Any) -> None:
    lab.Deployment.put("d")
    ledger = ledger_of(owned(DEPLOYMENT))
    narrow = LiveState({"Deployment": (Listed("x", "x"),)}, owners=Owners())
    found = asyncio.run(observe_undeclared(narrow, ledger, {}, lab.shelves))
    assert [o.owned.key for o in found.found] == [DEPLOYMENT]
    assert found.gone == frozenset()


def test_a_request_that_fails_is_raised_as_it_is(lab: Any) -> None:
    async def index(_: Any) -> Any:
        raise GuardRefused(Diagnostic("x", "no"))

    lab.Workflow.index = index
    with pytest.raises(GuardRefused):
        asyncio.run(observe_undeclared(LiveState(), ledger_of(owned(FLOW)), {}, lab.shelves))


# --- the plan ------------------------------------------------------------------------------


def test_deletes_come_last_and_wait_for_all_else(lab: Any) -> None:
    lab.Workflow.put("w")
    lab.Workflow.put("v")
    planned = lab.plan(lab.manifest("Image", "a", {"type": "api"}))
    found = prune(lab, owned(FLOW, uses=(OTHER,)), owned(OTHER))
    plan = add_prune(planned.plan, found.actions)
    assert [(str(a.key), a.after) for a in plan.actions] == [
        ("Image/a", frozenset()),
        ("Workflow/w", {IMAGE}),
        ("Workflow/v", {IMAGE, FLOW}),
    ]
    outcomes = lab.apply(plan)
    assert [o.status for o in outcomes] == [Status.DONE] * 3
    assert lab.Workflow.things == {}


def test_deletes_can_be_approved(lab: Any) -> None:
    lab.Workflow.put("w")
    plan = Plan(prune(lab, owned(FLOW)).actions)
    other = Plan((replace(plan.actions[0], live=lab.Workflow.put("w", id="again")),))
    approval, different = (
        approve(each, lab.kinds, project="p", environment="e", salt="s") for each in (plan, other)
    )
    assert [str(a.key) for a in approval.actions] == ["Workflow/w"]
    assert approval.actions[0].digest == different.actions[0].digest
    assert approval.actions[0].live != different.actions[0].live


def test_others_of_the_name_are_told_with_a_delete(lab: Any) -> None:
    lab.Workflow.put("w", id=7)
    lab.Workflow.listed = (Listed(7, "w"), Listed(8, "w"), Listed(9, "w", ours=False))
    assert prune(lab, owned(FLOW, 7)).notes(FLOW)[1:] == ("id 8 has its name, and stays",)


def test_what_is_in_no_listing_goes_by_its_id(lab: Any) -> None:
    lab.Workflow.put("w", id=7)
    lab.Workflow.listed = ()
    found = prune(lab, owned(FLOW, 7))
    assert found.keys == ["Workflow/w"]
    assert found.gone == frozenset()


def test_what_was_renamed_since_it_was_listed_stays(lab: Any) -> None:
    lab.Workflow.put("w", id=7, metadata={"name": "other"})
    found = prune(lab, owned(FLOW, 7))
    assert found.keys == []
    assert found.codes == {"Workflow/w": "prune/renamed"}
