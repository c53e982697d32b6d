"""Live resources as manifests: names for ids, nothing that says nothing, no secret."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.engine.export import (
    BY_FIELD,
    BY_FORM,
    IF_NONE,
    MASKED,
    SENSITIVE,
    UNREAD,
    Exported,
    Exporter,
    Referenced,
    UniqueNames,
    looks_secret,
    referenced,
)
from peakctl.engine.observe.live_state import LiveState
from peakctl.kinds.schemas import load_kinds
from peakctl.model import MASK, Key, Listed, Live, Secret
from peakctl.settings import credential_reason

KINDS = load_kinds()
MACHINE = Listed(20, "Pico", {"scope": "workflow"})
OTHER_MACHINE = Listed(45, "Pico", {"scope": "api-deployment"})
STEP: dict[str, Any] = {
    "type": "standard",
    "command": "python {{x}}",
    "imageId": 1,
    "imageVersionId": 7,
    "parents": [],
    "resources": {"instanceTypeId": 20, "storage": "10GB"},
}


def exported(
    kind: str,
    values: Any,
    *listed: tuple[str, Listed],
    newest: str = "",
    **live: Any,
) -> Exported:
    found: dict[str, tuple[Listed, ...]] = {}
    for name, item in listed:
        found[name] = (*found.get(name, ()), item)
    names = UniqueNames(LiveState(listed=found), KINDS, {})
    exporter = Exporter(names, lambda use: use.version == newest)
    key = Key(kind, values["metadata"]["name"])
    return exporter.export(Live(key, "id-1", values, **live), KINDS[kind], values)


def workflow(step: Any) -> dict[str, Any]:
    return {"metadata": {"name": "w", "tags": []}, "spec": {"metadata": None, "steps": {"a": step}}}


def test_what_a_resource_refers_to_is_found() -> None:
    found = referenced(KINDS["Workflow"], workflow({**STEP, "parameters": {"env": {"A": "1"}}}))
    assert Referenced(("Image",), "1", "7") in found
    assert Referenced(("InstanceType",), "20", None) in found
    deployment: Any = {"spec": {"blockSpec": {"id": "s", "release": {"version": "1.0.0"}}}}
    assert referenced(KINDS["Deployment"], deployment) == {Referenced(("BlockSpec",), "s", "1.0.0")}
    app: Any = {"spec": {"config": [{"id": "b", "release": {"version": "1.0.0"}}]}}
    assert referenced(KINDS["AppSpec"], app) == {Referenced(("BlockSpec",), "b", "1.0.0")}


def test_references_go_by_name_and_pin_only_older_versions() -> None:
    image = Listed(1, "forecast", numbers={"7": "1.3.0"})
    listed = (("Image", image), ("InstanceType", MACHINE), ("InstanceType", OTHER_MACHINE))
    pinned = exported("Workflow", workflow(STEP), *listed)
    assert pinned.values["spec"] == {
        "steps": {
            "a": {
                "command": "python {{x}}",
                "imageDetails": {"name": "forecast", "version": "1.3.0"},
                "resources": {"instanceType": "Pico", "storage": "10GB"},
            }
        }
    }
    assert pinned.values["metadata"] == {"name": "w"}
    newest: Any = exported("Workflow", workflow(STEP), *listed, newest="7").values
    assert newest["spec"]["steps"]["a"]["imageDetails"] == {"name": "forecast"}


def test_a_release_that_is_the_newest_is_not_pinned() -> None:
    values: Any = {
        "metadata": {"name": "d"},
        "spec": {"blockSpec": {"id": "s", "release": {"version": "1.0.0"}}},
    }
    spec = ("BlockSpec", Listed("s", "block"))
    older: Any = exported("Deployment", values, spec).values
    assert older["spec"]["blockSpec"] == {"name": "block", "release": "1.0.0"}
    newest: Any = exported("Deployment", values, spec, newest="1.0.0").values
    assert newest["spec"]["blockSpec"] == {"name": "block"}


def test_an_id_stays_with_a_comment_where_no_name_means_it_alone() -> None:
    twins = (("Image", Listed(1, "forecast")), ("Image", Listed(2, "forecast")))
    found = exported("Workflow", workflow(STEP), *twins)
    step: Any = found.values["spec"]
    assert step["steps"]["a"]["imageId"] == 1
    assert found.comments["spec", "steps", "a", "imageId"] == "no name means this Image alone"
    assert found.comments["spec", "steps", "a", "resources", "instanceTypeId"]


def test_own_versions_are_pinned_only_where_an_older_one_is_live() -> None:
    values: Any = {"metadata": {"name": "i"}, "spec": {"type": "api", "version": "1.0.0"}}
    newest = exported("Image", values, version="1.0.0", latest="1.0.0").values
    assert newest["spec"] == {"type": "api"}
    older = exported("Image", values, version="1.0.0", latest="1.1.0").values
    assert older["spec"] == {"type": "api", "version": "1.0.0"}


def test_folders_are_told_apart_from_values() -> None:
    folder: Any = {"kind": "workflow", "artifact": {"digest": "sha256:1"}}
    block: Any = {"metadata": {"name": "b"}, "spec": folder}
    assert exported("BlockSpec", block).archives == {("spec", "artifact"): "sha256:1"}
    artifact: Any = {"metadata": {"name": "a"}, "spec": {}}
    found = exported("Artifact", artifact)
    assert found.archives == {("spec", "artifact"): ""}
    assert found.values == {"metadata": {"name": "a"}, "spec": {}}


def test_secrets_become_variables_with_names_of_their_own() -> None:
    env = {"DB": Secret("x"), "TOKEN": "hunter2", "OK": "1", "FORM": "AKIA" + "A" * 16}
    parameters = {"env": env, "secrets": ["PIP_TOKEN"]}
    step = {**STEP, "parameters": parameters}
    two = workflow(step)
    two["spec"]["steps"]["b"] = {"command": MASK, "parameters": {"env": {"DB": Secret("y")}}}
    found = exported("Workflow", two)
    steps: Any = found.values["spec"]
    assert steps["steps"]["a"]["parameters"] == {
        "env": {
            "DB": "{{ os_env.W_ENV_DB }}",
            "TOKEN": "{{ os_env.W_ENV_TOKEN }}",
            "OK": "1",
            "FORM": "{{ os_env.W_ENV_FORM }}",
        },
        "secrets": ["PIP_TOKEN"],
    }
    assert [(v.name, v.why) for v in found.variables] == [
        ("W_ENV_DB", MASKED),
        ("W_ENV_TOKEN", BY_FIELD),
        ("W_ENV_FORM", BY_FORM),
        ("W_B_COMMAND", MASKED),
        ("W_ENV_DB_2", MASKED),
    ]


def test_an_id_without_a_version_stays_with_a_comment() -> None:
    """A name would follow the newest version, and the plan after the import would not be empty."""
    step = {word: each for word, each in STEP.items() if word != "imageVersionId"}
    found = exported("Workflow", workflow(step), ("Image", Listed(1, "base", {})))
    assert any("is open" in comment for comment in found.comments.values())


def test_a_variable_never_has_the_name_of_a_credential() -> None:
    """Templates may not read those: the manifest could not be applied."""
    exporter = Exporter(UniqueNames(LiveState(), KINDS, {}), lambda _: False)
    key, path = Key("Service", "peak"), ("spec", "auth_token")
    found = exporter.variable(key, path, "", label="auth-token")
    assert credential_reason("PEAK_AUTH_TOKEN")
    assert found.name == "VALUE_PEAK_AUTH_TOKEN"
    assert exporter.variable(key, path, "", label="auth-token").name == "VALUE_PEAK_AUTH_TOKEN_2"


def test_pairs_of_name_and_value_count_by_their_name() -> None:
    pairs = [{"name": "MODE", "value": "fast"}, {"name": "GIT_TOKEN", "value": "hunter2"}]
    values: Any = {
        "metadata": {"name": "1 image"},
        "spec": {"type": "api", "buildDetails": {"buildArguments": pairs, "useCache": True}},
    }
    found = exported("Image", values)
    assert "hunter2" not in str(found)
    assert all(variable.name.startswith("VALUE_1_IMAGE") for variable in found.variables)


def test_fields_that_hold_secrets_are_told_as_such() -> None:
    values: Any = {
        "metadata": {"name": "w"},
        "spec": {
            "watchers": [{"webhook": {"name": "n", "url": Secret("https://x")}, "events": {}}]
        },
    }
    assert [v.why for v in exported("Workflow", values).variables] == [SENSITIVE]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("A", "", ""),
        ("PASSWORD", "hunter2", BY_FIELD),
        ("api-key", "x", BY_FIELD),
        ("PASSWORD", "DB_PASSWORD", ""),
        ("PASSWORD", "@param:password", ""),
        ("A", "postgres://u:p@host/db", BY_FORM),
        ("A", "https://host/path", ""),
        ("A", "-----BEGIN RSA PRIVATE KEY-----", BY_FORM),
        ("tokenizer", "bpe", ""),
        ("url", "https://hooks.slack.com/services/T0", BY_FORM),
    ],
)
def test_what_looks_like_a_secret(name: str, value: str, why: str) -> None:
    assert looks_secret(("spec", "parameters", "env", name), value) == why


def test_names_of_secrets_are_no_secrets() -> None:
    assert looks_secret(("spec", "headers", "secrets", "X-Api-Key"), "weather") == ""
    assert looks_secret((0,), "x") == ""


def test_what_the_schema_does_not_have_or_nobody_may_write_is_left_out() -> None:
    step = {**STEP, "other": {"imageId": 1}, "resources": {"instanceTypeId": "@param:machine"}}
    values = workflow(step)
    values["spec"]["unknown"] = 1
    found = exported("Workflow", values)
    spec: Any = found.values["spec"]
    assert "unknown" not in spec
    assert spec["steps"]["a"]["resources"] == {"instanceTypeId": "@param:machine"}
    assert ("spec", "steps", "a", "resources", "instanceTypeId") not in found.comments
    assert Referenced(("InstanceType",), "@param:machine", None) not in referenced(
        KINDS["Workflow"], values
    )
    git = {"url": "https://x", "branch": "main", "token": "hunter2"}
    app = exported("Workflow", workflow({"imageId": 1, "repository": git, "command": "x"}))
    assert "hunter2" not in str(app)


def test_a_secret_that_no_read_returns_is_asked_for_where_it_belongs() -> None:
    git = {"url": "https://x", "branch": "main"}
    found = exported("Workflow", workflow({**STEP, "repository": git}))
    spec: Any = found.values["spec"]
    token = "{{ os_env.W_REPOSITORY_TOKEN }}"
    assert spec["steps"]["a"]["repository"] == {**git, "token": token}
    assert [(v.name, v.why) for v in found.variables] == [("W_REPOSITORY_TOKEN", UNREAD)]
    assert found.comments["spec", "steps", "a", "repository", "token"] == IF_NONE
