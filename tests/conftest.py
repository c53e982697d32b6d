"""A tenant of its own for each test: an emulator, a clock that passes by itself, a command line."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from chaos.clock import FakeClock
from hypothesis import settings

# The same examples every time, however slow the machine; HYPOTHESIS_PROFILE=default draws new ones.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


class MemoryLedgers:
    """A `LedgerStore` of its own: the next number is one more than there ever were.

    `faults` are taken in order by the writes of a method: an error to raise instead; "lost", "late"
    or "never" for a doubtful one after the write, before it (it lands with `land`), or in vain.
    `pause` is awaited before and after every request. `archive` has what was trimmed, too.
    `prefix` is how the names of its records begin.
    """

    kind = "Artifact"

    def __init__(self, clock: Any, prefix: str = "peakctl-ledger-") -> None:
        self.clock = clock
        self.prefix = prefix
        self.names: dict[str, tuple[str, str]] = {}
        self.versions: dict[str, dict[int, bytes]] = {}
        self.archive: defaultdict[str, dict[int, bytes]] = defaultdict(dict)
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.faults: defaultdict[str, list[Any]] = defaultdict(list)
        self.asked: list[str] = []
        self.late: list[Callable[[], Any]] = []
        self.pause: Callable[[], Any] | None = None

    def now(self) -> float:
        return float(self.clock.now())

    async def list(self) -> tuple[Any, ...]:
        return await self._do("list", self._listed)

    def pick(self, listed: tuple[Any, ...]) -> tuple[Any, ...]:
        found = (each for each in listed if each.name.startswith(self.prefix))
        return tuple(sorted(found, key=lambda each: (each.item["createdAt"], each.id)))

    async def numbers(self, ledger: Any) -> tuple[int, ...]:
        return await self._do("numbers", lambda: tuple(sorted(self.versions.get(ledger, ()))))

    async def read(self, ledger: Any, number: int | None = None) -> bytes | None:
        def act() -> bytes | None:
            there = self.versions.get(ledger, {})
            return there.get(max(there, default=0) if number is None else number)

        return await self._do("read", act)

    async def create(self, name: str, text: bytes) -> str:
        def act() -> str:
            made = f"id-{len(self.counts)}"
            at = datetime.fromtimestamp(self.clock.now(), UTC).isoformat(timespec="milliseconds")
            self.names[made] = name, at
            self.versions[made], self.archive[made] = {1: text}, {1: text}
            self.counts[made] = 1
            return made

        return await self._do("create", act)

    async def append(self, ledger: Any, text: bytes) -> int:
        def act() -> int:
            if ledger not in self.versions:
                raise self.error(404)
            self.counts[ledger] += 1
            number = self.counts[ledger]
            self.versions[ledger][number] = self.archive[ledger][number] = text
            return self.counts[ledger]

        return await self._do("append", act)

    async def drop(self, ledger: Any, number: int) -> None:
        await self._do("drop", lambda: self.versions.get(ledger, {}).pop(number, None))

    async def remove(self, ledger: Any) -> None:
        def act() -> None:
            self.versions.pop(ledger, None)
            self.names.pop(ledger, None)

        await self._do("remove", act)

    def land(self) -> None:
        """Let the late writes arrive; nobody hears what is answered."""
        from peakctl.errors import ApiError

        for act in self.late:
            with contextlib.suppress(ApiError):
                act()
        self.late.clear()

    def error(self, status: int | None, *, doubtful: bool = False) -> Any:
        from peakctl.errors import ApiError, Diagnostic

        return ApiError(Diagnostic("api/test", f"{status}"), status=status, doubtful=doubtful)

    def _listed(self) -> tuple[Any, ...]:
        from peakctl.model import Listed

        found = (Listed(i, n, {"createdAt": at}, ours=False) for i, (n, at) in self.names.items())
        return self.pick(tuple(found))

    async def _do(self, method: str, act: Callable[[], Any]) -> Any:
        self.asked.append(method)
        if self.pause:
            await self.pause()
        fault = self.faults[method].pop(0) if self.faults[method] else None
        if isinstance(fault, BaseException):
            raise fault
        if fault == "late":
            self.late.append(act)
        result = act() if fault in (None, "lost") else None
        if self.pause:
            await self.pause()
        if fault is not None:
            raise self.error(None, doubtful=True)
        return result


@dataclass(frozen=True)
class Run:
    """What one command did."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True, scope="session")
def cheap_scrypt() -> Iterator[int]:
    """Digests of secrets cost next to nothing. Gives the product's cost, for `full_scrypt`."""
    from peakctl.ledger import digests

    full = digests.COST
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "COST", digests.LIGHT)
        yield full


@pytest.fixture
def full_scrypt(monkeypatch: pytest.MonkeyPatch, cheap_scrypt: int) -> None:
    """Digests of secrets cost what they cost users."""
    monkeypatch.setattr("peakctl.ledger.digests.COST", cheap_scrypt)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger_store(clock: FakeClock) -> MemoryLedgers:
    """An empty tenant's ledgers, on the fake clock."""
    return MemoryLedgers(clock)


@pytest.fixture
def history_store(clock: FakeClock) -> MemoryLedgers:
    """The same for its histories."""
    return MemoryLedgers(clock, "peakctl-history-")


@pytest.fixture
def make_ledger_store() -> Callable[..., MemoryLedgers]:
    """The same for each example of a property: `make_ledger_store(clock=None, **more)`."""
    return lambda clock=None, **more: MemoryLedgers(clock or FakeClock(), **more)


@pytest.fixture
def make_emulator(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A fresh emulator on the fake clock; takes the fields of its `Options`. Closed at the end."""
    from peakctl.emulator import Emulator, Options

    with contextlib.ExitStack() as stack:

        def make(**options: Any) -> Emulator:
            chosen = Options(**{"provided_images": True, "record_bodies": True, **options})
            emulator = Emulator(clock=clock.now, options=chosen)
            stack.callback(emulator.close)
            monkeypatch.setattr(emulator, "close", lambda: None)  # commands close what they open
            return emulator

        yield make


@pytest.fixture
def peakctl(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Callable[..., Run]:
    """Runs a command line in this process, emulator environments on the emulator given.

    A result in JSON is held to the schema of its command, if there is one.
    """
    from peakctl.cli import cli
    from peakctl.operations import platform, project

    for name in ("PEAK_AUTH_TOKEN", "API_KEY", "PEAK__STAGE", "STAGE", "PEAKCTL_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(project.SystemClock, "now", lambda _: clock.now())
    monkeypatch.setattr(project.SystemClock, "sleep", lambda _, seconds: clock.sleep(seconds))

    def run(*args: str, emulator: Any = None) -> Run:
        monkeypatch.setattr(platform, "open_emulator", lambda *_, **__: emulator)
        out, err = io.StringIO(), io.StringIO()
        told = (contextlib.redirect_stdout(out), contextlib.redirect_stderr(err))
        with told[0], told[1], pytest.raises(SystemExit) as left:
            cli.main(list(args))
        if "json" in args:
            check_result(out.getvalue())
        return Run(int(left.value.code or 0), out.getvalue(), err.getvalue())

    return run


def check_result(text: str) -> None:
    """Raise ValidationError for JSON that is not as the schema of its command says."""
    from schemas_of_output import check_output

    from peakctl.kinds.schemas import output_schemas

    document = json.loads(text) if text.startswith("{") else {}
    command = {"ledger history": "history"}.get(document.get("command"), document.get("command"))
    if command in output_schemas():
        check_output(command, document)
