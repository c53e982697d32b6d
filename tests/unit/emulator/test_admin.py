"""The emulator's own routes: time, options, snapshots, seeds, the journal."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.emulator import Emulator, Options
from peakctl.emulator.options import options_shown
from peakctl.emulator.server import serve_in_thread
from peakctl.emulator.store import save_snapshot
from peakctl.errors import PeakctlError

ROOT = "/_emulator/"
WORKFLOWS = "/service/workflows/api/v1/workflows/"
WORKFLOW = {"name": "w", "steps": {"a": {"type": "sql", "sqlQueryPath": "q"}}}


def test_time_can_be_hurried(peak: Any) -> None:
    made = peak.image()
    before = peak.get(f"{ROOT}clock")["now"]
    assert peak.ok("POST", f"{ROOT}clock", json={"advance": 10})["now"] == before + 10
    image = peak.get(f"/service/image-management/api/v2/images/{made['imageId']}")
    assert image["latestVersion"]["status"] == "ready"


@pytest.mark.parametrize("advance", [-1, 1e9, "1", True, None])
def test_time_goes_on_by_a_number_of_seconds(advance: Any, peak: Any) -> None:
    assert "advance" in peak.refused(422, "POST", f"{ROOT}clock", json={"advance": advance})


def test_options_change(peak: Any) -> None:
    assert peak.get(f"{ROOT}options") == options_shown(peak.emulator.options)
    change = {"latency": 0.001, "strictNames": False, "logPage": 3}
    changed = peak.ok("PATCH", f"{ROOT}options", json=change)
    assert changed == options_shown(peak.emulator.options)
    assert changed.items() >= change.items()


def test_an_option_keeps_its_type_whatever_it_was_before(peak: Any) -> None:
    for value in (0.5, 25, 0.5):
        changed = peak.ok("PATCH", f"{ROOT}options", json={"buildSeconds": value})
        assert changed["buildSeconds"] == value
        assert isinstance(changed["buildSeconds"], float)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"newerCalls": False}, "newerCalls"),
        ({"nothing": 1}, "nothing"),
        ({"latency": True}, "latency"),
        ({"latency": "1"}, "latency"),
        ({"latency": -1}, "latency"),
        ({"strictNames": 1}, "strictNames"),
        ({"logPage": 1.5}, "logPage"),
        ({"logPage": 0}, "logPage"),
        ({"logPage": True}, "logPage"),
        ({"latency": 1e9}, "latency"),
        ([], "body"),
    ],
)
def test_options_that_cannot_be_are_refused(change: Any, named: str, peak: Any) -> None:
    before = peak.emulator.options
    assert peak.refused(422, "PATCH", f"{ROOT}options", json=change).startswith(named)
    assert peak.emulator.options == before


def test_a_snapshot_goes_out_and_comes_back(peak: Any) -> None:
    peak.ok("POST", WORKFLOWS, json=WORKFLOW)
    snapshot = peak.send("GET", f"{ROOT}snapshot").content
    assert peak.ok("POST", f"{ROOT}reset") == {}
    assert peak.get(WORKFLOWS)["workflowsCount"] == 0
    peak.ok("PUT", f"{ROOT}snapshot", content=snapshot)
    assert peak.get(WORKFLOWS)["workflowsCount"] == 1
    assert "not a snapshot" in peak.refused(422, "PUT", f"{ROOT}snapshot", content=b"rubbish")
    assert peak.get(WORKFLOWS)["workflowsCount"] == 1


def test_numbers_are_not_given_twice_after_a_snapshot(peak: Any) -> None:
    first = peak.ok("POST", WORKFLOWS, json=WORKFLOW)["id"]
    snapshot = save_snapshot(peak.emulator.store)
    peak.emulator.load(snapshot)
    assert peak.ok("POST", WORKFLOWS, json=WORKFLOW)["id"] == first + 1


def test_a_snapshot_of_another_database_is_refused(peak: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("peakctl.emulator.store.LAYOUT", 99)
    other = Emulator()
    snapshot = save_snapshot(other.store)
    other.close()
    monkeypatch.undo()
    with pytest.raises(PeakctlError, match="not made by this version"):
        peak.emulator.load(snapshot)


def test_a_seed_is_done_at_once_and_is_not_in_the_journal(peak: Any) -> None:
    source = {"source": "dockerfile", "dockerfile": "FROM scratch"}
    body = {"name": "i", "type": "api", "buildDetails": source}
    app = {"name": "s-${i.imageId}", "imageDetails": {"imageId": "${i.imageId}"}}
    resources = [
        {"kind": "image", "as": "i", "body": body},
        {"kind": "webapp", "body": {**app, "resources": {"instanceTypeId": 43}}},
    ]
    made = peak.ok("POST", f"{ROOT}seed", json={"resources": resources})["created"]
    found = peak.get(f"/service/webapps/api/v1/webapps/{made[1]['answer']['id']}")
    assert (found["status"], found["name"]) == ("AVAILABLE", "s-1")
    assert [r.path.split("/")[1] for r in peak.emulator.requests] == ["service"]
    assert peak.emulator.options.build_seconds > 0


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ({"kind": "artifact", "body": {"name": "a"}, "artifact": "?"}, "is not base64"),
        ({"kind": "artifact", "body": {"name": "a"}, "artifact": "é"}, "is not base64"),
        ({"kind": "image-version", "body": {}, "in": {"image": "a/\n"}}, "no such call"),
        ({"kind": "workflow", "body": {"steps": [["${a.b}"]]}}, "body.steps[0][0]"),
        ({"kind": "image-version", "body": {}, "in": {"image": "9"}}, "image 9 does not exist"),
    ],
)
def test_what_cannot_be_seeded_is_said(resource: Any, told: str, peak: Any) -> None:
    answer = peak.send("POST", f"{ROOT}seed", json={"resources": [resource]})
    assert 400 <= answer.status_code < 500
    assert told in answer.json()["detail"]


def test_fields_inside_answers_can_be_meant(peak: Any) -> None:
    hook = {**WORKFLOW, "triggers": [{"webhook": True}]}
    resources = [
        {"kind": "workflow", "as": "w", "body": hook},
        {"kind": "workflow", "body": {**WORKFLOW, "name": "${w.triggers.0.webhook}"}},
    ]
    made = peak.ok("POST", f"{ROOT}seed", json={"resources": resources})["created"]
    names = {each["name"] for each in peak.get(WORKFLOWS)["workflows"]}
    assert made[0]["answer"]["triggers"][0]["webhook"] in names


def test_the_journal_says_who_asked_and_how_long_it_took(peak: Any) -> None:
    peak.token = "tenant:acme:x"
    peak.get(WORKFLOWS)
    (entry,) = peak.ok("GET", f"{ROOT}requests")["requests"]
    assert entry["at"] == peak.now
    assert entry["seconds"] > 0
    assert len(entry["tenant"]) == 16
    peak.ok("DELETE", f"{ROOT}requests")
    assert peak.ok("GET", f"{ROOT}requests")["requests"] == []


def test_a_thread_that_cannot_serve_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise PeakctlError

    monkeypatch.setattr("peakctl.emulator.server.serve", fail)
    emulator = Emulator(options=Options())
    with pytest.raises(PeakctlError), serve_in_thread(emulator):
        pass
    emulator.close()


def test_a_null_in_a_rule_is_an_absent_value(peak: Any) -> None:
    rule = {"action": None, "path": None, "times": None, "method": "PUT"}
    (told,) = peak.ok("POST", f"{ROOT}faults", json=rule)["faults"]
    assert (told["action"], told["path"], told["times"]) == ("status", "", None)


@pytest.mark.parametrize("rule", [{"retryAfter": "x"}, {"retry_after": "x"}, 3, {"times": -1}])
def test_a_rule_that_cannot_be_is_refused(rule: Any, peak: Any) -> None:
    assert "fault" in peak.refused(422, "POST", f"{ROOT}faults", json=rule)
