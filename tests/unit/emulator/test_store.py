"""State in a file: kept, shared, refused."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakctl.emulator.store import Store
from peakctl.errors import PeakctlError

ARTIFACTS = "/service/artifacts/api/v1/artifacts/"


def test_state_survives_a_restart(tmp_path: Path, make_peak: Callable[..., Any]) -> None:
    first = make_peak(tmp_path / "peak.db")
    made = first.ready_image("kept")
    first.service(made)
    first.emulator.close()
    second = make_peak(tmp_path / "peak.db")
    second.wait(100)
    services = second.get("/service/webapps/api/v1/webapps/", featureType="services")["services"]
    assert [(s["name"], s["status"]) for s in services] == [("service", "AVAILABLE")]


def test_two_processes_share_a_file(tmp_path: Path, make_peak: Callable[..., Any]) -> None:
    first, second = make_peak(tmp_path / "peak.db"), make_peak(tmp_path / "peak.db")
    for peak in (first, second, first):
        peak.ok("POST", ARTIFACTS, files=peak.parts(peak.zip(), name="a"))
    assert second.get(ARTIFACTS)["artifactCount"] == 3


KILLED = """
import asyncio, os, signal, sys, httpx
from peakctl.emulator import Emulator, emulator_transport

async def main():
    emulator = Emulator(sys.argv[1])
    body = {"name": "w", "steps": {"a": {"type": "sql", "sqlQueryPath": "q"}}}
    async with httpx.AsyncClient(
        transport=emulator_transport(emulator),
        base_url="http://peak",
        headers={"Authorization": "t"},
    ) as client:
        for _ in range(20):
            answer = await client.post("/service/workflows/api/v1/workflows/", json=body)
            assert answer.status_code == 201
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_acknowledged_writes_survive_a_kill(tmp_path: Path, make_peak: Callable[..., Any]) -> None:
    data = tmp_path / "peak.db"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(data)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.returncode == -signal.SIGKILL
    assert make_peak(data).get("/service/workflows/api/v1/workflows/")["workflowsCount"] == 20


def test_a_damaged_file_is_refused_and_left_alone(
    tmp_path: Path, make_peak: Callable[..., Any]
) -> None:
    data = tmp_path / "peak.db"
    data.write_bytes(b"SQLite format 3\x00" + b"rubbish" * 500)
    before = data.read_bytes()
    with pytest.raises(PeakctlError, match=r"cannot use .*peak\.db"):
        make_peak(data)
    assert data.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["peak.db"]


def test_a_database_of_somebody_else_is_refused_and_left_alone(
    tmp_path: Path, make_peak: Callable[..., Any]
) -> None:
    data = tmp_path / "other.db"
    with sqlite3.connect(data) as other:
        other.execute("CREATE TABLE mine (a)")
    other.close()
    before = data.read_bytes()
    with pytest.raises(PeakctlError, match="not made by this version"):
        make_peak(data)
    assert data.read_bytes() == before


def test_a_file_of_text_is_refused(tmp_path: Path, make_peak: Callable[..., Any]) -> None:
    data = tmp_path / "notes.txt"
    data.write_text("buy milk")
    with pytest.raises(PeakctlError):
        make_peak(data)
    assert data.read_text() == "buy milk"


def test_a_folder_that_is_not_there_is_refused(
    tmp_path: Path, make_peak: Callable[..., Any]
) -> None:
    with pytest.raises(PeakctlError):
        make_peak(tmp_path / "missing" / "peak.db")


def test_an_empty_file_is_taken(tmp_path: Path, make_peak: Callable[..., Any]) -> None:
    (tmp_path / "peak.db").touch()
    assert make_peak(tmp_path / "peak.db").get(ARTIFACTS)["artifactCount"] == 0


def test_a_refused_request_leaves_nothing_behind(peak: Any) -> None:
    files = peak.parts(name="i", type="workflow", buildDetails={"source": "github"})
    peak.refused(422, "POST", "/service/image-management/api/v2/images/", files=files)
    assert peak.get("/service/image-management/api/v2/images/")["imageCount"] == 0


def test_reset_forgets_everything(peak: Any) -> None:
    peak.image()
    peak.emulator.reset()
    assert peak.get("/service/image-management/api/v2/images/")["imageCount"] == 0
    assert len(peak.emulator.requests) == 1


def test_tenants_see_their_own_things_and_public_specs(peak: Any) -> None:
    peak.block("private")
    peak.block("public", scope="public")
    peak.token = "tenant:other:secret"
    assert [s["metadata"]["name"] for s in peak.get("/press/v1/specs/")["specs"]] == ["public"]
    spec = peak.get("/press/v1/specs/")["specs"][0]["id"]
    assert peak.get(f"/press/v1/blocks/specs/{spec}")["latestRelease"]["version"] == "1.0.0"
    peak.refused(404, "DELETE", f"/press/v1/blocks/specs/{spec}")
    made = peak.deploy(spec, "mine")
    peak.wait()
    deployed = peak.get(f"/press/v1/blocks/deployments/{made}")
    assert deployed["metadata"]["status"] == "deployed"
    assert peak.get("/press/v1/deployments/")["deploymentCount"] == 1
    peak.token = "tenant:other:another secret"
    assert peak.get("/press/v1/deployments/")["deploymentCount"] == 1
    peak.token = "Bearer anything"
    assert peak.get("/press/v1/deployments/")["deploymentCount"] == 0


def test_counts_hold_through_writes_of_others_and_rollbacks(
    tmp_path: Path, make_peak: Callable[..., Any]
) -> None:
    one, other = make_peak(tmp_path / "peak.db"), make_peak(tmp_path / "peak.db")
    for number in range(1, 4):
        assert one.get(ARTIFACTS)["artifactCount"] == number - 1
        other.ok("POST", ARTIFACTS, files=one.parts(one.zip(), name="a"))
        assert one.get(ARTIFACTS)["artifactCount"] == number
    store = one.emulator.store

    def write_and_fail() -> None:
        with store.transaction("default", 0, write=True) as tx:
            tx.add("artifact", {})
            assert tx.count(("artifact",)) == 4
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert one.get(ARTIFACTS)["artifactCount"] == 3


def test_pages_join_without_a_gap(peak: Any) -> None:
    for number in range(7):
        peak.ok("POST", ARTIFACTS, files=peak.parts(peak.zip(), name=f"a{number}"))
    pages = [peak.get(ARTIFACTS, pageSize=3, pageNumber=n)["artifacts"] for n in (1, 2, 3)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [each["name"] for page in pages for each in page] == [f"a{n}" for n in range(7)]


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_the_file_and_its_side_files_are_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        for place in (tmp_path / "new.sqlite", tmp_path / "old.sqlite"):
            if place.name == "old.sqlite":
                Store(place).close()
                place.chmod(0o644)
            store = Store(place)
            store.keep_requests(["{}"], 1)
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
            store.close()
            assert set(modes.values()) == {0o600}
            assert f"{place.name}-wal" in modes
    finally:
        os.umask(before)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PeakctlError, match="No such file"):
        Store(tmp_path / "absent" / "state.sqlite")


def test_a_full_disk_is_told_and_undoes_the_request(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.sqlite")
    store.keep_requests(["kept"], 10)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(PeakctlError, match="database or disk is full"):
        store.keep_requests(["x" * 100_000], 10)
    assert store.requests() == ["kept"]
    store.close()
