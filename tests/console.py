"""What somebody does in the platform's console, beside peakctl."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from peakctl.emulator import emulator_transport


def by_hand(emulator: Any, method: str, path: str, body: Any = None) -> None:
    """One request to the emulator, which must succeed."""

    async def send() -> None:
        client = httpx.AsyncClient(
            transport=emulator_transport(emulator),
            base_url="http://emulator",
            headers={"Authorization": "peakctl-emulator"},
        )
        async with client:
            answer = await client.request(method, path, json=body)
        assert answer.is_success, answer.text

    asyncio.run(send())
