"""GETs by peakctl's client: python client_gets.py ADDRESS REQUESTS; prints seconds of CPU."""

from __future__ import annotations

import asyncio
import sys
import time

from peakctl.api.client import Api, bases_for, socket_transport
from peakctl.api.limits import Limits
from peakctl.model import Secret
from peakctl.operations.project import SystemClock


async def main(address: str, requests: int) -> None:
    limits = Limits()
    client = Api(
        transport=socket_transport(limits),
        bases=bases_for(None, address),
        token=Secret("bench"),
        clock=SystemClock(),
        limits=limits,
    )
    async with client as api:
        await asyncio.gather(*(api.get(f"service/x/{n}") for n in range(16)))
        began = time.process_time()
        await asyncio.gather(*(api.get(f"service/x/{n}") for n in range(requests)))
        print(time.process_time() - began)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
