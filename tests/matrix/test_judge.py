"""The judge of the matrix: a walk that goes wrong is told apart from one that goes right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matrix.judge import Seen, Verdict, is_near, judge, missing_of, patterns_of
from matrix.rows import unlike
from matrix.schema import SettableField, all_fields
from matrix.values import ABSENT, EMPTY, KEEP, candidates, meaning_for, settle

ROOT = Path(__file__).resolve().parents[2]

FIELDS = {(row.kind, row.name): row for row in all_fields()}
TITLE = FIELDS["Service", "metadata.title"]
BEFORE = {("service", "title"): "a", ("service", "minInstances"): 1}
AFTER = {**BEFORE, ("service", "title"): "b"}


def changed(*paths: str) -> dict[str, Any]:
    """An action with a change of each of the paths."""
    return {"verb": "edit", "changes": [{"path": path, "paths": [path]} for path in paths]}


def seen(**other: Any) -> Seen:
    """What a step from title a to b shows when all goes well, but for what is given."""
    well: dict[str, Any] = {
        "action": changed("metadata.title"),
        "outcome": {"status": "done", "message": "", "detail": []},
        "again": {"verb": "unchanged", "changes": []},
        "before": BEFORE,
        "after": AFTER,
    }
    return Seen(**{**well, **other})


def verdicts(field: SettableField, live: Any, wanted: Any, found: Seen) -> list[Verdict]:
    return [verdict for verdict, _ in judge(field, patterns_of(field), live, wanted, found)]


UNCHANGED = {"verb": "unchanged", "changes": []}
BOTH = changed("metadata.title", "spec.minInstances")
FAILED = {"status": "failed", "message": "refused (422)", "detail": []}
TWO = {**AFTER, ("service", "minInstances"): 2}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, []),
        ({"action": UNCHANGED, "after": BEFORE}, [Verdict.NO_PLAN]),
        ({"again": BOTH}, [Verdict.DRIFT_AFTER_APPLY]),
        ({"after": BEFORE}, [Verdict.UPDATE_IGNORED]),
        ({"action": BOTH}, [Verdict.COLLATERAL_CHANGE]),
        ({"after": TWO}, [Verdict.COLLATERAL_CHANGE]),
        ({"outcome": FAILED, "after": BEFORE}, [Verdict.REFUSED, Verdict.UPDATE_IGNORED]),
    ],
)
def test_each_way_to_go_wrong_has_its_verdict(other: dict[str, Any], told: list[Verdict]) -> None:
    assert verdicts(TITLE, "a", "b", seen(**other)) == told


def test_a_change_of_several_places_has_to_be_near_at_each() -> None:
    """Its own path may be that of the list around them."""
    tag = FIELDS["AppSpec", "metadata.tags[].name"]
    change = {"path": "metadata.tags", "paths": ["metadata.tags.a", "metadata.tags.b"]}
    known = seen(action={"verb": "edit", "changes": [change]}, after=BEFORE)
    assert Verdict.COLLATERAL_CHANGE not in verdicts(tag, "a", "b", known)
    change["paths"] = ["metadata.tags.a", "metadata.title"]
    assert Verdict.COLLATERAL_CHANGE in verdicts(tag, "a", "b", known)


def test_a_change_that_is_planned_where_nothing_changes_is_collateral() -> None:
    assert verdicts(TITLE, "b", "b", seen(after=BEFORE)) == [Verdict.COLLATERAL_CHANGE]


def test_what_the_platform_chose_cannot_be_foretold() -> None:
    assert verdicts(TITLE, KEEP, "b", seen(action=UNCHANGED, after=BEFORE)) == []


@pytest.mark.parametrize(
    ("kind", "name", "path", "near"),
    [
        ("Service", "metadata.title", "metadata.title", True),
        ("Service", "metadata.title", "metadata", False),
        ("Service", "spec.parameters.env", 'spec.parameters.env."B.c"', True),
        ("Service", "spec.parameters.env", "spec.parameters.secrets", False),
        ("Service", "metadata.descriptionFile", "metadata.description", True),
        ("Service", "spec.imageDetails.version", "spec.imageDetails.versionId", True),
        ("Service", "spec.resources.instanceType", "spec.resources.instanceTypeId", True),
        ("Workflow", "metadata.tags[].name", "metadata.tags.old", True),
        ("Workflow", "spec.triggers[].cron", 'spec.triggers."0 1 * * *"', True),
        ("Workflow", "spec.steps.*[type=http].url", "spec.steps.walked.url", True),
        ("Workflow", "spec.steps.*[type=http].url", "spec.steps.walked.method", False),
        ("Artifact", "spec.artifact.path", "spec.artifact", True),
        ("Deployment", "spec.appSpec.includes[].release.version",
         "spec.appSpec.includes.b.releaseVersion", True),
    ],
)  # fmt: skip
def test_a_planned_path_is_told_from_its_neighbours(
    kind: str, name: str, path: str, near: bool
) -> None:
    assert any(is_near(path, p) for p in patterns_of(FIELDS[kind, name])) is near


@pytest.mark.parametrize(
    ("kind", "name", "value", "wanted"),
    [
        ("Service", "metadata.title", ABSENT, KEEP),
        ("Service", "metadata.title", None, EMPTY),
        ("Service", "spec.minInstances", ABSENT, 1),
        ("Service", "spec.parameters.env", {}, EMPTY),
        ("Service", "spec.imageDetails", {"name": "one"}, ["one", "3.0.0"]),
        ("Service", "spec.imageDetails", {"imageId": "$image one"}, ["one", "3.0.0"]),
        ("Workflow", "metadata.tags", [{"name": "b"}, {"name": "a"}],
         [{"name": "a"}, {"name": "b"}]),
        ("Workflow", "spec.retryOptions", {"duration": 5}, EMPTY),
        ("Workflow", "spec.retryOptions", {"duration": 6}, {"duration": 6}),
        ("Deployment", "spec.appSpec.release", "1.0.0", {"version": "1.0.0"}),
    ],
)  # fmt: skip
def test_values_of_one_meaning_have_one_form(kind: str, name: str, value: Any, wanted: Any) -> None:
    assert meaning_for(FIELDS[kind, name], value) == wanted


def test_what_is_left_alone_stays() -> None:
    assert settle("a", KEEP) == "a"
    assert settle({"x": 1, "y": 2}, {"x": KEEP, "y": EMPTY}) == {"x": 1}
    assert settle({"x": 1}, "b") == "b"


def test_two_states_are_alike_but_for_order_and_ids_that_nobody_chose() -> None:
    made = "0f1c2617-00cd-4ff2-8fc2-26b67e123905"
    other = "ebf52184-223e-4820-9aa2-692d08538ed6"
    one = {("w", "tags", "0"): "a", ("w", "tags", "1"): "b", ("w", "id"): made}
    two = {("w", "tags", "0"): "b", ("w", "tags", "1"): "a", ("w", "id"): other}
    assert unlike(one, two, frozenset(), {}) == []
    assert unlike(one, two, frozenset({made}), {}) == ["w.id"]
    assert unlike({("w", "sort"): "asc"}, {}, frozenset(), {"sort": "asc"}) == []
    assert unlike({("w", "sort"): "asc"}, {}, frozenset(), {}) == ["w.sort"]


def test_a_value_that_did_not_arrive_is_missed() -> None:
    env = FIELDS["Service", "spec.parameters.env"]
    assert missing_of(env, {"A": "1"}, {("service", "parameters", "env", "A"): "1"}) == []
    assert missing_of(env, {"A": "1"}, {("service", "parameters", "env", "A"): "2"}) == ["1"]


def test_absent_and_null_are_among_the_values_where_the_schema_has_them() -> None:
    assert candidates(TITLE, "x")[:2] == [ABSENT, None]
    assert ABSENT in candidates(FIELDS["Service", "spec.minInstances"], 1)
    assert ABSENT not in candidates(FIELDS["BlockSpec", "metadata.summary"], "x")
