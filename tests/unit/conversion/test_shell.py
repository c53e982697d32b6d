"""Scripts are parsed by the rules of quoting, and nothing in them is ever run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.conversion.scripts import is_shell, scripts_in
from peakctl.conversion.shell import CODE, SECRET, VARIABLE, parse_script


def words(text: str) -> list[list[str | None]]:
    return [[word.literal for word in command.words] for command in parse_script(text)[0]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a b c", [["a", "b", "c"]]),
        ("a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]),
        ("a;b && c || d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a \\\n  b # c\nd", [["a", "b"], ["d"]]),
        ("if a; then b; else c; fi", [["a"], ["b"], ["c"]]),
        ("( a; b )\n{ c; }", [["a"], ["b"], ["c"]]),
        ("a > out 2>&1 < in >> b c", [["a", "c"]]),
        ("cat <<EOF > x\npeak no\nEOF\na", [["cat"], ["a"]]),
        ("cat <<-'END'\n\tx\n\tEND\na", [["cat"], ["a"]]),
        ("a <(b c) d", [["a", "d"]]),
        ("a#b", [["a#b"]]),
        ('a "b \\" $5" ', [["a", None]]),
        ("it''s 'a'\"b\"c", [["its", "abc"]]),
    ],
)
def test_words_are_those_of_a_shell(text: str, found: list[list[str | None]]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("text", "sorts"),
    [
        ("$A", [(VARIABLE, "A")]),
        ('"${A}"', [(VARIABLE, "A")]),
        ("${A:-b}", [(CODE, "A:-b")]),
        ("$(a b)", [(CODE, "$(...)")]),
        ("`a`", [(CODE, "`...`")]),
        ("*.yaml", [(CODE, "*")]),
        ("${{ secrets.A }}", [(SECRET, "A")]),
        ("${{ env.A }}", [(VARIABLE, "A")]),
        ("${{ github.sha }}", [(CODE, "github.sha")]),
        ("$1", [(CODE, "$1")]),
    ],
)
def test_parts_tell_what_only_a_shell_knows(text: str, sorts: list[tuple[str, str]]) -> None:
    word = parse_script(f"x {text}")[0][-1].words[1]
    assert [(part.sort, part.text) for part in word.parts if part.text][: len(sorts)] == sorts


def test_the_variable_that_gets_the_output_is_known() -> None:
    found = parse_script("\nID=$(peak images create a.yaml | jq -r .id)\nX=1 Y=$(b)\n")[0]
    assert [(c.line, c.captured, c.words[0].literal) for c in found][:2] == [
        (2, "ID", "peak"), (2, "ID", "jq"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a $(b", "a `b", "a ${b"])
def test_what_is_never_closed_is_told(text: str) -> None:
    assert parse_script(f"x\n{text}")[1] == [2]


@given(st.text(alphabet="ab \n'\"\\$(){}`<>&|;#*=-", max_size=60))
def test_any_text_is_parsed_to_its_end(text: str) -> None:
    commands, _ = parse_script(text)
    assert all(1 <= command.line <= text.count("\n") + 1 for command in commands)


def test_scripts_of_github_have_their_lines_and_folders() -> None:
    text = (
        "on: push\njobs:\n  a:\n    env: {A: b}\n    steps:\n      - uses: x\n"
        "      - run: |\n          one\n          two\n        working-directory: sub\n"
        "      - run: three\n"
    )
    found = scripts_in("ci.yml", text) or []
    assert [(s.text, s.before, s.folder) for s in found if s.text] == [
        ("one\ntwo\n", 7, "sub"), ("three", 10, ""),
    ]  # fmt: skip
    assert found[0].variables == (("A", "b", 4),)


def test_scripts_of_gitlab_are_one_shell() -> None:
    text = (
        "stages: [x]\njob:\n  before_script:\n    - cd sub\n  script:\n    - one\n"
        "    - |\n      two\n      three\n"
    )
    found = [s for s in scripts_in(".gitlab-ci.yml", text) or [] if s.text]
    assert [(s.before, s.text) for s in found] == [(3, "cd sub"), (5, "one\n\ntwo\nthree")]


def test_scripts_of_other_pipelines_are_found_by_their_commands() -> None:
    text = "pipelines:\n  default:\n    - step:\n        script:\n          - peak images list x\n"
    assert [s.text for s in scripts_in("bitbucket.yml", text) or []] == ["peak images list x"]
    assert scripts_in("a.yml", text.replace("peak", "echo")) is None


def test_other_yaml_is_no_ci_file() -> None:
    assert scripts_in("a.yaml", "body: {name: x}\n") is None
    assert scripts_in("a.yaml", "a: [") is None
    assert scripts_in("a.md", "x") is None
    assert is_shell("deploy", "#!/usr/bin/env bash\n")
    assert not is_shell("deploy", "#!/usr/bin/python\n")
