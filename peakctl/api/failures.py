"""What can go wrong with a request: may it be sent again, and which error it becomes, in words.

A read may be repeated after any passing trouble. A write may be repeated only when the platform
certainly did nothing: it said so (429), or nothing ever left this machine.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Mapping

from peakctl.api.http import httpx
from peakctl.api.trust import refused_certificate
from peakctl.errors import ApiError, Diagnostic, NotAuthenticated, PeakctlError
from peakctl.model.records import dataclass
from peakctl.model.text import safe_line

LONGEST_DETAIL = 600
_TAGS = re.compile(r"<(style|script)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_CHECK_TARGET = "check PEAK__STAGE or STAGE, and PEAKCTL_ENDPOINT if you use it"


class Failure(enum.StrEnum):
    """Why an attempt did not succeed."""

    UNSENT = "unsent"  # no connection: nothing was sent
    UNTRUSTED = "untrusted"  # no connection: the certificate is not accepted
    THROTTLED = "throttled"  # 429
    UNAVAILABLE = "unavailable"  # 408, 500, 502, 503, 504
    TIMED_OUT = "timed out"  # sent, and no answer in time
    BROKEN = "broken"  # sent, and the connection broke
    GARBLED = "garbled"  # answered, and the answer is cut short or is not what it says it is
    FAULTY = "faulty"  # any other 5xx, and answers without a meaning
    MOVED = "moved"  # a redirect that is not followed
    REFUSED = "refused"  # any other 4xx: the platform did nothing, and would not next time


@dataclass(frozen=True, slots=True)
class Rule:
    """`read` and `write`: sent again by itself? `doubtful`: may a write have taken effect?"""

    read: bool
    write: bool
    doubtful: bool


_PASSING = Rule(read=True, write=False, doubtful=True)
_LASTING = Rule(read=False, write=False, doubtful=True)
_HARMLESS = Rule(read=True, write=True, doubtful=False)
_DEFINITE = Rule(read=False, write=False, doubtful=False)

RULES: Mapping[Failure, Rule] = {
    Failure.UNSENT: _HARMLESS,
    Failure.UNTRUSTED: _DEFINITE,
    Failure.THROTTLED: _HARMLESS,
    Failure.UNAVAILABLE: _PASSING,
    Failure.TIMED_OUT: _PASSING,
    Failure.BROKEN: _PASSING,
    Failure.GARBLED: _PASSING,
    Failure.FAULTY: _LASTING,
    Failure.MOVED: _LASTING,
    Failure.REFUSED: _DEFINITE,
}

_UNAVAILABLE = frozenset({408, 500, 502, 503, 504})
_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def failure_of_status(status: int) -> Failure:
    """The failure that a status other than 2xx means."""
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Failure.THROTTLED
    if status in _UNAVAILABLE:
        return Failure.UNAVAILABLE
    if httpx.codes.is_redirect(status):
        return Failure.MOVED
    return Failure.REFUSED if httpx.codes.is_client_error(status) else Failure.FAULTY


def failure_of_error(error: Exception) -> Failure:
    """The failure that an exception of the HTTP client means."""
    match error:
        case _ if refused_certificate(error):
            return Failure.UNTRUSTED
        case _ if isinstance(error, _UNSENT):
            return Failure.UNSENT
        case httpx.TimeoutException() | TimeoutError():
            return Failure.TIMED_OUT
        case httpx.DecodingError():
            return Failure.GARBLED
        case _:
            return Failure.BROKEN


_BY_STATUS = {
    404: ("not-found", "not found", f"look for it with `peakctl get`; {_CHECK_TARGET}"),
    410: ("not-found", "no longer there", f"look for it with `peakctl get`; {_CHECK_TARGET}"),
    409: ("conflict", "in conflict with what is there", "run `peakctl plan` again"),
    413: ("too-large", "too large", "leave files out of the artifact with its ignore_files"),
    429: ("throttled", "too many requests", "wait a while, then run the same command again"),
}
_BY_FAILURE = {
    Failure.UNSENT: ("unreachable", "cannot connect", f"check the network; {_CHECK_TARGET}"),
    Failure.UNTRUSTED: (
        "untrusted",
        "the certificate is not trusted",
        "set SSL_CERT_FILE to a file that holds your company's root certificate",
    ),
    Failure.TIMED_OUT: ("timeout", "no answer in time", "run the same command again"),
    Failure.BROKEN: ("broken", "the connection broke", "run the same command again"),
    Failure.GARBLED: (
        "garbled",
        "the answer cannot be read",
        f"a proxy may have answered instead of the platform; {_CHECK_TARGET}",
    ),
    Failure.UNAVAILABLE: ("server", "the platform failed", "run the same command again later"),
    Failure.FAULTY: ("server", "the platform failed", "run the same command again later"),
    Failure.MOVED: ("moved", "the platform redirects, which is not followed", _CHECK_TARGET),
    Failure.REFUSED: ("invalid", "refused", "correct what the platform complains about"),
}
_DOUBT = "it may have taken effect all the same: run `peakctl plan` to see"


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that failed. `redact` masks what must not come back in a message."""

    method: str
    path: str
    redact: Callable[[str], str] = str

    @property
    def write(self) -> bool:
        return self.method != "GET"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def problem(
    asked: Asked,
    failure: Failure,
    *,
    status: int | None = None,
    body: bytes = b"",
    note: str = "",
    advice: str = "",
) -> PeakctlError:
    """The error to raise: NotAuthenticated for 401 and 403, else ApiError.

    `body` is what the server said; `note` is ours, for when there is no status, and `advice`
    what to do where that is known better than from the failure alone.
    """
    detail = server_text(body, asked.redact) or _shortened(safe_line(note, asked.redact))
    if status in (401, 403):
        return NotAuthenticated(_no_entry(asked, status, detail))
    code, words, fix = _BY_STATUS.get(status or 0) or _BY_FAILURE[failure]
    doubtful = asked.write and RULES[failure].doubtful
    diagnostic = Diagnostic(
        code=f"api/{code}",
        summary=f"{asked}: {words}" + (f" ({status})" if status else ""),
        detail=detail,
        fix=_DOUBT if doubtful else advice or fix,
    )
    return ApiError(diagnostic, status=status, detail=detail, doubtful=doubtful)


