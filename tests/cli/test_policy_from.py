"""--policy-from: a change of the rules comes first in every output form, and is not in force."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

STRICT = """\
project: shop
manifests: [m]
environments:
  local: {emulator: true, guards: {deletes: {count: 0, percent: 0}}}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {a: {type: http, method: get, url: "https://example.com"}}}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"m/{name}.yaml").write_text(FLOW % name)
    (tmp_path / "peakctl.yaml").write_text(STRICT)
    who = ("-c", "user.name=n", "-c", "user.email=n@example.com")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def loosen(folder: Path) -> None:
    (folder / "peakctl.yaml").write_text(STRICT.replace("count: 0, percent: 0", "count: 99"))


def test_a_pull_request_does_not_loosen_the_rules_that_it_is_judged_by(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    loosen(shop)
    (shop / "m/one.yaml").unlink()
    assert peakctl("plan", "--prune", emulator=emulator).code == 0
    for command in (("plan",), ("apply", "--yes")):
        judged = peakctl(*command, "--prune", "--policy-from", "main", emulator=emulator)
        assert (judged.code, "guard/mass-change" in judged.err) == (12, True)


@pytest.mark.parametrize("command", ["plan", "apply --yes", "destroy --yes", "validate"])
def test_a_change_of_policy_comes_first(
    shop: Path, peakctl: Any, make_emulator: Any, command: str
) -> None:
    emulator = make_emulator()
    loosen(shop)
    words = (*command.split(), "--policy-from", "main")
    text = peakctl(*words, emulator=emulator)
    assert text.code == 0
    assert text.out.startswith("peakctl.yaml changes the policy; that of main (")
    assert "environments.local.guards.deletes.count: 0 -> 99" in text.out
    document = json.loads(peakctl(*words, "-o", "json", emulator=emulator).out)
    paths = [change["path"] for change in document["policy"]["changes"]]
    assert paths == [f"environments.local.guards.deletes.{word}" for word in ("count", "percent")]
    if command != "validate":
        comment = peakctl(*words, "-o", "markdown", emulator=emulator).out
        assert comment.index("changes the policy") < min(
            comment.find(words) for words in ("**Plan:", "**No changes") if words in comment
        )


def test_it_comes_first_where_there_is_no_plan_too(shop: Path, peakctl: Any) -> None:
    loosen(shop)
    (shop / "m/one.yaml").write_text("kind: [")
    failed = peakctl("plan", "--policy-from", "main")
    assert (failed.code, "changes the policy" in failed.out) == (10, True)


def test_nothing_is_said_without_a_change_or_without_the_flag(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    same = peakctl("plan", "--policy-from", "main", emulator=emulator)
    loosen(shop)
    without = peakctl("plan", emulator=emulator)
    assert "policy" not in same.out + without.out
    document = json.loads(peakctl("plan", "-o", "json", emulator=emulator).out)
    assert "policy" not in document


def test_it_needs_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.yaml").write_text(FLOW % "w")
    refused = peakctl("validate", "-f", "w.yaml", "--policy-from", "main")
    assert (refused.code, "usage/no-project" in refused.err) == (64, True)
