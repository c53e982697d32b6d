"""The Peak platform, offline and stateful. Its rules are its own reading of the contract."""

from __future__ import annotations

from peakctl.emulator.faults import Fault
from peakctl.emulator.options import Options
from peakctl.emulator.platform import Emulator
from peakctl.emulator.transport import emulator_transport

__all__ = ["Emulator", "Fault", "Options", "emulator_transport"]
