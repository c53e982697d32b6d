"""Executions of workflows: listed, looked up by their id; and workflows paused and resumed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from peakctl.adapters.answers import mapping
from peakctl.adapters.executions import Executions, moment_of, state_of
from peakctl.api.lost_answers import find_lost_write
from peakctl.errors import ApiError, Diagnostic, PeakctlError, Severity, UsageError
from peakctl.model import JsonObject, Key, State
from peakctl.model.records import dataclass
from peakctl.operations.following import ExecutionLogs, StepState, steps_of
from peakctl.operations.logs import find_execution
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project
from peakctl.operations.target import find_target

WORKFLOW = "Workflow"


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a workflow. Times are seconds since 1970; `status` is the platform's word.

    `steps` are empty where only a listing was read.
    """

    key: Key
    id: str
    status: str
    started: float | None = None
    finished: float | None = None
    duration: str = ""
    steps: tuple[StepState, ...] = ()

    @property
    def state(self) -> State:
        """READY where it ended well, FAILED where not, PENDING while it goes on."""
        return state_of(self.status)


async def executions_async(
    project: Project, key: Key, *, limit: int | None = None, statuses: Sequence[str] = ()
) -> tuple[Execution, ...]:
    """The executions of a workflow that the platform keeps, the newest first.

    Raises UsageError for another kind, PeakctlError where there is no such workflow, and
    NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await list_executions(platform, key, limit=limit, statuses=statuses)


async def list_executions(
    platform: Platform, key: Key, *, limit: int | None = None, statuses: Sequence[str] = ()
) -> tuple[Execution, ...]:
    """As `executions`, on a platform that is connected."""
    check_kind(key, WORKFLOW)
    listed = await find_target(platform, key)
    found = await Executions(platform.api).newest(listed.id, limit=limit, statuses=statuses)
    return tuple(
        Execution(
            key,
            str(each.get("executionId") or ""),
            str(each.get("status") or ""),
            started=moment_of(each.get("executedAt")),
            duration=str(each.get("duration") or ""),
        )
        for each in found
    )


async def execution_async(
    project: Project,
    key: Key | None = None,
    id: str | None = None,  # noqa: A002
) -> Execution:
    """One execution with its steps: the newest of a workflow, or the one that has the id.

    Without a workflow all are asked for it. Raises as `executions`, and PeakctlError where there is
    no such execution.
    """
    async with connect(project) as platform:
        return await read_execution(platform, key, id)


async def read_execution(platform: Platform, key: Key | None, id_: str | None) -> Execution:
    """As `execution`, on a platform that is connected."""
    executions = Executions(platform.api)
    if key is None and not id_:
        raise UsageError(
            Diagnostic(
                code="usage/target",
                summary="no workflow and no id of an execution is named",
                fix="peakctl execution Workflow/NAME, or peakctl execution ID",
            )
        )
    if key is None:
        key, found = await _find_anywhere(platform, executions, id_ or "")
    else:
        check_kind(key, WORKFLOW)
        listed = await find_target(platform, key)
        found = await find_execution(executions, key, listed.item, id_)
    return execution_of(key, found)


def execution_of(key: Key, found: ExecutionLogs) -> Execution:
    """An execution as it was seen last."""
    described = found.described
    return Execution(
        key,
        found.id,
        str(described.get("status") or ""),
        moment_of(described.get("executedAt")),
        moment_of(described.get("finishedAt")),
        steps=steps_of(described),
    )


async def _find_anywhere(
    platform: Platform, executions: Executions, id_: str
) -> tuple[Key, ExecutionLogs]:
    """The workflow that has the execution: the listing shows the last ones; then all are asked."""
    listed = await platform.adapters[WORKFLOW].index()
    in_order = sorted(listed, key=lambda item: _last_id(item.item) != id_)
    first, rest = in_order[:1], in_order[1:]
    for items in (first, rest):
        found = await asyncio.gather(*(executions.describe(item.id, id_) for item in items))
        for item, described in zip(items, found, strict=True):
            if described is not None:
                key = Key(WORKFLOW, item.name)
                return key, ExecutionLogs(executions, item.id, id_, described)
    raise PeakctlError(
        Diagnostic(
            code="live/no-execution",
            summary=f'no workflow has an execution "{id_}"',
            detail=f"{len(listed)} workflows were asked; it may no longer be kept",
            fix="see those of one workflow: peakctl executions Workflow/NAME",
        )
    )


def _last_id(item: JsonObject) -> str:
    return str(mapping(item.get("lastExecution")).get("executionId") or "")


def check_kind(key: Key, *kinds: str) -> None:
    """Raise UsageError for what is not run."""
    if key.kind not in kinds:
        raise UsageError(
            Diagnostic(
                code="usage/not-run",
                summary="this kind is not run",
                key=key,
                fix=f"name a {' or a '.join(kinds)}: peakctl get {kinds[0].lower()}s",
            )
        )


# --- pausing -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """A workflow that was paused or resumed. `changed` is False where it was so before."""

    key: Key
    status: str
    changed: bool
    diagnostics: tuple[Diagnostic, ...] = ()


async def pause_async(project: Project, key: Key) -> SwitchResult:
    """Have a workflow start nothing any more, whatever its triggers say.

    Raises UsageError for another kind, PeakctlError where the platform refuses it, or where the
    answer was lost and the status does not tell; NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await switch(platform, key, "pause")


