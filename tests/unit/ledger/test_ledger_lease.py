"""The lease: who may take it, what renewing and giving it back write, and what doubt leads to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from peakctl.errors import ApiError, Diagnostic, LeaseHeld, NotAuthenticated
from peakctl.ledger.client import (
    DROPS,
    KEPT_RUNS,
    KEPT_VERSIONS,
    NOTHING_CHANGED,
    TRIES,
    LedgerClient,
)
from peakctl.ledger.codec import read_ledger, write_ledger
from peakctl.ledger.lease import (
    LEASE,
    STAYS,
    HeldLease,
    complete,
    disown,
    refuse_any_held,
    taken_over,
    write_if_free,
)
from peakctl.ledger.revisions import LedgerRevision, find_revision
from peakctl.model import (
    Actor,
    CiJob,
    Intent,
    Key,
    Lease,
    Ledger,
    Owned,
    Owner,
    PastRun,
    Run,
    ledger_name,
)

T = TypeVar("T")
OWNER, OTHER = Owner("retail", "prod"), Owner("pricing", "prod")
ADA, BOB = Actor("ada", "laptop", "77:1"), Actor("bob", "tower", "88:1", "1a2b3c")
A, B, C = (Key("Image", name) for name in "abc")
CREATE_A = Intent(A, "create", "1.0.0")
START = 1_800_000_000.0


def owned(*keys: Key, under: str = "1") -> dict[Key, Owned]:
    return {key: Owned(key, under) for key in keys}


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def client_of(store: Any, owner: Owner = OWNER, alive: bool | None = None) -> LedgerClient:
    return LedgerClient(store, owner, store.clock, lambda _: alive)


async def take(store: Any, actor: Actor = ADA, run: str = "run-1", **more: Any) -> HeldLease:
    intents = more.pop("intents", (CREATE_A,))
    return await HeldLease.acquire(client_of(store, **more), Run(run, actor, "apply"), intents)


async def finish(held: HeldLease, **more: Any) -> None:
    given = {"owned": {}, "intents": (), "outcome": "done", "counts": {}, **more}
    await held.finish(**given)


async def stands(store: Any, owner: Owner = OWNER) -> LedgerRevision:
    found = await find_revision(store, store._listed(), owner)
    assert found is not None
    return found


def keep(store: Any, ledger: Ledger) -> str:
    """A ledger that is there already."""
    made = run(store.create(ledger_name(ledger.owner), write_ledger(ledger)))
    store.asked.clear()
    return str(made)


def ledger_with(lease: Lease | None = None, **more: Any) -> Ledger:
    return Ledger(more.pop("owner", OWNER), salt="s", writer="w", lease=lease, **more)


def lease(actor: Actor = BOB, until: float = START + 100, run: str = "their-run") -> Lease:
    return Lease(run, actor, START - 60, until)


# --- acquiring it ----------------------------------------------------------------------------


def test_the_first_run_makes_the_ledger_with_its_lease(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        now = ledger_store.now()
        found = await stands(ledger_store)
        assert found.ledger == held.ledger
        assert found.ledger.lease == Lease("run-1", ADA, now, now + LEASE)
        assert found.ledger.intents == (CREATE_A,)
        assert len(found.ledger.salt) == 32
        assert (held.before, held.took_over, held.lost) == ((), None, False)

    run(script())
    assert ledger_store.asked[:3] == ["list", "create", "list"]


def test_a_ledger_that_is_known_is_not_listed_again(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with(owned=owned(A)))
    known = ledger_store._listed()
    run(HeldLease.acquire(client_of(ledger_store), Run("r", ADA, "apply"), (), known))
    assert "list" not in ledger_store.asked


def test_a_later_run_adds_a_version_and_keeps_what_is_there(ledger_store: Any) -> None:
    past = PastRun("r", BOB, "apply", 1, 2, "done")
    intent = Intent(B, "build")
    keep(ledger_store, ledger_with(owned=owned(A), runs=(past,), intents=(intent, CREATE_A)))

    async def script() -> None:
        held = await take(ledger_store)
        found = await stands(ledger_store)
        assert found.number == 2
        assert (found.ledger.base, found.ledger.seen, found.ledger.salt) == (1, 1, "s")
        assert found.ledger.owned == owned(A)
        assert found.ledger.runs == (past,)
        assert found.ledger.intents == (intent, CREATE_A)
        assert held.before == (intent, CREATE_A)

    run(script())
    assert ledger_store.asked[:4] == ["list", "read", "numbers", "append"]


@pytest.mark.parametrize(
    ("theirs", "ours", "alive", "is_held"),
    [
        (BOB, ADA, None, True),
        (BOB, ADA, True, True),
        (BOB, ADA, False, False),
        (
            replace(BOB, ci=CiJob("1", "deploy", 1)),
            replace(ADA, ci=CiJob("1", "deploy", 2)),
            None,
            0,
        ),
        (
            replace(BOB, ci=CiJob("1", "deploy", 2)),
            replace(ADA, ci=CiJob("1", "deploy", 2)),
            None,
            1,
        ),
        (
            replace(BOB, ci=CiJob("1", "deploy", 3)),
            replace(ADA, ci=CiJob("1", "deploy", 2)),
            None,
            1,
        ),
        (replace(BOB, ci=CiJob("1", "test", 1)), replace(ADA, ci=CiJob("1", "deploy", 2)), None, 1),
        (
            replace(BOB, ci=CiJob("2", "deploy", 1)),
            replace(ADA, ci=CiJob("1", "deploy", 2)),
            None,
            1,
        ),
        (replace(BOB, ci=CiJob("1", "deploy", 1)), ADA, None, 1),
        (BOB, replace(ADA, ci=CiJob("1", "deploy", 2)), None, 1),
    ],
)
def test_a_lease_is_held_unless_its_run_is_dead_or_an_earlier_attempt(
    ledger_store: Any, theirs: Actor, ours: Actor, alive: bool | None, is_held: bool
) -> None:
    keep(ledger_store, ledger_with(lease(theirs), intents=(CREATE_A,)))
    if is_held:
        with pytest.raises(LeaseHeld):
            run(take(ledger_store, ours, alive=alive))
        assert "append" not in ledger_store.asked
        return
    held = run(take(ledger_store, ours, alive=alive, intents=()))
    assert held.took_over == lease(theirs)
    assert held.ledger.intents == (CREATE_A,)
    (dead,) = held.ledger.runs
    assert dead == PastRun("their-run", theirs, "", START - 60, START, "died")


def test_a_lease_that_is_over_may_be_taken(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with(lease(until=START)))
    held = run(take(ledger_store))
    assert held.ledger.runs[0].ended == START


@pytest.mark.parametrize(
    ("theirs", "summary", "detail"),
    [
        (
            replace(BOB, ci=CiJob("123", "deploy", 1, "https://ci/123")),
            "ci run 123 (job deploy) is applying retail/prod since 07:59:00 UTC",
            "bob, commit 1a2b3c, https://ci/123\nits lease is renewed while it runs, and expires "
            "at 08:01:40 UTC",
        ),
        (
            Actor("bob\x1b[31m", "tower"),
            "bob on tower is applying retail/prod since 07:59:00 UTC",
            "bob\nits lease is renewed while it runs, and expires at 08:01:40 UTC",
        ),
        (
            Actor(""),
            "someone is applying retail/prod since 07:59:00 UTC",
            "its lease is renewed while it runs, and expires at 08:01:40 UTC",
        ),
    ],
)
def test_who_has_the_lease_is_told(
    ledger_store: Any, theirs: Actor, summary: str, detail: str
) -> None:
    keep(ledger_store, ledger_with(lease(theirs)))
    with pytest.raises(LeaseHeld) as caught:
        run(take(ledger_store))
    (told,) = caught.value.diagnostics
    assert (told.code, told.summary, told.detail) == ("lease/held", summary, detail)
    assert told.fix == "wait for it, or if it is dead: peakctl ledger unlock -e prod"


def test_of_another_project_s_lease_it_is_told_where_to_unlock_it(ledger_store: Any) -> None:
    keep(ledger_store, replace(ledger_with(lease()), owned=owned(A)))
    with pytest.raises(LeaseHeld) as caught:
        give_up(ledger_store, ("Image", "1"), owner=OWNER)
    assert caught.value.diagnostics[0].fix == (
        "wait for it, or if it is dead, in the project retail: peakctl ledger unlock -e prod"
    )


@pytest.mark.parametrize(
    ("theirs", "ours", "until", "why"),
    [
        (BOB, ADA, START, "it expired at 08:00:00 UTC"),
        (BOB, ADA, START + 1, "its run is over"),
        (
            replace(BOB, ci=CiJob("1", "j", 1)),
            replace(ADA, ci=CiJob("1", "j", 2)),
            START + 1,
            "that was an earlier attempt of this job",
        ),
    ],
)
def test_why_a_lease_was_taken_over_is_told(
    theirs: Actor, ours: Actor, until: float, why: str
) -> None:
    told = taken_over(lease(theirs, until=until), ours, START)
    assert told.startswith("took over the lease of ")
    assert told.endswith(f": {why}")


def test_a_lease_of_another_day_is_told_with_its_date(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with(Lease("r", BOB, START - 86400, START + 1)))
    with pytest.raises(LeaseHeld, match="since 08:00:00 on 2027-01-14 UTC"):
        run(take(ledger_store))


def test_who_was_overtaken_by_a_lease_is_refused(ledger_store: Any) -> None:
    made = keep(ledger_store, ledger_with())
    theirs = replace(ledger_with(lease()), writer="x", base=1, seen=1)
    before(ledger_store, "append", lambda: ledger_store.append(made, write_ledger(theirs)))
    with pytest.raises(LeaseHeld, match="bob on tower"):
        run(take(ledger_store))
    found = run(stands(ledger_store))
    assert (found.number, found.ledger.lease) == (2, theirs.lease)


def before(store: Any, method: str, act: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Do `act` once, just before the next call of `method`."""
    plain = getattr(store, method)

    async def wrapped(*args: Any) -> Any:
        setattr(store, method, plain)
        await act()
        return await plain(*args)

    setattr(store, method, wrapped)


