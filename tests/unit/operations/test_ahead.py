"""What is done beside the wait for the platform: it changes neither requests nor errors."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from peakctl import (
    APPROVE_ALL,
    ApiError,
    LeaseHeld,
    ManifestsInvalid,
    NotAuthenticated,
    Project,
    apply,
    apply_async,
    plan,
    plan_async,
)
from peakctl.cli import cli
from peakctl.emulator import emulator_transport
from peakctl.errors import Diagnostic
from peakctl.kinds import validate
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.client import LedgerClient
from peakctl.manifests.load import load_manifests
from peakctl.operations.ahead import _STACK, BetweenEvents, import_ahead, in_thread
from peakctl.operations.platform import connect

PROJECT = """\
project: shop
manifests: [m]
environments:
  served: {stage: dev}
  bare: {stage: dev, ledger: false}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec: {steps: {call: {type: http, method: post, url: "https://example.com"}}}
"""
WITH_TOKEN = (
    'https://example.com", auth: {type: bearer-token, bearerToken: "{{ os_env.STEP_TOKEN }}"}'
)
WEBAPP = """\
apiVersion: peakctl/v1
kind: Webapp
metadata: {name: shop-web, title: Shop}
spec: {imageDetails: {name: web-image, version: 1.0.0}}
"""
FLOWS = "/service/workflows/api/v1/workflows/"
LISTING = "/service/artifacts/api/v1/artifacts/"
SERVED = {"PEAKCTL_ENDPOINT": "http://127.0.0.1:9", "PEAK_AUTH_TOKEN": "token-of-the-test"}


@pytest.fixture
def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_emulator: Any) -> Any:
    """An emulator that stands for the platform at an address, and a project in `tmp_path`."""
    emulator = make_emulator()
    transport = "peakctl.api.client.socket_transport"
    monkeypatch.setattr(transport, lambda *_: emulator_transport(emulator))
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "m/flow.yaml").write_text(FLOW)
    return emulator


def opened(folder: Path, environment: str = "served", **variables: str) -> Project:
    return Project.open(folder, environment, variables=variables or SERVED)


def asked(emulator: Any) -> list[tuple[str, str]]:
    return [(each.method, each.path) for each in emulator.requests]


def test_a_plan_asks_for_each_listing_once(tmp_path: Path, tenant: Any) -> None:
    plan(opened(tmp_path))
    assert sorted(asked(tenant))[:2] == [
        ("GET", "/service/access-control/api/v2/access/permissions"),
        ("GET", LISTING),
    ]
    assert asked(tenant).count(("GET", LISTING)) == 1
    assert len(asked(tenant)) == 3


@pytest.mark.parametrize("command", ["plan", "apply", "destroy", "drift", "status"])
def test_requests_are_counted_where_the_manifests_turn_out_broken(
    tmp_path: Path, tenant: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any, command: str
) -> None:
    arrived = threading.Event()

    def answer(_: httpx.Request) -> httpx.Response:
        arrived.set()
        return httpx.Response(200, json={})

    def load_once_asked(*_: object, **__: object) -> None:
        assert arrived.wait(30)
        raise ManifestsInvalid(Diagnostic("manifest/test", "broken"))

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr("peakctl.api.client.socket_transport", lambda *_: transport)
    monkeypatch.chdir(tmp_path)
    for name, value in SERVED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("peakctl.operations.plan.load", load_once_asked)
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "-e", "served", "--verbose"])
    assert ended.value.code == 10
    assert capsys.readouterr().err.endswith("\n1 request sent\n")


def test_a_second_plan_asks_again(tmp_path: Path, tenant: Any) -> None:
    assert plan(opened(tmp_path)).has_changes
    apply(opened(tmp_path), APPROVE_ALL)
    assert not plan(opened(tmp_path)).has_changes


def test_broken_manifests_cost_listings_at_most(tmp_path: Path, tenant: Any) -> None:
    (tmp_path / "m/flow.yaml").write_text(FLOW.replace("steps", "stops"))
    with pytest.raises(ManifestsInvalid, match="stops"):
        plan(opened(tmp_path))
    assert set(asked(tenant)) <= {("GET", LISTING), ("GET", FLOWS)}


@pytest.mark.parametrize("environment", ["served", "bare"])
def test_the_listing_of_a_kind_leaves_before_its_manifests_are_checked(
    tmp_path: Path, tenant: Any, monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    listed, check = threading.Event(), validate.read_manifests

    class Listening(httpx.AsyncBaseTransport):
        inner = emulator_transport(tenant)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == FLOWS:
                listed.set()
            return await self.inner.handle_async_request(request)

    monkeypatch.setattr("peakctl.api.client.socket_transport", lambda *_: Listening())

    def wait_first(*args: Any, **words: Any) -> Any:
        assert listed.wait(60)
        return check(*args, **words)

    monkeypatch.setattr(validate, "read_manifests", wait_first)
    plan(opened(tmp_path, environment))
    assert asked(tenant).count(("GET", FLOWS)) == 1


def test_nothing_is_asked_once_a_plan_is_cancelled_whose_manifests_are_still_read(
    tmp_path: Path, tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on, told = threading.Event(), threading.Event(), threading.Event()
    load = load_manifests

    def wait_first(*args: Any, **inputs: Any) -> Any:
        reading.set()
        assert go_on.wait(60)
        try:
            return load(*args, **inputs)
        finally:
            told.set()

    monkeypatch.setattr("peakctl.manifests.load.load_manifests", wait_first)

    async def cut() -> int:
        task = asyncio.create_task(plan_async(opened(tmp_path)))
        await asyncio.to_thread(reading.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = len(asked(tenant))
        go_on.set()
        await asyncio.to_thread(told.wait, 60)
        for _ in range(9):
            await asyncio.sleep(0)
        return len(asked(tenant)) - before

    assert asyncio.run(cut()) == 0


@pytest.mark.parametrize("kind", sorted(name for name, kind in load_kinds().items() if kind.schema))
def test_what_is_asked_ahead_is_what_the_look_asks_for(
    tmp_path: Path, tenant: Any, kind: str
) -> None:
    async def both() -> tuple[int, int]:
        async with connect(opened(tmp_path)) as platform:
            adapter = platform.adapters[kind]
            adapter.ask_ahead()
            adapter.ask_ahead()
            await asyncio.sleep(0)
            await adapter.index()
            once = len(asked(tenant))
            await adapter.index()
            return once, len(asked(tenant))

    once, twice = asyncio.run(both())
    assert twice == 2 * once


def test_without_a_ledger_nothing_is_asked_before_the_manifests_are_read(
    tmp_path: Path, tenant: Any
) -> None:
    (tmp_path / "m/flow.yaml").write_text("kind: [")
    with pytest.raises(ManifestsInvalid):
        plan(opened(tmp_path, "bare"))
    assert asked(tenant) == []


def test_what_is_wrong_with_manifests_is_told_before_what_is_wrong_with_the_token(
    tmp_path: Path, tenant: Any
) -> None:
    endpoint = {"PEAKCTL_ENDPOINT": SERVED["PEAKCTL_ENDPOINT"]}
    with pytest.raises(NotAuthenticated):
        plan(opened(tmp_path, **endpoint))
    (tmp_path / "m/flow.yaml").write_text("kind: [")
    with pytest.raises(ManifestsInvalid):
        plan(opened(tmp_path, **endpoint))


def test_warnings_of_manifests_come_before_what_is_wrong_with_the_token(
    tmp_path: Path, tenant: Any
) -> None:
    (tmp_path / "m/web.yaml").write_text(WEBAPP)
    with pytest.raises(NotAuthenticated) as refused:
        plan(opened(tmp_path, PEAKCTL_ENDPOINT=SERVED["PEAKCTL_ENDPOINT"]))
    codes = [each.code for each in refused.value.diagnostics]
    assert codes == ["manifest/deprecated", "auth/no-token"]


@pytest.mark.parametrize("status", [400, 403])
def test_a_secret_of_manifests_is_hidden_in_what_a_listing_says_that_was_asked_for_before(
    tmp_path: Path, tenant: Any, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    answer = httpx.Response(status, json={"detail": "no secret-of-the-step here"})
    refusing = httpx.MockTransport(lambda _: answer)
    monkeypatch.setattr("peakctl.api.client.socket_transport", lambda *_: refusing)
    (tmp_path / "m/flow.yaml").write_text(FLOW.replace('https://example.com"', WITH_TOKEN))
    with pytest.raises((ApiError, NotAuthenticated)) as refused:
        plan(opened(tmp_path, **SERVED, STEP_TOKEN="secret-of-the-step"))
    assert "no (sensitive) here" in refused.value.diagnostics[0].detail
    assert "of-the-step" not in f"{refused.value.diagnostics}{vars(refused.value)}"


def test_the_second_look_of_a_first_apply_comes_after_its_lease(
    tmp_path: Path, tenant: Any
) -> None:
    apply(opened(tmp_path), APPROVE_ALL)
    requests = asked(tenant)
    lease = requests.index(("POST", LISTING))
    first = next(n for n, (method, _) in enumerate(requests) if n > lease and method != "GET")
    looks = [path for _, path in requests[lease + 1 : first]]
    # one listing tells whether the ledger is the only one, one is of the second look
    assert sorted(looks) == [LISTING, LISTING, FLOWS]


def test_a_look_that_another_run_makes_useless_is_ended(
    tmp_path: Path, tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overtaken(*_: object) -> bool:
        return False

    monkeypatch.setattr(LedgerClient, "_is_first", overtaken)

    async def tried() -> int:
        with pytest.raises(LeaseHeld):
            await apply_async(opened(tmp_path), APPROVE_ALL)
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(tried()) == 0


def test_work_in_a_thread_gives_its_result_or_its_error() -> None:
    async def both() -> tuple[str, str]:
        name = await in_thread(lambda: threading.current_thread().name)
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: str(1 // 0))
        return name, threading.current_thread().name

    there, here = asyncio.run(both())
    assert there != here


def test_a_plan_that_is_cancelled_begins_nothing_that_it_does_not_await(
    tmp_path: Path, tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut() -> bool:
        task = asyncio.create_task(plan_async(opened(tmp_path)))

        async def interrupted(_: object) -> list[object]:
            task.cancel()
            await asyncio.sleep(0)
            return []

        monkeypatch.setattr("peakctl.operations.preflight._Look.permissions", interrupted)
        with pytest.raises(asyncio.CancelledError):
            await task
        return True

    assert asyncio.run(cut())
    gc.collect()  # a coroutine that was never awaited would end the test: warnings are errors


def test_nobody_waits_for_a_thread_when_the_run_is_cancelled() -> None:
    release = threading.Event()

    async def cut() -> bool:
        waiting = asyncio.create_task(in_thread(release.wait))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return True

    assert asyncio.run(cut())
    release.set()


def test_threads_that_begin_at_once_leave_the_stack_of_others_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    begin, both = threading.Event(), threading.Barrier(2)
    set_size, start = threading.stack_size, threading.Thread.start

    def noted(size: int) -> int:
        sizes.append(size)
        return set_size(size)

    def start_together(thread: threading.Thread) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.1)
        start(thread)

    def work() -> None:
        begin.wait()
        asyncio.run(in_thread(int))

    callers = [threading.Thread(target=work) for _ in range(2)]
    for each in callers:
        each.start()
    monkeypatch.setattr(threading, "stack_size", noted)
    monkeypatch.setattr(threading.Thread, "start", start_together)
    begin.set()
    for each in callers:
        each.join()
    assert sizes == [_STACK, 0, _STACK, 0]


def test_a_module_that_cannot_be_imported_ahead_is_left_to_whoever_needs_it() -> None:
    before = set(threading.enumerate())
    import_ahead("peakctl.no_such_module", "tabnanny")
    for each in set(threading.enumerate()) - before:
        each.join()  # an error would end the test: warnings are errors
    assert "tabnanny" in sys.modules


def test_modules_that_are_there_are_not_imported_again() -> None:
    before = threading.active_count()
    import_ahead("json", "peakctl")
    assert threading.active_count() == before


def test_calls_are_made_one_by_one_after_what_is_ready() -> None:
    async def order() -> list[str]:
        told: list[str] = []
        loop, later = asyncio.get_running_loop(), BetweenEvents()
        for word in ("first", "second"):
            later.add(lambda word=word: told.append(word))  # type: ignore[misc]
        loop.call_soon(told.append, "an answer")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        told.append("a request")
        for _ in range(4):
            await asyncio.sleep(0)
        return told

    told = asyncio.run(order())
    assert told[0] == "an answer"
    assert [word for word in told if word in ("first", "second")] == ["first", "second"]
    assert told.index("a request") < told.index("second")


def test_calls_that_are_dropped_are_not_made() -> None:
    async def dropped() -> list[str]:
        told: list[str] = []
        later = BetweenEvents()
        later.add(lambda: told.append("first"))
        later.drop()
        await asyncio.sleep(0)
        later.add(lambda: told.append("second"))
        for _ in range(4):
            await asyncio.sleep(0)
        return told

    assert asyncio.run(dropped()) == ["second"]


def test_a_call_that_fails_keeps_no_other_from_being_made() -> None:
    async def failing() -> list[str]:
        told: list[str] = []
        later = BetweenEvents()
        later.add(lambda: told[1].clear())  # type: ignore[attr-defined]
        later.add(lambda: told.append("second"))
        for _ in range(4):
            await asyncio.sleep(0)
        return told

    assert asyncio.run(failing()) == ["second"]


def test_where_no_thread_can_be_started_the_work_is_done_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    import_ahead("sndhdr")
    assert asyncio.run(in_thread(lambda: threading.current_thread())) is threading.main_thread()


def test_the_ledger_is_read_before_the_resources_of_a_large_project(
    tmp_path: Path, tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = (FLOW.replace("nightly", f"nightly-{n}") for n in range(40))
    (tmp_path / "m/flow.yaml").write_text("---\n".join(flows))
    apply(opened(tmp_path), APPROVE_ALL)
    left, listed, check = list[str](), threading.Event(), validate.read_manifests

    class Waiting(httpx.AsyncBaseTransport):
        inner = emulator_transport(tenant)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            left.append(request.url.path)
            for _ in range(10):
                await asyncio.sleep(0)
            answer = await self.inner.handle_async_request(request)
            if {LISTING, FLOWS} <= {*left}:
                listed.set()
            return answer

    def wait_first(*args: Any, **words: Any) -> Any:
        assert listed.wait(60)
        return check(*args, **words)

    monkeypatch.setattr("peakctl.api.client.socket_transport", lambda *_: Waiting())
    monkeypatch.setattr(validate, "read_manifests", wait_first)
    plan(opened(tmp_path))
    reads = [n for n, path in enumerate(left) if path.startswith(FLOWS) and path != FLOWS]
    of_ledger = [n for n, path in enumerate(left) if path.startswith(LISTING) and path != LISTING]
    assert len(reads) == 40
    assert max(of_ledger) < reads[20]
