"""What others did since the last apply, apart from what manifests have and nobody applied yet."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.engine.drift import Drift, DriftKind, added, find_drift, waiting
from peakctl.engine.observe.live_state import LiveState
from peakctl.ledger.ownership import find_owners
from peakctl.model import (
    EMPTY,
    Action,
    Actor,
    Cause,
    Change,
    Document,
    Intent,
    Key,
    Ledger,
    Listed,
    Live,
    Location,
    Owned,
    Owner,
    Plan,
    Reason,
    Resource,
    ShownChange,
    Verb,
)
from peakctl.model.ledger import PastRun
from peakctl.model.resources import Edit

KEY = Key("Service", "api")
US, THEM = Owner("shop", "prod"), Owner("other", "prod")
RUN = PastRun("r1", Actor("alice"), "apply", 90.0, 100.0, "done")


def resource(key: Key, *previous: str) -> Resource:
    document = Document({}, "m.yaml", "/p", lambda path: Location("m.yaml", len(path), 1))
    return Resource(key, EMPTY, document, previous_names=previous)


def live(id_: int = 1, key: Key = KEY, **more: Any) -> Live:
    return Live(key, id_, EMPTY, **more)


def action(found: Live | None, *reasons: Reason, key: Key = KEY, **more: Any) -> Action:
    verb = more.pop("verb", Verb.EDIT if found else Verb.CREATE)
    names = more.pop("previous", ())
    made = resource(key, *names)
    return Action(key, verb, live=found, resource=made, reasons=reasons, **more)


def world(
    *owned: Owned,
    listed: tuple[Listed, ...] = (),
    intents: tuple[Intent, ...] = (),
    others: tuple[Ledger, ...] = (),
) -> LiveState:
    ledger = Ledger(US, "salt", owned={o.key: o for o in owned}, intents=intents, runs=(RUN,))
    owners = find_owners(US, ledger, others)
    return LiveState({"Service": listed}, ledger=ledger, others=others, owners=owners)


def only(planned: Action, observed: LiveState) -> Drift | None:
    found = find_drift(Plan((planned,)), observed)
    assert len(found) < 2
    return found[0] if found else None


def shown(path: str, before: Any, after: Any) -> ShownChange:
    wire = (Change(tuple(path.split(".")), before, after, "patch"),)
    return ShownChange(path, before, after, (path,), wire, restarts=True)


def test_what_was_changed_outside_leads_from_the_manifest_to_what_is_live() -> None:
    reasons = (
        Reason(Cause.MANIFEST_CHANGED, paths=("spec.a", "spec.b")),
        Reason(Cause.CHANGED_OUTSIDE, paths=("spec.b", "spec.c")),
    )
    changes = tuple(shown(f"spec.{word}", 5, 2) for word in "abc")
    found = only(
        action(live(edited=Edit(200.0, "ana")), *reasons, shown=changes), world(Owned(KEY, 1))
    )
    assert found is not None
    assert (found.kind, found.id, found.paths, found.both) == (
        DriftKind.CHANGED,
        1,
        ("spec.b", "spec.c"),
        ("spec.b",),
    )
    assert [(c.path, c.before, c.after, c.restarts) for c in found.changes] == [
        ("spec.b", 2, 5, False),
        ("spec.c", 2, 5, False),
    ]
    assert [(w.before, w.after) for c in found.changes for w in c.wire] == [(2, 5), (2, 5)]
    assert found.edited == Edit(200.0, "ana")
    assert found.place == Location("m.yaml", 2, 1)


def test_who_changed_it_before_the_last_run_did_not_do_it() -> None:
    outside = Reason(Cause.CHANGED_OUTSIDE, paths=("spec.a",))
    for at, told in ((99.0, False), (100.0, True), (None, True)):
        found = only(action(live(edited=Edit(at, "ana")), outside), world(Owned(KEY, 1)))
        assert found is not None
        assert (found.edited is not None) is told


def test_what_the_manifest_changed_alone_is_no_drift() -> None:
    for cause in (Cause.MANIFEST_CHANGED, Cause.FOLLOWS, Cause.FAILED):
        reason = Reason(cause, paths=("spec.a",))
        assert only(action(live(), reason), world(Owned(KEY, 1))) is None
    assert only(action(live(), verb=Verb.KEEP), world(Owned(KEY, 1))) is None


def test_what_cannot_be_told_is_no_silence() -> None:
    found = only(action(live(), Reason(Cause.DIFFERS, paths=("spec.a",))), world(Owned(KEY, 1)))
    assert found is not None
    assert (found.kind, found.paths) == (DriftKind.UNCLEAR, ("spec.a",))
    assert "not known" in found.sentence


def test_what_our_own_run_may_have_changed_is_unclear() -> None:
    outside = Reason(Cause.CHANGED_OUTSIDE, paths=("spec.a",))
    intents = (Intent(KEY, Verb.EDIT, id=1),)
    found = only(action(live(), outside), world(Owned(KEY, 1), intents=intents))
    assert found is not None
    assert (found.kind, "never reported" in found.detail) == (DriftKind.UNCLEAR, True)


def test_what_is_gone_or_has_another_name() -> None:
    gone, there = action(None), Listed(1, "api-old")
    found = only(gone, world(Owned(KEY, 1), listed=(Listed(2, "other"),)))
    assert found is not None
    assert (found.kind, found.id) == (DriftKind.DELETED, 1)
    found = only(gone, world(Owned(KEY, 1), listed=(Listed(2, "other"), there)))
    assert found is not None
    assert (found.kind, found.detail) == (DriftKind.RENAMED, "to api-old")
    before = Key("Service", "old")
    found = only(action(None, previous=("old",)), world(Owned(before, 1)))
    assert found is not None
    assert found.kind is DriftKind.DELETED
    assert only(gone, world()) is None


def test_what_our_own_run_deleted_and_never_reported_is_no_drift() -> None:
    for verb, drifts in ((Verb.DELETE, False), (Verb.REPLACE, False), (Verb.EDIT, True)):
        intents = (Intent(KEY, verb, id=1), Intent(Key("Service", "new"), Verb.CREATE))
        found = only(action(None), world(Owned(KEY, 1), intents=intents))
        assert (found is not None) is drifts


def test_what_has_the_name_of_what_was_ours() -> None:
    found = only(action(live(2), verb=Verb.KEEP), world(Owned(KEY, 1)))
    assert found is not None
    assert (found.kind, found.id, found.detail) == (DriftKind.REPLACED, 2, "")
    swapped = world(Owned(KEY, 1), Owned(Key("Service", "b"), 2))
    found = only(action(live(2), verb=Verb.KEEP), swapped)
    assert found is not None
    assert found.detail == "the one that is live was Service/b"
    others = (Ledger(THEM, "s", owned={KEY: Owned(KEY, 2)}),)
    found = only(action(live(2)), world(Owned(KEY, 1), others=others))
    assert found is not None
    assert found.detail == "the one that is live belongs to other/prod"


def test_what_was_added_under_the_name_of_a_manifest() -> None:
    found = only(action(live(2), verb=Verb.KEEP), world())
    assert found is not None
    assert (found.kind, found.id, found.key) == (DriftKind.ADDED, 2, KEY)
    others = (Ledger(THEM, "s", owned={KEY: Owned(KEY, 2)}),)
    assert only(action(live(2)), world(others=others)) is None
    assert only(action(live(2)), world(intents=(Intent(KEY, Verb.CREATE),))) is None
    assert only(action(live(2)), world(intents=(Intent(KEY, Verb.EDIT, id=2),))) is None
    assert only(action(live(2, foreign="part of Deployment/eu")), world()) is None


def test_without_a_ledger_or_a_manifest_nothing_is_known() -> None:
    assert only(action(None), LiveState()) is None
    nameless = Action(KEY, Verb.KEEP, live=live(foreign="part of the platform"))
    assert only(nameless, world(Owned(KEY, 1))) is None
    found = only(Action(KEY, Verb.KEEP, live=live(3)), LiveState(owners=find_owners(US, None, ())))
    assert found is not None
    assert (found.kind, found.place) == (DriftKind.ADDED, None)


@pytest.mark.parametrize(
    ("causes", "kind", "waits"),
    [
        ((Cause.CHANGED_OUTSIDE,), DriftKind.CHANGED, False),
        ((Cause.CHANGED_OUTSIDE, Cause.MANIFEST_CHANGED), DriftKind.CHANGED, True),
        ((Cause.DIFFERS,), DriftKind.UNCLEAR, False),
        ((Cause.DIFFERS, Cause.FOLLOWS), DriftKind.UNCLEAR, True),
        ((Cause.DELETED_OUTSIDE,), DriftKind.DELETED, False),
        ((Cause.ADOPTED, Cause.DIFFERS), DriftKind.ADDED, False),
        ((Cause.MANIFEST_CHANGED,), None, True),
        ((Cause.FAILED,), None, True),
    ],
)
def test_what_waits_for_an_apply_is_told_apart(
    causes: tuple[Cause, ...], kind: DriftKind | None, waits: bool
) -> None:
    plan = Plan((action(live(), *map(Reason, causes)),))
    drift = [Drift(KEY, kind)] if kind else [added(live(9, Key("Service", "else")))]
    assert bool(waiting(plan, drift)) is waits
