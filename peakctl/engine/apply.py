"""A plan carried out: each action starts when what it needs is ready, failures stay local."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import field, replace
from functools import partial
from graphlib import TopologicalSorter
from typing import TypeVar

from peakctl.engine.observe.identity import shared_id
from peakctl.engine.observe.live_state import first_error
from peakctl.engine.plan.steps import UPLOADING
from peakctl.engine.runner import STOPPED, ActionRunner, resource_id
from peakctl.engine.waiting import SharedLooks, Stop, WaitLimits
from peakctl.kinds.fields import Kind
from peakctl.model import EMPTY, Adapter, Clock, Key, LiveId, Readiness, Unknown, Value
from peakctl.model.plan import Action, Event, Outcome, Phase, Plan, Status, Step, Verb
from peakctl.model.records import dataclass
from peakctl.model.resources import Archive
from peakctl.model.text import Redactor, secret_texts, status_word
from peakctl.model.values import Path

WORTH_A_THREAD = 2**18
"""Bytes of the files of an archive, which take about 8 ms to pack."""
BECAME = {
    Status.FAILED: "failed",
    Status.UNKNOWN: "may have failed",
    Status.IN_PROGRESS: "is still in progress",
}
"""What is said of the cause of a blocked action."""
_SAME = ("the platform takes both names for one: choose names that differ in more than form",)


class Packs:
    """The archives of a run, packed while the event loop goes on.

    `pack` makes a call elsewhere, in a thread: that of a small archive takes less time here than
    there. They are packed in the order in which they are asked for, which is that of the plan, as
    many at once as there are processors. At most `most` are in memory, what is sent included.
    """

    def __init__(self, pack: Callable[[Callable[[], bytes]], Awaitable[bytes]], most: int) -> None:
        self._pack = pack
        self._held = asyncio.Semaphore(most)
        self._packing = asyncio.Semaphore(os.cpu_count() or 1)

    @asynccontextmanager
    async def packed(
        self, archives: Mapping[Path, Archive], is_wanted: Callable[[], bool]
    ) -> AsyncIterator[dict[Path, Archive] | None]:
        """The archives with their bytes, which nobody holds afterwards. Raises as `encode`.

        None where they are no longer wanted when their turn comes, or once they are packed.
        """
        async with self._held:
            async with self._packing:
                needed = archives.items() if is_wanted() else ()
                ready = {path: await self._ready(each) for path, each in needed}
            yield ready if is_wanted() else None

    async def _ready(self, archive: Archive) -> Archive:
        small = sum(file.size for file in archive.files) < WORTH_A_THREAD
        packed = archive.encode() if small else await self._pack(archive.encode)
        return replace(archive, encode=partial(bytes, packed))


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
    taken: dict[LiveId, Key] = field(default_factory=dict)
    tails: bool = False
    packs: Packs | None = None
    usual: Mapping[Key, int] = field(default_factory=dict)
    known: dict[Unknown, Value] = field(default_factory=dict)
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    looks: dict[str, SharedLooks] = field(default_factory=dict)

    async def act(self, key: Key) -> bool:
        """Carry out one action; whether the resource is as the action wanted it."""
        action = self.actions[key]
        if self.stop.requested:
            self.cancel(key)
            return False
        if action.verb is Verb.DELETE and (root := self._failure()):
            self.blocked(key, root)
            return False
        begin = partial(self._report, Phase.STARTED, action, action.steps[0], "")
        packs_first = self.packs is not None and _begins_with_packing(action)
        if not packs_first:
            begin()
        runner = ActionRunner(
            action,
            self.kinds[key.kind],
            self.adapters[key.kind],
            self.clock,
            self.limits,
            self.stop,
            self.known,
            report=lambda step, reading, log: self._waiting(action, step, reading, log),
            redact=self.redact,
            looks=self._looks_of(key.kind),
            tails=self.tails,
            packs=self.packs,
            begin=begin if packs_first else None,
        )
        try:
            outcome = self._unless_same(action, await runner.run())
        except asyncio.CancelledError:
            self._record(action, runner.cut_short())
            raise
        self._record(action, outcome)
        return outcome.status.good

    def _looks_of(self, kind: str) -> SharedLooks:
        """What all waits for one kind share."""
        if kind not in self.looks:
            made = {k: s for k, s in self.usual.items() if self.actions[k].verb is not Verb.DELETE}
            self.looks[kind] = SharedLooks(self.adapters[kind], self.clock, self.limits, made)
        return self.looks[kind]

    def _failure(self) -> Key | None:
        """What has gone wrong so far, if anything: nothing is deleted after it."""
        return next((key for key, o in self.outcomes.items() if not o.status.good), None)

    def cancel(self, key: Key) -> None:
        """Record that an action was not started, since the run was stopped."""
        action = self.actions[key]
        self._record(action, self.left_out(action, Status.CANCELLED, STOPPED))

    def blocked(self, key: Key, root: Key) -> None:
        """Record that an action was not started, because of what became of `root`."""
        root = self.outcomes[root].cause or root
        status, action = self.outcomes[root].status, self.actions[key]
        if status is Status.CANCELLED or (self.stop.requested and status is Status.IN_PROGRESS):
            self.cancel(key)  # nothing is wrong with `root`: there was no time for this one
            return
        message = f"{root} {BECAME[status]}"
        self._record(action, self.left_out(action, Status.BLOCKED, message, root))

    def left_out(
        self, action: Action, status: Status, message: str = "", cause: Key | None = None
    ) -> Outcome:
        """The outcome of an action that was not started."""
        id_ = resource_id(action, self.known)
        return Outcome(action.key, action.verb, status, message=message, cause=cause, id=id_)

    def _waiting(
        self, action: Action, step: Step, reading: Readiness, log: tuple[str, ...]
    ) -> None:
        state = reading.message or status_word(reading.status)
        usual = None if _is_for_end(action, step) else self.usual.get(action.key)
        self._report(Phase.WAITING, action, step, state, log=log, usual=usual)

    def _unless_same(self, action: Action, outcome: Outcome) -> Outcome:
        """The outcome, but a failure where another resource of the plan has the id already."""
        if outcome.id is None or not outcome.status.good or action.verb is Verb.DELETE:
            return outcome
        same = shared_id(self.kinds, action.key.kind, outcome.id)
        other = self.taken.setdefault(same, action.key)
        if other == action.key:
            return outcome
        message = f"it ended as the same resource as {other}: id {outcome.id}"
        return replace(
            outcome, status=Status.FAILED, message=message, detail=_SAME, id=None, applied=EMPTY
        )

    def _record(self, action: Action, outcome: Outcome) -> None:
        self.outcomes[action.key] = outcome
        self._report(Phase.FINISHED, action, None, outcome.message, outcome)

    def _report(
        self,
        phase: Phase,
        action: Action,
        step: Step | None,
        message: str,
        outcome: Outcome | None = None,
        log: tuple[str, ...] = (),
        usual: int | None = None,
    ) -> None:
        at = self.clock.now()
        self.emit(Event(phase, action.key, action.verb, step, message, at, outcome, log, usual))


def _begins_with_packing(action: Action) -> bool:
    return bool(action.resource and action.resource.archives and action.steps[0] in UPLOADING)


def _is_for_end(action: Action, step: Step) -> bool:
    """Whether the end of something is waited for: of what is deleted, or stands in the way."""
    return step is Step.DELETE or (step is Step.WAIT and action.verb is not Verb.KEEP)


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
    tails: bool = False,
    packs: Packs | None = None,
    usual: Mapping[Key, int] | None = None,
) -> tuple[Outcome, ...]:
    """Carry out every action; the outcomes are in the order of the plan, one an action.

    A failure blocks what depends on it, and every delete that has not started; nothing else. Only
    errors that are no action's own are raised. `redact` masks secrets in what the platform says;
    without one, those of the plan. With `tails`, events have the end of the log of what is being
    built, for one more request at each poll. `packs` packs archives; without it they are packed in
    the event loop, so that requests have the same order each time. `usual` are the seconds that
    each wait took before: events tell them, and about then it is looked at more often.
    When the task is cancelled, `emit` still hears how each action was left.
    """
    busy = {action.key: action for action in plan.actions if action.steps}
    lives = [a for a in plan.actions if a.live is not None and a.verb is not Verb.DELETE]
    taken = {shared_id(kinds, a.key.kind, a.live.id): a.key for a in lives if a.live}
    redact = redact or Redactor(secret_texts([action.desired for action in plan.actions]))
    usual = usual or {}
    run = _Run(busy, kinds, adapters, clock, emit, limits, stop, redact, taken, tails, packs, usual)
    try:
        await run_graph({k: a.after & busy.keys() for k, a in busy.items()}, run.act, run.blocked)
    except BaseExceptionGroup as group:
        raise first_error(group) from None
    except asyncio.CancelledError:
        for key in busy.keys() - run.outcomes.keys():
            run.cancel(key)
        raise
    return tuple(
        run.outcomes.get(a.key) or run.left_out(a, Status.ALREADY_RIGHT) for a in plan.actions
    )


K = TypeVar("K", bound=Hashable)


async def run_graph(
    after: Mapping[K, frozenset[K]],
    act: Callable[[K], Awaitable[bool]],
    blocked: Callable[[K, K], None],
) -> None:
    """Call `act(key)` when all of `after[key]` have succeeded.

    `act` returns whether it succeeded and must not raise for a failure that is the key's own. A key
    after a failed one is not started: `blocked(key, root)` names the failure at the root of it.
    The graph must have no cycle, and `after` must mention keys of the graph only.
    """
    sorter = TopologicalSorter(after)
    sorter.prepare()
    failed: dict[K, tuple[int, K]] = {}  # in the order of their ends, with the failure at the root
    ended: asyncio.Queue[tuple[K, K | None]] = asyncio.Queue()

    async def one(key: K) -> None:
        ended.put_nowait((key, None if await act(key) else key))

    async with asyncio.TaskGroup() as group:
        while sorter.is_active():
            for key in sorter.get_ready():
                first = min((failed[need] for need in after[key] if need in failed), default=None)
                if first is None:
                    group.create_task(one(key))
                else:
                    blocked(key, first[1])
                    ended.put_nowait((key, first[1]))
            key, root = await ended.get()
            if root is not None:
                failed[key] = (len(failed), root)
            sorter.done(key)
