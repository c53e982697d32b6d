"""Logs by `Kind/name`: of a build, of an execution's steps, of what a deployment has made."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import partial

from peakctl.adapters.answers import mapping
from peakctl.adapters.executions import Executions, LogLine, read_log, state_of, workflows_of
from peakctl.errors import Diagnostic, PeakctlError, Severity, UsageError, nearest_names
from peakctl.model import BuildLog, JsonObject, Key, Listed, State
from peakctl.model.records import dataclass
from peakctl.model.text import bare_text, printable, status_word
from peakctl.operations import following
from peakctl.operations.following import ExecutionLogs, LogReader, Pace, Subject
from peakctl.operations.load import learn_secrets
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, is_emulated
from peakctl.operations.target import find_target
from peakctl.operations.tenant import find_domain


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """Which log, and how much of it.

    `version` is that of an image, `execution` the id of one of a workflow; None the newest.
    `step` is one step of an execution, None all. Lines from `since` (seconds since 1970) on; of
    those that are there at first, the last `tail` of each log. With `follow` all lines until the
    end of what writes them.
    """

    version: str | None = None
    execution: str | None = None
    step: str | None = None
    since: float | None = None
    tail: int | None = None
    follow: bool = False


@dataclass(frozen=True, slots=True)
class LoggedLine:
    """A line that may be shown: secrets are masked. `at` is in seconds since 1970.

    `step` is "" for a build, and where one step was asked for.
    """

    text: str
    at: float | None = None
    step: str = ""


@dataclass(frozen=True, slots=True)
class LogResult:
    """What was read: of what (`build 7`, `execution ID`), and its status in the platform's word.

    `state` is READY where it ended well, FAILED where not, PENDING where it goes on. `lines` is
    empty where somebody listened to them.
    """

    key: Key
    of: str
    status: str
    state: State
    lines: tuple[LoggedLine, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether what the log is of has not failed."""
        return self.state is not State.FAILED


