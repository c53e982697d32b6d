"""Data that older versions wrote (tests/data/formats/COMMIT) is read by this one."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from chaos.tenant import Run, Tenant

from peakctl.adapters.ledger_store import text_of
from peakctl.engine.plan.approval import other_format
from peakctl.ledger.codec import FORMAT, read_ledger, write_ledger
from peakctl.model import Intent, Key, Owner, ledger_name

ROOT = Path(__file__).resolve().parents[3]

OLD = ROOT / "tests/data/formats/1ecebe7"
OWNER = Owner("formats", "local")
VALUES = {
    "build": "build-arg",
    "hook": "hook-word",
    "repository": "repo-token",
    "hidden": "hidden-word",
}
GIVEN = [word for name, value in VALUES.items() for word in ("-p", f"{name}={value}")]
NEWEST = (
    "SELECT json_extract(v.body, '$.digest') FROM items v JOIN items a ON v.parent = a.id"
    " WHERE v.kind = 'artifact-version' AND a.kind = 'artifact' AND a.name = ?"
    " ORDER BY json_extract(v.body, '$.version') DESC LIMIT 1"
)


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    """The platform as the old version left it, and the project that it had applied."""
    shutil.copytree(OLD / "project", tmp_path / "project")
    tenant = Tenant(tmp_path / "project")
    old = sqlite3.connect(OLD / "state.sqlite")
    old.backup(tenant._db)
    old.close()
    tenant.calm()
    return tenant


def run(tenant: Tenant, *args: str) -> Run:
    return tenant.run(*args, *GIVEN)


def edit(tenant: Tenant) -> None:
    """The edits that the saved plan is of."""
    path = tenant.project / "manifests/all.yaml"
    text = path.read_text("utf-8").replace("title: API", "title: New API")
    path.write_text(text.replace("mode: b", "mode: c"), "utf-8")


def test_a_ledger_of_format_1_is_read() -> None:
    ledger = read_ledger((OLD / "ledger.json").read_bytes(), OWNER)
    assert len(ledger.owned) == 7
    assert {(e.secret, e.claimed, e.created) for e in ledger.owned.values()} == {
        (None, False, False)
    }
    assert ledger.owned[Key("Workflow", "nightly")].protect
    assert ledger.lease is not None
    assert ledger.lease.run == "060ed7892a"
    (first, _) = ledger.intents
    assert isinstance(first, Intent)
    assert [past.command for past in ledger.runs] == ["apply"]
    assert read_ledger(write_ledger(ledger), OWNER) == ledger


def test_a_plan_against_an_old_state_is_empty(tenant: Tenant) -> None:
    planned = run(tenant, "plan", "--detailed-exitcode")
    assert planned.code == 0, planned.out + planned.err
    assert "7 unchanged" in planned.out
    assert tenant.run("ledger", "show").code == 0


def test_only_an_apply_rewrites_an_old_ledger(tenant: Tenant) -> None:
    assert _format(tenant) == 1
    edit(tenant)
    assert run(tenant, "plan").code == 0
    assert _format(tenant) == 1
    assert run(tenant, "apply", "--yes").code == 0
    assert _format(tenant) == FORMAT
    assert run(tenant, "plan", "--detailed-exitcode").code == 0


def test_an_old_saved_plan_is_applied_or_refused_in_plain_words(tenant: Tenant) -> None:
    assert other_format((OLD / "saved.plan").read_text("utf-8")) == 1
    edit(tenant)
    shutil.copy(OLD / "saved.plan", tenant.project)
    applied = run(tenant, "apply", "saved.plan", "--yes")
    assert applied.code == 11, applied.out + applied.err
    assert "was saved by an older peakctl: its format is 1" in applied.err


def _format(tenant: Tenant) -> object:
    (digest,) = tenant.rows(NEWEST, ledger_name(OWNER))[0]
    ((data,),) = tenant.rows("SELECT data FROM blobs WHERE digest = ?", digest)
    return json.loads(text_of(bytes(data)))["format_version"]
