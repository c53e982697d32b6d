"""`get`: an overview of the tenant, its machines, and what runs on what; within 60 columns."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from peakctl.emulator import emulator_transport
from peakctl.emulator.faults import read_faults

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true}
"""
MANIFESTS = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: img}
spec:
  type: api
  buildDetails: {source: dockerfile, dockerfile: "FROM python:3.12"}
---
apiVersion: peakctl/v1
kind: Service
metadata: {name: api}
spec:
  imageDetails: {name: img}
  resources: {instanceType: "Micro (0.5CPU, 1GB RAM)"}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow}
spec: {steps: {a: {type: http, method: get, url: "https://example.com"}}}
"""
KINDS = ["AppSpec", "Artifact", "BlockSpec", "Deployment", "Image", "Service", "Webapp", "Workflow"]


@pytest.fixture
def emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any
) -> Any:
    """An emulator that a project of three resources was applied to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "m/all.yaml").write_text(MANIFESTS)
    made = make_emulator()
    assert peakctl("apply", "--yes", emulator=made).code == 0
    return made


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line]


def test_without_a_kind_all_kinds_are_counted(emulator: Any, peakctl: Any) -> None:
    done = peakctl("get", "--verbose", emulator=emulator)
    assert done.code == 0
    table = rows(done.out)
    assert table[0][:2] == ["KIND", "COUNT"]
    assert {row[0]: row[1] for row in table[1:9]} == {
        **dict.fromkeys(KINDS, "0"), "Image": "1", "Service": "1", "Workflow": "1"
    }  # fmt: skip
    assert "9 requests sent" in done.err  # a page of each; deployments have two listings
    assert "…" not in done.out  # a terminal wraps it within its column
    document = json.loads(peakctl("get", "-o", "json", emulator=emulator).out)
    assert [each["kind"] for each in document["kinds"]] == KINDS
    assert document["kinds"][4] | {"description": ""} == {
        "kind": "Image", "count": 1, "more": False, "description": ""
    }  # fmt: skip
    assert yaml.safe_load(peakctl("get", "-o", "yaml", emulator=emulator).out) == document["kinds"]
    with_all = json.loads(peakctl("get", "--all", "-o", "json", emulator=emulator).out)
    assert with_all["kinds"][4]["count"] > 1


def test_of_a_long_listing_the_first_page_is_counted(emulator: Any, peakctl: Any) -> None:
    make_workflows(emulator, 100)
    done = peakctl("get", "--verbose", emulator=emulator)
    assert ["Workflow", "100+"] in [row[:2] for row in rows(done.out)]
    assert "9 requests sent" in done.err


def make_workflows(emulator: Any, count: int) -> None:
    """By the platform's own call, from outside of peakctl."""
    step = {"type": "http", "method": "get", "url": "https://example.com"}

    async def make() -> None:
        transport = emulator_transport(emulator)
        async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as client:
            for number in range(count):
                body = {"name": f"w{number}", "steps": {"a": step}}
                path = "/service/workflows/api/v1/workflows/"
                made = await client.post(path, json=body, headers={"Authorization": "any"})
                assert made.is_success, made.text

    asyncio.run(make())


def test_a_tenant_of_which_nothing_can_be_read_is_an_error(emulator: Any, peakctl: Any) -> None:
    rule = {"method": "GET", "path": "/", "action": "status", "status": 400, "times": 99}
    emulator.faults += read_faults(rule)
    done = peakctl("get", emulator=emulator)
    assert (done.code, done.out) == (1, "")
    assert "400" in done.err


def test_a_listing_that_cannot_be_read_is_left_out_with_a_warning(
    emulator: Any, peakctl: Any
) -> None:
    rule = {"method": "GET", "path": "/images/", "action": "status", "status": 400, "times": 9}
    emulator.faults += read_faults(rule)
    done = peakctl("get", emulator=emulator)
    assert done.code == 0
    assert ["Image", "?"] in [row[:2] for row in rows(done.out)]
    assert "get/unread" in done.err
    listed = peakctl("get", "services", emulator=emulator)
    assert listed.code == 0
    assert "get/unread" in listed.err
    assert rows(listed.out) == [["NAME", "STATUS"], ["api", "available"]]


