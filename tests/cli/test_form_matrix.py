"""Every form of every command and ending: valid by its readers' schemas, and all say the same."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from console import by_hand
from forms import check_form

from peakctl.cli.options import REPORT_FORMS
from peakctl.emulator.faults import Fault

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
metadata: {name: %s}
spec: {steps: {a: {type: http, method: get, url: "https://example.com/%s"}}}
"""
NAMES = tuple(f"flow-{number}" for number in range(8))
LIVE = "/workflows/api/v1/workflows/"


@dataclass
class Shop:
    """A project, and a command line on its emulator."""

    folder: Path
    run: Callable[..., Any]
    emulator: Any

    def write(self, word: str, *names: str) -> None:
        for name in names or NAMES:
            (self.folder / f"m/{name}.yaml").write_text(FLOW % (name, word))

    def applied(self) -> None:
        self.write("one")
        assert self.run("apply", "--yes", emulator=self.emulator).code == 0

    def edited(self) -> None:
        self.applied()
        self.write("two", *NAMES[:2])

    def all_edited(self) -> None:
        self.applied()
        self.write("two")

    def broken(self) -> None:
        self.write("one")
        (self.folder / "m/odd.yaml").write_text(FLOW.replace("spec", "spek") % ("odd", "x"))

    def empty(self) -> None:
        (self.folder / "m/nothing.yaml").write_text("# nothing\n")

    def saved(self) -> None:
        self.edited()
        assert self.run("plan", "--out", "a.plan", emulator=self.emulator).code == 0

    def unreachable(self) -> None:
        self.edited()
        self.fail("GET", LIVE, 503, None)

    def refused(self) -> None:
        self.edited()
        self.fail("PUT", LIVE, 422, 1)

    def refused_whole(self) -> None:
        self.write("one", "alone")
        self.fail("POST", LIVE, 422, None)

    def doubtful(self) -> None:
        self.edited()
        self.emulator.faults += [
            Fault(method="PUT", path=LIVE, action="drop", when="after", times=1),
            Fault(method="GET", path=f"{LIVE}[0-9]", skip=16, times=None),
        ]

    def interrupted(self) -> None:
        """Somebody presses Ctrl-C when the first change has been sent."""
        self.edited()
        log, add = self.emulator.requests, self.emulator.requests.add

        def heard(recorded: Any, **more: Any) -> None:
            add(recorded, **more)
            if (recorded.method, LIVE in recorded.path) == ("PUT", True):
                os.kill(os.getpid(), signal.SIGINT)

        log.add = heard

    def fail(self, method: str, path: str, status: int, times: int | None) -> None:
        rule = Fault(method=method, path=path, status=status, times=times)
        self.emulator.faults.append(rule)

    def committed(self) -> None:
        """Two applies, each of a commit."""
        self.git("init", "-q", ".")
        (self.folder / ".gitignore").write_text("out.*\n.peakctl/\n")
        for word in ("one", "two"):
            self.write(word, *NAMES[: 8 if word == "one" else 2])
            self.git("add", "-A")
            self.git("commit", "-qm", word)
            assert self.run("apply", "--yes", emulator=self.emulator).code == 0

    def git(self, *words: str) -> None:
        who = ["-c", "user.name=n", "-c", "user.email=n@example.com"]
        subprocess.run(["git", *who, *words], cwd=self.folder, check=True, capture_output=True)

    def drifted(self) -> None:
        """Somebody edits in the console what an apply made; the branch has an edit of its own."""
        self.edited()
        call = {"type": "http", "method": "get", "url": "https://example.com/hand"}
        body = {"name": NAMES[3], "steps": {"a": call}}
        path = f"/service{LIVE}4"
        by_hand(self.emulator, "PUT", path, body)


