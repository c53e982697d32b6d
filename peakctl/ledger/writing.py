"""Writing a ledger so that nothing that another wrote is lost, and no write happens twice."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from peakctl.errors import ApiError, Diagnostic, NotAuthenticated
from peakctl.ledger.codec import write_ledger
from peakctl.ledger.revisions import LedgerRevision, all_of, named, newest_in_force, readable
from peakctl.model import ledger_name

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from peakctl.model import Clock, Ledger, LedgerStore, Listed, Owner

T = TypeVar("T")

LOOK_PAUSES = (0.0, 2.0, 5.0, 10.0)
"""Seconds before each look for a write whose answer was lost."""
ROUNDS = 6
"""How often a change is made anew because another writer was quicker."""
SENDS = 2
KEPT_RUNS = 20
KEPT_VERSIONS = 10
DROPS = 20
_FORBIDDEN = "auth/forbidden"


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes versions of one owner's ledger. `meanwhile` is told where the token may not write.

    Methods raise ApiError, NotAuthenticated, what the change that they are given raises, and
    PeakctlError for a ledger that cannot be written down.
    """

    store: LedgerStore
    owner: Owner
    clock: Clock
    meanwhile: str

    async def rewrite(
        self, standing: LedgerRevision, change: Callable[[Ledger], Ledger]
    ) -> LedgerRevision:
        """Write what `change` makes of the ledger in force, anew whenever another was quicker."""
        for _ in range(ROUNDS):
            written, found = await self._write(standing, change)
            if found.ledger.writer == written.writer:
                return found
            standing = found
        raise ApiError(_busy(self.owner), status=409)

    async def write_once(
        self, standing: LedgerRevision, change: Callable[[Ledger], Ledger]
    ) -> LedgerRevision | None:
        """The same once; None when another was quicker."""
        written, found = await self._write(standing, change)
        return found if found.ledger.writer == written.writer else None

    async def make(self, ledger: Ledger) -> LedgerRevision | None:
        """The first version of the first ledger; None when another run made one meanwhile.

        Of several that are made in the same second the first in order waits until the others are
        taken back; one that stays was there alone once, and counts.
        """
        written = replace(ledger, writer=_word(), base=0, seen=0)
        made = await self._create(written)
        if await self._is_first(made):
            return LedgerRevision(made, 1, 1, written)
        with contextlib.suppress(ApiError, NotAuthenticated):
            if len(await self.store.numbers(made)) == 1:  # else somebody builds on it already
                await self.store.remove(made)
        return None

    async def trim(self, standing: LedgerRevision) -> None:
        """Delete old versions. What the platform does not let go of stays; nobody is told."""
        if standing.number <= KEPT_VERSIONS:
            return
        with contextlib.suppress(ApiError, NotAuthenticated):
            numbers = await self.store.numbers(standing.id)
            old = [n for n in numbers if n < standing.number][: 1 - KEPT_VERSIONS]
            for number in old[: -DROPS - 1 : -1]:
                await self.store.drop(standing.id, number)

    # --- one write -------------------------------------------------------------------------

    async def _write(
        self, standing: LedgerRevision, change: Callable[[Ledger], Ledger]
    ) -> tuple[Ledger, LedgerRevision]:
        """What was written, and what stands then: that, or what came between."""
        changed = change(standing.ledger)
        ledger = replace(
            changed,
            writer=_word(),
            base=standing.number,
            seen=standing.newest,
            runs=changed.runs[-KEPT_RUNS:],
        )
        number = await self._append(standing, ledger)
        if number == standing.newest + 1:
            return ledger, LedgerRevision(standing.id, number, number, ledger)
        numbers = await self.store.numbers(standing.id)
        found = await newest_in_force(self.store, standing.id, numbers, number, ledger)
        return ledger, LedgerRevision(standing.id, found[0], number, found[1])

    async def _append(self, standing: LedgerRevision, ledger: Ledger, sends: int = SENDS) -> int:
        """The number of the new version.

        After doubt it is looked for, and sent once more when it is not there: should the first one
        arrive late all the same, one of the two is void, and they say the same.
        """
        try:
            return await self._send(self.store.append(standing.id, write_ledger(ledger)))
        except ApiError as error:
            if not error.doubtful:
                raise
            number = await self._look_for(standing, ledger)
            if number is not None:
                return number
            if sends == 1:
                raise
        return await self._append(standing, ledger, sends - 1)

    async def _look_for(self, standing: LedgerRevision, ledger: Ledger) -> int | None:
        """The number of the version that says what `ledger` says, None when it is not there."""
        for pause in LOOK_PAUSES:
            await self.clock.sleep(pause)
            with contextlib.suppress(ApiError):  # who cannot look knows no more than before
                numbers = await self.store.numbers(standing.id)
                later = [number for number in numbers if number > standing.newest]
                texts = await all_of(self.store.read(standing.id, number) for number in later)
                for number, text in zip(later, texts, strict=True):
                    if _is_by(ledger.writer, text):
                        return number
        return None

    # --- the first version -----------------------------------------------------------------

    async def _create(self, ledger: Ledger) -> str | int:
        """The id; what is in doubt is looked for, and never sent twice."""
        try:
            return await self._send(
                self.store.create(ledger_name(self.owner), write_ledger(ledger))
            )
        except ApiError as error:
            found = await self._look_for_new(ledger) if error.doubtful else None
            if found is None:
                raise
            return found

    async def _look_for_new(self, ledger: Ledger) -> str | int | None:
        for pause in LOOK_PAUSES:
            await self.clock.sleep(pause)
            with contextlib.suppress(ApiError):
                for each in named(await self.store.list(), self.owner):
                    if _is_by(ledger.writer, await self.store.read(each.id, 1)):
                        return each.id
        return None

    async def _is_first(self, made: str | int) -> bool:
        """Whether no other ledger of the name is as old. Looks again until ours is listed, and

        while others of the same second come after it: they are about to go.
        """
        rivals = False
        for pause in LOOK_PAUSES:
            await self.clock.sleep(pause)
            before, ours, after = _around(made, named(await self.store.list(), self.owner))
            if await self._any_version(before):
                return False
            rivals = await self._any_version(after)
            if not rivals and (ours or before):
                return True
        return not rivals

    async def _any_version(self, ledgers: Sequence[Listed]) -> bool:
        return any([await self.store.numbers(each.id) for each in ledgers])

    async def _send(self, write: Coroutine[Any, Any, T]) -> T:
        try:
            return await write
        except NotAuthenticated as error:
            self._refuse(error)

    def _refuse(self, error: NotAuthenticated) -> NoReturn:
        """Say what a 403 means here."""
        if error.diagnostics[0].code != _FORBIDDEN:
            raise error
        raise NotAuthenticated(
            Diagnostic(
                code="auth/ledger",
                summary="the token may not write artifacts, and the ledger is one (403)",
                detail=self.meanwhile,
                fix=(
                    "let the token write artifacts, or set `ledger: false` in the environment "
                    f"{self.owner.environment} of peakctl.yaml"
                ),
            )
        ) from error


