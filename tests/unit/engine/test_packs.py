"""Archives that are packed in threads: their order, how many there are, and what a stop leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peakctl.archives.pack import pack
from peakctl.engine.apply import WORTH_A_THREAD, Packs
from peakctl.errors import Diagnostic, ManifestsInvalid
from peakctl.model import Archive, ArchiveFile, Outcome, Phase, Plan, Readiness, State, Status, Step
from peakctl.operations.ahead import in_thread

AT = ("spec", "artifact")
LARGE = (ArchiveFile("a", executable=False, size=WORTH_A_THREAD, sha256="0"),)
Encode = Callable[[], bytes]


def archive(encode: Encode, files: tuple[ArchiveFile, ...] = LARGE) -> Archive:
    return Archive("sha256:new", 1, encode, files=files)


def uploads(lab: Any, encodes: dict[str, Encode], **steps: tuple[Step, ...]) -> Plan:
    """Creates of artifacts by their names, each of a large archive."""
    manifests = (lab.manifest("Artifact", n, {"artifact": {"path": "."}}) for n in encodes)
    plan = lab.plan(*manifests).plan
    actions = (
        replace(
            action,
            steps=steps.get(action.key.name, action.steps),
            resource=replace(action.resource, archives={AT: archive(encodes[action.key.name])}),
        )
        for action in plan.actions
    )
    return Plan(tuple(actions))


def wanted() -> bool:
    return True


def sent(lab: Any) -> list[tuple[str, bytes]]:
    return [(each.key.name, each.archives[AT].encode()) for each in lab.Artifact.orders]


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)


class Held:
    """Packs that end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[Encode] = []
        self.ends: list[asyncio.Event] = []

    async def __call__(self, encode: Encode) -> bytes:
        self.begun.append(encode)
        self.ends.append(asyncio.Event())
        await self.ends[-1].wait()
        return encode()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_the_event_loop_goes_on_while_threads_pack_the_same_bytes(
    lab: Any, tmp_path: Path, two: None
) -> None:
    (tmp_path / "a").write_text("a" * WORTH_A_THREAD)
    found = pack(tmp_path, None, tmp_path)
    turns = threading.Event()
    threads: set[int] = set()

    def encode() -> bytes:
        threads.add(threading.get_ident())
        assert turns.wait(60)  # for a turn of the event loop
        return found.encode()

    plan = uploads(lab, {"a": encode, "b": encode})
    lab.packs = Packs(in_thread, 16)

    async def run() -> tuple[Outcome, ...]:
        running = asyncio.ensure_future(lab.applying(plan))
        await settle()
        turns.set()
        return await running

    assert [each.status for each in asyncio.run(run())] == [Status.DONE] * 2
    assert threading.get_ident() not in threads
    assert sorted(sent(lab)) == [("a", found.encode()), ("b", found.encode())]


def test_they_are_packed_in_order_as_many_as_there_are_processors(lab: Any, two: None) -> None:
    encodes = {name: name.encode for name in "abcd"}
    plan, held = uploads(lab, encodes), Held()
    lab.packs = Packs(held, 16)

    async def run() -> None:
        running = asyncio.ensure_future(lab.applying(plan))
        for count in (2, 3, 4, 4):
            await settle()
            assert held.begun == list(encodes.values())[:count]
            next(end for end in held.ends if not end.is_set()).set()
        await running

    asyncio.run(run())
    assert sent(lab) == [(name, name.encode()) for name in "abcd"]


def test_no_more_are_in_memory_than_may_be_sent_at_once(two: None) -> None:
    packed = []

    async def encoded(encode: Encode) -> bytes:
        packed.append(encode())
        return packed[-1]

    async def run() -> None:
        packs, sent = Packs(encoded, 2), asyncio.Event()

        async def send(name: str) -> None:
            async with packs.packed({AT: archive(name.encode)}, wanted):
                await sent.wait()

        sending = [asyncio.ensure_future(send(name)) for name in "abc"]
        await settle()
        assert packed == [b"a", b"b"]
        sent.set()
        await asyncio.gather(*sending)
        assert packed == [b"a", b"b", b"c"]

    asyncio.run(run())


