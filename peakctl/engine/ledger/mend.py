"""Mending a ledger: over a version that cannot be read, or a lease whose run is dead."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from peakctl.engine.ledger.chain import Standing
from peakctl.engine.ledger.text import read_ledger, write_ledger
from peakctl.errors import Diagnostic, LeaseHeld, LedgerUnusable
from peakctl.model import Flaw, Ledger, Owner, PastRun, ledger_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.model import Actor, Key, LedgerStore, Listed, Owned

UNLOCKED = "unlocked"
KEPT_RUNS = 20
_SALT_BYTES = 16
_WRITER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A ledger as far as it can be read.

    `standing` has number 0 and an empty ledger where no version can be read; `damage` says so when
    that is true of the newest. `twins` are ids of further ledgers of the same name: the oldest
    counts.
    """

    standing: Standing
    damage: Diagnostic | None = None
    twins: tuple[str | int, ...] = ()


async def salvage(store: LedgerStore, listed: tuple[Listed, ...], owner: Owner) -> Found | None:
    """The ledger of `owner`; corrupt versions count as void. None where there is no ledger.

    Raises LedgerUnusable for one that is another project's or of a newer format, ApiError and
    NotAuthenticated.
    """
    named = [each.id for each in listed if each.name == ledger_name(owner)]
    if not named:
        return None
    versions = _Versions(store, named[0], await store.numbers(named[0]), owner)
    newest = max(versions.numbers, default=0)
    standing = Standing(named[0], 0, newest, empty_ledger(owner))
    for number in reversed(versions.numbers):
        ledger = await versions.read(number)
        if ledger is not None and await versions.is_in_force(number, ledger):
            standing = Standing(named[0], number, newest, ledger)
            break
    return Found(standing, versions.damage.get(newest), tuple(named[1:]))


def empty_ledger(owner: Owner) -> Ledger:
    """A ledger that lists nothing, with a salt of its own."""
    return Ledger(owner, salt=secrets.token_hex(_SALT_BYTES))


async def unlock(store: LedgerStore, standing: Standing, *, run: str, actor: Actor) -> Standing:
    """Take the lease away from the run that has it; what that run had in mind stays recorded.

    `standing` is what the user was shown; gives what stands now. Raises LeaseHeld when the ledger
    has moved since: the run is alive.
    """
    lease = standing.ledger.lease
    assert lease is not None  # noqa: S101 - callers look first
    now = store.now()
    ended = PastRun(lease.run, lease.actor, "", lease.since, now, UNLOCKED)
    told = PastRun(run, actor, "ledger unlock", now, now, "done")
    runs = (*standing.ledger.runs, ended, told)
    return await write_next(store, standing, replace(standing.ledger, lease=None, runs=runs))


async def write_owned(
    store: LedgerStore,
    standing: Standing | None,
    owner: Owner,
    owned: Mapping[Key, Owned],
    *,
    run: str,
    actor: Actor,
) -> Standing:
    """Write down what a rebuild found; makes the ledger where there is none. Raises LeaseHeld."""
    before = standing.ledger if standing else empty_ledger(owner)
    now = store.now()
    counts = {"owned": len(owned)}
    past = PastRun(run, actor, "ledger rebuild", now, now, "done", counts)
    ledger = replace(before, owned=owned, runs=(*before.runs, past))
    if standing is None:
        return await _make(store, ledger)
    return await write_next(store, standing, ledger)


async def write_next(store: LedgerStore, standing: Standing, ledger: Ledger) -> Standing:
    """Add `ledger` as the version after `standing`. Raises LeaseHeld when another came between."""
    written = replace(
        ledger,
        base=standing.number,
        seen=standing.newest,
        writer=secrets.token_hex(_WRITER_BYTES),
        runs=ledger.runs[-KEPT_RUNS:],
    )
    number = await store.append(standing.id, write_ledger(written))
    if number > standing.newest + 1:
        between = _Versions(store, standing.id, await store.numbers(standing.id), ledger.owner)
        if not await between.is_in_force(number, written):
            raise LeaseHeld(moved(ledger.owner))
    return Standing(standing.id, number, number, written)


async def _make(store: LedgerStore, ledger: Ledger) -> Standing:
    """The first version of a ledger; of two that are made at once the older one counts."""
    name = ledger_name(ledger.owner)
    written = replace(ledger, writer=secrets.token_hex(_WRITER_BYTES))
    made = await store.create(name, write_ledger(written))
    first = next((each for each in await store.list() if each.name == name), None)
    if first is not None and str(first.id) != str(made):
        await store.remove(made)
        raise LeaseHeld(moved(ledger.owner))
    return Standing(made, 1, 1, written)


def moved(owner: Owner) -> Diagnostic:
    """What to tell when somebody wrote the ledger while we were about to."""
    return Diagnostic(
        code="lease/moved",
        summary=f"another run wrote the ledger of {owner} meanwhile",
        detail="it is alive; nothing was changed here",
        fix="see who it is: peakctl ledger show, and run the same command again",
    )


@dataclass(slots=True)
class _Versions:
    """The versions of one ledger, each read once."""

    store: LedgerStore
    id: str | int
    numbers: tuple[int, ...]
    owner: Owner
    known: dict[int, Ledger | None] = field(default_factory=dict)
    damage: dict[int, Diagnostic] = field(default_factory=dict)

    async def read(self, number: int) -> Ledger | None:
        """The ledger of that version, None when it is gone or corrupt."""
        if number not in self.known:
            self.known[number] = await self._read(number)
        return self.known[number]

    async def _read(self, number: int) -> Ledger | None:
        text = await self.store.read(self.id, number)
        try:
            return None if text is None else read_ledger(text, self.owner)
        except LedgerUnusable as error:
            if error.flaw is not Flaw.CORRUPT:
                raise
            self.damage[number] = error.diagnostics[0]
            return None

    async def is_in_force(self, number: int, ledger: Ledger) -> bool:
        """Whether no version that its writer did not know of was in force before it."""
        for other in self.numbers:
            if ledger.seen < other < number:
                found = await self.read(other)
                if found is not None and await self.is_in_force(other, found):
                    return False
        return True
