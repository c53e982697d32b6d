"""`plan --out` says what comes next, and `show` prints what was approved, without a tenant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peakctl.ledger.digests import Digests
from peakctl.operations import saved_plan

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
osEnv: [WORD]
environments:
  local: {emulator: true}
  other: {emulator: true}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow}
spec: {steps: {a: {type: http, method: get, url: "https://example.com/%s", auth: {type: no-auth}}}}
"""
SERVICE = """\
apiVersion: peakctl/v1
kind: Service
metadata: {name: api, title: %s}
spec:
  imageDetails: {name: img}
  parameters: {env: {MODE: fast, WORD: "{{ os_env.WORD }}"}}
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: img}
spec:
  type: api
  artifact: {path: ../src}
"""
CANARY = "canary-hunter2"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", CANARY)
    for folder in ("m", "src"):
        (tmp_path / folder).mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "src/Dockerfile").write_text("FROM python\n")
    write(tmp_path)
    return tmp_path


def write(folder: Path, word: str = "one") -> None:
    (folder / "m/flow.yaml").write_text(FLOW % word)
    (folder / "m/service.yaml").write_text(SERVICE % word)


@pytest.fixture
def edited(shop: Path, peakctl: Any, make_emulator: Any) -> Any:
    """An emulator with what the project had before it was edited."""
    emulator = make_emulator()
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    write(shop, "two")
    (shop / "src/util.py").write_text("A = 1\n")
    return emulator


def plain(text: str) -> str:
    return text.partition("Saved the plan")[0].partition("No longer")[0].rstrip()


def test_a_saved_plan_says_the_next_command(edited: Any, peakctl: Any) -> None:
    done = peakctl("plan", "-e", "local", "--retry-failed", "--out", "a b.plan", emulator=edited)
    assert "Saved the plan to a b.plan.\n" in done.out
    assert "Carry it out: peakctl apply 'a b.plan' -e local --retry-failed\n" in done.out
    assert done.out.splitlines()[-1].startswith("Plan: ")
    read = peakctl("plan", "--out", "b.plan", "-o", "json", emulator=edited)
    assert json.loads(read.out)["saved"] == {"file": "b.plan", "apply": "peakctl apply b.plan"}
    assert "Saved the plan to b.plan." in read.err
    assert "Saved" not in peakctl("plan", "-o", "markdown", emulator=edited).err
    assert "Saved" not in peakctl("plan", "-q", "--out", "b.plan", emulator=edited).out


def test_a_plan_that_is_refused_is_not_said_to_be_saved(shop: Path, peakctl: Any) -> None:
    for manifest in (shop / "m").iterdir():
        manifest.write_text("# nothing\n")
    done = peakctl("plan", "--out", "a.plan")
    assert done.code == 12
    assert "Saved" not in done.out
    assert not Path("a.plan").exists()


def test_show_prints_what_plan_did_in_every_form(
    edited: Any, shop: Path, peakctl: Any, monkeypatch: Any, tmp_path_factory: Any
) -> None:
    planned = peakctl("plan", "--out", "a.plan", emulator=edited)
    as_json = json.loads(peakctl("plan", "-o", "json", emulator=edited).out)
    assert CANARY not in Path("a.plan").read_text()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (shop / "a.plan").rename(elsewhere / "a.plan")
    monkeypatch.chdir(elsewhere)
    monkeypatch.delenv("WORD")
    shown = peakctl("show", "a.plan")
    assert shown.code == 0
    first, _, rest = shown.out.partition("\n\n")
    assert first == "Saved plan: project shop, environment local, tenant emulator"
    assert plain(planned.out) == rest.rpartition("\n\nPlan:")[0]
    told = json.loads(peakctl("show", "a.plan", "-o", "json").out)
    facts = ("location", "labels", "protect", "desired")  # no plan file holds a manifest
    assert all(each[word] is not None for each in as_json["actions"] for word in facts)
    assert told["actions"] == [each | dict.fromkeys(facts) for each in as_json["actions"]]
    assert (told["project"], told["environment"]) == ("shop", "local")
    assert told["saved"]["tenant"]["domain"] == "emulator"
    markdown = peakctl("show", "a.plan", "-o", "markdown").out
    assert markdown.startswith("<!-- peakctl:show shop local -->")
    assert "restarts" in markdown
    assert CANARY not in shown.out + markdown + json.dumps(told)


