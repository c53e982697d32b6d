#!/usr/bin/env python3
"""Write tests/data/formats/COMMIT: data of this version, which later ones have to read.

usage: scripts/write_formats.py COMMIT

`state.snapshot` is an emulator that the project tests/data/formats/project was applied to,
`saved.plan` the plan of an edit, `ledger.json` the ledger while that edit was being applied,
`history.json` the history once it was applied again.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from chaos.blows import BLOWS  # noqa: E402 - the path comes first
from chaos.tenant import Tenant  # noqa: E402

from peakctl.adapters.ledger_store import HISTORIES, text_of  # noqa: E402
from peakctl.emulator.store import save_snapshot  # noqa: E402

FORMATS = ROOT / "tests/data/formats"
VALUES = {
    "build": "build-arg",
    "hook": "hook-word",
    "repository": "repo-token",
    "hidden": "hidden-word",
}
GIVEN = [word for name, value in VALUES.items() for word in ("-p", f"{name}={value}")]
NEWEST = (
    "SELECT b.data FROM items v JOIN items a ON v.parent = a.id"
    " JOIN blobs b ON b.digest = json_extract(v.body, '$.digest')"
    " WHERE v.kind = 'artifact-version' AND a.kind = 'artifact' AND a.name = ?"
    " ORDER BY json_extract(v.body, '$.version') DESC LIMIT 1"
)


def edit(project: Path) -> None:
    """The edits that the saved plan is of."""
    path = project / "manifests/all.yaml"
    text = path.read_text("utf-8").replace("title: API", "title: New API")
    path.write_text(text.replace("mode: b", "mode: c"), "utf-8")


def newest_ledger(tenant: Tenant) -> bytes:
    """The text of the newest version of the project's ledger."""
    ((data,),) = tenant.rows(NEWEST, "peakctl-ledger-formats-local")
    return text_of(bytes(data))


def newest_history(tenant: Tenant) -> bytes:
    """The text of the newest version of the project's history."""
    ((data,),) = tenant.rows(NEWEST, "peakctl-history-formats-local")
    return text_of(bytes(data), HISTORIES.member)


def write(folder: Path, project: Path) -> None:
    """Run the commands whose data is kept."""
    tenant = Tenant(project)
    for words in (("apply", "--yes"), ("plan", "--detailed-exitcode")):
        done = tenant.run(*words, *GIVEN)
        assert done.code == 0, done.out + done.err
    (folder / "state.snapshot").write_bytes(save_snapshot(tenant.emulator.store))
    edit(project)
    assert tenant.run("plan", "--out", "saved.plan", *GIVEN).code == 0
    shutil.copy(project / "saved.plan", folder)
    killed = next(blow for blow in BLOWS if blow.name == "killed before the effect")
    tenant.strike(killed, method="PATCH")
    assert tenant.run("apply", "--yes", *GIVEN).code == 137
    (folder / "ledger.json").write_bytes(newest_ledger(tenant))
    tenant.calm()
    assert tenant.run("apply", "--yes", *GIVEN).code == 0
    (folder / "history.json").write_bytes(newest_history(tenant))
    tenant.close()


def main(commit: str) -> None:
    folder = FORMATS / commit
    folder.mkdir()
    with TemporaryDirectory() as place:
        project = Path(place) / "project"
        shutil.copytree(FORMATS / "project", project)
        write(folder, project)


if __name__ == "__main__":
    main(sys.argv[1])