ENDINGS: dict[str, tuple[tuple[str, ...], Callable[[Shop], None], int]] = {
    "validate-clean": (("validate",), Shop.applied, 0),
    "validate-failing": (("validate",), Shop.broken, 10),
    "validate-empty": (("validate",), Shop.empty, 0),
    "plan-clean": (("plan",), Shop.applied, 0),
    "plan-changes": (("plan", "--detailed-exitcode"), Shop.edited, 2),
    "plan-all": (("plan", "--all", "--show-ignored", "--explain", "--verbose"), Shop.edited, 0),
    "plan-invalid": (("plan",), Shop.broken, 10),
    "plan-unreachable": (("plan",), Shop.unreachable, 1),
    "plan-guard": (("plan",), Shop.all_edited, 12),
    "plan-not-allowed": (("plan", "--allow", "read"), Shop.edited, 12),
    "plan-empty": (("plan",), Shop.empty, 12),
    "plan-usage": (("plan", "--nonsense"), Shop.edited, 64),
    "show-saved": (("show", "a.plan"), Shop.saved, 0),
    "show-missing": (("show", "none.plan"), Shop.edited, 11),
    "apply-clean": (("apply", "--yes"), Shop.applied, 0),
    "apply-changes": (("apply", "--yes"), Shop.edited, 0),
    "apply-saved": (("apply", "a.plan"), Shop.saved, 0),
    "apply-dry": (("apply", "--dry-run"), Shop.edited, 0),
    "apply-partly": (("apply", "--yes"), Shop.refused, 14),
    "apply-failing": (("apply", "--yes"), Shop.refused_whole, 1),
    "apply-doubtful": (("apply", "--yes"), Shop.doubtful, 14),
    "apply-interrupted": (("apply", "--yes", "--parallelism", "1"), Shop.interrupted, 130),
    "apply-invalid": (("apply", "--yes"), Shop.broken, 10),
    "apply-unasked": (("apply",), Shop.edited, 12),
    "apply-guard": (("apply", "--yes"), Shop.all_edited, 12),
    "apply-empty": (("apply", "--yes"), Shop.empty, 12),
    "destroy-done": (("destroy", "--yes"), Shop.applied, 0),
    "destroy-nothing": (("destroy", "--yes"), lambda shop: shop.write("one"), 0),
    "rollback-done": (("rollback", "--to", "1", "--yes"), Shop.committed, 0),
    "rollback-dry": (("rollback", "--to", "1", "--dry-run"), Shop.committed, 0),
    "rollback-unasked": (("rollback", "--to", "1"), Shop.committed, 12),
    "rollback-unknown": (("rollback", "--to", "9", "--yes"), Shop.committed, 1),
    "rollback-dirty": (("rollback", "--to", "1", "--yes"), Shop.edited, 12),
    "drift-clean": (("drift",), Shop.edited, 0),
    "drift-changes": (("drift",), Shop.drifted, 2),
    "drift-never-applied": (("drift",), lambda shop: shop.write("one"), 1),
    "drift-invalid": (("drift",), Shop.broken, 10),
    "drift-unreachable": (("drift",), Shop.unreachable, 1),
    "ci-plan-changes": (("ci", "plan", "--no-comment"), Shop.edited, 0),
    "ci-plan-invalid": (("ci", "plan", "--no-comment"), Shop.broken, 10),
    "ci-plan-guard": (("ci", "plan", "--no-comment"), Shop.all_edited, 12),
    "ci-apply-changes": (("ci", "apply", "--no-comment"), Shop.edited, 0),
    "ci-apply-partly": (("ci", "apply", "--no-comment"), Shop.refused, 14),
    "drift-empty": (("drift",), Shop.empty, 12),
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any) -> Shop:
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return Shop(tmp_path, peakctl, make_emulator())


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_form_is_valid_and_says_how_it_ended(ending: str, shop: Shop) -> None:
    typed, prepare, code = ENDINGS[ending]
    prepare(shop)
    asked = [word for form in REPORT_FORMS for word in ("-o", f"{form}=out.{form}")]
    done = shop.run(*typed, *asked, emulator=shop.emulator)
    assert done.code == code, done.err
    texts = {form: (shop.folder / f"out.{form}").read_text("utf-8") for form in REPORT_FORMS}
    command = "plan" if typed[:2] == ("apply", "--dry-run") else typed[typed[0] == "ci"]
    found = {form: check_form(form, text, command) for form, text in texts.items()}
    good = code in (0, 2)
    assert (found["json"]["ok"], found["json"]["exit_code"]) == (good, code)
    assert found["yaml"] == found["json"]
    assert (found["jsonl"][-1]["ok"], found["jsonl"][-1]["exit_code"]) == (good, code)
    assert found["sarif"]["invocations"] == [{"executionSuccessful": good, "exitCode": code}]
    assert (found["junit"].failures + found["junit"].errors == 0) == good
    errors = [level for level, *_ in found["github"] if level == "error"]
    assert bool(errors) == bool(found["json"]["errors"])
    told = {each["code"] for each in (*found["json"]["errors"], *found["json"]["warnings"])}
    for form in ("sarif", "codequality"):
        word = "ruleId" if form == "sarif" else "check_name"
        results = found[form]["results"] if form == "sarif" else found[form]
        assert told <= {each[word] for each in results}, form
    if command not in ("validate", "drift"):
        assert ("create" in found["gitlab"]) == ("summary" in found["json"])
    actions = found["json"].get("actions", ())
    drawn = [(each["data-key"], each["data-verb"]) for each in found["html"].resources()]
    assert drawn == [(action["key"], action["verb"]) for action in actions]
    for action in actions:
        if action["verb"] != "unchanged":
            assert action["name"] in texts["markdown"]