def odd_answer(asked: Asked, what: str) -> ApiError:
    """An answer that succeeded and is not what the contract says."""
    return ApiError(
        Diagnostic(
            code="api/unexpected",
            summary=f"{asked}: {what}",
            fix=f"a newer peakctl may know this answer; {_CHECK_TARGET}",
        ),
        detail=what,
        doubtful=asked.write,
    )


def incomplete(asked: Asked, why: str, rounds: int) -> ApiError:
    """A listing that contradicted itself each of `rounds` times, so that some of it may lack."""
    return ApiError(
        Diagnostic(
            code="api/incomplete-listing",
            summary=f"{asked}: the platform's listing is not complete",
            detail=f"read {rounds} times; {why}",
            fix="nothing was done because of it: run the same command again later",
        ),
        detail=why,
    )


def server_text(body: bytes, redact: Callable[[str], str] = str) -> str:
    """What the server says about an error: `detail`, else `title`, `message`, else all of it."""
    text = body.decode("utf-8", "replace")
    try:
        said = _said(json.loads(text))
    except (ValueError, RecursionError):
        said = _TAGS.sub(" ", text) if text.lstrip().startswith("<") else text
    return _shortened(safe_line(said, redact))


def _said(answer: object) -> str:
    if isinstance(answer, dict):
        answer = next((answer[k] for k in ("detail", "title", "message") if answer.get(k)), answer)
    if answer in ({}, None):
        return ""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"


def _no_entry(asked: Asked, status: int, detail: str) -> Diagnostic:
    if status == 401:
        return Diagnostic(
            code="auth/refused",
            summary=f"{asked}: the platform does not accept the token (401)",
            detail=detail,
            fix="check PEAK_AUTH_TOKEN (or API_KEY): it may have expired, or be of another stage",
        )
    return Diagnostic(
        code="auth/forbidden",
        summary=f"{asked}: the token has no permission for this (403)",
        detail=detail,
        fix="ask your tenant's admin for the permission, or set PEAK_AUTH_TOKEN to another token",
    )
