"""Which files are manifests."""

from __future__ import annotations

from pathlib import Path

import pytest

from peakctl.manifests import sources
from peakctl.manifests.sources import find_sources


@pytest.fixture
def root(tmp_path: Path) -> Path:
    names = ("m/b.yaml", "m/a.yml", "m/d/c.yaml", "m/.hidden/x.yaml", "m/.y.yaml", "m/README.md")
    for name in (*names, "peakctl.yaml", "m/peakctl.yaml", "m/params.yaml", "empty/x.txt", "b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def found(root: Path, *patterns: str, **named: object) -> tuple[list[str], list[str]]:
    named = {"exclude": [root / "m/params.yaml"], **named}
    files, problems = find_sources(patterns, root, **named)  # type: ignore[arg-type]
    return [source.display for source in files], [p.code for p in problems]


@pytest.mark.parametrize(
    ("patterns", "files"),
    [
        (["m"], ["m/a.yml", "m/b.yaml", "m/d/c.yaml"]),
        (["."], ["m/a.yml", "m/b.yaml", "m/d/c.yaml"]),
        (["m/*.yaml"], ["m/b.yaml"]),
        (["m/*"], ["m/a.yml", "m/b.yaml", "m/d/c.yaml"]),
        (["**/c.*"], ["m/d/c.yaml"]),
        (["m/d/c.yaml", "m"], ["m/d/c.yaml", "m/a.yml", "m/b.yaml"]),
        (["b.txt"], ["b.txt"]),
        (["m/.y.yaml"], ["m/.y.yaml"]),
    ],
)
def test_patterns_name_manifests(root: Path, patterns: list[str], files: list[str]) -> None:
    assert found(root, *patterns) == (files, [])


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("m/nope.yaml", "not-found"),
        ("nope/nope.yaml", "not-found"),
        ("m/*.json", "no-match"),
        ("empty", "no-match"),
        ("peakctl.yaml", "not-a-manifest"),
        ("m/params.yaml", "not-a-manifest"),
    ],
)
def test_a_pattern_without_manifests_is_told(root: Path, pattern: str, code: str) -> None:
    assert found(root, pattern) == ([], [f"source/{code}"])


def test_a_missing_file_brings_the_nearest_name(root: Path) -> None:
    _, (problem,) = find_sources(["m/d/cc.yaml"], root)
    assert problem.fix == "did you mean: c.yaml"


def test_stdin_is_a_source(root: Path) -> None:
    files, _ = find_sources(["-", "-"], root, stdin="a: 1")
    assert [(s.display, s.text) for s in files] == [("<stdin>", "a: 1")]
    assert find_sources(["-"], root)[0][0].text == ""


def test_files_outside_of_the_root_are_shown_as_they_are(root: Path) -> None:
    (root / "inner").mkdir()
    assert found(root / "inner", "../b.txt")[0] == [str(root / "inner/../b.txt")]


def test_relative_patterns_start_at_the_base(root: Path) -> None:
    assert found(root, "b.yaml", base=root / "m") == (["m/b.yaml"], [])


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [(b"a: 1\nb: \xff", "not-utf-8", ["m/b.yaml:2:4"]), (b"x" * 11, "too-large", [])],
)
def test_a_file_that_is_no_text_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, code: str, place: list[str]
) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    (root / "m/b.yaml").write_bytes(content)
    _, (problem,) = find_sources(["m/b.yaml"], root)
    assert problem.code == f"source/{code}"
    assert list(map(str, problem.locations)) == place


def test_a_file_that_cannot_be_opened_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", fail)
    assert found(root, "b.txt") == ([], ["source/unreadable"])


def test_a_byte_order_mark_is_no_text(root: Path) -> None:
    (root / "b.txt").write_bytes(b"\xef\xbb\xbfa: 1")
    assert find_sources(["b.txt"], root)[0][0].text == "a: 1"


def test_a_link_and_its_target_are_one_manifest(root: Path) -> None:
    (root / "m/z.yaml").symlink_to("a.yml")
    assert found(root, "m")[0] == ["m/a.yml", "m/b.yaml", "m/d/c.yaml"]
