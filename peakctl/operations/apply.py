"""An apply or a destroy: the stages of a plan that was agreed to, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING, assert_never

from peakctl.engine.observe.live_state import Makers
from peakctl.engine.waiting import DEFAULT_LIMITS, Stop, StoppableClock, StopReason, WaitLimits
from peakctl.errors import Diagnostic, GuardRefused
from peakctl.model import Action, Event, JsonDict, Key, Outcome, Plan, Tree
from peakctl.model.records import dataclass
from peakctl.operations import stages
from peakctl.operations.ahead import BetweenEvents, begin_look, in_thread
from peakctl.operations.plan import (
    PlanOptions,
    PlanResult,
    ReplanInputs,
    load_and_connect,
    make_plan,
    refuse_guarded,
)
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, is_emulated, place_of, telling
from peakctl.operations.recorder import RunRecorder, open_recorder, was_cut_short
from peakctl.operations.saved_plan import SavedPlan, check_approved, left_out
from peakctl.operations.tenant import is_tenant_sure

if TYPE_CHECKING:
    from peakctl.engine.apply import Packs
    from peakctl.operations.health import CheckResult


class ApproveAll(enum.Enum):
    """Consent to whatever the plan turns out to be."""

    APPROVE_ALL = "approve all"


APPROVE_ALL = ApproveAll.APPROVE_ALL
Approval = PlanResult | SavedPlan | ApproveAll
"""What an apply is consented to: a plan that was looked at, one that was saved, or everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """How a run goes. Times are seconds, None the defaults.

    After `timeout` nothing new is started. `look_again` plans once more also where no ledger is
    kept, since time has passed since the plan was made. `again` is what to type to run it again,
    for messages. With `tails`, events have the last lines of the log of what is being built.
    """

    timeout: float | None = None
    build_timeout: float | None = None
    deploy_timeout: float | None = None
    service_timeout: float | None = None
    look_again: bool = True
    again: str = "run it again"
    tails: bool = False


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How each action ended, in the order of the plan that was carried out. `took` is in seconds.

    `recorded` is False when the ledger does not say all that it should: `diagnostics` tells.
    `stopped` is why the run was asked to stop, if it was. `checks` are the health checks that were
    made afterwards.
    """

    planned: PlanResult
    outcomes: tuple[Outcome, ...]
    took: float
    recorded: bool = True
    diagnostics: tuple[Diagnostic, ...] = ()
    stopped: StopReason | None = None
    checks: tuple[CheckResult, ...] = ()

    @property
    def plan(self) -> Plan:
        """What was carried out."""
        return self.planned.plan

    @property
    def interrupted(self) -> bool:
        """Whether the run was stopped before all that was planned had ended."""
        return self.stopped is not None and was_cut_short(self.outcomes)

    @property
    def outputs(self) -> Mapping[Key, Tree]:
        """Addresses and ids of what was created or changed; addresses of webhooks as `Secret`."""
        return {outcome.key: outcome.outputs for outcome in self.outcomes if outcome.outputs}

    @property
    def ok(self) -> bool:
        """Whether every action ended well, and every health check passed."""
        good = all(outcome.status.good for outcome in self.outcomes)
        return self.recorded and good and all(check.ok for check in self.checks)


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage of the run begins."""

    stage: stages.Stage


@dataclass(frozen=True, slots=True)
class RunNotice:
    """Something worth a line that changes nothing: whose lease was taken over, say."""

    message: str


RunEvent = Event | StageStarted | RunNotice


