"""`peakctl status`: how everything is, by the reads of a plan; what is not well, and a watch."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from schemas_of_output import check_output

from peakctl import Project, status
from peakctl.emulator import emulator_transport
from peakctl.emulator.faults import read_faults
from peakctl.operations.status import Health

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true}
"""
BASE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: base}
spec:
  type: workflow
  buildDetails: {source: dockerfile, dockerfile: "FROM python:3.12"}
---
apiVersion: peakctl/v1
kind: Image
metadata: {name: serve}
spec:
  type: api
  buildDetails: {source: dockerfile, dockerfile: "FROM python:3.12"}
"""
REST = """\
apiVersion: peakctl/v1
kind: Service
metadata: {name: api, title: One}
spec:
  imageDetails: {name: serve}
  resources: {instanceType: "Micro (0.5CPU, 1GB RAM)"}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly, labels: {team: a}}
spec:
  triggers: [{cron: "0 2 * * *"}, {webhook: true}]
  steps: {train: {imageDetails: {name: base}, command: "echo {{ os_env.TOKEN }}; exit 3"}}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: other}
spec: {steps: {a: {type: http, method: get, url: "https://example.com"}}}
"""
WORKFLOWS = "/service/workflows/api/v1/workflows/"
IMAGES = "/service/image-management/api/v2/images/"


def send(emulator: Any, method: str, path: str, body: Any = None) -> Any:
    """Somebody else's request."""

    async def do() -> Any:
        client = httpx.AsyncClient(
            transport=emulator_transport(emulator),
            base_url="http://emulator",
            headers={"Authorization": "peakctl-emulator"},
        )
        async with client:
            answer = await client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    return asyncio.run(do())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOKEN", raising=False)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "m/base.yaml").write_text(BASE)
    (tmp_path / "m/rest.yaml").write_text(REST)
    return tmp_path


