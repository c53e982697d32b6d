"""Resources under a prefix: names, what refers to them, and where they stand in manifests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peakctl.kinds.prefix import check_prefixed, with_prefix, without_prefix
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.manifests.parse import parse
from peakctl.manifests.render import Rendered
from peakctl.model import Archive, Key, Source
from peakctl.model.values import copy_tree, set_at, value_at

KINDS = load_kinds()
NAME, PARAMETERS = ("metadata", "name"), ("spec", "parameters")
TEXT = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: train, previousNames: [fit]}
spec: {type: workflow, artifact: {path: src}, buildDetails: {source: upload}}
---
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, summary: s}
spec:
  kind: workflow
  parameters: {run: [{name: level, type: string, required: false, title: t, description: d}]}
  config:
    steps:
      own:
        type: standard
        imageDetails: {name: train}
        command: a
        resources: {instanceType: Nano, storage: 10GB}
      theirs:
        type: standard
        imageDetails: {name: shared, version: 1.0.0}
        command: b
        resources: {instanceType: Nano, storage: 10GB}
---
apiVersion: peakctl/v1
kind: AppSpec
metadata: {name: app, summary: s}
spec: {config: [{name: block}, {name: elsewhere, release: 1.0.0}]}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: run}
spec:
  appSpec: {name: app}
  parameters: {block: {run: {level: a}}, elsewhere: {run: {x: 1}}}
dependsOn: [Image/train]
lifecycle:
  ignoreChanges: [spec.parameters.block.run.level, spec.parameters.block, spec.parameters.blocks]
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: alone}
spec: {blockSpec: {name: block}, parameters: {run: {level: a}}}
lifecycle: {ignoreChanges: [spec.parameters.run]}
"""


def resources(text: str = TEXT) -> dict[Key, Any]:
    documents, problems = parse(Rendered(Source("/p/m.yaml", "m.yaml", text), text))
    found, more = read_resources(
        documents,
        KINDS,
        project_root=Path("/p"),
        pack=lambda found, _: [Archive("sha256:00", 0, bytes)] * len(found),
    )
    assert not problems
    assert not [each for each in more if str(each.severity) == "error"]
    return {resource.key: resource for resource in found}


def at(found: dict[Key, Any], kind: str, name: str, *path: Any) -> Any:
    return value_at(found[Key(kind, name)].values, path)


def test_names_have_it_and_what_is_declared_is_referred_to_by_it() -> None:
    found = with_prefix(resources(), KINDS, "pr-7-")
    assert sorted(map(str, found)) == [
        "AppSpec/pr-7-app",
        "BlockSpec/pr-7-block",
        "Deployment/pr-7-alone",
        "Deployment/pr-7-run",
        "Image/pr-7-train",
    ]
    assert all(at(found, key.kind, key.name, *NAME) == key.name for key in found)
    assert found[Key("Image", "pr-7-train")].previous_names == ("pr-7-fit",)
    assert found[Key("Deployment", "pr-7-run")].depends_on == (Key("Image", "pr-7-train"),)
    steps = at(found, "BlockSpec", "pr-7-block", "spec", "config", "steps")
    assert steps["own"]["imageDetails"] == {"name": "pr-7-train"}
    assert steps["theirs"]["imageDetails"] == {"name": "shared", "version": "1.0.0"}
    assert steps["own"]["resources"]["instanceType"] == "Nano"
    names = [each.name for each in found[Key("BlockSpec", "pr-7-block")].references]
    assert sorted(names) == ["Nano", "Nano", "pr-7-train", "shared"]


def test_what_another_manifest_of_the_project_declares_is_referred_to_by_it_too() -> None:
    text = TEXT.split("---\n")[1]
    found = with_prefix(resources(text), KINDS, "x-", [Key("Image", "train")])
    steps = at(found, "BlockSpec", "x-block", "spec", "config", "steps")
    names = [steps[step]["imageDetails"]["name"] for step in ("own", "theirs")]
    assert names == ["x-train", "shared"]


def test_values_for_parts_stand_under_live_names_and_are_located_by_them() -> None:
    before = resources()[Key("Deployment", "run")]
    found = with_prefix(resources(), KINDS, "pr-7-")
    after = found[Key("Deployment", "pr-7-run")]
    assert value_at(after.values, PARAMETERS) == {
        "pr-7-block": {"run": {"level": "a"}},
        "elsewhere": {"run": {"x": 1}},
    }
    assert after.ignore_changes == (
        "spec.parameters.pr-7-block.run.level",
        "spec.parameters.pr-7-block",
        "spec.parameters.blocks",
    )
    for path in (("block", "run", "level"), ("block",), ("elsewhere", "run"), ()):
        live = tuple("pr-7-block" if part == "block" else part for part in path)
        places = [
            document.locate((*PARAMETERS, *words))
            for document, words in ((before.document, path), (after.document, live))
        ]
        assert places[0] == places[1]
    assert after.document.locate(NAME) == before.document.locate(NAME)
    alone = found[Key("Deployment", "pr-7-alone")]
    assert value_at(alone.values, PARAMETERS) == {"run": {"level": "a"}}
    assert alone.ignore_changes == ("spec.parameters.run",)


@pytest.mark.parametrize("prefix", ["pr-7-", "b"])
def test_without_it_values_are_those_of_a_manifest(prefix: str) -> None:
    declared = resources()
    for key, resource in with_prefix(declared, KINDS, prefix).items():
        values = copy_tree(resource.values)
        for reference in resource.references:  # names of manifests, as an export has them
            if isinstance(value_at(values, reference.at), dict):
                set_at(values, (*reference.at, "name"), reference.name.removeprefix(prefix))
        plain = without_prefix(values, KINDS[key.kind], prefix)
        before = declared[Key(key.kind, key.name.removeprefix(prefix))].values
        assert plain == before


def test_what_has_another_name_is_left_as_it_is() -> None:
    values = {"metadata": {"name": "other"}, "spec": {}}
    assert without_prefix(values, KINDS["Workflow"], "pr-7-") is values
    assert without_prefix(values, KINDS["Workflow"], "") is values


def test_a_name_that_its_kind_does_not_allow_is_told_at_its_place() -> None:
    schema: Any = copy_tree(dict(KINDS["Image"].schema))
    rules = schema["properties"]["metadata"]["properties"]["name"]
    rules["maxLength"] = 9
    kinds = {**KINDS, "Image": replace(KINDS["Image"], schema=schema)}
    assert not list(check_prefixed(resources(), kinds, "pr-"))
    (problem,) = check_prefixed(resources(), kinds, "pr-7-")
    assert problem.code == "manifest/prefixed-name"
    assert (str(problem.locations[0]), problem.path) == ("m.yaml:3:12", ("metadata", "name"))
    assert '"pr-7-train"' in problem.summary
    assert "longer than 9" in problem.detail
