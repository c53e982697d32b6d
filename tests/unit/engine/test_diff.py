"""What counts as a difference, field by field, over the schemas of the product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from peakctl.engine.diff.align import MASKED, NEVER_RETURNED, NO_DIGEST, NOT_SHOWN
from peakctl.engine.diff.compare import IGNORED, compare, differing_paths
from peakctl.kinds.fields import Absent, Field, Kind, is_ignored
from peakctl.model import MISSING, UNSEEN, Key, Secret, Unknown

Tell = Callable[..., Any]
ANY = frozenset({"string"})
STEP = {"command": "c", "imageId": 1, "imageVersionId": 2}


def steps(**train: Any) -> dict[str, Any]:
    return {"steps": {"train": {**STEP, **train}}}


# --- what absent means ---------------------------------------------------------------------


def test_an_absent_default_equals_its_value(differences: Tell) -> None:
    assert differences("Service", {}, {"minInstances": 1, "sessionStickiness": False}) == {}


def test_an_absent_default_is_enforced(differences: Tell) -> None:
    assert differences("Service", {}, {"minInstances": 2}) == {"spec.minInstances": (2, 1)}


def test_a_default_that_reads_leave_out_equals_its_value(differences: Tell) -> None:
    assert differences("Service", {"minInstances": 1, "serviceType": "web-app"}, {}) == {}


def test_what_the_platform_decides_is_left_alone(differences: Tell) -> None:
    assert (
        differences("Service", {}, {"entrypoint": "run", "resources": {"instanceTypeId": 3}}) == {}
    )


def test_an_explicit_null_clears(differences: Tell) -> None:
    assert differences("Service", {"entrypoint": None}, {"entrypoint": "run"}) == {
        "spec.entrypoint": ("run", MISSING)
    }


def test_null_of_what_is_not_there_is_nothing(differences: Tell) -> None:
    assert differences("Service", {"entrypoint": None}, {"entrypoint": ""}) == {}
    assert differences("Service", {"entrypoint": None}, {"entrypoint": None}) == {}


def test_an_absent_field_that_clears_is_removed(differences: Tell) -> None:
    found = differences("Workflow", steps(), steps(stepTimeout=5))
    assert found == {"spec.steps.train.stepTimeout": (5, MISSING)}


@pytest.mark.parametrize("empty", [None, [], {}])
def test_empty_is_as_good_as_absent(differences: Tell, empty: Any) -> None:
    assert differences("Workflow", steps(), {**steps(), "retryOptions": empty}) == {}


def test_an_empty_named_text_is_as_good_as_absent(differences: Tell) -> None:
    assert differences("Service", {"entrypoint": ""}, {}) == {}
    parameter = {"name": "a", "type": "string", "required": True}
    block = {"kind": "workflow", "parameters": {"build": [parameter]}}
    live = {"kind": "workflow", "parameters": {"build": [{**parameter, "title": ""}]}}
    assert differences("BlockSpec", block, live) == {}


def test_a_flag_that_is_off_is_as_good_as_absent(differences: Tell) -> None:
    off, on = ({"retryOptions": {"exponentialBackoff": flag}} for flag in (False, True))
    assert differences("Workflow", steps(), {**steps(), **off}) == {}
    assert differences("Workflow", {**steps(), **off}, steps(clearImageCache=False)) == {}
    assert differences("Workflow", steps(clearImageCache=False), steps()) == {}
    assert differences("Workflow", steps(), {**steps(), **on}) == {
        "spec.retryOptions": (on["retryOptions"], MISSING)
    }


def test_a_default_value_that_is_false_counts(differences: Tell) -> None:
    parameter = {"name": "a", "type": "boolean", "required": True}
    live = {"kind": "workflow", "parameters": {"build": [parameter]}}
    block = {"kind": "workflow", "parameters": {"build": [{**parameter, "defaultValue": False}]}}
    assert differences("BlockSpec", block, live) != {}
    assert differences("BlockSpec", live, block) != {}


def test_a_webhook_policy_is_not_missed_where_reads_give_the_id_alone(differences: Tell) -> None:
    policy = {"webhook": True, "webhookPolicy": "generate"}
    triggers = {**steps(), "triggers": [policy]}
    assert differences("Workflow", triggers, {**steps(), "triggers": [{"webhook": True}]}) == {}
    block = {"kind": "workflow", "config": {"triggers": [{**policy, "webhookId": "w-1"}]}}
    live = {"kind": "workflow", "config": {"triggers": [{"webhook": True}]}}
    assert differences("BlockSpec", block, live) == {}


def test_an_empty_text_of_a_required_field_counts(differences: Tell) -> None:
    found = differences("AppSpec", {"metadata": {"summary": ""}}, {})
    assert found["metadata.summary"] == (MISSING, "")


def test_an_empty_value_of_a_free_key_counts(differences: Tell) -> None:
    left = steps(parameters={"env": {"A": ""}})
    assert differences("Workflow", left, steps(parameters={"env": {"B": "x"}})) == {
        "spec.steps.train.parameters.env.A": (MISSING, ""),
        "spec.steps.train.parameters.env.B": ("x", MISSING),
    }
    assert differences("Workflow", steps(), left) == {
        "spec.steps.train.parameters": ({"env": {"A": ""}}, MISSING)
    }


def test_a_null_behind_a_free_key_is_an_absent_key(differences: Tell) -> None:
    live = steps(parameters={"env": {"A": "1", "B": None}})
    assert differences("Workflow", steps(parameters={"env": {"A": "1"}}), live) == {}


def test_defaults_inside_what_is_absent_do_not_count(differences: Tell) -> None:
    live = {**steps(), "retryOptions": {"duration": 5, "numberOfRetries": 3}}
    assert differences("Workflow", steps(), live) == {}


def test_an_empty_container_behind_a_free_key_says_nothing(differences: Tell) -> None:
    for live in ({"block": {}}, {"block": {"build": {}}}):
        assert differences("Deployment", {"parameters": {}}, {"parameters": live}) == {}
    found = differences(
        "Deployment", {"parameters": {}}, {"parameters": {"block": {"build": {}, "run": {"a": 1}}}}
    )
    assert found == {"spec.parameters.block.run": ({"a": 1}, MISSING)}


def test_what_comes_by_itself_does_not_keep_a_container() -> None:
    inner = {
        "set": Field(ANY, Absent.SERVER),
        "told": Field(ANY, Absent.READ_ONLY),
        "own": Field(ANY, Absent.CLEAR, call="update"),
    }
    box = Field(frozenset({"object"}), Absent.CLEAR, call="update", properties=inner)
    kind = one_field(box)
    assert told(kind, {}, {"box": {"set": "a", "told": "b", "own": ""}}) == {}
    assert told(kind, {}, {"box": {"own": "c", "unheard": 1}}) == {
        "spec.box": ({"own": "c"}, MISSING)
    }


def test_a_container_that_says_nothing_by_rule_is_removed_whole() -> None:
    box = Field(frozenset({"object"}), Absent.CLEAR, call="update")
    assert told(one_field(box), {}, {"box": {"any": 1}}) == {"spec.box": ({"any": 1}, MISSING)}


def one_field(field: Field) -> Kind:
    spec = Field(frozenset({"object"}), Absent.REQUIRED, properties={"box": field})
    root = Field(frozenset({"object"}), Absent.REQUIRED, properties={"spec": spec})
    return Kind("Box", schema={}, compile_root=lambda: root)


def told(kind: Kind, desired: Any, live: Any, **more: Any) -> dict[str, Any]:
    found = compare(kind, {"spec": desired}, {"spec": live}, **more)
    return {".".join(map(str, c.path)): (c.before, c.after) for c in found.changes}


# --- numbers, texts, kinds of values -------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "live", "same"),
    [
        (2.0, 2, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        ([1, 2.0], [1.0, 2], True),
        ({"a": [1]}, {"a": [1.0], "b": None}, True),
        ({"a": 1}, {"a": 2}, False),
        ({}, MISSING, False),
        ({"__a": 1}, {"__a": 2}, False),
        ({"a": {"__b": {"c": 1}}}, {"a": {"__b": {"c": 2}}}, False),
    ],
)
def test_free_values_are_equal_as_json_is(
    differences: Tell, desired: Any, live: Any, same: bool
) -> None:
    there = {} if live is MISSING else {"p": live}
    found = differences(
        "Deployment", {"parameters": {"run": {"p": desired}}}, {"parameters": {"run": there}}
    )
    assert (found == {}) is same
    assert set(found) <= {"spec.parameters.run.p", "spec.parameters"}


def test_a_free_value_changes_as_one_because_it_is_sent_as_one(differences: Tell) -> None:
    found = differences(
        "Deployment",
        {"parameters": {"run": {"p": {"a": 1, "b": {"c": 2}}}}},
        {"parameters": {"run": {"p": {"a": 2, "b": {"c": 3}}}}},
    )
    assert list(found) == ["spec.parameters.run.p"]


def test_a_free_list_is_compared_as_it_is(differences: Tell) -> None:
    found = differences(
        "Deployment", {"parameters": {"run": {"p": [1]}}}, {"parameters": {"run": {"p": [2]}}}
    )
    assert found == {"spec.parameters.run.p": ([2], [1])}


def test_a_secret_inside_a_free_value_hides_all_of_it(differences: Tell) -> None:
    desired = {"parameters": {"run": {"p": {"token": Secret("new"), "n": 1}}}}
    same = {"parameters": {"run": {"p": {"token": "new", "n": 1.0}}}}
    other = {"parameters": {"run": {"p": {"token": "old", "n": 1}}}}
    assert differences("Deployment", desired, same) == {}
    found = differences("Deployment", desired, other)
    assert list(found) == ["spec.parameters.run.p"]
    assert "old" not in repr(found)
    assert "new" not in repr(found)


def test_a_map_where_a_text_is_live_differs(differences: Tell) -> None:
    found = differences("Service", {"imageDetails": {"imageId": 1}}, {"imageDetails": "weird"})
    assert found == {"spec.imageDetails.imageId": (MISSING, 1)}


def test_keys_that_no_schema_knows_are_passed_over(differences: Tell) -> None:
    assert differences("Service", {"surprise": 1}, {"other": 2}) == {}


# --- lists and sets ------------------------------------------------------------------------


def test_a_set_has_no_order(differences: Tell) -> None:
    left, right = steps(parents=["a", "b"]), steps(parents=["b", "a"])
    assert differences("Workflow", left, right) == {}


def test_a_set_tells_what_came_and_went(differences: Tell) -> None:
    found = differences("Workflow", steps(parents=["a", "c"]), steps(parents=["b", "a"]))
    assert found == {
        "spec.steps.train.parents.b": ("b", MISSING),
        "spec.steps.train.parents.c": (MISSING, "c"),
    }


def test_items_are_matched_by_their_key(differences: Tell) -> None:
    one, two = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}
    left = {"buildDetails": {"buildArguments": [one, two]}}
    right = {"buildDetails": {"buildArguments": [two, {**one, "value": "0"}]}}
    found = differences("Image", left, right)
    assert list(found) == ["spec.buildDetails.buildArguments.A.value"]
    assert found["spec.buildDetails.buildArguments.A.value"] == (Secret("0"), Secret("1"))


def test_a_key_that_stands_twice_is_numbered(differences: Tell) -> None:
    left = {"metadata": {"tags": [{"name": "a"}, {"name": "a"}]}, **steps()}
    right = {"metadata": {"tags": [{"name": "a"}]}, **steps()}
    assert list(differences("Workflow", left, right)) == ['metadata.tags."a (2)"']


def test_a_trigger_without_a_text_is_known_by_its_field(differences: Tell) -> None:
    left = {**steps(), "triggers": [{"webhook": True}, {"cron": "0 1 * * *"}]}
    right = {**steps(), "triggers": [{"cron": "0 1 * * *"}]}
    assert list(differences("Workflow", left, right)) == ["spec.triggers.(webhook)"]


def test_an_item_that_says_nothing_is_there_all_the_same() -> None:
    item = Field(
        frozenset({"object"}),
        Absent.REQUIRED,
        properties={"id": Field(ANY, Absent.READ_ONLY)},
    )
    rule = Field(frozenset({"array"}), Absent.CLEAR, items=item, list_key=(("id",),))
    kind = one_field(rule)
    assert told(kind, {"box": [{"id": "a"}]}, {"box": [{"id": "a"}]}) == {}
    assert told(kind, {"box": [{"id": "a"}]}, {}) == {"spec.box.a": (MISSING, {})}


def test_ordered_lists_are_compared_place_by_place() -> None:
    kind = one_field(Field(frozenset({"array"}), Absent.CLEAR, items=Field(ANY, Absent.REQUIRED)))
    assert told(kind, {"box": ["a", "b"]}, {"box": ["b", "a", "c"]}) == {
        "spec.box.0": ("b", "a"),
        "spec.box.1": ("a", "b"),
        "spec.box.2": ("c", MISSING),
    }
    assert told(kind, {"box": [None, "x"]}, {"box": [None]}) == {"spec.box.1": (MISSING, "x")}
    assert told(kind, {"box": []}, {}) == {}


def test_a_list_without_its_default_on_the_platform_is_equal() -> None:
    rule = Field(
        frozenset({"array"}), Absent.DEFAULT, default=["a"], items=Field(ANY, Absent.REQUIRED)
    )
    assert told(one_field(rule), {"box": ["a"]}, {}) == {}
    assert told(one_field(rule), {"box": None}, {"box": ["a"]}) == {}
    assert told(one_field(rule), {}, {"box": ["b"]}) == {"spec.box.0": ("b", "a")}


def test_options_may_have_values_of_any_kind(differences: Tell) -> None:
    def block(*values: Any) -> dict[str, Any]:
        options = [{"title": str(v), "value": v} for v in values]
        run = [{"name": "p", "type": "string", "required": True, "options": options}]
        return {"kind": "workflow", "parameters": {"run": run}}

    assert differences("BlockSpec", block(1, {"a": 1}, True), block(True, 1, {"a": 1})) == {}
    assert differences("BlockSpec", block(1), block(2)) != {}


def test_an_id_that_is_not_known_yet_is_told_by_the_name(differences: Tell) -> None:
    new = Unknown(Key("BlockSpec", "forecast"), "id")
    left = {"config": [{"id": new}, {"id": "b"}]}
    found = differences("AppSpec", left, {"config": [{"id": "b"}]})
    assert list(found) == ["spec.config.forecast"]


# --- branches ------------------------------------------------------------------------------


def test_a_branch_left_to_its_default_differs_from_another(differences: Tell) -> None:
    live = {"buildDetails": {"source": "github", "repository": "r", "branch": "b"}}
    assert differences("Image", {}, live) == {"spec.buildDetails.source": ("github", "upload")}
    assert differences("Image", {}, {"buildDetails": {"source": "upload", "useCache": True}}) == {}


def test_a_change_in_a_branch_is_carried_by_the_call_of_the_branch(
    kinds: Mapping[str, Kind],
) -> None:
    def values(url: str) -> dict[str, Any]:
        step = {"type": "http", "method": "get", "url": url}
        return {"metadata": {"name": "x"}, "spec": {"steps": {"s": step}}}

    (change,) = compare(kinds["Workflow"], values("a"), values("b")).changes
    assert (change.path[-1], change.call) == ("url", "update")


def test_a_step_of_another_type_changes_field_by_field(differences: Tell) -> None:
    http = {"type": "http", "method": "get", "url": "u"}
    found = differences("Workflow", {"steps": {"s": http}}, {"steps": {"s": STEP}})
    assert set(found) == {f"spec.steps.s.{word}" for word in ("method", "type", "url")}


# --- splitting by call ---------------------------------------------------------------------


def test_a_container_is_split_where_no_one_call_carries_it(kinds: Mapping[str, Kind]) -> None:
    desired = {"spec": {"parameters": {"build": {"a": 1}, "run": {"b": 2}}}}
    found = compare(kinds["Deployment"], desired, {"spec": {}}).changes
    assert {(".".join(map(str, c.path)), c.call) for c in found} == {
        ("spec.parameters.build", "revise"),
        ("spec.parameters.run", "patch"),
    }


def test_a_fixed_field_in_a_new_container_is_seen(kinds: Mapping[str, Kind]) -> None:
    desired = {"spec": {"blockSpec": {"id": "new", "release": {"version": "1.0.0"}}}}
    found = compare(kinds["Deployment"], desired, {"spec": {}}).changes
    assert {c.path[-1]: bool(c.immutable) for c in found} == {"id": True, "release": False}


def test_a_deferred_field_in_a_new_container_plans_nothing(differences: Tell) -> None:
    found = differences("AppSpec", {"release": {"notes": "n"}}, {}, reasons=True)
    assert "release" in found["spec.release.notes"]
    assert differences("AppSpec", {"release": {"notes": "n"}}, {}) == {}


def test_a_new_step_is_one_change(differences: Tell) -> None:
    new = {"steps": {"train": STEP, "score": {**STEP, "parents": ["train"]}}}
    assert list(differences("Workflow", new, steps())) == ["spec.steps.score"]


def test_an_empty_map_without_a_call_is_told_as_it_is() -> None:
    box = Field(frozenset({"object"}), Absent.SERVER, properties={"a": Field(ANY, Absent.SERVER)})
    assert told(one_field(box), {"box": {"a": "x"}}, {}) == {"spec.box": (MISSING, {"a": "x"})}


# --- what is left out, with its reason -----------------------------------------------------


def test_what_is_never_returned_is_skipped_with_its_reason(differences: Tell) -> None:
    github = {"source": "github", "repository": "r", "branch": "b"}
    found = differences(
        "Image", {"buildDetails": {**github, "token": "t"}}, {"buildDetails": github}, reasons=True
    )
    assert found == {"spec.buildDetails.token": NEVER_RETURNED}


def test_unseen_is_not_empty(differences: Tell) -> None:
    desired = {"parameters": {"env": {"A": "1"}}}
    assert differences("Service", desired, {}) == {}
    assert differences("Service", desired, {}, reasons=True) == {"spec.parameters": NOT_SHOWN}
    assert differences("Service", desired, {"parameters": {}}) != {}
    assert differences("Service", desired, {}, shown=lambda _: True) != {}


@pytest.mark.parametrize("mask", ["****", "••••••"])
def test_a_mask_counts_as_equal(differences: Tell, mask: str) -> None:
    desired, live = {"parameters": {"run": {"p": "x"}}}, {"parameters": {"run": {"p": mask}}}
    assert differences("Deployment", desired, live) == {}
    assert differences("Deployment", desired, live, reasons=True) == {
        "spec.parameters.run.p": MASKED
    }


def test_a_masked_value_can_still_be_removed_or_added(differences: Tell) -> None:
    path = ("spec", "parameters", "run", "p")
    hidden = frozenset({path})
    live = {"parameters": {"run": {"p": "?", "q": 1}}}
    keep = {"parameters": {"run": {"q": 1}}}
    null = {"parameters": {"run": {"q": 1, "p": None}}}
    assert differences("Deployment", keep, live, hidden=hidden) != {}
    assert differences("Deployment", null, live, hidden=hidden) != {}
    assert differences("Deployment", live, keep, hidden=hidden) != {}
    given = {"parameters": {"run": {"p": "x", "q": 1}}}
    assert differences("Deployment", given, live, hidden=hidden) == {}


def test_files_are_compared_by_digest(differences: Tell) -> None:
    new, old = {"artifact": {"digest": "sha256:1"}}, {"artifact": {"digest": "sha256:2"}}
    assert differences("Image", new, old) == {"spec.artifact": ("sha256:2", "sha256:1")}
    assert differences("Image", new, new) == {}
    assert differences("Image", new, {}) == {}
    assert differences("Image", new, {}, reasons=True) == {"spec.artifact": NO_DIGEST}


def test_a_deferred_change_is_skipped_with_its_reason(differences: Tell) -> None:
    desired, live = {"metadata": {"description": "new"}}, {"metadata": {"description": "old"}}
    assert differences("Image", desired, live) == {}
    assert "next" in differences("Image", desired, live, reasons=True)["metadata.description"]


# --- ignoreChanges -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "pattern", "hit"),
    [
        (("spec", "steps", "train", "command"), "spec.steps.train.command", True),
        (("spec", "steps", "train", "command"), "spec.steps", True),
        (("spec", "steps", "train", "command"), "spec.steps.*.command", True),
        (("spec", "steps", "train", "deep", "command"), "spec.steps.*.command", False),
        (("spec", "steps", "a.b", "command"), "spec.steps.*.command", True),
        (("spec", "stepsize"), "spec.steps", False),
        (("spec", "list", 0, "name"), "spec.list[0].name", True),
        (("spec", "list", 0), "spec.list", True),
        (("spec", "list", 1, "name"), "spec.list[*].name", True),
        (("spec", "env", "AWS_KEY"), "spec.env.AWS_*", True),
        (("spec", "env", "GCP_KEY"), "spec.env.AWS_*", False),
    ],
)
def test_a_pattern_names_a_field_and_what_is_below(path: Any, pattern: str, hit: bool) -> None:
    assert is_ignored(path, (pattern,)) is hit


def test_an_ignored_change_is_skipped(differences: Tell) -> None:
    ignored = ("spec.steps.*.command",)
    left, right = steps(command="a"), steps(command="b")
    assert differences("Workflow", left, right, ignored=ignored) == {}
    found = differences("Workflow", left, right, ignored=ignored, reasons=True)
    assert found == {"spec.steps.train.command": IGNORED}


# --- secrets, unknowns, the walk -----------------------------------------------------------


def test_secrets_are_compared_and_hidden(differences: Tell, kinds: Mapping[str, Kind]) -> None:
    def service(value: Any) -> dict[str, Any]:
        return {"metadata": {"name": "x"}, "spec": {"parameters": {"env": {"A": value}}}}

    (change,) = compare(kinds["Service"], service(Secret("new")), service("old")).changes
    assert (change.sensitive, change.before, change.after) == (True, Secret("old"), Secret("new"))
    assert "old" not in repr(change)
    same = compare(kinds["Service"], service(Secret("x")), service("x"))
    assert same.changes == ()
    again = compare(kinds["Service"], service(Secret("x")), service(Secret("x")))
    assert again.changes == ()


def test_a_secret_that_is_new_or_goes_is_told(differences: Tell) -> None:
    desired = {"parameters": {"env": {"A": Secret("x")}}}
    found = differences("Service", desired, {"parameters": {"env": {}}})
    assert found == {"spec.parameters.env.A": (MISSING, Secret("x"))}


def test_what_is_not_known_yet_differs_from_what_is_live(differences: Tell) -> None:
    unknown = Unknown(Key("Image", "a"), "version")
    found = differences(
        "Service",
        {"imageDetails": {"imageId": 1, "versionId": unknown}},
        {"imageDetails": {"imageId": 1, "versionId": 2}},
    )
    assert found == {"spec.imageDetails.versionId": (2, unknown)}


def test_items_of_lists_are_compared_without_a_look_into_secrets() -> None:
    new = Unknown(Key("Image", "a"), "id")
    before = [Secret("a"), {"x": Secret("b"), "y": [1]}, new, UNSEEN]
    after = [Secret("a"), {"x": Secret("c"), "y": [1]}, new, UNSEEN]
    assert differing_paths({"l": before}, {"l": after}) == [("l", 1, "x"), ("l", 3)]


def test_the_walk_tells_roots_that_differ() -> None:
    assert differing_paths([1], [2]) == [(0,)]
    assert differing_paths([1], {}) == [()]
    assert differing_paths({"a": 1}, {}) == [("a",)]
    assert differing_paths({"a": 1, "b": 2}, {"a": 1, "b": 2}) == []
    assert differing_paths({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": "1"}}}) == [("a", "b", "c")]


def test_a_change_that_no_field_describes_has_no_call() -> None:
    spec = Field(frozenset({"object"}), Absent.REQUIRED)
    root = Field(frozenset({"object"}), Absent.REQUIRED, properties={"spec": spec})
    (change,) = compare(
        Kind("K", schema={}, compile_root=lambda: root), {"spec": {"a": 1}}, {"spec": {}}
    ).changes
    assert (change.path, change.call) == (("spec",), "")
