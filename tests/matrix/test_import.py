"""Drawn tenants: any field at any value is imported into a manifest that plans empty."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrix.fixtures import PROJECT, Ids, apply, make_tenant
from matrix.schema import SettableField, all_fields
from matrix.walk import NAME, PLATFORMS, prepare, write

from peakctl.engine.diff.align import NOT_SET
from peakctl.kinds.schemas import load_kinds

FIELDS: dict[str, dict[str, SettableField]] = {
    kind: {each.name: each for each in all_fields() if each.kind == kind and each.name != NAME}
    for kind in load_kinds()
}
DRAWN = 8
"""Fields of a kind that one tenant has, each with all of its values."""
UNKNOWN = ("--unset-env", "unknown", "-o", "json")


def drawn_tenant(folder: Path, rows: list[SettableField], platform: str, *, owned: bool) -> Any:
    """A tenant with a resource for each value of each field, and an empty project beside it."""
    tenant = make_tenant(folder, PLATFORMS[platform])
    ids = Ids(tenant)
    walks = prepare(tenant, ids, rows, 1)
    if not owned:
        told = (tenant.project / "peakctl.yaml").read_text(encoding="utf-8")
        told = told.replace("emulator: true", "emulator: true, ledger: false")
        (tenant.project / "peakctl.yaml").write_text(told, encoding="utf-8")
    documents = [
        walk.stand.document(f"w{walk.number}-{number}", value)
        for walk in walks
        for number, value in enumerate(walk.values)
    ]
    write(tenant, ids, documents)
    made = [each["key"] for each in apply(tenant)["outcomes"] if each["status"] == "done"]
    tenant.project = folder / "imported"
    tenant.project.mkdir()
    (tenant.project / "peakctl.yaml").write_text(PROJECT.format(name="walks"), encoding="utf-8")
    return tenant, made


@pytest.mark.parametrize("kind", FIELDS)
@settings(max_examples=2)
@given(data=st.data())
def test_what_a_drawn_tenant_has_is_imported_and_plans_empty(kind: str, data: Any) -> None:
    names = st.lists(st.sampled_from(sorted(FIELDS[kind])), min_size=1, max_size=DRAWN, unique=True)
    rows = [FIELDS[kind][name] for name in data.draw(names)]
    platform = data.draw(st.sampled_from(sorted(PLATFORMS)))
    owned = PLATFORMS[platform].get("full_reads", True) and data.draw(st.booleans())
    with tempfile.TemporaryDirectory() as folder:
        tenant, made = drawn_tenant(Path(folder), rows, platform, owned=owned)
        run = tenant.run("import", kind, "-o", "json")
        assert run.code == 0, run.err
        told = json.loads(run.out)
        left = {each["key"]: each["why"] for each in told["left"]}
        kept = [key for key in made if not left.get(key, "").startswith("public")]
        assert sorted(told["imported"]) == sorted(kept), left
        assert tenant.run("validate", *UNKNOWN).code == 0
        planned = json.loads(tenant.run("plan", *UNKNOWN).out)
        changed = {a["key"]: a["changes"] for a in planned["actions"] if a["verb"] != "unchanged"}
        assert (planned["errors"], changed) == ([], {})
        unset = Counter(
            action["key"]
            for action in planned["actions"]
            for each in action["ignored"]
            if each["reason"] == NOT_SET
        )
        assert unset == Counter(each["key"] for each in told["variables"])
