"""`peakctl drift`: what others did, with reads alone; and the nightly job of the docs."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from schemas_of_output import check_event, check_output

from peakctl import APPROVE_ALL, DriftKind, PeakctlError, Project, UsageError, apply, drift

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "project: p\nenvironments: {local: {emulator: true%s}}\ndefaultEnvironment: local\n"
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {a: {type: http, method: get, url: "https://example.com/%s"}}}
"""
WORKFLOWS = "/service/workflows/api/v1/workflows/"


def send(emulator: Any, method: str, path: str, body: Any = None) -> None:
    from peakctl.emulator import emulator_transport

    async def do() -> None:
        client = httpx.AsyncClient(
            transport=emulator_transport(emulator),
            base_url="http://emulator",
            headers={"Authorization": "peakctl-emulator"},
        )
        async with client:
            answer = await client.request(method, path, json=body)
        assert answer.is_success, answer.text

    import asyncio

    asyncio.run(do())


def flow(name: str, word: str) -> Any:
    call = {"type": "http", "method": "get", "url": f"https://example.com/{word}"}
    return {"name": name, "steps": {"a": call}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peakctl.yaml").write_text(PROJECT % "")
    (tmp_path / "manifests").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"manifests/{name}.yaml").write_text(FLOW % (name, "a"))
    return tmp_path


@pytest.fixture
def applied(project: Path, peakctl: Any, make_emulator: Any, clock: Any) -> Any:
    emulator = make_emulator()
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    clock.time += 60
    return emulator


def test_it_reads_and_nothing_else(applied: Any, peakctl: Any, project: Path) -> None:
    send(applied, "PUT", f"{WORKFLOWS}1", flow("one", "hand"))
    send(applied, "DELETE", f"{WORKFLOWS}2", {})
    send(applied, "POST", WORKFLOWS, flow("stray", "x"))
    before = len(applied.requests)
    for words in ((), ("--unowned",), ("-o", "json"), ("-o", "markdown")):
        assert peakctl("drift", *words, emulator=applied).code == 2
    sent = applied.requests[before:]
    assert {request.method for request in sent} == {"GET"}
    assert len(sent) > 4


def test_it_is_told_again_until_it_is_undone(applied: Any, peakctl: Any) -> None:
    assert peakctl("drift", emulator=applied).code == 0
    send(applied, "PUT", f"{WORKFLOWS}1", flow("one", "hand"))
    found = json.loads(peakctl("drift", "-o", "json", emulator=applied).out)
    (told,) = found["drift"]
    assert (told["key"], told["drift"], found["exit_code"]) == ("Workflow/one", "changed", 2)
    (change,) = told["changes"]
    assert (change["before"], change["after"]) == (
        "https://example.com/a",
        "https://example.com/hand",
    )
    rows = map(json.loads, peakctl("drift", "-o", "jsonl", emulator=applied).out.splitlines())
    events = {row["event"]: row for row in rows}
    assert [*events] == ["run", "drift", "summary", "end"]
    assert {"event": "drift", **told} == events["drift"]
    assert (events["summary"]["summary"]["changed"], events["end"]["exit_code"]) == (1, 2)
    send(applied, "PUT", f"{WORKFLOWS}1", flow("one", "a"))
    assert peakctl("drift", emulator=applied).code == 0


def test_code_hosts_get_it_at_the_manifest(applied: Any, peakctl: Any, project: Path) -> None:
    send(applied, "PUT", f"{WORKFLOWS}1", flow("one", "hand"))
    (project / ".git").mkdir()
    for form, told in (
        ("github", "::warning file=manifests/one.yaml,line=3,col=12,title=drift/outside::"),
        ("codequality", "drift/outside"),
        ("sarif", "manifests/one.yaml"),
        ("junit", "changed outside"),
    ):
        found = peakctl("drift", "-o", form, emulator=applied)
        assert (found.code, told in found.out) == (2, True), found.out
    gitlab, quality = (
        peakctl("drift", "-o", form, emulator=applied).out for form in ("gitlab", "codequality")
    )
    assert gitlab == quality


