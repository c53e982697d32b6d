from __future__ import annotations

import pytest

from peakctl.api.failures import (
    LONGEST_DETAIL,
    Asked,
    Failure,
    failure_of_status,
    problem,
    server_text,
)
from peakctl.errors import ApiError, NotAuthenticated
from peakctl.model.text import Redactor, safe_line

GET = Asked("GET", "service/images/7")
POST = Asked("POST", "service/images/")


def failed(asked: Asked, status: int, body: bytes = b"") -> ApiError:
    error = problem(asked, failure_of_status(status), status=status, body=body)
    assert isinstance(error, ApiError)
    return error


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "api/invalid"),
        (422, "api/invalid"),
        (404, "api/not-found"),
        (410, "api/not-found"),
        (409, "api/conflict"),
        (413, "api/too-large"),
        (429, "api/throttled"),
        (500, "api/server"),
        (501, "api/server"),
        (302, "api/moved"),
    ],
)
def test_a_status_has_a_code_and_advice(status: int, code: str) -> None:
    error = failed(GET, status, b'{"detail": "so it is"}')
    assert error.diagnostics[0].code == code
    assert error.diagnostics[0].summary.startswith("GET service/images/7: ")
    assert error.diagnostics[0].summary.endswith(f"({status})")
    assert error.diagnostics[0].fix
    assert (error.status, error.detail, error.doubtful) == (status, "so it is", False)


@pytest.mark.parametrize(("status", "word"), [(401, "accept"), (403, "permission")])
def test_401_and_403_are_about_the_token(status: int, word: str) -> None:
    error = problem(GET, Failure.REFUSED, status=status, body=b"")
    assert isinstance(error, NotAuthenticated)
    assert word in error.diagnostics[0].summary
    assert "PEAK_AUTH_TOKEN" in error.diagnostics[0].fix


@pytest.mark.parametrize("status", [500, 503, 408, 501, 302])
def test_a_write_that_may_have_worked_says_so(status: int) -> None:
    error = failed(POST, status)
    assert error.doubtful
    assert "may have taken effect" in error.diagnostics[0].fix


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 429])
def test_a_write_that_was_refused_is_no_doubt(status: int) -> None:
    assert not failed(POST, status).doubtful


def test_without_an_answer_the_detail_is_ours() -> None:
    error = problem(POST, Failure.UNSENT, note="connection refused")
    assert isinstance(error, ApiError)
    assert (error.status, error.doubtful) == (None, False)
    assert error.diagnostics[0].detail == "connection refused"
    assert "PEAKCTL_ENDPOINT" in error.diagnostics[0].fix


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"detail": "a", "title": "b"}', "a"),
        (b'{"detail": "", "title": "b", "message": "c"}', "b"),
        (b'{"message": "c"}', "c"),
        (b'{"detail": [{"loc": ["name"]}]}', '[{"loc": ["name"]}]'),
        (b'{"errors": "\xc3\xa9"}', '{"errors": "é"}'),
        (b"{}", ""),
        (b"null", ""),
        (b"", ""),
        (b"  plain\n text ", "plain text"),
        (b"<html><style>x{}</style><h1>502</h1> Bad\n gateway</html>", "502 Bad gateway"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[" * (LONGEST_DETAIL - 1) + "…"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_servers_words_are_found(body: bytes, text: str) -> None:
    assert server_text(body) == text


def test_nothing_that_moves_a_terminal_gets_through() -> None:
    text = "a\x1b[31mb\x1b]0;title\x07c\x1bMd\x9b2Je\x00f\u202eg\rh\ti"
    assert safe_line(text) == "abcdefg h i"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("got Bearer abcdefgh12 here", "got (sensitive) here"),
        ("got abcdefgh12 here", "got (sensitive) here"),
        ("got Bearer%20abcdefgh12", "got (sensitive)"),
        ("got abcd\x1b[0mefgh12", "got (sensitive)"),
        ("no is not none", "no is not none"),
        ('he said: a\\"b\\"cd', "he said: (sensitive)"),
    ],
)
def test_secrets_do_not_come_back(text: str, shown: str) -> None:
    assert safe_line(text, Redactor(["Bearer abcdefgh12", "no", 'a"b"cd'])) == shown


def test_each_line_of_a_key_is_hidden() -> None:
    key = "-----BEGIN KEY-----\nAAAABBBBCCCC\n"
    assert safe_line("bad line AAAABBBBCCCC", Redactor([key])) == "bad line (sensitive)"
