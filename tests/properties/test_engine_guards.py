"""A guard over a plan is the same for any order of its actions, and silent below its limits."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peakctl.engine.plan.guards import mass_change
from peakctl.kinds.schemas import load_kinds
from peakctl.model import EMPTY, Action, Key, Live, Plan, Verb

KINDS = load_kinds()
COUNTED = [verb for verb in Verb if verb not in (Verb.CREATE, Verb.KEEP)]


@st.composite
def actions(draw: st.DrawFn) -> list[Action]:
    lists = st.lists(st.sampled_from(list(Verb)), max_size=40)
    verbs = draw(st.dictionaries(st.sampled_from(["Image", "Service", "Workflow"]), lists))
    keys = {Key(kind, str(n)): verb for kind, each in verbs.items() for n, verb in enumerate(each)}
    return [
        Action(key, verb, live=None if verb is Verb.CREATE else Live(key, key.name, EMPTY))
        for key, verb in keys.items()
    ]


@given(actions(), st.none() | st.integers(1, 60), st.randoms(use_true_random=False))
def test_the_order_of_actions_does_not_matter(
    made: list[Action], allowed: int | None, random: Any
) -> None:
    told = mass_change(Plan(tuple(made)), KINDS, allowed=allowed)
    random.shuffle(made)
    assert mass_change(Plan(tuple(made)), KINDS, allowed=allowed) == told


@given(actions(), st.none() | st.integers(1, 60))
def test_it_trips_exactly_beyond_its_limits(made: list[Action], allowed: int | None) -> None:
    beyond, total, deleted, exist = False, 0, 0, 0
    for kind in KINDS:
        live = [a for a in made if a.key.kind == kind and a.live is not None]
        count = sum(a.verb in COUNTED for a in live)
        total += count
        deleted += sum(a.deletes for a in live)
        exist += len(live)
        beyond |= count > max(5, len(live) * 30 / 100)
    beyond |= deleted > max(2, exist * 30 / 100) or deleted > 20
    told = mass_change(Plan(tuple(made)), KINDS, allowed=allowed)
    assert bool(told) is (beyond and allowed != total)
    assert mass_change(Plan(tuple(made)), KINDS, allowed=total) == ()
