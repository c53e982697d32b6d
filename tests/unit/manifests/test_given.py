"""Parameters that no template uses: slips in `-p` are errors, leftovers in files are warnings."""

from __future__ import annotations

from pathlib import Path

from peakctl.manifests import load_documents, render_sources
from peakctl.manifests.parameters import gather_given
from peakctl.manifests.project import Environment


def told(
    root: Path, files: dict[str, str], *pairs: str, params: str = "", **more: str
) -> list[tuple[str, str, str]]:
    """Code, quoted name or place, and next step of every problem."""
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "params.txt").write_text(params, encoding="utf-8")
    environment = Environment("x", params=("params.txt",), parameters={"inline": 1})
    given = gather_given(None, environment, pairs=pairs, root=root)
    _, problems = load_documents(
        ["*.yaml"], root=root, parameters=given.values, environment=more, given=given
    )
    texts, again = render_sources(
        ["*.yaml"], root=root, parameters=given.values, environment=more, given=given
    )
    assert [p for p in again if p.code.startswith("parameters/")] == [
        p for p in problems if p.code.startswith("parameters/")
    ]
    assert len(texts) <= len(files)
    return [
        (p.code, str(p.locations[0]) if p.locations else p.summary.split('"')[1], p.fix)
        for p in problems
    ]


def test_a_slip_in_a_typed_name_brings_the_nearest(tmp_path: Path) -> None:
    files = {"a.yaml": "a: {{ region | default('eu') }}"}
    assert told(tmp_path, files, "region=us") == []
    assert told(tmp_path, files, "regoin=us") == [
        ("parameters/unknown", "regoin", "did you mean: region")
    ]
    (problem,) = told(tmp_path, files, "my-region=us")
    assert problem[:2] == ("parameters/unknown", "my-region")
    assert told(tmp_path, files, "quite-other=1")[0][2].startswith("take it out")


def test_without_any_template_no_name_is_known(tmp_path: Path) -> None:
    assert told(tmp_path, {"a.yaml": "a: region"}, "region=us")[0][0] == "parameters/unknown"


def test_a_name_in_a_branch_that_is_not_taken_is_used(tmp_path: Path) -> None:
    text = "a: 1\n{% if false %}{{ x }}{% include 'part.txt' %}{% endif %}"
    files = {
        "a.yaml": text,
        "part.txt": "{{ y }}{% import 'more.txt' as m %}",
        "more.txt": "{{ z }}",
    }
    assert told(tmp_path, files, "x=1", "y=1", "z=1") == []


def test_a_typed_name_that_a_file_declares_is_known(tmp_path: Path) -> None:
    assert told(tmp_path, {"a.yaml": "a: {{ b }}"}, "b=2", "inline=2", params="b: 1") == []


def test_a_name_of_a_file_that_nothing_uses_is_a_warning_with_its_place(tmp_path: Path) -> None:
    assert told(tmp_path, {"a.yaml": "a: {{ size }}"}, params="size: 1\nsiez: 2\nother: 3") == [
        ("parameters/unused", "params.txt:2:1", "did you mean: size"),
        ("parameters/unused", "params.txt:3:1", "take it out"),
    ]


def test_nothing_is_told_where_the_names_are_not_known(tmp_path: Path) -> None:
    computed = {"a.yaml": "a: {% if false %}{% include name %}{% endif %}"}
    assert told(tmp_path, computed, "any=1") == []
    assert told(tmp_path, {"a.yaml": "a: {{ x"}, "x=1", params="y: 1") == [
        ("template/syntax", "a.yaml:1:4", "close it with }}"),
        ("parameters/unused", "params.txt:1:1", "take it out"),
    ]
    assert [code for code, *_ in told(tmp_path, {"a.yaml": "a: 1"}, "x=1", params="[")] == []


def test_an_include_that_is_wrong_and_not_taken_is_no_fault(tmp_path: Path) -> None:
    files = {"a.yaml": "a: {% if false %}{% include 'bad.txt' %}{% endif %}", "bad.txt": "{% if"}
    assert told(tmp_path, files, "b=1")[0][0] == "parameters/unknown"
