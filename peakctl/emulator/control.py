"""Control of one emulator's data, in this process or behind an address."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Protocol

from peakctl.emulator.problems import Problem
from peakctl.emulator.seeding import seed
from peakctl.emulator.store import save_snapshot
from peakctl.errors import Diagnostic, PeakctlError

if TYPE_CHECKING:
    from peakctl.emulator.platform import Emulator

TIMEOUT = 60.0


class Control(Protocol):
    """Every call raises `PeakctlError` when the emulator refuses or does not answer."""

    def reset(self) -> None: ...
    def requests(self) -> list[dict[str, Any]]: ...
    def seed(self, document: Any) -> list[dict[str, Any]]: ...
    def save(self) -> bytes: ...
    def load(self, snapshot: bytes) -> None: ...


class LocalControl:
    """An emulator of this process."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def reset(self) -> None:
        self._emulator.reset()

    def requests(self) -> list[dict[str, Any]]:
        return self._emulator.requests.kept()

    def seed(self, document: Any) -> list[dict[str, Any]]:
        try:
            return asyncio.run(seed(self._emulator, document))
        except Problem as problem:
            raise _refused(problem.detail) from None

    def save(self) -> bytes:
        return save_snapshot(self._emulator.store)

    def load(self, snapshot: bytes) -> None:
        self._emulator.load(snapshot)


class RemoteControl:
    """A serving emulator at `http://HOST:PORT`, asked through its own routes."""

    def __init__(self, address: str) -> None:
        self._root = f"{address.rstrip('/')}/_emulator/"

    def reset(self) -> None:
        self._ask("POST", "reset")

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._ask("GET", "requests"))["requests"]
        return found

    def seed(self, document: Any) -> list[dict[str, Any]]:
        created = json.loads(self._ask("POST", "seed", json.dumps(document).encode()))["created"]
        found: list[dict[str, Any]] = created
        return found

    def save(self) -> bytes:
        return self._ask("GET", "snapshot")

    def load(self, snapshot: bytes) -> None:
        self._ask("PUT", "snapshot", snapshot)

    def _ask(self, method: str, route: str, body: bytes = b"") -> bytes:
        import httpx

        url = self._root + route
        try:
            with httpx.Client(trust_env=False, timeout=TIMEOUT) as client:
                answer = client.request(method, url, content=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _refused(f"{url} does not answer: {error}") from error
        if answer.status_code >= 300:
            raise _refused(_detail(answer.content) or f"{url} answered {answer.status_code}")
        return answer.content


def _detail(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    return str(found.get("detail", "")) if isinstance(found, dict) else ""


def _refused(summary: str) -> PeakctlError:
    return PeakctlError(Diagnostic("emulator/refused", summary))
