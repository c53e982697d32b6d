"""A mask where a value belongs is an error, wherever a secret can stand."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.kinds.problems import Problems
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.secrecy import check_masks, masks, warn_of_short
from peakctl.model import Document, Location, Secret, dotted

KINDS = load_kinds()
MASKS = ("********", "***", "••••", "(sensitive)", "(not shown)", "(known after apply)", " **** ")


def found(kind: str, spec: Any, metadata: Any = None) -> list[str]:
    tree = {"metadata": metadata or {"name": "x"}, "spec": spec}
    return [dotted(path) for path in masks(KINDS[kind].root, tree, ())]


def step(**fields: Any) -> dict[str, Any]:
    return {"steps": {"a": fields}}


PLACES: list[tuple[str, Any, str]] = [
    ("Image", lambda m: {"buildDetails": {"source": "github", "token": m}}, "buildDetails.token"),
    (
        "Image",
        lambda m: {"buildDetails": {"buildArguments": [{"name": "A", "value": m}]}},
        "buildDetails.buildArguments[0].value",
    ),
    ("Service", lambda m: {"parameters": {"env": {"A": m}}}, "parameters.env.A"),
    ("Service", lambda m: {"parameters": {"secrets": [m]}}, "parameters.secrets[0]"),
    (
        "Workflow",
        lambda m: {"watchers": [{"webhook": {"name": "n", "url": m}}]},
        "watchers[0].webhook.url",
    ),
    ("Workflow", lambda m: step(type="sql", repository={"token": m}), "steps.a.repository.token"),
    (
        "Workflow",
        lambda m: step(type="http", headers={"absolute": {"X": m}}),
        "steps.a.headers.absolute.X",
    ),
    ("Workflow", lambda m: step(type="http", payload=m), "steps.a.payload"),
    ("Workflow", lambda m: step(type="http", url=m), "steps.a.url"),
    ("Workflow", lambda m: step(command=m), "steps.a.command"),
    ("Workflow", lambda m: step(parameters={"env": {"A": m}}), "steps.a.parameters.env.A"),
    ("Deployment", lambda m: {"parameters": {"run": {"key": m}}}, "parameters.run.key"),
    ("Deployment", lambda m: {"parameters": {"b": {"run": {"k": m}}}}, "parameters.b.run.k"),
    ("Deployment", lambda m: {"parameters": {"build": {"k": [m]}}}, "parameters.build.k[0]"),
    (
        "BlockSpec",
        lambda m: {"parameters": {"run": [{"name": "a", "defaultValue": m}]}},
        "parameters.run[0].defaultValue",
    ),
    ("BlockSpec", lambda m: {"kind": "service", "config": {"parameters": {"env": {"A": m}}}},
     "config.parameters.env.A"),
]  # fmt: skip


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("kind", "spec", "place"), PLACES, ids=[p for _, _, p in PLACES])
def test_a_mask_is_found_where_a_secret_can_stand(
    kind: str, spec: Any, place: str, mask: str
) -> None:
    assert found(kind, spec(mask)) == [f"spec.{place}"]
    assert found(kind, spec(Secret(mask))) == [f"spec.{place}"]  # a masked CI variable
    assert found(kind, spec("plain")) == []


def test_a_part_of_a_value_may_be_a_mask() -> None:
    hook = {"watchers": [{"webhook": {"url": "https://chat/(sensitive)"}}]}
    assert found("Workflow", hook) == ["spec.watchers[0].webhook.url"]
    starred = {"watchers": [{"webhook": {"url": "https://chat/****"}}]}
    assert found("Workflow", starred) == ["spec.watchers[0].webhook.url"]
    assert found("Workflow", step(command="run --key (sensitive)")) == ["spec.steps.a.command"]
    assert found("Workflow", step(command="ls ****/x")) == []


def test_a_key_that_is_a_mask_is_told_too() -> None:
    assert found("Service", {"parameters": {"env": {"(sensitive)": "a"}}}) == [
        "spec.parameters.env.(sensitive)"
    ]


def test_text_for_people_may_tell_of_masks() -> None:
    described = {"name": "x", "summary": "***", "description": "a (sensitive) matter"}
    assert found("BlockSpec", {}, described) == []
    told = {"release": {"notes": "hide (sensitive) words"},
            "parameters": {"run": [{"description": "Password (sensitive)"}]}}  # fmt: skip
    assert found("BlockSpec", told) == []
    assert found("BlockSpec", {}, {"name": "x", "description": "(sensitive)"}) == [
        "metadata.description"
    ]


@pytest.mark.parametrize("value", ["*", "**", "* * * * *", "*/5 * * * *", "", None, 3, True, ["*"]])
def test_what_only_looks_like_a_mask_is_none(value: Any) -> None:
    assert found("Service", {"parameters": {"env": {"A": value}}}) == []


def test_what_the_schema_does_not_know_is_looked_at_as_well() -> None:
    assert found("Service", {"nothing": [{"of": "(sensitive)"}]}) == ["spec.nothing[0].of"]


def test_the_problem_has_a_place_and_the_way_out() -> None:
    document = Document({}, "a.yaml", "/", lambda path: Location("a.yaml", len(path), 1))
    problems = Problems(document)
    spec = {"parameters": {"env": {"A": "****", "B": "(sensitive)"}}}
    check_masks(KINDS["Service"].root, {"spec": spec}, problems)
    first, second = problems.found
    assert (first.code, first.path) == ("manifest/mask", ("spec", "parameters", "env", "A"))
    assert first.locations == (Location("a.yaml", 4, 1),)
    assert "{{ os_env.NAME }}" in second.fix
    assert not problems.clean


@pytest.mark.parametrize(
    ("value", "warned"),
    [("abc", True), (7, True), ("abcd", False), (1234, False), ("", False), (True, False)],
)
def test_a_secret_too_short_to_be_looked_for_is_warned_of(value: Any, warned: bool) -> None:
    document = Document({}, "a.yaml", "/", lambda path: Location("a.yaml", len(path), 1))
    problems = Problems(document)
    tree = {"spec": {"env": [{"A": Secret(value)}, "x"], "b": 1}}
    warn_of_short(tree, problems)
    found = [(d.code, d.path) for d in problems.found]
    assert found == ([("manifest/short-secret", ("spec", "env", 0, "A"))] if warned else [])
    assert problems.clean
