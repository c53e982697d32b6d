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

import pytest
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
