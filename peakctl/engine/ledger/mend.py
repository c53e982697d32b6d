"""Mending a ledger: over a version that cannot be read, or a lease whose run is dead."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from peakctl.engine.ledger.chain import Standing, named, newest_in_force
from peakctl.engine.ledger.text import read_ledger, write_ledger
from peakctl.errors import Diagnostic, LeaseHeld, LedgerUnusable
from peakctl.model import Flaw, Ledger, PastRun, ledger_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.model import Actor, Key, LedgerStore, Listed, Owned, Owner

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
    ids = [each.id for each in named(listed, owner)]
    for id_ in ids:
        if numbers := await store.numbers(id_):
            standing, damage = await _salvage(store, id_, numbers, owner)
            return Found(standing, damage, tuple(other for other in ids if other != id_))
    return None


async def _salvage(
    store: LedgerStore, id_: str | int, numbers: tuple[int, ...], owner: Owner
) -> tuple[Standing, Diagnostic | None]:
    """What stands, and what is wrong with the newest version."""
    damage: Diagnostic | None = None
    for number in reversed(numbers):
        text = await store.read(id_, number)
        try:
            ledger = None if text is None else read_ledger(text, owner)
        except LedgerUnusable as error:
            if error.flaw is not Flaw.CORRUPT:
                raise
            damage = damage or error.diagnostics[0]
            continue
        if ledger is not None:
            last, in_force = await newest_in_force(store, id_, numbers, number, ledger)
            return Standing(id_, last, numbers[-1], in_force), damage
    return Standing(id_, 0, numbers[-1], empty_ledger(owner)), damage


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
        numbers = await store.numbers(standing.id)
        last, _ = await newest_in_force(store, standing.id, numbers, number, written)
        if last != number:
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
