"""`peakctl ledger history`: what runs leave behind, and what is told of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from peakctl.emulator.faults import Fault

PROJECT = """\
project: shop
manifests: [m.yaml]
environments:
  local: {emulator: true}
  bare: {emulator: true, ledger: false}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {call: {type: http, method: %s, url: https://example.com/hook}}}
---
"""
HISTORY = "peakctl-history-shop-local"
ARTIFACTS = "/service/artifacts/api/v1/artifacts/"


class Shop:
    """A project on an emulator."""

    def __init__(self, folder: Path, emulator: Any, clock: Any, peakctl: Any) -> None:
        self.folder, self.emulator, self.clock = folder, emulator, clock
        self._peakctl = peakctl
        (folder / "peakctl.yaml").write_text(PROJECT)

    def run(self, *words: str, env: str = "local") -> Any:
        return self._peakctl(*words, "-e", env, emulator=self.emulator)

    def apply(self, *flows: tuple[str, str], code: int = 0) -> Any:
        (self.folder / "m.yaml").write_text("".join(FLOW % flow for flow in flows))
        done = self.run("apply", "-y")
        assert done.code == code, done.out + done.err
        return done

    def history(self, *words: str) -> Any:
        done = self.run("ledger", "history", *words, "-o", "json")
        assert done.code == 0, done.out + done.err
        return json.loads(done.out)["history"]

    def text(self, *words: str) -> str:
        done = self.run("ledger", "history", *words)
        assert done.code == 0, done.out + done.err
        return str(done.out)

    def sent(self) -> list[str]:
        return [f"{r.method} {r.path}" for r in self.emulator.requests]

    def fail(self, method: str, path: str, skip: int = 0) -> None:
        self.emulator.faults.append(Fault(method=method, path=path, skip=skip, status=422))


@pytest.fixture
def shop(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_emulator: Callable[..., Any],
    peakctl: Callable[..., Any],
    clock: Any,
) -> Shop:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOGNAME", "alice")
    return Shop(tmp_path, make_emulator(), clock, peakctl)


def test_there_is_none_before_the_first_apply(shop: Shop) -> None:
    (shop.folder / "m.yaml").write_text(FLOW % ("a", "post"))
    assert shop.text() == "shop/local has no history yet: the first apply makes it.\n"
    assert shop.history() == {"name": HISTORY, "id": None, "total": 0, "runs": []}


def test_each_run_is_told_with_what_it_did(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.apply(("a", "post"), ("b", "post"))
    monkeypatch.setenv("PEAKCTL_APPROVER", "bob")
    shop.apply(("a", "get"), ("b", "post"))
    told = shop.history()
    assert told["total"] == 2
    last, first = told["runs"]
    assert (first["number"], last["number"]) == (1, 2)
    assert (last["command"], last["outcome"], last["counts"]) == ("apply", "done", {"edit": 1})
    assert last["resources"] == [
        {
            "key": "Workflow/a",
            "kind": "Workflow",
            "name": "a",
            "verb": "edit",
            "status": "done",
            "version_before": None,
            "version_after": None,
        }
    ]
    assert (last["who"], last["approver"], first["approver"]) == ("alice", "bob", "")
    assert last["plan_digest"] != first["plan_digest"]
    assert len(last["plan_digest"]) == 64
    assert last["dirty"] is None
    assert not last["recovered"]
    lines = shop.text().splitlines()
    assert lines[0].split() == ["RUN", "ENDED", "(UTC)", "COMMAND", "OUTCOME", "WHO"]
    assert lines[1].split()[0] == "2"
    assert lines[1].split()[-3:] == ["apply", "done", "alice"]
    assert lines[2:4] == ["       approved by bob", "       edit  Workflow/a"]
    assert lines[-1] == "2 runs."
    assert all(len(line) <= 60 for line in lines)


def test_an_apply_sends_what_it_needs_and_not_a_read_more(shop: Shop) -> None:
    shop.apply(("a", "post"))
    before = len(shop.sent())
    shop.apply(("a", "get"))
    sent = [re.sub(r"[0-9a-f-]{36}", "ID", each) for each in shop.sent()[before:]]
    flows = "/service/workflows/api/v1/workflows/"
    one = f"GET {flows}1"
    ledger = [f"GET {ARTIFACTS}ID", f"GET {ARTIFACTS}ID/download"]
    assert sent[:2] == [f"GET {ARTIFACTS}", f"GET {flows}"]
    assert sorted(sent[2:5]) == sorted([*ledger, one])
    put = f"PUT {ARTIFACTS}ID"
    assert sent[5] == "GET /service/access-control/api/v2/access/permissions"
    assert sent[6] == put  # the lease, on the ledger as the plan has read it
    assert sorted(sent[7:10]) == sorted([f"GET {ARTIFACTS}", f"GET {flows}", one])
    assert sorted(sent[10:12]) == [ledger[1], f"PUT {flows}1"]  # the history, beside the change
    assert sent[12:] == [put, put]  # the ledger and the history, side by side


def test_a_plan_and_an_apply_without_changes_ask_nothing_of_it(shop: Shop) -> None:
    shop.apply(("a", "post"))
    id_ = shop.history()["id"]
    before = len(shop.sent())
    assert shop.run("plan").code == 0
    shop.apply(("a", "post"))
    assert not [each for each in shop.sent()[before:] if id_ in each]
    before = len(shop.sent())
    shop.apply(("a", "get"))
    assert [each for each in shop.sent()[before:] if id_ in each] == [
        f"GET {ARTIFACTS}{id_}/download",
        f"PUT {ARTIFACTS}{id_}",
    ]
    assert len(shop.history()["runs"]) == 2


def test_it_is_nobodys_artifact(shop: Shop) -> None:
    shop.apply(("a", "post"))
    listed = shop.run("get", "artifacts").out
    assert "peakctl-" not in listed
    named = "kind: Artifact\nmetadata: {name: peakctl-history-x}\nspec: {artifact: {path: d}}\n"
    (shop.folder / "d").mkdir()
    (shop.folder / "d/x").write_text("x")
    (shop.folder / "m.yaml").write_text(f"apiVersion: peakctl/v1\n{named}")
    refused = shop.run("validate")
    assert refused.code == 10
    assert '"peakctl-history-x" is the name of a history' in refused.err


def test_runs_are_chosen_by_time_resource_and_number(shop: Shop) -> None:
    shop.apply(("a", "post"))
    shop.clock.time += 3 * 86_400
    shop.apply(("a", "post"), ("b", "post"))
    shop.clock.time += 3600
    shop.apply(("a", "post"), ("b", "get"))
    moment = datetime.fromtimestamp(shop.clock.now(), UTC)

    def numbers(*words: str) -> list[int]:
        return [run["number"] for run in shop.history(*words)["runs"]]

    assert numbers() == [3, 2, 1]
    assert numbers("--since", "2d") == [3, 2]
    assert numbers("--since", "30m") == [3]
    assert numbers("--since", f"{moment - timedelta(days=1):%Y-%m-%d}") == [3, 2]
    assert numbers("--since", f"{moment:%Y-%m-%dT%H:%M}+00:00") == [3]
    assert numbers("--resource", "workflow/b") == [3, 2]
    assert numbers("--resource", "Workflow/?", "--limit", "1") == [3]
    assert numbers("--resource", "Workflow") == [3, 2, 1]
    assert numbers("--resource", "Image/b") == []
    assert shop.text("--resource", "Image/b") == "0 of 3 runs.\n"
    assert "Workflow/a" not in shop.text("--resource", "Workflow/b")
    for words in (("--since", "soon"), ("--limit", "0"), ("--since", "99999999999h")):
        assert shop.run("ledger", "history", *words).code == 64


def test_text_is_short_unless_all_is_asked_for(shop: Shop) -> None:
    flows = [(f"f{n}", "post") for n in range(8)]
    for number in range(1, 24):
        method = "get" if number % 2 else "post"
        shop.apply((f"f{number}", method), *(f for f in flows if f[0] != f"f{number}"), code=0)
    text = shop.text()
    total = len(shop.history()["runs"])
    assert text.count("apply") == 20
    assert text.endswith(f"20 of {total} runs.\n")
    first = shop.text("--limit", str(total)).split("\n\n")[-2]
    assert "… 3 more, --verbose shows them" in first or "… 4 more" in first
    assert "more" not in shop.text("--limit", str(total), "--verbose")


def test_a_run_of_which_a_part_failed_is_partial(shop: Shop) -> None:
    shop.fail("POST", "/workflows/$", skip=1)
    shop.apply(("a", "post"), ("b", "post"), code=14)
    (run,) = shop.history()["runs"]
    assert run["outcome"] == "partial"
    assert run["counts"] == {"create": 1}
    assert sorted(each["status"] for each in run["resources"]) == ["done", "failed"]
    assert "(failed)" in shop.text()


def test_a_history_that_cannot_be_written_fails_no_apply(shop: Shop) -> None:
    shop.apply(("a", "post"))
    id_ = shop.history()["id"]
    shop.fail("PUT", f"{ARTIFACTS}{id_}")
    done = shop.apply(("a", "get"))
    assert "history/not-written" in done.err
    assert [run["recovered"] for run in shop.history()["runs"]] == [True, False]
    assert "1 edit (from the ledger alone)" in shop.text()
    shop.emulator.faults.clear()
    shop.apply(("a", "post"))
    runs = shop.history()["runs"]
    assert [(run["number"], run["recovered"]) for run in runs] == [
        (3, False),
        (2, True),
        (1, False),
    ]


def test_a_damaged_or_newer_history_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.apply(("a", "post"))
    write = "peakctl.ledger.history.write_history"
    with monkeypatch.context() as patch:
        patch.setattr(write, lambda _: b"{")
        shop.apply(("a", "get"))
    done = shop.run("ledger", "history")
    assert done.code == 0
    assert "history/damaged" in done.err
    assert "2 runs." in done.out
    with monkeypatch.context() as patch:
        newer = b'{"kind": "peakctl-history", "format_version": 99}'
        patch.setattr(write, lambda _: newer)
        shop.apply(("a", "post"))
    done = shop.run("ledger", "history")
    assert done.code == 1
    assert "ledger/newer" in done.err
    assert "history/not-written" in shop.apply(("a", "get")).err


def test_where_no_ledger_is_kept_there_is_no_history(shop: Shop) -> None:
    (shop.folder / "m.yaml").write_text(FLOW % ("a", "post"))
    assert shop.run("apply", "-y", env="bare").code == 0
    assert shop.run("ledger", "history", env="bare").code == 64
    assert not [each for each in shop.sent() if each.startswith(f"POST {ARTIFACTS}")]


def test_what_is_adopted_is_told(shop: Shop) -> None:
    (shop.folder / "m.yaml").write_text(FLOW % ("a", "post"))
    assert shop.run("apply", "-y", env="bare").code == 0
    shop.apply(("b", "post"))
    shop.apply(("a", "post"), ("b", "post"))
    last, _ = shop.history()["runs"]
    assert [(each["verb"], each["key"]) for each in last["resources"]] == [("adopt", "Workflow/a")]


def test_destroy_is_told_and_the_history_outlives_it(shop: Shop) -> None:
    shop.apply(("a", "post"))
    assert shop.run("destroy", "-y").code == 0
    last, _ = shop.history()["runs"]
    assert (last["command"], last["counts"]) == ("destroy", {"delete": 1})


IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: train}
spec: {type: workflow, buildDetails: {source: dockerfile, dockerfile: "FROM python:3\\nRUN %s"}}
---
"""
BLOCK = """\
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, title: Block, summary: A block}
spec:
  kind: workflow
  config: {steps: {train: {imageDetails: {name: train}, command: run}}}
---
"""


def test_versions_from_and_to_are_told_and_what_never_began_is_not_open(shop: Shop) -> None:
    (shop.folder / "m.yaml").write_text(IMAGE % "true" + BLOCK)
    assert shop.run("apply", "-y").code == 0
    (shop.folder / "m.yaml").write_text(IMAGE % "false" + BLOCK)
    assert shop.run("apply", "-y").code == 1
    (run, _) = shop.history()["runs"]
    assert run["outcome"] == "failed"
    assert run["counts"] == {}
    told = {
        each["key"]: (each["verb"], each["status"], each["version_before"], each["version_after"])
        for each in run["resources"]
    }
    assert told == {
        "Image/train": ("build", "failed", "0.0.1", "0.0.2"),
        "BlockSpec/block": ("release", "blocked", "1.0.0", "1.0.1"),
    }
    shown = shop.run("ledger", "show").out
    assert "0 not finished" in shown
    assert "Begun" not in shown


ARTIFACT = """\
apiVersion: peakctl/v1
kind: Artifact
metadata: {name: data, description: "%s"}
spec: {artifact: {path: data}}
---
"""
DEPLOYMENT = """\
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: live, title: live}
spec: {blockSpec: {name: block}}
---
"""


def test_numbers_that_the_platform_gives_are_told(shop: Shop) -> None:
    def applied(words: str, content: str) -> dict[str, tuple[str, ...]]:
        (shop.folder / "data").mkdir(exist_ok=True)
        (shop.folder / "data/a.csv").write_text(content)
        written = ARTIFACT % words + IMAGE % f"true {content}" + BLOCK + DEPLOYMENT
        (shop.folder / "m.yaml").write_text(written)
        done = shop.run("apply", "-y")
        assert done.code == 0, done.out + done.err
        run = shop.history("--limit", "1")["runs"][0]
        return {
            each["key"]: (each["verb"], each["version_before"], each["version_after"])
            for each in run["resources"]
            if each["key"] in ("Artifact/data", "Deployment/live")
        }

    assert applied("x", "1") == {
        "Artifact/data": ("create", None, "1"),
        "Deployment/live": ("create", None, "1"),
    }
    assert applied("x", "2") == {
        "Artifact/data": ("build", "1", "2"),
        "Deployment/live": ("revise", "1", "2"),
    }
    assert "Deployment/live  1 -> 2" in shop.text()
    assert applied("y", "2") == {"Artifact/data": ("edit", "2", "2")}
    (shop.folder / "m.yaml").write_text(FLOW % ("a", "post"))
    assert (
        shop.run("apply", "-y", "--prune", "--prune-history", "--allow-mass-change", "4").code == 0
    )
    assert "delete  Artifact/data  2\n" in shop.text()


def test_a_resource_without_its_kind_is_refused_and_kinds_may_be_typed_as_for_get(
    shop: Shop,
) -> None:
    shop.apply(("call", "get"))
    done = shop.run("ledger", "history", "--resource", "call")
    assert done.code == 64
    assert "usage/unknown-kind" in done.err
    assert len(shop.history("--resource", "workflows/call")["runs"]) == 1
    assert shop.history("--resource", "Workflow/other")["runs"] == []
