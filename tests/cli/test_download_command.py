"""`download`: archives to files; nothing is overwritten, and what is no archive is not kept."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from peakctl import Key, Project, UsageError, download
from peakctl.emulator.calls import Answer
from peakctl.emulator.faults import read_faults
from peakctl.operations.download import safe_name

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true}
"""
MANIFESTS = """\
apiVersion: peakctl/v1
kind: Artifact
metadata: {name: prices}
spec: {artifact: {path: ../files}}
---
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, title: Block, summary: A block}
spec:
  kind: workflow
  config: {steps: {a: {image: {dockerfile: Dockerfile, context: .}, command: "true"}}}
  artifact: {path: ../files}
---
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: bare, title: Bare, summary: A block}
spec:
  kind: workflow
  config: {steps: {a: {type: http, method: get, url: "https://example.com"}}}
"""


@pytest.fixture
def emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any
) -> Any:
    """An artifact with two versions, and two block specs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "files").mkdir()
    (tmp_path / "files/Dockerfile").write_text("FROM one\n")
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "m/all.yaml").write_text(MANIFESTS)
    made = make_emulator()
    assert peakctl("apply", "--yes", emulator=made).code == 0
    (tmp_path / "files/Dockerfile").write_text("FROM two\n")
    assert peakctl("apply", "--yes", emulator=made).code == 0
    return made


def dockerfile(path: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("Dockerfile").decode()


def test_the_newest_version_is_saved_under_its_own_name(emulator: Any, peakctl: Any) -> None:
    ran = peakctl("download", "artifact/prices", emulator=emulator)
    assert ran.code == 0
    assert 'Saved Artifact/prices@2 as "prices-2.zip"' in ran.out
    assert "Artifact/prices@2" in ran.err  # how to have the same one later
    assert dockerfile("prices-2.zip") == "FROM two\n"
    assert Path("prices-2.zip").stat().st_mode & 0o077 == 0
    assert list(Path().glob(".peakctl-*")) == []


def test_an_older_version_and_a_release_are_saved_where_it_is_said(
    emulator: Any, peakctl: Any
) -> None:
    asked = ("download", "Artifact/prices@1", "--to", "old.zip", "-o", "json")
    ran = peakctl(*asked, emulator=emulator)
    told = json.loads(ran.out)["download"]
    assert told == {
        "key": "Artifact/prices",
        "kind": "Artifact",
        "name": "prices",
        "version": "1",
        "file": "old.zip",
        "bytes": Path("old.zip").stat().st_size,
    }
    assert dockerfile("old.zip") == "FROM one\n"
    Path("into").mkdir()
    release = peakctl("download", "BlockSpec/block@1.0.0", "--to", "into", emulator=emulator)
    assert release.code == 0
    assert dockerfile("into/block-1.0.0.zip") == "FROM one\n"
    asked = ("download", "BlockSpec/block", "--to", "into", "-o", "yaml")
    assert yaml.safe_load(peakctl(*asked, emulator=emulator).out)[0]["version"] == "1.0.1"


def test_a_file_that_is_there_stays(emulator: Any, peakctl: Any) -> None:
    Path("prices-2.zip").write_text("mine")
    ran = peakctl("download", "Artifact/prices", emulator=emulator)
    assert ran.code == 64
    assert "files/exists" in ran.err
    assert Path("prices-2.zip").read_text() == "mine"
    assert peakctl("download", "Artifact/prices", "--force", emulator=emulator).code == 0
    assert dockerfile("prices-2.zip") == "FROM two\n"


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("link.zip", "it is no plain file"),
        ("none/a.zip", 'there is no folder "none"'),
        ("folders", "it is a folder"),
    ],
)
def test_what_is_no_place_for_a_file_is_refused(
    to: str, words: str, emulator: Any, peakctl: Any
) -> None:
    Path("elsewhere").write_text("mine")
    Path("link.zip").symlink_to("elsewhere")
    Path("folders/prices-2.zip").mkdir(parents=True)
    ran = peakctl("download", "Artifact/prices", "--to", to, "--force", emulator=emulator)
    assert ran.code == 64
    assert words in ran.err
    assert Path("elsewhere").read_text() == "mine"


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("Artifact/prises", 1, "did you mean: prices"),
        ("Artifact/prices@7", 1, "versions: 2, 1"),
        ("BlockSpec/bare", 1, "version 1.0.0 holds no archive"),
        ("Image/prices", 64, "does not give archives of this kind back"),
        ("Workflow/prices", 64, "archives can be downloaded of Artifact and BlockSpec"),
        ("prices", 64, "expected Kind/name"),
        ("Artefact/prices", 64, "did you mean: Artifact"),
    ],
)
def test_what_cannot_be_downloaded_is_told(
    what: str, code: int, words: str, emulator: Any, peakctl: Any
) -> None:
    ran = peakctl("download", what, emulator=emulator)
    assert ran.code == code
    assert words in ran.err
    assert list(Path().glob("*.zip")) == []


def test_an_answer_that_is_no_archive_is_not_kept(
    emulator: Any, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peakctl.emulator.artifacts._download", lambda *_: Answer(b"no zip"))
    ran = peakctl("download", "Artifact/prices", emulator=emulator)
    assert ran.code == 1
    assert "download/no-archive" in ran.err
    assert list(Path().glob("*.zip")) == list(Path().glob(".peakctl-*")) == []


@pytest.mark.parametrize("action", ["status", "drop", "truncate"])
def test_a_download_that_breaks_begins_again(action: str, emulator: Any, peakctl: Any) -> None:
    emulator.faults += read_faults(
        [{"method": "GET", "path": ".*/download", "action": action, "times": 1}]
    )
    assert peakctl("download", "Artifact/prices", emulator=emulator).code == 0
    assert dockerfile("prices-2.zip") == "FROM two\n"


@pytest.mark.parametrize(
    ("name", "version", "file"),
    [
        ("price model", "1.2.0", "price_model-1.2.0.zip"),
        ("../../etc/passwd", "1", "_.._etc_passwd-1.zip"),
        ("con", "1", "con-1.zip"),
        ("con.txt", "1", "_con.txt-1.zip"),
        ("-rf", "1", "rf-1.zip"),
        ("жюри", "", "_-.zip"),
        ("a" * 500, "1", f"{'a' * 100}-1.zip"),
    ],
)
def test_names_of_files_are_safe_everywhere(name: str, version: str, file: str) -> None:
    assert safe_name(name, version) == file


def test_it_is_had_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    with pytest.raises(UsageError, match="no kind"):
        download(Project.open(tmp_path), Key("Nothing", "a"))
