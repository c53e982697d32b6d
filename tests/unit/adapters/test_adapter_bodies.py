"""What goes into a request: what changed, whole, with what the platform alone knows kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peakctl.adapters.deployment import create_body, patch_body, revision_body
from peakctl.adapters.image import autodeploy, build_details
from peakctl.adapters.requests import changed, complete, json_text, put
from peakctl.api.bodies import encode_json
from peakctl.kinds.schemas import load_kinds
from peakctl.model import MISSING, Archive, CallRequest, Change, Key, Live, Path, Secret, Step

Tree = dict[str, Any]
SERVICE = load_kinds()["Service"]
WORKFLOW = load_kinds()["Workflow"]
BLOCK = load_kinds()["BlockSpec"]
SHOWN: Tree = {
    "metadata": {"name": "svc", "title": "T", "description": "D"},
    "spec": {
        "serviceType": "web-app",
        "imageDetails": {"imageId": 1, "versionId": 7},
        "resources": {"instanceTypeId": 43},
        "parameters": {"env": {"A": "1", "B": "2"}, "secrets": ["S"]},
        "sessionStickiness": True,
        "scaleToZero": False,
        "minInstances": 2,
    },
}


def order(
    desired: Tree,
    *changes: tuple[Path, Any],
    live: Tree | None = None,
    step: Step = Step.UPDATE,
    clear: tuple[Path, ...] = (),
    call: str = "update",
) -> CallRequest:
    key = Key("Service", "svc")
    made = tuple(Change(path, None, after, call) for path, after in changes)
    return CallRequest(
        step,
        key,
        desired,
        live=Live(key, "s", SHOWN if live is None else live),
        changes=made,
        clear=clear,
    )


def spec(desired: Tree, *changes: tuple[Path, Any], **more: Any) -> Tree:
    return changed(SERVICE, order({"metadata": {}, "spec": desired}, *changes, **more), "spec")


def test_only_what_changed_is_sent_and_each_map_whole() -> None:
    desired = {
        "imageDetails": {"imageId": 1, "versionId": 8},
        "parameters": {"env": {"A": "1", "B": "3"}, "secrets": ["S"]},
        "minInstances": 2,
    }
    path = ("spec", "parameters", "env", "B")
    assert spec(desired, (path, "3")) == {"parameters": desired["parameters"]}


def test_a_removed_key_is_left_out_of_its_map_and_sent_as_null_when_it_stays() -> None:
    desired = {"parameters": {"env": {"A": "1"}}}
    removals = [
        (("spec", "parameters", "env", "B"), MISSING),
        (("spec", "parameters", "secrets"), MISSING),
    ]
    assert spec(desired, *removals) == {"parameters": {"env": {"A": "1"}}}
    clear = (("spec", "parameters", "env", "B"), ("spec", "parameters", "secrets"))
    assert spec(desired, *removals, clear=clear) == {
        "parameters": {"env": {"A": "1", "B": None}, "secrets": None}
    }


def test_a_removed_map_is_sent_empty_and_a_removed_field_as_null() -> None:
    assert spec({}, (("spec", "parameters", "env", "A"), MISSING)) == {"parameters": {}}
    assert spec({}, (("spec", "entrypoint"), MISSING)) == {"entrypoint": None}
    assert spec({}, clear=(("spec", "entrypoint"),)) == {"entrypoint": None}
    assert spec({}, clear=(("spec", "parameters", "env"),)) == {"parameters": {"env": None}}


def test_a_default_that_is_not_stated_is_said() -> None:
    assert spec({}, (("spec", "minInstances"), 1)) == {"minInstances": 1}
    assert spec({}, (("spec", "sessionStickiness"), False)) == {"sessionStickiness": False}


def test_a_default_below_a_map_that_nothing_shows_is_said() -> None:
    short = {"metadata": {"name": "svc"}, "spec": {}}
    path = ("spec", "resources", "instanceTypeId")
    desired = {"resources": {"storage": "10GB"}}
    assert spec(desired, (path, 43), live=short) == {
        "resources": {"storage": "10GB", "instanceTypeId": 43}
    }


def test_an_explicit_null_is_sent_as_one() -> None:
    desired = {"entrypoint": None}
    assert spec(desired, (("spec", "entrypoint"), None)) == {"entrypoint": None}


def test_changes_of_other_calls_are_not_sent() -> None:
    path = ("spec", "minInstances")
    assert spec({"minInstances": 1}, (path, 1), call="edit") == {}


def test_declared_fields_that_no_read_shows_go_with_every_write() -> None:
    short = {"metadata": {"name": "svc"}, "spec": {"minInstances": 2}}
    desired = {"parameters": {"env": {"A": "1"}}, "minInstances": 2, "entrypoint": "x"}
    assert spec(desired, live=short) == {"parameters": {"env": {"A": "1"}}}
    whole = {"metadata": {"name": "svc", "title": "T"}, "spec": {}}
    assert changed(SERVICE, order(whole, live=short), "metadata") == {"title": "T"}


def test_what_a_create_has_just_sent_does_not_go_again() -> None:
    path = ("spec", "minInstances")
    assert spec({"parameters": {"env": {}}, "minInstances": 2}, (path, 2), live={}) == {
        "minInstances": 2
    }


def test_an_order_without_a_live_resource_sends_its_changes() -> None:
    made = CallRequest(
        Step.UPDATE_METADATA,
        Key("BlockSpec", "b"),
        {"metadata": {"status": "archived"}, "spec": {"kind": "workflow"}},
        changes=(Change(("metadata", "status"), MISSING, "archived", "edit"),),
    )
    assert changed(BLOCK, made, "metadata") == {"status": "archived"}
    assert changed(BLOCK, made, "spec") == {}


def test_what_the_manifest_leaves_to_the_platform_stays_in_its_map() -> None:
    field = SERVICE.root.properties["spec"].properties["imageDetails"]
    live = {"imageId": 1, "versionId": 7}
    assert complete(field, {"imageId": 1}, live) == live
    assert complete(field, {"imageId": 2}, live) == {"imageId": 2}
    assert complete(None, {"a": {"b": 1}}, {"a": {"c": 2}}) == {"a": {"b": 1}}
    assert complete(field, MISSING, live) is MISSING


def test_a_whole_workflow_keeps_what_was_set_elsewhere() -> None:
    desired = {
        "metadata": {"name": "wf"},
        "spec": {"steps": {"one": {"imageId": 1, "command": "new"}}},
    }
    live = {
        "metadata": {"name": "wf", "tags": [{"name": "t"}]},
        "spec": {
            "steps": {
                "one": {
                    "imageId": 1,
                    "imageVersionId": 7,
                    "command": "old",
                    "resources": {"instanceTypeId": 21, "storage": "10GB"},
                },
                "gone": {"imageId": 1, "command": "x"},
            }
        },
    }
    whole = complete(WORKFLOW.root, desired, live)
    step = whole["spec"]["steps"]["one"]
    assert (step["command"], step["imageVersionId"]) == ("new", 7)
    assert step["resources"] == {"instanceTypeId": 21, "storage": "10GB"}
    assert set(whole["spec"]["steps"]) == {"one"}


def test_defaults_that_differ_live_are_said_in_the_branch_that_holds() -> None:
    field = WORKFLOW.root.properties["spec"].properties["steps"].extra
    desired = {"type": "export", "schema": "s", "table": "t", "sortBy": "c"}
    whole = complete(field, desired, {**desired, "sortOrder": "desc", "compression": True})
    assert (whole["sortOrder"], whole["compression"]) == ("asc", False)


@pytest.mark.parametrize(
    ("tree", "path", "made"),
    [
        ({"a": {"b": 1}}, ("a", "b"), {"a": {"b": None}}),
        ({}, ("a", "b"), {"a": {"b": None}}),
        (None, ("a",), {"a": None}),
        ({"a": [{"b": 1}, 2]}, ("a", 0, "b"), {"a": [{"b": None}, 2]}),
        ({"a": [1]}, (), None),
    ],
)
def test_put_copies_what_it_changes(tree: Any, path: Path, made: Any) -> None:
    before = json.dumps(tree)
    assert put(tree, path, None) == made
    assert json.dumps(tree) == before


def test_a_text_of_json_stays_sealed_when_it_holds_a_secret() -> None:
    assert json_text({"a": [1, True]}) == '{"a": [1, true]}'
    sealed = json_text({"a": [{"b": Secret("pass")}]})
    assert isinstance(sealed, Secret)
    assert "pass" not in repr(sealed)
    assert encode_json({"spec": sealed}) == b'{"spec": "{\\"a\\": [{\\"b\\": \\"pass\\"}]}"}'


# --- deployments -----

NAMED: Tree = {"id": "a", "release": {"version": "2.0.0"}}


def deployment(spec: Tree, *changes: tuple[Path, Any], live: Tree | None = None) -> CallRequest:
    made = tuple(Change(path, MISSING, after, "patch") for path, after in changes)
    key = Key("Deployment", "dep")
    desired = {"metadata": {"name": "dep", "status": "x"}, "spec": spec}
    values = {"metadata": {}, "spec": live or {}}
    return CallRequest(Step.PATCH_PARAMETERS, key, desired, Live(key, "d", values), changes=made)


def test_a_revision_is_complete_and_says_what_is_gone() -> None:
    includes = [{"id": "b", "releaseVersion": "1.0.0"}]
    spec = {"appSpec": {**NAMED, "includes": includes}, "revision": {"notes": "n"}}
    live = {"parameters": {"blk": {"run": {"a": 1}}}, "appParameters": {}}
    assert revision_body(deployment(spec, live=live)) == {
        "release": {"version": "2.0.0"},
        "revision": {"notes": "n"},
        "blocksConfig": {"includes": includes},
        "parameters": {},
    }


def test_a_revision_says_what_goes_even_if_no_read_showed_it() -> None:
    named = ("spec", "appSpec", "excludes"), ("spec", "appParameters", "build")
    gone = deployment({"appSpec": NAMED}, *((path, MISSING) for path in named))
    assert revision_body(gone) == {
        "release": {"version": "2.0.0"},
        "blocksConfig": {"excludes": []},
        "appParameters": {},
    }
    block = deployment({"appSpec": NAMED}, (("spec", "parameters", "excludes"), MISSING))
    assert revision_body(block) == {"release": {"version": "2.0.0"}, "parameters": {}}


def test_a_new_deployment_sends_what_the_manifest_states() -> None:
    spec = {"blockSpec": NAMED, "parameters": {"run": {"a": 1}}}
    assert create_body(deployment(spec).desired) == {
        "metadata": {"name": "dep"},
        "spec": NAMED,
        "parameters": {"run": {"a": 1}},
    }


def test_run_values_of_a_block_are_patched_flat() -> None:
    spec = {"blockSpec": NAMED, "parameters": {"run": {"a": 1, "o": {"x": 1, "y": 2}, "c": 3}}}
    run = ("spec", "parameters", "run")
    patched = deployment(spec, ((*run, "a"), 1), ((*run, "o", "x"), 1), ((*run, "gone"), MISSING))
    assert patch_body(patched, "blocks") == {"a": 1, "o": {"x": 1, "y": 2}}
    assert patch_body(deployment(spec, (run, {})), "blocks") == {
        "a": 1,
        "o": {"x": 1, "y": 2},
        "c": 3,
    }
    assert patch_body(deployment({"blockSpec": NAMED}, (run, MISSING)), "blocks") == {}


def test_run_values_of_an_app_are_patched_by_block_and_for_the_whole() -> None:
    spec = {
        "appSpec": NAMED,
        "parameters": {"blk": {"build": {"z": 0}, "run": {"a": 1, "run": 2}}},
        "appParameters": {"run": {"p": 1}, "build": {"q": 2}},
    }
    change = (("spec", "parameters", "blk", "run", "run"), 2)
    app = (("spec", "appParameters", "run", "p"), 1)
    shown = {"appParameters": {"run": {}}}
    patched = deployment(spec, change, app, live=shown)
    assert patch_body(patched, "apps") == {
        "parameters": {"blk": {"run": 2}},
        "appParameters": {"p": 1},
    }
    unseen = deployment(spec, change)
    assert patch_body(unseen, "apps")["appParameters"] == {"p": 1}


# --- images -----


def image(spec: Tree, *, folder: bool) -> CallRequest:
    archive = Archive("sha256:" + "a" * 64, 1, lambda: b"zip")
    archives = {("spec", "artifact"): archive} if folder else {}
    desired = {"metadata": {"name": "img"}, "spec": spec}
    return CallRequest(
        Step.CREATE, Key("Image", "img"), desired, version="1.0.0", archives=archives
    )


def test_an_upload_says_both_paths_and_nothing_else_is_added() -> None:
    assert build_details(image({}, folder=True)) == {
        "source": "upload",
        "context": ".",
        "dockerfilePath": "Dockerfile",
    }
    stated = {"buildDetails": {"dockerfilePath": "x/Dockerfile", "useCache": False}}
    assert build_details(image(stated, folder=True)) == {
        "source": "upload",
        "context": ".",
        "dockerfilePath": "x/Dockerfile",
        "useCache": False,
    }
    assert build_details(image({}, folder=False)) is MISSING


def test_what_is_redeployed_after_a_build_is_named_by_text() -> None:
    entities = [{"entityId": 9, "entityType": "workflow"}]
    (part,) = autodeploy(image({"autodeployResources": entities}, folder=False))
    assert part.json == [{"entityId": "9", "entityType": "workflow"}]
    assert autodeploy(image({"autodeployResources": []}, folder=False)) == []