def forge(file: Path, key: str, **lie: Any) -> None:
    """Edit an action of a plan file, and make all of its digests fit."""
    body = json.loads(file.read_text())
    digests = Digests(body["salt"])
    for action in body["actions"]:
        if action["kind"] == key:
            action |= lie
            del action["digest"]
            action["digest"] = digests.of(action)
    del body["checksum"]
    file.write_text(json.dumps({**body, "checksum": digests.of(body)}))


def test_an_edited_file_is_refused_by_show_and_by_apply(
    edited: Any, shop: Path, peakctl: Any
) -> None:
    assert peakctl("plan", "--out", "a.plan", emulator=edited).code == 0
    file = shop / "a.plan"
    file.write_text(file.read_text().replace('"verb": "edit"', '"verb": "delete"'))
    for command in ("show", "apply"):
        done = peakctl(command, "a.plan", emulator=edited)
        assert (done.code, "plan/tampered" in done.err, done.out) == (11, True, "")
        assert "Service/api" in done.err or "Workflow/flow" in done.err


def test_no_file_shows_an_edit_and_approves_a_delete(edited: Any, shop: Path, peakctl: Any) -> None:
    (shop / "m/flow.yaml").unlink()
    assert peakctl("plan", "--prune", "--out", "a.plan", emulator=edited).code == 0
    forge(shop / "a.plan", "Workflow", verb="edit", steps=["update"], consequences=[], notes=[])
    assert "~ edit   Workflow/flow" in peakctl("show", "a.plan").out
    done = peakctl("apply", "a.plan", "--prune", emulator=edited)
    assert done.code == 11
    assert "plan/stale" in done.err
    assert "flow" in peakctl("get", "workflows", emulator=edited).out


def test_a_stale_plan_tells_approved_and_present_values(
    edited: Any, shop: Path, peakctl: Any
) -> None:
    assert peakctl("plan", "--out", "a.plan", emulator=edited).code == 0
    write(shop, "three")
    done = peakctl("apply", "a.plan", emulator=edited)
    assert done.code == 11
    assert '    approved: "one" -> "two"\n    now:      "one" -> "three"' in done.err


def test_what_is_no_plan_file_is_told(shop: Path, peakctl: Any) -> None:
    missing = peakctl("show", "none.plan")
    assert (missing.code, "plan/unusable" in missing.err) == (11, True)
    (shop / "text.plan").write_text("no plan")
    assert peakctl("show", "text.plan").code == 11


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["Service/api"], "peakctl get Service api"),
        (["services", "api"], "peakctl get Service api"),
        (["workflow"], "peakctl get Workflow"),
        (["x", "y z"], "peakctl get x 'y z'"),
    ],
)
def test_show_of_a_resource_names_get(
    shop: Path, peakctl: Any, words: list[str], meant: str
) -> None:
    done = peakctl("show", *words)
    assert done.code == 64
    assert f"for what is on the platform: {meant}" in done.err


def test_a_plan_that_is_too_large_is_not_written(
    edited: Any, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_plan, "LARGEST", 100)
    done = peakctl("plan", "--out", "a.plan", emulator=edited)
    assert (done.code, "usage/plan-file" in done.err) == (64, True)
    assert not Path("a.plan").exists()


def test_half_an_apply_is_gone_on_with_from_the_file(edited: Any, peakctl: Any) -> None:
    assert peakctl("plan", "--out", "a.plan", emulator=edited).code == 0
    assert peakctl("apply", "--yes", "--select", "Image/img", emulator=edited).code == 0
    done = peakctl("apply", "a.plan", emulator=edited)
    assert done.code == 0, done.err
