"""`Kind/name` to one live resource: prefixes, names that several have, and names that none has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from ledgers import US, ledger_of

from peakctl.cli.option_types import complete_target
from peakctl.errors import PeakctlError, UsageError
from peakctl.model import Key, Listed, Owned
from peakctl.operations.target import Target, find_target, parse_target

KINDS = ("Image", "BlockSpec", "Service")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Image/base", Target(Key("Image", "base"))),
        ("images/base", Target(Key("Image", "base"))),
        ("block-spec/a/b", Target(Key("BlockSpec", "a/b"))),
        ("Image/base@1.0.0", Target(Key("Image", "base"), "1.0.0")),
        ("Image/a@b@2", Target(Key("Image", "a@b"), "2")),
    ],
)
def test_what_is_typed_names_a_resource(text: str, meant: Target) -> None:
    assert parse_target(text, KINDS, versioned=True) == meant


def test_a_target_is_printed_as_it_is_typed() -> None:
    assert str(Target(Key("Image", "base"))) == "Image/base"
    assert str(Target(Key("Image", "base"), "2")) == "Image/base@2"


def test_without_versions_a_name_may_have_an_at_sign() -> None:
    assert parse_target("Image/a@1", KINDS) == Target(Key("Image", "a@1"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base", "expected Kind/name, such as Image/price-model"),
        ("", "expected Kind/name, such as Image/price-model"),
        ("Service/", "expected Kind/name, such as Service/price-model"),
        ("Image/base@", "expected Kind/name@version, such as Image/price-model"),
        ("/base", "expected Kind/name, such as Image/price-model"),
    ],
)
def test_what_names_nothing_is_told_with_the_form(text: str, words: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_target(text, KINDS, versioned=True)
    assert told.value.diagnostics[0].code == "usage/target"
    assert told.value.diagnostics[0].detail == words


def test_an_unknown_kind_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError) as told:
        parse_target("Imag/base", KINDS)
    assert told.value.diagnostics[0].fix == "did you mean: Image"


class Tenant:
    """A platform with these resources, and a ledger that owns the ids of `owned`."""

    def __init__(self, *items: Listed, prefix: str = "", owned: tuple[str, ...] = ()) -> None:
        self.adapters = {"Image": self}
        self.items = items
        self.project = SimpleNamespace(prefix=prefix, owner=US if owned else None)
        self.ledgers = self
        self.ledger = ledger_of(*(Owned(Key("Image", f"n{each}"), each) for each in owned))

    async def index(self) -> tuple[Listed, ...]:
        return self.items

    async def list(self) -> tuple[Listed, ...]:
        return ()


def found(tenant: Any, name: str) -> str | int:
    return asyncio.run(find_target(tenant, Key("Image", name))).id


def test_the_name_of_a_manifest_comes_before_a_live_one() -> None:
    tenant = Tenant(Listed("1", "base"), Listed("2", "pr-7-base"), prefix="pr-7-")
    assert found(tenant, "base") == "2"
    assert found(tenant, "pr-7-base") == "2"
    assert found(Tenant(Listed("1", "base"), prefix="pr-7-"), "base") == "1"


def test_our_own_comes_before_what_the_platform_provides() -> None:
    tenant = Tenant(Listed("1", "base", ours=False), Listed("2", "base"))
    assert found(tenant, "base") == "2"
    assert found(Tenant(Listed("1", "base", ours=False)), "base") == "1"


def test_a_name_that_nothing_has_is_told_with_the_nearest() -> None:
    with pytest.raises(PeakctlError) as told:
        found(Tenant(Listed("1", "base")), "bsae")
    assert told.value.diagnostics[0].code == "live/not-found"
    assert told.value.diagnostics[0].fix == "did you mean: base"


def test_of_several_with_one_name_the_ledger_owns_one(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = Tenant(Listed("1", "base"), Listed(2, "base"), owned=("2",))

    async def read(*_: object) -> Any:
        return SimpleNamespace(ledger=tenant.ledger)

    monkeypatch.setattr("peakctl.ledger.revisions.find_revision", read)
    assert found(tenant, "base") == 2


@pytest.mark.parametrize("owned", [(), ("9",)])
def test_several_with_one_name_are_told_with_their_ids(owned: tuple[str, ...]) -> None:
    with pytest.raises(PeakctlError) as told:
        found(Tenant(Listed("2", "base"), Listed("1", "base"), owned=owned), "base")
    assert told.value.diagnostics[0].code == "live/ambiguous"
    assert told.value.diagnostics[0].detail == "their ids: 1, 2"


# --- completion ----------------------------------------------------------------------------------

PROJECT = """\
project: shop
manifests: [m]
environments:
  local: {emulator: {buildSeconds: 0}}
  off: {endpoint: "http://127.0.0.1:1"}
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: base}
spec: {type: api, buildDetails: {source: dockerfile, dockerfile: "FROM python:3.12"}}
"""


def completed(begun: str, **typed: str) -> list[str]:
    context = click.Context(click.Command("logs"))
    context.params = typed
    return complete_target(context, click.Argument(["target"]), begun)


def test_kinds_are_completed_and_then_live_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "m/image.yaml").write_text(IMAGE)
    assert peakctl("apply", "--yes", "-e", "local", emulator=make_emulator()).code == 0
    assert completed("app") == ["AppSpec/"]
    assert completed("Image/", env="local") == ["Image/base"]
    assert completed("image/b", env="local") == ["image/base"]
    assert completed("Image/x", env="local") == []


def test_where_nothing_can_be_asked_nothing_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    assert completed("Image/", env="none") == []
    assert completed("Nothing/", env="off") == []
