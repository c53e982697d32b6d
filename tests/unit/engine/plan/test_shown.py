"""What a plan changes, in the manifest's language: names and versions, never ids."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.names import ByName, Names, VersionId, ask_for_names, sites, written
from peakctl.engine.plan.planner import make_plan
from peakctl.engine.plan.shown import in_order, refused, show_plan
from peakctl.kinds.fields import Absent, Field
from peakctl.model import (
    MISSING,
    UNSEEN,
    Action,
    ActionClass,
    Cause,
    Change,
    Consequence,
    Effect,
    FileChanges,
    Key,
    Listed,
    Plan,
    Reason,
    Secret,
    Verb,
    VersionNames,
)

SMALL, MEDIUM = "Small (1CPU, 2GB RAM)", "Medium (2CPU, 8GB RAM)"
TYPES = (
    Listed(46, SMALL, {"scope": "api-deployment"}, ours=False),
    Listed(47, MEDIUM, {"scope": "api-deployment"}, ours=False),
    Listed(47, "Other", {"scope": "workflow"}, ours=False),
    Listed(21, "Pico", {"scope": "workflow"}, ours=False),
)


def sides(lab: Any, kind: str, name: str, spec: Any, *others: Any) -> dict[str, tuple[Any, Any]]:
    """Path -> before and after of what the plan shows of one resource."""
    told = {"summary": "About it"} if kind.endswith("Spec") else {}
    action = lab.shown(lab.manifest(kind, name, spec, told), *others)[Key(kind, name)]
    return {each.path: (each.before, each.after) for each in action.shown}


def image(lab: Any, name: str = "forecast", *, version: str = "0.0.1", id_: int = 7) -> None:
    """A live image with one version, which the listing shows."""
    spec = {"type": "workflow", "version": version, "buildDetails": BUILD}
    found = {"id": id_, "version": id_ * 10}
    lab.Image.put(name, spec, id=id_, version=version, latest=version, attributes=found)
    lab.Image.pins[name, None] = {**found, "number": version}
    lab.Image.pins[name, version] = {**found, "number": version}


BUILD = {"source": "dockerfile", "dockerfile": "FROM a"}


def new_image(lab: Any, name: str = "forecast") -> Any:
    build = {"source": "dockerfile", "dockerfile": "FROM b"}
    return lab.manifest("Image", name, {"type": "workflow", "buildDetails": build})


def test_the_version_that_a_run_makes_is_shown_by_its_number(lab: Any) -> None:
    image(lab)
    lab.Service.put("api", {"serviceType": "api", "imageDetails": {"imageId": 7, "versionId": 70}})
    spec = {"serviceType": "api", "imageDetails": {"name": "forecast"}}
    found = sides(lab, "Service", "api", spec, new_image(lab))
    assert found == {
        "spec.imageDetails": (
            {"name": "forecast", "version": "0.0.1"},
            {"name": "forecast", "version": "0.0.2"},
        )
    }


def test_equal_changes_of_steps_share_a_line(lab: Any) -> None:
    image(lab)
    live = {"imageId": 7, "imageVersionId": 70, "command": "run"}
    lab.Workflow.put("w", {"steps": {"alert": live, "train": live, "other": live}})
    step = {"imageDetails": {"name": "forecast"}, "command": "run"}
    spec = {"steps": {"alert": step, "train": step, "other": {**step, "command": "go"}}}
    action = lab.shown(lab.manifest("Workflow", "w", spec), new_image(lab))[Key("Workflow", "w")]
    assert [each.path for each in action.shown] == [
        "spec.steps.{alert,other,train}.imageDetails",
        "spec.steps.other.command",
    ]
    assert action.shown[0].paths == (
        "spec.steps.alert.imageDetails",
        "spec.steps.other.imageDetails",
        "spec.steps.train.imageDetails",
    )
    assert [change.path[-1] for change in action.shown[0].wire] == ["imageVersionId"] * 3


def test_an_instance_type_goes_by_its_name_in_its_scope(lab: Any) -> None:
    lab.InstanceType.listed = TYPES
    image(lab)
    named = {"imageDetails": {"imageId": 7, "versionId": 70}, "serviceType": "api"}
    lab.Service.put("api", {**named, "resources": {"instanceTypeId": 46}})
    spec = {**named, "resources": {"instanceType": MEDIUM}}
    assert sides(lab, "Service", "api", spec) == {"spec.resources.instanceType": (SMALL, MEDIUM)}


def test_an_older_live_version_costs_one_request_for_its_image(lab: Any) -> None:
    image(lab, version="0.0.9")
    lab.Image.named["7"] = VersionNames("forecast", {"60": "0.0.5", "61": "0.0.6"})
    step = {"command": "run", "imageId": 7}
    lab.Workflow.put(
        "w",
        {"steps": {"a": {**step, "imageVersionId": 60}, "b": {**step, "imageVersionId": 61}}},
    )
    wanted = {"imageDetails": {"name": "forecast"}, "command": "run"}
    found = sides(lab, "Workflow", "w", {"steps": {"a": wanted, "b": wanted}})
    after = {"name": "forecast", "version": "0.0.9"}
    assert found == {
        "spec.steps.a.imageDetails": ({"name": "forecast", "version": "0.0.5"}, after),
        "spec.steps.b.imageDetails": ({"name": "forecast", "version": "0.0.6"}, after),
    }
    assert [each for each in lab.Image.asked if each.startswith("name")] == ["name 7 60,61"]


@pytest.mark.parametrize("fault", [False, True])
def test_what_nothing_names_says_so(lab: Any, fault: bool) -> None:
    image(lab)
    if fault:
        lab.Image.faults.append(lab.fault(None, lab.problem(500)))
    lab.Service.put("api", {"serviceType": "api", "imageDetails": {"imageId": 3, "versionId": 4}})
    spec = {"serviceType": "api", "imageDetails": {"name": "forecast"}}
    assert sides(lab, "Service", "api", spec)["spec.imageDetails"][0] == {
        "name": "id 3 (name not known)",
        "version": "id 4 (number not known)",
    }


def test_a_plan_without_changes_asks_for_no_name(lab: Any) -> None:
    image(lab)
    lab.Service.put("api", {"serviceType": "api", "imageDetails": {"imageId": 7, "versionId": 70}})
    spec = {"serviceType": "api", "imageDetails": {"name": "forecast"}}
    assert sides(lab, "Service", "api", spec) == {}
    assert not [each for each in lab.Image.asked if each.startswith("name")]


def test_an_added_step_has_names_and_lists(lab: Any) -> None:
    lab.InstanceType.listed = TYPES
    image(lab)
    step = {"command": "run", "imageId": 7, "imageVersionId": 70}
    lab.Workflow.put("w", {"steps": {"a": step}})
    size = {"instanceType": "Pico", "storage": "10GB"}
    named = {"imageDetails": {"name": "forecast"}, "command": "run"}
    spec = {"steps": {"a": named, "b": {**named, "parents": ["a"], "resources": size}}}
    assert sides(lab, "Workflow", "w", spec) == {
        "spec.steps.b": (
            MISSING,
            {
                "command": "run",
                "imageDetails": {"name": "forecast", "version": "0.0.1"},
                "parents": ["a"],
                "resources": {"storage": "10GB", "instanceType": "Pico"},
            },
        )
    }


def test_items_of_a_set_are_one_change_of_the_list(lab: Any) -> None:
    step = {"command": "run", "imageId": 7, "imageVersionId": 70}
    first = {"a": step, "b": step}
    lab.Workflow.put("w", {"steps": {**first, "c": {**step, "parents": ["a", "d"]}, "d": step}})
    spec = {"steps": {**first, "c": {**step, "parents": ["b", "a"]}, "d": step}}
    assert sides(lab, "Workflow", "w", spec) == {
        "spec.steps.c.parents": (["a", "d"], ["b", "a"]),
    }


RUN = {"command": "run", "imageId": 7, "imageVersionId": 70}


def crons(lab: Any, live: list[str], wanted: list[str], **more: Any) -> list[Any]:
    """What is shown of triggers that are replaced by others."""
    lab.Workflow.put("w", {"steps": {"a": RUN}, "triggers": [{"cron": each} for each in live]})
    triggers = [*({"cron": each} for each in wanted), *more.get("also", ())]
    written = lab.manifest("Workflow", "w", {"steps": {"a": RUN}, "triggers": triggers})
    shown = lab.shown(written)[Key("Workflow", "w")].shown
    return [(each.path, each.paths, each.before, each.after) for each in shown]


OLD, NEW = 'spec.triggers."0 2 * * *"', 'spec.triggers."0 4 * * *"'


def test_an_item_that_is_its_key_alone_and_another_instead_are_one_edit(lab: Any) -> None:
    ((path, paths, before, after),) = crons(lab, ["0 2 * * *"], ["0 4 * * *"])
    assert (path, paths) == ("spec.triggers", (OLD, NEW))
    assert (before, after) == ({"cron": "0 2 * * *"}, {"cron": "0 4 * * *"})


def test_several_items_that_are_their_keys_stay_apart_under_their_list(lab: Any) -> None:
    found = crons(lab, ["0 2 * * *"], ["0 4 * * *", "0 5 * * *"], also=[{"webhook": True}])
    assert [(path, before, after) for path, _, before, after in found] == [
        ("spec.triggers", {"cron": "0 2 * * *"}, MISSING),
        ("spec.triggers", MISSING, {"cron": "0 4 * * *"}),
        ("spec.triggers", MISSING, {"cron": "0 5 * * *"}),
        ("spec.triggers", MISSING, {"webhook": True}),
    ]


def test_equal_items_of_a_list_are_told_once(lab: Any) -> None:
    found = crons(lab, ["0 2 * * *"], ["0 2 * * *", "0 4 * * *", "0 4 * * *"])
    assert {(path, str(after)) for path, _, _, after in found} == {
        ("spec.triggers", "{'cron': '0 4 * * *'}")
    }


def test_what_two_have_changed_is_not_one_edit(lab: Any) -> None:
    lab.Workflow.put("w", {"steps": {"a": RUN}, "triggers": [{"cron": "0 2 * * *"}]})
    spec = {"steps": {"a": RUN}, "triggers": [{"cron": "0 4 * * *"}]}
    resources = lab.resources(lab.manifest("Workflow", "w", spec))
    world = lab.observe(resources)
    (action,) = make_plan(resources, world, lab.kinds).plan.actions
    causes = (Cause.MANIFEST_CHANGED, NEW), (Cause.CHANGED_OUTSIDE, OLD)
    reasons = tuple(Reason(cause, paths=(path,)) for cause, path in causes)
    plan = Plan((replace(action, reasons=reasons),))
    (found,) = show_plan(plan, lab.kinds, Names(plan.actions, world, lab.kinds, {})).actions
    assert [(each.before is MISSING, each.after is MISSING) for each in found.shown] == [
        (False, True),
        (True, False),
    ]


def test_an_item_that_says_more_than_its_key_has_the_key_in_its_path(lab: Any) -> None:
    watcher = {"user": "ana@example.com", "events": {"fail": True}}
    lab.Workflow.put("w", {"steps": {"a": RUN}})
    found = sides(lab, "Workflow", "w", {"steps": {"a": RUN}, "watchers": [watcher]})
    assert list(found) == ['spec.watchers."ana@example.com"']


def test_blocks_of_an_app_go_by_their_names(lab: Any) -> None:
    lab.BlockSpec.listed = (Listed("b1", "loader"), Listed("b2", "model"))
    lab.BlockSpec.pins["loader", "1.0.2"] = {"id": "b1", "version": "1.0.2"}
    live = {"id": "b1", "release": {"version": "1.0.1"}, "autoRunOnDeploy": True}
    old = {"id": "b2", "release": {"version": "3.0.0"}, "autoRunOnDeploy": True}
    spec = {"scope": "private", "config": [live, old]}
    lab.AppSpec.put("app", spec, {"summary": "About it"}, version="1.0.0")
    wanted = {"name": "loader", "release": "1.0.2", "autoRunOnDeploy": True}
    found = sides(lab, "AppSpec", "app", {"scope": "private", "config": [wanted]})
    assert found["spec.config.loader"] == (
        {"name": "loader", "release": "1.0.1"},
        {"name": "loader", "release": "1.0.2"},
    )
    assert found["spec.config.model"] == (
        {"name": "model", "release": "3.0.0", "autoRunOnDeploy": True},
        MISSING,
    )


# --- every reference form of every kind, in both directions --------------------------------------

FIRST, SECOND = {"name": "forecast", "version": "0.0.1"}, {"name": "price", "version": "1.0.0"}
LOADER, MODEL = {"name": "loader", "release": "1.0.0"}, {"name": "model", "release": "2.0.0"}
RETAIL, BANK = {"name": "retail", "release": "1.0.0"}, {"name": "bank", "release": "3.1.0"}
STORAGE = {"storage": "10GB"}


def at(path: str, value: Any, **beside: Any) -> Any:
    """`{"a": {"b": value}}` of `a.b`, with `beside` in the innermost map."""
    first, _, rest = path.partition(".")
    return {first: at(rest, value, **beside)} if rest else {first: value, **beside}


ROWS = {
    "workflow-image": ("Workflow", "steps.s.imageDetails", FIRST, SECOND, {"command": "run"}, {}),
    "workflow-type": (
        "Workflow",
        "steps.s.resources.instanceType",
        "Pico",
        "Nano",
        STORAGE,
        {"steps": {"s": {"command": "run", "imageDetails": FIRST}}},
    ),
    "service-image": ("Service", "imageDetails", FIRST, SECOND, {"serviceType": "api"}, {}),
    "service-type": (
        "Service",
        "resources.instanceType",
        SMALL,
        MEDIUM,
        {},
        {"serviceType": "api", "imageDetails": FIRST},
    ),
    "webapp-image": ("Webapp", "imageDetails", FIRST, SECOND, {}, {}),
    "webapp-type": (
        "Webapp",
        "resources.instanceType",
        "Web Small",
        "Web Large",
        {},
        {"imageDetails": FIRST},
    ),
    "block-step": (
        "BlockSpec",
        "config.steps.s.imageDetails",
        FIRST,
        SECOND,
        {"command": "run"},
        {"kind": "workflow", "scope": "private"},
    ),
    "block-step-type": (
        "BlockSpec",
        "config.steps.s.resources.instanceType",
        "Pico",
        "Nano",
        STORAGE,
        {
            "kind": "workflow",
            "scope": "private",
            "config": {"steps": {"s": {"command": "run", "imageDetails": FIRST}}},
        },
    ),
    "block-service": (
        "BlockSpec",
        "config.imageDetails",
        FIRST,
        SECOND,
        {"serviceType": "api"},
        {"kind": "service", "scope": "private"},
    ),
    "block-service-type": (
        "BlockSpec",
        "config.resources.instanceType",
        SMALL,
        MEDIUM,
        {},
        {
            "kind": "service",
            "scope": "private",
            "config": {"serviceType": "api", "imageDetails": FIRST},
        },
    ),
    "block-web-type": (
        "BlockSpec",
        "config.resources.instanceType",
        "Web Small",
        "Web Large",
        {},
        {
            "kind": "service",
            "scope": "private",
            "config": {"serviceType": "web-app", "imageDetails": FIRST},
        },
    ),
    "deployed-block": (
        "Deployment",
        "blockSpec",
        LOADER,
        {"name": "loader", "release": "1.0.5"},
        {},
        {},
    ),
    "deployed-app": (
        "Deployment",
        "appSpec",
        RETAIL,
        {"name": "retail", "release": "1.0.5"},
        {},
        {},
    ),
}


def tenant(lab: Any) -> None:
    """A tenant with two of everything that can be referred to."""
    scopes = {
        "api-deployment": {46: SMALL, 47: MEDIUM},
        "workflow": {46: "Pico", 47: "Nano"},
        "webapp": {46: "Web Small", 47: "Web Large"},
    }
    lab.InstanceType.listed = tuple(
        Listed(id_, name, {"scope": scope}, ours=False)
        for scope, types in scopes.items()
        for id_, name in types.items()
    )
    for types in scopes.values():
        lab.InstanceType.pins |= {(name, None): {"id": id_} for id_, name in types.items()}
    image(lab)
    image(lab, "price", version="1.0.0", id_=8)
    lab.Image.named["7"] = VersionNames("forecast", {"70": "0.0.1"})
    lab.Image.named["8"] = VersionNames("price", {"80": "1.0.0"})
    for kind, specs in {"BlockSpec": (LOADER, MODEL), "AppSpec": (RETAIL, BANK)}.items():
        lab[kind].listed = tuple(Listed(f"{s['name']}-id", s["name"]) for s in specs)
        for spec in specs:
            for release in (spec["release"], "1.0.5"):
                found = {"id": f"{spec['name']}-id", "version": release}
                lab[kind].pins[spec["name"], release] = found


def merged(one: Any, two: Any) -> Any:
    if isinstance(one, dict) and isinstance(two, dict):
        return {k: merged(one.get(k, two.get(k)), two.get(k, one.get(k))) for k in {**one, **two}}
    return two


@pytest.mark.parametrize("turned", [False, True], ids=["forth", "back"])
@pytest.mark.parametrize("row", ROWS)
def test_a_reference_is_shown_by_name_on_both_sides(lab: Any, row: str, turned: bool) -> None:
    kind, path, first, second, beside, rest = ROWS[row]
    one, two = (second, first) if turned else (first, second)
    tenant(lab)
    live, wanted = (merged(rest, at(path, side, **beside)) for side in (one, two))
    told = {"summary": "About it"} if kind in ("BlockSpec", "Deployment") else {}
    if kind == "BlockSpec":
        lab.BlockSpec.listed = None
    made = lab.shown(lab.manifest(kind, "x", live, told))[Key(kind, "x")]
    lab[kind].put("x", made.desired["spec"], told, version="1.0.0")
    action = lab.shown(lab.manifest(kind, "x", wanted, told))[Key(kind, "x")]
    assert [(each.path, each.before, each.after) for each in action.shown] == [
        (f"spec.{path}", one, two)
    ]
    assert action.shown[0].reference


# --- what else a change may be ------------------------------------------------------------------


def test_blocks_that_a_deployment_leaves_out_go_by_their_names(lab: Any) -> None:
    tenant(lab)
    about = {"summary": "About it"}
    app = {**RETAIL, "excludes": [LOADER, MODEL]}
    made = lab.shown(lab.manifest("Deployment", "x", {"appSpec": app}, about))
    (action,) = made.values()
    assert {each.path: each.after for each in action.shown} == {
        "metadata.summary": "About it",
        "spec.appSpec": app,
    }
    assert not action.shown[1].reference
    live = {**action.desired["spec"]["appSpec"], "excludes": [{"id": "loader-id"}, {"id": "gone"}]}
    lab.Deployment.put("x", {"appSpec": live}, about)
    found = sides(lab, "Deployment", "x", {"appSpec": app})
    assert found == {
        "spec.appSpec.excludes.gone": ({"name": "id gone (name not known)"}, MISSING),
        "spec.appSpec.excludes.loader": ({"name": "loader"}, LOADER),
        "spec.appSpec.excludes.model": (MISSING, MODEL),
    }


def test_what_a_build_redeploys_goes_by_kind_and_name(lab: Any) -> None:
    lab.Workflow.put("w", id=5)
    named = [{"kind": "Workflow", "name": "w"}, {"kind": "Service", "name": "not there"}]
    spec = {"type": "api", "buildDetails": BUILD, "autodeployResources": named}
    found = sides(lab, "Image", "i", spec)
    assert found["spec.autodeployResources"] == (MISSING, named[:1])


def test_ids_that_a_manifest_gives_are_told_by_name_where_it_has_them(lab: Any) -> None:
    tenant(lab)
    step = {"command": "run", "resources": {"instanceTypeId": 46, "storage": "10GB"}}
    other = lab.manifest("Workflow", "v", {"steps": {"s": {"command": "x", "imageDetails": FIRST}}})
    lab.Workflow.put("w", {"steps": {"s": {**step, "imageId": 7, "imageVersionId": 70}}})
    wanted = {"command": "run", "resources": {"instanceTypeId": 47, "storage": "10GB"}}
    spec = {"steps": {"s": {**wanted, "imageId": 8, "imageVersionId": 80}}}
    assert sides(lab, "Workflow", "w", spec, other) == {
        "spec.steps.s.imageId": (FIRST, SECOND),
        "spec.steps.s.resources.instanceTypeId": (
            "id 46 (name not known)",
            "id 47 (name not known)",
        ),
    }


def test_what_nothing_names_stays_as_a_manifest_may_write_it(lab: Any) -> None:
    step = {"command": "run", "imageId": 3, "imageVersionId": 4}
    lab.Workflow.put("w", {"steps": {"a": {**step}}})
    found = sides(lab, "Workflow", "w", {"steps": {"a": step, "b": step}})
    assert found == {"spec.steps.b": (MISSING, step)}


def test_a_parameter_in_the_place_of_an_id_is_told_as_it_is(lab: Any) -> None:
    config = {"steps": {"s": {"command": "run", "imageDetails": {"id": 3, "versionId": 4}}}}
    old = {"kind": "workflow", "scope": "private", "config": config}
    lab.BlockSpec.put("x", old, {"summary": "About it"}, version="1.0.0")
    ids = {"id": "@param:image", "versionId": "@param:version"}
    new = {
        **old,
        "config": {"steps": {"s": {"command": "run", "imageDetails": ids}}},
        "parameters": {
            "build": [
                {"name": name, "type": "number", "required": True, "title": name}
                for name in ("image", "version")
            ]
        },
    }
    assert sides(lab, "BlockSpec", "x", new)["spec.config.steps.s.imageDetails"] == (
        {"name": "id 3 (name not known)", "version": "id 4 (number not known)"},
        {"name": "@param:image", "version": "@param:version"},
    )


def test_two_things_of_one_name_have_their_ids_beside_it(lab: Any) -> None:
    tenant(lab)
    lab.Image.named["3"] = VersionNames("forecast", {"4": "0.0.1"})
    lab.Service.put("api", {"serviceType": "api", "imageDetails": {"imageId": 3, "versionId": 4}})
    found = sides(lab, "Service", "api", {"serviceType": "api", "imageDetails": FIRST})
    assert found["spec.imageDetails"] == (
        {"name": "forecast (id 3)", "version": "0.0.1"},
        {"name": "forecast (id 7)", "version": "0.0.1"},
    )


def test_many_places_are_counted(lab: Any) -> None:
    image(lab)
    live = {"imageId": 7, "imageVersionId": 70, "command": "run"}
    lab.Workflow.put("w", {"steps": {f"s{n}": live for n in range(12)}})
    step = {"imageDetails": {"name": "forecast"}, "command": "go"}
    spec = {"steps": {f"s{n}": step for n in range(12)}}
    (path,) = sides(lab, "Workflow", "w", spec)
    assert path == "spec.steps.{s0,s1,s10,s11,s2,s3,s4,… 5 more}.command"


def test_secrets_stay_secret_and_do_not_share_a_line(lab: Any) -> None:
    step = {"command": "run", "imageId": 3}
    lab.Workflow.put("w", {"steps": {n: {**step, "parameters": {"env": {}}} for n in "ab"}})
    secret = {**step, "parameters": {"env": {"K": Secret("hush")}}}
    action = lab.shown(lab.manifest("Workflow", "w", {"steps": {"a": secret, "b": secret}}))
    shown = action[Key("Workflow", "w")].shown
    assert [each.path for each in shown] == [
        "spec.steps.a.parameters.env.K",
        "spec.steps.b.parameters.env.K",
    ]
    assert all(each.sensitive for each in shown)
    assert "hush" not in repr(shown)


def test_an_id_that_is_a_secret_is_not_named(lab: Any) -> None:
    tenant(lab)
    lab.Service.put("api", {"serviceType": "api", "imageDetails": {"imageId": 7, "versionId": 70}})
    spec = {"serviceType": "api", "imageDetails": {"imageId": Secret(8), "versionId": 70}}
    action = lab.shown(lab.manifest("Service", "api", spec))[Key("Service", "api")]
    (shown,) = action.shown
    assert (shown.path, shown.sensitive, shown.after) == (
        "spec.imageDetails.imageId",
        True,
        Secret(8),
    )


def test_ignored_paths_are_those_of_the_manifest(lab: Any) -> None:
    tenant(lab)
    about = {"summary": "About it"}
    lab.AppSpec.listed = None
    item = {"id": "loader-id", "release": {"version": "0.9.0"}}
    lab.AppSpec.put("app", {"scope": "private", "config": [item]}, about, version="1.0.0")
    ours = {"name": "loader", "release": "1.0.0"}
    spec = {"scope": "private", "config": [ours]}
    ignored = {"ignoreChanges": ["spec.config"]}
    action = lab.shown(lab.manifest("AppSpec", "app", spec, about, lifecycle=ignored))
    skipped = action[Key("AppSpec", "app")].skipped
    assert [each.shown for each in skipped] == ["spec.config.loader"]


def test_what_is_made_along_goes_by_its_name(lab: Any) -> None:
    lab.Workflow.put("w", id=5)
    named = [{"kind": "Service", "name": "s"}]
    build = {"type": "api", "buildDetails": BUILD, "autodeployResources": named}
    fed = lab.manifest("Image", "i", build, dependsOn=["Service/s"])
    service = {"serviceType": "api", "imageDetails": {"name": "forecast"}}
    action = lab.shown(fed, new_image(lab), lab.manifest("Service", "s", service))
    found = {k.name: {each.path: each.after for each in a.shown} for k, a in action.items()}
    assert found["i"]["spec.autodeployResources"] == named
    assert found["s"]["spec.imageDetails"] == FIRST


def test_machines_of_one_name_have_their_ids_beside_it(lab: Any) -> None:
    tenant(lab)
    again = Listed(48, SMALL, {"scope": "api-deployment"}, ours=False)
    lab.InstanceType.listed += (again,)
    lab.InstanceType.pins[SMALL, None] = {"id": 48}
    lab.InstanceType.listed = tuple(e for e in lab.InstanceType.listed if e.id != 46)
    image_ = {"imageId": 7, "versionId": 70}
    live = {"serviceType": "api", "imageDetails": image_, "resources": {"instanceTypeId": 46}}
    lab.Service.put("api", live)
    lab.InstanceType.listed += (Listed(46, SMALL, {"scope": "workflow"}, ours=False),)
    spec = {"serviceType": "api", "imageDetails": FIRST, "resources": {"instanceType": SMALL}}
    assert sides(lab, "Service", "api", spec) == {
        "spec.resources.instanceType": (f"{SMALL} (id 46)", f"{SMALL} (id 48)")
    }


def test_files_are_told_by_their_folder(lab: Any) -> None:
    source = {"artifact": {"path": "data", "ignore_files": [".ignore"]}}
    assert sides(lab, "Artifact", "a", source)["spec.artifact"] == (
        MISSING,
        {"path": "data", "ignore_files": [".ignore"], "files": 1},
    )
    lab.Artifact.put("a", {"artifact": {"digest": "sha256:old"}})
    assert sides(lab, "Artifact", "a", source)["spec.artifact"] == ("sha256:old", "sha256:new")


@pytest.mark.parametrize("value", [[1, {"imageId": 7}], {"imageId": 7, "list": [1]}])
def test_free_values_are_shown_as_they_are(lab: Any, value: Any) -> None:
    tenant(lab)
    names = Names((), LiveState({"Image": (Listed(7, "forecast"),)}), lab.kinds, {})
    assert ByName(names, {}).tree(Field(frozenset(), Absent.CLEAR), value) == value


def test_a_change_that_no_field_describes_is_shown_as_it_is(lab: Any) -> None:
    change = Change(("spec", "nothing", "x"), {"imageId": 1}, 2, "")
    action = Action(Key("Service", "s"), Verb.EDIT, changes=(change,))
    names = Names((), LiveState(), lab.kinds, {})
    (shown,) = show_plan(Plan((action,)), lab.kinds, names).actions[0].shown
    assert (shown.path, shown.before, shown.after) == ("spec.nothing.x", {"imageId": 1}, 2)


def test_what_no_read_shows_of_a_reference_says_so(lab: Any) -> None:
    names = Names((), LiveState({"AppSpec": (Listed("a", "app"),)}), lab.kinds, {})
    field = lab.kinds["Deployment"].root.properties["spec"].properties["appSpec"]
    site, *_ = sites(field)
    assert written(site, names, UNSEEN, MISSING, sure=False) is UNSEEN
    assert written(site, names, MISSING, MISSING, sure=False) is MISSING
    assert written(site, names, "a", UNSEEN, sure=False) == {
        "name": "app",
        "release": "(not shown)",
    }
    long = replace(field.properties["release"], short_for="")
    other = replace(site, field=replace(field, properties={"release": long}))
    assert written(other, names, "a", "1.0.0", sure=True) == {
        "name": "app",
        "release": {"version": "1.0.0"},
    }


def test_numbers_come_from_whatever_tells_them(lab: Any) -> None:
    listed = (Listed(1, "a", numbers={"10": "0.0.1"}), Listed(2, "b"))
    pins = {
        ("Image", "b", None, None): {"id": 2, "version": 20, "number": "0.0.2"},
        ("Image", "c", None, None): None,
        ("Image", "d", None, None): {"id": 4, "version": 40},
    }
    told = {("Image", "3"): VersionNames(None, {"30": "0.0.3"})}
    names = Names((), LiveState({"Image": listed}, pins=pins), lab.kinds, told, str.upper)
    found = [names.number(("Image",), id_, id_ * 10) for id_ in (1, 2, 3, 4)]
    assert found == ["0.0.1", "0.0.2", "0.0.3", None]
    assert [names.name(("Image",), id_) for id_ in (1, 3)] == ["A", None]
    assert names.kind(("Service", "Image"), 2) == "Image"
    assert names.missing == {("Image", "4", "40")}
    assert not names.have_ids(["Nothing"])


def test_an_error_of_our_own_is_not_taken_for_a_missing_name(lab: Any) -> None:
    lab.Image.faults.append(lab.fault(None, RuntimeError("ours")))
    with pytest.raises(RuntimeError, match="ours"):
        asyncio.run(ask_for_names([VersionId("Image", "3", "4")], lab.shelves, {}))


def test_what_was_asked_for_is_not_asked_for_again(lab: Any) -> None:
    told = {("Image", "3"): VersionNames("a")}
    found = asyncio.run(ask_for_names([VersionId("Image", "3", "4")], lab.shelves, told))
    assert (found, lab.Image.asked) == (told, [])


def test_a_refused_reference_is_told_by_name(lab: Any) -> None:
    tenant(lab)
    lab.Deployment.put(
        "d", {"blockSpec": {"id": "loader-id", "release": {"version": "1.0.0"}}}, {"summary": "s"}
    )
    named = {"name": "model", "release": "2.0.0"}
    found = lab.plan(lab.manifest("Deployment", "d", {"blockSpec": named}, {"summary": "s"}))
    (problem,) = found.diagnostics
    assert problem.code == "plan/immutable"
    assert problem.path == ("spec", "blockSpec")
    assert problem.detail.startswith("live: loader 1.0.0, manifest: model 2.0.0; ")


def test_words_of_what_is_refused_are_those_of_the_manifest(lab: Any) -> None:
    tenant(lab)
    changes = (
        Change(("spec", "imageDetails", "imageId"), MISSING, 7, "", immutable="no"),
        Change(("spec", "imageDetails", "versionId"), 1, 2, ""),
        Change(("spec", "serviceType"), "api", "shiny", "", immutable="no"),
        Change(("spec", "imageDetails", "imageId"), 1, 2, "", sensitive=True, immutable="no"),
    )
    action = Action(Key("Service", "s"), Verb.KEEP)
    names = Names((), LiveState({"Image": (Listed(7, "forecast"),)}), lab.kinds, {})
    found = refused(changes, action, lab.kinds["Service"], names)
    assert (found[0].path, found[0].after) == (("spec", "imageDetails"), "forecast")
    assert found[0].before is MISSING
    assert found[2:] == changes[2:]


def test_a_number_that_is_reused_names_the_fields_of_the_manifest(lab: Any) -> None:
    tenant(lab)
    lab.AppSpec.listed = None
    item = {"id": "loader-id", "release": {"version": "0.9.0"}}
    about, old = {"summary": "About it"}, {"scope": "private", "config": [item]}
    number = {"release": {"version": "1.0.0"}}
    lab.AppSpec.put("app", {**old, **number}, about, version="1.0.0")
    spec = {"scope": "private", "config": [LOADER], "release": {"version": "1.0.0"}}
    (problem,) = lab.plan(lab.manifest("AppSpec", "app", spec, about)).diagnostics
    assert problem.code == "plan/version-reused"
    assert problem.detail == "these fields differ: spec.config.loader"


def test_reasons_name_the_fields_of_the_manifest(lab: Any) -> None:
    tenant(lab)
    lab.AppSpec.listed = None
    item = {"id": "loader-id", "release": {"version": "0.9.0"}}
    about = {"summary": "About it"}
    lab.AppSpec.put("app", {"scope": "private", "config": [item]}, about, version="1.0.0")
    spec = {"scope": "private", "config": [LOADER]}
    action = lab.shown(lab.manifest("AppSpec", "app", spec, about))[Key("AppSpec", "app")]
    assert [path for each in action.reasons for path in each.paths] == ["spec.config.loader"]


def test_a_key_that_stands_twice_keeps_its_number(lab: Any) -> None:
    names = Names((), LiveState({"BlockSpec": (Listed("b1", "loader"),)}), lab.kinds, {})
    item = {"id": "b1", "release": {"version": "1.0.0"}}
    change = Change(("spec", "config", "b1 (2)"), MISSING, item, "release")
    action = Action(Key("AppSpec", "a"), Verb.RELEASE, changes=(change,))
    (shown,) = show_plan(Plan((action,)), lab.kinds, names).actions[0].shown
    assert (shown.path, shown.after) == ('spec.config."loader (2)"', LOADER)


def test_keys_stand_in_the_order_of_the_manifest() -> None:
    value = {"b": {"y": 1, "x": 2}, "a": [{"q": 1, "p": 2}], "c": [1]}
    like = {"a": [{"p": 0, "q": 0}], "b": {"x": 0, "y": 0}, "c": [1, 2]}
    found = in_order(value, like)
    assert found == value
    assert list(found) == ["a", "b", "c"]
    assert (list(found["b"]), list(found["a"][0])) == (["x", "y"], ["p", "q"])


def test_the_order_of_a_deep_tree_takes_one_look_at_each_level() -> None:
    value: Any = "leaf"
    for _ in range(60):  # two looks a level would never end
        value = {"a": value, "b": 1}
    assert in_order(value, value) == value


def test_an_action_that_was_shown_before_is_shown_as_it_was(lab: Any) -> None:
    resources = lab.resources(lab.manifest("Workflow", "w", {"steps": {"a": RUN}}))
    world = lab.observe(resources)
    plan = make_plan(resources, world, lab.kinds).plan
    names = Names(plan.actions, world, lab.kinds, {})
    first = show_plan(plan, lab.kinds, names)
    known = {
        each.key: (each, replace(first.actions[0], notes=("before",))) for each in plan.actions
    }
    assert show_plan(plan, lab.kinds, names, known=known).actions[0].notes == ("before",)
    other = Plan(tuple(replace(each, notes=("now",)) for each in plan.actions))
    assert show_plan(other, lab.kinds, names, known=known).actions[0].notes == ("now",)


@pytest.mark.parametrize(
    "told",
    [
        {"reasons": (Reason(Cause.DELETED_OUTSIDE),)},
        {"consequences": (Consequence(Effect.FOLLOWED, (Key("Workflow", "x"),)),)},
        {"files": FileChanges(added=("a.py",))},
        {"classes": (ActionClass.EDIT,)},
    ],
    ids=lambda told: next(iter(told)),
)
def test_what_readers_are_told_of_an_action_is_that_of_the_last_look(lab: Any, told: Any) -> None:
    resources = lab.resources(lab.manifest("Workflow", "w", {"steps": {"a": RUN}}))
    world = lab.observe(resources)
    (before,) = make_plan(resources, world, lab.kinds).plan.actions
    names = Names((before,), world, lab.kinds, {})
    known = {before.key: (before, show_plan(Plan((before,)), lab.kinds, names).actions[0])}
    now = replace(before, **told)
    assert now == before
    (shown,) = show_plan(Plan((now,)), lab.kinds, names, known=known).actions
    assert all(getattr(shown, word) == value for word, value in told.items())