def test_who_was_overtaken_by_a_note_takes_the_lease_on_top_of_it(ledger_store: Any) -> None:
    made = keep(ledger_store, ledger_with())
    theirs = replace(ledger_with(owned=owned(B)), writer="x", base=1, seen=1)
    before(ledger_store, "append", lambda: ledger_store.append(made, write_ledger(theirs)))
    held = run(take(ledger_store))
    assert held.ledger.owned == owned(B)
    assert (held.ledger.base, held.ledger.seen) == (2, 3)
    assert run(stands(ledger_store)).number == 4


def test_who_is_always_overtaken_gives_up(ledger_store: Any) -> None:
    made = keep(ledger_store, ledger_with())
    plain = ledger_store.append

    async def overtaken(ledger: Any, text: bytes) -> Any:
        found = await stands(ledger_store)
        theirs = replace(found.ledger, base=found.number, seen=found.newest, writer="x")
        await plain(made, write_ledger(theirs))
        return await plain(ledger, text)

    ledger_store.append = overtaken
    with pytest.raises(ApiError) as caught:
        run(take(ledger_store))
    assert caught.value.diagnostics[0].code == "ledger/busy"
    assert len(ledger_store.versions[made]) == 1 + 2 * TRIES


@pytest.mark.parametrize(("later", "wins"), [(0.0, False), (0.4, False), (1.0, True)])
def test_of_two_first_ledgers_the_older_one_counts(
    ledger_store: Any, later: float, wins: bool
) -> None:
    """The other one appears after ours was made and before we look."""

    async def script() -> None:
        async def other() -> None:
            if len(ledger_store.names) == 1:
                ledger_store.clock.time += later
                text = write_ledger(ledger_with(lease()))
                await ledger_store.create(ledger_name(OWNER), text)

        plain = ledger_store.list

        async def listed() -> Any:
            await other()
            return await plain()

        ledger_store.list = listed
        if wins:
            held = await take(ledger_store)
            assert (await stands(ledger_store)).ledger == held.ledger
            return
        with pytest.raises(LeaseHeld, match="has just created") as caught:
            await take(ledger_store)
        assert "neither of the two counted" in caught.value.diagnostics[0].detail
        assert len(ledger_store.names) == 1

    run(script())


