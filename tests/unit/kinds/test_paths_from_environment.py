"""A path that comes from the environment would be shown in every problem about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.model import Document, Location, Secret


def artifact(**spec: Any) -> dict[str, Any]:
    return {"kind": "Artifact", "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize(
    "value",
    [
        artifact(artifact={"path": Secret("hush")}),
        {
            "kind": "BlockSpec",
            "metadata": {"name": "b", "summary": "s", "descriptionFile": Secret("hush")},
            "spec": {"kind": "workflow", "config": {"steps": {}}},
        },
    ],
)
def test_a_path_from_the_environment_is_refused(value: Any, tmp_path: Path) -> None:
    whole = {"apiVersion": "peakctl/v1", **value}
    document = Document(whole, "m.yaml", str(tmp_path), lambda _: Location("m.yaml", 1, 1))
    _, problems = read_resources([document], load_kinds(), project_root=tmp_path, pack=None)
    assert "a path may not come from the environment" in [p.summary for p in problems]
    assert "hush" not in str(problems)