async def logs_async(
    project: Project,
    key: Key,
    options: LogOptions | None = None,
    *,
    emit: Callable[[LoggedLine], None] | None = None,
) -> LogResult:
    """The log of an image's build, a workflow's execution, or what a deployment has made.

    `emit` hears each line as it comes; without it they are in the result. Raises UsageError for a
    kind without logs and for an unknown step, PeakctlError where nothing has run or no log is kept
    any more, and NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await read_logs(platform, key, options or LogOptions(), emit)


async def read_logs(
    platform: Platform,
    key: Key,
    options: LogOptions,
    emit: Callable[[LoggedLine], None] | None = None,
) -> LogResult:
    """As `logs`, on a platform that is connected."""
    subject = await _find_subject(platform, key, options)
    learn_secrets(platform.project)
    kept: list[LoggedLine] = []
    shown = LineFilter(platform.project.redact, options, emit or kept.append)
    state = await following.follow(subject, shown, pace_of(platform), to_end=options.follow)
    lost = [_not_kept(key, subject, step) for step, log in subject.readers.items() if log.is_lost]
    if lost and len(lost) == len(subject.readers):
        raise PeakctlError(*lost)
    warnings = tuple(replace(each, severity=Severity.WARNING) for each in lost)
    return LogResult(key, subject.name, subject.status, state, tuple(kept), warnings)


def pace_of(platform: Platform) -> Pace:
    """How often to look; the emulator is looked at more often."""
    return Pace(platform.project.clock, 0.1 if is_emulated(platform.project) else 1.0)


@dataclass(slots=True)
class LineFilter:
    """Gives the lines that are asked for to `emit`, with secrets masked and nothing that steers."""

    redact: Callable[[str], str]
    options: LogOptions
    emit: Callable[[LoggedLine], None]
    _first: dict[str, deque[LoggedLine]] | None = field(default_factory=dict)

    def hear(self, step: str, line: LogLine) -> None:
        """One message of the log; it may have several lines."""
        since = self.options.since
        if since is not None and line.at is not None and line.at < since:
            return
        name = "" if self.options.step else step
        for text in safe_lines(line.text, self.redact):
            self._keep(LoggedLine(text, line.at, name))

    def _keep(self, line: LoggedLine) -> None:
        if self._first is None or self.options.tail is None:
            self.emit(line)
        else:
            self._first.setdefault(line.step, deque(maxlen=self.options.tail)).append(line)

    def rest(self) -> None:
        """What was there at first is known: of it the last lines count."""
        first, self._first = self._first, None
        for lines in (first or {}).values():
            for line in lines:
                self.emit(line)


def safe_lines(message: str, redact: Callable[[str], str]) -> list[str]:
    """The lines of a message as they may be shown; one that is empty has one."""
    # What is taken out may be a part of a secret, so it is looked for before and after.
    return [
        redact(printable(bare_text(redact(text))).replace("\t", "    ")).rstrip()
        for text in message.splitlines() or [""]
    ]


# --- what the log is of -------------------------------------------------------------------------


async def _find_subject(platform: Platform, key: Key, options: LogOptions) -> Subject:
    """What has the log. Raises UsageError, PeakctlError, ApiError."""
    if key.kind not in _WITH_LOGS:
        raise UsageError(_without_logs(key))
    _check_options(key, options)
    listed = await find_target(platform, key)
    if key.kind == "Image":
        return await _find_build(platform, key, listed, options)
    executions = Executions(platform.api, partial(find_domain, platform))
    if key.kind == "Workflow":
        found = await find_execution(executions, key, listed.item, options.execution)
    else:
        found = await _find_in_deployment(platform, executions, key, listed, options)
    if options.step is not None:
        _check_step(found, options.step)
        found.only = options.step
    return found


_WITH_LOGS = ("Image", "Workflow", "Deployment")
_INSTEAD = {
    "Service": "ask it: peakctl test {}; see the build of what it runs: peakctl logs Image/NAME",
    "Webapp": "see the build of what it runs: peakctl logs Image/NAME",
}


def _without_logs(key: Key) -> Diagnostic:
    return Diagnostic(
        code="logs/no-call",
        summary="the platform gives no logs of this kind",
        key=key,
        fix=_INSTEAD.get(key.kind, "logs are of an Image, a Workflow or a Deployment").format(key),
    )


def _check_options(key: Key, options: LogOptions) -> None:
    """Raise UsageError for what does not go with the kind."""
    of_image = key.kind == "Image"
    wrong = [
        word
        for word, given in (
            ("--step", options.step if of_image else None),
            ("--execution", options.execution if of_image else None),
            ("a version", None if of_image else options.version),
        )
        if given is not None
    ]
    if wrong:
        raise UsageError(
            Diagnostic(
                code="usage/logs",
                summary=f"{' and '.join(wrong)}: this kind has no such thing",
                key=key,
                fix="Image/name@VERSION; Workflow/name --execution ID --step NAME",
            )
        )


async def _find_build(
    platform: Platform, key: Key, listed: Listed, options: LogOptions
) -> following.BuildLog:
    """The newest build of the image, or of the version."""
    from peakctl.adapters.image import build_id, find_builds

    builds = await find_builds(platform.api, listed.id, options.version)
    if not builds:
        raise PeakctlError(_no_build(key, options.version, failed=False))
    id_ = build_id(builds[-1])
    path = f"service/image-management/api/v2/images/{listed.id}/builds/{id_}/logs"

    async def ask() -> str:
        again = await find_builds(platform.api, listed.id, options.version)
        return next((str(b.get("status")) for b in again if build_id(b) == id_), "")

    reader = LogReader(
        lambda token: read_log(platform.api, path, token), str(builds[-1].get("status") or "")
    )
    return following.BuildLog(f"build {id_} of {builds[-1].get('version')}", reader, ask)


async def find_execution(
    executions: Executions, key: Key, workflow: JsonObject, id_: str | None
) -> ExecutionLogs:
    """The execution of a workflow that has the id, None its newest.

    Raises PeakctlError where it has not run yet, or that is none of its executions.
    """
    wanted = id_ if id_ is not None else await _newest(executions, workflow)
    if wanted is None:
        raise PeakctlError(
            Diagnostic(
                code="live/never-ran",
                summary="it has not run yet",
                key=key,
                fix=f"run it: peakctl run {key}" if key.kind == "Workflow" else "",
            )
        )
    described = await executions.describe(workflow["id"], wanted)
    if described is None:
        raise PeakctlError(
            Diagnostic(
                code="live/no-execution",
                summary=f'it has no execution "{wanted}"',
                key=key,
                detail="it may be one of another workflow, or no longer be kept",
                fix=f"see its executions: peakctl executions {key}; any id: peakctl execution ID",
            )
        )
    return ExecutionLogs(executions, workflow["id"], wanted, described)


async def _newest(executions: Executions, workflow: JsonObject) -> str | None:
    """The listing has the last one; where it does not, the executions are asked for."""
    known = mapping(workflow.get("lastExecution")).get("executionId")
    if known:
        return str(known)
    found = await executions.newest(workflow["id"], limit=1)
    return str(found[0].get("executionId")) if found else None


async def _find_in_deployment(
    platform: Platform,
    executions: Executions,
    key: Key,
    listed: Listed,
    options: LogOptions,
) -> ExecutionLogs:
    """The execution of what the deployment has made: one that failed before any other."""
    workflows = await workflows_of(platform.api, str(listed.item["family"]), listed.id)
    if options.execution is not None:
        for each in workflows:
            described = await executions.describe(each["id"], options.execution)
            if described is not None:
                return ExecutionLogs(executions, each["id"], options.execution, described)
    ran = [each for each in workflows if mapping(each.get("lastExecution")).get("executionId")]
    if not ran or options.execution is not None:
        raise PeakctlError(await _nothing_ran(platform, key, listed, options.execution))
    return await find_execution(executions, key, max(ran, key=_urgency), None)


def _urgency(workflow: JsonObject) -> tuple[bool, str]:
    last = mapping(workflow.get("lastExecution"))
    failed = state_of(str(last.get("status"))) is State.FAILED
    return failed, str(last.get("executedAt") or "")


async def _nothing_ran(
    platform: Platform, key: Key, listed: Listed, execution: str | None
) -> Diagnostic:
    """What is known of the parts of a deployment in place of a log."""
    adapter = platform.adapters[key.kind]
    live = await adapter.read(listed, None)
    states = list(live.parts) if live else []
    names = ", ".join(str(each) for each in states)
    if execution is not None:
        return Diagnostic(
            code="live/no-execution",
            summary=f'no workflow that it has made has an execution "{execution}"',
            key=key,
            fix="see what ran: peakctl execution ID finds one by its id alone",
        )
    failed = live is not None and live.state is State.FAILED
    return Diagnostic(
        code="live/never-ran",
        summary="no workflow that it has made has run yet",
        key=key,
        detail=f"it is {status_word(live.status)}; it has made: {names or 'nothing'}\n{_NO_LOGS}"
        if live
        else _NO_LOGS,
        fix=f"see what its revisions changed: peakctl history {key}; try it again: peakctl redeploy"
        f" {key}; go back: peakctl rollback {key}"
        if failed
        else f"run it: peakctl run {key}",
    )


_NO_LOGS = "the platform gives no logs of services, nor of the builds of blocks"


def _check_step(found: ExecutionLogs, step: str) -> None:
    """Raise UsageError where the execution has no such step."""
    names = [each.name for each in found.steps]
    if step not in names:
        raise UsageError(no_step(step, names, f"execution {found.id}"))


def no_step(step: str, names: Sequence[str], of: str) -> Diagnostic:
    """That something has no step of that name, with the nearest ones."""
    near = nearest_names(step, names)
    return Diagnostic(
        code="usage/unknown-step",
        summary=f'{of} has no step "{step}"',
        detail=f"its steps: {', '.join(names)}",
        fix=f"did you mean: {', '.join(near)}" if near else "use one of the steps above",
    )


def _not_kept(key: Key, subject: Subject, step: str) -> Diagnostic:
    of = f"step {step} of {subject.name}" if step and step not in subject.name else subject.name
    newer = f"get {key.kind} {key.name}" if key.kind == "Image" else f"executions {key}"
    return Diagnostic(
        code="logs/not-kept",
        summary=f"the platform has no log of {of} (any more)",
        key=key,
        fix=f"look for a newer one: peakctl {newer}",
    )


# --- the log of a build, as a value -------------------------------------------------------------


async def build_log_async(
    project: Project, key: Key, version: str | None = None, *, failed: bool = False
) -> BuildLog:
    """The log of the newest build of a resource, or of its newest failed one.

    `version` is that of the image, None any. Secrets that are known are masked in it. Raises
    UsageError for a kind that is not there, PeakctlError where there is no such build, and
    NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await find_build_log(platform, key, version, failed=failed)


async def find_build_log(
    platform: Platform, key: Key, version: str | None = None, *, failed: bool = False
) -> BuildLog:
    """As `build_log`, on a platform that is connected."""
    adapter = platform.adapters.get(key.kind)
    if adapter is None:
        raise UsageError(Diagnostic("usage/unknown-kind", f'there is no kind "{key.kind}"'))
    for listed in await adapter.find(key.name):
        found = await adapter.build_log(listed, version, failed=failed)
        if found is not None:
            redact = platform.project.redact
            lines = tuple(redact(line) for line in found.lines)
            return BuildLog(found.build, found.version, found.status, lines)
    raise PeakctlError(_no_build(key, version, failed=failed))


def _no_build(key: Key, version: str | None, *, failed: bool) -> Diagnostic:
    of = f" of version {version}" if version else ""
    return Diagnostic(
        code="live/no-build",
        summary=f"there is no {'failed ' if failed else ''}build{of}",
        key=key,
        fix=f"see what there is: peakctl get {key.kind} {key.name}",
    )
