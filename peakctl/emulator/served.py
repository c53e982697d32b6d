"""The emulator as what stands around it sees it: its own routes, its transport, its seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from peakctl.emulator.shapes import number, record

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from peakctl.emulator.faults import Fault
    from peakctl.emulator.journal import Journal
    from peakctl.emulator.options import Options
    from peakctl.emulator.store import Store

ROOT = "/_emulator"
ADVANCE = record({"advance": number})


class Served(Protocol):
    """One emulated platform; `ahead` is how many seconds its clock was put forward."""

    app: ASGIApp
    store: Store
    options: Options
    faults: list[Fault]
    journal: Journal
    ahead: float

    def now(self) -> float:
        """Seconds since 1970 as this platform has it."""

    def reset(self) -> None:
        """Forget all state."""

    def set_options(self, options: Options) -> None:
        """Behave otherwise from now on."""

    def load(self, snapshot: bytes) -> None:
        """Replace all state by a snapshot's."""

    def instant(self) -> Served:
        """The same data, but with everything done at once, and without faults and journal."""