@pytest.fixture
def emulator(
    project: Path, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """An emulator that the project was applied to, with the secret set for that alone."""
    made = make_emulator()
    with monkeypatch.context() as patch:
        patch.setenv("TOKEN", "hunter-2-secret")
        assert peakctl("apply", "--yes", emulator=made).code == 0
    return made


def shown(peakctl: Any, emulator: Any, *words: str) -> Any:
    document = json.loads(peakctl("status", "-o", "json", *words, emulator=emulator).out)
    check_output("status", document)
    return document


def by_key(document: Any) -> Any:
    return {row["key"]: row for row in document["resources"]}


def test_before_the_first_apply_all_is_absent_and_nothing_is_wrong(
    project: Path, peakctl: Any, make_emulator: Any
) -> None:
    done = peakctl("status", "--exit-code", emulator=make_emulator())
    assert done.code == 0
    assert done.out.splitlines() == [
        "RESOURCE          STATE   APPLY",
        "Image/base        absent  create",
        "Image/serve       absent  create",
        "Service/api       absent  create",
        "Workflow/nightly  absent  create",
        "Workflow/other    absent  create",
        "",
        "Status: 5 resources, 5 absent, 5 to apply.",
    ]


def test_a_table_has_what_runs_on_what_and_when_it_runs_next(peakctl: Any, emulator: Any) -> None:
    done = peakctl("status", "--exit-code", emulator=emulator)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == [
        "RESOURCE",
        "STATE",
        "VERSION",
        "RUNS",
        "ON",
        "DRIFT",
        "NEXT",
        "CHANGED",
    ]
    table = {row.split()[0]: row.split() for row in lines[1:6]}
    assert table["Service/api"][:5] == ["Service/api", "available", "serve", "0.0.1", "no"]
    assert table["Workflow/nightly"][:5] == ["Workflow/nightly", "available", "base", "0.0.1", "no"]
    assert re.search(r"Workflow/nightly .* in \d+h ", done.out)
    assert "Addresses\n  Service/api  https://api.emulator.peak.ai\n" in done.out
    assert lines[-1] == "Status: 5 resources, all well."
    assert "hunter-2-secret" not in done.out + done.err


def test_programs_get_each_resource_with_its_place(peakctl: Any, emulator: Any) -> None:
    document = shown(peakctl, emulator)
    found = by_key(document)
    nightly = found["Workflow/nightly"]
    assert (nightly["file"], nightly["line"], nightly["owned"]) == ("m/rest.yaml", 10, True)
    assert nightly["next_run"].endswith("T02:00:00Z")
    assert nightly["uses"] == ["base 0.0.1"]
    assert (nightly["drift"], nightly["pending"], nightly["last_run"]) == ("", None, None)
    assert found["Workflow/other"]["next_run"] is None
    assert found["Service/api"]["address"] == "https://api.emulator.peak.ai"
    assert found["Image/base"]["changed"]["by"]
    assert document["summary"]["well"] == 5
    out = peakctl("status", "-o", "yaml", emulator=emulator).out
    assert yaml.safe_load(out) == document["resources"]


def test_it_sends_the_requests_of_a_plan_and_reads_alone(peakctl: Any, emulator: Any) -> None:
    def sent(*words: str) -> list[tuple[str, str]]:
        before = len(emulator.requests)
        assert peakctl(*words, emulator=emulator).code == 0
        return sorted((each.method, each.path) for each in emulator.requests[before:])

    looked = sent("status")
    assert looked == sent("plan", "--unset-env", "unknown")
    assert {method for method, _ in looked} == {"GET"}
    few = sent("status", "Workflow/other")
    assert len(few) <= len(looked)


def test_a_run_that_failed_has_its_place_and_the_exit_code(
    peakctl: Any, emulator: Any, clock: Any
) -> None:
    id_ = by_key(shown(peakctl, emulator))["Workflow/nightly"]["id"]
    run = send(emulator, "POST", f"{WORKFLOWS}{id_}/execute", {})["executionId"]
    asyncio.run(clock.sleep(90))
    done = peakctl("status", "--exit-code", emulator=emulator)
    assert done.code == 2
    assert re.search(r"Workflow/nightly ! .* failed 1m ago ", done.out)
    assert "Not well\n  Workflow/nightly  m/rest.yaml:10\n" in done.out
    assert f"    its last run is failed ({run})\n" in done.out
    assert "    see: peakctl logs Workflow/nightly\n" in done.out
    assert done.out.splitlines()[-1] == "Status: 5 resources, 1 not well."
    assert peakctl("status", emulator=emulator).code == 0
    row = by_key(shown(peakctl, emulator))["Workflow/nightly"]
    assert (row["well"], row["last_run"]["status"], row["health"]) == (False, "failed", "ok")
    assert peakctl("status", "--exit-code", "Service", emulator=emulator).code == 0


def test_a_failed_build_is_not_well(
    project: Path, peakctl: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = BASE.replace('"FROM python:3.12"}\n---', '"FROM python:3.12\\nRUN exit 7"}\n---')
    (project / "m/base.yaml").write_text(broken)
    with monkeypatch.context() as patch:
        patch.setenv("TOKEN", "hunter-2-secret")
        assert peakctl("apply", "--yes", emulator=emulator).code == 1
    row = by_key(shown(peakctl, emulator))["Image/base"]
    assert (row["status"], row["health"], row["well"]) == ("failed", "failed", False)
    assert row["problems"] == ["its state is failed"]
    assert row["next"] == "peakctl logs Image/base"
    named = by_key(shown(peakctl, emulator, "-e", "local"))["Image/base"]
    assert named["next"] == "peakctl logs Image/base -e local"


def test_a_service_that_failed_to_be_created_is_not_well(
    project: Path, peakctl: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = REST.partition("---\n")[0].replace("name: api", "name: bad")
    env = 'spec:\n  parameters: {env: {MODE: "fail-service"}}'
    (project / "m/bad.yaml").write_text(more.replace("spec:", env))
    with monkeypatch.context() as patch:
        patch.setenv("TOKEN", "hunter-2-secret")
        assert peakctl("apply", "--yes", emulator=emulator).code == 1
    row = by_key(shown(peakctl, emulator))["Service/bad"]
    assert (row["status"], row["pending"]) == ("create-failed", "replace")
    assert row["problems"] == ["its state is create-failed"]


def test_what_others_did_is_told_with_the_fields(peakctl: Any, emulator: Any, clock: Any) -> None:
    rows = by_key(shown(peakctl, emulator))
    ids = {key: row["id"] for key, row in rows.items()}
    asyncio.run(clock.sleep(3600))
    step = {"type": "http", "method": "get", "url": "https://example.com/changed"}
    body = {"name": "other", "steps": {"a": step}}
    send(emulator, "PUT", f"{WORKFLOWS}{ids['Workflow/other']}", body)
    send(emulator, "DELETE", f"/service/webapps/api/v1/webapps/{ids['Service/api']}")
    asyncio.run(clock.sleep(60))
    document = shown(peakctl, emulator, "--exit-code")
    assert document["exit_code"] == 2
    found = by_key(document)
    other, api = found["Workflow/other"], found["Service/api"]
    assert (other["drift"], other["pending"]) == ("changed", "edit")
    assert other["paths"] == ["spec.steps.a.url"]
    assert other["next"] == "peakctl drift --select Workflow/other"
    assert other["changed"]["commit"] is None
    assert "changed outside (spec.steps.a.url)" in other["problems"][0]
    assert (api["drift"], api["status"], api["pending"]) == ("deleted", "absent", "create")
    assert document["summary"]["drifted"] == 2


def test_a_change_of_a_run_has_its_commit(
    project: Path, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> str:
        told = ["git", "-c", "user.name=ana", "-c", "user.email=a@example.com", *words]
        return subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    commit = git("rev-parse", "HEAD")
    made = make_emulator()
    monkeypatch.setenv("TOKEN", "hunter-2-secret")
    assert peakctl("apply", "--yes", emulator=made).code == 0
    changed = by_key(shown(peakctl, made))["Workflow/other"]["changed"]
    assert changed["commit"] == commit
    assert commit[:8] in peakctl("status", emulator=made).out


def test_what_no_manifest_names_any_more_is_in_the_table(
    project: Path, peakctl: Any, emulator: Any
) -> None:
    (project / "m/rest.yaml").write_text(REST.partition("---\n")[2])
    found = by_key(shown(peakctl, emulator))
    api = found["Service/api"]
    assert (api["declared"], api["owned"], api["health"]) == (False, True, "unknown")
    (project / "m/rest.yaml").write_text(REST.rpartition("---\n")[0])
    found = by_key(shown(peakctl, emulator))
    other = found["Workflow/other"]
    assert (other["declared"], other["status"], other["well"]) == (False, "available", True)
    assert "in no manifest" in peakctl("status", emulator=emulator).out
    send(emulator, "DELETE", f"{WORKFLOWS}{other['id']}")
    gone = by_key(shown(peakctl, emulator))["Workflow/other"]
    assert (gone["status"], gone["well"]) == ("absent", False)
    assert "Workflow/other" not in by_key(shown(peakctl, emulator, "Workflow/nightly"))


def test_what_a_plan_refuses_is_told_beside_the_resource(
    project: Path, peakctl: Any, emulator: Any
) -> None:
    (project / "m/base.yaml").write_text(BASE.replace("type: api", "type: webapp"))
    assert peakctl("plan", "--unset-env", "unknown", emulator=emulator).code == 10
    document = shown(peakctl, emulator, "--exit-code")
    assert document["exit_code"] == 2
    row = by_key(document)["Image/serve"]
    assert row["status"] == "in-use"
    assert any("plan/immutable" in each for each in row["problems"])


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("Wrkflow/other",), 64, "did you mean: Workflow"),
        (("Workflow/othr",), 3, "did you mean: Workflow/other"),
        (("Workflow/",), 64, "usage/target"),
        (("team=b",), 3, "selects nothing"),
        (("--watch", "-o", "json"), 64, "exclude each other"),
    ],
    ids=str,
)
def test_wrong_words_are_answered_with_the_nearest(
    peakctl: Any, emulator: Any, words: tuple[str, ...], code: int, told: str
) -> None:
    done = peakctl("status", *words, emulator=emulator)
    assert done.code == code
    assert told in done.err


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (("workflow/other",), ["Workflow/other"]),
        (("services", "Workflow/other"), ["Service/api", "Workflow/other"]),
        (("team=a",), ["Workflow/nightly"]),
    ],
    ids=str,
)
def test_a_part_is_chosen_as_for_select(
    peakctl: Any, emulator: Any, words: tuple[str, ...], keys: list[str]
) -> None:
    assert [row["key"] for row in shown(peakctl, emulator, *words)["resources"]] == keys


