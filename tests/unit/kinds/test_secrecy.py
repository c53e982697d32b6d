"""Which places of documents are secret by what the schemas and other documents say."""

from __future__ import annotations

from typing import Any

from peakctl.kinds.fields import Absent, Field, Kind
from peakctl.kinds.secrecy import secret_places
from peakctl.kinds.store import load_kinds
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
    found = [path for _, path in secret_places([document], {"K": Kind("K", {}, root)})]
    assert found == [("kind",), ("a",)]