def test_places_are_those_from_where_one_stands(
    applied: Any, peakctl: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(applied, "PUT", f"{WORKFLOWS}1", flow("one", "hand"))
    monkeypatch.chdir(project.parent)
    found = peakctl("-C", project.name, "drift", "-o", "json", emulator=applied)
    (told,) = json.loads(found.out)["drift"]
    assert told["file"] == f"{project.name}/manifests/one.yaml"
    (project / ".git").mkdir()
    hosts = peakctl("-C", project.name, "drift", "-o", "github", emulator=applied)
    assert "::warning file=manifests/one.yaml,line=3," in hosts.out


def test_documents_and_lines_fit_their_schemas(applied: Any, peakctl: Any, project: Path) -> None:
    send(applied, "PUT", f"{WORKFLOWS}1", flow("one", "hand"))
    send(applied, "DELETE", f"{WORKFLOWS}2", {})
    send(applied, "POST", WORKFLOWS, flow("stray", "x"))
    found = peakctl("drift", "--unowned", "-o", "json", "-o", "jsonl=out.jsonl", emulator=applied)
    check_output("drift", json.loads(found.out))
    rows = [json.loads(row) for row in (project / "out.jsonl").read_text().splitlines()]
    for row in rows:
        check_event(row)
    assert [row["event"] for row in rows].count("drift") == 3
    (project / "manifests/one.yaml").write_text("kind: [")
    failed = json.loads(peakctl("drift", "-o", "json", emulator=applied).out)
    check_output("drift", failed)


def test_what_is_not_applied_yet_is_no_drift(applied: Any, peakctl: Any, project: Path) -> None:
    (project / "manifests/one.yaml").write_text(FLOW % ("one", "b"))
    (project / "manifests/two.yaml").unlink()
    (project / "manifests/three.yaml").write_text(FLOW % ("three", "a"))
    found = peakctl("drift", "-o", "json", emulator=applied)
    document = json.loads(found.out)
    assert (found.code, document["drift"]) == (0, [])
    assert sorted(document["waiting"]) == ["Workflow/one", "Workflow/three", "Workflow/two"]


def test_what_an_environment_allows_or_guards_is_no_matter(
    applied: Any, peakctl: Any, project: Path
) -> None:
    strict = ", allow: [], guards: {changes: {count: 0, percent: 0}}"
    (project / "peakctl.yaml").write_text(PROJECT % strict)
    send(applied, "PUT", f"{WORKFLOWS}1", flow("one", "hand"))
    found = peakctl("drift", emulator=applied)
    assert (found.code, "guard/" in found.err) == (2, False)


def test_unowned_lists_neither_other_projects_nor_parts_nor_ledgers(
    applied: Any, peakctl: Any, project: Path
) -> None:
    other = (PROJECT % "").replace("project: p", "project: other")
    (project / "peakctl.yaml").write_text(other)
    for name in ("one", "two"):
        (project / f"manifests/{name}.yaml").rename(project / f"{name}.txt")
    (project / "manifests/theirs.yaml").write_text(FLOW % ("theirs", "a"))
    assert peakctl("apply", "--yes", emulator=applied).code == 0
    send(applied, "POST", WORKFLOWS, flow("stray", "x"))
    found = json.loads(peakctl("drift", "--unowned", "-o", "json", emulator=applied).out)
    assert [(each["key"], each["drift"]) for each in found["drift"]] == [
        ("Workflow/stray", "added")
    ]
    assert peakctl("drift", emulator=applied).code == 0


def test_an_apply_that_is_under_way_is_told(applied: Any, peakctl: Any) -> None:
    import asyncio

    from peakctl.adapters.ledger_store import ArtifactLedgers
    from peakctl.api.client import Api, bases_for
    from peakctl.emulator import emulator_transport
    from peakctl.ledger.client import LedgerClient
    from peakctl.ledger.lease import HeldLease
    from peakctl.model import Actor, Owner, Run, Secret
    from peakctl.operations.project import SystemClock

    async def hold() -> None:
        clock, transport = SystemClock(), emulator_transport(applied)
        bases, token = bases_for(None, "http://emulator"), Secret("peakctl-emulator")
        async with Api(transport=transport, bases=bases, token=token, clock=clock) as api:
            store = ArtifactLedgers(api, clock)
            ledgers = LedgerClient(store, Owner("p", "local"), clock, lambda _: None)
            await HeldLease.acquire(ledgers, Run("elsewhere", Actor("bob"), "apply"), ())

    asyncio.run(hold())
    found = peakctl("drift", emulator=applied)
    assert (found.code, "drift/under-way" in found.err, "by bob" in found.err) == (0, True, True)


def test_where_nothing_can_be_compared_it_says_so(
    project: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    never = peakctl("drift", emulator=emulator)
    assert (never.code, "drift/never-applied" in never.err) == (1, True)
    (project / "peakctl.yaml").write_text(PROJECT % ", ledger: false")
    none = peakctl("drift", emulator=emulator)
    assert (none.code, "usage/no-ledger" in none.err) == (64, True)


def test_python_has_it_too(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PEAK_AUTH_TOKEN", "API_KEY", "PEAK__STAGE", "STAGE", "PEAKCTL_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    opened = Project.open(project, "local")
    with pytest.raises(PeakctlError, match="no ledger"):
        drift(opened)
    apply(opened, APPROVE_ALL)
    found = drift(opened, unowned=True)
    assert (found.has_drifted, found.as_applied, found.drift) == (False, 2, ())
    assert found.last_run is not None
    assert DriftKind("changed") is DriftKind.CHANGED
    (project / "peakctl.yaml").write_text(PROJECT % ", ledger: false")
    with pytest.raises(UsageError):
        drift(Project.open(project, "local"))


# --- the job of the docs -------------------------------------------------------------------------

GH = """\
#!/usr/bin/env python3
import json, os, sys
store, words = os.environ["GH_STORE"], sys.argv[1:]
issues = json.load(open(store)) if os.path.exists(store) else []
option = dict(zip(words, words[1:]))
if words[:2] == ["issue", "create"]:
    assert option["--label"] == "peak-drift"
    body = open(option["--body-file"]).read()
    number, title = len(issues) + 1, option["--title"]
    issues.append({"number": number, "title": title, "body": body, "open": True})
elif words[:2] == ["issue", "edit"]:
    issues[int(words[2]) - 1]["body"] = open(option["--body-file"]).read()
elif words[:2] == ["issue", "close"]:
    issues[int(words[2]) - 1]["open"] = False
elif words[:2] == ["issue", "list"]:
    title = os.environ["TITLE"]
    assert 'map(select(.title == "%s"))[0].number // empty' % title == option["--jq"]
    found = [i["number"] for i in issues if i["open"] and i["title"] == title]
    print(*found[:1])
else:
    assert words == ["label", "create", "peak-drift", "--force"], words
json.dump(issues, open(store, "w"))
"""
PEAKCTL = (
    '#!/bin/sh\n[ "$*" = "drift -e prod -o markdown" ] || exit 64\ncat "$TOLD"\nexit "$CODE"\n'
)


@pytest.fixture
def night(tmp_path: Path) -> Any:
    """Plays the step of docs/ci.md as the runner does: `bash -e`, with a fake gh."""
    text = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.S)]
    (job,) = [b["jobs"]["drift"] for b in blocks if "drift" in b.get("jobs", {})]
    (step,) = [each["run"] for each in job["steps"] if each.get("name") == "look and tell"]
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, script in (("gh", GH), ("peakctl", PEAKCTL)):
        (tools / name).write_text(script)
        (tools / name).chmod((tools / name).stat().st_mode | stat.S_IXUSR)
    store = tmp_path / "issues.json"

    def play(code: int, told: str) -> tuple[int, list[Any]]:
        (tmp_path / "told").write_text(told)
        env = {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "GH_STORE": str(store),
            "TITLE": job["env"]["TITLE"],
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "TOLD": str(tmp_path / "told"),
            "CODE": str(code),
        }
        done = subprocess.run(["bash", "-e", "-c", step], cwd=tmp_path, env=env, check=False)
        return done.returncode, json.loads(store.read_text()) if store.exists() else []

    return play


def test_the_nightly_job_keeps_one_issue(night: Any, tmp_path: Path) -> None:
    assert night(0, "none") == (0, [])
    code, issues = night(2, "first")
    assert (code, [(i["title"], i["body"]) for i in issues]) == (0, [("Drift of prod", "first")])
    code, issues = night(2, "second")
    assert (code, [(i["body"], i["open"]) for i in issues]) == (0, [("second", True)])
    assert night(15, "no token") == (15, issues)
    code, issues = night(0, "none")
    assert [(i["body"], i["open"]) for i in issues] == [("second", False)]
    code, issues = night(2, "again")
    assert [i["open"] for i in issues] == [False, True]
    assert (tmp_path / "summary").read_text() == "nonefirstsecondno tokennoneagain"
