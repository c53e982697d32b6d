"""`explain`: every field of every schema, and every code of the docs."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.errors import UsageError
from peakctl.kinds.schemas import load_kinds
from peakctl.model import MISSING
from peakctl.operations.explain import (
    PROJECT,
    diagnostics_file,
    explain_code,
    explain_field,
    field_paths,
    fields_below,
    load_codes,
)

KINDS = [*load_kinds(), PROJECT]


def one(word: str) -> Any:
    (found,) = explain_field(word)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_path_of_a_kind_is_explained_with_a_description_and_an_example(kind: str) -> None:
    paths = field_paths(kind)
    assert len(paths) > 20
    for path in paths:
        for each in explain_field(f"{kind}.{path}"):
            assert each.path == path
            assert each.description
            assert each.types
            assert each.example


def test_a_field_says_what_it_means() -> None:
    found = one("Service.spec.imageDetails.version")
    assert found.kind == "Service"
    assert found.types == ("string",)
    assert found.default is MISSING
    assert found.restarts
    assert found.call == "an update of what is there"
    assert found.absent == "the id that may stand in its place counts"
    assert found.example == {"spec": {"imageDetails": {"version": "1.4.0"}}}


def test_what_can_never_change_restarts_nothing_and_only_the_create_carries_it() -> None:
    found = one("Image.type")
    assert found.path == "spec.type"
    assert (found.call, found.restarts) == ("the call that creates it, and no other", False)
    assert found.values[0] == "workflow"
    assert found.notes == (
        "cannot be changed: the platform fixes an image's type when the image is made",
    )


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("workflow.Steps", None),
        ("workflows.steps.train.command", "spec.steps.*.command"),
        ("Workflow.spec.steps.*.command", "spec.steps.*.command"),
        ("Workflow.triggers.cron", "spec.triggers[].cron"),
        ("Workflow.triggers[0].cron", "spec.triggers[].cron"),
        ("Workflow.triggers[].cron", "spec.triggers[].cron"),
        ("Workflow.triggers.0.cron", "spec.triggers[].cron"),
        ("Workflow.triggers.*.cron", "spec.triggers[].cron"),
        ("Workflow.tags", "metadata.tags"),
        ("Workflow.metadata", "metadata"),
        ("Workflow", ""),
        ("peakctl.yaml", ""),
        ("project.environments.dev.protect", "environments.*.protect"),
        ("peakctl.yaml.environments.dev.protect", "environments.*.protect"),
    ],
)
def test_paths_may_be_typed_in_several_ways(word: str, path: str | None) -> None:
    if path is None:
        with pytest.raises(UsageError, match="no field"):
            explain_field(word)
        return
    assert one(word).path == path


def test_what_is_never_sent_has_no_call() -> None:
    assert one("Workflow.metadata.labels").call == ""
    assert one("Workflow.metadata.labels.team").call == ""
    assert one("Workflow.metadata.labels.team").description.startswith("An entry of: Labels")


def test_what_differs_by_a_choice_is_told_for_each_and_can_be_narrowed() -> None:
    both = explain_field("Workflow.steps.q.repository")
    assert [each.when for each in both] == [("type: standard",), ("type: sql",)]
    found = one("Workflow.steps.q[type=sql].repository")
    assert found.when == ("type: sql",)
    assert found.example["spec"]["steps"]["q"]["type"] == "sql"
    same = one("Workflow.steps.q.stepTimeout")
    assert len(same.when) > 2
    with pytest.raises(UsageError, match="no field"):
        explain_field("Workflow.steps.q[type=nothing].repository")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Workflow.spec.stepz", "did you mean: Workflow.spec.steps"),
        ("Workflow.command", "did you mean: Workflow.spec.steps.*.command"),
        ("Workflow.spec.steps.a.zzz", "see peakctl explain Workflow.spec.steps.*"),
        ("Workflow.name.more", "see peakctl explain Workflow.metadata.name"),
        ("Workflw", "did you mean: Workflow"),
    ],
)
def test_an_unknown_field_is_answered_with_the_nearest(word: str, meant: str) -> None:
    with pytest.raises(UsageError) as raised:
        explain_field(word)
    assert raised.value.diagnostics[0].fix == meant


def test_completion_knows_what_may_follow() -> None:
    assert "steps" in fields_below("Workflow.spec")
    assert "steps" not in fields_below("Workflow")
    assert "command" in fields_below("workflow.steps.train")
    assert "cron" not in fields_below("Workflow.spec.triggers")
    assert fields_below("Workflow.metadata.name") == ()


def test_a_code_has_the_exit_code_of_its_row_else_of_its_part() -> None:
    codes = load_codes()
    assert len(codes) > 200
    assert [each.exit_codes for each in codes["plan/stale"]] == ["11"]
    assert [each.exit_codes for each in codes["lease/held"]] == ["13"]
    assert [each.exit_codes for each in codes["manifest/cron"]] == ["10"]
    assert [each.exit_codes for each in codes["parameters/unknown"]] == ["10"]
    assert [each.exit_codes for each in codes["auth/refused"]] == ["1, 14 or 15"]
    assert {each.section for each in codes["source/no-match"]} == {
        "Selectors",
        "Files, templates, YAML",
    }
    for each in [told for found in codes.values() for told in found]:
        assert each.section
        assert each.advice
        assert "`" not in each.advice
        assert "](" not in each.advice


def test_what_is_explained_is_the_page_itself() -> None:
    page = diagnostics_file().read_text("utf-8")
    (found,) = explain_code("lease/overtaken")
    assert found.advice.split(": ")[0] in page
    (bug,) = explain_code("internal/KeyError")
    assert bug.code == "internal/KeyError"
    assert "report the traceback" in bug.advice


def test_an_unknown_code_is_answered_with_the_nearest_or_with_those_of_its_group() -> None:
    with pytest.raises(UsageError) as raised:
        explain_code("plan/stalle")
    assert "plan/stale" in raised.value.diagnostics[0].fix
    with pytest.raises(UsageError) as raised:
        explain_code("lease/qqqqqqqqqqqqq")
    assert "lease/held" in raised.value.diagnostics[0].detail
    with pytest.raises(UsageError) as raised:
        explain_code("qqqq/zzzzzzzzzzzz")
    assert raised.value.diagnostics[0].fix == "take the code as the message has it"
