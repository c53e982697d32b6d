"""Makes a ledger usable again: past a damaged version, or a lease whose run is dead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from peakctl.errors import Diagnostic, LeaseHeld, LedgerUnusable
from peakctl.ledger.client import LedgerClient
from peakctl.ledger.codec import read_ledger
from peakctl.ledger.revisions import LedgerRevision, empty_ledger, named, newest_in_force, readable
from peakctl.model import Flaw, Key, Ledger, LedgerStore, Listed, Owned, Owner, Run
from peakctl.model.records import dataclass
from peakctl.model.text import safe_line

UNLOCKED = "unlocked"


@dataclass(frozen=True, slots=True)
class Found:
    """A ledger as far as it can be read.

    `revision` has number 0 and an empty ledger where no version can be read; `damage` says so when
    that is true of the newest. `duplicates` are ids of further ledgers of the same name: the oldest
    counts.
    """

    revision: LedgerRevision
    damage: Diagnostic | None = None
    duplicates: tuple[str | int, ...] = ()


async def recover(store: LedgerStore, listed: tuple[Listed, ...], owner: Owner) -> Found | None:
    """The ledger of `owner`; corrupt versions count as void. None where there is no ledger.

    Raises LedgerUnusable for one that is not ours or of a newer format, ApiError and
    NotAuthenticated.
    """
    ids = [each.id for each in named(listed, owner)]
    for id_ in ids:
        if numbers := await store.numbers(id_):
            revision, damage = await _last_readable(store, id_, numbers, owner)
            return Found(revision, damage, tuple(other for other in ids if other != id_))
    return None


async def _last_readable(
    store: LedgerStore, id_: str | int, numbers: tuple[int, ...], owner: Owner
) -> tuple[LedgerRevision, Diagnostic | None]:
    """The revision in force of what can be read, and what is wrong with the newest version.

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
    return LedgerRevision(id_, 0, numbers[-1], empty_ledger(owner)), damage


def refuse_alive(client: LedgerClient, ledger: Ledger) -> None:
    """Raise LeaseHeld when the run that has the lease is certainly alive."""
    lease = ledger.lease
    if lease is None or not client.alive(lease.actor):
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


async def unlock(client: LedgerClient, revision: LedgerRevision, run: Run) -> LedgerRevision:
    """Take the lease away from the run that has it; what that run set out to do stays recorded.

    `revision` is what the user was shown; gives what is in force now. Raises LeaseHeld when the
    ledger has moved since, ApiError and NotAuthenticated.
    """
    ledger, now = revision.ledger, client.store.now()
    assert ledger.lease is not None  # noqa: S101 - the user was shown it
    runs = (*ledger.runs, ledger.lease.ended(now, UNLOCKED), run.ended(now, "done"))
    return await client.write_once(revision, replace(ledger, lease=None, runs=runs))


async def write_owned(
    client: LedgerClient, revision: LedgerRevision | None, owned: Mapping[Key, Owned], run: Run
) -> LedgerRevision:
    """Write down what a rebuild found; creates the ledger where there is none.

    Raises LeaseHeld when another run writes at the same moment, ApiError and NotAuthenticated.
    """
    before = revision.ledger if revision else empty_ledger(client.owner)
    past = run.ended(client.store.now(), "done", {"owned": len(owned)})
    return await client.write_once(
        revision, replace(before, owned=owned, runs=(*before.runs, past))
    )
