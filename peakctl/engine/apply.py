"""A plan carried out: each action starts when what it needs is ready, failures stay local."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peakctl.engine.attempt import Attempt, Ending
from peakctl.engine.observe import first_error
from peakctl.engine.schedule import run_graph
from peakctl.engine.tree import fill
from peakctl.model import (
    EMPTY,
    Action,
    Event,
    Key,
    Outcome,
    Phase,
    Plan,
    Readiness,
    Status,
    Step,
    Unknown,
    Verb,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from peakctl.engine.wait import Stop, WaitLimits
    from peakctl.kinds.fields import Kind
    from peakctl.model import Adapter, Clock, Value


@dataclass(slots=True)
class _Run:
    actions: Mapping[Key, Action]
    kinds: Mapping[str, Kind]
    adapters: Mapping[str, Adapter]
    clock: Clock
    emit: Callable[[Event], None]
    limits: WaitLimits
    stop: Stop
    known: dict[Unknown, Value] = field(default_factory=dict)
    outcomes: dict[Key, Outcome] = field(default_factory=dict)

    async def act(self, key: Key) -> bool:
        action = self.actions[key]
        if self.stop.requested:
            self._finish(action, Ending(Status.CANCELLED, "interrupted before it started"), 0.0)
            return False
        if action.verb is Verb.DELETE and (root := self._failure()):
            self.blocked(key, root)
            return False
        started = self.clock.now()
        self._tell(Phase.STARTED, action, action.steps[0], "")
        attempt = Attempt(
            action,
            self.kinds[key.kind],
            self.adapters[key.kind],
            self.clock,
            self.limits,
            self.stop,
            self.known,
            tell=lambda step, reading: self._waiting(action, step, reading),
        )
        ending = await attempt.run()
        self._finish(action, ending, self.clock.now() - started)
        return ending.status.good

    def _failure(self) -> Key | None:
        """What has gone wrong so far, if anything: nothing is deleted after it."""
        return next((key for key, o in self.outcomes.items() if not o.status.good), None)

    def blocked(self, key: Key, root: Key) -> None:
        root = self.outcomes[root].cause or root
        action, cause = self.actions[key], self.outcomes[root].status
        status = Status.CANCELLED if cause is Status.CANCELLED else Status.BLOCKED
        message = f"because of {root}"
        outcome = Outcome(
            key, action.verb, status, message=message, cause=root, id=self.id_of(action)
        )
        self._record(action, outcome)

    def _waiting(self, action: Action, step: Step, reading: Readiness) -> None:
        self._tell(Phase.WAITING, action, step, reading.message or reading.status)

    def _finish(self, action: Action, ending: Ending, took: float) -> None:
        outcome = Outcome(
            action.key,
            action.verb,
            ending.status,
            took,
            ending.message,
            ending.detail,
            id=self.id_of(action),
            applied=fill(action.desired, self.known) if ending.status.good else EMPTY,
        )
        self._record(action, outcome)

    def id_of(self, action: Action) -> str | int | None:
        """The id of the resource: as a call of this run answered it, else as it was."""
        made = self.known.get(Unknown(action.key, "id"))
        return made if made is not None or action.live is None else action.live.id

    def _record(self, action: Action, outcome: Outcome) -> None:
        self.outcomes[action.key] = outcome
        self._tell(Phase.FINISHED, action, None, outcome.message, outcome)

    def _tell(
        self,
        phase: Phase,
        action: Action,
        step: Step | None,
        message: str,
        outcome: Outcome | None = None,
    ) -> None:
        at = self.clock.now()
        self.emit(Event(phase, action.key, action.verb, step, message, at, outcome))


async def apply(
    plan: Plan,
    kinds: Mapping[str, Kind],
    adapters: Mapping[str, Adapter],
    *,
    clock: Clock,
    emit: Callable[[Event], None],
    limits: WaitLimits,
    stop: Stop,
) -> tuple[Outcome, ...]:
    """Carry out every action; the outcomes are in the order of the plan, one an action.

    A failure blocks what depends on it, and every delete that has not started; nothing else. Only
    errors that are no action's own are raised.
    """
    busy = {action.key: action for action in plan.actions if action.steps}
    run = _Run(busy, kinds, adapters, clock, emit, limits, stop)
    try:
        await run_graph({k: a.after & busy.keys() for k, a in busy.items()}, run.act, run.blocked)
    except BaseExceptionGroup as group:
        raise first_error(group) from None
    return tuple(
        run.outcomes.get(a.key) or Outcome(a.key, a.verb, Status.ALREADY_RIGHT, id=run.id_of(a))
        for a in plan.actions
    )
