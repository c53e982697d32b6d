"""Reasons and consequences in words."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.model import (
    Action,
    Cause,
    Consequence,
    Effect,
    Key,
    Location,
    Plan,
    Reason,
    Step,
    Verb,
)
from peakctl.present.plan_text import plan_summary
from peakctl.present.reasons import (
    _WORDS,
    aside_text,
    because_text,
    consequence_document,
    consequence_text,
    effects_summary,
    reason_document,
    reason_text,
    reasons_text,
)

IMAGE, SERVICE, FLOW = Key("Image", "a"), Key("Service", "s"), Key("Workflow", "w")
PLACE = Location("manifests/price.yaml", 12, 3)


def action(*reasons: Reason, effects: tuple[Consequence, ...] = (), key: Key = SERVICE) -> Action:
    return Action(key, Verb.EDIT, (Step.UPDATE,), reasons=reasons, consequences=effects)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason(Cause.FIRST_APPLY), "first apply"),
        (Reason(Cause.MANIFEST_CHANGED, PLACE), "manifest changed (manifests/price.yaml:12)"),
        (Reason(Cause.MANIFEST_CHANGED, PLACE, detail="src/a"), "manifest changed (src/a)"),
        (Reason(Cause.DIFFERS, PLACE), "manifest and platform differ (manifests/price.yaml:12)"),
        (Reason(Cause.FOLLOWS, follows=IMAGE, version="0.0.2"), "follows Image/a 0.0.2"),
        (Reason(Cause.FOLLOWS, follows=IMAGE), "follows Image/a"),
        (Reason(Cause.CHANGED_OUTSIDE, detail="by jo"), "changed outside (by jo)"),
        (Reason(Cause.CHANGED_OUTSIDE), "changed outside"),
        (Reason(Cause.RENAMED, detail="old"), "renamed from old"),
        (Reason(Cause.RENAMED_OUTSIDE, detail="new"), "renamed outside to new"),
        (Reason(Cause.TAKEN_OVER, detail="bank/prod"), "taken over from bank/prod"),
        (Reason(Cause.FAILED, detail="CREATE_FAILED"), "failed state (CREATE_FAILED)"),
        (Reason(Cause.UNDECLARED), "no longer declared"),
    ],
)
def test_a_reason_in_words(reason: Reason, text: str) -> None:
    assert reason_text(reason) == text


def test_every_cause_has_words() -> None:
    assert set(_WORDS) == set(Cause)


@pytest.mark.parametrize(
    ("consequence", "text"),
    [
        (Consequence(Effect.RESTARTS, (SERVICE,)), "restarts"),
        (Consequence(Effect.RESTARTS, (FLOW,)), "restarts Workflow/w"),
        (Consequence(Effect.RESTARTS, (SERVICE, FLOW)), "restarts it too, Workflow/w"),
        (Consequence(Effect.STOPS, (SERVICE,)), "stops"),
        (Consequence(Effect.CALLERS, (SERVICE,), "new webhook address"), "new webhook address"),
        (Consequence(Effect.FOLLOWED, (FLOW, IMAGE)), "followed by Workflow/w, Image/a"),
    ],
)
def test_a_consequence_in_words(consequence: Consequence, text: str) -> None:
    assert consequence_text(consequence, SERVICE) == text


def test_plain_reasons_stand_beside_the_action_and_others_on_a_line_of_their_own() -> None:
    stops = (Consequence(Effect.STOPS, (SERVICE,)),)
    both = action(Reason(Cause.UNDECLARED), Reason(Cause.RENAMED, detail="x"), effects=stops)
    assert aside_text(both) == "no longer declared, stops"
    assert because_text(both) == "renamed from x"
    assert reasons_text(both) == "no longer declared; renamed from x"
    assert (aside_text(action()), because_text(action())) == ("", "")


def test_the_last_line_names_what_restarts_and_what_stops_each_once() -> None:
    keys = [Key("Service", f"s{n}") for n in range(7)]
    restarts = [action(effects=(Consequence(Effect.RESTARTS, (k,)),), key=k) for k in keys]
    image = action(effects=(Consequence(Effect.RESTARTS, (keys[0],)),), key=IMAGE)
    stops = action(effects=(Consequence(Effect.STOPS, (FLOW,)),), key=FLOW)
    plan = Plan((*restarts, image, stops))
    names = ", ".join(f"Service/s{n}" for n in range(5))
    summary = f"Restarts 7: {names}, and 2 more. Stops 1: Workflow/w."
    assert effects_summary(plan) == summary
    assert plan_summary(plan) == f"Plan: 9 to edit. {summary}"
    assert effects_summary(Plan(())) == ""


def test_the_same_as_data() -> None:
    reason = Reason(Cause.FOLLOWS, PLACE, ("spec.image",), IMAGE, "0.0.2", "more")
    wanted: dict[str, Any] = {
        "cause": "follows",
        "sentence": Cause.FOLLOWS.sentence,
        "file": "manifests/price.yaml",
        "line": 12,
        "paths": ["spec.image"],
        "follows": "Image/a",
        "version": "0.0.2",
        "detail": "more",
    }
    assert reason_document(reason) == wanted
    bare = reason_document(Reason(Cause.ADOPTED))
    assert (bare["file"], bare["line"], bare["follows"], bare["paths"]) == (None, None, None, [])
    assert consequence_document(Consequence(Effect.STOPS, (FLOW,))) == {
        "effect": "stops",
        "sentence": Effect.STOPS.sentence,
        "keys": ["Workflow/w"],
        "detail": "",
    }
