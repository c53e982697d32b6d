"""Several forms of one run: which of them go where, and what is there when something goes wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import write_output_schemas
import yaml
from jsonschema import ValidationError
from schemas_of_output import check_event, check_output

from peakctl.cli.options import REPORT_FORMS
from peakctl.kinds.schemas import output_schemas

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow}
spec: {steps: {a: {type: http, method: get, url: "https://example.com/"}}}
"""
TWICE = ["-o", "text", "-o", "json"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    (folder / "m").mkdir(parents=True)
    (folder / "peakctl.yaml").write_text(PROJECT)
    (folder / "m/flow.yaml").write_text(FLOW)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def emulator(make_emulator: Any) -> Any:
    return make_emulator()


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(row) for row in text.splitlines()]


def test_one_run_gives_all_its_forms(shop: Path, peakctl: Any, emulator: Any) -> None:
    done = peakctl(
        "plan",
        *("-o", "json=plan.json", "-o", "yaml=plan.yaml", "-o", "markdown=plan.md"),
        *("-o", "jsonl=plan.jsonl", "-o", "text=plan.txt"),
        emulator=emulator,
    )
    assert done.code == 0
    assert (shop / "plan.txt").read_text() == done.out
    found = json.loads((shop / "plan.json").read_text())
    assert found["summary"]["create"] == 1
    assert yaml.safe_load((shop / "plan.yaml").read_text()) == found
    assert "Workflow/flow" in (shop / "plan.md").read_text()
    rows = events((shop / "plan.jsonl").read_text())
    assert [row["event"] for row in rows] == ["run", "action", "plan", "end"]
    assert {**rows[1], "event": None} == {**found["actions"][0], "event": None}


def test_the_form_without_a_file_goes_to_standard_output(
    shop: Path, peakctl: Any, emulator: Any
) -> None:
    done = peakctl("plan", "-o", "text=plan.txt", "-o", "json", emulator=emulator)
    assert json.loads(done.out)["ok"]
    assert "1 to create" in (shop / "plan.txt").read_text()
    same = peakctl("plan", "-o", "json=-", emulator=emulator)
    assert same.out == done.out


def test_the_variable_holds_one_form_a_line(
    shop: Path, peakctl: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKCTL_OUTPUT", "json\nmarkdown=a plan.md\n")
    assert json.loads(peakctl("plan", emulator=emulator).out)["ok"]
    assert "Workflow/flow" in (shop / "a plan.md").read_text()


@pytest.mark.parametrize(
    ("asked", "code", "shown"),
    [
        ("json\nmarkdown=a.md", 0, "{"),
        ("markdown=a.md\nsarif=a.sarif", 0, "peakctl"),
        ("sarif", 0, "peakctl"),
        ("xml", 64, ""),
    ],
)
def test_the_variable_of_a_job_does_not_stop_commands_of_fewer_forms(
    peakctl: Any, monkeypatch: pytest.MonkeyPatch, asked: str, code: int, shown: str
) -> None:
    monkeypatch.setenv("PEAKCTL_OUTPUT", asked)
    done = peakctl("version")
    assert (done.code, done.out[: len(shown)]) == (code, shown)
    assert peakctl("version", "-o", "sarif").code == 64


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_files_are_their_owners_alone_and_old_ones_are_replaced(
    shop: Path, peakctl: Any, emulator: Any
) -> None:
    for name in ("plan.json", "plan.jsonl"):
        (shop / name).write_text("x" * 100_000)
        (shop / name).chmod(0o644)
    peakctl("plan", "-o", "json=plan.json", "-o", "jsonl=plan.jsonl", emulator=emulator)
    for name in ("plan.json", "plan.jsonl"):
        assert (shop / name).stat().st_mode & 0o777 == 0o600
        assert "xxx" not in (shop / name).read_text()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (TWICE, "text and json cannot both go to standard output; give one a file: -o json=FILE"),
        (["-o", "json=a", "-o", "yaml=a"], 'two forms cannot both go to "a"'),
        (["-o", "json="], '"json=" names no file; write json=FILE'),
        (["-o", "json=m"], '"m" cannot be written: it is a folder'),
        (["-o", "json=none/a"], '"none/a" cannot be written: "none" is no folder'),
        (["-o", "xml=a"], '"xml" is no form; choose from text, json'),
    ],
    ids=str,
)
def test_forms_that_cannot_be_given_are_wrong_usage(
    shop: Path, peakctl: Any, emulator: Any, typed: list[str], told: str
) -> None:
    done = peakctl("plan", *typed, emulator=emulator)
    assert done.code == 64
    assert told in done.err
    assert done.err.count("error[") == 1


