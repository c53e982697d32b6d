"""Mending a ledger: over a version that cannot be read, or a lease whose run is dead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, LeaseHeld, LedgerUnusable
from peakctl.ledger.codec import read_ledger
from peakctl.ledger.desk import NOTHING, empty
from peakctl.ledger.lease_rules import overtaken
from peakctl.ledger.revisions import LedgerRevision, named, newest_in_force, readable
from peakctl.model import Flaw, PastRun
from peakctl.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.ledger.desk import Desk
    from peakctl.model import Actor, Key, Ledger, LedgerStore, Listed, Owned, Owner

UNLOCKED = "unlocked"


@dataclass(frozen=True, slots=True)
class Found:
    """A ledger as far as it can be read.

    `standing` has number 0 and an empty ledger where no version can be read; `damage` says so when
    that is true of the newest. `twins` are ids of further ledgers of the same name: the oldest
    counts.
    """

    standing: LedgerRevision
    damage: Diagnostic | None = None
    twins: tuple[str | int, ...] = ()


async def recover(store: LedgerStore, listed: tuple[Listed, ...], owner: Owner) -> Found | None:
    """The ledger of `owner`; corrupt versions count as void. None where there is no ledger.

    Raises LedgerUnusable for one that is not ours or of a newer format, ApiError and
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
) -> tuple[LedgerRevision, Diagnostic | None]:
    """What stands, and what is wrong with the newest version.

    A version that is no ledger at all counts as void too where an older one is ours: only then is
    it certain that the artifact is not somebody else's.
    """
    damage: Diagnostic | None = None
    foreign: LedgerUnusable | None = None
    for number in reversed(numbers):
        text = await store.read(id_, number)
        try:
            ledger = None if text is None else read_ledger(text, owner)
        except LedgerUnusable as error:
            if error.flaw is Flaw.NEWER or readable(text) is not None:
                raise
            foreign = error if error.flaw is Flaw.FOREIGN else foreign
            damage = damage or error.diagnostics[0]
            continue
        if ledger is not None:
            last, in_force = await newest_in_force(store, id_, numbers, number, ledger)
            return LedgerRevision(id_, last, numbers[-1], in_force), damage
    if foreign is not None:
        raise foreign
    return LedgerRevision(id_, 0, numbers[-1], empty(owner)), damage


def refuse_alive(desk: Desk, ledger: Ledger) -> None:
    """Raise LeaseHeld when the run that has the lease is certainly alive."""
    lease = ledger.lease
    if lease is None or not desk.alive(lease.actor):
        return
    process = safe_line(lease.actor.process.partition(":")[0])
    raise LeaseHeld(
        Diagnostic(
            code="lease/alive",
            summary=f"its process runs on this machine: process {process}",
            detail="without its lease it would go on, and another run would make the same again",
            fix="wait for it, or end it: its lease is free as soon as it is gone",
        )
    )


async def unlock(desk: Desk, standing: LedgerRevision, *, run: str, actor: Actor) -> LedgerRevision:
    """Take the lease away from the run that has it; what that run had in mind stays recorded.

    `standing` is what the user was shown; gives what stands now. Raises LeaseHeld when the ledger
    has moved since, ApiError and NotAuthenticated.
    """
    lease, now = standing.ledger.lease, desk.store.now()
    assert lease is not None  # noqa: S101 - the user was shown it
    ended = PastRun(lease.run, lease.actor, "", lease.since, now, UNLOCKED)
    told = PastRun(run, actor, "ledger unlock", now, now, "done")
    runs = (*standing.ledger.runs, ended, told)
    return await _write(desk, standing, replace(standing.ledger, lease=None, runs=runs))


async def write_owned(
    desk: Desk,
    standing: LedgerRevision | None,
    owned: Mapping[Key, Owned],
    *,
    run: str,
    actor: Actor,
) -> LedgerRevision:
    """Write down what a rebuild found; makes the ledger where there is none.

    Raises LeaseHeld when another run writes at the same moment, ApiError and NotAuthenticated.
    """
    before = standing.ledger if standing else empty(desk.owner)
    now, counts = desk.store.now(), {"owned": len(owned)}
    told = PastRun(run, actor, "ledger rebuild", now, now, "done", counts)
    ledger = replace(before, owned=owned, runs=(*before.runs, told))
    if standing is not None:
        return await _write(desk, standing, ledger)
    made = await desk.pen(NOTHING).make(ledger)
    if made is None:
        raise overtaken(desk.owner)
    return made


async def _write(desk: Desk, standing: LedgerRevision, ledger: Ledger) -> LedgerRevision:
    """Write once, onto `standing` and nothing else: what came between was not agreed to."""
    written = await desk.pen(NOTHING).write_once(standing, lambda _: ledger)
    if written is None:
        raise LeaseHeld(moved(desk.owner))
    return written


def moved(owner: Owner) -> Diagnostic:
    """What to tell when somebody wrote the ledger while we were about to."""
    return Diagnostic(
        code="lease/moved",
        summary=f"another run wrote the ledger of {owner} meanwhile",
        detail="so it is alive; nothing was changed",
        fix=f"see who it is: peakctl ledger show -e {owner.environment}",
    )
