"""`lifecycle.ignoreChanges` names fields that there are."""

from __future__ import annotations

import pytest

from peakctl.kinds.fields import Absent, Field
from peakctl.kinds.reading import first_unknown
from peakctl.kinds.schemas import load_kinds

KINDS = load_kinds()


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Service", "spec.minInstances"),
        ("Service", "spec.parameters.env.ANY"),
        ("Service", "metadata"),
        ("Workflow", "spec.steps.*.command"),
        ("Workflow", "spec.steps.train.url"),
        ("Workflow", "spec.triggers[0].cron"),
        ("Workflow", 'spec.triggers."0 2 * * *"'),
        ("Workflow", "metadata.tags.cli.name"),
        ("BlockSpec", "spec.config.steps.a.imageDetails.versionId"),
        ("BlockSpec", "spec.config.minInstances"),
        ("Deployment", "spec.parameters.block.run.agg_type"),
        ("Deployment", "spec.parameters.run.payload.deep.down"),
        ("Image", "spec.*"),
    ],
)
def test_a_path_that_a_field_answers_to_is_known(kind: str, path: str) -> None:
    assert first_unknown(KINDS[kind].root, path) is None


@pytest.mark.parametrize(
    ("kind", "path", "part", "near"),
    [
        ("Service", "spec.minInstance", "minInstance", "minInstances"),
        ("Service", "specs.minInstances", "specs", "spec"),
        ("Workflow", "spec.steps.train.comand", "comand", "command"),
        ("Workflow", "metadata.tags.cli.nam", "nam", "name"),
        ("Service", "spec.minInstances.deeper", "deeper", None),
    ],
)
def test_a_path_that_no_field_answers_to_is_told_with_the_names_there(
    kind: str, path: str, part: str, near: str | None
) -> None:
    found = first_unknown(KINDS[kind].root, path)
    assert found is not None
    assert found[0] == part
    assert (near in found[1]) if near else found[1] == ()


def test_what_a_schema_leaves_open_may_hold_anything() -> None:
    open_field = Field(types=frozenset({"object"}), absent=Absent.CLEAR)
    assert first_unknown(open_field, "any.thing") is None
    assert first_unknown(Field(types=frozenset(), absent=Absent.CLEAR), "any") is None
