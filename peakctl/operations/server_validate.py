"""Let the platform itself check what a plan would create: `plan --server-validate`.

The call is the one that creates, with `validate=true`, and an older platform may take it for just
that (docs/platform.md, 3.4). So it is made as a write is: under the lease of the project, with what
might be made in the ledger, and after a lost answer it is looked for, never sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field, replace

from peakctl.errors import ApiError, Diagnostic, PlanStale, Severity, UsageError, diagnose
from peakctl.model import Action, CallRequest, Checked, Key, Outcome, Plan, Status, Step
from peakctl.model.records import dataclass
from peakctl.model.values import unknowns
from peakctl.operations.plan import PlanResult, ReplanInputs, make_plan, refuse_guarded
from peakctl.operations.platform import Platform
from peakctl.operations.recorder import RunRecorder, open_recorder

COMMAND = "plan --server-validate"
_ASKED = (Step.CREATE, Step.CREATE_RELEASE)


@dataclass(frozen=True, slots=True)
class ServerValidation:
    """What the platform says of a plan. `passed` is what it would take, `made` what it made.

    `left_out` is what it cannot be asked about: its calls know no such question, or need what is
    not there yet. `diagnostics` are the refusals, as errors, and what is in doubt.
    """

    passed: tuple[Key, ...] = ()
    made: tuple[Key, ...] = ()
    left_out: tuple[Key, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


async def server_validate(
    platform: Platform, planned: PlanResult, again: str, tell: Callable[[str], None]
) -> ServerValidation:
    """Ask the platform about every spec and release that the plan would make.

    `again` is what to type to run it again, `tell` hears of waits. Raises GuardRefused for a plan
    that a guard refuses, UsageError where no ledger is kept, LeaseHeld, PlanStale when something
    has moved, and ApiError.
    """
    refuse_guarded(planned)
    asked = tuple(_askable(planned.plan))
    rest = tuple(a.key for a in planned.plan.pending if a not in asked)
    if not asked:
        return ServerValidation(left_out=rest)
    narrow = replace(planned, plan=Plan(asked))
    recorder = open_recorder(platform, narrow, again, tell, at_once=True)
    if recorder is None:
        raise UsageError(
            Diagnostic(
                code="usage/server-validate",
                summary="--server-validate needs a ledger, and this environment keeps none",
                detail="an older platform may make what it is asked to check",
                fix="leave --server-validate out",
            )
        )
    recorder.command = COMMAND
    async with recorder:
        return await _Asker(platform, narrow, recorder).ask(rest)


def _askable(plan: Plan) -> Iterator[Action]:
    """What begins with a call that can be asked about, and needs nothing that is yet to come."""
    for action in plan.pending:
        known = not any(True for _ in unknowns(action.desired))
        if known and action.steps[:1] and action.steps[0] in _ASKED and action.resource:
            yield action


@dataclass(slots=True)
class _Asker:
    """One run that asks, under its lease."""

    platform: Platform
    planned: PlanResult
    recorder: RunRecorder
    outcomes: list[Outcome] = field(default_factory=list)
    told: list[Diagnostic] = field(default_factory=list)
    passed: list[Key] = field(default_factory=list)
    unasked: list[Key] = field(default_factory=list)

    async def ask(self, left_out: tuple[Key, ...]) -> ServerValidation:
        held = await self.recorder.acquire(self.planned)
        again = replace(self.planned.replan_inputs(), held=held)
        await self._refuse_moved(again)
        for action in self.planned.plan.actions:
            outcome = await self._ask(action)
            self.outcomes.append(outcome or Outcome(action.key, action.verb, Status.CANCELLED))
        if any(o.status is not Status.CANCELLED for o in self.outcomes):
            await self._record()
        made = tuple(o.key for o in self.outcomes if o.status is Status.DONE)
        rest = tuple(sorted({*left_out, *self.unasked}))
        return ServerValidation(tuple(self.passed), made, rest, tuple(self.told))

    async def _refuse_moved(self, again: ReplanInputs) -> None:
        """Raise PlanStale unless a second look, under the lease, finds the same to be made."""
        before = self.planned
        now = await make_plan(self.platform, before.loaded, before.options, again)
        found = {action.key: action for action in now.plan.pending}
        for action in before.plan.actions:
            if found.get(action.key) != action:
                raise PlanStale(
                    Diagnostic(
                        code="plan/stale",
                        summary="it has changed since it was planned; nothing was asked",
                        key=action.key,
                        fix=f"run it again: {self.recorder.again}",
                    )
                )

    async def _ask(self, action: Action) -> Outcome | None:
        """None where nothing was made; else what became of it, for the ledger."""
        request = _request(action)
        try:
            checked = await self.platform.adapters[action.key.kind].check(request)
        except ApiError as error:
            if not error.doubtful:
                self._refused(action, error.detail or str(error))
                return None
            return await self._look(action)
        if checked is None:
            self.unasked.append(action.key)
        elif checked.made is not None:
            return self._made(action, checked)
        elif checked.refused:
            self._refused(action, checked.refused)
        else:
            self.passed.append(action.key)
        return None

    async def _look(self, action: Action) -> Outcome:
        """After a lost answer: whether it is there now; in doubt where that is not seen."""
        adapter = self.platform.adapters[action.key.kind]
        found = await adapter.find(action.key.name)
        live = await adapter.read(found[0], action.resource) if len(found) == 1 else None
        is_new = live is not None and (action.live is None or live.version == action.version)
        if live is not None and is_new:
            return self._made(action, Checked(made=live.id))
        self.told.append(
            _told(
                action,
                "unknown",
                "the platform's answer was lost, and nothing of it is seen so far",
                "plan again before anything else: an older platform may have made it",
            )
        )
        return Outcome(action.key, action.verb, Status.UNKNOWN)

    def _made(self, action: Action, checked: Checked) -> Outcome:
        self.told.append(
            _told(
                action,
                "made",
                "this platform knows no check: it took the question for the call, and has made it",
                "the project owns it now; plan again, and leave --server-validate out",
            )
        )
        return Outcome(
            action.key, action.verb, Status.DONE, id=checked.made, applied=action.desired
        )

    def _refused(self, action: Action, reason: str) -> None:
        self.told.append(
            _told(
                action,
                "refused",
                f"the platform would refuse the {action.verb}: "
                f"{self.platform.project.redact(reason)}",
                "correct what it names, and plan again",
            )
        )

    async def _record(self) -> None:
        """Write down what was made after all, and what may have been."""
        recorder, kinds = self.recorder, self.platform.kinds
        recorder.find_history(self.planned)
        parts = recorder.record_of(self.planned, kinds, self.outcomes, stopped=False)
        self.told += await recorder.release(parts)
        self.told += await recorder.write_history()


def _request(action: Action) -> CallRequest:
    resource = action.resource
    return CallRequest(
        action.steps[0],
        action.key,
        action.desired,
        live=None if action.steps[0] is Step.CREATE else action.live,
        version=action.version,
        changes=action.changes,
        archives=resource.archives if resource else {},
    )


def _told(action: Action, code: str, summary: str, fix: str) -> Diagnostic:
    severity = Severity.ERROR if code == "refused" else Severity.WARNING
    assert action.resource is not None  # noqa: S101 - only what a manifest declares is asked about
    return diagnose(
        action.resource,
        ("metadata", "name"),
        f"validate/{code}",
        summary,
        fix=fix,
        severity=severity,
    )
