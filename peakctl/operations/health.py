"""Whether a service answers as it should: one request through the platform's own test call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote

from peakctl.adapters.executions import moment_of
from peakctl.errors import ApiError, Diagnostic, PeakctlError, UsageError
from peakctl.model import HealthCheck, JsonDict, Key, Listed, Value
from peakctl.model.records import dataclass
from peakctl.model.text import safe_line
from peakctl.operations.following import PASSING
from peakctl.operations.load import learn_secrets
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project
from peakctl.operations.target import find_target

SERVICE = "Service"
WEBAPPS = "service/webapps/api/v1/webapps/"
SHOWN = 400
"""Characters of an answer that are kept."""
NOT_READY = 422
"""What the platform answers for a service that is not there yet to be asked."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What became of a check. `status` is that of the service's answer, None where there was none.

    `problem` says why it did not pass, and is empty where it did; `body` is the beginning of the
    answer, with secrets masked. `took` is what the platform measured, in seconds.
    """

    check: HealthCheck
    key: Key
    status: int | None = None
    body: str = ""
    problem: str = ""
    took: float | None = None
    attempts: int = 1

    @property
    def ok(self) -> bool:
        """Whether the service answered as it should."""
        return not self.problem


async def check_service_async(project: Project, check: HealthCheck) -> CheckResult:
    """Send a request to a service through the platform, and judge the answer.

    Raises UsageError for a service that the platform does not test (it tests those of type api),
    PeakctlError where there is none of that name, and NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await run_check(platform, check)


async def run_check(platform: Platform, check: HealthCheck) -> CheckResult:
    """As `check_service`, on a platform that is connected."""
    key = Key(SERVICE, check.service)
    listed = await find_target(platform, key)
    _check_type(key, listed)
    learn_secrets(platform.project)
    clock = platform.project.clock
    deadline, pause, attempts = clock.now() + check.within, FIRST_PAUSE, 1
    while True:
        result = replace(await _ask(platform, key, listed, check), attempts=attempts)
        if result.ok or clock.now() + pause > deadline:
            return result
        await clock.sleep(pause)
        pause, attempts = min(pause * 1.5, LONGEST_PAUSE), attempts + 1


def read_check(
    key: Key,
    *,
    method: str = "get",
    path: str = "/",
    payload: str | None = None,
    expect_status: int | None = None,
    expect_text: str | None = None,
    within: float = 0.0,
) -> HealthCheck:
    """A check as it is typed; `payload` is JSON. Raises UsageError."""
    import json

    if key.kind != SERVICE:
        raise UsageError(_wrong(f"a {key.kind} cannot be asked", "name a Service"))
    if within and method != "get":
        raise UsageError(
            _wrong(
                f"a {method} is sent once: it may change something each time", "leave --within out"
            )
        )
    try:
        value = None if payload is None else json.loads(payload)
    except (ValueError, RecursionError):
        words = "write it in quotes: --payload '{\"id\": 1}'"
        raise UsageError(_wrong("the payload is not JSON", words)) from None
    return HealthCheck(key.name, method, path, value, expect_status, expect_text or "", within)


def _wrong(summary: str, fix: str) -> Diagnostic:
    return Diagnostic("usage/test", summary, fix=fix)


def _check_type(key: Key, listed: Listed) -> None:
    word = listed.item.get("serviceType")
    if word in (None, "api"):
        return
    raise UsageError(
        Diagnostic(
            code="health/not-api",
            summary=f"it is a service of type {word}, and the platform tests those of type api",
            key=key,
            fix="open its address: peakctl status shows it",
        )
    )


def request_of(method: str, path: str, payload: Value) -> JsonDict:
    """The body of the platform's test call; a payload that is absent is left out."""
    body: JsonDict = {"httpMethod": method, "path": path}
    return body if payload is None else {**body, "payload": payload}


async def _ask(platform: Platform, key: Key, listed: Listed, check: HealthCheck) -> CheckResult:
    """One request. What passes by itself, while there is time, is a problem and no error."""
    body = request_of(check.method, check.path, check.payload)
    path = f"{WEBAPPS}{quote(listed.name, safe='')}/test"
    try:
        answer = await platform.api.send("POST", path, json=body)
    except ApiError as error:
        if not check.within or error.status not in (None, NOT_READY, *PASSING):
            raise
        return CheckResult(check, key, problem=error.diagnostics[0].summary)
    found = answer if isinstance(answer, Mapping) else {}
    status, text = found.get("responseStatus"), str(found.get("responseBody") or "")
    began, ended = moment_of(found.get("reqStartTime")), moment_of(found.get("reqEndTime"))
    took = None if began is None or ended is None else max(ended - began, 0.0)
    code = status if isinstance(status, int) else None
    shown = safe_line(text, platform.project.redact)
    cut = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return CheckResult(check, key, code, cut, _problem(check, code, text), took)


def _problem(check: HealthCheck, status: int | None, text: str) -> str:
    """Why an answer is not what it should be; empty where it is."""
    if status is None:
        return "the platform did not tell what it answered"
    wanted = "2xx" if check.status is None else str(check.status)
    fits = 200 <= status < 300 if check.status is None else status == check.status
    if not fits:
        return f"it answered {status}, expected {wanted}"
    if check.contains and check.contains not in text:
        return f'its answer lacks "{check.contains}"'
    return ""


async def run_checks(platform: Platform, checks: Iterable[HealthCheck]) -> tuple[CheckResult, ...]:
    """All of them, one after the other. One that cannot be made has not passed, and says why."""
    return tuple([await _try_check(platform, each) for each in checks])


async def _try_check(platform: Platform, check: HealthCheck) -> CheckResult:
    try:
        return await run_check(platform, check)
    except PeakctlError as error:
        return _failed(check, error)


def _failed(check: HealthCheck, error: PeakctlError) -> CheckResult:
    summary = error.diagnostics[0].summary
    return CheckResult(check, Key(SERVICE, check.service), problem=summary)


def not_passed(result: CheckResult) -> Diagnostic:
    """A check that did not pass."""
    check = result.check
    return Diagnostic(
        code="health/failed",
        summary=f"{check.method.upper()} {check.path}: {result.problem}",
        key=result.key,
        locations=(check.location,) if check.location else (),
        detail=result.body,
        fix=f"try it again: peakctl test {result.key}; what it runs: peakctl get {result.key.kind}"
        f" {result.key.name}",
    )
