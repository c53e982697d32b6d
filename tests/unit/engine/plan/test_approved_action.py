"""What a plan file has of an action is all that a plan shows of it, and no secret."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.engine.plan.approved_action import differences, is_other, read_action, write_action
from peakctl.ledger.digests import LIGHT, Digests
from peakctl.model import (
    MASK,
    MISSING,
    UNSEEN,
    Action,
    Cause,
    Change,
    Consequence,
    Effect,
    FileChanges,
    Key,
    Live,
    Location,
    Plan,
    Reason,
    Secret,
    ShownChange,
    State,
    Step,
    Unknown,
    Value,
    Verb,
)
from peakctl.model.plan import FileCounts, FileTotal, Skipped
from peakctl.present.plan_json import json_document
from peakctl.present.plan_text import plan_lines
from peakctl.present.report import Report

KEY, IMAGE = Key("Service", "api"), Key("Image", "img")
DIGESTS = Digests("ab12", LIGHT)
CANARY = "hunter2-canary"


def change(before: Value, after: Value, *, sensitive: bool = False, path: str = "a") -> ShownChange:
    wire = Change(("spec", "list", 0, path), before, after, "", sensitive, redeploys=True)
    return ShownChange(f"spec.{path}", before, after, (f"spec.{path}",), (wire,), sensitive)


FILES = FileChanges(
    added=("a",),
    changed=("b",),
    removed=("c",),
    renamed=(("d", "e"),),
    counts=FileCounts(1, 1, 1, 1),
    complete=False,
    total=FileTotal(3, 300),
    before=FileTotal(3, 200),
    newest=("f",),
    at=("spec", "artifact"),
)
FULL = Action(
    key=KEY,
    verb=Verb.EDIT,
    steps=(Step.UPDATE, Step.REDEPLOY),
    skipped=(Skipped((), "why", "spec.b"),),
    notes=("note",),
    after=frozenset({IMAGE}),
    version="0.0.2",
    live=Live(KEY, 7, {}, state=State.FAILED, version="0.0.1"),
    asides=("aside",),
    reasons=(
        Reason(Cause.MANIFEST_CHANGED, Location("a.yaml", 1, 2), ("spec.a",)),
        Reason(Cause.FOLLOWS, follows=IMAGE, version="0.0.2", detail="more"),
    ),
    consequences=(Consequence(Effect.RESTARTS, (KEY, IMAGE), "detail"),),
    files=FILES,
    shown=(
        replace(change({"name": "img"}, MISSING), reference=True, restarts=True),
        change(UNSEEN, Unknown(IMAGE, "id"), path="b"),
        change({"$": "secret", "x": [1, None]}, Secret(CANARY), sensitive=True, path="c"),
        change({"x": CANARY}, MISSING, sensitive=True, path="d"),
    ),
)


def stored(action: Action) -> Any:
    """What a file has, as JSON gives it back."""
    return json.loads(json.dumps(write_action(action, DIGESTS)))


def seen(action: Action) -> object:
    document = json_document(Report("plan", plan=Plan((action,))))
    lines = plan_lines(Plan((action,)), show_all=True, show_ignored=True, verbose=True)
    return document["actions"], lines


def test_every_form_shows_of_a_file_what_it_shows_of_the_plan() -> None:
    body = stored(FULL)
    assert CANARY not in json.dumps(body)
    again = read_action(body)
    assert seen(again) == seen(FULL)
    assert stored(again) != body  # digests of digests: it is for readers alone
    for each in (FULL, FILES, *FULL.reasons, *FULL.consequences):
        for field in dataclasses.fields(each):
            if field.name not in ("changes", "desired", "resource", "taken_from", "shown", "live"):
                mine = again if each is FULL else _counterpart(again, each)
                assert getattr(mine, field.name) == getattr(each, field.name), field.name


def _counterpart(again: Action, each: object) -> object:
    if each is FILES:
        return again.files
    both = zip(
        (*again.reasons, *again.consequences), (*FULL.reasons, *FULL.consequences), strict=True
    )
    return next(mine for mine, other in both if other is each)


def test_a_bare_action_reads_back() -> None:
    bare = Action(KEY, Verb.CREATE)
    assert read_action(stored(bare)) == bare
    with_id = replace(bare, live=Live(KEY, "s-1", {}))
    assert read_action(stored(with_id)) == with_id


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(UNSEEN) | st.just(MISSING),
    lambda inner: st.lists(inner) | st.dictionaries(st.just("$") | st.text(), inner),
)


@given(VALUES)
def test_every_value_reads_back(value: Value) -> None:
    (found,) = read_action(stored(replace(FULL, shown=(change(value, [value]),)))).shown
    assert (found.before, found.after) == (value, [value])


@given(VALUES)
def test_no_side_of_a_sensitive_change_is_written(value: Value) -> None:
    body = stored(replace(FULL, shown=(change(value, {"x": CANARY, "y": value}, sensitive=True),)))
    assert CANARY not in json.dumps(body)
    assert body["changes"][0]["after"].keys() == {"$", "digest"}


@pytest.mark.parametrize(
    "lie",
    [
        {"kind": 7}, {"verb": "explode"}, {"steps": ["explode"]}, {"version": 7},
        {"changes": [7]}, {"files": {}}, {"reasons": [{}]}, {"after": [["a"]]},
        {"on_platform": {"id": [], "version": None, "state": "ready"}}, {"notes": [7]},
        {"consequences": [{"effect": "none", "keys": [], "detail": ""}]},
    ],
)  # fmt: skip
def test_what_is_no_action_is_refused(lie: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        read_action({**stored(FULL), **lie})


@pytest.mark.parametrize("value", [{"$": "other"}, {"$": "secret"}, {"$": []}])
def test_an_unknown_mark_is_refused(value: Any) -> None:
    body = stored(FULL)
    body["changes"][0]["before"] = value
    with pytest.raises((ValueError, TypeError, KeyError)):
        read_action(body)


def test_a_replacement_may_be_half_done_and_is_still_what_was_shown() -> None:
    then = replace(FULL, verb=Verb.REPLACE, steps=(Step.DELETE, Step.CREATE))
    rest = replace(then, verb=Verb.CREATE, steps=(Step.WAIT, Step.CREATE), live=None, files=None)
    assert not is_other(stored(then), stored(rest))
    assert is_other(stored(then), stored(replace(rest, shown=())))
    assert is_other(stored(rest), stored(then))


def test_times_of_files_are_no_difference_and_their_names_are() -> None:
    newer = replace(FULL, files=replace(FILES, newest=("z",)))
    assert not is_other(stored(FULL), stored(newer))
    assert is_other(stored(FULL), stored(replace(FULL, files=replace(FILES, added=("z",)))))
    assert is_other(stored(replace(FULL, files=None)), stored(FULL))


def test_an_effect_that_was_not_shown_is_another_action_and_a_lesser_one_is_not() -> None:
    less = replace(FULL, consequences=(), steps=(Step.UPDATE,))
    assert not is_other(stored(FULL), stored(less))
    assert is_other(stored(less), stored(FULL))
    followed = replace(FULL, consequences=(Consequence(Effect.FOLLOWED, (IMAGE,)),))
    assert not is_other(stored(less), stored(replace(followed, steps=(Step.UPDATE,))))


def test_what_is_sent_is_compared_but_for_ids_that_were_yet_to_be_made() -> None:
    def sent(*sides: Value) -> Any:
        shown = change(1, 2)
        wire = tuple(Change(("spec", "id"), MISSING, side, "") for side in sides)
        return stored(replace(FULL, shown=(replace(shown, wire=wire),)))

    unknown = {"x": [Unknown(IMAGE, "id")]}
    assert not is_other(sent(unknown), sent({"x": [7]}))
    assert not is_other(sent({"x": [7]}), sent({"x": [7]}))
    assert is_other(sent({"x": [7]}), sent({"x": [8]}))
    assert is_other(sent({"x": [7]}), sent(unknown))
    assert is_other(sent(1), sent(1, 2))


def test_differences_are_told_in_words() -> None:
    then = replace(
        FULL,
        shown=(
            change({"name": "img", "version": "0.0.1"}, {"name": "img"}),
            change(Secret("one"), Secret("two"), path="b"),
            change("a" * 200, Unknown(IMAGE, "id"), path="c"),
            change([Secret("x")], {"$": {"name": 1}}, path="d"),
            change(1, 2, path="e"),
        ),
    )
    now = replace(
        then,
        shown=(
            change({"name": "img", "version": "0.0.2"}, MISSING),
            change(Secret("one"), Secret("three"), path="b"),
            change("b" * 200, UNSEEN, path="c"),
            change(1, 2, path="e"),
        ),
    )
    assert list(differences(stored(then), stored(now))) == [
        "spec.a:",
        "  approved: img 0.0.1 -> img",
        "  now:      img 0.0.2 -> (absent)",
        "spec.b:",
        f"  approved: {MASK} -> {MASK}",
        "  now:      another value",
        "spec.c:",
        f'  approved: "{"a" * 23}…{"a" * 23}" (154 characters left out) -> (known after apply)',
        f'  now:      "{"b" * 23}…{"b" * 23}" (154 characters left out) -> (not shown)',
        "spec.d:",
        f'  approved: ["{MASK}"] -> {{"$": {{"name": 1}}}}',
        "  now:      no change",
    ]
