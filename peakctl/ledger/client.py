"""Reads and writes a ledger: nothing that another run wrote is lost, no write happens twice."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TypeVar

from peakctl.api.lost_answers import LOOK_PAUSES, find_lost_write
from peakctl.errors import ApiError, Diagnostic, LeaseHeld, NotAuthenticated
from peakctl.ledger.codec import write_ledger
from peakctl.ledger.lease import HeldLease
from peakctl.ledger.revisions import (
    LedgerRevision,
    all_of,
    empty_ledger,
    find_revision,
    named,
    newest_in_force,
    readable,
)
from peakctl.model import Actor, Clock, Intent, Ledger, LedgerStore, Listed, Owner, Run, ledger_name
from peakctl.model.records import dataclass

T = TypeVar("T")

TRIES = 6
"""How often a change is made again because another writer was quicker."""
SENDS = 2
KEPT_RUNS = 20
KEPT_VERSIONS = 10
DROPS = 20
NOTHING_CHANGED = "no resource was changed"
_FORBIDDEN = "auth/forbidden"


@dataclass(frozen=True, slots=True)
class LedgerClient:
    """Reads and writes the ledger of `owner`.

    `alive` says of an actor whether it still runs: False is certain, None is unknown. `so_far` is
    what the run has changed until now: it is told where the token may not write artifacts.
    `created` is called once a first ledger is there, before it is known to be the only one.

    Methods raise ApiError, NotAuthenticated, LedgerUnusable, and PeakctlError for a ledger that
    cannot be written down.
    """

    store: LedgerStore
    owner: Owner
    clock: Clock
    alive: Callable[[Actor], bool | None]
    so_far: str = NOTHING_CHANGED
    created: Callable[[], None] | None = None

    async def find(self, listed: tuple[Listed, ...] | None = None) -> LedgerRevision | None:
        """The revision in force; None when there is no ledger. `listed` are all that there are."""
        ledgers = await self.store.list() if listed is None else listed
        return await find_revision(self.store, ledgers, self.owner)

    @contextlib.asynccontextmanager
    async def lease(
        self,
        run: Run,
        intents: tuple[Intent, ...],
        listed: tuple[Listed, ...] | None = None,
        read: LedgerRevision | None = None,
    ) -> AsyncIterator[HeldLease]:
        """Hold the lease for `run`, which sets out to do `intents`; as `HeldLease.acquire`.

        A block that ends without `finish`, and before `renewing`, has changed nothing: its lease is
        released.
        """
        held = await HeldLease.acquire(self, run, intents, listed, read)
        try:
            yield held
        finally:
            await held.close()

    async def rewrite(
        self, revision: LedgerRevision | None, change: Callable[[Ledger], Ledger]
    ) -> LedgerRevision:
        """Write what `change` makes of the ledger in force, again whenever another was quicker.

        Without a revision it is made of an empty ledger. Raises what `change` raises, and LeaseHeld
        when another run has created the first ledger meanwhile.
        """
        if revision is None:
            return await self._create_first(change(empty_ledger(self.owner)))
        for _ in range(TRIES):
            written, found = await self._write(revision, change(revision.ledger))
            if found.ledger.writer == written.writer:
                return found
            revision = found
        raise ApiError(_busy(self.owner), status=409)

    async def write_once(self, revision: LedgerRevision | None, ledger: Ledger) -> LedgerRevision:
        """Write `ledger` onto `revision` and no other. Raises LeaseHeld when that has moved."""
        if revision is None:
            return await self._create_first(ledger)
        written, found = await self._write(revision, ledger)
        if found.ledger.writer != written.writer:
            raise LeaseHeld(_moved(self.owner))
        return found

    async def trim(self, revision: LedgerRevision) -> None:
        """Delete old versions. What the platform does not let go of stays; nobody is told."""
        if revision.number <= KEPT_VERSIONS:
            return
        with contextlib.suppress(ApiError, NotAuthenticated):
            numbers = await self.store.numbers(revision.id)
            old = [n for n in numbers if n < revision.number][: 1 - KEPT_VERSIONS]
            for number in old[: -DROPS - 1 : -1]:
                await self.store.drop(revision.id, number)

    # --- one write -------------------------------------------------------------------------

    async def _write(
        self, revision: LedgerRevision, changed: Ledger
    ) -> tuple[Ledger, LedgerRevision]:
        """What was written, and what is in force then: that, or what came between."""
        ledger = replace(
            changed,
            writer=_word(),
            base=revision.number,
            seen=revision.newest,
            runs=changed.runs[-KEPT_RUNS:],
        )
        number = await self._append(revision, ledger)
        if number == revision.newest + 1:
            return ledger, LedgerRevision(revision.id, number, number, ledger)
        numbers = await self.store.numbers(revision.id)
        found = await newest_in_force(self.store, revision.id, numbers, number, ledger)
        return ledger, LedgerRevision(revision.id, found[0], number, found[1])

    async def _append(self, revision: LedgerRevision, ledger: Ledger, sends: int = SENDS) -> int:
        """The number of the new version.

        After doubt it is looked for, and sent once more when it is not there: should the first one
        arrive late all the same, one of the two is void, and they say the same.
        """
        try:
            return await self._send(self.store.append(revision.id, write_ledger(ledger)))
        except ApiError as error:
            if not error.doubtful:
                raise
            number = await find_lost_write(lambda: self._look_for(revision, ledger), self.clock)
            if number is not None:
                return number
            if sends == 1:
                raise
        return await self._append(revision, ledger, sends - 1)

    async def _look_for(self, revision: LedgerRevision, ledger: Ledger) -> int | None:
        """The number of the version that says what `ledger` says, None when it is not there."""
        numbers = await self.store.numbers(revision.id)
        later = [number for number in numbers if number > revision.newest]
        texts = await all_of(self.store.read(revision.id, number) for number in later)
        found = zip(later, texts, strict=True)
        return next((number for number, text in found if _is_by(ledger.writer, text)), None)

    # --- the first version -----------------------------------------------------------------

    async def _create_first(self, ledger: Ledger) -> LedgerRevision:
        """The first version of the first ledger. Raises LeaseHeld when another run created one.

        Of several that are created in the same second the first in order waits until the others are
        taken back; one that stays was there alone once, and counts.
        """
        written = replace(ledger, writer=_word(), base=0, seen=0)
        made = await self._create(written)
        if self.created is not None:
            self.created()
        try:
            is_first = await self._is_first(made)
        except (ApiError, NotAuthenticated):
            await self._take_back(made, written)
            raise
        if is_first:
            return LedgerRevision(made, 1, 1, written)
        await self._take_back(made, written)
        raise LeaseHeld(_overtaken(self.owner))

    async def _take_back(self, made: str | int, written: Ledger) -> None:
        """Remove a ledger of ours that may not be the first, unless somebody builds on it already.

        Until then its lease keeps others off. Where it cannot be removed it is written without the
        lease: should another have written meanwhile, theirs stays in force. Whatever fails here
        is left: the run ends with an error in any case.
        """
        left = (ApiError, NotAuthenticated, LeaseHeld)
        with contextlib.suppress(*left):
            versions = len(await self.store.numbers(made))
            if versions == 1:
                await self.store.remove(made)
            if versions:
                return
        with contextlib.suppress(*left):
            free = replace(written, lease=None, intents=())
            await self.write_once(LedgerRevision(made, 1, 1, written), free)

    async def _create(self, ledger: Ledger) -> str | int:
        """The id; what is in doubt is looked for, and never sent twice."""
        try:
            return await self._send(
                self.store.create(ledger_name(self.owner), write_ledger(ledger))
            )
        except ApiError as error:
            if not error.doubtful:
                raise
            made: str | int | None = await find_lost_write(
                lambda: self._look_for_new(ledger), self.clock
            )
            if made is None:
                raise
            return made

    async def _look_for_new(self, ledger: Ledger) -> str | int | None:
        for each in named(await self.store.list(), self.owner):
            if _is_by(ledger.writer, await self.store.read(each.id, 1)):
                return each.id
        return None

    async def _is_first(self, made: str | int) -> bool:
        """Whether no other ledger of the name is as old. Looks again until ours is listed, and

        while others of the same second come after it: they are about to go.
        """
        others = False
        for pause in LOOK_PAUSES:
            await self.clock.sleep(pause)
            before, ours, after = _around(made, named(await self.store.list(), self.owner))
            if await self._any_version(before):
                return False
            others = await self._any_version(after)
            if not others and (ours or before):
                return True
        return not others

    async def _any_version(self, ledgers: Sequence[Listed]) -> bool:
        return any([await self.store.numbers(each.id) for each in ledgers])

    async def _send(self, write: Coroutine[object, object, T]) -> T:
        try:
            return await write
        except NotAuthenticated as error:
            if error.diagnostics[0].code != _FORBIDDEN:
                raise
            raise NotAuthenticated(_may_not_write(self.owner, self.so_far)) from error


def _is_by(writer: str, text: bytes | None) -> bool:
    ledger = readable(text)
    return ledger is not None and ledger.writer == writer


def _around(
    made: str | int, listed: Sequence[Listed]
) -> tuple[Sequence[Listed], Listed | None, Sequence[Listed]]:
    """What is before ours, ours, and what comes after it and is as old, to the second.

    Where ours is not listed yet, everything is before it.
    """
    ids = [str(each.id) for each in listed]
    if str(made) not in ids:
        return listed, None, ()
    at = ids.index(str(made))
    after = [each for each in listed[at + 1 :] if _second(each) <= _second(listed[at])]
    return listed[:at], listed[at], after


def _second(listed: Listed) -> str:
    """When it was created, to the second: `2020-01-01T18:00:00`."""
    return str(listed.item.get("createdAt") or "")[:19]


def _word() -> str:
    return secrets.token_hex(8)


def _may_not_write(owner: Owner, so_far: str) -> Diagnostic:
    return Diagnostic(
        code="auth/ledger",
        summary="the token may not write artifacts, and the ledger is one (403)",
        detail=so_far,
        fix=(
            "let the token write artifacts, or set `ledger: false` in the environment "
            f"{owner.named} of peakctl.yaml"
        ),
    )


def _busy(owner: Owner) -> Diagnostic:
    return Diagnostic(
        code="ledger/busy",
        summary=f"other runs keep writing the ledger of {owner}",
        detail=f"{TRIES} tries to write it were overtaken",
        fix="see who it is: peakctl ledger show",
    )


def _moved(owner: Owner) -> Diagnostic:
    return Diagnostic(
        code="lease/moved",
        summary=f"another run wrote the ledger of {owner} meanwhile",
        detail="so it is alive; nothing was changed",
        fix=f"see who it is: peakctl ledger show -e {owner.named}",
    )


def _overtaken(owner: Owner) -> Diagnostic:
    return Diagnostic(
        code="lease/overtaken",
        summary=f"another run has just created the ledger of {owner}",
        detail="nothing was changed; if that run says the same, neither of the two counted",
        fix="run the same command again",
    )
