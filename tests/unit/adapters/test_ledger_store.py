"""Ledgers as artifacts: what is sent, what is read, and zips that are none of ours."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from peakctl.adapters import ledger_store as stores
from peakctl.adapters.artifact import Adapter
from peakctl.adapters.ledger_store import NO_LEDGER, ArtifactLedgers, text_of, zip_of
from peakctl.api.client import Api, bases_for
from peakctl.emulator import Emulator, emulator_transport
from peakctl.errors import ApiError, Diagnostic, LeaseHeld, LedgerUnusable
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.client import LedgerClient
from peakctl.ledger.codec import read_ledger
from peakctl.ledger.lease import LEASE
from peakctl.ledger.revisions import find_revision
from peakctl.model import Actor, Flaw, Key, Listed, Owned, Owner, Run, Secret

T = TypeVar("T")
TEXT = b'{"kind": "peakctl-ledger"}'
NAME = "peakctl-ledger-retail-prod"


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


class Broken:
    """An api that always answers one thing."""

    server_time: float | None = None

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def _tell(self, *_: Any, **__: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    send = pages = download = _tell


def broken(answer: Any) -> ArtifactLedgers:
    api: Any = Broken(answer)
    return ArtifactLedgers(api)


def error(status: int) -> ApiError:
    return ApiError(Diagnostic("api/refused", "no"), status=status)


def open_api(emulator: Emulator, clock: Any) -> Api:
    return Api(
        transport=emulator_transport(emulator),
        bases=bases_for("prod", None),
        token=Secret("a-token"),
        clock=clock,
    )


def test_versions_are_written_listed_read_and_dropped(make_emulator: Any, clock: Any) -> None:
    emulator = make_emulator()

    async def script() -> None:
        async with open_api(emulator, clock) as api:
            store = ArtifactLedgers(api, clock)
            made = await store.create(NAME, TEXT)
            assert await store.append(made, TEXT * 2) == 2
            assert await store.append(made, TEXT * 3) == 3
            assert await store.numbers(made) == (1, 2, 3)
            assert await store.read(made) == TEXT * 3
            assert await store.read(made, 2) == TEXT * 2
            await store.drop(made, 2)
            await store.drop(made, 2)
            assert await store.numbers(made) == (1, 3)
            assert await store.read(made, 2) is None
            (listed,) = await store.list()
            assert (listed.id, listed.name, listed.ours) == (made, NAME, False)
            assert "do not delete" in listed.item["description"]
            await store.remove(made)
            await store.remove(made)
            assert await store.numbers(made) == ()
            assert await store.read(made) is None
            assert await store.list() == ()

    run(script())


def test_all_pages_are_listed_the_oldest_first(make_emulator: Any, clock: Any) -> None:
    emulator = make_emulator()

    async def script() -> None:
        async with open_api(emulator, clock) as api:
            store = ArtifactLedgers(api, clock)
            made = []
            for number in range(103):
                clock.time += 1
                name = NAME if number % 2 else f"a-peakctl-ledger-{number}"
                made.append(await store.create(name, TEXT))
            assert [each.id for each in await store.list()] == made[1::2]
            for _ in range(104):
                await store.append(made[0], TEXT)
            assert await store.numbers(made[0]) == tuple(range(1, 106))

    run(script())


def test_the_time_is_that_of_the_platforms_last_answer(make_emulator: Any, clock: Any) -> None:
    emulator = make_emulator()
    emulator.ahead = 5000.0

    async def script() -> None:
        async with open_api(emulator, clock) as api:
            store = ArtifactLedgers(api, clock)
            assert store.now() == clock.now()
            await store.list()
            assert store.now() == clock.now() + 5000
            clock.time += 60
            assert store.now() == clock.now() + 4940

    run(script())


def test_without_a_clock_the_machines_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores.time, "time", lambda: 7.0)
    assert broken(None).now() == 7.0


def test_ledgers_are_picked_from_a_listing_of_artifacts() -> None:
    def item(id_: str, name: str, made: str | None) -> Listed:
        return Listed(id_, name, {} if made is None else {"createdAt": made})

    listed = (
        item("c", "peakctl-ledger-a", "2026-01-02T00:00:00.000Z"),
        item("x", "weights", "2026-01-01T00:00:00.000Z"),
        item("b", "peakctl-ledger-b", "2026-01-01T00:00:00.000Z"),
        item("a", "peakctl-ledger-a", "2026-01-02T00:00:00.000Z"),
        item("d", "peakctl-ledger-d", None),
    )
    assert [each.id for each in broken(None).pick(listed)] == ["d", "b", "a", "c"]


@pytest.mark.parametrize("answer", [{}, {"version": None}, {"version": "2"}, {"version": True}, []])
def test_a_version_without_a_number_is_in_doubt(answer: Any) -> None:
    with pytest.raises(ApiError) as caught:
        run(broken(answer).append("id", TEXT))
    assert caught.value.doubtful


def test_a_ledger_without_an_id_is_in_doubt() -> None:
    with pytest.raises(ApiError) as caught:
        run(broken({}).create(NAME, TEXT))
    assert caught.value.doubtful


def test_versions_without_a_number_are_left_out() -> None:
    assert run(broken([{"version": 2}, {"version": "x"}, {}, {"version": 1}]).numbers("id")) == (
        1,
        2,
    )


@pytest.mark.parametrize("status", [404, 422, 500])
def test_what_is_gone_is_no_error_and_all_else_is(status: int) -> None:
    store = broken(error(status))
    calls = {
        "numbers": (store.numbers("id"), (404,)),
        "read": (store.read("id", 1), (404,)),
        "drop": (store.drop("id", 1), (404, 422)),
        "remove": (store.remove("id"), (404,)),
    }
    for work, fine in calls.values():
        if status in fine:
            assert not run(work)
        else:
            with pytest.raises(ApiError):
                run(work)


# --- zips ------------------------------------------------------------------------------------


def a_zip(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return target.getvalue()


def test_the_same_text_is_the_same_zip() -> None:
    assert zip_of(TEXT) == zip_of(TEXT)
    assert text_of(zip_of(TEXT)) == TEXT


@pytest.mark.parametrize(
    "data",
    [
        a_zip(("ledger.json", TEXT), method=zipfile.ZIP_STORED),
        a_zip(("ledger.json", TEXT), ("note.txt", b"x")),
    ],
    ids=["stored", "beside-another-file"],
)
def test_a_ledger_is_found_in_a_zip_that_others_made(data: bytes) -> None:
    assert text_of(data) == TEXT


def test_what_is_no_zip_of_a_ledger_is_empty() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = a_zip(("ledger.json", TEXT), ("ledger.json", TEXT))
    whole = zip_of(TEXT)
    wrong = (
        b"",
        b"no zip",
        whole[:-3],
        whole.replace(TEXT[:1], b"", 1)[:40] + whole[40:-1],
        twice,
        a_zip(("ledger.json", TEXT), method=zipfile.ZIP_LZMA),
        a_zip(("ledger.json", TEXT), method=zipfile.ZIP_BZIP2),
        whole.replace(b"\x00\x00\x08\x00", b"\x01\x00\x08\x00"),
    )
    assert [text_of(data) for data in wrong] == [b""] * len(wrong)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "LARGEST", 2000)
    assert text_of(zip_of(b"x" * 2000)) == b"x" * 2000
    assert text_of(zip_of(b"x" * 2001)) == b""
    assert text_of(zip_of(b"x") + b" " * 2000) == NO_LEDGER
    monkeypatch.setattr(stores, "LARGEST", 10**6)
    assert text_of(a_zip(("ledger.json", TEXT), *((f"f{n}", b"") for n in range(200)))) == NO_LEDGER


@pytest.mark.parametrize("data", [a_zip(("other.json", TEXT)), a_zip()], ids=["other", "empty"])
def test_a_whole_zip_of_something_else_is_foreign_not_damaged(data: bytes) -> None:
    with pytest.raises(LedgerUnusable) as caught:
        read_ledger(text_of(data), None)
    assert caught.value.flaw is Flaw.FOREIGN


# --- ledgers are nobody's artifacts ----------------------------------------------------------


def test_ledgers_are_listed_among_artifacts_and_never_managed() -> None:
    api: Any = Broken([{"id": 1, "name": NAME}, {"id": 2, "name": "weights"}])
    adapter = Adapter(api, load_kinds()["Artifact"])
    assert [(each.name, each.ours) for each in run(adapter.index())] == [
        (NAME, False),
        ("weights", True),
    ]


def test_a_run_takes_renews_and_gives_back_its_lease_on_the_platform(
    make_emulator: Any, clock: Any
) -> None:
    emulator, owner, actor = make_emulator(), Owner("retail", "prod"), Actor("ada")
    key = Key("Image", "forecast")

    async def script() -> None:
        async with open_api(emulator, clock) as api:
            store = ArtifactLedgers(api, clock)
            client = LedgerClient(store, owner, clock, lambda _: None)
            done: Any = {"intents": (), "outcome": "done", "counts": {}}
            async with client.lease(Run("one", actor, "apply"), ()) as held:
                with pytest.raises(LeaseHeld):
                    async with client.lease(Run("two", actor, "apply"), ()):
                        pytest.fail("it is held")
                async with held.renewing(lambda: pytest.fail("it is not lost")):
                    await clock.sleep(LEASE - 1)
                await held.finish(owned={key: Owned(key, 1)}, **done)
            for number in range(6):
                async with client.lease(Run(f"run-{number}", actor, "apply"), ()) as held:
                    await held.finish(owned=held.ledger.owned, **done)
            found = await find_revision(store, await store.list(), owner)
            assert found is not None
            assert (found.number, found.ledger.owned) == (16, {key: Owned(key, 1)})
            assert await store.numbers(found.id) == tuple(range(7, 17))

    run(script())
