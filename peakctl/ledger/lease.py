"""The lease, under which one run of a project at a time applies: acquire, renew, release.

A lease is acquired by writing a version of the ledger, and is held once that version is in force.
Times are the platform's own, except for when to renew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from peakctl.errors import ApiError, Diagnostic, LeaseHeld, PeakctlError
from peakctl.ledger.revisions import LedgerRevision, empty_ledger
from peakctl.model import Actor, CiJob, Intent, Key, Lease, Ledger, Owned, Owner, PastRun, Run
from peakctl.model.resources import Listed, LiveId
from peakctl.model.text import safe_line

if TYPE_CHECKING:
    from peakctl.ledger.client import LedgerClient

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

LEASE = 900.0
"""Seconds that a lease holds; it is renewed when a third of them has passed."""
RETRY = 30.0
"""Seconds after a renewal that failed until the next try."""
STAYS = "what this run did so far stays as it is"
DIED = "died"


class HeldLease:
    """A lease in force. `before` are the intents of earlier runs that never reported.

    `lost` is set once the lease is seen not to be ours any more, at the latest by `finish`;
    `took_over` is the lease of a dead run that the ledger had when this one was acquired.
    `replaced` are entries that another run wrote meanwhile, each with ours that came in its place.
    """

    _lease: Lease
    _start: Ledger
    _revision: LedgerRevision

    def __init__(self, client: LedgerClient, run: Run) -> None:
        self.lost = False
        self.replaced: tuple[tuple[Owned, Owned], ...] = ()
        self.took_over: Lease | None = None
        self.before: tuple[Intent, ...] = ()
        self._client = client
        self._run = run
        self._lock = asyncio.Lock()
        self._is_open = self._has_begun = False
        self._taken_over: set[Key] = set()
        self._due = self._good_until = 0.0

    @property
    def ledger(self) -> Ledger:
        """The ledger in force, with our lease in it."""
        return self._revision.ledger

    @property
    def since(self) -> float:
        """When it was acquired."""
        return self._lease.since

    @classmethod
    async def acquire(
        cls,
        client: LedgerClient,
        run: Run,
        intents: tuple[Intent, ...],
        listed: tuple[Listed, ...] | None = None,
        read: LedgerRevision | None = None,
    ) -> HeldLease:
        """Write a version with our lease that is in force. `listed` are all ledgers, if known.

        `read` is the ledger as it was read a moment ago: if it was free then it is not read again,
        and should another run have written meanwhile, what is written on it is void. Raises
        LeaseHeld while another run has it, LedgerUnusable, NotAuthenticated, ApiError. When it is
        cancelled, what it wrote is taken back first.
        """
        held = cls(client, run)
        free = read is not None and read.ledger.lease is None
        revision = read if free else await client.find(listed)
        try:
            await complete(held._acquire(revision, intents))
        except asyncio.CancelledError:
            if held._is_open:
                with contextlib.suppress(PeakctlError):
                    await complete(held._let_go())
            raise
        return held

    async def _acquire(self, revision: LedgerRevision | None, intents: tuple[Intent, ...]) -> None:
        def with_lease(ledger: Ledger) -> Ledger:
            now = self._client.store.now()
            refuse_held(self._client, ledger, self._run.actor)
            self.took_over, self.before = ledger.lease, ledger.intents
            self._lease = Lease(self._run.id, self._run.actor, now, now + LEASE)
            all_intents = {replace(each, run=""): each for each in (*ledger.intents, *intents)}
            return replace(
                ledger,
                lease=self._lease,
                intents=tuple(all_intents.values()),
                runs=record_dead_run(ledger, now),
            )

        self._revision = await self._client.rewrite(revision, with_lease)
        self._client = replace(self._client, so_far=STAYS)
        self._start, self._is_open = self.ledger, True
        self._written_at(self._client.clock.now())

    async def finish(
        self,
        *,
        owned: Mapping[Key, Owned],
        intents: tuple[Intent, ...],
        outcome: str,
        counts: Mapping[str, int],
    ) -> None:
        """Write what is owned now and what is still meant to be done, and release the lease.

        `owned` and `intents` are whole; what others wrote meanwhile stays where this run did not
        change it. Raises ApiError and NotAuthenticated when it could not be written. One
        cancellation does not stop it.
        """

        def change(ledger: Ledger) -> Ledger:
            lease = self._lease
            self.lost = self.lost or not is_same(ledger.lease, lease)
            self.replaced = _replaced(self._start.owned, owned, ledger.owned)
            ended = max(lease.since, self._client.store.now())
            past = self._run.ended(ended, outcome, counts, started=lease.since)
            return replace(
                self._without_lease(ledger, intents),
                owned=_three_way(self._start.owned, owned, ledger.owned),
                runs=(*(r for r in ledger.runs if r.run != lease.run), past),
            )

        await complete(self._end(change))
        if not self.lost:
            await self._client.trim(self._revision)

    async def release(self) -> None:
        """Release the lease of a run that has sent nothing for a resource.

        What other ledgers were made to let go of is still meant to become ours. Raises as `finish`.
        """
        taken = self._taken_over
        await self.finish(
            owned=self.ledger.owned,
            intents=(
                *(intent for intent in self.before if intent.key not in taken),
                *(intent for intent in self.ledger.intents if intent.key in taken),
            ),
            outcome="stopped",
            counts={},
        )

    async def close(self) -> None:
        """Release a lease that nobody finished, as long as nothing was changed under it.

        Once something may have been changed, the lease stays with its intents as that of a run that
        died: by them the next run knows what may be ours.
        """
        if self._is_open and not self._has_begun:
            with contextlib.suppress(PeakctlError):
                await self.release()

    async def take_over(self, changing: Mapping[Owner, Mapping[LiveId, Key]]) -> None:
        """Take what changes hands out of the ledgers of those that owned it: all, or nothing.

        Raises LeaseHeld when a run of one of them is under way.
        """
        if len(changing) > 1:
            await refuse_any_held(self._client, sorted(changing), self._run.actor)
        for owner, ids in sorted(changing.items()):
            keys = set(ids.values())
            self._taken_over |= keys
            try:
                await disown(self._client, owner, frozenset(ids), self._run)
            except LeaseHeld:
                self._taken_over -= keys
                raise

    async def _end(self, change: Callable[[Ledger], Ledger]) -> None:
        async with self._lock:
            self._is_open = False
            self._revision = await self._client.rewrite(self._revision, change)

    async def _let_go(self) -> None:
        """Release the lease as if it had never been acquired."""
        await self._end(lambda ledger: self._without_lease(ledger, self.before))

    def _without_lease(self, ledger: Ledger, intents: tuple[Intent, ...]) -> Ledger:
        """`ledger` without what this run set out to do; the lease of another run stays."""
        ours = {*self._start.intents, *intents}
        theirs = tuple(intent for intent in ledger.intents if intent not in ours)
        lease = None if is_same(ledger.lease, self._lease) else ledger.lease
        return replace(ledger, lease=lease, intents=(*theirs, *intents))

    # --- renewal ---------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def renewing(self, on_lost: Callable[[], None]) -> AsyncIterator[None]:
        """Renew the lease while the block changes resources; `on_lost` is called if it is lost."""
        self._has_begun = True
        renewal = asyncio.create_task(self.keep(on_lost))
        try:
            yield
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def keep(self, on_lost: Callable[[], None]) -> None:
        """Renew the lease until it is released or lost, which `on_lost` is called for once."""
        clock = self._client.clock
        while not self.lost and self._is_open:
            await clock.sleep(max(0.0, self._due - clock.now()))
            async with self._lock:
                if self._is_open:
                    await self._renew()
        if self.lost:
            on_lost()

    async def _renew(self) -> None:
        began = self._client.clock.now()
        try:
            self._revision = await self._client.rewrite(self._revision, self._renewed)
        except _Lost:
            self.lost = True
        except PeakctlError as error:
            gone = isinstance(error, ApiError) and error.status == 404
            self.lost = gone or self._client.clock.now() >= self._good_until
            self._due = self._client.clock.now() + RETRY
        else:
            self._written_at(began)

    def _renewed(self, ledger: Ledger) -> Ledger:
        if not is_same(ledger.lease, self._lease):
            raise _Lost
        return replace(ledger, lease=replace(self._lease, until=self._client.store.now() + LEASE))

    def _written_at(self, moment: float) -> None:
        self._due, self._good_until = moment + LEASE / 3, moment + LEASE


class _Lost(Exception):
    """The ledger in force has another lease than ours, or none."""


async def complete(work: Coroutine[object, object, T]) -> T:
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


def _three_way(before: Mapping[K, V], after: Mapping[K, V], theirs: Mapping[K, V]) -> dict[K, V]:
    """`theirs` with what changed from `before` to `after`."""
    same = {key for key in before if key in after and before[key] == after[key]}
    ours = {key: value for key, value in after.items() if key not in same}
    kept = {key: value for key, value in theirs.items() if key in same or key not in before}
    return {**kept, **ours}


def _replaced(
    before: Mapping[Key, Owned], after: Mapping[Key, Owned], theirs: Mapping[Key, Owned]
) -> tuple[tuple[Owned, Owned], ...]:
    """Entries that are new in `theirs` and have another id in `after`, each with that one."""
    both = ((theirs[key], mine) for key, mine in sorted(after.items()) if key in theirs)
    return tuple(
        (other, mine)
        for other, mine in both
        if before.get(mine.key) not in (mine, other) and str(other.id) != str(mine.id)
    )


# --- writing without a lease -----------------------------------------------------------------


async def disown(client: LedgerClient, owner: Owner, ids: frozenset[LiveId], run: Run) -> None:
    """Take resources, by kind and id, out of the ledger of `owner`, and what it meant for them.

    Raises LeaseHeld while a run of that project has its lease, LedgerUnusable, ApiError,
    NotAuthenticated.
    """
    theirs = replace(client, owner=owner)
    told = replace(run, command=f"taken over by {client.owner}")

    def change(ledger: Ledger) -> Ledger:
        refuse_held(theirs, ledger, run.actor, elsewhere=True)
        left = {key: each for key, each in ledger.owned.items() if not taken(each)}
        gone = ledger.owned.keys() - left.keys()
        intents = tuple(intent for intent in ledger.intents if intent.key not in gone)
        past = told.ended(client.store.now(), "done", {"disowned": len(gone)})
        return replace(ledger, owned=left, intents=intents, runs=(*ledger.runs, past))

    def taken(each: Owned) -> bool:
        return each.live_id in ids

    revision = await theirs.find()
    if revision is not None and any(map(taken, revision.ledger.owned.values())):
        await complete(theirs.rewrite(revision, change))


async def write_if_free(
    client: LedgerClient, change: Callable[[Ledger], Ledger], run: Run, outcome: str = "done"
) -> bool:
    """Write what `change` makes of the ledger in force, without a lease, where that is free.

    False when nothing was written: a run has the lease, or wrote at the same moment. Raises
    LedgerUnusable, ApiError, NotAuthenticated.
    """
    revision = await client.find()
    before = revision.ledger if revision else empty_ledger(client.owner)
    now = client.store.now()
    if is_held(before.lease, run.actor, now, client.alive):
        return False
    runs = (*record_dead_run(before, now), run.ended(now, outcome))
    try:
        await client.write_once(revision, replace(change(before), lease=None, runs=runs))
    except LeaseHeld:
        return False
    return True


# --- who has it ------------------------------------------------------------------------------


def refuse_held(
    client: LedgerClient, ledger: Ledger, actor: Actor, *, elsewhere: bool = False
) -> None:
    """Raise LeaseHeld when another run than `actor`'s has the lease of `ledger`.

    `elsewhere` says that it is another project's ledger.
    """
    now, lease = client.store.now(), ledger.lease
    if lease is not None and is_held(lease, actor, now, client.alive):
        raise LeaseHeld.by(lease, _held(client.owner, lease, now, elsewhere=elsewhere))


async def refuse_any_held(client: LedgerClient, owners: Iterable[Owner], actor: Actor) -> None:
    """Return when nobody has the lease of any of the projects. Raises LeaseHeld and as `disown`."""
    listed = await client.store.list()
    for owner in owners:
        theirs = replace(client, owner=owner)
        revision = await theirs.find(listed)
        if revision is not None:
            refuse_held(theirs, revision.ledger, actor, elsewhere=True)


def is_held(
    lease: Lease | None, actor: Actor, now: float, alive: Callable[[Actor], bool | None]
) -> bool:
    """Whether `lease` keeps `actor` from applying at `now` (the platform's time).

    It does not when it has expired, when its run is certainly dead, or when it is that of an
    earlier attempt of the same CI job.
    """
    if lease is None or lease.until <= now:
        return False
    return not _is_earlier(lease.actor.ci, actor.ci) and alive(lease.actor) is not False


def is_same(lease: Lease | None, ours: Lease) -> bool:
    """Whether it is one and the same lease, renewed or not."""
    return lease is not None and replace(lease, until=ours.until) == ours


def record_dead_run(ledger: Ledger, now: float) -> tuple[PastRun, ...]:
    """The past runs, with the one whose lease is still there as one that died."""
    lease = ledger.lease
    return (
        ledger.runs if lease is None else (*ledger.runs, lease.ended(min(now, lease.until), DIED))
    )


def taken_over(lease: Lease, actor: Actor, now: float) -> str:
    """What is told when `actor` has acquired a lease that was still there: whose, and why."""
    why = "its run is over"
    if lease.until <= now:
        why = f"it expired at {_time(lease.until, now)}"
    elif _is_earlier(lease.actor.ci, actor.ci):
        why = "that was an earlier attempt of this job"
    return f"took over the lease of {_name(lease.actor)}: {why}"


def _held(owner: Owner, lease: Lease, now: float, *, elsewhere: bool) -> Diagnostic:
    actor = lease.actor
    facts = (actor.who, actor.commit and f"commit {actor.commit}", actor.ci.url if actor.ci else "")
    told = ", ".join(safe_line(fact) for fact in facts if fact)
    until = f"its lease is renewed while it runs, and expires at {_time(lease.until, now)}"
    dead = f"if it is dead, in the project {owner.project}" if elsewhere else "if it is dead"
    return Diagnostic(
        code="lease/held",
        summary=f"{_name(actor)} is applying {owner} since {_time(lease.since, now)}",
        detail="\n".join(row for row in (told, until) if row),
        fix=f"wait for it, or {dead}: peakctl ledger unlock -e {owner.named}",
    )


def _is_earlier(theirs: CiJob | None, ours: CiJob | None) -> bool:
    if theirs is None or ours is None:
        return False
    return (theirs.run, theirs.job) == (ours.run, ours.job) and theirs.attempt < ours.attempt


def _name(actor: Actor) -> str:
    if actor.ci:
        return safe_line(f"ci run {actor.ci.run} (job {actor.ci.job})")
    who = actor.who or "someone"
    return safe_line(f"{who} on {actor.host}" if actor.host else who)


def _time(moment: float, now: float) -> str:
    """`12:04:05 UTC`, with the date where it is not today's."""
    at, today = datetime.fromtimestamp(moment, UTC), datetime.fromtimestamp(now, UTC).date()
    return f"{at:%H:%M:%S}" + ("" if at.date() == today else f" on {at:%Y-%m-%d}") + " UTC"
