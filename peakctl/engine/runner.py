"""One action, call by call: send, look after a lost answer, wait, check removals."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from peakctl.api.lost_answers import LOOK_PAUSES, find_lost_write
from peakctl.engine.diff.compare import compare
from peakctl.engine.diff.stored_forms import is_other_form
from peakctl.engine.plan.steps import CALL_STEPS, UPLOADING
from peakctl.engine.waiting import SharedLooks, Stop, WaitLimits, noun, wait_until_settled
from peakctl.errors import ApiError, PeakctlError
from peakctl.kinds.fields import Kind, has_outputs, redacted_outputs
from peakctl.model.plan import Action, Change, Failure, Outcome, PartState, Status, Step
from peakctl.model.platform import Adapter, CallRequest, CallResult, Clock, Readiness
from peakctl.model.records import dataclass
from peakctl.model.resources import Live, State
from peakctl.model.text import status_word
from peakctl.model.values import EMPTY, MISSING, Path, Tree, Unknown, Value, fill

if TYPE_CHECKING:
    from peakctl.engine.apply import Packs


@dataclass(slots=True)
class _Tail:
    """Tells the last lines of the log of what is under way at each poll, for one request."""

    runner: ActionRunner
    step: Step
    result: CallResult
    token: str | None = None
    lines: tuple[str, ...] = ()

    async def __call__(self, reading: Readiness) -> None:
        runner = self.runner
        try:
            page = await runner.adapter.log_page(self.result, self.token)
        except PeakctlError:  # what is only looked at never fails a run
            return
        if page.lines and page.token == self.token:  # the last part again, which has grown
            self.lines = ()
        self.token = page.token
        self.lines = (*self.lines, *map(runner.redact, page.lines))[-TAIL:]
        if self.lines:
            runner.report(self.step, runner.redacted(reading), self.lines)


STOPPED = "the run was stopped before its turn"
TAIL = 3
"""Lines of a log that are told while it grows."""
LOOKS_FIRST = "the next run looks first, and does not send it twice"
EXISTS_STATUSES = (400, 409, 422)
NO_SUCH_CALL = (404, 405, 501)
IDEMPOTENT = (Step.UPDATE, Step.UPDATE_METADATA, Step.PATCH_PARAMETERS)
MAKES = (Step.CREATE, Step.CREATE_VERSION, Step.CREATE_RELEASE, Step.CREATE_REVISION)
NUMBERED = (Step.CREATE_VERSION, Step.CREATE_RELEASE)
RETRIES_OF_WHAT_FAILED = (Step.UPDATE_VERSION, Step.REDEPLOY)


@dataclass(slots=True)
class ActionRunner:
    """One action under way. `known` receives what references to it are filled with.

    `looks` are those of all waits for its kind. Without `packs` archives are packed at once, where
    they are sent. `begin` is called when an action that begins with packing is about to send.
    """

    action: Action
    kind: Kind
    adapter: Adapter
    clock: Clock
    limits: WaitLimits
    stop: Stop
    known: dict[Unknown, Value]
    report: Callable[[Step, Readiness, tuple[str, ...]], None]
    redact: Callable[[str], str]
    looks: SharedLooks
    tails: bool = False
    packs: Packs | None = None
    begin: Callable[[], None] | None = None
    packing: bool = False
    started: float = field(init=False)
    wrote: bool = False
    made_last: bool = False
    made: Live | None = None
    sending: Step | None = None
    waiting_for: Readiness | None = None
    last: CallResult | None = None
    outputs: Tree | None = None
    warning: Outcome | None = None
    number: str | None = None
    waited: int | None = None

    def __post_init__(self) -> None:
        self.started = self.clock.now()

    async def run(self) -> Outcome:
        """Make every call of the action, in order. Raises no PeakctlError: it is in the outcome.

        No word of the platform repeats a secret: `redact` masks them.
        """
        try:
            desired = fill(self.action.desired, self.known)
            for step in self.action.steps:
                if ended := await self._step(step, desired):
                    return ended
        except PeakctlError as error:
            hints = tuple(self.redact(text) for text in _hints_of(error))
            return self._outcome(Status.FAILED, self.redact(str(error)), hints)
        ended = self._outcome(Status.DONE if self.wrote else Status.ALREADY_RIGHT)
        if self.warning is not None:
            ended = replace(self.warning, status=ended.status, took=ended.took)
        return replace(ended, outputs=await self._find_outputs(desired))

    async def _find_outputs(self, desired: Tree) -> Tree:
        """What the resource gives to people: as calls and polls told it, else read once.

        Nothing is asked for what was not changed, and what cannot be read is left out.
        """
        unknown = self.outputs is None and self.wrote and has_outputs(self.kind, desired)
        if self.last is not None and unknown:
            with contextlib.suppress(PeakctlError):
                self.outputs = await self.adapter.outputs(self.last)
        return redacted_outputs(self.outputs or EMPTY, self.redact)

    def cut_short(self) -> Outcome:
        """The outcome of an action that is abandoned where it stands: nothing more is asked."""
        if self.waiting_for is not None:
            return self._going_on(self.waiting_for)
        if self.packing and not self.wrote:
            return self._outcome(Status.CANCELLED, STOPPED)
        if self.sending is None:
            return self._outcome(Status.UNKNOWN, "it was left before its end")
        message = f"the run ended before the platform answered {self.sending}"
        return self._outcome(Status.UNKNOWN, message, (LOOKS_FIRST,))

    def _going_on(self, reading: Readiness) -> Outcome:
        word = status_word(reading.status) if reading.status else "the platform goes on with it"
        return replace(self._outcome(Status.IN_PROGRESS, word), applied=self._taken())

    def _taken(self) -> Tree:
        """What the platform has taken, if all calls were made: its work may fail all the same."""
        return fill(self.action.desired, self.known) if self.made_last else EMPTY

    def _outcome(self, status: Status, message: str = "", detail: tuple[str, ...] = ()) -> Outcome:
        return Outcome(
            self.action.key,
            self.action.verb,
            status,
            self.clock.now() - self.started,
            message,
            detail,
            id=resource_id(self.action, self.known),
            applied=fill(self.action.desired, self.known) if status.good else EMPTY,
            number=self.number,
            waited=self.waited,
        )

    def redacted(self, reading: Readiness) -> Readiness:
        redact = self.redact
        return replace(reading, status=redact(reading.status), message=redact(reading.message))

    async def _step(self, step: Step, desired: Tree) -> Outcome | None:
        """Make one call and wait for what it started; the outcome, if the action ends here."""
        request = self._request(step, desired)
        try:
            answer = await self._send(request)
            self.wrote = self.wrote or not (step is Step.WAIT or isinstance(answer, Outcome))
        except ApiError as error:
            answer = await self._after_error(request, error)
        self.sending = None
        if isinstance(answer, Outcome):
            return answer
        self._remember(step, answer)
        self.made_last = step is self.action.steps[-1]
        ended = await self._wait(step, answer) if answer.watch is not None else None
        if ended is None and step in IDEMPOTENT and not self.kind.whole_update:
            ended = await self._check_removals(request)
        return ended

    async def _send(self, request: CallRequest) -> CallResult | Outcome:
        """The answer to a call, whose archives are packed before.

        Where the run is stopped meanwhile, and nothing was sent before, nothing is.
        """
        if self.packs is None or not request.archives or request.step not in UPLOADING:
            self.sending = None if request.step is Step.WAIT else request.step
            return await self._call(request)
        self.packing = True
        async with self.packs.packed(request.archives, self._may_go_on) as archives:
            self.packing = False
            if archives is None:
                return self._outcome(Status.CANCELLED, STOPPED)
            if self.begin is not None and not self.wrote:
                self.begin()
            self.sending = request.step
            return await self._call(replace(request, archives=archives))

    def _may_go_on(self) -> bool:
        return self.wrote or not self.stop.requested

    def _request(self, step: Step, desired: Tree) -> CallRequest:
        resource = self.action.resource
        return CallRequest(
            step,
            self.action.key,
            desired,
            live=self.made or (None if step is Step.CREATE else self.action.live),
            version=self.action.version,
            changes=tuple(c for c in self.action.changes if self._carries(step, c)),
            archives=resource.archives if resource else {},
        )

    def _carries(self, step: Step, change: Change) -> bool:
        """Whether the call of `step` carries `change`."""
        versions = self.kind.versions
        calls = {call for call, own in CALL_STEPS.items() if own is step}
        if step is Step.UPDATE_VERSION and versions is not None:
            calls = {versions.call}
        return change.call in calls.union(*(self.kind.carries.get(call, ()) for call in calls))

    async def _call(self, request: CallRequest) -> CallResult:
        try:
            return await self.adapter.call(request)
        except ApiError as error:
            instead = self.kind.removals.get("patch")
            if request.step is Step.PATCH_PARAMETERS and instead and error.status in NO_SUCH_CALL:
                return await self.adapter.call(replace(request, step=Step.CREATE_REVISION))
            if request.step is Step.DELETE and error.status in (409, 422):
                await self.clock.sleep(self.limits.first)
                return await self.adapter.call(request)
            raise

    def _comes_before_create(self, step: Step) -> bool:
        """Whether the step is about what has to be gone before the resource is created."""
        return step in (Step.DELETE, Step.WAIT) and Step.CREATE in self.action.steps

    def _remember(self, step: Step, result: CallResult) -> None:
        key = self.action.key
        if self._comes_before_create(step):
            return
        self.number = result.number or self.number
        if step is not Step.DELETE:
            self.last = result
            self._learn(result.outputs)
        if step is Step.CREATE:
            private = result.watch or EMPTY
            self.made = Live(key, result.id, EMPTY, attributes=result.attributes, private=private)
        self.known[Unknown(key, "id")] = result.id
        if result.attributes.get("version") is not None:
            self.known[Unknown(key, "version")] = result.attributes["version"]

    def _learn(self, outputs: Tree | None) -> None:
        """What the platform has told of outputs last; None tells nothing."""
        self.outputs = self.outputs if outputs is None else outputs

    async def _wait(self, step: Step, result: CallResult) -> Outcome | None:
        deleting = step is Step.DELETE or self._comes_before_create(step)
        self.waiting_for, began = Readiness(State.PENDING), self.clock.now()
        tail = _Tail(self, step, result) if self.tails and not deleting else None
        settled = await wait_until_settled(
            self.adapter,
            result,
            clock=self.clock,
            limits=self.limits,
            what="delete" if deleting else self.kind.lifecycle.wait,
            stop=self.stop,
            report=lambda reading: self._waits(step, reading),
            look=tail,
            shared=self.looks,
        )
        self.waiting_for = None
        reading = self.redacted(settled)
        if reading.state is State.PENDING:
            return self._going_on(reading)
        good = State.GONE if deleting else State.READY
        if reading.state in (good, State.WARNING):
            self._learn(reading.outputs)
            if step is not Step.WAIT and not deleting:
                self.waited = round(self.clock.now() - began)
            if reading.state is State.WARNING:
                self.warning = await self._bad_end(reading, result, Status.DONE)
            return None
        return await self._bad_end(reading, result, Status.FAILED)

    async def _bad_end(self, reading: Readiness, result: CallResult, status: Status) -> Outcome:
        """The outcome of an end that is not simply good, with what the platform tells of it."""
        failure, hints = await self._explain(result)
        why = f": {reading.message}" if reading.message else ""
        ended = self._outcome(status, f"{self._ended_as(reading.status)}{why}", hints)
        failure = replace(failure, reason=reading.message)
        return replace(ended, failure=failure, applied=ended.applied or self._taken())

    async def _explain(self, result: CallResult) -> tuple[Failure, tuple[str, ...]]:
        """What the platform tells of a failure; where that cannot be read, why not."""
        try:
            found, redact = await self.adapter.explain(result), self.redact
        except PeakctlError as error:
            return Failure(), (self.redact(f"more about it could not be read: {error}"),)
        parts = (PartState(redact(p.name), redact(p.status), p.failed) for p in found.parts)
        return replace(
            found,
            parts=tuple(parts),
            log=tuple(map(redact, found.log)),
        ), ()

    def _waits(self, step: Step, reading: Readiness) -> None:
        self.waiting_for = self.redacted(reading)
        self.report(step, self.waiting_for, ())

    def _ended_as(self, status: str) -> str:
        how = "failed" if status == "failed" else f"ended as {status_word(status)}"
        return f"{noun(self.kind.lifecycle.wait)} {how}"

    # --- lost answers -----------------------------------------------------------------------------

    async def _after_error(self, request: CallRequest, error: ApiError) -> CallResult | Outcome:
        """Look whether the call took effect all the same."""
        exists = request.step in MAKES and error.status in EXISTS_STATUSES
        if not error.doubtful and not (exists and "exist" in error.detail.lower()):
            raise error
        if request.step in IDEMPOTENT:
            return await self._resend_unless_done(request, error)
        seen: list[Live | None] = []

        async def look() -> Live | None:
            seen[:] = ()
            seen[:] = (await self._look(request),)
            return self._effect(request, seen[0])

        pauses = LOOK_PAUSES if error.doubtful else (0.0,)
        effect = await find_lost_write(look, self.clock, pauses, ignored=PeakctlError)
        if effect is not None:
            return await self._claim(request, error, effect)
        if not error.doubtful:
            raise error
        if request.step is Step.CREATE and any(seen):
            message = f'"{request.key.name}" is there with other content: someone else made it'
            hints = (str(error), "plan again to see what differs")
            return self._outcome(Status.FAILED, message, hints)
        return self._outcome(
            Status.UNKNOWN,
            f"the platform may or may not have acted on {request.step}",
            (str(error), LOOKS_FIRST),
        )

    def _effect(self, request: CallRequest, live: Live | None) -> Live | None:
        """`live` if it is the doing of the call; what a delete left is of state GONE."""
        if live is None and request.step is Step.DELETE:
            return Live(
                request.key, request.live.id if request.live else "", EMPTY, state=State.GONE
            )
        return live if live is not None and self._took_effect(request, live) else None

    async def _claim(
        self, request: CallRequest, error: ApiError, live: Live
    ) -> CallResult | Outcome:
        """The answer of the call, which took effect: it is ours, whatever comes of it."""
        if error.doubtful:
            self.wrote = True
        if live.state is State.GONE:
            return CallResult(request.key, live.id)
        if error.doubtful:
            self.known[Unknown(request.key, "id")] = live.id
        return await self._adopt(request, live)

    async def _resend_unless_done(
        self, request: CallRequest, error: ApiError
    ) -> CallResult | Outcome:
        """A call that sets content may be sent again; not when its content is there already."""
        live = await self._look(request)
        if live is None:
            raise error
        self.wrote = True
        if self._took_effect(request, live):
            return await self._adopt(request, live)
        return await self._call(request)

    async def _look(self, request: CallRequest) -> Live | None:
        """The resource as it is now, by its id or else by its name; None when absent or ambiguous.

        A listing may lack what is there, so it is asked only for what has no id yet.
        """
        resource = self.action.resource
        if request.live is not None:
            known = request.live.values or request.desired
            item = await self.adapter.look_up(request.live.id, known)
            return await self.adapter.read(item, resource) if item else None
        found = [item for item in await self.adapter.find(self.action.key.name) if item.ours]
        return await self.adapter.read(found[0], resource) if len(found) == 1 else None

    def _took_effect(self, request: CallRequest, live: Live) -> bool:
        if request.step is Step.DELETE:
            return live.state is State.PENDING
        if request.step in RETRIES_OF_WHAT_FAILED:
            return live.state is not State.FAILED
        if request.step is Step.CREATE_REVISION and request.live is not None:
            if live.private.get("revision") == request.live.private.get("revision"):
                return False
        elif self.kind.versions and request.step in NUMBERED and request.version != live.version:
            return False
        changes = compare(self.kind, request.desired, live.values).changes
        left = [change for change in changes if not is_other_form(change)]
        if request.step is not Step.CREATE:
            return not any(self._carries(request.step, change) for change in left)
        later = {change.path for change in self.action.changes}
        return all(change.path in later for change in left)

    async def _adopt(self, request: CallRequest, live: Live) -> CallResult | Outcome:
        """What the call would have answered, taken from what it left behind."""
        if live.state is State.PENDING:
            waiting = replace(request, step=Step.WAIT, live=live)
            return replace(await self.adapter.call(waiting), number=live.number)
        if request.step in MAKES and live.state not in (State.READY, State.WARNING):
            return self._outcome(Status.FAILED, self._ended_as(live.status))
        return CallResult(request.key, live.id, live.attributes or EMPTY, number=live.number)

    # --- removals --------------------------------------------------------------------------

    async def _check_removals(self, request: CallRequest) -> Outcome | None:
        """A removed key is left out of its map; whether that removes it is not documented.

        So it is read again, sent as null when still there, and reported when even that does nothing
        (docs/platform.md, 5).
        """
        removed = [c.path for c in request.changes if c.after is MISSING]
        if not removed:
            return None
        left = await self._still_there(request, removed)
        if left:
            await self._call(replace(request, clear=tuple(left)))
            left = await self._still_there(request, removed)
        if not left:
            return None
        names = ", ".join(str(path[-1]) for path in left)
        return self._outcome(Status.FAILED, f"the platform keeps what was to be removed: {names}")

    async def _still_there(self, request: CallRequest, removed: list[Path]) -> list[Path]:
        live = await self._look(request)
        if live is None:
            return []
        changes = compare(self.kind, request.desired, live.values).changes
        return [c.path for c in changes if c.after is MISSING and c.path in removed]


def resource_id(action: Action, known: Mapping[Unknown, Value]) -> str | int | None:
    """The id of the resource: as a call of this run answered it, else as it was.

    What is replaced has none until it is made.
    """
    id_ = known.get(Unknown(action.key, "id"))
    made = id_ if isinstance(id_, str | int) else None
    if made is not None or action.live is None or Step.CREATE in action.steps:
        return made
    return action.live.id


def _hints_of(error: PeakctlError) -> tuple[str, ...]:
    """What an error says beyond its summary, the next step last."""
    return tuple(text for d in error.diagnostics for text in (d.detail, d.fix) if text)
