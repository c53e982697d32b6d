"""Whatever is sent, the platform answers, and says in `detail` what was wrong."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

WRONG: tuple[Any, ...] = (None, "", "text", 0, -1, 1.5, True, [], [1], {}, {"a": 1}, "@param:x")


def recordings() -> Any:
    place = Path(__file__).with_name("test_replay.py")
    spec = importlib.util.spec_from_file_location("replayed", place)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REPLAY = recordings()
WRITES = sorted(
    name
    for name in REPLAY.NAMES
    if REPLAY.requests_of(name)[-1]["method"] in ("POST", "PUT", "PATCH")
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, item in pairs:
        yield (*path, key)
        yield from places(item, (*path, key))


def changed(value: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    value = copy.deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = wrong
    return value


def variants(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The request with one value wrong, for every value and every kind of wrong."""
    if "multipart" in request:
        holders = [
            ("multipart", index, "jsonText")
            for index, part in enumerate(request["multipart"])
            if "jsonText" in part
        ]
    else:
        holders = [("json",)]
    number = 0
    for holder in holders:
        at: Any = request
        for key in holder:
            at = at[key]
        for path in places(at):
            number += 1
            # One kind of wrong at each place; over all recordings each place meets several.
            wrong = WRONG[(number + len(str(request))) % len(WRONG)]
            yield changed(request, (*holder, *path), wrong)


@pytest.mark.parametrize("name", WRITES)
def test_no_wrong_value_breaks_it(peak: Any, name: str) -> None:
    requests = REPLAY.requests_of(name)
    REPLAY.Stage(peak, requests).set()
    for request in variants(requests[-1]):
        answer = REPLAY.replay(peak, request, file_last=False)
        assert answer.status_code < 500
        if answer.status_code >= 400:
            assert answer.json()["detail"]


SPEC_TEXTS: tuple[Any, ...] = ("not json", "null", "[]", "3", '{"a"', 5, [], {})


@pytest.mark.parametrize("text", SPEC_TEXTS)
def test_the_json_texts_of_an_app_spec_must_be_json(peak: Any, text: Any) -> None:
    body = {"spec": text, "featured": "null", "scope": None, "parameters": "null"}
    assert "Traceback" not in peak.refused(422, "POST", "/press/v1/apps/specs/", json=body)


@pytest.mark.parametrize(
    "body",
    [b"{", b"[" * 100_000, b'{"a": NaN}', b'"\\ud800"', b"\xff\xfe", b"1" * 10_000, b"[1]"],
    ids=["cut off", "deep", "NaN", "half a character", "bytes", "long number", "list"],
)
def test_bodies_that_are_no_json_object_are_bad_requests(peak: Any, body: bytes) -> None:
    path = "/service/webapps/api/v1/webapps/"
    headers = {"Content-Type": "application/json"}
    assert peak.refused(400, "POST", path, content=body, headers=headers)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n1\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n1\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b""),
    ],
    ids=["no boundary", "no end", "no name", "empty"],
)
def test_incomplete_multipart_is_a_bad_request(peak: Any, content_type: str, body: bytes) -> None:
    path = "/service/artifacts/api/v1/artifacts/"
    assert peak.refused(400, "POST", path, content=body, headers={"Content-Type": content_type})


@pytest.mark.parametrize("query", ["0", "-1", "x", "", "99999999999999999999", "١"])
def test_page_numbers_are_whole_and_above_nothing(peak: Any, query: str) -> None:
    detail = peak.refused(
        422, "GET", "/service/artifacts/api/v1/artifacts/", params={"pageNumber": query}
    )
    assert detail.startswith("pageNumber:")


def test_no_token_is_not_authenticated(peak: Any) -> None:
    peak.token = ""
    assert "Authorization" in peak.refused(401, "GET", "/press/v1/specs/")


def test_the_token_comes_before_the_body(peak: Any) -> None:
    peak.token = ""
    peak.refused(401, "POST", "/press/v1/apps/specs/", content=b"{")


def test_an_unknown_call_is_not_found_and_a_known_path_says_what_it_takes(peak: Any) -> None:
    assert "no such call" in peak.refused(404, "GET", "/press/v1/nothing")
    assert "no such call" in peak.refused(404, "GET", "/press/v1/specs")
    response = peak.send("PUT", "/press/v1/specs/")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET"


def test_an_upload_above_ten_mebibytes_is_too_large(peak: Any) -> None:
    files = peak.parts(b"x" * (10 * 2**20 + 1), name="big")
    assert "larger" in peak.refused(
        413, "POST", "/service/artifacts/api/v1/artifacts/", files=files
    )


def test_an_endless_body_is_cut_off(peak: Any) -> None:
    content = b"x" * (35 * 2**20)
    assert "larger" in peak.refused(
        413, "POST", "/service/webapps/api/v1/webapps/", content=content
    )


def test_an_upload_that_is_no_zip_is_refused(peak: Any) -> None:
    files = peak.parts(b"not a zip", name="a")
    detail = peak.refused(422, "POST", "/service/artifacts/api/v1/artifacts/", files=files)
    assert detail == "artifact: is not a zip archive"


def test_json_on_reads_is_ignored(peak: Any) -> None:
    assert peak.ok("GET", "/press/v1/specs/", json={})["specs"] == []


def test_errors_of_detail_are_json(peak: Any) -> None:
    response = peak.send("GET", "/service/artifacts/api/v1/artifacts/none")
    assert json.loads(response.content) == {"detail": "artifact none does not exist"}
