"""`gc`: what is shown is deleted and no more, nothing that is used, and each end is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from peakctl import (
    APPROVE_ALL,
    GcOptions,
    LeaseHeld,
    Project,
    Stop,
    UsageError,
    apply,
    apply_async,
    gc,
)
from peakctl.adapters.ledger_store import zip_of
from peakctl.emulator import emulator_transport
from peakctl.emulator.faults import read_faults
from peakctl.operations.gc import run_gc
from peakctl.operations.gc_plan import look_to_gc
from peakctl.operations.platform import connect

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: {buildSeconds: 0, deleteSeconds: 0}}
  none: {emulator: true, ledger: false}
  strict: {emulator: {buildSeconds: 0}, allow: [build, create, edit]}
"""
MANIFESTS = """\
apiVersion: peakctl/v1
kind: Image
metadata: {{name: base}}
spec: {{type: workflow, buildDetails: {{source: dockerfile, dockerfile: "FROM python:{n}"}}}}
---
apiVersion: peakctl/v1
kind: Artifact
metadata: {{name: prices}}
spec: {{artifact: {{path: ../files}}}}
"""
FLOW = """\
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {{name: flow}}
spec: {{steps: {{a: {{imageDetails: {{name: base{pin}}}, command: "true"}}}}}}
"""
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "files").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    return tmp_path


def write(folder: Path, n: int, more: str = "") -> None:
    (folder / "files/a.txt").write_text(str(n))
    (folder / "m/all.yaml").write_text(MANIFESTS.format(n=n) + more)


@pytest.fixture
def emulator(folder: Path, peakctl: Any, make_emulator: Any) -> Any:
    """Five versions of an image, which nothing uses, and of an artifact."""
    made = make_emulator(build_seconds=0, delete_seconds=0)
    for n in range(1, 6):
        write(folder, n)
        assert peakctl("apply", "--yes", emulator=made).code == 0
    return made


@pytest.fixture
def run(peakctl: Any, emulator: Any) -> Callable[..., Any]:
    def go(*words: str) -> Any:
        return peakctl("gc", *words, emulator=emulator)

    return go


def verdicts(ran: Any) -> dict[str, str]:
    rows = json.loads(ran.out)["versions"]
    return {f"{r['key']}@{r['version']}": r["kept_for"] or r["status"] or "delete" for r in rows}


def deletes(emulator: Any) -> list[str]:
    return [r.path for r in emulator.requests if r.method == "DELETE"]


def test_whoever_cannot_be_asked_reads_in_json_too_what_would_be_deleted(
    run: Any, emulator: Any
) -> None:
    ran = run("Artifact", "--keep", "4", "-o", "json")
    document = json.loads(ran.out)
    assert (ran.code, document["exit_code"]) == (12, 12)
    assert [each["code"] for each in document["errors"]] == ["guard/consent"]
    assert verdicts(ran)["Artifact/prices@1"] == "delete"
    assert deletes(emulator) == []


def test_the_oldest_go_and_the_rest_stays(run: Any, emulator: Any) -> None:
    ran = run("--keep", "2", "--yes", "-o", "json")
    assert ran.code == 0
    assert verdicts(ran) == {
        "Artifact/prices@1": "done",
        "Artifact/prices@2": "done",
        "Artifact/prices@3": "done",
        "Artifact/prices@4": "count",
        "Artifact/prices@5": "newest",
        "Image/base@0.0.1": "done",
        "Image/base@0.0.2": "done",
        "Image/base@0.0.3": "done",
        "Image/base@0.0.4": "count",
        "Image/base@0.0.5": "newest",
    }
    again = run("--keep", "2", "--yes")
    assert "Nothing to do" in again.out


def test_a_look_sends_reads_alone(run: Any, emulator: Any) -> None:
    before = len(emulator.requests)
    ran = run("Image", "--keep", "3", "--dry-run", "--verbose")
    assert ran.code == 0
    assert "Would delete 2 versions." in ran.out
    assert "keep: it is the newest" in ran.out
    assert "Artifact" not in ran.out
    assert [r for r in emulator.requests[before:] if r.method in WRITES] == []


