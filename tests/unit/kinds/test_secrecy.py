"""Which places of documents are secret by what the schemas and other documents say."""

from __future__ import annotations

from typing import Any

from peakctl.errors import Severity
from peakctl.kinds.fields import Absent, Field, Kind
from peakctl.kinds.problems import Problems
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.secrecy import secret_places, warn_of_shown
from peakctl.model import Document, Location, Secret


def places(*values: Any) -> list[Any]:
    documents = [Document(v, "m", "/", lambda _: Location("m", 1, 1)) for v in values]
    return [path for _, path in secret_places(documents, load_kinds())]


def test_sensitive_fields_of_valid_and_wrong_documents() -> None:
    details = {"buildArguments": [{"name": "a", "value": "x"}, 7], "token": Secret("t")}
    image = {"kind": "Image", "spec": {"buildDetails": details}}
    at = ("spec", "buildDetails", "buildArguments", 0, "value")
    assert places(image, {"kind": ["Image"]}, {"kind": "Nothing"}, {"spec": 1}) == [at]


def test_values_of_hidden_parameters_wherever_they_stand() -> None:
    run: list[Any] = [{"name": "key", "hideValue": True}, {"name": "mode"}, "odd"]
    block = {"kind": "BlockSpec", "spec": {"parameters": {"run": run}}}
    given = {"b": {"run": {"key": "x", "mode": "y"}}, "key": {"nested": 1}}
    deployment = {"kind": "Deployment", "spec": {"parameters": given}}
    assert places(block, deployment) == [("spec", "parameters", "b", "run", "key")]


def test_what_a_sensitive_map_holds_beyond_its_properties() -> None:
    root = Field(frozenset({"object"}), Absent.REQUIRED, sensitive=True)
    document = Document({"kind": "K", "a": "x"}, "m", "/", lambda _: Location("m", 1, 1))
    found = [path for _, path in secret_places([document], {"K": Kind("K", {}, lambda: root)})]
    assert found == [("kind",), ("a",)]


def warned(value: dict[str, Any]) -> list[Any]:
    document = Document(value, "m", "/", lambda _: Location("m", 1, 1))
    problems = Problems(document)
    warn_of_shown(load_kinds()[value["kind"]].root, value, problems)
    assert {(d.code, d.severity) for d in problems.found} <= {
        ("manifest/shown-secret", Severity.WARNING)
    }
    return [d.path for d in problems.found]


def test_a_value_of_the_environment_in_what_everyone_sees_is_a_warning() -> None:
    secret = Secret("s3cret")
    metadata = {
        "title": secret,
        "summary": "plain",
        "tags": [{"name": secret}],
        "labels": {"a": secret},
    }
    spec = {
        "kind": "workflow",
        "release": {"notes": secret},
        "parameters": {"run": [{"name": "a", "description": secret, "defaultValue": secret}]},
    }
    assert warned({"kind": "BlockSpec", "metadata": metadata, "spec": spec}) == [
        ("metadata", "title"),
        ("metadata", "tags", 0, "name"),
        ("spec", "release", "notes"),
        ("spec", "parameters", "run", 0, "description"),
    ]


def test_a_free_key_of_that_name_is_not_shown_to_everyone() -> None:
    env = {"title": Secret("s3cret"), "notes": Secret("s3cret")}
    spec = {"steps": {"description": {"parameters": {"env": env}}}}
    assert warned({"kind": "Workflow", "metadata": {}, "spec": spec}) == []
    assert warned({"kind": "Artifact", "metadata": [Secret("x")], "spec": {"x": Secret("y")}}) == []
