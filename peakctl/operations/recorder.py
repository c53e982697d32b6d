"""What a run writes into its ledger: what it sets out to do, and what came of it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from peakctl import model
from peakctl.errors import Diagnostic, LeaseHeld, PeakctlError, Severity
from peakctl.kinds.fields import Kind
from peakctl.ledger import ownership
from peakctl.model.records import dataclass
from peakctl.operations.plan import PlanResult
from peakctl.operations.platform import Platform

if TYPE_CHECKING:
    from peakctl.engine.record import Applied
    from peakctl.ledger.client import LedgerClient
    from peakctl.ledger.lease import HeldLease
    from peakctl.operations.history import HistoryWriter

SECOND = 1.0
ROLLBACK = "rollback to"
"""How the command of a rollback begins, in ledger and history."""
_LEASE_STAYS = (
    "its lease was not given back: this machine sees that its run is over,"
    " on others it holds for up to 15 minutes"
)


@dataclass
class RunRecorder:
    """Writes one run into its ledger and history. `lease` is its lease once it is acquired.

    `command` is how the run is called there, `again` what to type to run it again. `tell` hears
    what is worth a line on the way; `noted` has the warnings of a record that was not written.
    `at_once` says that the plan was made a moment ago: its ledger need not be read again.
    `adopted` is what becomes the project's without being changed, `origin` where what is applied
    comes from, as it was when the lease was acquired.
    Leaving the block releases a lease under which nothing was changed.
    """

    command: str
    again: str
    tell: Callable[[str], None]
    client: LedgerClient
    find_actor: Callable[[], model.Actor]
    run_id: str
    uses: Mapping[model.Key, tuple[model.Key, ...]]
    redact: Callable[[str], str]
    history: HistoryWriter
    find_origin: Callable[[], model.Origin]
    at_once: bool = False
    lease: HeldLease | None = None
    noted: list[Diagnostic] = field(default_factory=list)
    adopted: frozenset[model.Key] = frozenset()
    origin: model.Origin = field(default_factory=model.Origin)
    applied: dict[model.Key, Applied] = field(default_factory=dict)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @functools.cached_property
    def run(self) -> model.Run:
        """The run, with who runs: asked for only when it is to be written down."""
        from peakctl.operations.actor import redacted

        return model.Run(self.run_id, redacted(self.find_actor(), self.redact), self.command)

    async def __aenter__(self) -> RunRecorder:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def acquire(
        self, planned: PlanResult, created: Callable[[], None] | None = None
    ) -> model.Ledger:
        """Acquire the lease, with what the run sets out to do; the ledger. Raises LeaseHeld.

        `created` is called when the lease stands in a first ledger, before that is known to count.
        """
        from peakctl.engine.pending import intents_of
        from peakctl.ledger.lease import taken_over

        plan, owners, store = planned.plan, planned.live.owners, self.client.store
        self.origin = self.find_origin()
        # once our lease says that we adopt it, it is ours for the second look
        self.adopted = frozenset(each.key for each in ownership.adopted(plan.actions, owners))
        intents = intents_of(plan, owners, self.run_id)
        found = planned.live.listed.get(store.kind)
        listed = None if found is None else store.pick(found)
        read = planned.live.revision if self.at_once else None
        client = replace(self.client, created=created)
        lease = await self._stack.enter_async_context(client.lease(self.run, intents, listed, read))
        self.lease = lease
        if lease.took_over is not None:
            self.tell(taken_over(lease.took_over, self.run.actor, store.now()))
        # what only this run meant to make is not ours before it has made it
        known = (intent for intent in lease.ledger.intents if intent.id is not None)
        return replace(lease.ledger, intents=(*lease.before, *known))

    def was_disturbed(self, planned: PlanResult) -> bool:
        """Whether a run of this project may have changed something since we began to look.

        The platform tells its time in whole seconds, and this machine how many have passed.
        """
        assert self.lease is not None  # noqa: S101 - asked once it is acquired
        passed = self.client.clock.now() - planned.began
        began = self.client.store.now() - passed
        return any(run.ended + SECOND >= began for run in self.lease.ledger.runs)

    async def without_conflicts(self, look: Callable[[], Awaitable[PlanResult]]) -> PlanResult:
        """What `look` gives once no other project is about to make the same. Raises LeaseHeld."""
        pauses = iter(ownership.CONFLICT_WAITS)
        looked_for: set[model.Key] = set()
        while True:
            planned = await look()
            plan, others = planned.plan, planned.live.others
            made = ownership.made_meanwhile(plan, others)
            if not made <= looked_for:
                looked_for |= made
                continue
            owners = planned.live.owners
            conflicts = ownership.find_conflicts(plan, owners, others, self.client.store.now())
            if not conflicts:
                return planned
            is_first = ownership.goes_first(self.client.owner, conflicts)
            pause = next(pauses, None) if is_first else None
            if pause is None:
                raise LeaseHeld(*ownership.tell_conflicts(conflicts))
            await self.client.clock.sleep(pause)

    async def take_over(self, plan: model.Plan) -> None:
        """Take what changes hands out of the ledgers of those that owned it: all, or nothing.

        Raises LeaseHeld when a run of one of them is under way.
        """
        assert self.lease is not None  # noqa: S101 - only runs that acquired it take over
        await self.lease.take_over(ownership.changing_owner(plan))

    def prepare(self, kind: Kind, action: model.Action, outcome: model.Outcome) -> None:
        """Find what is to be written of an action that went well, while others are waited for."""
        from peakctl.engine.record import look_at

        if outcome.status.good and self.lease is not None:
            self.applied[action.key] = look_at(kind, action, outcome)

    def record_of(
        self,
        planned: PlanResult,
        kinds: Mapping[str, Kind],
        outcomes: Sequence[model.Outcome],
        *,
        stopped: bool,
    ) -> model.JsonDict:
        """What the ledger is to say of a run under its lease: as `HeldLease.finish` takes it.

        `stopped` tells that the run was asked to stop.
        """
        from peakctl.engine.record import record
        from peakctl.operations.history import run_record

        assert self.lease is not None  # noqa: S101 - only runs that acquired it release it
        ledger, gone = self.lease.ledger, planned.gone
        uses, redact = self.uses, self.redact
        owned = record(
            planned.plan,
            outcomes,
            ledger,
            kinds,
            uses=uses,
            gone=gone,
            redact=redact,
            rollback=_rolled_to(planned),
            applied=self.applied,
        )
        self.history.record = run_record(
            self.run,
            planned.plan,
            outcomes,
            self.origin,
            (self.lease.since, self.client.store.now()),
            adopted=self.adopted,
            outcome=outcome_word(outcomes, stopped=stopped),
        )
        return {
            "owned": owned,
            "intents": self._left_open(ledger, planned, outcomes, owned),
            "outcome": self.history.record.outcome,
            "counts": self.history.record.counts,
        }

    async def release(self, parts: model.JsonDict) -> tuple[Diagnostic, ...]:
        """Write that record and give the lease back; what went wrong with that, told."""
        assert self.lease is not None  # noqa: S101 - only runs that acquired it release it
        early = self.lease.lost
        problems: tuple[Diagnostic, ...] = ()
        try:
            await self.lease.finish(**parts)
        except PeakctlError as error:
            problems = (not_written(error, self.again),)
        told = (lost(self.again, early=early),) if self.lease.lost else ()
        return (*told, *problems, *(replaced(*pair) for pair in self.lease.replaced))

    def find_history(self, planned: PlanResult) -> None:
        """Begin to look for the history, beside what changes resources: it guards none of that."""
        self.history.begin(planned.live.listed.get(self.client.store.kind))
        self._stack.callback(self.history.cancel)

    async def write_history(self) -> tuple[Diagnostic, ...]:
        """Add the run to the history. A warning where that fails: the run is over and recorded."""
        assert self.lease is not None  # noqa: S101 - only runs that acquired it write it
        return await self.history.write(self.lease.ledger.runs, self.lease.before)

    async def remove_records(self) -> tuple[Diagnostic, ...]:
        """Delete the ledger and the history of an owner that has nothing left: see the function.

        A warning where that fails: all else is done.
        """
        from peakctl.ledger.removal import remove_records

        assert self.lease is not None  # noqa: S101 - only runs that acquired it remove it
        if self.lease.lost:
            return ()
        try:
            await remove_records(self.client, self.history.client.store, self.lease.ledger)
        except PeakctlError as error:
            return (_not_removed(error),)
        return ()

    def _left_open(
        self,
        ledger: model.Ledger,
        planned: PlanResult,
        outcomes: Sequence[model.Outcome],
        owned: Mapping[model.Key, model.Owned],
    ) -> tuple[model.Intent, ...]:
        """As `_open`, without what this run never started and no earlier one left behind."""
        from peakctl.engine.record import UNTOUCHED

        assert self.lease is not None  # noqa: S101 - only runs that acquired it release it
        earlier = {intent.key for intent in self.lease.before}
        never = {o.key for o in outcomes if o.status in UNTOUCHED} - earlier
        left = self._open(ledger, planned, outcomes, owned)
        return tuple(intent for intent in left if intent.key not in never)

    def _open(
        self,
        ledger: model.Ledger,
        planned: PlanResult,
        outcomes: Sequence[model.Outcome],
        owned: Mapping[model.Key, model.Owned],
    ) -> tuple[model.Intent, ...]:
        """The intents of `ledger` that are still needed, given what the run saw and did."""
        from peakctl.engine.pending import unresolved

        intents = [intent for intent in ledger.intents if intent.key not in planned.gone]
        ended = {outcome.key: outcome for outcome in outcomes}
        return unresolved(intents, ended, owned, planned.live, self.uses)

    async def note(
        self, planned: PlanResult, kinds: Mapping[str, Kind], ended: Sequence[model.Outcome]
    ) -> tuple[Diagnostic, ...]:
        """Write down what a run without any change knows, if the ledger does not say it.

        `ended` is how its actions ended: what was only waited for may have failed.
        A protection that could not be written down is an error: one is returned, or LeaseHeld is
        raised. Of the rest a warning tells; the next run that changes something writes it too.
        """
        from peakctl.engine.record import is_recorded, record, settles_rollback
        from peakctl.ledger.lease import write_if_free

        plan, ledger, gone = planned.plan, planned.live.ledger, planned.gone
        there = {a.key: a for a in plan.actions if a.live is not None}
        outcomes = [outcome for outcome in ended if outcome.key in there]
        told = not gone and (not there or (ledger and is_recorded(plan, ledger, self.uses)))
        rolled = _rolled_to(planned)
        settled = ledger and rolled is None and settles_rollback(plan, ledger)
        if told and not settled and not (ledger and self._left_behind(ledger, planned, outcomes)):
            return ()

        def change(now: model.Ledger) -> model.Ledger:
            uses, redact = self.uses, self.redact
            owned = record(
                plan, outcomes, now, kinds, uses=uses, gone=gone, redact=redact, rollback=rolled
            )
            return replace(now, owned=owned, intents=self._open(now, planned, outcomes, owned))

        try:
            written = await write_if_free(self.client, change, self.run)
        except PeakctlError as error:
            return () if told else self._not_noted(planned, error)
        return () if told or written else self._not_noted(planned, None)

    def _left_behind(
        self, ledger: model.Ledger, planned: PlanResult, outcomes: Sequence[model.Outcome]
    ) -> bool:
        """Whether a run that died is still in the ledger, with its lease or what it set out to do.

        Of the latter only what has been answered by now.
        """
        left = self._open(ledger, planned, outcomes, ledger.owned)
        return ledger.lease is not None or left != ledger.intents

    def _not_noted(self, planned: PlanResult, error: PeakctlError | None) -> tuple[Diagnostic, ...]:
        """Tell that the ledger stays as it was: in a warning, or as an error."""
        from peakctl.engine.record import newly_protected

        ledger, again = planned.live.ledger, self.again
        keys = newly_protected(planned.plan, ledger) if ledger else ()
        if not keys:
            self.noted.append(not_noted(error, again))
            return ()
        problems = tuple(not_noted(error, again, key) for key in keys)
        if error is None:
            raise LeaseHeld(*problems)
        return problems


def open_recorder(
    platform: Platform,
    planned: PlanResult,
    again: str,
    tell: Callable[[str], None],
    *,
    at_once: bool,
) -> RunRecorder | None:
    """What writes the run into its ledger; None where no ledger is kept.

    `at_once`: nobody took time to agree to the plan.
    """
    from peakctl.engine.record import uses_of
    from peakctl.operations.actor import actor_of, origin_of, run_id
    from peakctl.operations.history import history_writer

    project, client = platform.project, ledger_client(platform)
    if client is None:
        return None
    uses = uses_of(planned.loaded.resources)
    command = "destroy" if planned.options.destroy else "apply"
    rollback, resources = planned.options.rollback, planned.loaded.resources.values()
    if rollback is not None:
        command = f"{ROLLBACK} {rollback.to}"
    commit = rollback.commit if rollback else ""

    def find_actor() -> model.Actor:
        found = actor_of(project.settings, project.root)
        return replace(found, commit=commit) if commit else found

    def find_origin() -> model.Origin:
        found = origin_of(project, resources)
        return replace(found, dirty=False, branch="") if commit else found

    history, redact = history_writer(platform, client.owner), project.redact
    return RunRecorder(
        command,
        again,
        tell,
        client,
        find_actor,
        run_id(),
        uses,
        redact,
        history,
        find_origin,
        at_once,
    )


def _rolled_to(planned: PlanResult) -> Mapping[model.Key, str] | None:
    """What a run puts back against the manifests, and to what; None where it is no rollback."""
    rollback = planned.options.rollback
    return None if rollback is None else dict.fromkeys(rollback.against, rollback.to)


def ledger_client(platform: Platform) -> LedgerClient | None:
    """What reads and writes the ledger of the project; None where none is kept."""
    from peakctl.ledger.client import LedgerClient
    from peakctl.operations import actor

    project = platform.project
    if project.owner is None:
        return None

    def alive(who: model.Actor) -> bool | None:
        return False if who in platform.ended else actor.alive(who)

    return LedgerClient(platform.ledgers, project.owner, project.clock, alive)


def outcome_word(outcomes: Sequence[model.Outcome], *, stopped: bool = False) -> str:
    """How a run went, as the ledger tells it later; `stopped`: it was asked to stop."""
    if all(o.status.good for o in outcomes):
        return "done"
    if stopped and was_cut_short(outcomes):
        return "interrupted"
    return "partial" if any(o.changed for o in outcomes) else "failed"


def was_cut_short(outcomes: Sequence[model.Outcome]) -> bool:
    """Whether something was not started, or was left while it was under way."""
    return any(o.status in (model.Status.CANCELLED, model.Status.IN_PROGRESS) for o in outcomes)


def lost(again: str, *, early: bool) -> Diagnostic:
    """That another has the lease; `early`: known before the end, so that nothing was begun."""
    end = "so nothing new was started" if early else "and that was seen only at the end"
    return Diagnostic(
        code="lease/lost",
        summary=f"the lease was lost on the way, {end}",
        detail=(
            "another run took it, it was unlocked, or the ledger could not be written for too long;"
            " what another run did meanwhile was not looked at"
        ),
        fix=f"see who has it: peakctl ledger show; then {again}",
    )


def replaced(theirs: model.Owned, ours: model.Owned) -> Diagnostic:
    """That two runs made something of one name."""
    return Diagnostic(
        code="ledger/replaced",
        summary=f"id {ours.id} is in the ledger now, in the place of id {theirs.id}",
        key=ours.key,
        detail="another run made that one at the same time; the ledger has one of each name",
        fix=f"look at both, and delete one of them: peakctl get {ours.key.kind}",
        severity=Severity.WARNING,
    )


def not_written(error: PeakctlError, again: str) -> Diagnostic:
    """That what the run did is not in the ledger."""
    return Diagnostic(
        code="ledger/not-written",
        summary="the run is over, and its ledger could not be written",
        detail=f"{error}\n{_LEASE_STAYS}",
        fix=f"nothing is lost: {again}",
    )


def _not_removed(error: PeakctlError) -> Diagnostic:
    return Diagnostic(
        code="ledger/not-removed",
        summary="everything is deleted, but the ledger and the history of it are still there",
        detail=str(error),
        fix="delete these artifacts in the platform; left there, the next run of it uses them",
        severity=Severity.WARNING,
    )


def not_recorded(again: str) -> Diagnostic:
    """That a run was ended before its end could be written down."""
    return Diagnostic(
        code="run/not-recorded",
        summary="the run was ended at once: the ledger may not say what it did",
        detail=_LEASE_STAYS.replace("was not", "may not have been"),
        fix=f"run it again, it looks at what is there first: {again}",
        severity=Severity.WARNING,
    )


def not_noted(error: PeakctlError | None, again: str, key: model.Key | None = None) -> Diagnostic:
    """That the ledger stays as it was; `key` is what it was to protect, or not to, from now on."""
    about = "whether it is protected" if key else "what it should say now"
    return Diagnostic(
        code="ledger/not-noted",
        summary=f"the ledger could not be written, and does not say {about}",
        key=key,
        detail=str(error) if error else "another run is writing it",
        fix=again,
        severity=Severity.ERROR if key else Severity.WARNING,
    )
