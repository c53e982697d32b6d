"""Fixtures for tests of what talks to Peak: a fresh emulator, and the real client pointed at it.

pytest finds this module by itself where peakctl is installed; it imports nothing until a test asks
for a fixture. `peakctl[emulator]` must be installed then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass  # noqa: TID251 - nothing of peakctl is imported here
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # pytest loads this module in every project, which must cost nothing
    from peakctl.emulator import Emulator, Fault
    from peakctl.model import JsonDict

TOKEN = "peak-emulator"  # noqa: S105 - opens nothing but the emulator
DURATIONS = (
    "build_seconds", "deploy_seconds", "service_seconds", "delete_seconds", "execution_seconds"
)  # fmt: skip
STAGES = ("PEAK__STAGE", "STAGE", "API_KEY")
CLIENT_MODULES = ("peak.helpers", "peak.session", "peak.telemetry")


@dataclass(frozen=True, slots=True)
class PeakEmulator:
    """An emulator that answers at `endpoint`; `emulator` is the platform behind it."""

    endpoint: str
    token: str
    emulator: Emulator

    @property
    def faults(self) -> list[Fault]:
        """Rules of what goes wrong; append to it."""
        return self.emulator.faults

    @property
    def requests(self) -> list[JsonDict]:
        """What was asked so far: method, path, query, status, body, parts."""
        return self.emulator.requests.kept()

    def advance(self, seconds: float) -> None:
        """Let time pass at once, for tests that set durations."""
        self.emulator.ahead += seconds

    def reset(self) -> None:
        """Forget all resources, requests and faults."""
        self.emulator.reset()


@pytest.fixture
def peak_emulator_options() -> JsonDict:
    """Override it to choose the emulator's options; by default everything is done at once."""
    return {**dict.fromkeys(DURATIONS, 0.0), "provided_images": True}


@pytest.fixture
def peak_emulator(
    peak_emulator_options: JsonDict, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PeakEmulator]:
    """A fresh emulator on a loopback socket, and the environment that leads peakctl to it."""
    from peakctl.emulator import Emulator, Options
    from peakctl.emulator.server import serve_in_thread

    emulator = Emulator(options=Options(**peak_emulator_options))
    try:
        with serve_in_thread(emulator) as endpoint:
            for name in STAGES:
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("PEAKCTL_ENDPOINT", endpoint)
            monkeypatch.setenv("PEAK_AUTH_TOKEN", TOKEN)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            yield PeakEmulator(endpoint, TOKEN, emulator)
    finally:
        emulator.close()


@pytest.fixture
def peak_client(peak_emulator: PeakEmulator, monkeypatch: pytest.MonkeyPatch) -> PeakEmulator:
    """The same, with the real client (`peak-sdk`) of this process talking to it.

    The client has its hosts built in, so the one function that names them is replaced, and its
    telemetry is not sent. Skips the test where the client is not installed.
    """
    pytest.importorskip("peak", reason="peak-sdk is not installed")
    for name in CLIENT_MODULES:
        module = pytest.importorskip(name)
        monkeypatch.setattr(module, "get_base_domain", _hosts(peak_emulator.endpoint))
    telemetry = pytest.importorskip("peak.telemetry")
    monkeypatch.setattr(telemetry, "threading", _Silent)
    return peak_emulator


def _hosts(endpoint: str) -> Callable[..., str]:
    def get_base_domain(stage: str, subdomain: str = "service") -> str:
        return f"{endpoint}/{subdomain.partition('.')[0]}"

    return get_base_domain


class _Silent:
    """Stands for `threading` where the client would start a thread that reports on it."""

    class Thread:
        def __init__(self, **_: object) -> None:
            """Take whatever the client gives."""

        def start(self) -> None:
            """Do nothing."""
