"""Values for parameters that a spec declares: checked against it, and told apart from masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from peakctl.engine.plan.parameters import Parameters, has_type
from peakctl.kinds.schemas import load_kinds
from peakctl.model import EMPTY, Document, Key, Live, Location, Reference, Resource, Secret

STEP = {"command": "c", "imageDetails": {"id": 1, "versionId": 2}}


def parameter(name: str, type: str = "string", **more: Any) -> Any:  # noqa: A002
    return {"name": name, "type": type, "required": False, **more}


def block(lab: Any, *run: Any, name: str = "b", build: Any = ()) -> Any:
    spec = {
        "kind": "workflow",
        "config": {"steps": {"train": STEP}},
        "parameters": {"build": list(build), "run": list(run)},
    }
    return lab.manifest("BlockSpec", name, spec, {"summary": "s"})


def app(lab: Any, *blocks: str) -> Any:
    spec = {"config": [{"name": name} for name in blocks]}
    return lab.manifest("AppSpec", "app", spec, {"summary": "s"})


def of_block(lab: Any, **run: Any) -> Any:
    spec = {"blockSpec": {"name": "b"}, "parameters": {"run": run}}
    return lab.manifest("Deployment", "d", spec)


def of_app(lab: Any, **spec: Any) -> Any:
    return lab.manifest("Deployment", "d", {"appSpec": {"name": "app"}, **spec})


def told(planned: Any) -> list[tuple[str, str]]:
    return [(d.code.removeprefix("manifest/parameter-"), d.fix) for d in planned.diagnostics]


def test_values_that_are_declared_are_fine(lab: Any) -> None:
    planned = lab.plan(
        block(lab, parameter("a", required=True), parameter("b", "number_array")),
        of_block(lab, a="x", b=[1, 2.5]),
    )
    assert planned.ok
    assert len(planned.plan.actions) == 2


def test_an_undeclared_value_is_told_with_the_nearest(lab: Any) -> None:
    planned = lab.plan(block(lab, parameter("agg_type")), of_block(lab, agg_typo="x", zzz="y"))
    assert told(planned) == [
        ("unknown", "did you mean: agg_type"),
        ("unknown", "remove it, or declare it in the spec"),
    ]
    assert planned.diagnostics[0].detail == "declared: agg_type"


def test_a_required_value_is_owed_unless_it_has_a_default(lab: Any) -> None:
    declared = [
        parameter("a", required=True),
        parameter("b", required=True, defaultValue="x"),
    ]
    planned = lab.plan(block(lab, *declared), of_block(lab))
    assert told(planned) == [("missing", "add spec.parameters.run.a")]


def test_a_required_value_that_conditions_may_disable_is_not_owed(lab: Any) -> None:
    when = [{"dependsOn": "b", "operator": "equals", "value": "x"}]
    declared = [parameter("a", required=True, conditions=when), parameter("b")]
    assert lab.plan(block(lab, *declared), of_block(lab)).ok


def test_a_value_has_the_type_and_is_one_of_the_options(lab: Any) -> None:
    options = [{"title": "Average", "value": "AVG"}, {"title": "Sum", "value": "SUM"}]
    declared = [
        parameter("a", options=options),
        parameter("b", "string_array", options=options),
        parameter("c", "number"),
    ]
    planned = lab.plan(block(lab, *declared), of_block(lab, a="MAX", b=["AVG", "MAX"], c="1"))
    assert told(planned) == [
        ("invalid", "use one of: AVG, SUM"),
        ("invalid", "use one of: AVG, SUM"),
        ("invalid", "change the value to that type"),
    ]
    assert lab.plan(block(lab, *declared), of_block(lab, a="AVG", b=["SUM"], c=1)).ok


def test_a_live_spec_declares_too(lab: Any) -> None:
    lab.BlockSpec.put("b", block(lab, parameter("a", required=True))["spec"])
    lab.BlockSpec.pins[("b", None)] = {"id": "b-1", "version": "1.0.0"}
    assert told(lab.plan(of_block(lab))) == [("missing", "add spec.parameters.run.a")]


def test_a_live_spec_that_went_meanwhile_declares_nothing(lab: Any) -> None:
    lab.BlockSpec.listed = (lab.listed(1, "b"),)
    assert lab.plan(of_block(lab, a="x")).ok


def test_a_spec_without_parameters_declares_none(lab: Any) -> None:
    bare = block(lab)
    del bare["spec"]["parameters"]
    assert told(lab.plan(bare, of_block(lab, a="x"))) == [
        ("unknown", "remove it, or declare it in the spec")
    ]


def test_a_kind_that_declares_nothing_allows_everything(lab: Any) -> None:
    lab.kinds["BlockSpec"] = replace(lab.kinds["BlockSpec"], defines=())
    assert lab.plan(block(lab), of_block(lab, a="x")).ok


def test_a_masked_value_counts_as_equal(lab: Any) -> None:
    declared = block(lab, parameter("token", hideValue=True))
    lab.BlockSpec.put(
        "b",
        {**declared["spec"], "release": {"version": "1.0.0"}},
        {"summary": "s"},
        id="b-1",
        version="1.0.0",
        latest="1.0.0",
        attributes={"id": "b-1", "version": "1.0.0"},
    )
    spec = {"blockSpec": {"id": "b-1", "release": {"version": "1.0.0"}}}
    lab.Deployment.put("d", {**spec, "parameters": {"run": {"token": "<hidden>"}}})
    action = lab.plan(declared, of_block(lab, token=Secret("t"))).plan.actions[-1]
    assert action.changes == ()
    assert [s.path[-1] for s in action.skipped] == ["token"]


# --- apps ----------------------------------------------------------------------------------


def test_values_stand_under_the_name_of_each_block(lab: Any) -> None:
    documents = (
        block(lab, parameter("a", required=True), name="one"),
        block(lab, parameter("b"), name="two"),
        app(lab, "one", "two"),
    )
    good = of_app(lab, parameters={"one": {"run": {"a": "x"}}, "two": {"run": {"b": "y"}}})
    assert lab.plan(*documents, good).ok
    wrong = of_app(lab, parameters={"one": {"run": {"b": "x"}}})
    assert [code for code, _ in told(lab.plan(*documents, wrong))] == ["unknown", "missing"]


def test_values_for_the_app_are_inherited_by_its_blocks(lab: Any) -> None:
    documents = (block(lab, parameter("a", required=True), name="one"), app(lab, "one"))
    assert lab.plan(*documents, of_app(lab, appParameters={"run": {"a": "x"}})).ok
    wrong = of_app(lab, appParameters={"run": {"a": "x", "zzz": "y"}})
    assert [code for code, _ in told(lab.plan(*documents, wrong))] == ["unknown"]


def test_a_block_that_is_left_out_declares_nothing_for_the_deployment(lab: Any) -> None:
    blocks = [block(lab, parameter("x", required=True), name=name) for name in ("b", "c")]
    given = of_app(
        lab,
        appSpec={"name": "app", "excludes": [{"name": "c"}]},
        appParameters={"run": {"x": "1"}},
    )
    assert lab.plan(*blocks, app(lab, "b", "c"), given).ok


def test_with_live_blocks_other_names_may_be_declared(lab: Any) -> None:
    lab.BlockSpec.put("two", id="b-2")
    lab.BlockSpec.pins[("two", None)] = {"id": "b-2", "version": "1.0.0"}
    documents = (block(lab, parameter("a"), name="one"), app(lab, "one", "two"))
    assert lab.plan(*documents, of_app(lab, appParameters={"run": {"zzz": "y"}})).ok


def test_a_live_app_does_not_tell_what_its_blocks_declare(lab: Any) -> None:
    lab.AppSpec.put("app", {"config": []}, {"summary": "s"})
    lab.AppSpec.pins[("app", None)] = {"id": "a-1", "version": "1.0.0"}
    assert lab.plan(of_app(lab, appParameters={"run": {"zzz": "y"}})).ok
    assert Key("AppSpec", "app") in lab.observe(lab.resources(of_app(lab))).definitions


def sealed(planned: Any) -> Any:
    """Which values of the deployment are secret."""
    spec = next(a for a in planned.plan.actions if a.key.kind == "Deployment").desired["spec"]
    told = {**spec.get("parameters", {}), "whole": spec.get("appParameters", {})}
    return {
        f"{part}.{name}"
        for part, groups in told.items()
        for group in groups.values()
        for name, value in group.items()
        if isinstance(value, Secret)
    }


def test_values_for_parts_that_are_only_live_may_be_hidden_and_are_not_shown(lab: Any) -> None:
    lab.AppSpec.put("app", {"config": [], "parameters": {"run": [parameter("open")]}})
    lab.AppSpec.pins[("app", None)] = {"id": "a-1", "version": "1.0.0"}
    whole = {"run": {"open": "1", "x": "2"}}
    planned = lab.plan(of_app(lab, parameters={"b": {"run": {"x": "1"}}}, appParameters=whole))
    assert sealed(planned) == {"b.x", "whole.x"}


def test_values_for_an_app_that_went_meanwhile_are_not_shown(lab: Any) -> None:
    lab.AppSpec.listed = (lab.listed(1, "app"),)
    lab.AppSpec.pins[("app", None)] = {"id": "a-1", "version": "1.0.0"}
    given = of_app(lab, appParameters={"run": {"x": "1"}})
    assert sealed(lab.plan(given)) == {"whole.x"}


def test_values_for_parts_that_are_declared_are_shown_unless_they_are_hidden(lab: Any) -> None:
    run = (parameter("x"), parameter("y", hideValue=True))
    given = {"b": {"run": {"x": "1", "y": "2"}}}
    spec = (block(lab, *run), app(lab, "b"))
    assert sealed(lab.plan(*spec, of_app(lab, parameters=given))) == {"b.y"}


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        ("x", "string", True),
        (1, "string", False),
        (1, "number", True),
        (1.5, "number", True),
        (True, "number", False),
        (True, "boolean", True),
        (1, "boolean", False),
        ({}, "object", True),
        ([1], "number_array", True),
        (["x"], "number_array", False),
        ("x", "string_array", False),
        (object(), "unheard", True),
        (None, "string", True),
    ],
)
def test_types_of_values(value: Any, wanted: str, expected: bool) -> None:
    assert has_type(value, wanted) is expected


# --- a spec by its id ----------------------------------------------------------------------


def of(resource: Resource, resources: Any = EMPTY, live: Mapping[Key, Live] = EMPTY) -> Parameters:
    return Parameters(resource, resources, load_kinds(), live)


def by_id(release: str = "1.0.0", **spec: Any) -> dict[str, Any]:
    named = {"id": "b", "release": {"version": release}}
    return {"metadata": {"name": "d"}, "spec": {"blockSpec": named, **spec}}


@pytest.mark.parametrize(
    ("live", "untold"),
    [({}, True), (by_id(), False), (by_id("0.9.0"), True), ({"spec": None}, True)],
)
def test_values_for_a_spec_by_its_id_are_secret_until_its_release_is_read(
    live: Any, untold: bool
) -> None:
    document = Document({}, "a.yaml", "/", lambda _: Location("a.yaml", 1, 1))
    resource = Resource(Key("Deployment", "d"), by_id(), document)
    found = of(resource).unread_paths(by_id(), live)
    wanted = {("spec", "parameters"), ("spec", "appParameters")}
    assert found == (wanted if untold else set())
    service = Resource(Key("Service", "s"), {}, document)
    assert of(service).unread_paths({}, {}) == frozenset()


def test_values_for_a_spec_by_its_name_are_told_by_that() -> None:
    document = Document({}, "a.yaml", "/", lambda _: Location("a.yaml", 1, 1))
    at = ("spec", "blockSpec")
    named = Reference(at, ("BlockSpec",), "b", None, (*at, "id"), None)
    part = replace(named, at=("spec", "x", 0))
    for references, untold in (((named,), False), ((part,), True), ((named, part), False)):
        resource = Resource(Key("Deployment", "d"), by_id(), document, references=references)
        assert bool(of(resource).unread_paths(by_id(), {})) is untold


@pytest.mark.parametrize(
    ("wanted", "newest", "secret"),
    [(None, "1.1.0", False), ("1.1.0", "1.1.0", False), ("1.0.0", "1.1.0", True)],
)
@pytest.mark.parametrize("declared", [True, False])
def test_values_for_another_release_than_the_known_one_are_secret(
    wanted: str | None, newest: str, secret: bool, declared: bool
) -> None:
    """What the newest release shows may well be hidden by an older one."""
    spec = {
        "kind": "workflow",
        "release": {"version": newest},
        "config": {"steps": {"train": STEP}},
        "parameters": {"build": [], "run": [parameter("a")]},
    }
    document = Document({}, "a.yaml", "/", lambda _: Location("a.yaml", 1, 1))
    key = Key("BlockSpec", "b")
    resource = Resource(key, {"metadata": {"name": "b"}, "spec": spec}, document)
    at = ("spec", "blockSpec")
    reference = Reference(at, ("BlockSpec",), "b", wanted, (*at, "id"), None)
    world = EMPTY if declared else {key: Live(key, "s", resource.values)}
    resources = {key: resource} if declared else {}
    assert of(resource, resources, world).is_known_release(reference) is not secret
    assert of(resource).is_known_release(reference) is (wanted is None)
