"""Messages to the webhooks of chats and other receivers: sent once, to the very address given.

The address is a secret: whoever has it may write there. It is in no message of ours.
"""

from __future__ import annotations

import json
import logging
import re
from urllib.parse import urlsplit

from peakctl import __version__
from peakctl.api.failures import failure_of_error
from peakctl.api.http import httpx
from peakctl.errors import HostError
from peakctl.model import JsonObject
from peakctl.settings import is_loopback

TIMEOUT = 10.0
"""Seconds to connect, and then between two parts of the answer."""
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")


def flaw_of(address: str) -> str:
    """Why nothing is sent to an address; "" where it may be. The address is not repeated."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "it is no address"
    if not host or port == 0 or _BLANK.search(address):
        return "it is no address"
    if parts.username is not None or parts.password is not None:
        return "it holds a user name or a password"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return "it is no https address"
    return ""


async def post_message(
    transport: httpx.AsyncBaseTransport, address: str, message: JsonObject
) -> None:
    """Send a message as JSON, once, and follow nothing; of the answer only the status is looked at.

    Raises HostError.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole addresses below that
    body = json.dumps(message).encode()
    headers = {"Content-Type": "application/json", "User-Agent": f"peakctl/{__version__}"}
    async with httpx.AsyncClient(
        transport=transport, timeout=TIMEOUT, trust_env=False, follow_redirects=False
    ) as client:
        try:
            async with client.stream("POST", address, content=body, headers=headers) as response:
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise HostError.of(f"no answer: {failure_of_error(error)}") from None
    if 300 <= status < 400:
        raise HostError.of(f"it answers {status}, and redirects are not followed", status=status)
    if not 200 <= status < 300:
        raise HostError.of(f"it answers {status}", status=status)
