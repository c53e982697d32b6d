"""The description of the emulator: complete, served, kept in docs, and its plain refusals true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from peakctl.emulator.admin import ROOT, description
from peakctl.emulator.calls import UPLOAD_LIMIT
from peakctl.emulator.operations import OPERATIONS
from peakctl.emulator.requests import BODY_LIMIT

DOCS = Path(__file__).parents[3] / "docs" / "openapi.json"
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
DESCRIPTION = json.loads(description())
PATHS = DESCRIPTION["paths"]
ARTIFACTS = "/service/artifacts/api/v1/artifacts/"
WORKFLOWS = "/service/workflows/api/v1/workflows/"


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


def test_the_kept_description_is_fresh() -> None:
    assert json.loads(DOCS.read_text("utf-8")) == DESCRIPTION, "run make accept"


def test_it_is_served_without_a_token(peak: Any) -> None:
    peak.token = ""
    assert peak.get(f"{ROOT}openapi.json") == DESCRIPTION


def test_operations_have_names_of_their_own() -> None:
    names = [one["operationId"] for methods in PATHS.values() for one in methods.values()]
    assert len(names) == len(set(names))


def test_references_lead_somewhere() -> None:
    for reference in set(re.findall(r'"\$ref": "#/(.+?)"', json.dumps(DESCRIPTION))):
        found: Any = DESCRIPTION
        for word in reference.split("/"):
            found = found[word]
        assert found


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_method_is_not_allowed(path: str, peak: Any) -> None:
    allowed = {method.upper() for method in PATHS[path]}
    for method in sorted(METHODS - allowed):
        answer = peak.send(method, filled(path))
        assert answer.status_code in (404, 405)
        if answer.status_code == 405:
            assert set(answer.headers["allow"].split(", ")) <= METHODS


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path.startswith(("/service", "/press"))]
)
def test_no_token_is_a_401_whatever_else_is_wrong(path: str, peak: Any) -> None:
    peak.token = ""
    for method in PATHS[path]:
        assert "Authorization" in peak.refused(401, method.upper(), filled(path), content=b"{")


@pytest.mark.parametrize("path", PATHS)
def test_broken_json_is_a_400(path: str, peak: Any) -> None:
    for method in set(PATHS[path]) - {"get"}:
        if "application/json" in PATHS[path][method].get("requestBody", {}).get("content", {}):
            assert peak.refused(400, method.upper(), filled(path), content=b"{") == (
                "the body is not JSON"
            )


def test_a_wrong_body_names_its_field(peak: Any) -> None:
    step = {"type": "sql", "sqlQueryPath": "q", "resources": {"instanceTypeId": "x"}}
    body = {"name": "w", "steps": {"a": step}}
    told = peak.refused(422, "POST", WORKFLOWS, json=body)
    assert told == "steps.a.resources.instanceTypeId: must be a whole number"


def test_uploads_and_bodies_that_are_too_large_are_a_413(peak: Any) -> None:
    large = peak.parts(b"x" * (UPLOAD_LIMIT + 1), name="a")
    assert "artifact" in peak.refused(413, "POST", ARTIFACTS, files=large)
    peak.refused(413, "POST", WORKFLOWS, content=b" " * (BODY_LIMIT + 1))


@pytest.mark.parametrize("path", ["/", "/service", "/press/v1/nothing", f"{ROOT}nothing"])
def test_an_unknown_route_is_a_404(path: str, peak: Any) -> None:
    for method in METHODS:
        peak.refused(404, method, path)


def documented_calls() -> list[tuple[str, str]]:
    """(method, path) of the calls that the platform's reference and client know."""
    lines = (DOCS.parents[1] / "tests" / "data" / "contract_calls.txt").read_text().splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    return [(method, path) for _, method, path in rows]


def nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def test_all_documented_calls_are_there_and_no_others_of_the_platform() -> None:
    own = ("/files/", ROOT)
    there = [(o.method, nameless(o.path)) for o in OPERATIONS if not o.path.startswith(own)]
    assert sorted(there) == sorted((method, nameless(path)) for method, path in documented_calls())


@pytest.mark.parametrize(("method", "path"), documented_calls())
def test_every_documented_call_is_answered(method: str, path: str, peak: Any) -> None:
    answer = peak.send(method, filled(path))
    assert answer.status_code < 500
    assert "no such call" not in answer.text
    if "{" not in path:
        assert answer.status_code not in (404, 405)


def test_a_null_name_leaves_a_spec_its_name(peak: Any) -> None:
    spec = f"/press/v1/blocks/specs/{peak.block('kept')}"
    changed = peak.ok("PATCH", spec, json={"metadata": {"name": None, "title": "t"}})
    assert changed["metadata"]["name"] == "kept"


def test_a_null_source_is_an_absent_one(peak: Any) -> None:
    details = {"source": None, "useCache": None}
    parts = peak.parts(peak.zip(), name="i", type="api", buildDetails=details)
    peak.ok("POST", "/service/image-management/api/v2/images/", files=parts)
