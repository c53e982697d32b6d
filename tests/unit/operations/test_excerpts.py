"""The line that a problem points at: as written, and never one that may hold a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from peakctl.errors import Diagnostic
from peakctl.model import Key, Location
from peakctl.operations.excerpts import excerpts_of
from peakctl.operations.project import Project, ProjectOptions

SECRET = "hunter2"


IMAGE = Key("Image", "a")


def shown(
    root: Path,
    text: str,
    line: int,
    column: int = 1,
    code: str = "manifest/type",
    file: str = "a",
    key: Key | None = IMAGE,
) -> str:
    (root / "a").write_text(text)
    place = Location(file, line, column)
    project = Project(root, ProjectOptions(parameter_files=("values.yaml",)))
    return excerpts_of(project, [Diagnostic(code, "s", key, locations=(place,))]).get(place, "")


def test_a_line_is_shown_as_it_is_written(tmp_path: Path) -> None:
    text = "kind: Workflow\nspec:\n  steps:\n    a: {command: '{{ os_env.X }}', parents: [b]}\n"
    assert shown(tmp_path, text, 4) == "    a: {command: '{{ os_env.X }}', parents: [b]}"
    assert shown(tmp_path, "a: 1\r\nb: 2\r\n", 2) == "b: 2"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("token: hunter2\n", 1),
        ("'token' : hunter2\n", 1),
        ("buildDetails: {source: git, token: hunter2}\n", 1),
        ("spec:\n  token: |\n    hunter2: x\n", 3),
        ("spec:\n  token:\n    - hunter2\n", 3),
        ("spec:\n  secrets:\n  - hunter2\n", 3),
        ("parameters:\n  env:\n    A: hunter2\n", 3),
        ("spec:\n  parameters:\n\n    # why\n    - name: A\n      value: hunter2\n", 5),
        ("watchers:\n- webhook:\n    name: x\n    payload: hunter2\n", 4),
        ("spec: {\ntoken:\n hunter2,\nkey: hunter2 }\n", 4),
        ('spec:\n  token: "a\nkey: hunter2"\n', 3),
        ("text\nhunter2\n", 2),
        ("tokn: hunter2\n", 1),
        ("buildArgument:\n  - name: A\n    x: hunter2\n", 3),
        ("DB_PASSWORD: hunter2\n", 1),
        ("apiKey: hunter2\n", 1),
        ("spec:\n  secrts:\n    A: hunter2\n", 3),
    ],
)
def test_a_line_that_may_hold_a_secret_is_left_out(tmp_path: Path, text: str, line: int) -> None:
    assert SECRET in text
    assert shown(tmp_path, text, line) == ""


def test_what_follows_a_secret_is_shown(tmp_path: Path) -> None:
    text = "spec:\n  token: hunter2\n  type: api\n---\nspec: {\n---\ntype: x\n"
    assert shown(tmp_path, text, 3) == "  type: api"
    assert shown(tmp_path, text, 7) == "type: x"


def test_where_no_resource_can_be_told_no_line_of_a_file_with_secrets_is_shown(
    tmp_path: Path,
) -> None:
    text = "spec:\n  A: hunter2\n  token:\n"
    assert shown(tmp_path, text, 2, code="manifest/syntax", key=None) == ""
    assert shown(tmp_path, text, 2, code="template/undefined", key=None) == "  A: hunter2"
    assert shown(tmp_path, "kind: [\n", 1, code="manifest/syntax", key=None) == "kind: ["


def test_a_secret_that_is_known_is_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("command: run hunter2\n")
    project = Project(tmp_path)
    project.redact.add([SECRET])
    place = Location("a", 1, 1)
    assert excerpts_of(project, [Diagnostic("c", "s", locations=(place,))]) == {}


def test_the_value_of_an_unknown_field_is_left_out(tmp_path: Path) -> None:
    code = "manifest/unknown-field"
    assert shown(tmp_path, "a: {zzz: hunter2}\n", 1, 5, code) == "a: {zzz: …"
    assert shown(tmp_path, "zzz:\n  b: 1\n", 1, 1, code) == "zzz:"


@pytest.mark.parametrize(
    ("file", "line"), [("missing", 1), ("a", 0), ("a", 9), ("a", 2), (".", 1), ("values.yaml", 1)]
)
def test_there_may_be_no_line_to_show(tmp_path: Path, file: str, line: int) -> None:
    (tmp_path / "values.yaml").write_text("name: 1\n")
    text = f"a: {'x' * 5000}\n\n"
    assert shown(tmp_path, text, line, file=file) == ""
    assert shown(tmp_path, text, 1) == ""


def test_a_problem_without_a_place_has_no_line(tmp_path: Path) -> None:
    assert excerpts_of(Project(tmp_path), [Diagnostic("c", "s")]) == {}
