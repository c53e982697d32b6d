"""--select and --exclude."""

from __future__ import annotations

import pytest

from peakctl.errors import SelectorEmpty
from peakctl.model import Action, Document, Key, Location, Plan, Resource, Step, Verb
from peakctl.operations.selection import choose, narrow

IMAGE, SERVICE, FLOW = Key("Image", "base"), Key("Service", "api"), Key("Workflow", "nightly")
DOCUMENT = Document({}, "m.yaml", "/", lambda path: Location("m.yaml", 1, 1))
RESOURCES = {
    IMAGE: Resource(IMAGE, {}, DOCUMENT),
    SERVICE: Resource(SERVICE, {}, DOCUMENT, labels={"team": "retail"}),
    FLOW: Resource(FLOW, {}, DOCUMENT, labels={"team": "retail"}),
}


@pytest.mark.parametrize(
    ("select", "exclude", "expected"),
    [
        ((), (), {IMAGE, SERVICE, FLOW}),
        (("Image/base",), (), {IMAGE}),
        (("image",), (), {IMAGE}),
        (("Service,Workflow",), (), {SERVICE, FLOW}),
        (("team=retail",), ("Workflow/night*",), {SERVICE}),
        ((), ("Image",), {SERVICE, FLOW}),
        (("Image/base", "Service/api"), ("",), {IMAGE, SERVICE}),
    ],
)
def test_words_choose_resources(
    select: tuple[str, ...], exclude: tuple[str, ...], expected: set[Key]
) -> None:
    assert choose(RESOURCES, select, exclude) == expected


@pytest.mark.parametrize("word", ["Image/pr-7-base", "Image/base", "Image/b*", "image/pr-7-*"])
def test_names_are_typed_with_or_without_the_prefix_of_the_environment(word: str) -> None:
    live = Key("Image", "pr-7-base")
    found = {live: Resource(live, {}, DOCUMENT), SERVICE: RESOURCES[SERVICE]}
    assert choose(found, (word,), (), "pr-7-") == {live}
    assert choose(found, (), (word,), "pr-7-") == {SERVICE}


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("Image/bsae", "did you mean: Image/base"),
        ("team=retial", "did you mean: team=retail"),
        ("zzz", "see the names: peakctl validate -o json"),
    ],
)
def test_a_word_that_fits_nothing_is_told_with_the_nearest(word: str, fix: str) -> None:
    with pytest.raises(SelectorEmpty) as caught:
        choose(RESOURCES, (word,), ())
    assert caught.value.diagnostics[0].code == "selector/no-match"
    assert caught.value.diagnostics[0].fix == fix


def test_excluding_everything_is_an_empty_selection() -> None:
    with pytest.raises(SelectorEmpty) as caught:
        choose(RESOURCES, ("Image",), ("Image",))
    assert caught.value.diagnostics[0].code == "selector/empty"


def actions(image: Verb, service: Verb = Verb.EDIT) -> Plan:
    return Plan(
        (
            Action(IMAGE, image, (Step.CREATE_VERSION,), version="1.0.1"),
            Action(SERVICE, service, (Step.UPDATE,), after=frozenset({IMAGE})),
        )
    )


def test_what_is_left_out_must_not_be_needed() -> None:
    plan, problems = narrow(actions(Verb.BUILD), frozenset({SERVICE}))
    assert [a.key for a in plan.actions] == [SERVICE]
    assert plan.actions[0].after == frozenset()
    assert [p.code for p in problems] == ["selector/needed"]
    assert problems[0].detail == "Image/base: build 1.0.1"
    assert problems[0].fix == "add --select Image/base"


def test_an_edit_that_is_left_out_is_not_needed() -> None:
    assert narrow(actions(Verb.EDIT), frozenset({SERVICE}))[1] == ()


def test_nothing_is_deleted_from_under_what_uses_it() -> None:
    plan = Plan(
        (
            Action(SERVICE, Verb.DELETE, (Step.DELETE,)),
            Action(IMAGE, Verb.DELETE, (Step.DELETE,), after=frozenset({SERVICE})),
        )
    )
    _, problems = narrow(plan, frozenset({IMAGE}))
    assert problems[0].summary == "Service/api uses it and is left out of the selection"


def test_everything_selected_changes_nothing() -> None:
    plan = actions(Verb.CREATE)
    assert narrow(plan, frozenset({IMAGE, SERVICE})) == (plan, ())