async def apply_async(
    project: Project,
    approval: Approval,
    *,
    planning: PlanOptions | None = None,
    options: ApplyOptions | None = None,
    emit: Callable[[RunEvent], None] | None = None,
    stop: Stop | None = None,
) -> ApplyResult:
    """Make the tenant look like the manifests, and say how each action ended.

    `approval` is a `PlanResult` (that and no more is done), a `SavedPlan`, or `APPROVE_ALL`; the
    latter two are planned with `planning` first. `emit` hears what happens, in the thread of the
    event loop. An action that fails is an outcome, not an error. Raises as `plan`, and PlanStale
    when more would be done than was approved, GuardRefused when a guard stands before the plan,
    LeaseHeld while another run of the project is under way.
    """
    chosen = options or ApplyOptions()
    if isinstance(approval, PlanResult):
        async with connect(project, approval.options.parallelism) as platform:
            planned = _without_ledgers(platform, approval)
            return await carry_out(platform, planned, approval, chosen, emit, stop)
    wanted = planning or PlanOptions()
    saved = approval if isinstance(approval, SavedPlan) else None
    tenant = saved.tenant if saved else None
    async with load_and_connect(project, wanted) as (platform, loaded, told):
        planned = await make_plan(platform, loaded, wanted, tenant=tenant, preflight=True)
        told += planned.diagnostics
        refuse_guarded(planned)
        if saved is not None:
            told += await check_saved(platform, planned, saved, confirm=_confirmed)
        result = await carry_out(platform, planned, saved or planned, chosen, emit, stop)
    return replace(result, diagnostics=(*told, *result.diagnostics))


def _without_ledgers(platform: Platform, planned: PlanResult) -> PlanResult:
    """The plan without the listing of ledgers, which may be old: another run may have made one."""
    listed = {k: v for k, v in planned.live.listed.items() if k != platform.ledgers.kind}
    return replace(planned, live=replace(planned.live, listed=listed))


async def destroy_async(
    project: Project,
    approval: Approval,
    *,
    planning: PlanOptions | None = None,
    options: ApplyOptions | None = None,
    emit: Callable[[RunEvent], None] | None = None,
    stop: Stop | None = None,
) -> ApplyResult:
    """Delete what the manifests name and the project owns, users before what they use.

    As `apply`. Raises UsageError where no ledger is kept, since nothing is owned there, and
    ValueError for a `PlanResult` that is not one of `PlanOptions(destroy=True)`.
    """
    if isinstance(approval, PlanResult) and not approval.options.destroy:
        raise ValueError("the plan is not one that destroys")
    wanted = replace(planning or PlanOptions(), destroy=True)
    return await apply_async(
        project, approval, planning=wanted, options=options, emit=emit, stop=stop
    )


async def check_saved(
    platform: Platform,
    planned: PlanResult,
    saved: SavedPlan,
    confirm: Callable[[Project, SavedPlan], None],
) -> tuple[Diagnostic, ...]:
    """Return when a saved plan allows what `planned` would do; warnings of what it leaves out.

    `confirm` is called where nothing tells whether this is the tenant of the plan, and raises
    GuardRefused unless somebody says so. Raises PlanStale, ApiError, NotAuthenticated.
    """
    check_approved(platform, saved, planned.plan, "")
    if planned.has_changes and not await is_tenant_sure(platform, planned.live, saved.tenant):
        confirm(platform.project, saved)
    return await left_out(platform, planned, saved)


def _confirmed(project: Project, saved: SavedPlan) -> None:
    if not saved.tenant_confirmed:
        raise GuardRefused(unbound(project))


def unbound(project: Project) -> Diagnostic:
    """That nothing tells whether this is the tenant of a saved plan, and nobody says so."""
    return Diagnostic(
        code="guard/unbound",
        summary="the plan file is not bound to a tenant, and no terminal to ask on",
        detail=f"nothing at {place_of(project)} shows whether it is the tenant of the plan",
        fix=(
            "set `tenant` of the environment in peakctl.yaml, or run this at a terminal;"
            " or leave out the file: peakctl apply"
        ),
    )


async def carry_out(
    platform: Platform,
    planned: PlanResult,
    consent: PlanResult | SavedPlan,
    options: ApplyOptions,
    emit: Callable[[RunEvent], None] | None = None,
    stop: Stop | None = None,
) -> ApplyResult:
    """Apply a plan under the lease of its project.

    What is applied is planned once more when the lease is held: PlanStale is raised when that goes
    beyond what was consented to.
    """
    refuse_guarded(planned)
    listen, again = emit or _ignore, options.again
    with telling() as told:
        run = _Run(
            platform,
            planned,
            consent,
            options,
            listen,
            stop or Stop(),
            told,
            recorder=open_recorder(
                platform,
                planned,
                again,
                lambda words: listen(RunNotice(words)),
                at_once=not options.look_again,
            ),
            again=planned.replan_inputs(),
        )
        return await run.carry_out()


