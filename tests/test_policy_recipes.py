"""The rules of docs/output.md, run by jq on plans that keep and that break them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs/output.md"
RECIPES = dict(re.findall(r"\n([^\n]+):\n\n```sh\n(jq .*?)\n```", PAGE.read_text("utf-8"), re.S))
JQ = shutil.which("jq")


def action(**more: Any) -> dict[str, Any]:
    return {
        "key": "Workflow/flow",
        "verb": "edit",
        "class": "edit",
        "causes": [{"cause": "manifest-changed"}],
        "consequences": [],
        "labels": {"team": "retail"},
        "location": {"file": "m.yaml", "line": 4, "column": 1},
        "desired": {"spec": {"steps": {"a": {"imageDetails": {"name": "x", "version": "1.0.0"}}}}},
        **more,
    }


RESTARTS = [{"effect": "restarts"}]
KEPT = [
    action(),
    action(verb="delete", desired=None, labels=None, **{"class": "share"}),
    action(verb="create", consequences=RESTARTS),
    action(desired={"spec": {"steps": {"a": {"type": "http"}}}}),
    action(desired={"spec": {"image": 1}}),
]
BROKEN = {
    "Nothing is deleted": action(**{"class": "delete"}),
    "Steps of workflows name the version of their image": action(
        desired={"spec": {"steps": {"a": {"imageDetails": {"name": "x"}}}}}
    ),
    "What is new has a label `team`": action(verb="create", labels={}),
    "Nothing restarts without its manifest being changed": action(
        causes=[{"cause": "changed-outside"}], consequences=RESTARTS
    ),
}


def test_each_rule_of_the_page_is_tried() -> None:
    assert set(RECIPES) == set(BROKEN)


@pytest.mark.skipif(JQ is None, reason="NOT TESTED: there is no jq on this machine")
@pytest.mark.parametrize("rule", BROKEN)
def test_a_rule_passes_what_keeps_it_and_no_other(rule: str, tmp_path: Path) -> None:
    def ended(actions: list[dict[str, Any]] | None) -> int:
        document = {} if actions is None else {"actions": actions}
        (tmp_path / "plan.json").write_text(json.dumps(document))
        command = ["bash", "-c", RECIPES[rule]]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert ended(KEPT) == 0
    assert ended([*KEPT, BROKEN[rule]]) == 1
    assert ended(None) not in (0, 1)
