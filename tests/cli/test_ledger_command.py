"""`peakctl ledger`: whose ledger, which tenant, and what moved while somebody was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakctl.operations import ledger as ledger_work

PROJECT = """\
project: shop
manifests: [manifests]
environments:
  local: {emulator: true}
  bare: {emulator: true, ledger: false}
  acme: {emulator: true, tenant: 0b0e8a5e-4a5c-4d8f-9d0e-2f6d1c3b4a59}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec: {steps: {call: {type: http, method: post, url: https://example.com/hook}}}
"""
NAME = "peakctl-ledger-shop-local"


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_emulator: Callable[..., Any],
    peakctl: Callable[..., Any],
) -> Callable[..., Any]:
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "flow.yaml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    emulator = make_emulator()

    def command(*args: str, env: str = "local") -> Any:
        return peakctl("ledger", *args, "-e", env, emulator=emulator)

    command.emulator = emulator  # type: ignore[attr-defined]
    return command


def held(run: Any, clock: Any, act: str = "take") -> None:
    asyncio.run(hold(run, clock, act))


async def hold(run: Any, clock: Any, act: str = "take") -> None:
    """Someone else's run takes the lease, or makes a second ledger of the name."""
    from peakctl.adapters.ledger_store import ArtifactLedgers
    from peakctl.api.client import Api, bases_for
    from peakctl.emulator import emulator_transport
    from peakctl.ledger.client import LedgerClient
    from peakctl.ledger.lease import HeldLease
    from peakctl.model import Actor, Owner, Run, Secret

    transport = emulator_transport(run.emulator)
    bases, token = bases_for(None, "http://emulator"), Secret("peakctl-emulator")
    async with Api(transport=transport, bases=bases, token=token, clock=clock) as api:
        store = ArtifactLedgers(api, clock)
        if act == "duplicate":
            await store.create(NAME, b"whatever")
            return
        client = LedgerClient(store, Owner("shop", "local"), clock, lambda _: None)
        taken = await HeldLease.acquire(client, Run("r1", Actor("bob"), "apply"), ())
        if act == "give back":
            await taken.finish(owned={}, intents=(), outcome="done", counts={})


@pytest.mark.parametrize("command", ["show", "unlock", "rebuild"])
def test_without_a_project_there_is_no_ledger(
    run: Any, command: str, tmp_path: Path, peakctl: Callable[..., Any]
) -> None:
    (tmp_path / "peakctl.yaml").unlink()
    done = peakctl("ledger", command, "-o", "json")
    assert done.code == 64
    assert json.loads(done.out)["errors"][0]["code"] == "usage/no-project"


@pytest.mark.parametrize("command", ["show", "unlock", "rebuild"])
def test_an_environment_may_keep_none(run: Any, command: str) -> None:
    done = run(command, env="bare")
    assert done.code == 64
    assert 'the environment "bare" keeps no ledger' in done.err


@pytest.mark.parametrize("command", ["unlock", "rebuild"])
def test_nothing_is_written_to_another_tenant(run: Any, command: str) -> None:
    assert run("show", env="acme").code == 0
    done = run(command, "--yes", env="acme")
    assert done.code == 12
    assert "guard/wrong-tenant" in done.err


def test_the_lease_that_was_agreed_upon_is_the_one_that_goes(
    run: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(run, clock)
    unlock = ledger_work.unlock

    async def slow(*args: Any, **named: Any) -> Any:
        clock.time += 10_000  # the lease expires, and another run takes it
        await hold(run, clock)
        return await unlock(*args, **named)

    monkeypatch.setattr(ledger_work, "unlock", slow)
    done = run("unlock", "--yes", "-o", "json")
    assert done.code == 13
    assert json.loads(done.out)["errors"][0]["code"] == "lease/moved"
    assert json.loads(run("show", "-o", "json").out)["ledger"]["lease"]["held"] is True


def test_unlocking_tells_programs_whose_lease_it_was(run: Any, clock: Any) -> None:
    held(run, clock)
    asked = run("unlock", "-o", "json")
    assert asked.code == 12
    shown = json.loads(asked.out)
    assert (shown["unlocked"], shown["lease"]["who"], shown["ledger"]["version"]) == (
        False, "bob", 1
    )  # fmt: skip
    found = json.loads(run("unlock", "--yes", "-o", "json").out)
    assert found["unlocked"] is True
    assert found["lease"]["who"] == "bob"
    ledger = json.loads(run("show", "-o", "json").out)["ledger"]
    assert ledger["lease"] is None
    assert [each["outcome"] for each in ledger["runs"]] == ["done", "unlocked"]


def test_a_run_that_is_alive_on_this_machine_keeps_its_lease(
    run: Any, clock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.operations.actor import actor_of
    from peakctl.settings import read_settings

    here = actor_of(read_settings(), tmp_path)
    monkeypatch.setattr("peakctl.model.Actor", lambda _: here)
    held(run, clock)
    done = run("unlock", "--yes")
    assert done.code == 13
    assert "lease/alive" in done.err
    assert json.loads(run("show", "-o", "json").out)["ledger"]["lease"]["held"] is True


def test_a_lease_that_is_over_needs_no_unlocking(run: Any, clock: Any) -> None:
    held(run, clock)
    clock.time += 901
    done = run("unlock")
    assert (done.code, done.out) == (0, "Nothing to do: the lease of shop/local is free.\n")


def test_a_second_ledger_of_the_name_is_told(run: Any, clock: Any) -> None:
    held(run, clock, "give back")
    clock.time += 5
    held(run, clock, "duplicate")
    done = run("show")
    assert done.code == 0
    assert "2 artifacts have the name of the ledger of shop/local" in done.err
    assert "delete the artifact " in done.err


def test_a_rebuild_without_a_terminal_needs_yes(run: Any) -> None:
    done = run("rebuild")
    assert done.code == 0  # nothing is live, so nothing is asked
    assert "there is nothing to list" in done.out


def test_help_has_examples(peakctl: Callable[..., Any]) -> None:
    for words in ((), ("show",), ("unlock",), ("rebuild",)):
        shown = peakctl("ledger", *words, "--help")
        assert shown.code == 0
        assert "Examples:" in shown.out
