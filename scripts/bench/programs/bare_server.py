"""A server that does next to nothing: one answer to every request.

python bare_server.py prints its address. With --first it ends at the first request, and prints when
that came (seconds, monotonic).
"""

from __future__ import annotations

import asyncio
import sys
import time

BODY = b'{"id": "x", "data": "' + b"a" * 1500 + b'"}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY


class Bare(asyncio.Protocol):
    """Every head is answered at once; there are no bodies."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.rest = transport, b""

    def data_received(self, data: bytes) -> None:
        if "--first" in sys.argv:
            print(time.monotonic(), flush=True)
            asyncio.get_running_loop().stop()
            return
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            _, _, self.rest = self.rest.partition(b"\r\n\r\n")
            self.transport.write(ANSWER)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


try:
    asyncio.run(main())
except RuntimeError:  # stopped at the first request
    sys.exit()