async def see_through(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which one cancellation does not stop: that is raised after its end."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        if not task.cancelled():
            task.exception()  # heard; the cancellation is what counts
        raise


def _is_by(writer: str, text: bytes | None) -> bool:
    ledger = readable(text)
    return ledger is not None and ledger.writer == writer


def _around(
    made: str | int, listed: Sequence[Listed]
) -> tuple[Sequence[Listed], Listed | None, Sequence[Listed]]:
    """What is before ours, ours, and what comes after it and is as old, to the second.

    Where ours is not listed yet, everything is before it.
    """
    place = [str(each.id) for each in listed]
    if str(made) not in place:
        return listed, None, ()
    at = place.index(str(made))
    after = [each for each in listed[at + 1 :] if _second(each) <= _second(listed[at])]
    return listed[:at], listed[at], after


def _second(listed: Listed) -> str:
    """When it was made, to the second: `2020-01-01T18:00:00`."""
    return str(listed.item.get("createdAt") or "")[:19]


def _word() -> str:
    return secrets.token_hex(8)


def _busy(owner: Owner) -> Diagnostic:
    return Diagnostic(
        code="ledger/busy",
        summary=f"other runs keep writing the ledger of {owner}",
        detail=f"{ROUNDS} tries to write it were overtaken",
        fix="see who it is: peakctl ledger show",
    )
