"""One event loop, and two signals."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import signal
from typing import TYPE_CHECKING

import pytest

from peakctl.cli.exits import Exit, Interrupted
from peakctl.cli.loop import graceful, run_async
from peakctl.cli.options import Flags
from peakctl.cli.session import Session, _run
from peakctl.engine.waiting import StoppableClock
from peakctl.errors import UsageError
from peakctl.operations.platform import check_emulator
from peakctl.operations.project import SystemClock
from peakctl.present.report import Report
from peakctl.present.terminal import Terminal
from peakctl.present.text import to_plain
from peakctl.settings import Settings

if TYPE_CHECKING:
    from peakctl.present.text import Line


def session() -> Session:
    return Session("apply", Flags(), Settings(), Terminal(io.StringIO(), io.StringIO()))


def test_the_result_of_the_work_comes_back() -> None:
    async def work() -> int:
        return 7

    assert run_async(session(), work()) == 7


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("place", ["peakctl.cli.loop.run_async", "asyncio.run"])
def test_work_that_an_interrupt_keeps_from_its_loop_is_not_complained_about(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    async def body(_: Session) -> Report:
        raise AssertionError

    monkeypatch.setattr(place, interrupted)
    assert _run(session(), body).exit_code is Exit.INTERRUPTED
    gc.collect()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_a_signal_ends_what_only_reads(number: signal.Signals, code: Exit) -> None:
    async def work() -> None:
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    with pytest.raises(Interrupted) as caught:
        run_async(session(), work())
    assert caught.value.code is code


class HeardWhileReading(io.BytesIO):
    """A standard input from which nothing comes but a signal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.number = number

    def read(self, _: object = -1) -> bytes:
        os.kill(os.getpid(), self.number)
        return b"kind: [never looked at"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_a_signal_ends_the_wait_for_standard_input(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: Exit
) -> None:
    before = signal.getsignal(number)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(HeardWhileReading(number)))
    opened = session().project
    assert opened.options.read_stdin is not None

    async def work() -> str:
        return opened.options.read_stdin()  # type: ignore[misc]

    with pytest.raises(Interrupted) as caught:
        run_async(session(), work())
    assert caught.value.code is code
    assert signal.getsignal(number) is before


def test_the_first_signal_stops_and_the_second_cancels() -> None:
    heard: list[str] = []
    said: list[Line] = []

    async def work() -> None:
        stopped = asyncio.Event()

        def stop() -> None:
            heard.append("stop")
            stopped.set()

        with graceful(made, stop, said.append):
            os.kill(os.getpid(), signal.SIGTERM)
            await stopped.wait()
            heard.append("finishing")
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()

    made = session()
    with pytest.raises(Interrupted) as caught:
        run_async(made, work())
    assert heard == ["stop", "finishing"]
    assert to_plain(said).startswith("stopping: nothing new is started")
    assert caught.value.code is Exit.TERMINATED


def test_after_a_graceful_part_signals_cancel_again() -> None:
    async def work() -> None:
        with graceful(session(), lambda: None, lambda _: None):
            pass
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    with pytest.raises(Interrupted):
        run_async(session(), work())


def test_pauses_end_when_the_run_is_stopped() -> None:
    async def work() -> float:
        clock = StoppableClock(SystemClock(), asyncio.Event())
        await clock.sleep(0.0)
        clock.stopped.set()
        await clock.sleep(600.0)
        return clock.now()

    assert run_async(session(), work()) > 0


def test_the_clock_of_the_machine_goes_on() -> None:
    async def work() -> bool:
        clock = SystemClock()
        before = clock.now()
        await clock.sleep(0.0)
        return clock.now() >= before

    assert run_async(session(), work())


def test_a_missing_emulator_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peakctl.emulator", None)
    with pytest.raises(UsageError) as caught:
        check_emulator()
    assert caught.value.diagnostics[0].fix == "pip install 'peakctl[emulator]'"


def test_what_to_type_again_holds_no_values_of_parameters() -> None:
    flags = Flags(
        filename=("a b.yaml",),
        env="dev",
        param=("token=hunter2",),
        select=("Image",),
        exclude=("x",),
    )
    again = Session("apply", flags, Settings(), Terminal(io.StringIO(), io.StringIO())).again()
    assert again == "peakctl apply -f 'a b.yaml' -e dev -p 'token=…' --select Image --exclude x"
