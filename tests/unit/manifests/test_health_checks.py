"""`healthChecks` of peakctl.yaml: what is read, and what is wrong with it in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peakctl.errors import UsageError
from peakctl.manifests.project import parse_project
from peakctl.model import HealthCheck

HEAD = "project: p\nenvironments: {dev: {}, prod: {}}\nhealthChecks:\n"


def read(text: str) -> Any:
    return parse_project(HEAD + text, Path("/p/peakctl.yaml"), "peakctl.yaml").health_checks


def wrong(text: str) -> list[tuple[str, int, str]]:
    with pytest.raises(UsageError) as told:
        read(text)
    return [(d.code, d.locations[0].line, d.fix) for d in told.value.diagnostics]


def test_what_is_absent_is_as_by_default() -> None:
    [found] = read("  - service: api\n")
    assert found.location.line == 4
    assert found == HealthCheck("api", location=found.location)


def test_all_that_is_stated_is_read() -> None:
    [found, other] = read(
        "  - {service: a, method: post, path: /p, payload: {x: 1}, status: 201, contains: ok,"
        " environments: [dev]}\n  - {service: b, withinSeconds: 60, payload: null}\n"
    )
    place = found.location
    assert found == HealthCheck("a", "post", "/p", {"x": 1}, 201, "ok", 0, ("dev",), place)
    assert (other.within, other.payload) == (60, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  - {path: /p}\n", [("project/health-check", 4)]),
        ("  - 1\n", [("project/health-check", 4)]),
        ("  - {service: a, mehtod: get}\n", [("project/health-check", 4)]),
        ("  - {service: a, method: fetch}\n", [("project/health-check", 4)]),
        ("  - {service: a, status: 99}\n", [("project/health-check", 4)]),
        ("  - {service: a, path: health}\n", [("project/health-check", 4)]),
        ("  - service: a\n    method: put\n    withinSeconds: 1\n", [("project/health-check", 6)]),
    ],
)
def test_what_is_wrong_is_told_in_its_place(text: str, expected: list[tuple[str, int]]) -> None:
    assert [each[:2] for each in wrong(text)] == expected


def test_unknown_environments_are_told_with_the_nearest() -> None:
    assert wrong("  - {service: a, environments: [prd, nowhere]}\n") == [
        ("project/health-check", 4, "did you mean: prod"),
        ("project/health-check", 4, "add nowhere to environments"),
    ]
