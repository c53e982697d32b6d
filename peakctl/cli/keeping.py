"""A run under its lease: what it owns is written down before it starts and when it ends."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from peakctl.cli.keeping_words import lost, not_noted, not_written, outcome_word, replaced
from peakctl.cli.owning import ledger_client
from peakctl.errors import LeaseHeld, PeakctlError
from peakctl.model import Intent, Key, Outcome, Run, Status
from peakctl.present.text import line

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Mapping,
        Sequence,
    )

    from peakctl.cli.planning import Prepared, Wanted
    from peakctl.cli.session import Connection, Session
    from peakctl.errors import Diagnostic
    from peakctl.kinds.fields import Kind
    from peakctl.ledger.client import LedgerClient
    from peakctl.ledger.lease import HeldLease
    from peakctl.model import Actor, Ledger, Owned, Owner, Plan

SECOND = 1.0


@dataclass
class RunRecorder:
    """Writes one run into its ledger. `lease` is its lease once it is acquired.

    Leaving the block releases a lease under which nothing was changed.
    """

    session: Session
    client: LedgerClient
    find_actor: Callable[[], Actor]
    run_id: str
    uses: Mapping[Key, tuple[Key, ...]]
    lease: HeldLease | None = None
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @functools.cached_property
    def run(self) -> Run:
        """The run, with who runs: asked for only when it is to be written down."""
        return Run(self.run_id, self.find_actor(), self.session.command)

    async def __aenter__(self) -> RunRecorder:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def acquire(self, prepared: Prepared) -> Ledger:
        """Acquire the lease, with what the run sets out to do; the ledger. Raises LeaseHeld."""
        from peakctl.engine.pending import intents_of
        from peakctl.ledger.lease import taken_over

        store = self.client.store
        intents = intents_of(prepared.plan, prepared.world.owners, self.run_id)
        listed = store.pick(prepared.world.listed.get(store.kind, ()))
        lease = await self._stack.enter_async_context(self.client.lease(self.run, intents, listed))
        self.lease = lease
        if lease.took_over is not None:
            told = taken_over(lease.took_over, self.run.actor, store.now())
            self.session.terminal.tell([line((told, "dim"))])
        # what only this run meant to make is not ours before it has made it
        known = (intent for intent in lease.ledger.intents if intent.id is not None)
        return replace(lease.ledger, intents=(*lease.before, *known))

    def was_disturbed(self, prepared: Prepared) -> bool:
        """Whether a run of this project may have changed something since we began to look.

        The platform tells its time in whole seconds, and this machine how many have passed.
        """
        assert self.lease is not None  # noqa: S101 - asked once it is acquired
        passed = self.session.clock.now() - prepared.began
        began = self.client.store.now() - passed
        return any(run.ended + SECOND >= began for run in self.lease.ledger.runs)

    async def without_conflicts(self, look: Callable[[], Awaitable[Prepared]]) -> Prepared:
        """What `look` gives once no other project is about to make the same. Raises LeaseHeld."""
        from peakctl.ledger.conflicts import (
            WAITS,
            find_conflicts,
            goes_first,
            made_meanwhile,
            tell_conflicts,
        )

        pauses = iter(WAITS)
        looked_for: set[Key] = set()
        while True:
            prepared = await look()
            plan, others = prepared.plan, prepared.world.others
            made = made_meanwhile(plan, others)
            if not made <= looked_for:
                looked_for |= made
                continue
            owners = prepared.world.owners
            conflicts = find_conflicts(plan, owners, others, self.client.store.now())
            if not conflicts:
                return prepared
            pause = next(pauses, None) if goes_first(self.client.owner, conflicts) else None
            if pause is None:
                raise LeaseHeld(*tell_conflicts(conflicts))
            await self.session.clock.sleep(pause)

    async def take_over(self, plan: Plan) -> None:
        """Take what changes hands out of the ledgers of those that owned it: all, or nothing.

        Raises LeaseHeld when a run of one of them is under way.
        """
        from peakctl.ledger.ownership import id_of

        assert self.lease is not None  # noqa: S101 - only runs that acquired it take over
        changing: dict[Owner, dict[tuple[str, str], Key]] = {}
        for action in plan.actions:
            if action.taken_from is not None and action.live is not None:
                changing.setdefault(action.taken_from, {})[id_of(action.live)] = action.key
        await self.lease.take_over(changing)

    async def close(
        self, prepared: Prepared, kinds: Mapping[str, Kind], outcomes: Sequence[Outcome]
    ) -> tuple[Diagnostic, ...]:
        """Write down what is to be known of the run; what went wrong with that."""
        if self.lease is None:
            return await self.note(prepared, kinds, outcomes)
        return await self.settle(prepared, kinds, outcomes)

    async def settle(
        self, prepared: Prepared, kinds: Mapping[str, Kind], outcomes: Sequence[Outcome]
    ) -> tuple[Diagnostic, ...]:
        """Write down what came of it and give the lease back; what went wrong with that, told."""
        from peakctl.engine.record import record

        assert self.lease is not None  # noqa: S101 - only runs that acquired it settle
        ledger = self.lease.ledger
        plan, gone = prepared.plan, prepared.gone
        owned = record(plan, outcomes, ledger, kinds, uses=self.uses, gone=gone)
        early = self.lease.lost
        problems: tuple[Diagnostic, ...] = ()
        try:
            await self.lease.finish(
                owned=owned,
                intents=self._open(ledger, prepared, outcomes, owned),
                outcome=outcome_word(outcomes),
                counts=Counter(o.verb.value for o in outcomes if o.status is Status.DONE),
            )
        except PeakctlError as error:
            problems = (not_written(error, self.session.again()),)
        told = (lost(self.session.again(), early=early),) if self.lease.lost else ()
        return (*told, *problems, *(replaced(*pair) for pair in self.lease.replaced))

    def _open(
        self,
        ledger: Ledger,
        prepared: Prepared,
        outcomes: Sequence[Outcome],
        owned: Mapping[Key, Owned],
    ) -> tuple[Intent, ...]:
        """The intents of `ledger` that are still needed, given what the run saw and did."""
        from peakctl.engine.pending import unresolved

        intents = [intent for intent in ledger.intents if intent.key not in prepared.gone]
        ended = {outcome.key: outcome for outcome in outcomes}
        return unresolved(intents, ended, owned, prepared.world, self.uses)

    async def note(
        self, prepared: Prepared, kinds: Mapping[str, Kind], ended: Sequence[Outcome]
    ) -> tuple[Diagnostic, ...]:
        """Write down what a run without any change knows, if the ledger does not say it.

        `ended` is how its actions ended: what was only waited for may have failed.
        A protection that could not be written down is an error: one is returned, or LeaseHeld is
        raised. Of the rest a warning tells; the next run that changes something writes it too.
        """
        from peakctl.engine.record import is_recorded, record
        from peakctl.ledger.lease import write_if_free

        plan, ledger, gone = prepared.plan, prepared.world.ledger, prepared.gone
        there = {a.key: a for a in plan.actions if a.live is not None}
        outcomes = [outcome for outcome in ended if outcome.key in there]
        told = not gone and (not there or (ledger and is_recorded(plan, ledger, self.uses)))
        if told and not (ledger and self._left_behind(ledger, prepared, outcomes)):
            return ()

        def change(now: Ledger) -> Ledger:
            owned = record(plan, outcomes, now, kinds, uses=self.uses, gone=gone)
            return replace(now, owned=owned, intents=self._open(now, prepared, outcomes, owned))

        try:
            written = await write_if_free(self.client, change, self.run)
        except PeakctlError as error:
            return () if told else self._not_noted(prepared, error)
        return () if told or written else self._not_noted(prepared, None)

    def _left_behind(self, ledger: Ledger, prepared: Prepared, outcomes: Sequence[Outcome]) -> bool:
        """Whether a run that died is still in the ledger, with its lease or what it set out to do.

        Of the latter only what has been answered by now.
        """
        left = self._open(ledger, prepared, outcomes, ledger.owned)
        return ledger.lease is not None or left != ledger.intents

    def _not_noted(self, prepared: Prepared, error: PeakctlError | None) -> tuple[Diagnostic, ...]:
        """Tell that the ledger stays as it was: in a warning, or as an error."""
        from peakctl.engine.record import newly_protected

        ledger, again = prepared.world.ledger, self.session.again()
        keys = newly_protected(prepared.plan, ledger) if ledger else ()
        if not keys:
            self.session.warnings.append(not_noted(error, again))
            return ()
        problems = tuple(not_noted(error, again, key) for key in keys)
        if error is None:
            raise LeaseHeld(*problems)
        return problems


def open_recorder(session: Session, connection: Connection, wanted: Wanted) -> RunRecorder | None:
    """What writes the run into its ledger; None where no ledger is kept."""
    from peakctl.cli.actor import actor_of, run_id
    from peakctl.cli.inputs import root_of
    from peakctl.engine.record import uses_of

    client = ledger_client(session, connection)
    if client is None:
        return None
    uses = uses_of(wanted.resources)
    find_actor = functools.partial(actor_of, session.settings, root_of(session))
    return RunRecorder(session, client, find_actor, run_id(), uses)
