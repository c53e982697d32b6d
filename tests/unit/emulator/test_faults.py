from __future__ import annotations

from typing import Any

import httpx
import pytest

from peakctl.emulator import Fault

ROOT = "/service/artifacts/api/v1/artifacts/"
ADMIN = "/_emulator/"


def create(peak: Any) -> httpx.Response:
    response: httpx.Response = peak.send("POST", ROOT, files=peak.parts(peak.zip(), name="a"))
    return response


def count(peak: Any) -> int:
    peak.emulator.faults.clear()
    return int(peak.get(ROOT)["artifactCount"])


@pytest.mark.parametrize(("when", "acted"), [("before", 0), ("after", 1)])
def test_a_status_before_or_after_the_effect(peak: Any, when: Any, acted: int) -> None:
    peak.emulator.faults = [Fault(status=503, detail="busy", retry_after=1.5, when=when)]
    response = create(peak)
    assert (response.status_code, response.json()) == (503, {"detail": "busy"})
    assert response.headers["Retry-After"] == "1.5"
    assert count(peak) == acted


@pytest.mark.parametrize(
    ("when", "error", "acted"),
    [("before", httpx.ConnectError, 0), ("after", httpx.ReadError, 1)],
)
def test_a_dropped_connection(peak: Any, when: Any, error: Any, acted: int) -> None:
    peak.emulator.faults = [Fault(action="drop", when=when)]
    with pytest.raises(error):
        create(peak)
    assert count(peak) == acted
    assert peak.emulator.requests[0].status == 0


def test_refusals_are_hit_as_well(peak: Any) -> None:
    peak.emulator.faults = [Fault(action="drop", when="after")]
    with pytest.raises(httpx.ReadError):
        peak.send("GET", ROOT + "none")


def test_calls_that_do_not_exist_are_in_the_journal(peak: Any) -> None:
    peak.refused(404, "GET", "/service/nothing")
    assert [(r.path, r.status) for r in peak.emulator.requests] == [("/service/nothing", 404)]


def test_a_truncated_answer(peak: Any) -> None:
    peak.emulator.faults = [Fault(action="truncate")]
    with pytest.raises(httpx.RemoteProtocolError):
        create(peak)
    assert count(peak) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delay_only_delays(peak: Any, when: Any) -> None:
    peak.emulator.faults = [Fault(action="delay", seconds=0.001, when=when)]
    assert create(peak).status_code == 201


def test_the_nth_match_is_hit(peak: Any) -> None:
    peak.emulator.faults = [Fault(method="GET", path="artifacts/$", skip=1, times=2)]
    codes = [peak.send("GET", ROOT).status_code for _ in range(4)]
    assert codes == [200, 503, 503, 200]
    assert create(peak).status_code == 201


def test_the_same_seed_hits_the_same_requests(peak: Any) -> None:
    def codes() -> list[int]:
        peak.emulator.faults = [Fault(times=None, probability=0.5, seed=4, status=429)]
        return [peak.send("GET", ROOT).status_code for _ in range(12)]

    first = codes()
    assert set(first) == {200, 429}
    assert codes() == first


def test_rules_come_and_go_by_request(peak: Any) -> None:
    peak.token = ""
    rule = {"method": "GET", "path": "artifacts", "status": 418, "retryAfter": 2, "times": 1}
    shown = peak.ok("POST", ADMIN + "faults", json={"faults": [rule]})
    assert shown["faults"][0]["hits"] == 0
    response = peak.send("GET", ROOT)
    assert (response.status_code, response.headers["Retry-After"]) == (418, "2")
    assert peak.get(ADMIN + "faults")["faults"][0]["hits"] == 1
    peak.ok("POST", ADMIN + "faults", json=rule)
    assert len(peak.ok("DELETE", ADMIN + "faults")["faults"]) == 0


@pytest.mark.parametrize(
    "rule",
    [[1], {"path": "("}, {"colour": "red"}, {"action": "explode"}, {"times": "x"}, {"when": "now"}],
)
def test_rules_that_make_no_sense_are_refused(peak: Any, rule: Any) -> None:
    assert peak.refused(422, "POST", ADMIN + "faults", json=rule).startswith("fault")
    assert peak.emulator.faults == []


def test_the_journal_tells_what_was_asked_but_no_secret(peak: Any) -> None:
    peak.token = "very-secret-token"
    details = {"source": "github", "repository": "r", "branch": "b", "token": "hidden-1"}
    files = peak.parts(peak.zip(), name="i", type="api", buildDetails=details, token="hidden-2")
    peak.ok("POST", "/service/image-management/api/v2/images/", files=files)
    body = {"password": "hidden-3", "list": [{"apiKey": "hidden-4"}], "name": "kept"}
    peak.send("POST", "/service/webapps/api/v1/webapps/?a=b", json=body)
    first, second = peak.get(ADMIN + "requests")["requests"]
    assert (first["method"], first["status"], second["status"]) == ("POST", 201, 422)
    assert first["parts"]["name"] == "i"
    assert first["parts"]["artifact"]["bytes"] > 0
    assert second["body"]["name"] == "kept"
    assert second["query"] == [["a", "b"]]
    text = str(peak.emulator.requests)
    assert "hidden" not in text
    assert "very-secret" not in text
    assert peak.ok("DELETE", ADMIN + "requests") == {"requests": []}


def test_the_journal_forgets_the_oldest(peak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peakctl.emulator.requests.KEPT", 10)
    for _ in range(12):
        peak.get(ROOT)
    assert len(peak.emulator.requests) <= 11


def test_reset_by_request(peak: Any) -> None:
    create(peak)
    peak.ok("POST", ADMIN + "reset")
    assert count(peak) == 0


def test_the_platforms_host_names_need_no_prefix(peak: Any) -> None:
    headers = {"Host": "press.dev.peak.ai"}
    assert peak.ok("GET", "/v1/specs/", headers=headers)["specs"] == []
    headers = {"Host": "service.peak.ai"}
    assert peak.ok("GET", "/workflows/api/v1/resources", headers=headers)


def test_latency_is_real_time(make_peak: Any) -> None:
    assert make_peak(latency=0.001).get(ROOT)["artifactCount"] == 0
