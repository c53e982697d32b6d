"""What class of actions each action is of, and what a run is refused that may do less."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.engine.plan.guards import classes_of, narrower, not_allowed, with_classes
from peakctl.model import (
    STEP_VERBS,
    Action,
    Change,
    Consequence,
    Effect,
    Key,
    Plan,
    Step,
    Verb,
)

KEY = Key("Service", "api")


def action(*steps: Step, key: Key = KEY, effects: tuple[Effect, ...] = (), **more: Any) -> Action:
    verb = STEP_VERBS[steps[0]] if steps else Verb.KEEP
    found = tuple(Consequence(effect, (key,)) for effect in effects)
    return Action(key, verb, steps, consequences=found, **more)


@pytest.mark.parametrize(
    ("steps", "effects", "classes"),
    [
        ((), (), "read"),
        ((Step.WAIT,), (), "read"),
        ((Step.CREATE,), (), "create"),
        ((Step.CREATE, Step.UPDATE_METADATA), (), "create"),
        ((Step.CREATE_VERSION,), (), "build"),
        ((Step.WAIT, Step.UPDATE_VERSION), (), "build"),
        ((Step.CREATE_RELEASE, Step.UPDATE_METADATA), (), "build edit"),
        ((Step.UPDATE,), (Effect.RESTARTS,), "edit restart"),
        ((Step.CREATE_VERSION,), (Effect.RESTARTS, Effect.FOLLOWED), "build restart"),
        ((Step.REDEPLOY,), (), "restart"),
        ((Step.DELETE,), (Effect.STOPS, Effect.CALLERS), "delete"),
        ((Step.DELETE, Step.CREATE), (), "create delete"),
    ],
)
def test_calls_and_effects_tell_the_classes(
    lab: Any, steps: tuple[Step, ...], effects: tuple[Effect, ...], classes: str
) -> None:
    found = classes_of(action(*steps, effects=effects), lab.kinds["Service"])
    assert " ".join(found) == classes


def test_every_call_has_a_class(lab: Any) -> None:
    for step in Step:
        assert classes_of(action(step), lab.kinds["Service"])


@pytest.mark.parametrize("kind", ["BlockSpec", "AppSpec"])
@pytest.mark.parametrize(
    ("path", "shares"),
    [
        (("spec", "scope"), True),
        (("spec", "tenants"), True),
        (("spec", "tenants", "acme"), True),
        (("spec",), True),
        (("spec", "featured"), False),
        (("metadata", "title"), False),
    ],
)
def test_who_else_may_use_it_is_a_class_of_its_own(
    lab: Any, kind: str, path: tuple[str, ...], shares: bool
) -> None:
    changed = action(
        Step.UPDATE_METADATA, key=Key(kind, "x"), changes=(Change(path, "a", "b", "edit"),)
    )
    assert ("share" in classes_of(changed, lab.kinds[kind])) is shares


@pytest.mark.parametrize(
    ("spec", "classes"),
    [
        ({"kind": "workflow", "scope": "private"}, "create"),
        ({"kind": "workflow", "tenants": []}, "create"),
        ({"kind": "service", "scope": "public"}, "create share"),
        ({"kind": "workflow", "scope": "shared", "tenants": ["acme"]}, "create share"),
    ],
)
def test_what_is_made_for_others_is_shared(lab: Any, spec: Any, classes: str) -> None:
    made = action(Step.CREATE, key=Key("BlockSpec", "x"), desired={"spec": spec})
    assert " ".join(classes_of(made, lab.kinds["BlockSpec"])) == classes


def test_a_kind_that_is_not_known_has_classes_all_the_same() -> None:
    gone = action(Step.DELETE, key=Key("Rocket", "x"))
    assert [a.classes for a in with_classes(Plan((gone,)), {}).actions] == [("delete",)]


def test_what_is_beyond_is_named_with_its_place(lab: Any) -> None:
    call = {"type": "http", "method": "get", "url": "https://example.com"}
    planned = lab.plan(lab.manifest("Workflow", "flow", {"steps": {"call": call}}))
    plan = with_classes(planned.plan, lab.kinds)
    (told,) = not_allowed(plan, ("read", "edit"))
    assert (told.code, told.key) == ("guard/not-allowed", Key("Workflow", "flow"))
    assert "class create" in told.summary
    assert told.detail == "allowed: read, edit"
    assert told.locations
    assert not_allowed(plan, ("create",)) == ()
    assert not_allowed(plan, None) == ()


def test_every_action_beyond_is_told_and_no_other(lab: Any) -> None:
    names = {"a": Step.UPDATE, "b": Step.DELETE, "c": Step.WAIT}
    actions = [action(step, key=Key("Service", name)) for name, step in names.items()]
    plan = with_classes(Plan((*actions, action())), lab.kinds)
    assert [d.key.name for d in not_allowed(plan, ()) if d.key] == ["a", "b"]
    assert [d.detail for d in not_allowed(plan, ())] == ["allowed: nothing"] * 2
    assert [d.key.name for d in not_allowed(plan, ("edit",)) if d.key] == ["b"]


def test_of_several_lists_what_all_of_them_allow_counts() -> None:
    assert narrower(None, None) is None
    assert narrower(None, ("edit", "build")) == ("build", "edit")
    assert narrower(("delete", "edit"), ("edit", "build")) == ("edit",)
    assert narrower((), None) == ()
