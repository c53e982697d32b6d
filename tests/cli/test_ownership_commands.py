"""`disown`, `protect`, `unprotect`: the ledger alone changes, under the lease, as was shown."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from peakctl import (
    APPROVE_ALL,
    Key,
    OwnershipChange,
    PeakctlError,
    Project,
    UsageError,
    apply,
    disown,
    history,
    protect,
    unprotect,
)
from peakctl.adapters.ledger_store import zip_of
from peakctl.emulator import emulator_transport
from peakctl.emulator.faults import read_faults
from peakctl.operations.ownership import look_to_change, write_ownership
from peakctl.operations.platform import connect

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true}
  none: {emulator: true, ledger: false}
  copy: {emulator: true, namePrefix: pr-7-}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {a: {type: http, method: get, url: "https://example.com"}}}
"""
FLOWS = Key("Workflow", "a"), Key("Workflow", "b")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    for name in ("a", "b"):
        (tmp_path / f"m/{name}.yaml").write_text(FLOW % name)
    return tmp_path


def owned(peakctl: Any, emulator: Any, *flags: str) -> dict[str, bool]:
    ran = peakctl("ledger", "show", "-o", "json", *flags, emulator=emulator)
    return {each["key"]: each["protect"] for each in json.loads(ran.out)["ledger"]["owned"]}


def test_names_of_manifests_are_meant_under_a_prefix_too(
    folder: Path, peakctl: Any, make_emulator: Any
) -> None:
    made = make_emulator()
    assert peakctl("apply", "--yes", "-e", "copy", emulator=made).code == 0
    for name in ("a", "pr-7-b"):
        ran = peakctl("protect", f"Workflow/{name}", "-e", "copy", emulator=made)
        assert ran.code == 0, ran.err
    assert set(owned(peakctl, made, "-e", "copy").values()) == {True}


def test_manifests_that_cannot_be_read_are_a_warning(
    folder: Path, peakctl: Any, make_emulator: Any
) -> None:
    made = make_emulator()
    peakctl("apply", "--yes", emulator=made)
    (folder / "m/b.yaml").write_text("kind: [")
    ran = peakctl("disown", "Workflow/a", "--yes", "-o", "yaml", emulator=made)
    assert ran.code == 0
    assert "ledger/manifests-unread" in ran.err
    assert [(row["key"], row["change"]) for row in yaml.safe_load(ran.out)] == [
        ("Workflow/a", "disown")
    ]
    assert owned(peakctl, made) == {"Workflow/b": False}


def test_a_history_that_cannot_be_written_is_a_warning(
    folder: Path, peakctl: Any, make_emulator: Any
) -> None:
    made = make_emulator()
    peakctl("apply", "--yes", emulator=made)
    made.faults += read_faults([{"method": "PUT", "skip": 2, "status": 400, "times": None}])
    ran = peakctl("protect", "Workflow/a", emulator=made)
    assert ran.code == 0
    assert "history/not-written" in ran.err
    assert owned(peakctl, made) == {"Workflow/a": True, "Workflow/b": False}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("Workflow/a", "-e", "none"), 64, "usage/no-ledger"),
        (("Nothing/a",), 64, "usage/unknown-kind"),
        (("a",), 64, "usage/target"),
        ((), 64, "KIND/NAME..."),
        (("Workflow/c",), 1, "see what it owns: peakctl ledger show"),
    ],
)
def test_what_is_not_owned_or_kept_is_refused(
    words: tuple[str, ...], code: int, told: str, folder: Path, peakctl: Any, make_emulator: Any
) -> None:
    ran = peakctl("disown", *words, "--yes", emulator=make_emulator())
    assert ran.code == code
    assert told in ran.err


async def add_version(made: Any, ledger: str, text: bytes) -> None:
    """Write a version of a ledger past peakctl."""
    async with httpx.AsyncClient(transport=emulator_transport(made), base_url="http://e") as client:
        path = f"/service/artifacts/api/v1/artifacts/{ledger}"
        answer = await client.put(
            path, files={"artifact": zip_of(text)}, headers={"Authorization": "t"}
        )
        assert answer.is_success, answer.text


def test_a_ledger_that_is_damaged_is_not_written(
    folder: Path, peakctl: Any, make_emulator: Any
) -> None:
    made = make_emulator()
    peakctl("apply", "--yes", emulator=made)
    place = peakctl("ledger", "show", "-o", "json", emulator=made).out
    asyncio.run(add_version(made, json.loads(place)["ledger"]["id"], b"{"))
    ran = peakctl("protect", "Workflow/a", emulator=made)
    assert ran.code == 1
    assert "ledger/corrupt" in ran.err


def test_what_moved_since_it_was_shown_stays(folder: Path) -> None:
    project = Project.open(folder)
    apply(project, APPROVE_ALL)

    async def race() -> None:
        async with connect(project) as platform:
            shown = await look_to_change(platform, OwnershipChange.DISOWN, FLOWS)
            moved = replace(shown.entries[0], protect=True)
            shown = replace(shown, entries=(moved, shown.entries[1]))
            await write_ownership(platform, shown)

    with pytest.raises(PeakctlError, match="something else of it") as caught:
        asyncio.run(race())
    assert [d.code for d in caught.value.diagnostics] == ["ledger/moved"]
    done = disown(project, *FLOWS)
    assert [str(each.key) for each in done.changed] == ["Workflow/a", "Workflow/b"]


def test_they_are_had_from_python(folder: Path) -> None:
    project = Project.open(folder)
    apply(project, APPROVE_ALL)
    assert [each.key for each in protect(project, *FLOWS).changed] == [*FLOWS]
    again = protect(project, *FLOWS)
    assert again.changed == ()
    assert again.same == {*FLOWS}
    unprotect(project, FLOWS[0])
    told = [(run.command, [each.verb for each in run.resources]) for run in history(project)]
    assert told == [
        ("unprotect", ["unprotect"]),
        ("protect", ["protect", "protect"]),
        ("apply", ["create", "create"]),
    ]
    with pytest.raises(UsageError):
        disown(Project.open(folder, environment="none"), FLOWS[0])
