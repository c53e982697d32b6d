"""`graph`: what refers to what offline, and whom a change reaches in every project there is."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from peakctl import Key, PeakctlError, Project, impact, resource_graph
from peakctl.emulator import emulator_transport
from peakctl.present.graph_text import drawn_text

PROJECT = """\
project: {name}
manifests: [m]
defaultEnvironment: local
environments:
  local: {{emulator: {{buildSeconds: 0}}}}
"""
SHOP = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: base}
spec: {type: workflow, buildDetails: {source: dockerfile, dockerfile: "FROM python:3"}}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow}
spec: {steps: {a: {imageDetails: {name: base}, command: "true"}}}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: pinned}
spec: {steps: {a: {imageDetails: {name: base, version: 0.0.1}, command: "true"}}}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: later}
spec: {steps: {a: {type: http, method: get, url: "https://example.com"}}}
dependsOn: [Image/base]
---
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, title: Block, summary: A block}
spec:
  kind: workflow
  config: {steps: {a: {imageDetails: {name: base}, command: "true"}}}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: dep, title: Dep}
spec: {blockSpec: {name: block}}
"""
OTHER = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: theirs}
spec: {steps: {a: {imageDetails: {name: base}, command: "true"}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("shop", SHOP), ("other", OTHER)):
        (tmp_path / name / "m").mkdir(parents=True)
        (tmp_path / name / "peakctl.yaml").write_text(PROJECT.format(name=name))
        (tmp_path / name / "m/all.yaml").write_text(text)
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path


async def by_hand(emulator: Any) -> None:
    transport = emulator_transport(emulator)
    async with httpx.AsyncClient(transport=transport, base_url="http://e") as client:
        step = {"type": "standard", "imageId": 1, "imageVersionId": 1, "command": "true"}
        answer = await client.post(
            "/service/workflows/api/v1/workflows/",
            json={"name": "by-hand", "steps": {"a": step}},
            headers={"Authorization": "t"},
        )
        assert answer.is_success, answer.text


@pytest.fixture
def emulator(folder: Path, peakctl: Any, make_emulator: Any) -> Any:
    made = make_emulator(build_seconds=0)
    assert peakctl("apply", "--yes", emulator=made).code == 0
    assert peakctl("-C", "../other", "apply", "--yes", emulator=made).code == 0
    asyncio.run(by_hand(made))
    return made


def test_the_graph_is_that_of_the_manifests_and_asks_nothing(
    folder: Path, peakctl: Any, make_emulator: Any
) -> None:
    made = make_emulator()
    ran = peakctl("graph", emulator=made)
    assert ran.code == 0
    assert "Workflow/pinned  m/all.yaml:13:12" in ran.out
    assert "  -> Image/base@0.0.1  spec.steps.a.imageDetails" in ran.out
    assert "  -> Image/base  dependsOn[0]" in ran.out
    assert ran.out.endswith("6 resources, 5 references.\n")
    assert made.requests == []
    told = json.loads(peakctl("graph", "-o", "json", emulator=made).out)["graph"]
    assert {"from": "Deployment/dep", "to": "BlockSpec/block", "path": "spec.blockSpec",
            "version": None} in told["references"]  # fmt: skip
    one = peakctl("graph", "--select", "Workflow/flow", "-o", "yaml", emulator=made)
    (whole,) = yaml.safe_load(one.out)
    assert [each["key"] for each in whole["resources"]] == ["Image/base", "Workflow/flow"]


def test_what_is_in_no_manifest_is_marked(folder: Path, peakctl: Any, make_emulator: Any) -> None:
    ran = peakctl("-C", "../other", "graph", emulator=make_emulator())
    assert "-> Image/base  spec.steps.a.imageDetails, in no manifest" in ran.out


def test_it_is_drawn_for_other_tools(folder: Path, peakctl: Any, make_emulator: Any) -> None:
    made = make_emulator()
    dot, mermaid, svg, page = (
        peakctl("graph", "-o", form, emulator=made).out
        for form in ("dot", "mermaid", "svg", "html")
    )
    assert '  "Workflow/pinned" -> "Image/base" [label="0.0.1"];' in dot
    assert mermaid.startswith("flowchart RL\n")
    assert '-->|"0.0.1"|' in mermaid
    root = ET.fromstring(svg)
    assert len(root.findall(".//{http://www.w3.org/2000/svg}rect")) == 6
    assert svg.strip() in page
    assert "6 resources, 5 references." in page


def test_an_impact_is_that_of_all_projects_and_of_nobody(peakctl: Any, emulator: Any) -> None:
    ran = peakctl("graph", "--impact", "image/base", "-o", "json", emulator=emulator)
    told = json.loads(ran.out)["impact"]
    assert {
        each["key"]: (each["via"], each["pinned"], each["follows"]) for each in told["project"]
    } == {
        "BlockSpec/block": ("Image/base", None, True),
        "Workflow/flow": ("Image/base", None, True),
        "Workflow/later": ("Image/base", None, False),
        "Workflow/pinned": ("Image/base", "0.0.1", False),
        "Deployment/dep": ("BlockSpec/block", None, True),
    }
    users = {each["label"]: each for each in told["users"]}
    assert {label: (each["owner"], each["declared"]) for label, each in users.items()} == {
        "BlockSpec/block@1.0.0": ("shop/local", True),
        "Workflow/flow": ("shop/local", True),
        "Workflow/pinned": ("shop/local", True),
        "Workflow/dep": ("shop/local", True),
        "Workflow/theirs": ("other/local", False),
        "Workflow/by-hand": (None, False),
    }
    assert users["Workflow/dep"]["part_of"] == "Deployment/dep"
    assert {tuple(each["versions"]) for each in users.values()} == {("0.0.1",)}
    text = peakctl("graph", "--impact", "Image/base", emulator=emulator).out
    assert "pinned to 0.0.1: a newer version does not reach it" in text
    assert "follows through BlockSpec/block" in text
    assert "waits for Image/base" in text
    assert "In other projects" in text
    assert text.endswith(
        "Image/base: 5 in this project, 1 in other projects, 1 in nobody's manifest.\n"
    )
    dot = peakctl("graph", "--impact", "Image/base", "-o", "dot", emulator=emulator).out
    assert '"Workflow/theirs" -> "Image/base" [label="0.0.1"];' in dot
    assert '"Workflow/by-hand" [class="nobody"];' in dot


def test_what_this_project_owns_and_does_not_declare_is_told(
    folder: Path, peakctl: Any, emulator: Any
) -> None:
    (folder / "shop/m/all.yaml").write_text(SHOP.partition("---")[0])
    text = peakctl("graph", "--impact", "Image/base", emulator=emulator).out
    assert "Of this project, in no manifest any more" in text
    assert "Workflow/flow" in text
    assert "Image/base: 4 in this project" in text


def test_every_release_and_revision_counts(peakctl: Any, emulator: Any) -> None:
    ran = peakctl("graph", "--impact", "BlockSpec/block", "-o", "json", emulator=emulator)
    users = json.loads(ran.out)["impact"]["users"]
    assert [(each["label"], each["versions"]) for each in users] == [
        ("Deployment/dep@1", ["1.0.0"])
    ]
    none = peakctl("graph", "--impact", "Deployment/dep", emulator=emulator)
    assert none.out.startswith("Deployment/dep: 0 in this project")


def test_what_is_not_live_yet_is_reached_by_manifests_alone(
    folder: Path, peakctl: Any, make_emulator: Any
) -> None:
    ran = peakctl("graph", "--impact", "Image/base", emulator=make_emulator())
    assert ran.code == 0
    assert "graph/not-live" in ran.err
    assert ran.out.endswith("Image/base: 5 in this project; it is not live yet.\n")
    missing = peakctl("graph", "--impact", "Image/bsae", emulator=make_emulator())
    assert (missing.code, "live/not-found" in missing.err) == (1, True)


def test_without_a_project_nothing_is_declared(
    tmp_path: Path, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = peakctl("graph", "--impact", "Image/base", emulator=make_emulator())
    assert ran.code in (1, 15, 64)


def test_it_is_had_from_python(folder: Path) -> None:
    project = Project.open(folder / "shop")
    found = resource_graph(project)
    assert [str(node.key) for node in found.nodes][:2] == ["BlockSpec/block", "Deployment/dep"]
    assert impact(project, Key("Image", "base")).live is None
    with pytest.raises(PeakctlError):
        impact(project, Key("Image", "none"))


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(st.lists(TEXTS, min_size=1, max_size=4, unique=True), TEXTS)
def test_whatever_the_names_a_drawing_stays_one(names: list[str], word: str) -> None:
    keys = [Key("Image", name) for name in names]
    roles = dict.fromkeys(keys, "resource")
    pairs = [(one, keys[0], word) for one in keys[1:]]
    ET.fromstring(drawn_text("svg", roles, pairs, ()))
    for form, begin in (("dot", '  "Image/'), ("mermaid", "  r")):
        lines = drawn_text(form, roles, pairs, ()).splitlines()
        assert sum(line.startswith(begin) for line in lines) == len(keys) + len(pairs)
    page = drawn_text("html", roles, pairs, [((word, ""),)])
    assert page.count("<svg") == page.count("</pre>") == 1


APP = """\
---
apiVersion: peakctl/v1
kind: AppSpec
metadata: {name: app, title: App, summary: An app}
spec: {config: [{name: block}]}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: whole, title: Whole}
spec: {appSpec: {name: app}}
"""


def test_the_blocks_of_an_app_go_with_it(folder: Path, peakctl: Any, make_emulator: Any) -> None:
    (folder / "shop/m/all.yaml").write_text(SHOP + APP)
    made = make_emulator(build_seconds=0)
    assert peakctl("apply", "--yes", emulator=made).code == 0
    ran = peakctl("graph", "--impact", "BlockSpec/block", "-o", "json", emulator=made)
    users = {each["label"]: each for each in json.loads(ran.out)["impact"]["users"]}
    part = users["Deployment/whole-block@1"]
    assert (part["part_of"], part["owner"]) == ("Deployment/whole", "shop/local")
    assert all(each["declared"] for each in users.values())
