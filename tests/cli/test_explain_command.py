"""`peakctl explain`: fields and codes, in each form; what shells complete."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from schemas_of_output import check_output

from peakctl.cli import cli
from peakctl.cli.commands.explain import complete_word, explain
from peakctl.operations.explain import diagnostics_file, load_codes

FIELD = """\
Service.spec.minInstances
  How many instances run at least.

  type      integer
  default   1
  absent    the default counts, and is enforced
  call      an update of what is there
  restarts  yes: what runs is started again
  note      at least 1
            at most 2

Example:
  spec: {minInstances: 1}
"""
CODE = """\
lease/held  The ledger (exit 13)
  another run is at it: wait; if it is dead, peakctl ledger unlock
"""


def test_a_field_and_a_code_are_explained_for_people(peakctl: Any) -> None:
    assert peakctl("explain", "Service.minInstances").out == FIELD
    assert peakctl("explain", "lease/held").out == CODE
    kinds = peakctl("explain").out
    assert "Workflow " in kinds
    assert "peakctl explain CODE" in kinds


def test_a_field_that_differs_by_a_choice_has_a_part_for_each(peakctl: Any) -> None:
    out = peakctl("explain", "Workflow.steps.q.repository").out
    assert "Workflow.spec.steps.*.repository  where type: standard\n" in out
    assert "Workflow.spec.steps.*.repository  where type: sql\n" in out
    assert "FIELD     TYPE    REQUIRED  WHAT IT IS" in out


def test_programs_get_the_same(peakctl: Any) -> None:
    document = json.loads(peakctl("explain", "Service.minInstances", "-o", "json").out)
    check_output("explain", document)
    (row,) = document["fields"]
    assert (row["field"], row["default"], row["restarts"]) == ("spec.minInstances", 1, True)
    assert (
        "default" not in json.loads(peakctl("explain", "Image.type", "-o", "json").out)["fields"][0]
    )
    assert yaml.safe_load(peakctl("explain", "Service.minInstances", "-o", "yaml").out) == [row]
    (code,) = yaml.safe_load(peakctl("explain", "plan/stale", "-o", "yaml").out)
    assert code["exit_codes"] == "11"
    kinds = json.loads(peakctl("explain", "-o", "json").out)
    check_output("explain", kinds)
    assert len(kinds["kinds"]) == 8
    for word in ("Workflow", "Workflow.steps.q.repository", "lease/held"):
        check_output("explain", json.loads(peakctl("explain", word, "-o", "json").out))


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("Servce", "usage/unknown-kind"),
        ("Service.minInstance", "explain/unknown-field"),
        ("plan/stal", "explain/unknown-code"),
    ],
)
def test_unknown_names_are_wrong_usage_with_the_nearest(peakctl: Any, word: str, code: str) -> None:
    done = peakctl("explain", word)
    assert done.code == 64
    assert code in done.err
    assert "did you mean: " in done.err


@pytest.mark.parametrize(
    ("typed", "has", "lacks"),
    [
        ("", "Workflow", "plan/"),
        ("work", "Workflow", "Webapp"),
        ("pla", "plan/", "prune/"),
        ("plan/st", "plan/stale", "plan/less"),
        ("Workflow.spec.ste", "Workflow.spec.steps", "Workflow.spec.triggers"),
        ("Workflow.steps.train.co", "Workflow.steps.train.command", "Workflow.steps.train.url"),
        ("peakctl.y", "peakctl.yaml", "Workflow"),
        ("peakctl.yaml.envi", "peakctl.yaml.environments", "Workflow"),
        ("Nothing.x", None, "Workflow"),
    ],
)
def test_shells_complete_kinds_fields_and_codes(typed: str, has: str | None, lacks: str) -> None:
    found = complete_word(None, explain.params[0], typed)  # type: ignore[arg-type]
    assert has in found if has else found == []
    assert lacks not in found


def test_the_wheel_carries_the_page_of_the_codes_as_it_is(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    root = Path(__file__).resolve().parents[2]
    (wheel,) = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as found:
        packed = found.read("peakctl/docs/diagnostics.md")
    assert packed == diagnostics_file().read_bytes() == (root / "docs/diagnostics.md").read_bytes()


def test_the_help_has_examples_that_work() -> None:
    help_ = CliRunner().invoke(cli, ["explain", "--help"]).output
    assert "plan/stale" in help_
    assert "plan/stale" in load_codes()