@pytest.mark.parametrize("other_first", [False, True])
def test_of_two_first_ledgers_of_one_second_one_counts(
    ledger_store: Any, *, other_first: bool
) -> None:
    """Each sees the other: the first in order waits until the other has gone."""

    async def script() -> None:
        plain, name = ledger_store.list, ledger_name(OWNER)
        text = write_ledger(ledger_with(lease()))

        async def listed() -> Any:
            if [*ledger_store.counts] == ["id-0"]:
                other = await ledger_store.create(name, text)
                if other_first:
                    at = ledger_store.names[other][1]
                    ledger_store.names["id-0"] = (name, at.replace(".000", ".001"))
            elif len(ledger_store.names) == 2:
                await ledger_store.remove("id-1")
            return await plain()

        ledger_store.list = listed
        if not other_first:
            assert (await take(ledger_store)).ledger == (await stands(ledger_store)).ledger
            return
        with pytest.raises(LeaseHeld, match="has just created"):
            await take(ledger_store)
        assert [*ledger_store.names] == ["id-1"]

    run(script())


def test_an_older_ledger_without_a_version_does_not_count(ledger_store: Any) -> None:
    made = keep(ledger_store, ledger_with())
    run(ledger_store.drop(made, 1))
    held = run(take(ledger_store))
    assert run(stands(ledger_store)).ledger == held.ledger


def test_a_ledger_that_lost_stays_when_somebody_builds_on_it(ledger_store: Any) -> None:
    async def script() -> None:
        plain = ledger_store.list

        async def listed() -> Any:
            if len(ledger_store.names) == 1:
                text = write_ledger(ledger_with(lease()))
                await ledger_store.create(ledger_name(OWNER), text)
                await ledger_store.append("id-0", b"")
            return await plain()

        ledger_store.list = listed
        with pytest.raises(LeaseHeld):
            await take(ledger_store)
        assert "remove" not in ledger_store.asked

    run(script())


@pytest.mark.parametrize("error", [404, 500])
def test_a_ledger_that_lost_and_cannot_be_removed_changes_no_word(
    ledger_store: Any, error: int
) -> None:
    async def script() -> None:
        plain = ledger_store.list

        async def listed() -> Any:
            if len(ledger_store.names) == 1:
                await ledger_store.create(ledger_name(OWNER), write_ledger(ledger_with(lease())))
            return await plain()

        ledger_store.list = listed
        ledger_store.faults["remove"] = [ledger_store.error(error)]
        with pytest.raises(LeaseHeld):
            await take(ledger_store)

    run(script())


def forbidden() -> NotAuthenticated:
    return NotAuthenticated(Diagnostic("auth/forbidden", "403"))


def unconfirmed(store: Any, error: Exception, **faults: Any) -> None:
    """Acquire the lease of a first ledger where the listing that confirms it fails."""
    store.faults |= {"list": [None, error], **faults}
    with pytest.raises(type(error)) as caught:
        run(take(store))
    assert caught.value is error
    store.faults.clear()


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_first_ledger_that_cannot_be_confirmed_is_removed(ledger_store: Any, status: int) -> None:
    unconfirmed(ledger_store, forbidden() if status == 403 else ledger_store.error(status))
    assert ledger_store.asked[-2:] == ["numbers", "remove"]
    assert not ledger_store.names


@pytest.mark.parametrize("method", ["numbers", "remove"])
@pytest.mark.parametrize("allowed", [True, False])
def test_a_first_ledger_that_is_neither_confirmed_nor_removed_lets_go_of_its_lease(
    ledger_store: Any, method: str, *, allowed: bool
) -> None:
    error = ledger_store.error(500) if allowed else forbidden()
    unconfirmed(ledger_store, ledger_store.error(400), **{method: [error]})
    found = run(stands(ledger_store)).ledger
    assert (found.lease, found.intents, found.owned) == (None, (), {})
    assert run(take(ledger_store, BOB, "run-2")).took_over is None


def test_a_first_ledger_that_is_neither_confirmed_nor_removed_nor_written_is_that_first_error(
    ledger_store: Any,
) -> None:
    faults = {"remove": [forbidden()], "append": [ledger_store.error(400)]}
    unconfirmed(ledger_store, ledger_store.error(500), **faults)
    assert run(stands(ledger_store)).ledger.lease


@pytest.mark.parametrize("hidden", [True, False])
def test_what_another_builds_on_a_ledger_that_is_not_confirmed_stays_in_force(
    ledger_store: Any, *, hidden: bool
) -> None:
    """Also where how many versions there are cannot be read."""
    theirs = replace(ledger_with(lease()), writer="x", base=1, seen=1)
    faults: dict[str, Any] = {"numbers": [ledger_store.error(500)]} if hidden else {}
    before(ledger_store, "numbers", lambda: ledger_store.append("id-0", write_ledger(theirs)))
    unconfirmed(ledger_store, ledger_store.error(400), **faults)
    assert "remove" not in ledger_store.asked
    found = run(stands(ledger_store))
    assert (found.number, found.ledger) == (2, theirs)


