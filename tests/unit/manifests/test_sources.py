"""Which files are manifests."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from peakctl import files as text_files
from peakctl.manifests.sources import find_sources
from peakctl.model import Location


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


def test_a_submodule_that_is_not_checked_out_is_told(root: Path) -> None:
    (root / ".gitmodules").write_text('[submodule "s"]\n\tpath = m/team s\n\turl = ../s\n')
    (root / "m/team s").mkdir()
    files, problems = find_sources(["m"], root, exclude=[root / "m/params.yaml"])
    assert [p.code for p in problems] == ["source/submodule"]
    assert problems[0].locations == (Location("m/team s", 1, 1),)
    (root / "m/team s/.git").write_text("gitdir: ../../.git/modules/s")
    assert found(root, "m") == (["m/a.yml", "m/b.yaml", "m/d/c.yaml"], [])
    assert len(files) == 3


def test_empty_folders_that_are_no_submodules_are_passed_over(root: Path) -> None:
    (root / "m/empty").mkdir()
    (root / "m/void").mkdir()
    assert found(root, "m") == (["m/a.yml", "m/b.yaml", "m/d/c.yaml"], [])


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
    [
        (b"a: 1\nb: \xff", "not-utf-8", ["m/b.yaml:2:4"]),
        (b"\xff\xfea\0", "not-utf-8", ["m/b.yaml:1:1"]),
        (b"", "empty", ["m/b.yaml:1:1"]),
        (b"\xef\xbb\xbf\n", "empty", ["m/b.yaml:1:1"]),
        (b"x" * 11, "too-large", ["m/b.yaml:1:1"]),
    ],
)
def test_a_file_that_is_no_text_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, code: str, place: list[str]
) -> None:
    monkeypatch.setattr(text_files, "MAX_BYTES", 10)
    (root / "m/b.yaml").write_bytes(content)
    _, (problem,) = find_sources(["m/b.yaml"], root)
    assert problem.code == f"source/{code}"
    assert list(map(str, problem.locations)) == place


def test_a_file_that_cannot_be_opened_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", fail)
    assert found(root, "b.txt") == ([], ["source/unreadable"])


def test_a_byte_order_mark_is_no_text(root: Path) -> None:
    (root / "b.txt").write_bytes(b"\xef\xbb\xbfa: 1")
    assert find_sources(["b.txt"], root)[0][0].text == "a: 1"
    joined = "\ufeffa: 1\n---\n\ufeffb: 2\n"
    (root / "b.txt").write_text(joined, encoding="utf-8")
    assert find_sources(["b.txt"], root)[0][0].text == "a: 1\n---\nb: 2\n"


def test_a_link_and_its_target_are_one_manifest(root: Path) -> None:
    (root / "m/z.yaml").symlink_to("a.yml")
    assert found(root, "m")[0] == ["m/a.yml", "m/b.yaml", "m/d/c.yaml"]


def problems_of(root: Path, *patterns: str) -> list[tuple[str, str]]:
    _, problems = find_sources(patterns, root)
    return [(p.code.removeprefix("source/"), ", ".join(map(str, p.locations))) for p in problems]


def test_a_link_that_leads_nowhere_is_told(root: Path) -> None:
    (root / "m/x.yaml").symlink_to("../gone/x.yaml")
    (root / "m/sub").symlink_to("../gone")
    assert problems_of(root, "m") == [
        ("unreadable", "m/sub:1:1"),
        ("unreadable", "m/x.yaml:1:1"),
    ]
    assert problems_of(root, "m/**/*.yaml") == problems_of(root, "m")
    assert problems_of(root, "m/x.yaml") == [("unreadable", "m/x.yaml:1:1")]
    _, (problem,) = find_sources(["m/x.yaml"], root)
    assert '"../gone/x.yaml", which does not exist' in problem.summary


def test_links_in_a_circle_are_told_and_links_to_an_upper_folder_are_read_once(root: Path) -> None:
    (root / "m/q.yaml").symlink_to("r.yaml")
    (root / "m/r.yaml").symlink_to("q.yaml")
    assert problems_of(root, "m") == [
        ("unreadable", "m/q.yaml:1:1"),
        ("unreadable", "m/r.yaml:1:1"),
    ]
    for name in "qr":
        (root / f"m/{name}.yaml").unlink()
        (root / f"m/{name}").symlink_to(".")
    files = ["m/a.yml", "m/b.yaml", "m/params.yaml", "m/d/c.yaml"]
    assert found(root, "m", exclude=()) == (files, [])
    assert found(root, "m/**/*.y*ml", exclude=()) == (files, [])


def test_a_pipe_and_a_socket_are_no_manifests_and_nothing_waits_for_them(root: Path) -> None:
    os.mkfifo(root / "m/x.yaml")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(root / "m")  # the path of a socket is short
        listening.bind("y.yaml")
        os.chdir(here)
        assert problems_of(root, "m") == [
            ("unreadable", "m/x.yaml:1:1"),
            ("unreadable", "m/y.yaml:1:1"),
        ]
    assert problems_of(root, "/dev/null") == [("unreadable", "/dev/null:1:1")]


def test_what_a_shell_hands_over_is_read(root: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a: 1\n")
    os.close(writer)
    (source,), problems = find_sources([f"/dev/fd/{reader}"], root)
    os.close(reader)
    assert (source.text, problems) == ("a: 1\n", ())


def test_a_link_out_of_the_project_is_told_and_a_typed_path_is_not(root: Path) -> None:
    inner = root / "m/d"
    (inner / "x.yaml").symlink_to("../b.yaml")
    (inner / "more").symlink_to("..")
    assert problems_of(inner, ".") == [
        ("outside-project", "more:1:1"),
        ("outside-project", "x.yaml:1:1"),
    ]
    assert problems_of(inner, "x.yaml") == [("outside-project", "x.yaml:1:1")]
    assert problems_of(inner, str(root / "m/b.yaml"), "../a.yml", "../*.yaml") == []


@pytest.mark.parametrize("name", ["x.YAML", "x.Yml"])
def test_the_case_of_an_ending_does_not_matter(root: Path, name: str) -> None:
    (root / "m" / name).write_text("a: 1")
    assert f"m/{name}" in found(root, "m")[0]
    assert f"m/{name}" in found(root, "m/*")[0]


MANIFEST = "apiVersion: peakctl/v1\nkind: Image\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.yaml.j2", "{{ all }}"),
        ("x.yml.jinja", MANIFEST),
        ("x.yaml.tmpl", ""),
        ("x.yaml.txt", MANIFEST),
        ("x.yamll", f"# ours\n---\n\n{MANIFEST}"),
        ("x", f"\ufeff{MANIFEST}"),
        ("x.json", '{\n  "apiVersion": "peakctl/v1"}'),
        ("x.json", '{"kind": "Image", "apiVersion": "peakctl/v1"}'),
        ("x.txt", "kind: Image\nmetadata:\n  name: a\nspec:\n- b\napiVersion: peakctl/v1\n"),
        ("x.txt", f"{{% set a = 1 %}}\n{{# ours #}}\n{MANIFEST}"),
    ],
)
def test_what_looks_like_a_manifest_and_is_not_read_is_told(
    root: Path, name: str, text: str
) -> None:
    (root / "m" / name).write_text(text, encoding="utf-8")
    assert problems_of(root, "m") == [("not-read", f"m/{name}:1:1")]
    assert problems_of(root, "m/*") == [("not-read", f"m/{name}:1:1")]
    assert problems_of(root, "m/*.yaml") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.yaml~", MANIFEST),
        ("#x.yaml#", MANIFEST),
        ("x.yaml.orig", MANIFEST),
        ("x.yaml.disabled", MANIFEST),
        ("x.md", f"# How to\n```\n{MANIFEST}```\n"),
        ("x.json", '{"apiVersion": "v1"}'),
        ("x.sh", f"cat <<END\n{MANIFEST}END\n"),
    ],
)
def test_copies_and_other_files_are_left_alone(root: Path, name: str, text: str) -> None:
    (root / "m" / name).write_text(text)
    assert problems_of(root, "m") == []


@pytest.mark.parametrize("pattern", ["m", "m/*", "m/**"])
def test_what_stands_where_a_folder_or_a_file_was_and_cannot_be_read_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    os.mkfifo(root / "m/pipe")
    (root / "m/closed").write_text(MANIFEST)
    open_ = os.open

    def refuse(path: Path, flags: int, *more: int) -> int:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return open_(path, flags, *more)

    monkeypatch.setattr(os, "open", refuse)
    assert sorted(problems_of(root, pattern)) == [
        ("unreadable", "m/closed:1:1"),
        ("unreadable", "m/pipe:1:1"),
    ]
    assert problems_of(root, "m/*.yaml") == []


def test_what_vanishes_or_closes_while_it_is_read_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = os.listdir

    def listdir(folder: Path) -> list[str]:
        if folder.name == "d":
            raise PermissionError(13, "Permission denied")
        return [*names(folder), "vanished.yaml"]

    monkeypatch.setattr(os, "listdir", listdir)
    assert problems_of(root, "m") == [
        ("unreadable", "m/vanished.yaml:1:1"),
        ("unreadable", "m/d:1:1"),
    ]
    assert ("unreadable", "m/d:1:1") in problems_of(root, "m/*/*.yaml")


def test_a_path_that_cannot_be_looked_at_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "lstat", fail)
    assert problems_of(root, "m/b.yaml") == [("unreadable", "m/b.yaml:1:1")]


def test_a_pattern_has_the_place_where_it_was_written(root: Path) -> None:
    place = Location("peakctl.yaml", 3, 5)
    _, (problem,) = find_sources(["m/*.json"], root, places={"m/*.json": place})
    assert problem.locations == (place,)


def test_hidden_files_are_read_when_a_pattern_says_so(root: Path) -> None:
    assert found(root, "m/.*")[0] == ["m/.hidden/x.yaml", "m/.y.yaml"]
    assert found(root, str(root / "m/d/*.yaml"))[0] == ["m/d/c.yaml"]
    assert found(root, "m/**")[0] == found(root, "m")[0]
