"""What peakctl writes, read by tools of others that are too large, or not everywhere, to be locked.

`make readers` installs them into a folder and runs this. It says so, loudly, where they are not.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from plans import as_shown
from policies import BROKEN, KEPT

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Action, ActionClass, Key, Location, Step, Verb
from peakctl.present.forms import form_text
from peakctl.present.plan_json import json_document
from peakctl.present.report import Report

PAGE = Path(__file__).resolve().parents[2] / "docs/output.md"
REGO = re.findall(r"```rego\n(.*?)```", PAGE.read_text("utf-8"), re.S)
IMAGE = Key("Image", "base")
PLACE = Location("m/a b.yaml", 7, 3)
REPORT = Report(
    "plan",
    12,
    "shop",
    "prod",
    (
        Diagnostic("guard/mass-change", "too much", key=IMAGE, locations=(PLACE,)),
        Diagnostic("template/unused", "unused", severity=Severity.WARNING, locations=(PLACE,)),
    ),
    plan=as_shown(Action(IMAGE, Verb.DELETE, (Step.DELETE,), classes=(ActionClass.DELETE,))),
    declared={IMAGE: PLACE},
)


def needs(module: str) -> Any:
    lacks = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(lacks, reason=f"NOT TESTED: make readers installs {module}")


def denied(rule: str, document: dict[str, Any]) -> list[str]:
    """The messages of `deny` in package main, which is what conftest tells."""
    import regopy

    rego = regopy.Interpreter()
    rego.add_module("main", rule)
    rego.set_input(document)
    found = json.loads(str(rego.query("data.main.deny")))
    return sorted(found["expressions"][0])


@needs("regopy")
def test_the_rego_of_the_page_denies_what_breaks_its_rules() -> None:
    (rule,) = REGO
    assert denied(rule, {"actions": KEPT}) == []
    wrong = [BROKEN["Nothing is deleted"], BROKEN["What is new has a label `team`"]]
    assert denied(rule, {"actions": [*KEPT, *wrong]}) == [
        "Workflow/flow is deleted",
        "m.yaml:4: Workflow/flow has no team",
    ]


@needs("regopy")
def test_rego_reads_what_a_plan_writes() -> None:
    (rule,) = REGO
    assert denied(rule, json.loads(json.dumps(json_document(REPORT)))) == ["Image/base is deleted"]


@needs("sarif")
def test_sarif_tools_list_and_count_the_problems(tmp_path: Path) -> None:
    (tmp_path / "plan.sarif").write_text(form_text(REPORT, "sarif"), "utf-8")

    def sarif(*words: str) -> str:
        command = [sys.executable, "-m", "sarif", *words, "plan.sarif"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    summary = sarif("summary")
    assert re.search(r"error: 1\n - guard/mass-change .*: 1", summary), summary
    assert re.search(r"warning: 1\n - template/unused .*: 1", summary), summary
    sarif("csv", "--output", "out.csv")
    rows = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert any("peakctl" in row and "m/a%20b.yaml" in row and ",7" in row for row in rows), rows


# --- the files of the CIs, by the schemas that editors use for them ------------------------------

CI_PROJECT = "project: shop\nenvironments: {local: {emulator: true}, prod: {stage: prod}}\n"
DOCUMENTED = Path(__file__).resolve().parents[2] / "docs/ci.md"


def vendored(name: str) -> Any:
    import check_jsonschema.builtin_schemas.vendor as vendor

    folder = Path(vendor.__file__).parent
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def problems(schema: Any, value: Any) -> list[str]:
    kind = jsonschema.validators.validator_for(schema)
    return [f"{each.json_path}: {each.message[:200]}" for each in kind(schema).iter_errors(value)]


def read_yaml(text: str) -> Any:
    """As YAML 1.2 has it: `on` is a word. An event without more is null."""
    found = yaml.load(text, Loader=yaml.BaseLoader)
    assert isinstance(found, dict)
    events = found.get("on")
    if isinstance(events, dict):
        found["on"] = {word: each or None for word, each in events.items()}
    return found


def typed(value: Any) -> Any:
    """Texts that are numbers or flags in YAML, as these."""
    if isinstance(value, dict):
        return {word: typed(each) for word, each in value.items()}
    if isinstance(value, list):
        return [typed(each) for each in value]
    if value is None:
        return None
    return {"true": True, "false": False}.get(value, int(value) if value.isdigit() else value)


@needs("check_jsonschema")
@pytest.mark.parametrize(
    ("words", "files", "schema"),
    [
        ("github", ".github/workflows/*.yml", "github-workflows"),
        ("github", ".github/actions/peakctl/action.yml", "github-actions"),
        ("github --matrix", ".github/workflows/*.yml", "github-workflows"),
        ("gitlab", ".gitlab/*.yml", "gitlab-ci"),
        ("azure", "azure-pipelines-*.yml", "azure-pipelines"),
    ],
)
def test_the_written_files_have_the_shape_that_their_hosts_publish(
    tmp_path: Path, words: str, files: str, schema: str
) -> None:
    (tmp_path / "peakctl.yaml").write_text(CI_PROJECT)
    command = [sys.executable, "-m", "peakctl", "ci", "init", *words.split()]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = sorted(tmp_path.glob(files))
    assert found
    for file in found:
        value = read_yaml(file.read_text("utf-8"))
        value = value if schema == "azure-pipelines" else typed(value)  # its schema has texts alone
        assert problems(vendored(schema), value) == [], file.name


@needs("check_jsonschema")
def test_the_documented_workflows_have_the_shape_that_github_publishes() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENTED.read_text("utf-8"), re.S)
    workflows = [text for text in blocks if re.search(r"^jobs:", text, re.M)]
    assert len(workflows) > 4
    for text in workflows:
        value = {"on": "pull_request", **typed(read_yaml(text))}
        assert problems(vendored("github-workflows"), value) == [], text