def _ignore(_: RunEvent) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class _Run:
    """One run: what the stages before have found is what the next ones go on with."""

    platform: Platform
    planned: PlanResult
    consent: PlanResult | SavedPlan
    options: ApplyOptions
    emit: Callable[[RunEvent], None]
    stop: Stop
    told: list[Diagnostic]
    recorder: RunRecorder | None
    again: ReplanInputs
    outcomes: tuple[Outcome, ...] = ()
    recorded: bool = True
    began: float = 0.0
    record: JsonDict = field(default_factory=dict)
    history_told: tuple[Diagnostic, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    later: BetweenEvents = field(default_factory=BetweenEvents)

    async def carry_out(self) -> ApplyResult:
        """All stages; a lease is released when the run ends before its first call."""
        project = self.platform.project
        asked, checks = self.options.look_again, len(project.health_checks)
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self.recorder or contextlib.nullcontext())
            stack.push_async_callback(self._drop_listings)
            for stage in stages.build_stages(
                self.planned, project.owner, asked=asked, checks=checks
            ):
                self.emit(StageStarted(stage))
                await self._do(stage)
        return ApplyResult(
            self.planned,
            self.outcomes,
            project.clock.now() - self.began,
            self.recorded,
            tuple(self.told),
            self.stop.reason,
            self.checks,
        )

    async def _do(self, stage: stages.Stage) -> None:
        match stage:
            case stages.AcquireLease():
                await self._acquire_lease()
            case stages.Replan():
                await self._replan()
            case stages.TakeOver():
                await self._ledger_of_run.take_over(self.planned.plan)
            case stages.CarryOut():
                await self._carry_out()
            case stages.Record():
                await self._record()
            case stages.ReleaseLease():
                await self._release_lease()
            case stages.WriteHistory() | stages.RemoveRecords() | stages.CheckHealth():
                await self._finish(stage)
            case _:
                assert_never(stage)

    @property
    def _ledger_of_run(self) -> RunRecorder:
        assert self.recorder is not None  # noqa: S101 - stages of a ledger are there with one only
        return self.recorder

    async def _acquire_lease(self) -> None:
        recorder = self._ledger_of_run
        held = await recorder.acquire(self.planned, self._begin_look)
        self.again = replace(self.again, held=held)
        if recorder.was_disturbed(self.planned):
            self.again = replace(self.again, known={}, decided=Makers())

    def _begin_look(self) -> None:
        self.again.begun.update(begin_look(self.platform, self.planned.loaded.resources))

    async def _drop_listings(self) -> None:
        """End what was asked for and is not needed: the run ended before its second look."""
        for task in self.again.begun.values():
            task.cancel()
        await asyncio.gather(*self.again.begun.values(), return_exceptions=True)

    async def _replan(self) -> None:
        if self.recorder is None:
            self.planned = await self._look()
        else:
            self.planned = await self.recorder.without_conflicts(self._look)
            refuse_guarded(self.planned)
        check_approved(self.platform, self.consent, self.planned.plan, self.options.again)

    async def _look(self) -> PlanResult:
        before, consent = self.planned, self.consent
        tenant = consent.tenant if isinstance(consent, SavedPlan) else None
        found = await make_plan(self.platform, before.loaded, before.options, self.again, tenant)
        known = (*before.loaded.diagnostics, *before.diagnostics, *self.told)
        self.told += [d for d in found.diagnostics if d not in known]
        return found

    async def _carry_out(self) -> None:
        from peakctl.engine.apply import apply
        from peakctl.ledger.remembered import usual_waits

        platform, clock = self.platform, self.platform.project.clock
        self.began = clock.now()
        stopped = asyncio.Event()
        lease = self.recorder.lease if self.recorder else None
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(self.stop.waking(stopped))
            if lease is not None:
                self._ledger_of_run.find_history(self.planned)
                lost = partial(self.stop.request, StopReason.LEASE_LOST)
                await stack.enter_async_context(lease.renewing(lost))
            if self.options.timeout is not None:
                loop = asyncio.get_running_loop()
                timer = loop.call_later(
                    self.options.timeout, self.stop.request, StopReason.TIME_LIMIT
                )
                stack.callback(timer.cancel)
            self.outcomes = await apply(
                self.planned.plan,
                platform.kinds,
                platform.adapters,
                clock=StoppableClock(clock, stopped),
                emit=partial(self._hear, {each.key: each for each in self.planned.plan.actions}),
                limits=wait_limits(platform.project, self.options),
                stop=self.stop,
                redact=platform.project.redact,
                tails=self.options.tails,
                packs=_packs(platform.project, self.planned.options.parallelism),
                usual=usual_waits(self.planned.plan.pending, self.planned.live.ledger),
            )

    def _hear(self, actions: Mapping[Key, Action], event: Event) -> None:
        self.emit(event)
        if self.recorder is not None and event.outcome is not None:
            kind, action = self.platform.kinds[event.key.kind], actions[event.key]
            self.later.add(partial(self.recorder.prepare, kind, action, event.outcome))

    async def _record(self) -> None:
        recorder = self._ledger_of_run
        self.later.drop()
        if recorder.lease is not None:
            stopped = self.stop.requested
            self.record = recorder.record_of(
                self.planned, self.platform.kinds, self.outcomes, stopped=stopped
            )
            return
        problems = await recorder.note(self.planned, self.platform.kinds, self.outcomes)
        self._recorded(problems)

    async def _release_lease(self) -> None:
        """Beside it the history is written, which neither waits for the other."""
        recorder = self._ledger_of_run
        problems, self.history_told = await asyncio.gather(
            recorder.release(self.record), recorder.write_history()
        )
        self._recorded(problems)

    async def _finish(
        self, stage: stages.WriteHistory | stages.RemoveRecords | stages.CheckHealth
    ) -> None:
        if isinstance(stage, stages.CheckHealth):
            await self._check_health()
            return
        recorder = self._ledger_of_run
        if isinstance(stage, stages.WriteHistory):
            self.told += self.history_told
        else:
            self.told += await recorder.remove_records()

    async def _check_health(self) -> None:
        """Ask the services, but for those that an action has not brought to what they should be."""
        from peakctl.operations.health import SERVICE, not_passed, run_checks

        if self.stop.requested or not any(outcome.changed for outcome in self.outcomes):
            return
        project = self.platform.project
        bad = {each.key for each in self.outcomes if not each.status.good}
        self.checks = await run_checks(
            self.platform,
            [
                check
                for check in project.health_checks
                if not bad & {Key(SERVICE, at + check.service) for at in ("", project.prefix)}
            ],
        )
        self.told += [not_passed(each) for each in self.checks if not each.ok]

    def _recorded(self, problems: tuple[Diagnostic, ...]) -> None:
        self.told += (*self._ledger_of_run.noted, *problems)
        self.recorded = not problems


def _packs(project: Project, parallelism: int) -> Packs | None:
    """What packs archives in threads; None on an emulator in this process.

    There requests have the same order each time, and time does not pass while a thread works: its
    clock may be one that goes on when nothing else is to be done.
    """
    from peakctl.engine.apply import Packs

    return None if is_emulated(project) else Packs(in_thread, parallelism)


def wait_limits(project: Project, options: ApplyOptions) -> WaitLimits:
    """The limits of the options, else the engine's; the emulator is looked at more often."""
    given = {
        "build": options.build_timeout,
        "deploy": options.deploy_timeout,
        "service": options.service_timeout,
    }
    seconds = {**DEFAULT_LIMITS, **{k: v for k, v in given.items() if v is not None}}
    return WaitLimits(seconds, first=0.1) if is_emulated(project) else WaitLimits(seconds)
