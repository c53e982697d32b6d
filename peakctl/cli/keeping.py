"""A run under its lease: what it owns is written down before it starts and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from peakctl.cli.keeping_words import lost, not_noted, not_written, outcome_word, replaced
from peakctl.cli.owning import desk_of
from peakctl.errors import LeaseHeld, PeakctlError
from peakctl.ledger.intents import intents_of, uses_of, without
from peakctl.model import Intent, Key, Outcome, Owner, Status
from peakctl.present.text import line

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Mapping,
        Sequence,
    )

    from peakctl.cli.planning import Prepared, Wanted
    from peakctl.cli.session import Connection, Session
    from peakctl.errors import Diagnostic
    from peakctl.kinds.fields import Kind
    from peakctl.ledger.lease import Desk, Hold
    from peakctl.model import Actor, Ledger, Owned, Plan

SECOND = 1.0


@dataclass
class Keeper:
    """The bookkeeping of one run. `hold` is its lease once it is taken."""

    session: Session
    desk: Desk
    find_actor: Callable[[], Actor]
    run: str
    uses: Mapping[Key, tuple[Key, ...]]
    hold: Hold | None = None
    struck: set[Key] = field(default_factory=set)

    @functools.cached_property
    def actor(self) -> Actor:
        """Who runs: asked for only when it is to be written down."""
        return self.find_actor()

    async def take(self, prepared: Prepared) -> Ledger:
        """Take the lease, with what the run sets out to do; the ledger. Raises LeaseHeld."""
        from peakctl.ledger.lease import Hold
        from peakctl.ledger.lease_rules import taken_over

        self.hold = await Hold.take(
            self.desk,
            run=self.run,
            actor=self.actor,
            command=self.session.command,
            intents=intents_of(prepared.plan, prepared.world.owners, self.run),
            ledgers=self.desk.store.pick(prepared.world.listed.get(self.desk.store.kind, ())),
        )
        if self.hold.took_over is not None:
            told = taken_over(self.hold.took_over, self.actor, self.desk.store.now())
            self.session.terminal.tell([line((told, "dim"))])
        # what only this run meant to make is not ours before it has made it
        known = (intent for intent in self.hold.ledger.intents if intent.id is not None)
        return replace(self.hold.ledger, intents=(*self.hold.before, *known))

    def was_disturbed(self, prepared: Prepared) -> bool:
        """Whether a run of this project may have changed something since we began to look.

        The platform tells its time in whole seconds, and this machine how many have passed.
        """
        assert self.hold is not None  # noqa: S101 - asked once it is taken
        passed = self.session.clock.now() - prepared.began
        began = self.desk.store.now() - passed
        return any(run.ended + SECOND >= began for run in self.hold.ledger.runs)

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
            rivals = find_conflicts(plan, owners, others, self.desk.store.now())
            if not rivals:
                return prepared
            pause = next(pauses, None) if goes_first(self.desk.owner, rivals) else None
            if pause is None:
                raise LeaseHeld(*tell_conflicts(rivals))
            await self.session.clock.sleep(pause)

    async def take_over(self, plan: Plan) -> None:
        """Strike what changes hands from the ledgers of those that owned it: all, or none.

        Raises LeaseHeld when a run of one of them is under way.
        """
        from peakctl.ledger.lease import disown, refuse_any_held
        from peakctl.ledger.ownership import id_of

        taken: dict[Owner, dict[tuple[str, str], Key]] = {}
        for action in plan.actions:
            if action.taken_from is not None and action.live is not None:
                taken.setdefault(action.taken_from, {})[id_of(action.live)] = action.key
        if len(taken) > 1:
            await refuse_any_held(self.desk, sorted(taken), self.actor)
        for owner, ids in sorted(taken.items()):
            self.struck.update(ids.values())
            try:
                await disown(self.desk, owner, frozenset(ids), run=self.run, actor=self.actor)
            except LeaseHeld:
                self.struck.difference_update(ids.values())
                raise

    @contextlib.asynccontextmanager
    async def renewing(self, stop: Callable[[], None]) -> AsyncIterator[None]:
        """Keep the lease as long as the block lasts; `stop` is called when it is lost."""
        assert self.hold is not None  # noqa: S101 - only runs that took it renew
        renewal = asyncio.create_task(self.hold.keep(stop))
        try:
            yield
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def close(
        self, prepared: Prepared, kinds: Mapping[str, Kind], outcomes: Sequence[Outcome]
    ) -> tuple[Diagnostic, ...]:
        """Write down what is to be known of the run; what went wrong with that."""
        if self.hold is None:
            return await self.note(prepared, kinds, outcomes)
        return await self.settle(prepared, kinds, outcomes)

    async def settle(
        self, prepared: Prepared, kinds: Mapping[str, Kind], outcomes: Sequence[Outcome]
    ) -> tuple[Diagnostic, ...]:
        """Write down what came of it and give the lease back; what went wrong with that, told."""
        from peakctl.engine.record import record

        assert self.hold is not None  # noqa: S101 - only runs that took it settle
        ledger = self.hold.ledger
        owned = record(prepared.plan, outcomes, ledger, kinds, uses=self.uses)
        owned = without(prepared.gone, owned)
        early = self.hold.lost
        problems = await self._finish(
            owned=owned,
            intents=self._open(ledger, prepared, outcomes, owned),
            outcome=outcome_word(outcomes),
            counts=Counter(o.verb.value for o in outcomes if o.status is Status.DONE),
        )
        gone = (lost(self.session.again(), early=early),) if self.hold.lost else ()
        return (*gone, *problems, *(replaced(*pair) for pair in self.hold.replaced))

    def _open(
        self,
        ledger: Ledger,
        prepared: Prepared,
        outcomes: Sequence[Outcome],
        owned: Mapping[Key, Owned],
    ) -> tuple[Intent, ...]:
        """The intents of `ledger` that are still needed, given what the run saw and did."""
        from peakctl.engine.promises import still_open

        intents = [intent for intent in ledger.intents if intent.key not in prepared.gone]
        ended = {outcome.key: outcome for outcome in outcomes}
        return still_open(intents, ended, owned, prepared.world, self.uses)

    async def give_back(self) -> None:
        """Give the lease back without having sent anything for a resource.

        What other ledgers were made to let go of is still meant to become ours.
        """
        if self.hold is not None:
            struck = (i for i in self.hold.ledger.intents if i.key in self.struck)
            left = (i for i in self.hold.before if i.key not in self.struck)
            await self._finish(
                owned=self.hold.ledger.owned,
                intents=(*left, *struck),
                outcome="stopped",
                counts={},
            )

    async def _finish(self, **parts: Any) -> tuple[Diagnostic, ...]:
        assert self.hold is not None  # noqa: S101 - the callers have looked
        try:
            await self.hold.finish(**parts)
        except PeakctlError as error:
            return (not_written(error, self.session.again()),)
        return ()

    async def note(
        self, prepared: Prepared, kinds: Mapping[str, Kind], ended: Sequence[Outcome]
    ) -> tuple[Diagnostic, ...]:
        """Write down what a run without any change knows, if the ledger does not say it.

        `ended` is how its actions ended: what was only waited for may have failed.
        A protection that could not be written down is an error: one is returned, or LeaseHeld is
        raised. Of the rest a warning tells; the next run that changes something writes it too.
        """
        from peakctl.engine.record import is_recorded, record
        from peakctl.ledger.lease import note

        plan, ledger, gone = prepared.plan, prepared.world.ledger, prepared.gone
        there = {a.key: a for a in plan.actions if a.live is not None}
        outcomes = [outcome for outcome in ended if outcome.key in there]
        told = not gone and (not there or (ledger and is_recorded(plan, ledger, self.uses)))
        if told and not (ledger and self._left_behind(ledger, prepared, outcomes)):
            return ()

        def change(now: Ledger) -> Ledger:
            owned = without(gone, record(plan, outcomes, now, kinds, uses=self.uses))
            return replace(now, owned=owned, intents=self._open(now, prepared, outcomes, owned))

        try:
            written = await note(
                self.desk, change, actor=self.actor, run=self.run, command=self.session.command
            )
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


def open_keeper(session: Session, connection: Connection, wanted: Wanted) -> Keeper | None:
    """The bookkeeping of the run; None where no ledger is kept."""
    from peakctl.cli.actor import actor_of, run_id
    from peakctl.cli.inputs import root_of

    desk = desk_of(session, connection)
    if desk is None:
        return None
    uses = uses_of(wanted.resources)
    find_actor = functools.partial(actor_of, session.settings, root_of(session))
    return Keeper(session, desk, find_actor, run_id(), uses)
