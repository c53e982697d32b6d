"""What a plan shows, of drawn resources: names for ids, nothing unknown, no secret."""

from __future__ import annotations

import json
from typing import Any

from drawn import KINDS, trees
from hypothesis import given, settings
from hypothesis import strategies as st

from peakctl.engine.diff.compare import compare
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.names import Names, sites
from peakctl.engine.plan.shown import show_plan
from peakctl.kinds.fields import Field, child, variant
from peakctl.model import MISSING, Action, Key, Listed, Live, Plan, Secret, Unknown, Verb
from peakctl.model.values import set_at, unknowns, value_at
from peakctl.present.changes import change_lines
from peakctl.present.text import to_plain
from peakctl.present.values import masked, to_json

IDS = ("900001", "900002", "900003")
LISTED = tuple(
    Listed(id_, f"name{n}", numbers={f"91{i}": f"0.0.{i}" for i in range(4)})
    for n, id_ in enumerate(IDS)
)
REFERRED = ("Image", "BlockSpec", "AppSpec", "Workflow", "Service", "Webapp", "InstanceType")
MADE = {kind: Key(kind, "made") for kind in REFERRED}
SEEN = LiveState(dict.fromkeys(REFERRED, LISTED))
PLANNED = tuple(Action(key, Verb.CREATE, version="7.7.7") for key in MADE.values())


@st.composite
def wired(draw: st.DrawFn, kind: str, *, live: bool) -> Any:
    """A tree of the wire, whose ids are known: of what is there, or of what the run makes."""
    tree = draw(trees(kind, secrets=not live))
    put_ids(KINDS[kind].root, tree, draw, live=live)
    return tree


def put_ids(rule: Field | None, value: Any, draw: st.DrawFn, *, live: bool) -> None:
    if isinstance(value, list):
        for item in value:
            put_ids(rule.items if rule else None, item, draw, live=live)
    if not isinstance(value, dict) or rule is None:
        return
    chosen = variant(rule, value)
    for word, inner in value.items():
        put_ids(child(chosen, word), inner, draw, live=live)
    for site in sites(chosen):
        if value_at(value, site.id_at) is MISSING:
            continue
        key = MADE[site.rule.kinds[0]]
        is_made = not live and draw(st.booleans())
        set_at(value, site.id_at, Unknown(key, "id") if is_made else draw(st.sampled_from(IDS)))
        if site.version_at and value_at(value, site.version_at) is not MISSING:
            versions = st.sampled_from(["910", "911", "912"])
            made = Unknown(key, "version")
            set_at(value, site.version_at, made if is_made else draw(versions))


def shown(kind: str, desired: Any, live: Any, verb: Verb) -> Action:
    """The action that makes `live` what is `desired`, as a plan shows it."""
    key = Key(kind, "x")
    changes = compare(KINDS[kind], desired, live, shown=lambda _: True).changes
    found = Live(key, 1, live) if verb is Verb.EDIT else None
    action = Action(key, verb, changes=changes, desired=desired, live=found)
    names = Names((*PLANNED, action), SEEN, KINDS, {})
    return show_plan(Plan((action,)), KINDS, names).actions[0]


def text_of(action: Action) -> str:
    lines = [row for each in action.shown for row in change_lines(each)]
    sides = [
        to_json(masked(side) if each.sensitive else side)
        for each in action.shown
        for side in (each.before, each.after)
    ]
    paths = [[each.path, *each.paths] for each in action.shown]
    return to_plain(lines) + json.dumps([sides, paths])


REFERRING = ("AppSpec", "AppSpec", "AppSpec", "BlockSpec", "Deployment", "Service", "Workflow")
CASES = st.sampled_from((*KINDS, *REFERRING)).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        wired(kind, live=False),
        wired(kind, live=True),
        st.sampled_from([Verb.EDIT, Verb.CREATE]),
    )
)


@settings(max_examples=150, deadline=None)
@given(CASES)
def test_no_id_is_shown_that_has_a_name_and_nothing_is_unknown(case: Any) -> None:
    action = shown(*case)
    for each in action.shown:
        for side in (each.before, each.after):
            assert list(unknowns(side)) == []
    text = text_of(action)
    assert not [id_ for id_ in (*IDS, "known after apply", "not known") if id_ in text]


@settings(max_examples=150, deadline=None)
@given(CASES)
def test_every_change_is_shown_once(case: Any) -> None:
    kind, desired, live, _ = case
    action = shown(kind, desired, live, Verb.EDIT)
    wire = [change for each in action.shown for change in each.wire]
    assert sorted(wire, key=repr) == sorted(action.changes, key=repr)
    assert all(each.path and each.paths for each in action.shown)
    assert all(each.sensitive for each in action.shown if any(c.sensitive for c in each.wire))


@settings(max_examples=150, deadline=None)
@given(CASES)
def test_no_secret_is_in_what_is_shown(case: Any) -> None:
    def marked(value: Any) -> Any:
        if isinstance(value, Secret):
            return Secret(f"s3cret-{value.reveal()}")
        if isinstance(value, dict):
            return {k: marked(v) for k, v in value.items()}
        return [marked(v) for v in value] if isinstance(value, list) else value

    kind, desired, live, verb = case
    assert "s3cret" not in text_of(shown(kind, marked(desired), live, verb))
