"""Running a workflow, or what a deployment runs by itself: started once, followed step by step.

A start is never sent twice: where its answer is lost, what has begun since is looked for, and where
that does not tell, it is unknown.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from peakctl.adapters.executions import Executions, workflows_of
from peakctl.api.lost_answers import find_lost_write
from peakctl.engine.waiting import Stop, StoppableClock
from peakctl.errors import ApiError, Diagnostic, PeakctlError, Severity, UsageError
from peakctl.model import JsonObject, Key, Listed, State
from peakctl.model.records import dataclass
from peakctl.operations import following
from peakctl.operations.executions import WORKFLOW, Execution, check_kind, execution_of
from peakctl.operations.following import ExecutionLogs, Pace, StepState
from peakctl.operations.load import learn_secrets
from peakctl.operations.logs import LineFilter, LoggedLine, LogOptions, no_step
from peakctl.operations.logs import pace_of as usual_pace
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project
from peakctl.operations.run_inputs import RunOptions, run_body, steps_in
from peakctl.operations.target import find_target
from peakctl.operations.tenant import find_domain

MOST_KNOWN = 25
"""Executions that are remembered before one is started, to tell it from them."""


class Ended(enum.StrEnum):
    """What came of an execution that was asked for."""

    SUCCESS = "success"
    FAILED = "failed"
    RUNNING = "running"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ExecutionStarted:
    """An execution was started."""

    key: Key
    id: str


@dataclass(frozen=True, slots=True)
class StepChanged:
    """A step has another status than before. `at` is seconds since 1970."""

    key: Key
    step: StepState
    at: float


ExecutionEvent = ExecutionStarted | StepChanged


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """What was run: several executions where a deployment has several workflows.

    `logs` are the last lines of the steps that failed. `took` is in seconds.
    """

    key: Key
    ended: Ended
    executions: tuple[Execution, ...] = ()
    logs: tuple[LoggedLine, ...] = ()
    took: float = 0.0
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing of it failed, as far as it was followed."""
        return self.ended in (Ended.SUCCESS, Ended.RUNNING)


