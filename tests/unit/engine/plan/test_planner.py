"""The step table (design, section 4), row by row, and what a plan refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peakctl.engine.plan.planner import is_empty
from peakctl.errors import Severity
from peakctl.model import MISSING, Key, Listed, Secret, State, Step, Unknown, Verb

BUILD = {"source": "dockerfile", "dockerfile": "FROM a"}
IMAGE = {"type": "api", "buildDetails": BUILD}
STEPS = {"train": {"command": "c", "imageId": 1}}
BLOCK_STEP = {"command": "c", "imageDetails": {"id": 1, "versionId": 2}}
BLOCK = {"kind": "workflow", "config": {"steps": {"train": BLOCK_STEP}}}
OTHER_CONFIG = {"config": {"steps": {"train": {**BLOCK_STEP, "command": "d"}}}}


def image(lab: Any, spec: Any = None, metadata: Any = None, **more: Any) -> Any:
    return lab.manifest("Image", "a", {**IMAGE, **(spec or {})}, metadata, **more)


def block(lab: Any, spec: Any = None, **metadata: Any) -> Any:
    return lab.manifest("BlockSpec", "b", {**BLOCK, **(spec or {})}, {"summary": "s", **metadata})


def put_image(lab: Any, spec: Any = None, **more: Any) -> Any:
    told = {"version": "1.0.0", "latest": "1.0.0", "attributes": {"id": 7, "version": 70}, **more}
    return lab.Image.put("a", {**IMAGE, **(spec or {})}, **told)


def put_block(lab: Any, spec: Any = None, version: str = "1.0.0", **metadata: Any) -> Any:
    shaped = {**BLOCK, "release": {"version": version}, **(spec or {})}
    return lab.BlockSpec.put(
        "b",
        shaped,
        {"summary": "s", **metadata},
        version=version,
        latest=version,
        attributes={"id": "b-1", "version": version},
    )


def deployment(lab: Any, release: str = "1.0.0", **spec: Any) -> Any:
    named = {"id": "b-1", "release": {"version": release}}
    return lab.manifest("Deployment", "d", {"blockSpec": named, **spec})


def put_deployment(lab: Any, release: str = "1.0.0", **more: Any) -> Any:
    spec = more.pop("spec", {})
    named = {"id": "b-1", "release": {"version": release}}
    return lab.Deployment.put("d", {"blockSpec": named, **spec}, **more)


def only(planned: Any) -> Any:
    assert planned.diagnostics == ()
    (action,) = planned.plan.actions
    return action


# --- rows of the table ---------------------------------------------------------------------


def test_what_is_not_there_is_created(lab: Any) -> None:
    action = only(lab.plan(image(lab)))
    assert (action.verb, action.steps, action.version) == (Verb.CREATE, (Step.CREATE,), "0.0.1")


def test_a_fixed_number_is_created_as_it_is(lab: Any) -> None:
    assert only(lab.plan(image(lab, {"version": "3.1.0"}))).version == "3.1.0"


def test_what_the_create_call_does_not_take_follows_it(lab: Any) -> None:
    action = only(lab.plan(block(lab, status="archived")))
    assert action.steps == (Step.CREATE, Step.UPDATE_METADATA)
    assert [(c.path[-1], c.before, c.after) for c in action.changes] == [
        ("status", MISSING, "archived")
    ]


def test_equal_is_kept(lab: Any) -> None:
    put_image(lab)
    planned = lab.plan(image(lab))
    action = only(planned)
    assert (action.verb, action.steps, action.version) == (Verb.KEEP, (), "1.0.0")
    assert is_empty(planned.plan)
    assert planned.ok


def test_an_image_with_other_content_is_built_under_the_next_number(lab: Any) -> None:
    put_image(lab)
    action = only(lab.plan(image(lab, {"buildDetails": {**BUILD, "dockerfile": "FROM b"}})))
    assert (action.steps, action.version) == ((Step.CREATE_VERSION,), "1.0.1")


def test_an_image_without_any_version_gets_its_first(lab: Any) -> None:
    lab.Image.put("a", {"type": "api"})
    action = only(lab.plan(image(lab)))
    assert (action.steps, action.version) == ((Step.CREATE_VERSION,), "0.0.1")


def test_an_image_with_a_newer_number_is_built(lab: Any) -> None:
    put_image(lab, {"version": "1.0.0"})
    action = only(lab.plan(image(lab, {"version": "2.0.0"})))
    assert (action.steps, action.version) == ((Step.CREATE_VERSION,), "2.0.0")


@pytest.mark.parametrize("dockerfile", ["FROM a", "FROM b"])
def test_a_failed_build_is_built_again_under_its_number(lab: Any, dockerfile: str) -> None:
    put_image(lab, state=State.FAILED, status="failed")
    action = only(lab.plan(image(lab, {"buildDetails": {**BUILD, "dockerfile": dockerfile}})))
    assert (action.steps, action.version) == ((Step.UPDATE_VERSION,), "1.0.0")
    assert action.verb is Verb.BUILD


def test_a_failed_build_under_a_newer_number_is_left_behind(lab: Any) -> None:
    put_image(lab, state=State.FAILED, status="failed")
    action = only(lab.plan(image(lab, {"version": "1.1.0"})))
    assert (action.steps, action.version) == ((Step.CREATE_VERSION,), "1.1.0")


def test_a_running_build_of_the_same_is_waited_for(lab: Any) -> None:
    put_image(lab, state=State.PENDING, status="building")
    planned = lab.plan(image(lab))
    action = only(planned)
    assert (action.verb, action.steps) == (Verb.KEEP, (Step.WAIT,))
    assert action.notes == ("building now; waited for first",)
    assert is_empty(planned.plan)


def test_a_running_build_of_something_else_is_waited_for_first(lab: Any) -> None:
    put_image(lab, state=State.PENDING, status="building")
    action = only(lab.plan(image(lab, {"buildDetails": {**BUILD, "dockerfile": "FROM b"}})))
    assert action.steps == (Step.WAIT, Step.CREATE_VERSION)


def test_a_description_of_an_image_alone_plans_nothing(lab: Any) -> None:
    put_image(lab)
    action = only(lab.plan(image(lab, metadata={"description": "new"})))
    assert action.steps == ()
    assert [s.path for s in action.skipped] == [("metadata", "description")]


def test_another_config_is_a_release(lab: Any) -> None:
    put_block(lab)
    action = only(lab.plan(block(lab, OTHER_CONFIG)))
    assert (action.steps, action.version) == ((Step.CREATE_RELEASE,), "1.0.1")


def test_each_row_that_matches_adds_its_step(lab: Any) -> None:
    put_block(lab)
    action = only(lab.plan(block(lab, {**OTHER_CONFIG, "featured": True}, title="T")))
    assert action.steps == (Step.CREATE_RELEASE, Step.UPDATE_METADATA)
    assert action.verb is Verb.RELEASE


def test_a_newer_release_number_alone_is_a_release(lab: Any) -> None:
    put_block(lab)
    action = only(lab.plan(block(lab, {"release": {"version": "2.0.0"}})))
    assert (action.steps, action.version) == ((Step.CREATE_RELEASE,), "2.0.0")


def test_metadata_is_edited(lab: Any) -> None:
    put_block(lab, title="old")
    assert only(lab.plan(block(lab, title="new"))).steps == (Step.UPDATE_METADATA,)


def test_another_release_is_a_revision(lab: Any) -> None:
    put_deployment(lab)
    assert lab.steps(deployment(lab, "1.1.0")) == ["create-revision"]


def test_build_parameters_are_a_revision(lab: Any) -> None:
    put_deployment(lab, spec={"parameters": {"build": {"a": 1}}})
    assert lab.steps(deployment(lab, parameters={"build": {"a": 2}})) == ["create-revision"]


def test_run_parameters_alone_are_patched(lab: Any) -> None:
    put_deployment(lab, spec={"parameters": {"run": {"a": 1}}})
    assert lab.steps(deployment(lab, parameters={"run": {"a": 2, "b": 1}})) == ["patch-parameters"]


def test_the_removal_of_a_run_parameter_is_a_revision(lab: Any) -> None:
    put_deployment(lab, spec={"parameters": {"run": {"a": 1, "b": 1}}})
    assert lab.steps(deployment(lab, parameters={"run": {"b": 1}})) == ["create-revision"]


def test_a_revision_carries_run_parameters(lab: Any) -> None:
    put_deployment(lab, spec={"parameters": {"run": {"a": 1}}})
    found = lab.steps(deployment(lab, "1.1.0", parameters={"run": {"a": 2}}))
    assert found == ["create-revision"]


def test_a_failed_deployment_is_redeployed(lab: Any) -> None:
    put_deployment(lab, state=State.FAILED, status="failed")
    action = only(lab.plan(deployment(lab)))
    assert (action.verb, action.steps) == (Verb.REDEPLOY, (Step.REDEPLOY,))
    assert action.notes == ("live status is failed",)


def test_a_failed_deployment_with_another_release_gets_a_revision(lab: Any) -> None:
    put_deployment(lab, state=State.FAILED, status="failed")
    assert lab.steps(deployment(lab, "2.0.0")) == ["create-revision"]


def test_a_warning_is_told(lab: Any) -> None:
    put_deployment(lab, state=State.WARNING, status="warning")
    action = only(lab.plan(deployment(lab)))
    assert (action.steps, action.notes) == ((), ("live status is warning",))


def test_a_stuck_deployment_is_left_unless_asked(lab: Any) -> None:
    put_deployment(lab, state=State.STUCK, status="rollback_complete")
    action = only(lab.plan(deployment(lab)))
    assert action.steps == ()
    assert "--retry-failed" in action.notes[0]
    assert lab.steps(deployment(lab), retry_failed=True) == ["create-revision"]


def test_a_stuck_deployment_with_other_content_gets_a_revision(lab: Any) -> None:
    spec = {"parameters": {"run": {"a": 1}}}
    put_deployment(lab, state=State.STUCK, status="rollback_complete", spec=spec)
    assert lab.steps(deployment(lab, parameters={"run": {"a": 2}})) == ["create-revision"]
    assert lab.steps(deployment(lab, "2.0.0", parameters={"run": {"a": 1}})) == ["create-revision"]


def test_a_kind_without_revisions_only_tells_that_it_is_stuck(lab: Any) -> None:
    put_image(lab, state=State.STUCK, status="delete-failed")
    action = only(lab.plan(image(lab), retry_failed=True))
    assert (action.steps, action.notes) == ((), ("live status is delete-failed",))


def test_a_service_is_updated(lab: Any) -> None:
    spec = {"imageDetails": {"imageId": 1}, "minInstances": 1}
    lab.Service.put("s", spec)
    assert lab.steps(lab.manifest("Service", "s", {**spec, "minInstances": 2})) == ["update"]


def test_a_workflow_is_updated_whole(lab: Any) -> None:
    lab.Workflow.put("w", {"steps": STEPS})
    other = {"steps": {"train": {"command": "d", "imageId": 1}}}
    assert lab.steps(lab.manifest("Workflow", "w", other)) == ["update"]


def test_an_artifact_with_other_content_gets_a_version(lab: Any) -> None:
    lab.Artifact.put("f", {"artifact": {"digest": "sha256:old"}})
    found = lab.steps(lab.manifest("Artifact", "f", {"artifact": {"path": "."}}))
    assert found == ["create-version"]


def test_a_rename_is_an_edit_of_what_is_there(lab: Any) -> None:
    lab.Deployment.put("old", {"blockSpec": {"id": "b-1", "release": {"version": "1.0.0"}}})
    action = only(
        lab.plan({**deployment(lab), "metadata": {"name": "d", "previousNames": ["old"]}})
    )
    assert action.steps == (Step.UPDATE_METADATA,)
    assert [(c.path, c.before, c.after) for c in action.changes] == [
        (("metadata", "name"), "old", "d")
    ]


# --- refusals ------------------------------------------------------------------------------


def codes(planned: Any) -> list[str]:
    return [d.code for d in planned.diagnostics]


def test_an_immutable_field_is_refused(lab: Any) -> None:
    put_image(lab, {"type": "workflow"})
    planned = lab.plan(image(lab))
    (told,) = planned.diagnostics
    assert told.code == "plan/immutable"
    assert told.detail.startswith("live: workflow, manifest: api; ")
    assert not planned.ok
    assert planned.plan.actions == ()


def test_a_default_that_cannot_change_is_refused_too(lab: Any) -> None:
    lab.Service.put("s", {"imageDetails": {"imageId": 1}, "serviceType": "api"})
    planned = lab.plan(lab.manifest("Service", "s", {"imageDetails": {"imageId": 1}}))
    assert codes(planned) == ["plan/immutable"]


def test_what_was_not_there_is_told_in_words(lab: Any) -> None:
    spec = {"blockSpec": {"release": {"version": "1.0.0"}}}
    lab.Deployment.put("d", spec)
    (told,) = lab.plan(deployment(lab)).diagnostics
    assert told.detail.startswith("live: nothing, manifest: id b-1 (name not known) 1.0.0; ")


def test_a_number_with_other_content_is_refused_with_the_fields(lab: Any) -> None:
    put_image(lab, {"version": "1.0.0"})
    other = {"version": "1.0.0", "buildDetails": {**BUILD, "dockerfile": "FROM b"}}
    (told,) = lab.plan(image(lab, other)).diagnostics
    assert told.code == "plan/version-reused"
    assert told.detail == "these fields differ: spec.buildDetails.dockerfile"
    assert told.fix.startswith("use 1.0.1")


def test_a_version_of_an_image_that_does_not_rise_is_built_with_a_warning(lab: Any) -> None:
    put_image(lab, {"version": "1.0.0-b"}, version="1.0.0-b", latest="1.0.0-b")
    planned = lab.plan(image(lab, {"version": "1.0.0-a"}))
    (told,) = planned.diagnostics
    assert (told.code, told.severity) == ("plan/version-lower", Severity.WARNING)
    assert told.fix.startswith("use 1.0.1-b")
    (action,) = planned.plan.actions
    assert (action.verb, action.version) == (Verb.BUILD, "1.0.0-a")


def test_a_release_that_does_not_rise_is_refused(lab: Any) -> None:
    put_block(lab)
    (told,) = lab.plan(block(lab, {"release": {"version": "0.9.0"}})).diagnostics
    assert (told.code, told.detail) == ("plan/version-too-low", "")


def test_what_is_not_ours_is_refused_even_when_equal(lab: Any) -> None:
    put_deployment(lab, foreign="part of app deployment x")
    assert codes(lab.plan(deployment(lab))) == ["live/not-ours"]


def test_two_of_one_name_are_not_guessed_between(lab: Any) -> None:
    lab.Image.listed = (Listed(1, "a"), Listed(2, "a"))
    (told,) = lab.plan(image(lab)).diagnostics
    assert (told.code, told.detail) == ("live/ambiguous", "their ids: 1, 2")


def test_two_of_a_previous_name_are_not_guessed_between(lab: Any) -> None:
    lab.Image.listed = (Listed(1, "old"), Listed(2, "old"))
    (told,) = lab.plan(image(lab, metadata={"previousNames": ["older", "old"]})).diagnostics
    assert told.summary == '2 live resources are named "old"'


def test_what_is_not_ours_by_the_listing_does_not_count(lab: Any) -> None:
    lab.Image.listed = (Listed(1, "a", ours=False),)
    assert lab.steps(image(lab)) == ["create"]


def test_all_problems_are_told_at_once_and_dependants_are_left_out(lab: Any) -> None:
    put_image(lab, {"type": "workflow"})
    planned = lab.plan(
        image(lab),
        lab.manifest("Service", "s", {"imageDetails": {"name": "a"}}),
        lab.manifest("Service", "t", {"imageDetails": {"name": "gone"}}),
    )
    assert codes(planned) == ["plan/immutable", "manifest/unknown-reference"]
    assert planned.plan.actions == ()


# --- ignoreChanges -------------------------------------------------------------------------


def ignoring(lab: Any, kind: str, spec: Any, *fields: str) -> Any:
    return lab.manifest(kind, "w", spec, lifecycle={"ignoreChanges": list(fields)})


def test_a_whole_update_sends_what_is_live_for_an_ignored_field(lab: Any) -> None:
    live = {"steps": {"train": {"command": "live", "imageId": 1, "stepTimeout": 9}}}
    lab.Workflow.put("w", live)
    desired = {"steps": {"train": {"command": "mine", "imageId": 2}}}
    fields = ("spec.steps.*.command", "spec.steps.train.stepTimeout")
    action = only(lab.plan(ignoring(lab, "Workflow", desired, *fields)))
    assert [c.path[-1] for c in action.changes] == ["imageId"]
    sent = action.desired["spec"]["steps"]["train"]
    assert sent == {"command": "live", "imageId": 2, "stepTimeout": 9}


def test_ignored_items_of_keyed_lists_stay_as_they_are(lab: Any) -> None:
    cron, other = {"cron": "0 1 * * *"}, {"cron": "0 2 * * *"}
    lab.Workflow.put("w", {"steps": STEPS, "triggers": [cron]}, {"tags": [{"name": "t"}]})
    desired = {"steps": {"train": {"command": "d", "imageId": 1}}, "triggers": [other]}
    action = only(lab.plan(ignoring(lab, "Workflow", desired, "spec.triggers")))
    assert action.desired["spec"]["triggers"] == [cron]


def test_an_ignored_field_inside_a_keyed_item_stays_as_it_is(lab: Any) -> None:
    def watcher(success: bool) -> Any:
        return {"user": "a@b.c", "events": {"success": success}}

    lab.Workflow.put("w", {"steps": STEPS, "watchers": [watcher(True)]})
    desired = {"steps": {"train": {"command": "d", "imageId": 1}}, "watchers": [watcher(False)]}
    action = only(lab.plan(ignoring(lab, "Workflow", desired, "spec.watchers.*.events.success")))
    assert action.desired["spec"]["watchers"] == [watcher(True)]


def test_an_ignored_field_that_is_not_live_is_not_sent(lab: Any) -> None:
    lab.Workflow.put("w", {"steps": STEPS})
    desired = {"steps": {"train": {"command": "d", "imageId": 1, "stepTimeout": 3}}}
    action = only(lab.plan(ignoring(lab, "Workflow", desired, "spec.steps.train.stepTimeout")))
    assert "stepTimeout" not in action.desired["spec"]["steps"]["train"]


def test_an_ignored_container_that_only_live_has_is_kept(lab: Any) -> None:
    inner = {"env": {"A": "1"}, "inherit": {"B": "2"}}
    lab.Workflow.put("w", {"steps": {"train": {**STEPS["train"], "parameters": inner}}})
    desired = {"steps": {"train": {"command": "d", "imageId": 1}}}
    fields = ("spec.steps.train.parameters",)
    action = only(lab.plan(ignoring(lab, "Workflow", desired, *fields)))
    assert action.desired["spec"]["steps"]["train"]["parameters"] == inner


def test_a_live_mask_is_never_sent_back(lab: Any) -> None:
    put_deployment(lab, spec={"parameters": {"run": {"a": 1, "p": "****"}}})
    manifest = deployment(lab, parameters={"run": {"a": 2}})
    manifest["lifecycle"] = {"ignoreChanges": ["spec.parameters.run.p"]}
    action = only(lab.plan(manifest))
    assert action.steps == (Step.PATCH_PARAMETERS,)
    assert "p" not in action.desired["spec"]["parameters"]["run"]


# --- references ----------------------------------------------------------------------------


def service(lab: Any, image: str, version: str | None = None, called: str = "s") -> Any:
    named = {"name": image} | ({"version": version} if version else {})
    return lab.manifest("Service", called, {"serviceType": "api", "imageDetails": named})


def pinned(action: Any) -> Any:
    return action.desired["spec"]["imageDetails"]


def test_a_name_in_the_run_is_not_known_until_it_is_made(lab: Any) -> None:
    planned = lab.plan(image(lab), service(lab, "a"))
    key = Key("Image", "a")
    action = planned.plan.actions[-1]
    assert pinned(action) == {"imageId": Unknown(key, "id"), "versionId": Unknown(key, "version")}
    assert action.after == {key}


def test_a_name_in_the_run_that_is_kept_is_known(lab: Any) -> None:
    put_image(lab)
    action = lab.plan(image(lab), service(lab, "a")).plan.actions[-1]
    assert pinned(action) == {"imageId": 7, "versionId": 70}
    assert action.after == frozenset()


def test_a_new_version_in_the_run_is_not_known_but_the_id_is(lab: Any) -> None:
    live = put_image(lab)
    other = image(lab, {"buildDetails": {**BUILD, "dockerfile": "FROM b"}})
    action = lab.plan(other, service(lab, "a")).plan.actions[-1]
    assert pinned(action)["imageId"] == live.id
    assert pinned(action)["versionId"] == Unknown(Key("Image", "a"), "version")


def test_a_live_name_gets_the_newest_ready_version(lab: Any) -> None:
    put_image(lab)
    lab.Image.pins[("a", None)] = {"id": 7, "version": 70}
    action = lab.plan(service(lab, "a")).plan.actions[-1]
    assert pinned(action) == {"imageId": 7, "versionId": 70}


def test_a_wanted_version_is_looked_up(lab: Any) -> None:
    put_image(lab)
    lab.Image.pins[("a", "0.9.0")] = {"id": 7, "version": 60}
    planned = lab.plan(image(lab), service(lab, "a", "0.9.0"))
    assert pinned(planned.plan.actions[-1]) == {"imageId": 7, "versionId": 60}


def test_a_wanted_version_may_be_the_one_that_the_run_makes(lab: Any) -> None:
    planned = lab.plan(image(lab, {"version": "2.0.0"}), service(lab, "a", "2.0.0"))
    assert isinstance(pinned(planned.plan.actions[-1])["versionId"], Unknown)


def test_a_release_of_the_run_is_known_before_it_is_made(lab: Any) -> None:
    planned = lab.plan(block(lab), lab.manifest("Deployment", "d", {"blockSpec": {"name": "b"}}))
    named = planned.plan.actions[-1].desired["spec"]["blockSpec"]
    assert named == {"id": Unknown(Key("BlockSpec", "b"), "id"), "release": {"version": "1.0.0"}}


def test_a_step_gets_the_ids_beside_its_other_fields(lab: Any) -> None:
    put_image(lab)
    step = {"command": "c", "imageDetails": {"name": "a"}}
    planned = lab.plan(image(lab), lab.manifest("Workflow", "w", {"steps": {"train": step}}))
    sent = planned.plan.actions[-1].desired["spec"]["steps"]["train"]
    assert sent == {"command": "c", "imageId": 7, "imageVersionId": 70}


def test_an_unknown_name_is_told_with_the_nearest(lab: Any) -> None:
    put_image(lab)
    lab.Image.put("forecast")
    (told,) = lab.plan(service(lab, "forecats")).diagnostics
    assert (told.code, told.fix) == ("manifest/unknown-reference", "did you mean: forecast")
    (told,) = lab.plan(service(lab, "zzzzz")).diagnostics
    assert told.fix == "add a manifest of kind Image"


@pytest.mark.parametrize(
    ("version", "summary"),
    [("9.9.9", '"a" has no version 9.9.9'), (None, '"a" has no ready version')],
)
def test_a_version_that_is_not_there_is_told(lab: Any, version: str | None, summary: str) -> None:
    put_image(lab)
    lab.Image.pins[("a", version)] = None
    (told,) = lab.plan(service(lab, "a", version)).diagnostics
    assert (told.code, told.summary) == ("manifest/unknown-version", summary)


def test_two_live_ones_of_a_name_are_told_with_their_ids(lab: Any) -> None:
    lab.Image.listed = (Listed(1, "a"), Listed(2, "a"))
    (told,) = lab.plan(service(lab, "a")).diagnostics
    assert (told.code, told.detail) == ("live/ambiguous", "their ids: 1, 2")


def test_an_instance_type_is_found_within_its_scope(lab: Any) -> None:
    lab.InstanceType.listed = (
        Listed(1, "Pico", {"scope": "workflow"}),
        Listed(2, "Pico", {"scope": "webapp"}),
        Listed(3, "Pico", {"scope": "api-deployment"}),
    )
    spec = {"imageDetails": {"imageId": 1}, "resources": {"instanceType": "Pico"}}
    action = only(lab.plan(lab.manifest("Service", "s", {"serviceType": "api", **spec})))
    assert action.desired["spec"]["resources"] == {"instanceTypeId": 3}


def test_an_unknown_instance_type_is_an_error(lab: Any) -> None:
    lab.InstanceType.listed = (Listed(2, "Pico", {"scope": "api-deployment"}),)
    spec = {"imageDetails": {"imageId": 1}, "resources": {"instanceType": "Picco"}}
    planned = lab.plan(lab.manifest("Service", "s", {"serviceType": "api", **spec}))
    (told,) = planned.diagnostics
    assert (told.code, told.fix) == ("manifest/unknown-reference", "did you mean: Pico")


def test_resources_to_redeploy_are_sent_where_they_exist(lab: Any) -> None:
    running = {"imageDetails": {"imageId": 1}}
    lab.Service.put("old", running, id="s-1")
    lab.Service.put("web", running, id="s-2")
    lab.Service.pins["web", None] = {"id": "s-2", "word": "web-app"}
    wanted = [{"kind": "Workflow", "name": f"later-{n}"} for n in range(11)] + [
        {"kind": "Service", "name": "old"},
        {"kind": "Service", "name": "web"},
        {"entityId": "e", "entityType": "webapp"},
    ]
    action = only(lab.plan(image(lab, {"autodeployResources": wanted})))
    assert action.desired["spec"]["autodeployResources"] == [
        {"entityId": "s-1", "entityType": "api"},
        {"entityId": "s-2", "entityType": "webapp"},
        {"entityId": "e", "entityType": "webapp"},
    ]


def test_resources_of_the_same_run_are_redeployed_where_they_exist(lab: Any) -> None:
    put_image(lab)
    lab.Service.put("s", {"imageDetails": {"imageId": 1}}, id="s-1")
    wanted = [{"kind": "Service", "name": "s"}, {"kind": "Service", "name": "new"}]
    spec = {"version": "2.0.0", "autodeployResources": wanted}
    planned = lab.plan(
        image(lab, spec), service(lab, "a", called="s"), service(lab, "a", called="new")
    )
    (built,) = (a for a in planned.plan.actions if a.key.kind == "Image")
    assert built.desired["spec"]["autodeployResources"] == [
        {"entityId": "s-1", "entityType": "api"}
    ]


def test_the_plan_is_the_same_for_shuffled_manifests(lab: Any) -> None:
    documents = [
        image(lab),
        service(lab, "a", called="s"),
        service(lab, "a", called="t"),
        block(lab),
    ]
    assert lab.plan(*documents).plan == lab.plan(*reversed(documents)).plan


def test_pending_and_counts_leave_out_what_is_kept(lab: Any) -> None:
    put_image(lab)
    plan = lab.plan(image(lab), block(lab)).plan
    assert [a.key.kind for a in plan.pending] == ["BlockSpec"]
    assert (plan.count(Verb.KEEP), plan.count(Verb.CREATE)) == (1, 1)


def test_a_secret_never_reaches_the_text_of_a_plan(lab: Any) -> None:
    spec = {"imageDetails": {"imageId": 1}, "serviceType": "api"}
    lab.Service.put("s", {**spec, "parameters": {"env": {"TOKEN": "before-s3cret"}}})
    env = {"TOKEN": Secret("after-s3cret")}
    planned = lab.plan(lab.manifest("Service", "s", {**spec, "parameters": {"env": env}}))
    assert len(only(planned).changes) == 1
    assert "s3cret" not in repr(planned)


def test_a_live_resource_without_attributes_gives_its_id(lab: Any) -> None:
    lab.Image.things["a"] = replace(put_image(lab), attributes={})
    action = lab.plan(image(lab), service(lab, "a")).plan.actions[-1]
    assert pinned(action) == {"imageId": "Image-a"}


def put_with_older(lab: Any, older: Any) -> None:
    """An image whose newest version 1.0.1 has other content than the manifest."""
    spec = {"buildDetails": {**BUILD, "dockerfile": "FROM b"}}
    live = put_image(lab, spec, version="1.0.1", latest="1.0.1")
    values = {"metadata": {"name": "a"}, "spec": {**IMAGE, "buildDetails": older}}
    told = {"version": "1.0.0", "attributes": {"id": 7, "version": 70}}
    lab.Image.things["a"] = replace(live, older=(replace(live, values=values, **told),))


def test_a_ready_version_with_the_content_of_the_manifest_is_used_instead_of_a_new_one(
    lab: Any,
) -> None:
    put_with_older(lab, BUILD)
    action = only(lab.plan(image(lab)))
    assert (action.verb, action.steps, action.version) == (Verb.KEEP, (), "1.0.0")
    assert action.asides == (
        "version 1.0.0 has what the manifest says and is used; 1.0.1 is newer",
    )


def test_what_refers_to_it_follows_the_version_that_is_used(lab: Any) -> None:
    put_with_older(lab, BUILD)
    step = {"command": "c", "imageId": 7, "imageVersionId": 71}
    lab.Workflow.put("w", {"steps": {"train": {**step, "type": "standard"}}})
    named = {"train": {"command": "c", "imageDetails": {"name": "a"}}}
    planned = lab.plan(image(lab), lab.manifest("Workflow", "w", {"steps": named}))
    action = planned.plan.actions[-1]
    assert [(c.before, c.after) for c in action.changes] == [(71, 70)]
    assert [(r.cause, r.version) for r in action.reasons][-1] == ("follows", "1.0.0")


def test_an_older_version_with_other_content_is_not_used(lab: Any) -> None:
    put_with_older(lab, {**BUILD, "dockerfile": "FROM c"})
    action = only(lab.plan(image(lab)))
    assert (action.verb, action.version, action.asides) == (Verb.BUILD, "1.0.2", ())


def test_an_older_version_changes_nothing_about_what_is_refused(lab: Any) -> None:
    put_with_older(lab, BUILD)
    live = lab.Image.things["a"]
    theirs = tuple(replace(each, foreign="part of the platform") for each in live.older)
    lab.Image.things["a"] = replace(live, foreign="part of the platform", older=theirs)
    planned = lab.plan(image(lab))
    assert [d.code for d in planned.diagnostics] == ["live/not-ours"]
    assert planned.plan.actions == ()