def test_one_that_was_sent_makes_room_while_it_is_waited_for(lab: Any) -> None:
    plan = uploads(lab, {name: name.encode for name in "ab"})
    lab.packs = Packs(in_thread, 1)
    lab.Artifact.watched = True
    lab.Artifact.readings = [Readiness(State.PENDING, "busy")] * 3
    assert [each.status for each in lab.apply(plan)] == [Status.DONE] * 2
    shown = [(str(each.phase), each.key.name) for each in lab.events]
    assert [order.key.name for order in lab.Artifact.orders] == ["a", "b"]
    assert shown.index(("waiting", "b")) < shown.index(("finished", "a"))


def test_a_small_archive_is_packed_at_once(lab: Any) -> None:
    held = Held()
    small = (replace(LARGE[0], size=WORTH_A_THREAD - 1),)

    async def run() -> None:
        async with Packs(held, 1).packed({AT: archive(b"zip".upper, small)}, wanted) as ready:
            assert ready is not None
            assert ready[AT].encode() == b"ZIP"

    asyncio.run(run())
    assert held.begun == []


@pytest.mark.parametrize("packs", [None, Packs(in_thread, 16)])
def test_what_cannot_be_packed_fails_alone_and_alike(lab: Any, packs: Packs | None) -> None:
    def fail() -> bytes:
        raise ManifestsInvalid(Diagnostic("artifact/changed", "it changed", fix="run again"))

    lab.packs = packs
    call, lab.Artifact.call = lab.Artifact.call, None

    async def sending(order: Any) -> Any:
        order.archives[AT].encode()
        return await call(order)

    lab.Artifact.call = sending
    bad, good = lab.apply(uploads(lab, {"a": fail, "b": b"zip".upper}))
    assert (bad.status, bad.message, bad.detail) == (Status.FAILED, "it changed", ("run again",))
    assert good.status is Status.DONE
    assert [order.key.name for order in lab.Artifact.orders] == ["b"]


def stopped(lab: Any, plan: Plan, stop: Callable[[asyncio.Future[Any]], None]) -> list[Status]:
    """How the actions end when a run is stopped while the last archive that was begun is packed."""
    held = Held()
    lab.packs = Packs(held, 16)

    async def run() -> None:
        running = asyncio.ensure_future(lab.applying(plan))
        await settle()
        stop(running)
        for end in held.ends:
            end.set()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
    ended = {each.key.name: each.outcome for each in lab.events if each.outcome}
    begun = {each.key.name for each in lab.events if each.phase is Phase.STARTED}
    assert begun == {name for name, each in ended.items() if each.status is not Status.CANCELLED}
    return [ended[name].status for name in sorted(ended)]


def cancel(running: asyncio.Future[Any]) -> None:
    running.cancel()


@pytest.mark.parametrize("cancelled", [True, False])
def test_nothing_is_sent_of_a_run_that_is_stopped_while_it_packs(
    lab: Any, two: None, *, cancelled: bool
) -> None:
    plan = uploads(lab, {name: name.encode for name in "abc"})
    stop = cancel if cancelled else lambda _: lab.stop.request()
    assert stopped(lab, plan, stop) == [Status.CANCELLED] * 3
    assert lab.Artifact.orders == []


@pytest.mark.parametrize(("cancelled", "status"), [(True, Status.UNKNOWN), (False, Status.DONE)])
def test_what_was_begun_before_is_not_said_to_be_cancelled(
    lab: Any, status: Status, *, cancelled: bool
) -> None:
    plan = uploads(lab, {"a": b"zip".upper}, a=(Step.DELETE, Step.CREATE))
    stop = cancel if cancelled else lambda _: lab.stop.request()
    assert stopped(lab, plan, stop) == [status]
    steps = [order.step for order in lab.Artifact.orders]
    assert steps == ([Step.DELETE] if cancelled else [Step.DELETE, Step.CREATE])