def test_a_ledger_whose_versions_are_not_listed_yet_is_not_removed(ledger_store: Any) -> None:
    async def nothing(_: Any) -> tuple[int, ...]:
        return ()

    plain, ledger_store.numbers = ledger_store.numbers, nothing
    unconfirmed(ledger_store, ledger_store.error(400))
    ledger_store.numbers = plain
    assert "remove" not in ledger_store.asked
    assert run(stands(ledger_store)).ledger.lease is None


def test_a_ledger_that_lost_and_cannot_be_removed_lets_go_of_its_lease(ledger_store: Any) -> None:
    async def script() -> None:
        plain, name = ledger_store.list, ledger_name(OWNER)

        async def listed() -> Any:
            if len(ledger_store.names) == 1:
                await ledger_store.create(name, write_ledger(ledger_with(lease())))
            return await plain()

        ledger_store.list = listed
        ledger_store.faults["remove"] = [ledger_store.error(500)]
        with pytest.raises(LeaseHeld, match="has just created"):
            await take(ledger_store)
        ours = ledger_store.versions["id-0"]
        assert read_ledger(ours[max(ours)], OWNER).lease is None

    run(script())


async def cancelled_once_created(store: Any) -> None:
    """An acquisition that is cancelled while its ledger is created."""
    store.pause = lambda: store.clock.sleep(1)
    task = asyncio.create_task(take(store))
    while "create" not in store.asked:
        await store.clock.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_first_ledger_that_cannot_be_confirmed_is_removed_when_it_is_cancelled_too(
    ledger_store: Any,
) -> None:
    async def script() -> None:
        ledger_store.faults["list"] = [None, ledger_store.error(400)]
        await cancelled_once_created(ledger_store)
        assert not ledger_store.names

    run(script())


def test_a_listing_that_lags_is_looked_at_again(ledger_store: Any) -> None:
    async def script() -> None:
        plain, empty = ledger_store.list, [(), (), ()]

        async def listed() -> Any:
            found = await plain()
            return empty.pop() if empty else found

        ledger_store.list = listed
        assert (await take(ledger_store)).ledger.lease
        assert not empty

    run(script())


def test_a_listing_that_never_shows_ours_shows_no_other_either(ledger_store: Any) -> None:
    async def nothing() -> Any:
        return ()

    ledger_store.list = nothing
    assert run(take(ledger_store)).ledger.lease


# --- doubt and refusals ----------------------------------------------------------------------


def test_a_version_whose_answer_is_lost_is_found_by_its_writer(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with())
    ledger_store.faults["append"] = ["lost"]
    held = run(take(ledger_store))
    found = run(stands(ledger_store))
    assert (found.number, found.ledger) == (2, held.ledger)
    assert ledger_store.asked.count("append") == 1


def test_a_version_that_is_not_found_is_sent_again(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with())
    ledger_store.faults["append"] = ["never"]
    run(take(ledger_store))
    assert run(stands(ledger_store)).number == 2
    assert ledger_store.now() == START + 17


def test_a_version_that_arrives_late_after_all_is_the_same_or_void(ledger_store: Any) -> None:
    made = keep(ledger_store, ledger_with())
    ledger_store.faults["append"] = ["late"]
    plain = ledger_store.append

    async def landing(ledger: Any, text: bytes) -> Any:
        ledger_store.land()
        return await plain(ledger, text)

    ledger_store.append = landing
    held = run(take(ledger_store))
    assert (run(stands(ledger_store)).number, len(ledger_store.versions[made])) == (2, 3)
    run(finish(held))
    assert run(stands(ledger_store)).ledger.lease is None


def test_two_doubts_end_in_the_error(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with())
    ledger_store.faults["append"] = ["never", "never"]
    with pytest.raises(ApiError) as caught:
        run(take(ledger_store))
    assert caught.value.doubtful


def test_a_look_that_fails_is_no_answer(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with())
    ledger_store.faults["append"] = ["lost"]
    ledger_store.faults["numbers"] = [None, ledger_store.error(500)]
    assert run(take(ledger_store)).ledger.lease
    assert ledger_store.now() == START + 2


def test_the_late_version_of_another_is_not_taken_for_ours(ledger_store: Any) -> None:
    made = keep(ledger_store, ledger_with())
    theirs = replace(ledger_with(owned=owned(C)), writer="x", base=1, seen=1)
    before(ledger_store, "append", lambda: ledger_store.append(made, write_ledger(theirs)))
    ledger_store.faults["append"] = [None, "lost"]
    held = run(take(ledger_store))
    assert held.ledger.owned == owned(C)


@pytest.mark.parametrize("fault", ["lost", "never"])
def test_a_first_ledger_in_doubt_is_looked_for_and_never_sent_twice(
    ledger_store: Any, fault: str
) -> None:
    keep(ledger_store, ledger_with(owner=OTHER))
    ledger_store.faults["create"] = [fault]
    ledger_store.faults["list"] = [None, ledger_store.error(500)]
    if fault == "lost":
        assert run(take(ledger_store)).ledger == run(stands(ledger_store)).ledger
    else:
        with pytest.raises(ApiError):
            run(take(ledger_store))
    assert ledger_store.asked.count("create") == 1


def test_a_ledger_in_doubt_is_not_that_of_another_run(ledger_store: Any) -> None:
    text = write_ledger(ledger_with(lease()))
    before(ledger_store, "create", lambda: ledger_store.create(ledger_name(OWNER), text))
    ledger_store.faults["create"] = [None, "never"]
    with pytest.raises(ApiError):
        run(take(ledger_store))


