"""How much of what exists may change before somebody has to say that it may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ledgers import ledger_of

from peakctl.engine.plan.guards import mass_change, undone_rollbacks
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.remembered import write_mark
from peakctl.model import EMPTY, MISSING, Action, Guards, Key, Live, Owned, Plan, Threshold, Verb

BUILD = {"source": "dockerfile", "dockerfile": "FROM a"}


def service(lab: Any, name: str, *, minimum: int = 1, image: str = "base") -> Any:
    spec = {"serviceType": "api", "imageDetails": {"name": image}, "minInstances": minimum}
    return lab.manifest("Service", name, spec)


def image(lab: Any, dockerfile: str = "FROM a", name: str = "base") -> Any:
    details = {**BUILD, "dockerfile": dockerfile}
    return lab.manifest("Image", name, {"type": "api", "buildDetails": details})


def put(lab: Any, count: int) -> list[str]:
    """An image and services that use it, all live."""
    spec = {"type": "api", "version": "1.0.0", "buildDetails": BUILD}
    attributes = {"id": 7, "version": 70}
    lab.Image.put("base", spec, id=7, version="1.0.0", latest="1.0.0", attributes=attributes)
    lab.Image.pins[("base", None)] = attributes
    names = [f"s{number}" for number in range(count)]
    for name in names:
        details = {"imageId": 7, "versionId": 70}
        live = {"serviceType": "api", "imageDetails": details, "minInstances": 1}
        lab.Service.put(name, live)
    return names


def guarded(lab: Any, *documents: Any, allowed: int | None = None) -> tuple[Any, Plan]:
    planned = lab.plan(*documents)
    assert planned.ok
    return mass_change(planned.plan, lab.kinds, allowed=allowed), planned.plan


def edits(kind: str, *, changed: int, same: int, verb: Verb = Verb.EDIT) -> list[Action]:
    verbs = [verb] * changed + [Verb.KEEP] * same
    keys = [Key(kind, str(number)) for number in range(len(verbs))]
    return [
        Action(key, each, live=Live(key, key.name, EMPTY))
        for key, each in zip(keys, verbs, strict=True)
    ]


def refused(lab: Any, actions: list[Action], *, allowed: int | None = None) -> Any:
    return mass_change(Plan(tuple(actions)), lab.kinds, allowed=allowed)


@pytest.mark.parametrize(
    ("changed", "same", "trips"),
    [(5, 0, False), (6, 0, True), (6, 14, False), (6, 13, True), (30, 70, False),
     (31, 69, True), (0, 10, False)],
)  # fmt: skip
def test_many_and_a_large_part_of_a_kind_are_too_many(
    lab: Any, changed: int, same: int, trips: bool
) -> None:
    assert bool(refused(lab, edits("Service", changed=changed, same=same))) is trips


@pytest.mark.parametrize("verb", [v for v in Verb if v not in (Verb.CREATE, Verb.KEEP)])
def test_whatever_changes_or_deletes_counts(lab: Any, verb: Verb) -> None:
    assert refused(lab, edits("Service", changed=6, same=0, verb=verb))


def test_what_is_new_does_not_count(lab: Any) -> None:
    new = [Action(Key("Service", f"n{n}"), Verb.CREATE) for n in range(50)]
    assert refused(lab, [*new, *edits("Service", changed=5, same=0)]) == ()
    assert refused(lab, [*new, *edits("Service", changed=6, same=0)])  # nor as what exists


def test_kinds_are_looked_at_one_by_one(lab: Any) -> None:
    some = [a for kind in ("Service", "Image", "Workflow") for a in edits(kind, changed=5, same=0)]
    assert refused(lab, some) == ()


@pytest.mark.parametrize(
    ("deleted", "same", "trips"),
    [((1, 1), 0, False), ((2, 1), 0, True), ((2, 1), 7, False), ((2, 1), 6, True),
     ((5, 5), 1, True), ((10, 10), 100, False), ((11, 10), 100, True)],
)  # fmt: skip
def test_deletes_count_over_all_kinds(
    lab: Any, deleted: tuple[int, int], same: int, trips: bool
) -> None:
    gone = [
        action
        for kind, number in zip(("Workflow", "Service"), deleted, strict=True)
        for action in edits(kind, changed=number, same=0, verb=Verb.DELETE)
    ]
    wide = Guards(changes=Threshold(100, 100))
    told = mass_change(
        Plan((*gone, *edits("Image", changed=0, same=same))), lab.kinds, allowed=None, limits=wide
    )
    assert bool(told) is trips


def test_a_replacement_counts_as_a_delete(lab: Any) -> None:
    few = edits("Service", changed=2, same=1, verb=Verb.REPLACE)
    assert refused(lab, few) == ()
    (told,) = refused(lab, edits("Service", changed=3, same=1, verb=Verb.REPLACE))
    assert "3 of 4 resources of all kinds deleted" in told.summary


def test_an_environment_has_its_own_thresholds(lab: Any) -> None:
    plan = Plan(tuple(edits("Service", changed=2, same=8, verb=Verb.DELETE)))
    strict, loose = Guards(deletes=Threshold(0, 0)), Guards(Threshold(99, 99), Threshold(99, 99))
    (told,) = mass_change(plan, lab.kinds, allowed=None, limits=strict)
    assert "2 of 10 resources of all kinds deleted" in told.summary
    assert "of all kinds together, 0 or 0 % of what exists may be deleted at once" in told.detail
    many = Plan(tuple(edits("Service", changed=10, same=0, verb=Verb.DELETE)))
    assert mass_change(many, lab.kinds, allowed=None)
    assert mass_change(many, lab.kinds, allowed=None, limits=loose) == ()


def test_it_says_how_many_of_each_kind_and_what_to_type(lab: Any) -> None:
    actions = [
        *edits("Workflow", changed=7, same=1, verb=Verb.DELETE),
        *edits("Service", changed=6, same=0),
        *edits("Image", changed=2, same=0),
    ]
    (told,) = refused(lab, actions)
    assert told.code == "guard/mass-change"
    assert (
        told.summary
        == "the plan changes or deletes unusually many: 6 of 6 Service, 7 of 8 Workflow, "
        "7 of 16 resources of all kinds deleted"
    )
    assert told.fix.endswith("--allow-mass-change 15")
    assert refused(lab, actions, allowed=15) == ()


@pytest.mark.parametrize("allowed", [1, 5, 7])
def test_another_number_than_that_of_the_plan_is_refused(lab: Any, allowed: int) -> None:
    (told,) = refused(lab, edits("Service", changed=6, same=0), allowed=allowed)
    assert told.summary == (
        f"--allow-mass-change {allowed} was given, but 6 change: 6 of 6 Service"
    )
    assert told.fix.endswith("--allow-mass-change 6")


def test_a_number_that_is_not_needed_says_nothing(lab: Any) -> None:
    assert refused(lab, edits("Service", changed=1, same=0), allowed=9) == ()


def test_services_that_follow_a_rebuilt_image_are_one_change(lab: Any) -> None:
    services = [service(lab, name) for name in put(lab, 20)]
    told, plan = guarded(lab, image(lab, "FROM b"), *services)
    assert plan.count(Verb.EDIT) == 20
    assert told == ()


def test_services_of_an_image_that_is_made_again_follow_it(lab: Any) -> None:
    services = [service(lab, name) for name in put(lab, 20)]
    del lab.Image.things["base"]
    told, plan = guarded(lab, image(lab), *services)
    assert (plan.count(Verb.CREATE), plan.count(Verb.EDIT)) == (1, 20)
    assert told == ()


def test_services_that_change_by_themselves_too_count(lab: Any) -> None:
    services = [service(lab, name, minimum=2) for name in put(lab, 20)]
    ((told,), _) = guarded(lab, image(lab, "FROM b"), *services)
    assert told.summary.endswith("20 of 20 Service")
    assert told.fix.endswith("--allow-mass-change 21")


def test_services_that_move_to_another_image_that_exists_count(lab: Any) -> None:
    services = [service(lab, name, image="other") for name in put(lab, 20)]
    spec = {"type": "api", "version": "1.0.0", "buildDetails": BUILD}
    attributes = {"id": 8, "version": 80}
    lab.Image.put("other", spec, id=8, version="1.0.0", latest="1.0.0", attributes=attributes)
    told, _ = guarded(lab, image(lab, "FROM b", "other"), *services)
    assert told


def workflow(lab: Any, name: str, image: str = "base") -> Any:
    step = {
        "imageDetails": {"name": image},
        "command": "x",
        "resources": {"instanceTypeId": 1, "storage": "10GB"},
    }
    return lab.manifest("Workflow", name, {"steps": {"a": step, "b": {**step, "parents": ["a"]}}})


def test_steps_of_workflows_follow_too(lab: Any) -> None:
    put(lab, 0)
    step = {
        "imageId": 7,
        "imageVersionId": 70,
        "command": "x",
        "resources": {"instanceTypeId": 1, "storage": "10GB"},
    }
    for number in range(8):
        steps = {"a": step, "b": {**step, "parents": ["a"]}}
        lab.Workflow.put(f"w{number}", {"steps": steps})
    workflows = [workflow(lab, f"w{number}") for number in range(8)]
    told, plan = guarded(lab, image(lab, "FROM b"), *workflows)
    assert plan.count(Verb.EDIT) == 8
    assert told == ()


def app(lab: Any, name: str, *blocks: str) -> Any:
    config = [{"name": block} for block in blocks]
    return lab.manifest("AppSpec", name, {"config": config}, {"summary": "s"})


def block(lab: Any, name: str, command: str = "x") -> Any:
    step = {"command": command, "imageDetails": {"id": 1, "versionId": 2}}
    spec = {"kind": "workflow", "config": {"steps": {"a": step}}}
    return lab.manifest("BlockSpec", name, spec, {"summary": "s"})


def test_apps_follow_the_releases_of_their_blocks(lab: Any) -> None:
    told = {"version": "1.0.0", "latest": "1.0.0"}
    release = {"release": {"version": "1.0.0"}}
    for name in ("one", "two"):
        at = {"id": name, "version": "1.0.0"}
        lab.BlockSpec.put(
            name, {"kind": "workflow", **release}, {"summary": "s"}, id=name, attributes=at, **told
        )
    for number in range(8):
        config = [{"id": name, **release} for name in ("one", "two")]
        lab.AppSpec.put(f"a{number}", {"config": config}, {"summary": "s"}, **told)
    blocks = [block(lab, name) for name in ("one", "two")]
    found, plan = guarded(lab, *blocks, *(app(lab, f"a{n}", "two", "one") for n in range(8)))
    assert plan.count(Verb.RELEASE) == 10
    assert found == ()


def test_an_image_that_redeploys_services_counts(lab: Any) -> None:
    names = put(lab, 1)
    for number in range(6):
        spec = {"type": "api", "version": "1.0.0", "buildDetails": BUILD}
        lab.Image.put(f"i{number}", spec, version="1.0.0", latest="1.0.0")
    redeployed = [{"kind": "Service", "name": names[0]}]
    images = [image(lab, "FROM b", f"i{number}") for number in range(6)]
    for each in images:
        each["spec"]["autodeployResources"] = redeployed
    told, plan = guarded(lab, *images)
    assert len(plan.pending) == 6
    assert told


def test_a_reference_without_versions_has_a_place_for_its_id_alone(lab: Any) -> None:
    services = [service(lab, name) for name in put(lab, 6)]
    del lab.Image.things["base"]
    _, plan = guarded(lab, image(lab), *services)
    actions = []
    for action in plan.actions:
        resource = action.resource
        assert resource is not None
        references = tuple(replace(r, version_at=None) for r in resource.references)
        actions.append(replace(action, resource=replace(resource, references=references)))
    assert mass_change(Plan(tuple(actions)), lab.kinds, allowed=None)


def test_a_change_that_takes_something_else_away_counts(lab: Any) -> None:
    services = [service(lab, name) for name in put(lab, 6)]
    told, plan = guarded(lab, image(lab, "FROM b"), *services)
    assert told == ()
    ((change,),) = {action.changes for action in plan.pending if action.key.kind == "Service"}
    assert change.path == ("spec", "imageDetails", "versionId")
    for before, after, follows in (
        ({"versionId": 70}, {"versionId": change.after}, True),
        ({"versionId": 70, "more": 1}, {"versionId": change.after}, False),
        ({"versionId": 70}, {"versionId": [change.after]}, False),
        ({"versionId": 70}, MISSING, False),
    ):
        whole = replace(change, path=change.path[:-1], before=before, after=after)
        actions = [replace(a, changes=(whole,)) if a.changes == (change,) else a
                   for a in plan.actions]  # fmt: skip
        found = mass_change(Plan(tuple(actions)), lab.kinds, allowed=None)
        assert (found == ()) is follows


def test_what_was_agreed_to_elsewhere_does_not_count(lab: Any) -> None:
    actions = edits("Service", changed=8, same=0)
    (told,) = mass_change(Plan(tuple(actions)), lab.kinds, allowed=None, agreed={actions[0].key})
    assert "7 of 8 Service" in told.summary
    assert "in all 7 would change" in told.detail
    agreed = {each.key for each in actions}
    assert mass_change(Plan(tuple(actions)), lab.kinds, allowed=None, agreed=agreed) == ()


def test_a_plan_that_would_undo_a_rollback_names_the_fields_and_the_place(lab: Any) -> None:
    put(lab, 2)
    planned = lab.shown(image(lab), service(lab, "s0", minimum=2), service(lab, "s1", minimum=2))
    marks = write_mark("Image/base 1.0.0", [("spec", "minInstances")])
    ledger = ledger_of(
        Owned(Key("Service", "s0"), "Service-s0", digests=marks),
        Owned(Key("Service", "s1"), "Service-s1"),
    )
    plan = Plan(tuple(planned.values()))
    (told,) = undone_rollbacks(plan, ledger, lab.kinds)
    assert (told.code, told.key) == ("guard/rolled-back", Key("Service", "s0"))
    assert told.detail.startswith("spec.minInstances: ")
    assert told.locations[0].file == "m.yaml"


def test_a_delete_of_what_was_rolled_back_undoes_it_too() -> None:
    key = Key("Service", "s0")
    ledger = ledger_of(Owned(key, "s0", digests=write_mark("run 3", [("spec", "a")])))
    plan = Plan((Action(key, Verb.DELETE, live=Live(key, "s0", EMPTY)), Action(key, Verb.CREATE)))
    kinds = load_kinds()
    (told,) = undone_rollbacks(plan, ledger, kinds)
    assert told.locations == ()
    assert "run 3" in told.summary
