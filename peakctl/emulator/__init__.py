"""The Peak platform, offline and stateful. Its rules are its own reading of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.emulator.faults import Fault
from peakctl.emulator.options import Options
from peakctl.emulator.platform import Emulator

if TYPE_CHECKING:
    from peakctl.emulator.client import emulator_transport

__all__ = ["Emulator", "Fault", "Options", "emulator_transport"]


def __getattr__(name: str) -> Any:
    # A server has no use for the HTTP client, which takes a third of the time to start.
    if name == "emulator_transport":
        from peakctl.emulator.client import emulator_transport

        return emulator_transport
    raise AttributeError(name)
