"""A project that declares nothing is a mistake more often than a wish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ARTIFACT = """\
apiVersion: peakctl/v1
kind: Artifact
metadata: {name: files}
spec: {artifact: {path: ../src}}
"""
NOTHING = {
    "comments": "# all of it is\n# commented out\n",
    "a template": "{% if sites is defined %}" + ARTIFACT + "{% endif %}",
    "separators": "---\n---\n",
}
PROJECT = "project: shop\nmanifests: [{0}]\nenvironments: {{local: {{emulator: true}}}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "peakctl.yaml").write_text(PROJECT.format("manifests"))
    (tmp_path / "manifests").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.txt").write_text("a")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No command of a test may as much as connect."""

    def fail(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("peakctl.operations.platform.connect", fail)


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
@pytest.mark.parametrize("command", ["plan", "apply -y", "destroy -y"])
def test_nothing_is_not_a_wish(
    project: Path, peakctl: Any, unreachable: None, command: str, text: str
) -> None:
    (project / "manifests/a.yaml").write_text(text)
    done = peakctl(*command.split())
    assert done.code == 12
    assert "nothing is declared" in done.err
    assert "guard/empty" in done.err
    assert done.out == ""


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
def test_nothing_is_valid_with_a_warning(project: Path, peakctl: Any, text: str) -> None:
    (project / "manifests/a.yaml").write_text(text)
    done = peakctl("validate", "-o", "json")
    assert done.code == 0
    assert "guard/empty" in json.dumps(json.loads(done.out))


@pytest.mark.parametrize("text", ["", "\n  \n", "\ufeff"])
@pytest.mark.parametrize("command", ["validate", "plan", "apply -y --prune", "destroy -y"])
def test_a_file_without_text_is_an_error(
    project: Path, peakctl: Any, unreachable: None, command: str, text: str
) -> None:
    """A write that was cut short leaves such a file: it must not read as a removed manifest."""
    (project / "manifests/a.yaml").write_text(ARTIFACT)
    (project / "manifests/b.yaml").write_text(text, encoding="utf-8")
    done = peakctl(*command.split())
    assert done.code == 10
    assert "error[source/empty]: " in done.err
    assert "  in manifests/b.yaml:1:1\n" in done.err


@pytest.mark.parametrize("command", ["validate", "plan", "apply -y", "destroy -y"])
@pytest.mark.parametrize(
    ("patterns", "places"),
    [
        ("manifests", ["2:13"]),
        ("src, more/*.yaml", ["2:13", "2:18"]),
        ("full, manifests", ["2:19"]),
        ("full, nope.yaml", ["2:19"]),
    ],
)
def test_a_pattern_of_peakctl_yaml_without_manifests_is_told_at_its_line(
    project: Path, peakctl: Any, unreachable: None, command: str, patterns: str, places: list[str]
) -> None:
    (project / "full").mkdir()
    (project / "full/a.yaml").write_text(ARTIFACT)
    (project / "peakctl.yaml").write_text(PROJECT.format(patterns))
    done = peakctl(*command.split())
    assert done.code == 10
    for place in places:
        assert f"  in peakctl.yaml:{place}\n" in done.err


def test_a_default_folder_without_manifests_is_told_at_the_top(project: Path, peakctl: Any) -> None:
    (project / "peakctl.yaml").write_text("# ours\nproject: shop\n")
    done = peakctl("validate")
    assert (done.code, "  in peakctl.yaml:2:1\n" in done.err) == (10, True)


def test_a_typed_pattern_without_manifests_is_a_selector(project: Path, peakctl: Any) -> None:
    done = peakctl("validate", "-f", "manifests")
    assert done.code == 3
    assert "source/no-match" in done.err


def test_stdin_without_a_word_is_not_a_wish_either(
    project: Path, peakctl: Any, unreachable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peakctl.cli.session._read_stdin", lambda: "")
    assert peakctl("destroy", "-y", "-f", "-").code == 12


def test_one_file_that_renders_to_nothing_is_no_matter(project: Path, peakctl: Any) -> None:
    (project / "manifests/a.yaml").write_text(NOTHING["comments"])
    (project / "manifests/b.yaml").write_text(ARTIFACT)
    done = peakctl("validate")
    assert (done.code, done.out) == (0, "Valid: 1 resource in 1 file.\n")
