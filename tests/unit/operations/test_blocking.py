"""Operations for callers with and without an event loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import TYPE_CHECKING, Any

import pytest

import peakctl
from peakctl.operations.blocking import run_blocking

if TYPE_CHECKING:
    from collections.abc import Callable


async def where() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


async def fail() -> None:
    raise ValueError("no")


def test_without_a_loop_the_work_is_done_in_this_thread() -> None:
    assert run_blocking(where()) == threading.get_ident()


def test_inside_of_a_loop_the_work_is_done_in_another_thread() -> None:
    async def cell() -> tuple[int, int]:
        return run_blocking(where()), threading.get_ident()

    worker, here = asyncio.run(cell())
    assert worker != here


def test_an_error_comes_through_from_either() -> None:
    async def cell() -> None:
        run_blocking(fail())

    for work in (lambda: run_blocking(fail()), lambda: asyncio.run(cell())):
        with pytest.raises(ValueError, match="no"):
            work()


def test_ctrl_c_cancels_the_work_and_waits_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    begun = threading.Event()
    join = threading.Thread.join

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("lease released")

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        if thread.name == "peakctl" and not ended and begun.wait():
            monkeypatch.setattr(threading.Thread, "join", join)
            raise KeyboardInterrupt
        join(thread, timeout)

    async def cell() -> None:
        monkeypatch.setattr(threading.Thread, "join", interrupted)
        run_blocking(work())

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(cell())
    assert ended == ["lease released"]


@pytest.mark.parametrize("name", ["plan", "save_plan", "apply", "destroy", "get", "show_ledger"])
def test_a_blocking_operation_is_documented_as_the_asynchronous_one(name: str) -> None:
    function: Callable[..., Any] = getattr(peakctl, name)
    assert function is getattr(peakctl, name)
    assert function.__name__ == name
    assert function.__doc__
    assert not inspect.iscoroutinefunction(function)