def test_a_file_that_is_lost_does_not_keep_others_from_being_written(
    shop: Path, peakctl: Any, emulator: Any
) -> None:
    typed = ["-o", "json=/dev/full", "-o", "jsonl=/dev/./full", "-o", "yaml=plan.yaml"]
    done = peakctl("plan", *typed, emulator=emulator)
    assert done.code == 1
    assert 'cannot be written to "/dev/full"' in done.err
    assert 'cannot be written to "/dev/./full"' in done.err
    assert yaml.safe_load((shop / "plan.yaml").read_text())["ok"]
    assert "1 to create" in done.out
    done = peakctl("apply", "--yes", *typed, emulator=emulator)
    assert done.code == 14
    assert "what was applied stays applied" in done.err


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "destroy"])
def test_every_form_tells_of_invalid_manifests(
    shop: Path, peakctl: Any, emulator: Any, command: str
) -> None:
    (shop / "m/flow.yaml").write_text(FLOW.replace("metadata", "metadatta"))
    typed = [word for form in REPORT_FORMS for word in ("-o", f"{form}=out.{form}")]
    done = peakctl(command, *typed, emulator=emulator)
    assert done.code == 10
    for form in REPORT_FORMS:
        if form != "gitlab" or command == "validate":
            assert "metadatta" in (shop / f"out.{form}").read_text(), form


def test_wrong_usage_is_told_in_files_too(shop: Path, peakctl: Any, emulator: Any) -> None:
    (shop / "plan.json").write_text('{"ok": true}')
    done = peakctl("plan", "--nonsense", "-o", "json=plan.json", "-o", "odd=x", emulator=emulator)
    assert done.code == 64
    assert not json.loads((shop / "plan.json").read_text())["ok"]
    assert not (shop / "x").exists()


def test_events_come_as_they_happen(shop: Path, peakctl: Any, emulator: Any) -> None:
    done = peakctl("apply", "--yes", "-o", "jsonl", "-o", "json=a.json", emulator=emulator)
    rows = events(done.out)
    assert [row["event"] for row in rows] == [
        *("run", "action", "plan"),
        *("progress", "progress", "outcome"),
        "end",
    ]
    assert [row["phase"] for row in rows if row["event"] == "progress"] == ["started", "finished"]
    whole = json.loads((shop / "a.json").read_text())
    assert {**rows[5], "event": None} == {**whole["outcomes"][0], "event": None}
    assert rows[-1]["exit_code"] == 0
    assert rows[-1]["took"] == whole["took"]


def test_an_events_file_has_the_plan_while_a_person_is_asked(
    shop: Path, peakctl: Any, emulator: Any
) -> None:
    done = peakctl("apply", "-o", "jsonl=run.jsonl", emulator=emulator)
    assert done.code == 12
    rows = events((shop / "run.jsonl").read_text())
    assert [row["event"] for row in rows] == ["run", "action", "plan", "problem", "end"]


def test_hosts_get_places_from_the_root_of_the_repository(
    shop: Path, peakctl: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.parent / ".git").mkdir()
    (shop / "m/flow.yaml").write_text(FLOW.replace("spec:", "nope: 1\nspec:"))
    at = f"file={shop.name}/m/flow.yaml,line=4,col=1,"
    assert at in peakctl("validate", "-o", "github").out
    assert at in peakctl("plan", "-o", "github", emulator=emulator).out
    monkeypatch.chdir(shop.parent)
    assert at in peakctl("validate", "-C", shop.name, "-o", "github").out
    monkeypatch.chdir(shop / "m")
    assert at in peakctl("validate", "-o", "github").out
    (shop / "peakctl.yaml").write_text("nope: 1\n")
    broken = peakctl("validate", "-o", "github")
    assert (broken.code, f"::error file={shop.name}/peakctl.yaml,line=1" in broken.out) == (
        64,
        True,
    )