def test_a_watch_shows_what_changes_and_ends_when_something_is_not_well(
    project: Path, peakctl: Any, emulator: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {row["key"]: row["id"] for row in shown(peakctl, emulator)["resources"]}
    looks: list[float] = []
    path = f"{WORKFLOWS}{ids['Workflow/nightly']}/execute"
    slept = clock.sleep

    async def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:  # nothing had changed before
            rule = {"method": "GET", "path": "/", "action": "status", "status": 400, "times": 99}
            emulator.faults += read_faults(rule)
        if len(looks) == 3:
            emulator.faults.clear()
            client = httpx.AsyncClient(
                transport=emulator_transport(emulator),
                base_url="http://emulator",
                headers={"Authorization": "peakctl-emulator"},
            )
            async with client:
                answer = await client.post(path, json={})
            assert answer.is_success
        await slept(seconds)

    monkeypatch.setattr(clock, "sleep", sleep)
    done = peakctl("status", "--watch", "--exit-code", "--interval", "20s", emulator=emulator)
    assert done.code == 2
    assert set(looks) == {20.0}
    assert done.out.count("Status: 5 resources") == 2
    assert "all well." in done.out
    assert done.out.endswith("1 not well.\n")
    assert "looking again" in done.err


def test_a_token_that_may_not_ends_a_watch_at_once(peakctl: Any, emulator: Any) -> None:
    rule = {"method": "GET", "path": "/", "action": "status", "status": 401, "times": 99}
    emulator.faults += read_faults(rule)
    assert peakctl("status", "--watch", emulator=emulator).code == 15


def test_from_python_it_is_the_same(
    emulator: Any, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    from peakctl.operations import platform

    monkeypatch.setattr(platform, "open_emulator", lambda *_, **__: emulator)
    monkeypatch.setenv("TOKEN", "hunter-2-secret")
    found = status(Project.open(project))
    assert found.is_well
    assert [str(each.key) for each in found.resources][:2] == ["Image/base", "Image/serve"]
    assert found.resources[0].health is Health.OK
