"""Where a run keeps its ledger, and how it takes the lease there."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from peakctl.ledger.lease_rules import held, is_held, overtaken, record_dead_run
from peakctl.ledger.writing import Pen
from peakctl.model import Intent, Lease, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from peakctl.ledger.revisions import LedgerRevision
    from peakctl.model import Actor, Clock, LedgerStore, Owner

LEASE = 900.0
"""Seconds that a lease holds; it is renewed when a third of them has passed."""
NOTHING = "no resource was changed"
SO_FAR = "what this run did so far stays as it is"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a run keeps its ledger.

    `alive` says of an actor whether it still runs: False is certain, None is unknown.
    """

    store: LedgerStore
    owner: Owner
    clock: Clock
    alive: Callable[[Actor], bool | None]

    def pen(self, meanwhile: str, owner: Owner | None = None) -> Pen:
        """What writes the ledger of `owner`, of the desk's own if there is none."""
        return Pen(self.store, owner or self.owner, self.clock, meanwhile)


@dataclass(slots=True)
class Taking:
    """A lease that is about to be taken. `found` is the ledger that it was written onto."""

    desk: Desk
    lease: Lease
    command: str
    intents: tuple[Intent, ...]
    found: Ledger | None = None
    taken: LedgerRevision | None = None

    async def write(self, standing: LedgerRevision | None) -> None:
        """Write it until it is in force. Raises LeaseHeld."""
        pen = self.desk.pen(NOTHING)
        if standing is not None:
            self.taken = await pen.rewrite(standing, self._onto)
            return
        self.taken = await pen.make(self._onto(empty(self.desk.owner)))
        if self.taken is None:
            raise overtaken(self.desk.owner)

    def _onto(self, ledger: Ledger) -> Ledger:
        now = self.desk.store.now()
        actor = self.lease.actor
        refuse_held(self.desk, ledger, actor)
        self.found = ledger
        self.lease = replace(self.lease, since=now, until=now + LEASE)
        both = (*ledger.intents, *self.intents)
        intents = {replace(intent, run=""): intent for intent in both}
        return replace(
            ledger,
            lease=self.lease,
            intents=tuple(intents.values()),
            runs=record_dead_run(ledger, now),
        )


def empty(owner: Owner) -> Ledger:
    """A ledger that lists nothing, with a salt of its own."""
    return Ledger(owner, salt=secrets.token_hex(16))


def refuse_held(desk: Desk, ledger: Ledger, actor: Actor, *, elsewhere: bool = False) -> None:
    """Raise LeaseHeld when another run than `actor`'s has the lease of `ledger`.

    `elsewhere` says that it is another project's ledger.
    """
    now, lease = desk.store.now(), ledger.lease
    if lease is not None and is_held(lease, actor, now, desk.alive):
        raise held(desk.owner, lease, now, elsewhere=elsewhere)
