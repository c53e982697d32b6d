"""Which side of a difference has changed since the last apply: the manifest, the platform, both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ledgers import US, ledger_of

from peakctl.engine.diff.applied import Side, changed_sides, field_digests, visible_part
from peakctl.engine.plan.planner import make_plan
from peakctl.engine.record import record
from peakctl.ledger.digests import Digests, StoredDigests, stored_digests
from peakctl.ledger.ownership import find_owners
from peakctl.model import MISSING, UNSEEN, Action, Change, Ledger, Secret, Step, Unknown, Verb
from peakctl.model.ledger import Actor, PastRun
from peakctl.model.resources import Edit

RUN = PastRun("r", Actor("ann", commit="1234567890abcdef"), "apply", 900.0, 1000.0, "done")
STEP = {"imageId": 1, "imageVersionId": 2, "command": "run"}


def applied(lab: Any, *documents: Any) -> Ledger:
    """The ledger after an apply of `documents`; the shelves have what was sent."""
    resources = lab.resources(*documents)
    plan = make_plan(resources, lab.observe(resources), lab.kinds).plan
    ledger = ledger_of(runs=(RUN,))
    return replace(ledger, owned=record(plan, lab.apply(plan), ledger, lab.kinds, uses={}))


def planned(lab: Any, ledger: Ledger, *documents: Any, digest: str = "sha256:new") -> Action:
    """The last action of the next plan."""
    resources = lab.resources(*documents, digest=digest)
    owners = find_owners(US, ledger, ())
    world = replace(lab.observe(resources), ledger=ledger, owners=owners)
    found = make_plan(resources, world, lab.kinds)
    assert found.diagnostics == ()
    return found.plan.actions[-1]


def told(action: Action) -> dict[str, tuple[str, ...]]:
    """The paths of each cause."""
    return {str(reason.cause): reason.paths for reason in action.reasons}


def edited(lab: Any, kind: str, name: str, change: Any, **more: Any) -> None:
    """Somebody changes what is live."""
    live = lab.shelves[kind].things[name]
    values = {"metadata": dict(live.values["metadata"]), "spec": dict(live.values["spec"])}
    change(values)
    lab.shelves[kind].things[name] = replace(live, values=values, **more)


def flow(lab: Any, spec: Any = None, metadata: Any = None, **more: Any) -> Any:
    return lab.manifest("Workflow", "w", {"steps": {"s": STEP}, **(spec or {})}, metadata, **more)


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        (
            {"steps": {"s": STEP}},
            {"steps": {"s": {**STEP, "command": "x"}}},
            ["spec.steps.s.command"],
        ),
        ({"steps": {"s": STEP, "t": STEP}}, {"steps": {"s": STEP}}, ["spec.steps.t"]),
        ({"triggers": [{"cron": "0 1 * * *"}]}, {}, ["spec.triggers"]),
        ({}, {"triggers": [{"cron": "0 1 * * *"}]}, ['spec.triggers."0 1 * * *"']),
        (
            {"watchers": [{"user": "a", "events": {"fail": True}}]},
            {"watchers": [{"user": "a", "events": {"fail": False, "success": True}}]},
            ["spec.watchers.a.events.fail", "spec.watchers.a.events.success"],
        ),
    ],
)
def test_a_changed_manifest_is_told_from_one_that_is_as_applied(
    lab: Any, before: Any, after: Any, paths: list[str]
) -> None:
    ledger = applied(lab, flow(lab, before))
    action = planned(lab, ledger, flow(lab, after))
    assert told(action) == {"manifest-changed": tuple(paths)}
    assert str(action.reasons[0].place).startswith("m.yaml:")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_items_of_lists_that_go_by_position(lab: Any, count: int) -> None:
    def steps(number: int) -> Any:
        conditions = [
            {"condition": "all-of", "parents": [f"p{n}"], "status": ["success"]}
            for n in range(number)
        ]
        parents = {f"p{n}": STEP for n in range(3)}
        step = {**STEP, "executionParameters": {"parentStatus": conditions}}
        return {"steps": {**parents, "s": step}}

    ledger = applied(lab, flow(lab, steps(2)))
    assert list(told(planned(lab, ledger, flow(lab, steps(count))))) == ["manifest-changed"]
    edited(lab, "Workflow", "w", lambda v: v["spec"].update(steps(count)))
    assert list(told(planned(lab, ledger, flow(lab, steps(2))))) == ["changed-outside"]


def test_a_change_outside_is_told_with_who_and_when(lab: Any) -> None:
    ledger = applied(lab, flow(lab))
    edit = Edit(1060.0, "jo@acme.com")
    edited(
        lab,
        "Workflow",
        "w",
        lambda v: v["spec"].update(steps={"s": {**STEP, "command": "x"}}),
        edited=edit,
    )
    action = planned(lab, ledger, flow(lab))
    assert told(action) == {"changed-outside": ("spec.steps.s.command",)}
    assert action.reasons[0].detail == (
        "by jo@acme.com, 1970-01-01 00:17:40 UTC; "
        "last run 1970-01-01 00:16:40 UTC by ann, commit 1234567890ab"
    )


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (None, ""),
        (Edit(None, "jo"), "by jo; "),
        (Edit(2000.0), "1970-01-01 00:33:20 UTC; "),
        (Edit(500.0, "jo"), ""),
    ],
)
def test_what_is_known_of_the_edit_is_told(lab: Any, edit: Edit | None, words: str) -> None:
    ledger = applied(lab, flow(lab))
    edited(lab, "Workflow", "w", lambda v: v["metadata"].update(tags=[{"name": "x"}]), edited=edit)
    (reason,) = planned(lab, ledger, flow(lab)).reasons
    assert reason.detail == f"{words}last run 1970-01-01 00:16:40 UTC by ann, commit 1234567890ab"
    (bare,) = planned(lab, replace(ledger, runs=()), flow(lab)).reasons
    assert bare.detail == "" if edit is None else bare.detail


def test_both_sides_may_have_changed(lab: Any) -> None:
    two = {"steps": {"s": STEP, "t": STEP}}
    ledger = applied(lab, flow(lab, two))

    def by_hand(values: Any) -> None:
        values["spec"]["steps"] = {"s": STEP, "t": {**STEP, "command": "by hand"}}

    edited(lab, "Workflow", "w", by_hand)
    new = {"steps": {"s": {**STEP, "command": "new"}, "t": STEP}}
    assert told(planned(lab, ledger, flow(lab, new))) == {
        "manifest-changed": ("spec.steps.s.command",),
        "changed-outside": ("spec.steps.t.command",),
    }
    same = {"steps": {"s": STEP, "t": {**STEP, "command": "new"}}}
    assert told(planned(lab, ledger, flow(lab, same))) == {
        "manifest-changed": ("spec.steps.t.command",),
        "changed-outside": ("spec.steps.t.command",),
    }
    edited(lab, "Workflow", "w", lambda _: None, edited=Edit(10.0, ""))
    old = planned(lab, ledger, flow(lab, same))
    assert told(old) == {
        "manifest-changed": ("spec.steps.t.command",)
    }  # nobody has edited it since


def test_many_changes_of_one_field_are_told_apart_where_one_side_made_most(lab: Any) -> None:
    steps = {f"s{n}": STEP for n in range(9)}
    ledger = applied(lab, flow(lab, {"steps": steps}))

    def by_hand(values: Any) -> None:
        values["spec"]["steps"] = {**steps, "s0": {**STEP, "command": "by hand"}}

    edited(lab, "Workflow", "w", by_hand)
    new = {name: {**STEP, "command": "new"} for name in steps}
    found = told(planned(lab, ledger, flow(lab, {"steps": {**new, "s0": STEP}})))
    assert found["changed-outside"] == ("spec.steps.s0.command",)
    assert len(found["manifest-changed"]) == 8


def test_without_digests_of_fields_nobody_is_blamed(lab: Any) -> None:
    ledger = applied(lab, flow(lab))
    owned = {key: replace(each, digests={}) for key, each in ledger.owned.items()}
    action = planned(
        lab, replace(ledger, owned=owned), flow(lab, {"steps": {"s": {**STEP, "command": "x"}}})
    )
    assert told(action) == {"differs": ("spec.steps.s.command",)}


def test_what_is_left_alone_is_no_change_of_the_manifest(lab: Any) -> None:
    kept = {"ignoreChanges": ["spec.steps.s.command"]}
    ledger = applied(lab, flow(lab, lifecycle=kept))

    def by_hand(values: Any) -> None:
        values["spec"]["steps"] = {"s": {**STEP, "command": "by hand", "stepTimeout": 5}}

    edited(lab, "Workflow", "w", by_hand)
    found = told(planned(lab, ledger, flow(lab, lifecycle=kept)))
    assert found == {"changed-outside": ("spec.steps.s.stepTimeout",)}


IMAGE = {"type": "workflow", "buildDetails": {"source": "dockerfile", "dockerfile": "FROM a"}}
TITLED = {"title": "B", "summary": "S"}
SERVICE = {"serviceType": "api", "imageDetails": {"imageId": 1, "versionId": 2}}


def service(lab: Any, **spec: Any) -> Any:
    return lab.manifest("Service", "s", {**SERVICE, **spec})


def test_values_with_digests_of_their_own(lab: Any) -> None:
    env = {"env": {"A": "1", "B": "2"}, "secrets": ["x"]}
    ledger = applied(lab, service(lab, parameters=env))

    def found(wanted: Any, live: Any = env) -> Any:
        edited(lab, "Service", "s", lambda v: v["spec"].update(parameters=live))
        return told(planned(lab, ledger, service(lab, parameters=wanted)))

    at = "spec.parameters.env"
    changed = {"env": {"A": "3", "B": "2"}, "secrets": ["x"]}
    assert found(changed) == {"manifest-changed": (f"{at}.A",)}
    assert found(env, changed) == {"changed-outside": (f"{at}.A",)}
    assert found({**env, "env": {"A": "4", "B": "2"}}, changed) == {
        "manifest-changed": (f"{at}.A",),
        "changed-outside": (f"{at}.A",),
    }
    assert found({**env, "env": {"A": "1", "B": "2", "C": "3"}}) == {
        "manifest-changed": (f"{at}.C",)
    }
    assert found(env, {**env, "env": {"A": "1", "B": "2", "C": "3"}}) == {
        "changed-outside": (f"{at}.C",)
    }
    assert found({**env, "secrets": ["x", "y"]}) == {
        "manifest-changed": ("spec.parameters.secrets.y",)
    }
    assert found(env, {**env, "secrets": ["x", "y"]}) == {
        "changed-outside": ("spec.parameters.secrets.y",)
    }
    nothing = {key: replace(each, digests={}) for key, each in ledger.owned.items()}
    ledger = replace(ledger, owned=nothing)
    assert found(changed) == {"differs": (f"{at}.A",)}


def test_a_value_that_the_platform_fills_in_is_no_change_outside(lab: Any) -> None:
    ledger = applied(lab, service(lab))
    edited(lab, "Service", "s", lambda v: v["spec"].update(resources={"instanceTypeId": 3}))
    wanted = service(lab, resources={"instanceTypeId": 4})
    found = told(planned(lab, ledger, wanted))
    assert found == {"manifest-changed": ("spec.resources.instanceTypeId",)}


def test_notes_of_a_release_have_no_part_in_it(lab: Any) -> None:
    def block(version: str, notes: str) -> Any:
        config = {"steps": {"s": {"imageDetails": {"id": 1, "versionId": 2}, "command": "x"}}}
        spec = {
            "kind": "workflow",
            "config": config,
            "release": {"version": version, "notes": notes},
        }
        return lab.manifest("BlockSpec", "b", spec, TITLED)

    ledger = applied(lab, block("1.0.0", "old"))
    edited(lab, "BlockSpec", "b", lambda v: v["spec"].update(release={"version": "1.0.0"}))
    found = told(planned(lab, ledger, block("1.1.0", "new")))
    assert found == {"manifest-changed": ("spec.release.version",)}


def test_what_was_hidden_when_it_was_applied_has_a_digest_of_its_own(lab: Any) -> None:
    def deployment(**run: Any) -> Any:
        named = {"id": "b", "release": {"version": "1.0.0"}}
        return lab.manifest("Deployment", "d", {"blockSpec": named, "parameters": {"run": run}})

    ledger = applied(lab, deployment(mode="a"))
    (resource,) = lab.resources(deployment(mode="a", more="b")).values()
    change = Change(("spec", "parameters", "run", "more"), MISSING, "b", "patch")
    live = lab.Deployment.things["d"]
    action = Action(
        resource.key,
        Verb.EDIT,
        (Step.PATCH_PARAMETERS,),
        (change,),
        desired=resource.values,
        live=live,
        resource=resource,
    )
    memory = stored_digests(ledger)(live)
    assert memory.places_below(("spec", "parameters")) == [("spec", "parameters", "run", "mode")]
    sides = changed_sides(lab.kinds["Deployment"], action, [change], memory)
    assert sides == {change.path: Side.MANIFEST}


def test_an_empty_text_says_no_more_than_its_absence(lab: Any) -> None:
    ledger = applied(lab, service(lab))
    edited(lab, "Service", "s", lambda v: v["spec"].update(entrypoint=""))
    found = told(planned(lab, ledger, service(lab, entrypoint="run")))
    assert found == {"manifest-changed": ("spec.entrypoint",)}


def test_defaults_say_nothing(lab: Any) -> None:
    ledger = applied(lab, service(lab, minInstances=2))
    assert told(planned(lab, ledger, service(lab))) == {"manifest-changed": ("spec.minInstances",)}
    edited(lab, "Service", "s", lambda v: v["spec"].update(minInstances=1))
    found = told(planned(lab, ledger, service(lab, minInstances=2)))
    assert found == {"changed-outside": ("spec.minInstances",)}


def test_files_of_a_folder(lab: Any) -> None:
    document = lab.manifest("Artifact", "a", {"artifact": {"path": "src"}})
    ledger = applied(lab, document)
    action = planned(lab, ledger, document, digest="sha256:other")
    assert told(action) == {"manifest-changed": ("spec.artifact",)}
    assert action.reasons[0].detail == "src"
    edited(lab, "Artifact", "a", lambda v: v["spec"].update(artifact={"digest": "sha256:theirs"}))
    assert told(planned(lab, ledger, document)) == {"changed-outside": ("spec.artifact",)}


def test_items_of_lists_without_keys(lab: Any) -> None:
    def block(*options: str) -> Any:
        run = [
            {
                "name": "p",
                "type": "string",
                "required": False,
                "options": [{"title": each, "value": each} for each in options],
            }
        ]
        config = {
            "steps": {"s": {"imageDetails": {"name": "a", "version": "1.0.0"}, "command": "x"}}
        }
        return {"kind": "workflow", "config": config, "parameters": {"run": run}}

    lab.Image.put("a", IMAGE)
    lab.Image.pins["a", "1.0.0"] = {"id": 1, "version": 2}
    ledger = applied(lab, lab.manifest("BlockSpec", "b", block("A", "B"), TITLED))
    for options in (("A",), ("A", "B", "C"), ("C", "B")):
        action = planned(lab, ledger, lab.manifest("BlockSpec", "b", block(*options), TITLED))
        assert list(told(action)) == ["manifest-changed"], options


def test_ids_that_are_not_known_yet_leave_no_digests(lab: Any) -> None:
    key = next(iter(lab.resources(flow(lab))))
    unknown = {"metadata": {"name": "w"}, "spec": {"steps": {"s": {"imageId": Unknown(key, "id")}}}}
    (action,) = lab.plan(flow(lab)).plan.actions
    assert field_digests(lab.kinds["Workflow"], action, unknown, Digests("s")) == {}
    found = field_digests(lab.kinds["Workflow"], action, action.desired, Digests("s"))
    assert sorted(found) == ["field:metadata/name", "field:spec/steps"]
    assert all(len(digest) == 10 for digest in found.values())


def test_a_field_is_what_it_was_or_nothing() -> None:
    digests = Digests("s")
    memory = StoredDigests({"field:spec/a": digests.of(1)[:10]}, digests)
    assert memory.has_fields
    assert memory.was_field(("spec", "a"), 1)
    assert not memory.was_field(("spec", "a"), 2)
    assert not memory.was_field(("spec", "a"), MISSING)
    assert memory.was_field(("spec", "b"), MISSING)
    assert not memory.was_field(("spec", "b"), 1)


def test_secrets_and_what_is_out_of_sight_have_no_visible_part() -> None:
    assert visible_part({"a": Secret("x"), "b": [Secret("y"), 1], "c": UNSEEN}) == {"b": [1]}
    assert visible_part([Secret("y")]) is MISSING
