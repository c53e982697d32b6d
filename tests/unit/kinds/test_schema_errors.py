"""A wrong type is told in plain words, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from peakctl.errors import Diagnostic
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.manifests.parse import parse
from peakctl.manifests.render import Rendered
from peakctl.model import Source

SERVICE = "kind: Service\nmetadata: {name: api, title: Api}\nspec: {serviceType: api, "
WORKFLOW = "kind: Workflow\nmetadata: {name: nightly}\nspec: {triggers: [{webhook: true}], steps: "


def told(text: str) -> Diagnostic:
    text = f"apiVersion: peakctl/v1\n{text}"
    documents, _ = parse(Rendered(Source("/project/m.yaml", "m.yaml", text), text))
    _, problems = read_resources(documents, load_kinds(), project_root=Path("/project"))
    return problems[0]


@pytest.mark.parametrize(
    ("text", "summary", "fix"),
    [
        (
            SERVICE + "imageDetails: price-serve}",
            'imageDetails: expected mapping, got string "price-serve"',
            "write imageDetails: {name: price-serve}",
        ),
        (
            SERVICE + 'imageDetails: {name: i}, minInstances: "2"}',
            'minInstances: expected integer, got string "2"',
            "write minInstances: 2",
        ),
        (
            SERVICE + "imageDetails: {name: i}, minInstances: two}",
            'minInstances: expected integer, got string "two"',
            "write minInstances: 1",
        ),
        (
            SERVICE + "imageDetails: {name: i}, sessionStickiness: 1}",
            "sessionStickiness: expected boolean, got integer 1",
            "write sessionStickiness: true",
        ),
        (
            SERVICE + "imageDetails: [i]}",
            "imageDetails: expected mapping, got list",
            "write imageDetails: {name: <name>}",
        ),
        (
            WORKFLOW + "{a: {imageDetails: {name: i}, command: x, parents: b}}}",
            'parents: expected list, got string "b"',
            "write parents: [b]",
        ),
        (
            WORKFLOW + "{a: {imageDetails: {name: i}, command: [x]}}}",
            "command: expected string, got list",
            "write command: <command>",
        ),
        (
            WORKFLOW + "{a: {imageDetails: {name: i}, command: x, resources: null}}}",
            "resources: expected mapping, got null",
            "write resources: {storage: <storage>}, or remove resources",
        ),
        (
            "kind: AppSpec\nmetadata: {name: a, summary: a}\nspec: {config: forecast}",
            'config: expected list, got string "forecast"',
            "write config: [{name: forecast}]",
        ),
        (
            "kind: Artifact\nmetadata: {name: yes it is}\nspec: {artifact: ../src}",
            'artifact: expected mapping, got string "../src"',
            "write artifact: {path: ../src}",
        ),
        (
            "kind: Artifact\nmetadata: {name: true}\nspec: {artifact: {path: .}}",
            "name: expected string, got boolean true",
            'quote it: "true"',
        ),
        (
            "kind: BlockSpec\nmetadata: {name: b, summary: b}\nspec: {kind: workflow, "
            "config: {steps: {}}, parameters: {build: {name: x}}}",
            "build: expected list, got mapping",
            "write build: [{name: <name>, type: <type>, required: true}]",
        ),
        (
            "kind: Artifact\nmetadata: {name: a, labels: x}\nspec: {artifact: {path: .}}",
            'labels: expected mapping, got string "x"',
            "write labels: {<name>: <value>}",
        ),
        (
            "kind: Service\nmetadata: {name: api, title: Api}\nspec: {serviceType: api, "
            "imageDetails: {name: i}, parameters: {env: [1]}}",
            "env: expected mapping, got list",
            "write env: {<name>: <value>}",
        ),
    ],
)
def test_a_wrong_type_is_told_with_an_example(text: str, summary: str, fix: str) -> None:
    found = told(text)
    assert (found.code, found.summary, found.fix) == ("manifest/wrong-type", summary, fix)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (
            "kind: Artifact\nmetadata:\n  name:x\nspec: {artifact: {path: .}}",
            "YAML wants a space after the colon of a key",
        ),
        (
            "kind: Artifact\nmetadata:\n  name:\u00a0x\nspec: {artifact: {path: .}}",
            "it holds U+00A0 (NO-BREAK SPACE), which is no space to YAML",
        ),
        ("kind: Artifact\nmetadata: x\nspec: {artifact: {path: .}}", ""),
    ],
)
def test_the_cause_of_a_wrong_type_is_told(text: str, detail: str) -> None:
    assert told(text).detail == detail


@pytest.mark.parametrize(
    ("value", "shown"), [("null", "null"), ("[a]", "a list"), ("{}", "a mapping")]
)
def test_what_is_no_word_at_all_is_told_by_its_type(value: str, shown: str) -> None:
    found = told(
        f"kind: BlockSpec\nmetadata: {{name: b, summary: b}}\nspec: {{kind: {value}, config: {{}}}}"
    )
    assert found.summary == f"{shown} is not a value of kind"


@pytest.mark.parametrize(
    ("text", "path", "fix"),
    [
        (
            "metadata: {name: a}\nspec: {title: A, config: []}",
            "title",
            "title belongs to metadata.title",
        ),
        ("metadata: {name: a, scope: public}\nspec: {}", "scope", "scope belongs to spec.scope"),
        ("name: a\nmetadata: {}\nspec: {}", "name", "name belongs to metadata.name"),
        (
            "metadata: {}\nspec: {metadata: {name: a}}",
            "metadata",
            "metadata belongs beside spec, not in it",
        ),
        (
            "metadata: {}\nspec: {body: {kind: app}}",
            "body",
            "put what is under body directly under spec",
        ),
        ("metadata: {}\nspec: {release: {title: 1}}", "title", "remove title"),
    ],
)
def test_a_field_in_another_part_is_told_where_it_belongs(text: str, path: str, fix: str) -> None:
    text = f"apiVersion: peakctl/v1\nkind: AppSpec\n{text}"
    documents, _ = parse(Rendered(Source("/project/m.yaml", "m.yaml", text), text))
    _, problems = read_resources(documents, load_kinds(), project_root=Path("/project"))
    (found,) = [p for p in problems if p.code == "manifest/unknown-field" and p.path[-1] == path]
    assert found.fix == fix


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("{version: 1, kind: app, metadata: {name: a}, config: []}", "AppSpec"),
        ("{version: '1', kind: workflow, config: {}}", "BlockSpec"),
        ("{metadata: {name: a}, spec: {id: x}}", "Deployment"),
        ("{name: a, triggers: [], steps: {}}", "Workflow"),
        ("{name: a, serviceType: api}", "Service"),
        ("{name: a, imageDetails: {imageId: 1}}", "Service"),
        ("{name: a, type: workflow}", "Image"),
        ("{name: a, buildDetails: {}}", "Image"),
        ("{name: a, description: b}", "Artifact"),
    ],
)
def test_a_body_of_the_platforms_own_client_is_told_with_its_kind(body: str, kind: str) -> None:
    text = f"body: {body}\nartifact: {{path: .}}\n"
    documents, _ = parse(Rendered(Source("/project/m.yaml", "m.yaml", text), text))
    _, (found,) = read_resources(documents, load_kinds(), project_root=Path("/project"))
    assert (found.code, found.path) == ("manifest/cli-body", ("body",))
    assert f"kind: {kind} " in found.fix


@pytest.mark.parametrize("value", ["1", '"1"'])
def test_the_version_of_a_spec_may_be_a_text_as_older_texts_have_it(value: str) -> None:
    text = (
        "apiVersion: peakctl/v1\nkind: AppSpec\nmetadata: {name: a, summary: a}\n"
        f"spec: {{version: {value}, config: [{{name: b}}]}}"
    )
    documents, _ = parse(Rendered(Source("/project/m.yaml", "m.yaml", text), text))
    (resource,), problems = read_resources(documents, load_kinds(), project_root=Path("/project"))
    assert resource.values["spec"]["version"] == 1
    assert [p.code for p in problems] == ["manifest/alias"] * (value != "1")


def test_an_older_word_is_not_proposed() -> None:
    found = told(
        "kind: BlockSpec\nmetadata: {name: b, summary: b}\nspec: {kind: servise, config: {}}"
    )
    assert found.fix == "did you mean: service"