@pytest.mark.parametrize("method", ["create", "append"])
def test_an_error_without_doubt_is_that_error(ledger_store: Any, method: str) -> None:
    if method == "append":
        keep(ledger_store, ledger_with())
    ledger_store.faults[method] = [ledger_store.error(413)]
    with pytest.raises(ApiError) as caught:
        run(take(ledger_store))
    assert caught.value.status == 413
    assert ledger_store.asked.count(method) == 1


def refused(code: str) -> NotAuthenticated:
    return NotAuthenticated(Diagnostic(f"auth/{code}", "no"))


@pytest.mark.parametrize("method", ["create", "append"])
def test_a_token_that_may_not_write_artifacts_is_told_so(ledger_store: Any, method: str) -> None:
    if method == "append":
        keep(ledger_store, ledger_with())
    ledger_store.faults[method] = [refused("forbidden")]
    with pytest.raises(NotAuthenticated) as caught:
        run(take(ledger_store))
    (told,) = caught.value.diagnostics
    assert told.code == "auth/ledger"
    assert "the ledger is one (403)" in told.summary
    assert told.detail == NOTHING_CHANGED
    assert "`ledger: false` in the environment prod of peakctl.yaml" in told.fix


def test_a_token_that_is_not_accepted_stays_that(ledger_store: Any) -> None:
    ledger_store.faults["create"] = [refused("refused")]
    with pytest.raises(NotAuthenticated) as caught:
        run(take(ledger_store))
    assert caught.value.diagnostics[0].code == "auth/refused"


# --- giving it back --------------------------------------------------------------------------


def test_the_end_of_a_run_is_written_without_the_lease(ledger_store: Any) -> None:
    left = Intent(B, "build")

    async def script() -> None:
        held = await take(ledger_store, intents=(CREATE_A, left))
        ledger_store.clock.time += 30
        await finish(held, owned=owned(A), intents=(left,), outcome="in part", counts={"create": 1})
        found = await stands(ledger_store)
        assert found.number == 2
        assert found.ledger.lease is None
        assert found.ledger.owned == owned(A)
        assert found.ledger.intents == (left,)
        past = PastRun("run-1", ADA, "apply", START, START + 30, "in part", {"create": 1})
        assert found.ledger.runs == (past,)
        await take(ledger_store, BOB)

    run(script())


def test_the_last_runs_are_kept(ledger_store: Any) -> None:
    async def script() -> None:
        for number in range(KEPT_RUNS + 2):
            await finish(await take(ledger_store, run=f"run-{number}"))
        runs = (await stands(ledger_store)).ledger.runs
        assert [past.run for past in runs] == [f"run-{n}" for n in range(2, KEPT_RUNS + 2)]

    run(script())


def test_old_versions_are_trimmed_up_to_the_one_in_force(ledger_store: Any) -> None:
    async def script() -> None:
        for number in range(KEPT_VERSIONS):
            await finish(await take(ledger_store, run=f"run-{number}"))
        newest = KEPT_VERSIONS * 2
        numbers = await ledger_store.numbers("id-0")
        assert numbers == tuple(range(newest - KEPT_VERSIONS + 1, newest + 1))

    run(script())


def test_a_version_that_is_not_let_go_of_stays(ledger_store: Any) -> None:
    """The run that meets it tells nobody, and the next one tries again."""
    many = 2 * DROPS

    async def script() -> None:
        made = await ledger_store.create(ledger_name(OWNER), write_ledger(ledger_with()))
        for _ in range(many):
            await ledger_store.append(made, b"")
        repaired = ledger_with(base=1, seen=1 + many)
        await ledger_store.append(made, write_ledger(repaired))
        ledger_store.faults["drop"] = [None, refused("forbidden")]
        await finish(await take(ledger_store))
        assert ledger_store.asked.count("drop") == 2
        ledger_store.asked.clear()
        await finish(await take(ledger_store, run="run-2"))
        assert ledger_store.asked.count("drop") == DROPS

    run(script())


def test_what_another_wrote_meanwhile_stays(ledger_store: Any) -> None:
    mine, theirs = Intent(B, "build"), Intent(C, "delete")
    keep(ledger_store, ledger_with(owned=owned(A, B, C), intents=(mine,)))

    async def script() -> None:
        held = await take(ledger_store)
        ledger_store.clock.time += LEASE
        other = await take(ledger_store, BOB, "run-2", intents=(theirs,))
        await finish(other, owned=owned(A, B, under="2"), intents=(CREATE_A, theirs, mine))
        await finish(held, owned=owned(A) | owned(C, under="3"), intents=(mine,))
        found = (await stands(ledger_store)).ledger
        assert found.lease is None
        assert found.owned == owned(A, under="2") | owned(C, under="3")
        assert found.intents == (theirs, mine)
        assert [(past.run, past.outcome) for past in found.runs] == [
            ("run-2", "done"),
            ("run-1", "done"),
        ]

    run(script())


@pytest.mark.parametrize("how", ["unlocked", "taken over", "noted"])
def test_a_lease_that_is_found_lost_at_the_end_is_lost(ledger_store: Any, how: str) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        if how == "unlocked":
            theirs = replace(held.ledger, lease=None, writer="x", base=1, seen=1)
            await ledger_store.append("id-0", write_ledger(theirs))
        else:
            ledger_store.clock.time += LEASE
        if how == "taken over":
            await take(ledger_store, BOB, "run-2")
        if how == "noted":
            client, bob = client_of(ledger_store), Run("run-2", BOB, "apply")
            assert await write_if_free(client, lambda it: it, bob)
        await finish(held, owned=owned(A))
        assert held.lost
        assert held.replaced == ()

    run(script())


