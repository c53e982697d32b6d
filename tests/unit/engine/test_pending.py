"""What a run that died set out to make: told while it is there, forgotten when it is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from ledgers import THEM, US, ledger_of

from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.pending import find_uncertain_creates, unresolved
from peakctl.errors import ApiError, Diagnostic, Severity
from peakctl.ledger.ownership import find_owners
from peakctl.model import (
    Intent,
    Key,
    Listed,
    Outcome,
    Owned,
    Status,
    Verb,
)

FLOW, IMAGE = Key("Workflow", "w"), Key("Image", "a")


def look(
    lab: Any,
    *intents: Intent,
    manifests: Any = (),
    owned: tuple[Owned, ...] = (),
    theirs: tuple[Owned, ...] = (),
) -> tuple[tuple[Diagnostic, ...], frozenset[Key]]:
    ledger = ledger_of(*owned, intents=intents)
    other = ledger_of(*theirs, owner=THEM)
    resources = lab.resources(*manifests)
    owners = find_owners(US, ledger, [other])
    world = replace(lab.observe(resources), owners=owners)
    return asyncio.run(find_uncertain_creates(world, ledger, resources, lab.shelves))


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


# --- what is still needed after a run --------------------------------------------------------


def left(
    intent: Intent, *, status: Status | None = None, id_: str | None = None, **more: Any
) -> bool:
    """Whether an intent stays after a run in which its key ended with `status`."""
    outcomes = {}
    if status is not None:
        outcomes[intent.key] = Outcome(intent.key, Verb.CREATE, status, id=id_)
    owned = {each.key: each for each in more.get("owned", ())}
    world = LiveState(listed={"Workflow": more.get("listed", ())})
    return bool(unresolved((intent,), outcomes, owned, world, more.get("declared", ())))


@pytest.mark.parametrize("status", Status)
def test_a_create_stays_only_if_nobody_knows_whether_it_was_made(status: Status) -> None:
    in_doubt = status in (Status.UNKNOWN, Status.IN_PROGRESS)
    assert left(Intent(FLOW, "create"), status=status) == in_doubt
    assert not left(Intent(FLOW, "create"), status=status, id_="7")


def test_a_create_of_another_run_stays_until_somebody_looks() -> None:
    made = Intent(FLOW, "create")
    assert left(made)
    assert not left(made, declared=(FLOW,))
    assert left(made, declared=(FLOW,), listed=(Listed(1, "w"),))
    assert not left(made, declared=(FLOW,), listed=(Listed(1, "w", ours=False), Listed(2, "v")))


@pytest.mark.parametrize("status", [None, Status.BLOCKED, Status.UNKNOWN])
def test_what_is_known_by_its_id_stays_until_it_is_owned(status: Status | None) -> None:
    known = Intent(FLOW, "edit", id="7")
    assert left(known, status=status)
    assert not left(known, status=status, owned=(Owned(FLOW, 7),))
    assert left(known, status=status, owned=(Owned(FLOW, 8),))
    assert not left(known, declared=(FLOW,), listed=(Listed(8, "w"),))
    assert left(known, declared=(FLOW,), listed=(Listed(7, "renamed"),))
    assert not left(known, status=Status.DONE)


def test_a_version_in_doubt_stays_even_of_what_is_owned() -> None:
    """What the ledger remembers is that of the version before."""
    build, owned = Intent(IMAGE, "build", "0.0.2", 7), (Owned(IMAGE, 7),)
    assert left(build, owned=owned)
    assert left(build, owned=owned, status=Status.BLOCKED, id_="7")
    assert not left(build, owned=owned, status=Status.FAILED, id_="7")
    assert not left(build, owned=owned, status=Status.ALREADY_RIGHT, id_="7")


@pytest.mark.parametrize("verb", ["delete", "edit"])
def test_what_has_no_id_and_was_not_to_be_made_tells_nothing(verb: str) -> None:
    assert not left(Intent(FLOW, verb))


def test_what_was_to_be_changed_is_told_by_its_id(lab: Any) -> None:
    lab.Workflow.put("w", id=7)
    assert look(lab, Intent(FLOW, "edit", id=8)) == ((), {FLOW})
    (note,), _ = look(lab, Intent(Key("Workflow", "before"), "edit", id="7"))
    assert note.detail.startswith("id 7;")


def test_what_no_listing_shows_is_looked_for_by_the_id_that_is_known(lab: Any) -> None:
    lab.Workflow.put("w", id=7)
    lab.Workflow.listed = ()
    (note,), forgotten = look(lab, Intent(FLOW, "edit", id=7))
    assert note.detail.startswith("id 7;")
    assert forgotten == frozenset()
    assert "look up 7" in lab.Workflow.asked
    assert look(lab, Intent(FLOW, "edit", id=8)) == ((), {FLOW})


def test_what_is_listed_is_not_looked_for_by_its_id(lab: Any) -> None:
    lab.Workflow.put("w", id=7)
    look(lab, Intent(FLOW, "edit", id=7))
    assert "look up 7" not in lab.Workflow.asked
