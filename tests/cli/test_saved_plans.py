"""A saved plan is carried out on the tenant that it was made for, and on no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peakctl.cli import consent, session
from peakctl.operations import tenant as tenants

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true%s}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {a: {type: http, method: get, url: "https://example.com/%s"}}}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose emulator is a tenant like any other: nothing tells which."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tenants, "is_emulated", lambda _: False)
    (tmp_path / "m").mkdir()
    write(tmp_path)
    return tmp_path


def write(folder: Path, url: str = "one", more: str = "", name: str = "flow") -> None:
    (folder / "peakctl.yaml").write_text(PROJECT % more)
    (folder / "m/flow.yaml").write_text(FLOW % (name, url))


def flows(emulator: Any, peakctl: Any) -> str:
    return str(peakctl("get", "workflows", emulator=emulator).out)


def test_a_plan_of_one_tenant_is_refused_at_another(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    one, two = make_emulator(), make_emulator()
    for emulator in (one, two):
        assert peakctl("apply", "--yes", emulator=emulator).code == 0
    write(shop, "two")
    assert peakctl("plan", "--out", "p", emulator=one).code == 0
    refused = peakctl("apply", "p", "--yes", emulator=two)
    assert refused.code == 11
    assert "plan/other-tenant" in refused.err
    assert peakctl("apply", "p", emulator=one).code == 0


def test_another_spoke_is_another_tenant(shop: Path, peakctl: Any, make_emulator: Any) -> None:
    one, two = (make_emulator(spoke_domain=f"{name}.example.com") for name in ("one", "two"))
    planned = peakctl("plan", "--out", "p", emulator=one)
    assert "plan/unbound" not in planned.err
    refused = peakctl("apply", "p", emulator=two)
    assert (refused.code, "one.example.com" in refused.err) == (11, True)
    assert peakctl("apply", "p", emulator=one).code == 0


def test_a_plan_for_an_empty_tenant_says_that_it_is_not_bound(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    assert "plan/unbound" in peakctl("plan", "--out", "p", emulator=emulator).err
    refused = peakctl("apply", "p", "--yes", emulator=emulator)
    assert (refused.code, "guard/unbound" in refused.err) == (12, True)
    assert "There is no Workflow." in flows(emulator, peakctl)


@pytest.mark.parametrize(("token", "code"), [("mine", 0), ("other", 12)])
def test_on_this_machine_the_same_address_and_token_are_sign_enough(
    shop: Path, peakctl: Any, make_emulator: Any, monkeypatch: Any, token: str, code: int
) -> None:
    emulator = make_emulator()
    monkeypatch.setattr(tenants, "endpoint_of", lambda _: "http://127.0.0.1:9")
    monkeypatch.setenv("PEAK_AUTH_TOKEN", "mine")
    assert "plan/unbound" in peakctl("plan", "--out", "p", emulator=emulator).err
    assert "mine" not in Path("p").read_text("utf-8")
    monkeypatch.setenv("PEAK_AUTH_TOKEN", token)
    assert peakctl("apply", "p", emulator=emulator).code == code


def test_the_tenant_of_the_environment_lets_it_go_on(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    write(shop, more=", tenant: acme")
    peakctl("plan", "--out", "p", emulator=emulator)
    applied = peakctl("apply", "p", emulator=emulator)
    assert (applied.code, "guard/tenant-unchecked" in applied.err) == (0, True)


@pytest.mark.parametrize(("says", "code"), [(True, 0), (False, 12)])
def test_a_person_at_the_terminal_may_say_that_it_is_the_one(
    shop: Path, peakctl: Any, make_emulator: Any, monkeypatch: Any, says: bool, code: int
) -> None:
    emulator = make_emulator()
    peakctl("plan", "--out", "p", emulator=emulator)
    opened = session.open_terminal

    def at_a_terminal(*args: Any, **words: Any) -> Any:
        terminal = opened(*args, **words)
        terminal.asks = True
        return terminal

    monkeypatch.setattr(session, "open_terminal", at_a_terminal)
    monkeypatch.setattr(consent, "_agrees", lambda *_: says)
    assert peakctl("apply", "p", emulator=emulator).code == code


def test_without_a_ledger_a_plan_is_bound_by_the_ids_that_it_read(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    write(shop, more=", ledger: false")
    (shop / "m/data.yaml").write_text(
        "apiVersion: peakctl/v1\nkind: Artifact\nmetadata: {name: data}\n"
        "spec: {artifact: {path: ../src}}\n"
    )
    (shop / "src").mkdir()
    (shop / "src/a.txt").write_text("a")
    one, two = make_emulator(), make_emulator()
    for emulator in (one, two):
        assert peakctl("apply", "--yes", emulator=emulator).code == 0
    write(shop, "two", more=", ledger: false")
    assert "plan/unbound" not in peakctl("plan", "--out", "p", emulator=one).err
    assert peakctl("apply", "p", emulator=two).code == 11
    assert peakctl("apply", "p", emulator=one).code == 0


def test_an_empty_plan_asks_nothing(shop: Path, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    write(shop, more=", ledger: false")
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    assert peakctl("plan", "--out", "p", emulator=emulator).code == 0
    assert peakctl("apply", "p", emulator=emulator).code == 0