def test_what_another_made_under_a_name_and_this_run_replaces_is_told(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with(owned=owned(B, C)))

    async def script() -> None:
        held = await take(ledger_store)
        ledger_store.clock.time += LEASE
        other = await take(ledger_store, BOB, "run-2")
        await finish(other, owned=owned(A, under="2") | owned(B, under="3") | owned(C))
        ours = owned(A, B) | owned(C, under="4")
        await finish(held, owned=ours)
        assert (await stands(ledger_store)).ledger.owned == {**ours, **owned(B, under="3")}
        assert held.replaced == ((Owned(A, "2"), Owned(A, "1")),)

    run(script())


def test_the_lease_of_who_took_over_stays_and_is_renewed_on_top(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        ledger_store.clock.time += LEASE
        other = await take(ledger_store, BOB, "run-2")
        await finish(held, owned=owned(A))
        found = (await stands(ledger_store)).ledger
        assert found.lease == other.ledger.lease
        assert found.owned == owned(A)
        task = asyncio.create_task(other.keep(lambda: pytest.fail("it is not lost")))
        await ledger_store.clock.sleep(LEASE / 3 + 1)
        assert other.ledger.owned == owned(A)
        await finish(other, owned={**other.ledger.owned, **owned(B)})
        assert (await stands(ledger_store)).ledger.owned == owned(A, B)
        task.cancel()

    run(script())


def test_an_end_that_cannot_be_written_is_that_error(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        ledger_store.faults["append"] = [ledger_store.error(500)]
        with pytest.raises(ApiError):
            await finish(held)
        ledger_store.faults["append"] = [refused("forbidden")]
        with pytest.raises(NotAuthenticated) as caught:
            await finish(held)
        assert caught.value.diagnostics[0].detail == STAYS

    run(script())


def test_an_end_that_is_cancelled_is_written_all_the_same(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        ledger_store.pause = lambda: ledger_store.clock.sleep(1)
        task = asyncio.create_task(finish(held, owned=owned(A)))
        await ledger_store.clock.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ledger_store.pause = None
        found = await stands(ledger_store)
        assert (found.ledger.lease, found.ledger.owned) == (None, owned(A))

    run(script())


def test_a_second_cancellation_ends_it_at_once(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        ledger_store.pause = lambda: ledger_store.clock.sleep(1000)
        task = asyncio.create_task(finish(held))
        for _ in range(2):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ledger_store.now() == START

    run(script())


def test_what_fails_after_a_cancellation_is_not_told() -> None:
    async def script() -> None:
        async def fails() -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            raise ValueError

        task = asyncio.create_task(complete(fails()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(script())


def test_work_that_is_cancelled_from_within_is_cancelled() -> None:
    async def gives_up() -> None:
        raise asyncio.CancelledError

    async def script() -> None:
        with pytest.raises(asyncio.CancelledError):
            await complete(gives_up())

    run(script())


@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_a_lease_whose_acquisition_is_cancelled_is_given_back(
    ledger_store: Any, first: bool, back: bool
) -> None:
    earlier = Intent(B, "build")
    if not first:
        keep(ledger_store, ledger_with(intents=(earlier,)))

    async def script() -> None:
        ledger_store.pause = lambda: ledger_store.clock.sleep(1)
        task = asyncio.create_task(take(ledger_store))
        while not {"create", "append"} & set(ledger_store.asked):
            await ledger_store.clock.sleep(0.5)
        if not back:
            ledger_store.faults["append"] = [*([None] * (not first)), ledger_store.error(500)]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ledger_store.pause = None
        found = await stands(ledger_store)
        assert (found.ledger.lease is None) is back
        if back:
            assert found.ledger.intents == (() if first else (earlier,))
            assert found.ledger.runs == ()

    run(script())


def test_an_acquisition_that_is_cancelled_and_refused_writes_nothing(ledger_store: Any) -> None:
    async def script() -> None:
        ledger_store.faults["create"] = [ledger_store.error(500)]
        await cancelled_once_created(ledger_store)
        assert not ledger_store.names

    run(script())


# --- holding it for a block ------------------------------------------------------------------


def run_of(actor: Actor = ADA) -> Run:
    return Run("run-1", actor, "apply")


async def stop(store: Any, *, begun: bool = False) -> None:
    """A block that ends in an error, before or after something may have been changed."""
    async with client_of(store).lease(run_of(), (CREATE_A,)) as held:
        assert held.ledger.lease
        store.faults["append"] = store.faults.pop("release", [])
        async with held.renewing(lambda: None) if begun else contextlib.nullcontext():
            raise ValueError("stopped")


def test_a_block_that_changes_nothing_releases_its_lease(ledger_store: Any) -> None:
    earlier = Intent(B, "build")
    keep(ledger_store, ledger_with(owned=owned(C), intents=(earlier,)))

    async def script() -> None:
        with pytest.raises(ValueError, match="stopped"):
            await stop(ledger_store)
        found = (await stands(ledger_store)).ledger
        assert (found.lease, found.owned, found.intents) == (None, owned(C), (earlier,))
        assert found.runs == (PastRun("run-1", ADA, "apply", START, START, "stopped"),)

    run(script())


def test_a_block_that_finishes_writes_once(ledger_store: Any) -> None:
    async def script() -> None:
        async with client_of(ledger_store).lease(run_of(), (CREATE_A,)) as held:
            async with held.renewing(lambda: pytest.fail("it is not lost")):
                pass
            await finish(held, owned=owned(A))
        assert (await stands(ledger_store)).number == 2

    run(script())


def test_a_block_that_dies_while_it_changes_things_leaves_what_it_set_out_to_do(
    ledger_store: Any,
) -> None:
    """By that the next run knows what may be ours."""

    async def script() -> None:
        with pytest.raises(ValueError, match="stopped"):
            await stop(ledger_store, begun=True)
        found = (await stands(ledger_store)).ledger
        assert found.lease is not None
        assert found.intents == (CREATE_A,)

    run(script())


def test_a_release_that_cannot_be_written_changes_no_error(ledger_store: Any) -> None:
    ledger_store.faults["release"] = [ledger_store.error(500)]
    with pytest.raises(ValueError, match="stopped"):
        run(stop(ledger_store))
    assert run(stands(ledger_store)).ledger.lease is not None


@pytest.mark.parametrize("held_by_last", [False, True])
def test_what_two_projects_give_up_is_taken_from_both_or_from_neither(
    ledger_store: Any, *, held_by_last: bool
) -> None:
    last = Owner("zoo", "prod")
    keep(ledger_store, ledger_with(owner=OTHER, owned=owned(A)))
    keep(ledger_store, ledger_with(lease() if held_by_last else None, owner=last, owned=owned(B)))
    changing = {OTHER: {Owned(A, "1").live_id: A}, last: {Owned(B, "1").live_id: B}}
    intents = (CREATE_A, Intent(B, "edit", id="1"))

    async def script() -> None:
        async with client_of(ledger_store).lease(run_of(), intents) as held:
            if held_by_last:
                with pytest.raises(LeaseHeld, match=str(last)):
                    await held.take_over(changing)
            else:
                await held.take_over(changing)
        left = [(await stands(ledger_store, owner)).ledger.owned for owner in (OTHER, last)]
        assert left == ([owned(A), owned(B)] if held_by_last else [{}, {}])
        ours = (await stands(ledger_store)).ledger
        assert ours.lease is None
        assert ours.intents == (() if held_by_last else intents)

    run(script())


def test_of_what_one_project_gave_up_before_another_refused_the_intent_stays(
    ledger_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = Owner("zoo", "prod")
    keep(ledger_store, ledger_with(owner=OTHER, owned=owned(A)))
    keep(ledger_store, ledger_with(lease(), owner=last, owned=owned(B)))

    async def nobody_holds_it(*_: Any) -> None:
        """It is acquired right after this look."""

    monkeypatch.setattr("peakctl.ledger.lease.refuse_any_held", nobody_holds_it)
    changing = {OTHER: {Owned(A, "1").live_id: A}, last: {Owned(B, "1").live_id: B}}
    intents = (Intent(A, "edit", id="1"), Intent(B, "edit", id="1"))

    async def script() -> None:
        with pytest.raises(LeaseHeld, match=str(last)):
            async with client_of(ledger_store).lease(run_of(), intents) as held:
                await held.take_over(changing)
        assert (await stands(ledger_store)).ledger.intents == intents[:1]
        assert (await stands(ledger_store, OTHER)).ledger.owned == {}

    run(script())


# --- renewing it -----------------------------------------------------------------------------


def test_a_lease_is_renewed_when_a_third_of_it_has_passed(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        task = asyncio.create_task(held.keep(lambda: pytest.fail("it is not lost")))
        await ledger_store.clock.sleep(LEASE + 1)
        found = await stands(ledger_store)
        assert found.number == 4
        assert found.ledger.lease == Lease("run-1", ADA, START, START + 2 * LEASE)
        assert held.ledger == found.ledger
        await finish(held)
        task.cancel()
        assert not held.lost
        assert (await stands(ledger_store)).ledger.lease is None

    run(script())


def test_nothing_is_renewed_once_it_is_given_back(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        task = asyncio.create_task(held.keep(lambda: pytest.fail("it is not lost")))
        await asyncio.sleep(0)
        await finish(held)
        await task
        assert (await stands(ledger_store)).number == 2
        await held.keep(lambda: pytest.fail("it is over"))

    run(script())


def test_a_renewal_under_way_is_over_before_the_end_is_written(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        task = asyncio.create_task(held.keep(lambda: pytest.fail("it is not lost")))
        ledger_store.pause = lambda: ledger_store.clock.sleep(5)
        await ledger_store.clock.sleep(LEASE / 3 + 1)
        await finish(held)
        await task
        assert (await stands(ledger_store)).number == 3
        assert len(ledger_store.versions["id-0"]) == 3

    run(script())


def test_a_renewal_that_is_cancelled_and_lands_is_built_upon(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        task = asyncio.create_task(held.keep(lambda: pytest.fail("it is not lost")))
        await asyncio.sleep(0)
        plain = ledger_store.append

        async def stuck(*args: Any) -> Any:
            await plain(*args)
            await asyncio.Event().wait()

        ledger_store.append = stuck
        await ledger_store.clock.sleep(LEASE / 3 + 1)
        task.cancel()
        ledger_store.append = plain
        await finish(held, owned=owned(A))
        found = await stands(ledger_store)
        assert (found.number, found.ledger.lease, found.ledger.owned) == (4, None, owned(A))

    run(script())


def test_a_renewal_that_fails_is_tried_again(ledger_store: Any) -> None:
    async def script() -> None:
        held = await take(ledger_store)
        task = asyncio.create_task(held.keep(lambda: pytest.fail("it is not lost")))
        ledger_store.faults["append"] = [ledger_store.error(500), refused("refused")]
        await ledger_store.clock.sleep(LEASE / 3 + 59)
        assert (await stands(ledger_store)).number == 1
        await ledger_store.clock.sleep(2)
        assert (await stands(ledger_store)).number == 2
        task.cancel()

    run(script())


@pytest.mark.parametrize(
    ("status", "after"), [(404, LEASE / 3), (500, LEASE)], ids=["gone", "unreachable"]
)
def test_a_lease_that_cannot_be_renewed_is_lost(
    ledger_store: Any, status: int, after: float
) -> None:
    lost: list[float] = []

    async def script() -> None:
        held = await take(ledger_store)
        ledger_store.faults["append"] = [ledger_store.error(status) for _ in range(100)]
        await held.keep(lambda: lost.append(ledger_store.now()))
        assert held.lost

    run(script())
    assert lost == [START + after]


@pytest.mark.parametrize("how", ["taken over", "unlocked"])
def test_a_lease_that_is_gone_is_told_once(ledger_store: Any, how: str) -> None:
    lost: list[bool] = []

    async def script() -> None:
        held = await take(ledger_store)
        task = asyncio.create_task(held.keep(lambda: lost.append(held.lost)))
        if how == "taken over":
            await take(ledger_store, BOB, "run-2", alive=False)
        else:
            theirs = replace(held.ledger, lease=None, writer="x", base=1, seen=1)
            await ledger_store.append("id-0", write_ledger(theirs))
        await task
        assert lost == [True]
        ledger_store.asked.clear()
        await finish(held, owned=owned(A))
        found = await stands(ledger_store)
        assert found.ledger.owned == owned(A)
        assert (found.ledger.lease is None) == (how == "unlocked")
        assert [past.outcome for past in found.ledger.runs] == ["done"]

    run(script())


# --- other projects' ledgers, and writing without a lease ------------------------------------


def give_up(store: Any, *ids: tuple[str, str], owner: Owner = OTHER) -> None:
    run(disown(client_of(store), owner, frozenset(ids), Run("run-1", ADA, "apply")))


def test_what_is_taken_over_leaves_the_ledger_of_the_other(ledger_store: Any) -> None:
    theirs = {A: Owned(A, 17), B: Owned(B, "18")}
    intents = (CREATE_A, Intent(B, "edit"))
    dead = lease(until=START - 1)
    keep(ledger_store, ledger_with(dead, owner=OTHER, owned=theirs, intents=intents))
    give_up(ledger_store, ("Image", "17"), ("Service", "18"))
    found = run(stands(ledger_store, OTHER)).ledger
    assert found.owned == {B: Owned(B, "18")}
    assert found.intents == intents[1:]
    assert found.lease == dead
    (past,) = found.runs
    assert (past.run, past.command, past.counts) == (
        "run-1",
        "taken over by retail/prod",
        {"disowned": 1},
    )


def test_nothing_is_written_where_nothing_is_taken(ledger_store: Any) -> None:
    give_up(ledger_store, ("Image", "17"))
    keep(ledger_store, ledger_with(owner=OTHER, owned=owned(A)))
    give_up(ledger_store, ("Image", "17"))
    assert "append" not in ledger_store.asked


def test_nothing_is_taken_from_a_project_that_is_applying(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with(lease(), owner=OTHER, owned=owned(A)))
    with pytest.raises(LeaseHeld, match="applying pricing/prod"):
        give_up(ledger_store, ("Image", "1"))


def note(store: Any, **more: Any) -> bool:
    def add(ledger: Ledger) -> Ledger:
        return replace(ledger, owned={**ledger.owned, **owned(B)})

    return run(write_if_free(client_of(store), add, Run("run-1", ADA, "apply"), **more))


def test_a_note_is_added_to_what_is_there(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with(owned=owned(A), intents=(CREATE_A,)))
    assert note(ledger_store, outcome="adopted")
    found = run(stands(ledger_store)).ledger
    assert found.owned == owned(A, B)
    assert found.intents == (CREATE_A,)
    assert found.runs == (PastRun("run-1", ADA, "apply", START, START, "adopted"),)


def test_a_note_over_a_dead_lease_says_that_its_run_died(ledger_store: Any) -> None:
    keep(ledger_store, ledger_with(lease(until=START - 1)))
    assert note(ledger_store)
    found = run(stands(ledger_store)).ledger
    assert found.lease is None
    assert [(past.run, past.outcome) for past in found.runs] == [
        ("their-run", "died"),
        ("run-1", "done"),
    ]


def test_a_note_makes_the_ledger_where_there_is_none(ledger_store: Any) -> None:
    assert note(ledger_store)
    found = run(stands(ledger_store)).ledger
    assert (found.owned, found.lease) == (owned(B), None)


def test_a_note_waits_for_no_one(ledger_store: Any) -> None:
    made = keep(ledger_store, ledger_with(lease()))
    assert not note(ledger_store)
    assert "append" not in ledger_store.asked
    ledger_store.clock.time += 200
    theirs = replace(ledger_with(owned=owned(C)), writer="x", base=1, seen=1)
    before(ledger_store, "append", lambda: ledger_store.append(made, write_ledger(theirs)))
    assert not note(ledger_store)
    assert run(stands(ledger_store)).ledger == theirs


def test_a_note_that_was_overtaken_takes_its_ledger_back(ledger_store: Any) -> None:
    text = write_ledger(ledger_with())
    before(ledger_store, "create", lambda: ledger_store.create(ledger_name(OWNER), text))
    assert not note(ledger_store)
    assert [read_ledger(t, OWNER).owned for v in ledger_store.versions.values() for t in v.values()]
    assert len(ledger_store.names) == 1


def test_before_anything_is_taken_over_no_owner_may_have_its_lease(ledger_store: Any) -> None:
    missing = Owner("nobody", "dev")
    keep(ledger_store, ledger_with(lease(BOB), owner=OTHER))
    client = client_of(ledger_store)
    run(refuse_any_held(client, (missing,), ADA))
    with pytest.raises(LeaseHeld, match=str(OTHER)):
        run(refuse_any_held(client, (missing, OTHER), ADA))
    ledger_store.clock.time += LEASE
    run(refuse_any_held(client, (missing, OTHER), ADA))
