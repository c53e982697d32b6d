"""The right to apply: taken before the first write, renewed, and given back with what was done.

A lease is a part of the ledger, so it is taken by writing a version and holds when that version
is in force. Times are the platform's own, except for when to renew.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from peakctl.errors import ApiError, PeakctlError
from peakctl.ledger.desk import LEASE, NOTHING, SO_FAR, Desk, Taking, empty, refuse_held
from peakctl.ledger.lease_rules import is_held, is_same, record_dead_run
from peakctl.ledger.revisions import find_revision
from peakctl.ledger.writing import see_through
from peakctl.model import Intent, Lease, Ledger, PastRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from peakctl.ledger.revisions import LedgerRevision
    from peakctl.model import Actor, Key, Listed, Owned, Owner

__all__ = ["LEASE", "Desk", "Hold", "disown", "note"]

K = TypeVar("K")
V = TypeVar("V")

AGAIN = 30.0
"""Seconds after a renewal that failed until the next try."""


class Hold:
    """A lease in force. `before` are the intents of earlier runs that never reported.

    `lost` is set once the lease is seen not to be ours any more, at the latest by `finish`;
    `took_over` is the lease of a dead run that stood in the ledger when this one was taken.
    `replaced` are entries that another run wrote meanwhile, each with ours that came in its place.
    """

    def __init__(self, taking: Taking, standing: LedgerRevision) -> None:
        self.lost = False
        self.replaced: tuple[tuple[Owned, Owned], ...] = ()
        self.took_over = taking.found.lease if taking.found else None
        self.before = taking.found.intents if taking.found else ()
        self._desk = taking.desk
        self._lease = taking.lease
        self._command = taking.command
        self._start, self._standing = standing.ledger, standing
        self._lock = asyncio.Lock()
        self._over = False
        self._due = self._good_until = 0.0
        self._written_at(self._desk.clock.now())

    @property
    def ledger(self) -> Ledger:
        """The ledger in force, with our lease in it."""
        return self._standing.ledger

    @classmethod
    async def take(
        cls,
        desk: Desk,
        *,
        run: str,
        actor: Actor,
        command: str,
        intents: tuple[Intent, ...],
        ledgers: tuple[Listed, ...] | None = None,
    ) -> Hold:
        """Write a version with our lease that is in force. `ledgers` are those that were listed.

        Raises LeaseHeld while another run has it, LedgerUnusable, NotAuthenticated, ApiError. When
        it is cancelled, what it wrote is taken back first.
        """
        listed = await desk.store.list() if ledgers is None else ledgers
        standing = await find_revision(desk.store, listed, desk.owner)
        taking = Taking(desk, Lease(run, actor, 0, 0), command, intents)
        try:
            await see_through(taking.write(standing))
        except asyncio.CancelledError:
            if taking.taken is not None:
                with contextlib.suppress(PeakctlError):
                    await see_through(cls(taking, taking.taken)._let_go())
            raise
        assert taking.taken is not None  # noqa: S101 - else it has raised
        return cls(taking, taking.taken)

    async def keep(self, on_lost: Callable[[], None]) -> None:
        """Renew the lease until it is given back or lost, which `on_lost` is called for once."""
        clock = self._desk.clock
        while not self.lost and not self._over:
            await clock.sleep(max(0.0, self._due - clock.now()))
            async with self._lock:
                if not self._over:
                    await self._renew()
        if self.lost:
            on_lost()

    async def finish(
        self,
        *,
        owned: Mapping[Key, Owned],
        intents: tuple[Intent, ...],
        outcome: str,
        counts: Mapping[str, int],
    ) -> None:
        """Write what is owned now and what is still meant to be done, and give the lease back.

        `owned` and `intents` are whole; what others wrote meanwhile stays where this run did not
        change it. Raises ApiError and NotAuthenticated when it could not be written. One
        cancellation does not stop it.
        """

        def change(ledger: Ledger) -> Ledger:
            lease = self._lease
            self.lost = self.lost or not is_same(ledger.lease, lease)
            self.replaced = _replaced(self._start.owned, owned, ledger.owned)
            past = PastRun(
                lease.run,
                lease.actor,
                self._command,
                lease.since,
                max(lease.since, self._desk.store.now()),
                outcome,
                counts,
            )
            return replace(
                self._without_lease(ledger, intents),
                owned=_three_way(self._start.owned, owned, ledger.owned),
                runs=(*(r for r in ledger.runs if r.run != lease.run), past),
            )

        await see_through(self._end(change))
        if not self.lost:
            await self._desk.pen(SO_FAR).trim(self._standing)

    async def _end(self, change: Callable[[Ledger], Ledger]) -> None:
        async with self._lock:
            self._over = True
            self._standing = await self._desk.pen(SO_FAR).rewrite(self._standing, change)

    async def _let_go(self) -> None:
        """Give the lease back as if it had never been taken."""
        await self._end(lambda ledger: self._without_lease(ledger, self.before))

    def _without_lease(self, ledger: Ledger, intents: tuple[Intent, ...]) -> Ledger:
        """`ledger` without what this run set out to do; the lease of another run stays."""
        ours = {*self._start.intents, *intents}
        theirs = tuple(intent for intent in ledger.intents if intent not in ours)
        lease = None if is_same(ledger.lease, self._lease) else ledger.lease
        return replace(ledger, lease=lease, intents=(*theirs, *intents))

    # --- renewal ---------------------------------------------------------------------------

    async def _renew(self) -> None:
        began = self._desk.clock.now()
        try:
            pen = self._desk.pen(SO_FAR)
            self._standing = await pen.rewrite(self._standing, self._renewed)
        except _Lost:
            self.lost = True
        except PeakctlError as error:
            gone = isinstance(error, ApiError) and error.status == 404
            self.lost = gone or self._desk.clock.now() >= self._good_until
            self._due = self._desk.clock.now() + AGAIN
        else:
            self._written_at(began)

    def _renewed(self, ledger: Ledger) -> Ledger:
        if not is_same(ledger.lease, self._lease):
            raise _Lost
        return replace(ledger, lease=replace(self._lease, until=self._desk.store.now() + LEASE))

    def _written_at(self, moment: float) -> None:
        self._due, self._good_until = moment + LEASE / 3, moment + LEASE


class _Lost(Exception):
    """The ledger in force has another lease than ours, or none."""


async def disown(
    desk: Desk, owner: Owner, ids: frozenset[tuple[str, str]], *, run: str, actor: Actor
) -> None:
    """Take resources, by kind and id, out of the ledger of `owner`, and what it meant for them.

    Raises LeaseHeld while a run of that project has its lease, LedgerUnusable, ApiError,
    NotAuthenticated.
    """
    theirs = replace(desk, owner=owner)

    def change(ledger: Ledger) -> Ledger:
        refuse_held(theirs, ledger, actor, elsewhere=True)
        now = desk.store.now()
        left = {key: each for key, each in ledger.owned.items() if not taken(each)}
        past = PastRun(
            run,
            actor,
            f"taken over by {desk.owner}",
            now,
            now,
            "done",
            {"disowned": len(ledger.owned) - len(left)},
        )
        gone = ledger.owned.keys() - left.keys()
        intents = tuple(intent for intent in ledger.intents if intent.key not in gone)
        return replace(ledger, owned=left, intents=intents, runs=(*ledger.runs, past))

    def taken(each: Owned) -> bool:
        return (each.key.kind, str(each.id)) in ids

    standing = await find_revision(desk.store, await desk.store.list(), owner)
    if standing is not None and any(map(taken, standing.ledger.owned.values())):
        await see_through(theirs.pen(NOTHING).rewrite(standing, change))


async def refuse_any_held(desk: Desk, owners: Iterable[Owner], actor: Actor) -> None:
    """Return when nobody has the lease of any of the projects. Raises LeaseHeld and as `disown`."""
    listed = await desk.store.list()
    for owner in owners:
        standing = await find_revision(desk.store, listed, owner)
        if standing is not None:
            refuse_held(replace(desk, owner=owner), standing.ledger, actor, elsewhere=True)


async def note(
    desk: Desk,
    change: Callable[[Ledger], Ledger],
    *,
    actor: Actor,
    run: str,
    command: str,
    outcome: str = "done",
) -> bool:
    """Write down what `change` makes of the ledger in force, without a lease, where that is free.

    False when nothing was written: a run has the lease, or wrote at the same moment. Raises
    LedgerUnusable, ApiError, NotAuthenticated.
    """
    standing = await find_revision(desk.store, await desk.store.list(), desk.owner)
    before = standing.ledger if standing else empty(desk.owner)
    now = desk.store.now()
    if is_held(before.lease, actor, now, desk.alive):
        return False
    past = PastRun(run, actor, command, now, now, outcome)
    ledger = replace(change(before), lease=None, runs=(*record_dead_run(before, now), past))
    pen = desk.pen(NOTHING)
    if standing is None:
        return await pen.make(ledger) is not None
    return await pen.write_once(standing, lambda _: ledger) is not None


def _three_way(before: Mapping[K, V], after: Mapping[K, V], theirs: Mapping[K, V]) -> dict[K, V]:
    """`theirs` with what changed from `before` to `after`."""
    same = {key for key in before if key in after and before[key] == after[key]}
    ours = {key: value for key, value in after.items() if key not in same}
    kept = {key: value for key, value in theirs.items() if key in same or key not in before}
    return {**kept, **ours}


def _replaced(
    before: Mapping[Key, Owned], after: Mapping[Key, Owned], theirs: Mapping[Key, Owned]
) -> tuple[tuple[Owned, Owned], ...]:
    """What is new in `theirs` and is another thing of that name in `after`, with that one."""
    both = ((theirs[key], mine) for key, mine in sorted(after.items()) if key in theirs)
    return tuple(
        (other, mine)
        for other, mine in both
        if before.get(mine.key) not in (mine, other) and str(other.id) != str(mine.id)
    )
