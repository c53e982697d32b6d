"""Data that older versions wrote (tests/data/formats/COMMIT) is read by this one."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
import write_formats
from chaos.tenant import Run, Tenant
from write_formats import FORMATS, GIVEN, edit, newest_ledger

from peakctl.emulator.store import load_snapshot
from peakctl.engine.plan.approval import other_format
from peakctl.ledger.codec import FORMAT, read_ledger, write_ledger
from peakctl.ledger.remembered import kept_lists
from peakctl.model import Intent, Key, Owner

pytestmark = pytest.mark.usefixtures("full_scrypt")
OLD, NOW = FORMATS / "1ecebe7", FORMATS / "17fbecd"
LISTS = FORMATS / "cbed376"
"""Of format 2 as well; the ledger has lists of the files of images."""
HISTORY = FORMATS / "794d715"
PLANS = FORMATS / "3f40e57"
"""The saved plan is of format 3: it holds what was shown."""
OWNER = Owner("formats", "local")


@pytest.fixture(params=[OLD, NOW, LISTS, PLANS], ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    """What one version wrote."""
    found: Path = request.param
    return found


@pytest.fixture
def tenant(folder: Path, tmp_path: Path) -> Tenant:
    """The platform as that version left it, and the project that it had applied."""
    shutil.copytree(FORMATS / "project", tmp_path / "project")
    tenant = Tenant(tmp_path / "project")
    if (folder / "state.snapshot").exists():
        load_snapshot(tenant.emulator.store, (folder / "state.snapshot").read_bytes())
    else:
        old = sqlite3.connect(folder / "state.sqlite")
        old.backup(tenant._db)
        old.close()
    tenant.calm()
    return tenant


def run(tenant: Tenant, *args: str) -> Run:
    return tenant.run(*args, *GIVEN)


def format_of(tenant: Tenant) -> object:
    return json.loads(newest_ledger(tenant))["format_version"]


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


def test_a_ledger_of_format_2_is_read_and_written_as_it_is() -> None:
    text = (NOW / "ledger.json").read_bytes()
    ledger = read_ledger(text, OWNER)
    owned = ledger.owned
    assert owned[Key("Image", "train")].secret == ("spec/buildDetails/buildArguments/PIP/value",)
    assert {(e.claimed, e.created) for e in owned.values()} == {(False, True)}
    assert ledger.lease is not None
    assert [intent.verb for intent in ledger.intents] == ["edit", "edit"]
    assert {intent.run for intent in ledger.intents} == {ledger.lease.run}
    assert write_ledger(ledger) == text


def test_a_plan_against_an_old_state_is_empty(tenant: Tenant) -> None:
    planned = run(tenant, "plan", "--detailed-exitcode")
    assert planned.code == 0, planned.out + planned.err
    assert "7 unchanged" in planned.out
    assert tenant.run("ledger", "show").code == 0


def test_only_an_apply_rewrites_an_old_ledger(tenant: Tenant) -> None:
    before = newest_ledger(tenant)
    edit(tenant.project)
    assert run(tenant, "plan").code == 0
    assert newest_ledger(tenant) == before
    assert run(tenant, "apply", "--yes").code == 0
    assert format_of(tenant) == FORMAT
    assert run(tenant, "plan", "--detailed-exitcode").code == 0


def test_a_ledger_with_lists_of_files_is_read_and_written_as_it_is() -> None:
    text = (LISTS / "ledger.json").read_bytes()
    ledger = read_ledger(text, OWNER)
    lists = kept_lists(ledger.owned[Key("Image", "train")].digests)
    assert {name.rpartition(":")[2] for name in lists} == {
        "Dockerfile",
        "train.py",
        "spec/artifact",
    }
    assert write_ledger(ledger) == text


def test_files_are_known_once_an_apply_has_written_their_list(tenant: Tenant, folder: Path) -> None:
    (tenant.project / "src/train.py").write_text("MODE = 1\n")
    planned = run(tenant, "plan", "--select", "Image/train").out
    if folder in (LISTS, PLANS):
        assert "~ files: 1 changed\n        ~ train.py\n" in planned
    else:
        assert "which changed is not known" in planned
        edit(tenant.project)
        assert run(tenant, "apply", "--yes").code == 0
    (tenant.project / "src/util.py").write_text("UTIL = 1\n")
    assert "        + util.py\n" in run(tenant, "plan", "--select", "Image/train").out


@pytest.mark.parametrize("folder", [OLD, NOW, LISTS], indirect=True)
def test_a_saved_plan_of_before_is_refused_in_plain_words(tenant: Tenant, folder: Path) -> None:
    number = other_format((folder / "saved.plan").read_text("utf-8"))
    assert number == (1 if folder == OLD else 2)
    edit(tenant.project)
    shutil.copy(folder / "saved.plan", tenant.project)
    applied = run(tenant, "apply", "saved.plan", "--yes")
    assert applied.code == 11, applied.out + applied.err
    assert f"was saved by an older peakctl: its format is {number}" in applied.err


@pytest.mark.parametrize("folder", [PLANS], indirect=True)
def test_a_saved_plan_of_format_3_is_applied(tenant: Tenant, folder: Path) -> None:
    edit(tenant.project)
    shutil.copy(folder / "saved.plan", tenant.project)
    shown = json.loads(tenant.run("show", "saved.plan", "-o", "json").out)
    classes = {f"{each['kind']}/{each['name']}": each["classes"] for each in shown["actions"]}
    assert "edit" in classes["Deployment/run"]  # the file says nothing of classes
    applied = run(tenant, "apply", "saved.plan", "--yes")
    assert applied.code == 0, applied.out + applied.err
    assert run(tenant, "plan", "--detailed-exitcode").code == 0


def test_what_this_version_writes_is_of_the_formats_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FORMATS / "project", tmp_path / "project")
    monkeypatch.setattr(write_formats, "FORMATS", tmp_path)
    write_formats.main("now")
    for name, at in (("ledger.json", NOW), ("saved.plan", PLANS), ("history.json", HISTORY)):
        now, kept = (json.loads((each / name).read_bytes()) for each in (tmp_path / "now", at))
        assert now["format_version"] == kept["format_version"]
        assert now.keys() == kept.keys()
    head = b" sha256:"
    now, kept = ((at / "state.snapshot").read_bytes() for at in (tmp_path / "now", NOW))
    assert now.partition(head)[0] == kept.partition(head)[0]