def test_machines_are_listed_by_what_can_use_them(emulator: Any, peakctl: Any) -> None:
    done = peakctl("get", "instance-types", emulator=emulator)
    assert done.code == 0
    assert "Workflow:\n" in done.out
    assert "Service (api, shiny, web-app):\n" in done.out
    assert "\n  Micro (0.5CPU, 1GB RAM)\n" in done.out
    assert "workspace" not in done.out
    document = json.loads(peakctl("get", "InstanceTypes", "-o", "json", emulator=emulator).out)
    names = {each["name"]: each["used_for"] for each in document["instance_types"]}
    assert {"Service (api)", "Workflow"} <= {*names["Micro (0.5CPU, 1GB RAM)"]}
    one = peakctl(
        "get", "instance-type", "Basic (0.5CPU, 1GB RAM)", "-o", "yaml", emulator=emulator
    )
    assert [each["name"] for each in yaml.safe_load(one.out)] == ["Basic (0.5CPU, 1GB RAM)"]
    missing = peakctl("get", "instance-type", "Basic", emulator=emulator)
    assert (missing.code, "live/not-found" in missing.err) == (1, True)
    near = peakctl("get", "instance-type", "Basic (0.5CPU, 1GB)", emulator=emulator)
    assert "did you mean: Basic (0.5CPU, 1GB RAM)" in near.err


def test_a_table_says_what_runs_on_what(emulator: Any, peakctl: Any) -> None:
    def table(*words: str) -> list[list[str]]:
        return rows(peakctl("get", *words, emulator=emulator).out)

    assert table("services") == [["NAME", "STATUS", "USES"], ["api", "available", "img", "0.0.1"]]
    assert table("images") == [["NAME", "VERSION", "STATUS"], ["img", "0.0.1", "in-use"]]
    assert table("services", "--verbose")[0] == ["NAME", "STATUS", "USES", "ID"]
    assert table("deployments") == [["There", "is", "no", "Deployment."]]
    (row,) = json.loads(peakctl("get", "services", "-o", "json", emulator=emulator).out)[
        "resources"
    ]
    assert row["uses"] == ["img 0.0.1"]
    assert row["id"]


def test_a_version_that_the_listing_does_not_name_is_asked_for(emulator: Any, peakctl: Any) -> None:
    text = Path("m/all.yaml").read_text()
    Path("m/all.yaml").write_text(
        text.replace("3.12", "3.13").replace(
            "{name: img}\n  res", "{name: img, version: 0.0.1}\n  res"
        )
    )
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    done = peakctl("get", "services", emulator=emulator)
    assert rows(done.out)[1] == ["api", "available", "img", "0.0.1"]


def test_an_older_version_is_printed_as_a_manifest(
    tmp_path: Path, peakctl: Any, emulator: Any
) -> None:
    text = MANIFESTS.replace("python:3.12", "python:3.13")
    (tmp_path / "m/all.yaml").write_text(text)
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    for words in (("Image", "img@0.0.1"), ("image/img@0.0.1",)):
        ran = peakctl("get", *words, emulator=emulator)
        (manifest,) = yaml.safe_load_all(ran.out)
        assert manifest["spec"]["version"] == "0.0.1"
        assert manifest["spec"]["buildDetails"]["dockerfile"] == "FROM python:3.12"
    newest = peakctl("get", "image/img", emulator=emulator)
    assert "3.13" in newest.out
    for words, code, told in (
        ("Image/img@7", 1, "did you mean|it has: 0.0.2, 0.0.1"),
        ("Workflow/flow@1", 64, "usage/no-versions"),
        ("Workflow/none@1", 1, "live/not-found"),
        ("Workflow/@1", 1, "live/not-found"),
    ):
        ran = peakctl("get", words, emulator=emulator)
        assert (ran.code, bool(re.search(told, ran.err))) == (code, True), ran.err
