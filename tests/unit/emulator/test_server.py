"""The emulator on a loopback socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from peakctl.emulator import Emulator, Fault
from peakctl.emulator.server import serve
from peakctl.errors import PeakctlError

ROOT = "/service/artifacts/api/v1/artifacts/"
Talk = Callable[[Emulator, httpx.AsyncClient], Awaitable[None]]


def talk(script: Talk, host: str = "127.0.0.1") -> None:
    async def run() -> None:
        emulator = Emulator()
        announced: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(emulator, host, 0, announced.set_result))
        address = await announced
        headers = {"Authorization": "t"}
        async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as client:
            await script(emulator, client)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        emulator.close()

    asyncio.run(run())


def test_it_announces_an_address_that_answers() -> None:
    async def script(emulator: Emulator, client: httpx.AsyncClient) -> None:
        assert str(client.base_url).startswith("http://127.0.0.1:")
        answer = await client.get(ROOT)
        assert answer.json()["artifactCount"] == 0
        assert [r.path for r in emulator.requests] == [ROOT]

    talk(script)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_drop_closes_the_connection(when: Any) -> None:
    async def script(emulator: Emulator, client: httpx.AsyncClient) -> None:
        emulator.faults = [Fault(action="drop", when=when)]
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get(ROOT)
        assert (await client.get(ROOT)).status_code == 200

    talk(script)


def test_a_truncated_answer_is_noticed() -> None:
    async def script(emulator: Emulator, client: httpx.AsyncClient) -> None:
        emulator.faults = [Fault(action="truncate")]
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(ROOT)

    talk(script)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "peak.example"])
def test_other_machines_are_kept_out(host: str) -> None:
    emulator = Emulator()
    with pytest.raises(PeakctlError, match="other machines"):
        asyncio.run(serve(emulator, host, 0, lambda address: None))
    emulator.close()


def test_an_address_in_use_is_an_error() -> None:
    async def script(emulator: Emulator, client: httpx.AsyncClient) -> None:
        port = client.base_url.port or 0
        with pytest.raises(PeakctlError, match="cannot listen"):
            await serve(emulator, "localhost", port, lambda address: None)

    talk(script)
