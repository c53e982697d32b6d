"""The rules of docs/output.md, run by jq on plans that keep and that break them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jq
import pytest
from policies import BROKEN, KEPT

PAGE = Path(__file__).resolve().parents[1] / "docs/output.md"
RECIPES = dict(re.findall(r"\n([^\n]+):\n\n```sh\n(jq .*?)\n```", PAGE.read_text("utf-8"), re.S))
JQ = shutil.which("jq")
FILTER = re.compile(r"jq -e '(.*)' plan\.json", re.S)


def test_each_rule_of_the_page_is_tried() -> None:
    assert set(RECIPES) == set(BROKEN)


def broken_by(rule: str, actions: list[dict[str, Any]] | None) -> bool:
    """Whether `jq -e` ends with 1, by the library that jq is. Raises ValueError where it fails."""
    document = {} if actions is None else {"actions": actions}
    read = FILTER.fullmatch(RECIPES[rule])
    assert read
    results = jq.compile(read[1]).input_value(document).all()
    return not results or results[-1] in (None, False)


@pytest.mark.parametrize("rule", BROKEN)
def test_a_rule_passes_what_keeps_it_and_no_other(rule: str) -> None:
    assert not broken_by(rule, KEPT)
    assert broken_by(rule, [*KEPT, BROKEN[rule]])
    with pytest.raises(ValueError, match="null"):
        broken_by(rule, None)


@pytest.mark.skipif(JQ is None, reason="NOT TESTED: there is no jq on this machine")
@pytest.mark.parametrize("rule", BROKEN)
def test_the_command_of_the_page_ends_as_its_rule_does(rule: str, tmp_path: Path) -> None:
    def ended(actions: list[dict[str, Any]] | None) -> int:
        document = {} if actions is None else {"actions": actions}
        (tmp_path / "plan.json").write_text(json.dumps(document))
        command = ["bash", "-c", RECIPES[rule]]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert ended(KEPT) == 0
    assert ended([*KEPT, BROKEN[rule]]) == 1
    assert ended(None) not in (0, 1)
