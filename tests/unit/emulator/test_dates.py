"""Every answer says what time it is on the platform: leases expire by that."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from peakctl.emulator import Emulator, Fault
from peakctl.emulator.server import serve_in_thread

ROOT = "/service/artifacts/api/v1/artifacts/"


def moment(answer: httpx.Response) -> float:
    (date,) = answer.headers.get_list("date")
    return parsedate_to_datetime(date).timestamp()


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}no-such", "/no/such/call", "/_emulator/state"])
def test_every_answer_has_the_emulators_own_time(peak: Any, path: str) -> None:
    assert moment(peak.send("GET", path)) == peak.now
    peak.wait(60)
    peak.emulator.ahead = 3600.0
    assert moment(peak.send("GET", path)) == peak.now + 3600


def test_an_injected_failure_has_it_too(peak: Any) -> None:
    peak.emulator.faults = [Fault(action="status", status=503)]
    assert moment(peak.send("GET", ROOT)) == peak.now


def test_the_instant_twin_has_the_same_time(peak: Any) -> None:
    peak.emulator.ahead = 60.0
    twin = peak.emulator.instant()
    transport = httpx.ASGITransport(app=twin.app)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://peak") as client:
            return await client.get(ROOT, headers={"Authorization": "t"})

    assert moment(asyncio.run(ask())) == peak.now + 60


def test_on_a_socket_it_is_the_only_date() -> None:
    emulator = Emulator(clock=lambda: 1_600_000_000.0)
    with serve_in_thread(emulator) as address:
        answer = httpx.get(f"{address}{ROOT}", headers={"Authorization": "t"}, trust_env=False)
    assert moment(answer) == 1_600_000_000.0
    emulator.close()