async def resume_async(project: Project, key: Key) -> SwitchResult:
    """Have a paused workflow run again. Raises as `pause`."""
    async with connect(project) as platform:
        return await switch(platform, key, "resume")


async def switch(platform: Platform, key: Key, word: str) -> SwitchResult:
    """`pause` or `resume`, on a platform that is connected."""
    check_kind(key, WORKFLOW)
    listed = await find_target(platform, key)
    executions = Executions(platform.api)
    wants_pause = word == "pause"

    async def status() -> str:
        return str((await executions.workflow(listed.id)).get("status") or "")

    now = await status()
    if (now == "Paused") is wants_pause:
        return SwitchResult(key, now, changed=False)
    told: tuple[Diagnostic, ...] = ()
    try:
        await executions.switch(listed.id, word)
    except ApiError as error:
        if not error.doubtful:
            raise _not_switched(key, word, now, error) from error
        told = (await _confirm(platform, key, word, status, error),)
    return SwitchResult(key, await status(), changed=True, diagnostics=told)


async def _confirm(
    platform: Platform,
    key: Key,
    word: str,
    status: Callable[[], Awaitable[str]],
    error: ApiError,
) -> Diagnostic:
    """The warning that the answer was lost, where the status tells. Raises PeakctlError."""

    async def look() -> bool | None:
        return ((await status()) == "Paused") is (word == "pause") or None

    if await find_lost_write(look, platform.project.clock):
        return Diagnostic(
            code="run/answer-lost",
            summary=f"the answer was lost; its status shows that the {word} took effect",
            key=key,
            severity=Severity.WARNING,
        )
    raise PeakctlError(
        Diagnostic(
            code="run/unknown",
            summary=f"whether the {word} took effect is not known: the answer was lost",
            key=key,
            detail=error.diagnostics[0].summary,
            fix="look at its status: peakctl get workflows",
        )
    ) from error


def _not_switched(key: Key, word: str, now: str, error: ApiError) -> PeakctlError:
    if error.status in (404, 405):
        return PeakctlError(
            Diagnostic(
                code="run/no-call",
                summary=f"this platform has no call to {word} a workflow",
                key=key,
                fix="take its triggers out of the manifest and apply, or use the console",
            )
        )
    if error.status != 409:
        return error
    return PeakctlError(
        Diagnostic(
            code="run/refused",
            summary=f"the platform refuses the {word}: it is {now.lower()}",
            key=key,
            detail=error.detail,
            fix=f"wait until it has ended: peakctl execution {key}",
        )
    )
