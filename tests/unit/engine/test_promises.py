"""What a run that died set out to make: told while it is there, forgotten when it is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from peakctl.engine.ledger.owners import find_owners
from peakctl.engine.promises import look_for_promised
from peakctl.errors import ApiError, Diagnostic, Severity
from peakctl.model import Intent, Key, Ledger, Listed, Owned, Owner

US, THEM = Owner("retail", "dev"), Owner("bank", "dev")
FLOW, IMAGE = Key("Workflow", "w"), Key("Image", "a")


def look(
    lab: Any,
    *intents: Intent,
    manifests: Any = (),
    owned: tuple[Owned, ...] = (),
    theirs: tuple[Owned, ...] = (),
) -> tuple[tuple[Diagnostic, ...], frozenset[Key]]:
    ledger = Ledger(US, "salt", owned={o.key: o for o in owned}, intents=intents)
    other = Ledger(THEM, "salt", owned={o.key: o for o in theirs})
    resources = lab.resources(*manifests)
    owners = find_owners(US, ledger, [other])
    world = replace(lab.observe(resources), owners=owners)
    return asyncio.run(look_for_promised(world, ledger, resources, lab.shelves))


def test_what_is_there_is_told_and_kept_in_mind(lab: Any) -> None:
    lab.Workflow.put("w", id=7)
    (note,), forgotten = look(lab, Intent(FLOW, "create"), Intent(FLOW, "create", "1"))
    assert (note.code, note.severity, note.key) == ("prune/maybe-ours", Severity.NOTE, FLOW)
    assert note.detail.startswith("id 7;")
    assert "peakctl get Workflow w" in note.fix
    assert forgotten == frozenset()


def test_what_is_not_there_is_forgotten(lab: Any) -> None:
    lab.Image.put("other")
    assert look(lab, Intent(IMAGE, "create")) == ((), {IMAGE})


def test_several_of_one_name_are_all_told(lab: Any) -> None:
    lab.Workflow.listed = (Listed(1, "w"), Listed(2, "w"), Listed(3, "w", ours=False))
    (note,), _ = look(lab, Intent(FLOW, "create"))
    assert note.detail.startswith("id 1, 2;")


def test_what_is_known_to_be_somebodys_is_not_what_the_run_made(lab: Any) -> None:
    lab.Workflow.put("w", id=7)
    assert look(lab, Intent(FLOW, "create"), theirs=(Owned(FLOW, "7"),)) == ((), {FLOW})
    renamed = Owned(Key("Workflow", "before"), 7)
    assert look(lab, Intent(FLOW, "create"), owned=(renamed,)) == ((), {FLOW})


@pytest.mark.parametrize("how", ["declared", "owned", "delete", "unknown kind"])
def test_other_intents_are_not_looked_at(lab: Any, how: str) -> None:
    lab.Workflow.put("w")
    steps = {"steps": {"train": {"command": "c", "imageId": 1}}}
    manifests = [lab.manifest("Workflow", "w", steps)] if how == "declared" else []
    owned = (Owned(FLOW, "Workflow-w"),) if how == "owned" else ()
    key = Key("Robot", "r") if how == "unknown kind" else FLOW
    verb = "delete" if how == "delete" else "create"
    assert look(lab, Intent(key, verb), manifests=manifests, owned=owned) == ((), frozenset())


def test_the_first_error_is_raised(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def index(_: Any) -> Any:
        raise ApiError(Diagnostic("api/test", "down"), status=503)

    monkeypatch.setattr(lab.Workflow, "index", index)
    with pytest.raises(ApiError, match="down"):
        look(lab, Intent(FLOW, "create"))