def test_what_is_used_stays_and_the_user_is_named(
    folder: Path, run: Any, emulator: Any, peakctl: Any
) -> None:
    write(folder, 5, FLOW.format(pin=', version: "0.0.2"'))
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    write(folder, 5, FLOW.format(pin=', version: "0.0.3"'))  # not applied yet
    ran = run("Image/base", "--keep", "1", "--yes", "-o", "json")
    rows = {row["version"]: row for row in json.loads(ran.out)["versions"]}
    assert rows["0.0.2"]["kept_for"] == "in-use"
    assert rows["0.0.2"]["used_by"] == ["Workflow/flow"]
    assert rows["0.0.3"]["kept_for"] == "used"
    assert rows["0.0.3"]["used_by"][0].startswith("Workflow/flow (m/all.yaml:")
    assert [v for v, row in rows.items() if row["verdict"] == "delete"] == ["0.0.1", "0.0.4"]


def test_ages_count_from_when_a_version_was_made(run: Any, clock: Any) -> None:
    assert verdicts(run("--older-than", "1h", "--dry-run", "-o", "json")) == dict.fromkeys(
        [f"{k}@{n}" for k, n in _numbers()], "young"
    ) | {"Artifact/prices@5": "newest", "Image/base@0.0.5": "newest"}
    clock.time += 7200
    ran = run("--older-than", "1h", "--keep", "3", "--dry-run", "-o", "yaml")
    rows = yaml.safe_load(ran.out)
    assert [r["version"] for r in rows if r["verdict"] == "delete"] == ["1", "2", "0.0.1", "0.0.2"]
    ran = run("--older-than", "2020-01-01", "--dry-run")
    assert "Nothing to do" in ran.out


def _numbers() -> list[tuple[str, str]]:
    both = (("Artifact/prices", "{}"), ("Image/base", "0.0.{}"))
    return [(key, form.format(n)) for key, form in both for n in range(1, 6)]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 64, "give --keep N, --older-than TIME, or both"),
        (("BlockSpec", "--keep", "1"), 64, "single versions of BlockSpec cannot be deleted"),
        (("Nothing", "--keep", "1"), 64, "usage/unknown-kind"),
        (("Image/bas", "Artifact/x*", "--keep", "1"), 1, "did you mean: Image/base"),
        (("--keep", "0"), 64, "0"),
        (("--keep", "1", "-e", "none"), 64, "usage/no-ledger"),
        (("--keep", "2"), 12, "peakctl gc --keep 2 --yes"),
        (("Image", "--keep", "1", "--older-than", "0m"), 12, "gc Image --keep 1 --older-than 0d"),
        (("--older-than", "2050-01-01"), 12, "--older-than 2050-01-01T00:00:00+00:00"),
        (("--keep", "1", "--older-than", "1m"), 0, ""),
        (("--keep", "1", "--allow", "build", "--yes"), 12, "guard/not-allowed"),
    ],
)
def test_what_is_refused_is_told(
    words: tuple[str, ...], code: int, told: str, run: Any, emulator: Any
) -> None:
    ran = run(*words)
    assert ran.code == code
    assert told in ran.err
    assert deletes(emulator) == []


def test_peakctl_yaml_may_not_allow_it(folder: Path, peakctl: Any, make_emulator: Any) -> None:
    made = make_emulator(build_seconds=0)
    for n in (1, 2):
        write(folder, n)
        assert peakctl("apply", "--yes", "-e", "strict", emulator=made).code == 0
    ran = peakctl("gc", "--keep", "1", "--yes", "-e", "strict", emulator=made)
    assert (ran.code, deletes(made)) == (12, [])
    assert "allowed: build, create, edit" in ran.err


def test_protected_resources_are_left_alone(run: Any, emulator: Any, peakctl: Any) -> None:
    peakctl("protect", "Image/base", emulator=emulator)
    ran = run("--keep", "1", "--yes")
    assert ran.code == 0
    assert "gc/left" in ran.err
    assert all("/artifacts/" in path for path in deletes(emulator))