def test_junit_has_each_resource_of_a_valid_project(shop: Path, peakctl: Any) -> None:
    assert 'classname="validate.Workflow" name="flow"' in peakctl("validate", "-o", "junit").out


WRONG = FLOW.replace("spec:", "nope: 1\nspec:")
MORE = """\
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: base, labels: {team: retail}}
spec:
  type: workflow
  buildDetails: {source: upload, context: ., dockerfilePath: Dockerfile}
  artifact: {path: .}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
lifecycle: {protect: true}
spec:
  steps:
    a:
      imageDetails: {name: base}
      command: x
      resources: {instanceType: "Nano (0.25CPU, 0.5GB RAM)", storage: 10GB}
"""


def checked(run: Any) -> Any:
    """The JSON of a run, which fits the schema of its command; its code."""
    found = json.loads(run.out)
    check_output(found["command"], found)
    assert found["exit_code"] == run.code
    return found


def test_what_every_command_prints_fits_its_schema(shop: Path, peakctl: Any, emulator: Any) -> None:
    def run(*typed: str) -> Any:
        return checked(peakctl(*typed, "-o", "json", emulator=emulator))

    run("validate")
    run("plan", "--out", "a.plan", "--explain")
    run("show", "a.plan")
    run("show", "none.plan")
    run("apply")
    run("apply", "--yes")
    run("plan", "--all", "--show-ignored")
    (shop / "m/flow.yaml").write_text(FLOW.replace("example.com/", "example.com/two"))
    run("plan", "--detailed-exitcode")
    run("apply", "--dry-run")
    run("apply", "a.plan")
    run("apply", "--yes")
    run("destroy", "--yes")
    (shop / "m/flow.yaml").write_text(WRONG)
    for command in ("validate", "plan", "apply", "destroy"):
        assert "actions" not in run(command)


def test_every_event_fits_the_schema(shop: Path, peakctl: Any, emulator: Any) -> None:
    for typed in (("validate",), ("plan",), ("apply",), ("apply", "--yes"), ("plan", "--nonsense")):
        for row in events(peakctl(*typed, "-o", "jsonl", emulator=emulator).out):
            check_event(row)
    with pytest.raises(ValidationError):
        check_event({"event": "end", "ok": True, "exit_code": 0, "more": 1})


def test_an_action_has_what_policies_ask_for(shop: Path, peakctl: Any, emulator: Any) -> None:
    (shop / "m/flow.yaml").write_text(FLOW + MORE)
    (shop / "m/Dockerfile").write_text("FROM python:3.12\n")
    done = peakctl("plan", "-o", "json", emulator=emulator)
    found = {each["key"]: each for each in checked(done)["actions"]}
    base, nightly = found["Image/base"], found["Workflow/nightly"]
    assert (base["labels"], base["protect"]) == ({"team": "retail"}, False)
    assert base["location"] == {"file": "m/flow.yaml", "line": 8, "column": 12}
    assert nightly["protect"] is True
    step = nightly["desired"]["spec"]["steps"]["a"]
    assert step["imageDetails"] == {"name": "base"}
    assert (nightly["class"], nightly["desired"]["kind"]) == ("create", "Workflow")


@pytest.mark.parametrize(("command", "code"), [("plan", 0), ("events", 0), ("nonsense", 64)])
def test_a_schema_of_what_is_printed_can_be_had(peakctl: Any, command: str, code: int) -> None:
    done = peakctl("schema", "output", command)
    assert done.code == code
    if not code:
        assert json.loads(done.out)["title"] == f"peakctl output: {command}"


def test_schemas_of_output_are_listed_and_written(tmp_path: Path, peakctl: Any) -> None:
    assert peakctl("schema", "output").out.split() == sorted(output_schemas())
    assert peakctl("schema", "Image", "plan").code == 64
    assert peakctl("schema", "--into", str(tmp_path / "s")).code == 0
    assert {path.stem for path in (tmp_path / "s/output").iterdir()} == set(output_schemas())


def test_schema_files_are_what_the_script_writes() -> None:
    found = write_output_schemas.texts()
    assert {path.name: path.read_text("utf-8") for path in output_schemas().values()} == found
