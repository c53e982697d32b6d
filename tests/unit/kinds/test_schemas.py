"""The schemas of the package."""

from __future__ import annotations

import json

import pytest

from peakctl.kinds.schemas import load_kinds, schema_text


@pytest.mark.parametrize("kind", [*load_kinds(), "manifest", "project"])
def test_every_kind_has_the_text_of_its_schema(kind: str) -> None:
    assert json.loads(schema_text(kind))["$schema"]


def test_no_other_has_a_schema() -> None:
    with pytest.raises(KeyError, match="Nothing"):
        schema_text("Nothing")