def test_manifests_that_cannot_be_read_end_it(folder: Path, run: Any, emulator: Any) -> None:
    (folder / "m/b.yaml").write_text("kind: [")
    assert (run("--keep", "1", "--yes").code, deletes(emulator)) == (10, [])


def test_what_cannot_be_read_ends_it(run: Any, emulator: Any) -> None:
    emulator.faults += read_faults([{"path": ".*/workflows/", "status": 403, "times": None}])
    assert (run("--keep", "1", "--yes").code, deletes(emulator)) == (15, [])


def test_another_run_ends_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.open(folder)
    write(folder, 1)
    apply(project, APPROVE_ALL)
    write(folder, 2)
    apply(project, APPROVE_ALL)

    async def held(*_: Any) -> None:
        raise LeaseHeld

    monkeypatch.setattr("peakctl.ledger.client.HeldLease.acquire", held)
    with pytest.raises(LeaseHeld):
        gc(project, GcOptions(keep=1))


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        ({"status": 422}, 14, "failed"),
        ({"status": 403}, 14, "failed"),
        ({"status": 500}, 14, "unknown"),
        ({"status": 500, "when": "after"}, 0, "done"),
        ({"action": "drop", "when": "after"}, 0, "done"),
        ({"status": 404}, 14, "failed"),
    ],
)
def test_how_a_version_ended_is_told(
    fault: dict[str, Any], code: int, told: str, run: Any, emulator: Any, peakctl: Any
) -> None:
    emulator.faults += read_faults(
        [{"method": "DELETE", "path": ".*/artifacts/.*", "times": None, **fault}]
    )
    ran = run("--keep", "4", "--yes", "-o", "json")
    assert ran.code == code
    assert verdicts(ran)["Artifact/prices@1"] == told
    assert verdicts(ran)["Image/base@0.0.1"] == "done"
    emulator.faults.clear()
    past = json.loads(peakctl("ledger", "history", "-o", "json", emulator=emulator).out)["history"]
    last = past["runs"][0]
    assert (last["command"], last["outcome"]) == ("gc", "partial" if code else "done")
    assert [(r["key"], r["verb"], r["version_before"]) for r in last["resources"]] == [
        ("Artifact/prices", "delete-version", "1"),
        ("Image/base", "delete-version", "0.0.1"),
    ]


def test_nothing_deleted_at_all_is_an_error(run: Any, emulator: Any) -> None:
    emulator.faults += read_faults([{"method": "DELETE", "status": 409, "times": None}])
    ran = run("--keep", "4", "--yes")
    assert ran.code == 1
    assert "failed" in ran.out
    assert "Deleted 0 of 2 versions." in ran.out


def test_what_the_platform_is_still_deleting_is_told(
    folder: Path, peakctl: Any, make_emulator: Any
) -> None:
    made = make_emulator(build_seconds=0, delete_seconds=3600)
    for n in (1, 2):
        write(folder, n)
        peakctl("apply", "--yes", emulator=made)
    ran = peakctl("gc", "Image", "--keep", "1", "--yes", emulator=made)
    assert ran.code == 0
    assert "the platform is still deleting it" in ran.out


def test_an_end_that_cannot_be_looked_at_stays_as_it_was_answered(run: Any, emulator: Any) -> None:
    looked = {"method": "GET", "path": ".*/images/1/versions", "skip": 2, "status": 400}
    emulator.faults += read_faults([{**looked, "times": None}])
    ran = run("Image", "--keep", "4", "--yes", "-o", "json")
    assert verdicts(ran)["Image/base@0.0.1"] == "done"


def test_a_run_that_is_stopped_says_what_it_left(folder: Path) -> None:
    project = Project.open(folder)
    for n in (1, 2, 3):
        write(folder, n)
        apply(project, APPROVE_ALL)
    stop = Stop()
    stop.request()
    found = gc(project, GcOptions(keep=1), stop=stop)
    assert {each.reason for each in found.outcomes} == {"the run was stopped before"}
    assert (found.deleted, found.failed) == (0, ())
    assert gc(project, GcOptions(("Artifact",), keep=1)).deleted == 2
    assert gc(project, GcOptions(("Artifact/*",), keep=1)).outcomes == ()
    with pytest.raises(UsageError):
        gc(project, GcOptions())


