"""A plan carried out: each action starts when what it needs is ready, failures stay local."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from peakctl.engine.observe.identity import identity
from peakctl.engine.observe.live_state import first_error
from peakctl.engine.runner import ActionRunner, Ending
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
from peakctl.model.text import Redactor, secret_texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from peakctl.engine.runner import Stop, WaitLimits
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
    redact: Callable[[str], str]
    taken: dict[tuple[str, str], Key] = field(default_factory=dict)
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
        attempt = ActionRunner(
            action,
            self.kinds[key.kind],
            self.adapters[key.kind],
            self.clock,
            self.limits,
            self.stop,
            self.known,
            tell=lambda step, reading: self._waiting(action, step, reading),
            redact=self.redact,
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
        id_ = self.id_of(action)
        if ending.status.good and (other := self._other_of(action, id_)):
            ending, id_ = _is_same(other, id_), None
        outcome = Outcome(
            action.key,
            action.verb,
            ending.status,
            took,
            ending.message,
            ending.detail,
            id=id_,
            applied=fill(action.desired, self.known) if ending.status.good else EMPTY,
        )
        self._record(action, outcome)

    def _other_of(self, action: Action, id_: str | int | None) -> Key | None:
        """The other resource of the plan that has the id, if any: the platform made one of two."""
        if id_ is None or action.verb is Verb.DELETE:
            return None
        other = self.taken.setdefault(identity(self.kinds, action.key, id_), action.key)
        return None if other == action.key else other

    def id_of(self, action: Action) -> str | int | None:
        """The id of the resource: as a call of this run answered it, else as it was.

        What is replaced has none until it is made.
        """
        made = self.known.get(Unknown(action.key, "id"))
        if made is not None or action.live is None or Step.CREATE in action.steps:
            return made
        return action.live.id

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


def _is_same(other: Key, id_: str | int | None) -> Ending:
    """How an action ends that made nothing of its own."""
    return Ending(
        Status.FAILED,
        f"it ended as the same resource as {other}: id {id_}",
        ("the platform takes both names for one: choose names that differ in more than form",),
    )


async def apply(
    plan: Plan,
    kinds: Mapping[str, Kind],
    adapters: Mapping[str, Adapter],
    *,
    clock: Clock,
    emit: Callable[[Event], None],
    limits: WaitLimits,
    stop: Stop,
    redact: Callable[[str], str] | None = None,
) -> tuple[Outcome, ...]:
    """Carry out every action; the outcomes are in the order of the plan, one an action.

    A failure blocks what depends on it, and every delete that has not started; nothing else. Only
    errors that are no action's own are raised. `redact` masks secrets in what the platform says;
    without one, those of the plan.
    """
    busy = {action.key: action for action in plan.actions if action.steps}
    lives = [a for a in plan.actions if a.live is not None and a.verb is not Verb.DELETE]
    taken = {identity(kinds, a.key, a.live.id): a.key for a in lives if a.live}
    redact = redact or Redactor(secret_texts([action.desired for action in plan.actions]))
    run = _Run(busy, kinds, adapters, clock, emit, limits, stop, redact, taken)
    try:
        await run_graph({k: a.after & busy.keys() for k, a in busy.items()}, run.act, run.blocked)
    except BaseExceptionGroup as group:
        raise first_error(group) from None
    return tuple(
        run.outcomes.get(a.key) or Outcome(a.key, a.verb, Status.ALREADY_RIGHT, id=run.id_of(a))
        for a in plan.actions
    )


K = TypeVar("K", bound=Hashable)


class _Graph(Generic[K]):
    """Which keys still wait, and what failed before them."""

    def __init__(self, after: Mapping[K, frozenset[K]]) -> None:
        self._waiting = {key: set(needs) for key, needs in after.items()}
        self._roots: dict[K, K] = {}
        self._dependents: dict[K, list[K]] = {key: [] for key in after}
        for key, needs in after.items():
            for need in needs:
                self._dependents[need].append(key)

    def ready(self) -> list[K]:
        return [key for key, needs in self._waiting.items() if not needs]

    def end(self, key: K, root: K | None) -> list[tuple[K, K | None]]:
        """Keys that nothing waits for any more, each with the failure before it, if any."""
        freed: list[tuple[K, K | None]] = []
        for dependent in self._dependents[key]:
            self._waiting[dependent].discard(key)
            if root is not None:
                self._roots.setdefault(dependent, root)
            if not self._waiting[dependent]:
                freed.append((dependent, self._roots.get(dependent)))
        return freed


async def run_graph(
    after: Mapping[K, frozenset[K]],
    act: Callable[[K], Awaitable[bool]],
    blocked: Callable[[K, K], None],
) -> None:
    """Call `act(key)` when all of `after[key]` have succeeded.

    `act` tells whether it succeeded and must not raise for a failure that is the key's own. A key
    after a failed one is not started: `blocked(key, root)` names the failure at the root of it.
    The graph must have no cycle, and `after` must mention keys of the graph only.
    """
    graph = _Graph(after)
    ended: asyncio.Queue[tuple[K, K | None]] = asyncio.Queue()

    async def one(key: K) -> None:
        ended.put_nowait((key, None if await act(key) else key))

    async with asyncio.TaskGroup() as group:
        for key in graph.ready():
            group.create_task(one(key))
        for _ in after:
            for key, root in graph.end(*await ended.get()):
                if root is None:
                    group.create_task(one(key))
                else:
                    blocked(key, root)
                    ended.put_nowait((key, root))