async def run_async(
    project: Project,
    key: Key,
    options: RunOptions | None = None,
    *,
    emit: Callable[[ExecutionEvent], None] | None = None,
    stop: Stop | None = None,
) -> ExecutionResult:
    """Run a workflow, or what a deployment runs by itself, and follow it to its end.

    It is started once: where the answer is lost and nothing tells what became of it, the result is
    UNKNOWN. `stop` ends the following; what runs goes on. Raises UsageError for a kind that is not
    run and an unknown step, PeakctlError where it cannot run now, and NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await run_target(platform, key, options or RunOptions(), emit, stop)


async def run_target(
    platform: Platform,
    key: Key,
    options: RunOptions,
    emit: Callable[[ExecutionEvent], None] | None = None,
    stop: Stop | None = None,
) -> ExecutionResult:
    """As `run`, on a platform that is connected."""
    check_kind(key, WORKFLOW, "Deployment")
    listed = await find_target(platform, key)
    executions = Executions(platform.api, partial(find_domain, platform))
    started = await _start(platform, executions, key, listed, options)
    if isinstance(started, Diagnostic):
        return ExecutionResult(key, Ended.UNKNOWN, diagnostics=(started,))
    hear = emit or _ignore
    for each in started.found:
        hear(ExecutionStarted(Key(WORKFLOW, each.name), each.logs.id))
    usual, asked, stopped = usual_pace(platform), stop or Stop(), asyncio.Event()
    pace = Pace(StoppableClock(usual.clock, stopped), usual.first, asked)
    with asked.waking(stopped):
        return await _follow(platform, key, options, started, hear, pace)


def _ignore(_: ExecutionEvent) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class _One:
    """An execution under way, and the name of its workflow."""

    name: str
    logs: ExecutionLogs


@dataclass(frozen=True, slots=True)
class _Started:
    found: tuple[_One, ...]
    told: tuple[Diagnostic, ...] = ()


async def _start(
    platform: Platform, executions: Executions, key: Key, listed: Listed, options: RunOptions
) -> _Started | Diagnostic:
    """Start it once. Gives what was started; a diagnostic where nobody knows."""
    if key.kind == WORKFLOW:
        workflow = await executions.workflow(listed.id)
        body = run_body(options)
        _check_steps(key, workflow, body)
        workflows: list[JsonObject] = [{"id": listed.id, "name": listed.name}]

        async def send() -> list[str]:
            return [await executions.execute(listed.id, body)]

    else:
        _check_plain(key, options)
        workflows = await workflows_of(platform.api, str(listed.item["family"]), listed.id)

        async def send() -> list[str]:
            answers = await executions.execute_resources(listed.id)
            return [str(each["executionId"]) for each in answers if each.get("executionId")]

    before = await _known(executions, workflows)
    told: tuple[Diagnostic, ...] = ()
    try:
        ids = await send()
    except ApiError as error:
        if not error.doubtful:
            raise _refused(key, error) from error
        ids = await _look(platform, executions, workflows, before)
        if not ids:
            return _unknown(key, error)
        told = (_found_again(key, ids),)
    if not ids:
        raise PeakctlError(_nothing_to_run(key))
    return _Started(await _place(executions, workflows, ids), told)


def _check_steps(key: Key, workflow: JsonObject, body: JsonObject) -> None:
    """Raise UsageError for steps that the workflow has not, PeakctlError where it is paused."""
    steps = workflow.get("steps")
    names = list(steps) if isinstance(steps, Mapping) else []
    wrong = [each for each in steps_in(body) if each not in names]
    if wrong:
        raise UsageError(*(no_step(each, names, str(key)) for each in dict.fromkeys(wrong)))
    if str(workflow.get("status")) == "Paused":
        raise PeakctlError(
            Diagnostic(
                code="run/paused",
                summary="it is paused, and nothing was started",
                key=key,
                fix=f"let it run again: peakctl resume {key}",
            )
        )


def _check_plain(key: Key, options: RunOptions) -> None:
    """Raise UsageError for what only a workflow takes."""
    if run_body(options):
        raise UsageError(
            Diagnostic(
                code="usage/run",
                summary="a deployment takes no inputs and no steps",
                key=key,
                detail="the platform runs what is marked with autoRunOnDeploy, and nothing else",
                fix=f"run the workflow that it has made: peakctl run {WORKFLOW}/NAME",
            )
        )


async def _known(
    executions: Executions, workflows: Sequence[JsonObject]
) -> dict[str | int, set[str]]:
    """The ids of the newest executions of each workflow."""
    found = await asyncio.gather(
        *(executions.newest(each["id"], limit=MOST_KNOWN) for each in workflows)
    )
    return {
        workflow["id"]: {str(each.get("executionId")) for each in listed}
        for workflow, listed in zip(workflows, found, strict=True)
    }


async def _look(
    platform: Platform,
    executions: Executions,
    workflows: Sequence[JsonObject],
    before: Mapping[str | int, set[str]],
) -> list[str]:
    """The executions that have begun since; none where several may be the one, or none is."""

    async def look() -> list[str] | None:
        now = await _known(executions, workflows)
        begun = [now[id_] - before[id_] for id_ in now]
        return [key for each in begun for key in each] or None

    found = await find_lost_write(look, platform.project.clock, ignored=PeakctlError)
    return found if found and len(found) <= len(workflows) else []


async def _place(
    executions: Executions, workflows: Sequence[JsonObject], ids: Sequence[str]
) -> tuple[_One, ...]:
    """The workflow of each execution. Of one that no workflow knows nothing can be followed."""
    if len(workflows) == 1:
        one = workflows[0]
        return tuple(
            _One(str(one["name"]), ExecutionLogs(executions, one["id"], i, {})) for i in ids
        )
    found = []
    for id_ in ids:
        for each in workflows:
            described = await executions.describe(each["id"], id_)
            if described is not None:
                logs = ExecutionLogs(executions, each["id"], id_, described)
                found.append(_One(str(each["name"]), logs))
                break
    return tuple(found)


def _refused(key: Key, error: ApiError) -> PeakctlError:
    """The error of a start that certainly did not happen, with what to do about it."""
    if error.status == 429:
        summary, fix = (
            "its queue is full, and nothing was started",
            "wait until something has ended",
        )
    elif error.status == 409:
        summary = "it cannot run now, and nothing was started"
        fix = (
            f"see what runs: peakctl execution {key}; spec.metadata.allowConcurrentExecution lets"
            " several run at once"
        )
    else:
        return error
    return PeakctlError(Diagnostic("run/refused", summary, key=key, detail=error.detail, fix=fix))


def _unknown(key: Key, error: ApiError) -> Diagnostic:
    return Diagnostic(
        code="run/unknown",
        summary="whether it was started is not known: the answer was lost",
        key=key,
        detail=error.diagnostics[0].summary,
        fix=f"look before you run it again: peakctl executions {key}",
    )


def _found_again(key: Key, ids: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        code="run/answer-lost",
        summary=f"the answer was lost; {', '.join(ids)} has begun since, and is followed",
        key=key,
        detail="a trigger may have started it at the same moment",
        severity=Severity.WARNING,
    )


def _nothing_to_run(key: Key) -> Diagnostic:
    return Diagnostic(
        code="run/nothing",
        summary="it has nothing to run",
        key=key,
        detail="no workflow of its latest revision is marked with autoRunOnDeploy",
        fix=f"run a workflow that it has made: peakctl run {WORKFLOW}/NAME",
    )


# --- following ---------------------------------------------------------------------------------


async def _follow(
    platform: Platform,
    key: Key,
    options: RunOptions,
    started: _Started,
    emit: Callable[[ExecutionEvent], None],
    pace: Pace,
) -> ExecutionResult:
    """Follow all executions to their end, and read the logs of what failed."""
    clock, told = platform.project.clock, list(started.told)
    began = clock.now()
    if not options.detach:
        deadline = None if options.timeout is None else began + options.timeout
        await _watch(started.found, emit, pace, deadline)
    found = tuple(execution_of(Key(WORKFLOW, each.name), each.logs) for each in started.found)
    ended = _end_of(found)
    logs: tuple[LoggedLine, ...] = ()
    if ended is Ended.FAILED:
        learn_secrets(platform.project)
        logs = await _failed_logs(platform, started.found, options, told)
    elif ended is Ended.RUNNING and not options.detach:
        told.append(_goes_on(key, found, timed_out=not pace.stop.requested))
    return ExecutionResult(key, ended, found, logs, clock.now() - began, tuple(told))


async def _watch(
    found: Sequence[_One],
    emit: Callable[[ExecutionEvent], None],
    pace: Pace,
    deadline: float | None,
) -> None:
    """Look until all have ended, time is up, or somebody asks to stop."""
    seen: dict[tuple[str, str], str] = {}
    while not pace.stop.requested:
        try:
            await asyncio.gather(*(each.logs.look() for each in found))
        except ApiError as error:
            await pace.recover(error)
            continue
        is_new = False
        for each in found:
            is_new |= _tell_steps(each, seen, emit, pace.clock.now())
        over = all(each.logs.state is not State.PENDING for each in found)
        if over or (deadline is not None and pace.clock.now() >= deadline):
            return
        await pace.wait(is_new=is_new)


def _tell_steps(
    one: _One,
    seen: dict[tuple[str, str], str],
    emit: Callable[[ExecutionEvent], None],
    now: float,
) -> bool:
    """Tell of each step that has another status than before."""
    is_new = False
    for step in one.logs.steps:
        at = one.logs.id, step.name
        if seen.get(at, "pending") != step.status.lower():
            is_new = True
            emit(StepChanged(Key(WORKFLOW, one.name), step, now))
        seen[at] = step.status.lower()
    return is_new


def _end_of(found: Sequence[Execution]) -> Ended:
    states = {each.state for each in found}
    if State.FAILED in states:
        return Ended.FAILED
    return Ended.RUNNING if State.PENDING in states else Ended.SUCCESS


async def _failed_logs(
    platform: Platform, found: Sequence[_One], options: RunOptions, told: list[Diagnostic]
) -> tuple[LoggedLine, ...]:
    """The last lines of each step that failed. A log that cannot be read is a warning."""
    lines: list[LoggedLine] = []
    asked = LogOptions(tail=options.tail)
    for each in found:
        for step in (step.name for step in each.logs.steps if step.failed):
            only = replace(each.logs, only=step, readers={})
            shown = LineFilter(platform.project.redact, asked, lines.append)
            try:
                await following.follow(only, shown, usual_pace(platform), to_end=False)
            except PeakctlError as error:
                told.append(replace(error.diagnostics[0], severity=Severity.WARNING))
    return tuple(lines)


def _goes_on(key: Key, found: Sequence[Execution], *, timed_out: bool) -> Diagnostic:
    each = found[0]
    why = "after the time limit" if timed_out else "because it was asked to stop"
    return Diagnostic(
        code="run/goes-on",
        summary=f"it is followed no further {why}, and goes on at the platform",
        key=key,
        fix=f"follow it: peakctl logs {each.key}@{each.id} --follow",
        severity=Severity.ERROR if timed_out else Severity.WARNING,
    )