def test_a_ledger_that_cannot_be_written_at_the_end_is_told(run: Any, emulator: Any) -> None:
    emulator.faults += read_faults([{"method": "PUT", "skip": 1, "status": 400, "times": None}])
    ran = run("--keep", "4", "--yes")
    assert "ledger/not-written" in ran.err
    assert "history/not-written" in ran.err


def test_nothing_goes_that_was_not_shown_or_is_used_by_now(folder: Path) -> None:
    """Between the two looks one version is used, one is gone, and a newer one is made."""
    project = Project.open(folder)
    for n in range(1, 5):
        write(folder, n)
        apply(project, APPROVE_ALL)

    async def race() -> Any:
        options = GcOptions(("Image",), keep=1)
        async with connect(project) as platform:
            shown = await look_to_gc(platform, options)
            assert [v.number for v in shown.resources[0].deleted] == ["0.0.1", "0.0.2", "0.0.3"]
            await platform.adapters["Image"].drop_version(
                shown.resources[0].listed, shown.resources[0].deleted[0]
            )
            write(folder, 4, FLOW.format(pin=", version: 0.0.2"))
            await apply_async(project, APPROVE_ALL)
            write(folder, 5, FLOW.format(pin=", version: 0.0.2"))
            await apply_async(project, APPROVE_ALL)
            return await run_gc(platform, options, shown)

    found = asyncio.run(race())
    assert {each.number: each.status.value for each in found.outcomes} == {
        "0.0.1": "already right",
        "0.0.2": "cancelled",
        "0.0.3": "done",
    }
    left = sorted(each.reason for each in found.outcomes if each.reason)
    assert left == ["it is not there any more", "the platform says that it is in use"]


def test_a_project_without_a_ledger_yet_has_nothing_to_delete(folder: Path) -> None:
    write(folder, 1)
    found = gc(Project.open(folder), GcOptions(keep=1))
    assert (found.plan.resources, found.outcomes) == ((), ())


def test_a_damaged_ledger_ends_it(folder: Path, run: Any, emulator: Any, peakctl: Any) -> None:
    place = json.loads(peakctl("ledger", "show", "-o", "json", emulator=emulator).out)["ledger"]

    async def spoil() -> None:
        transport = emulator_transport(emulator)
        async with httpx.AsyncClient(transport=transport, base_url="http://e") as client:
            path = f"/service/artifacts/api/v1/artifacts/{place['id']}"
            sent = {"artifact": zip_of(b"{")}
            (await client.put(path, files=sent, headers={"Authorization": "t"})).raise_for_status()

    asyncio.run(spoil())
    ran = run("--keep", "1", "--yes")
    assert (ran.code, deletes(emulator)) == (1, [])
    assert "ledger/corrupt" in ran.err


def test_a_version_that_is_named_goes_alone(run: Any, emulator: Any) -> None:
    ran = run("Image/base@0.0.2", "Artifact/prices@4", "--yes", "-o", "json")
    assert verdicts(ran) == {"Artifact/prices@4": "done", "Image/base@0.0.2": "done"}
    newest = run("Image/base@0.0.5", "--yes", "-o", "json")
    assert verdicts(newest) == {"Image/base@0.0.5": "newest"}
    missing = run("Image/base@0.0.2", "--yes")
    assert (missing.code, "live/no-version" in missing.err) == (1, True)
    both = run("Image/base@0.0.1", "Artifact", "--keep", "4", "--dry-run", "-o", "json")
    assert verdicts(both)["Image/base@0.0.1"] == "count"
    assert run("Image/base@0.0.1", "Artifact").code == 64


@pytest.mark.parametrize("word", ["gt", "gr", "down-it", "uprot"])
def test_no_word_leads_to_what_deletes_or_lets_go(word: str, peakctl: Any, emulator: Any) -> None:
    told = peakctl(word, emulator=emulator).err
    assert not {"gc", "disown", "unprotect"} & {*told.replace("?", " ").split()}
