"""Bodies as trees: YAML 1.1, templates as written, comments, places."""

from __future__ import annotations

import pytest

from peakctl.conversion.body_text import BodyText, NotABody, read_body
from peakctl.conversion.tree import Map, Piece, Pieces
from peakctl.model import Location

FLOOD = "k0: &k0 [x, x]\n" + "".join(
    f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


def read(text: str, **given: str) -> BodyText:
    return read_body(
        text, "dir/f.yaml", Pieces(), {k.replace("__", "/"): v for k, v in given.items()}
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("Off", False), ("010", 8), ("0x1F", 31), ("1_000", 1000), ("12:30", 750),
        ("1.10", 1.1), ("0o17", "0o17"), ("1e3", "1e3"), ("y", "y"), ("2024-01-02", "2024-01-02"),
        ("'yes'", "yes"), ("!!str 12", "12"), ("!!int '12'", 12), ("=", "="),
        (".inf", float("inf")),
        ("plain text", "plain text"),
    ],
)  # fmt: skip
def test_values_are_read_by_yaml_1_1(text: str, value: object) -> None:
    found = read(f"body: {{v: {text}}}\n").tree["body"]["v"]
    assert found == value
    assert type(found) is type(value)


def test_nothing_is_left_out_as_the_client_does() -> None:
    assert read("body: {a: ~, b: null, c: [~], d: ''}\n").tree["body"] == {"c": [None], "d": ""}


def test_scalars_with_templates_stay_as_they_were_written() -> None:
    body = read(
        "body:\n  a: {{ x }}\n  b: \"{{ y['k'] }} z\"\n  c: |\n    one {{ x }}\n"
        "    {% if y %}\n    two\n    {% endif %}\n  d: plain\n"
    ).tree["body"]
    assert isinstance(body["a"], Piece)
    assert (body["a"].text, body["a"].value) == ("{{ x }}", "{{ x }}")
    assert (body["b"].text, body["b"].value) == ("\"{{ y['k'] }} z\"", "{{ y['k'] }} z")
    assert body["c"].value == "one {{ x }}\n{% if y %}\ntwo\n{% endif %}\n"
    assert body["d"] == "plain"


def test_entries_within_statements_are_kept_as_lines() -> None:
    found = read(
        "body:\n  name: x\n{% if prod %}\n  tags:\n    - name: prod\n{% endif %}\n  steps: {}\n"
    )
    body = found.tree["body"]
    (chunk,) = [key for key in body if isinstance(key, Piece)]
    assert chunk.text == "{% if prod %}\n  tags:\n    - name: prod\n{% endif %}"
    assert chunk.names == ("tags",)
    assert [(part.path, part.value) for part in chunk.parts] == [(("tags", 0, "name"), "prod")]
    assert set(body) - {chunk} == {"name", "steps"}
    assert found.problems == []


def test_a_list_with_statements_is_kept_as_a_whole() -> None:
    tags = read("body:\n  tags:\n  {% for t in ts %}\n  - name: {{ t }}\n  {% endfor %}\n").tree[
        "body"
    ]["tags"]
    assert isinstance(tags, Piece)
    assert tags.is_block


def test_assignments_go_to_the_head() -> None:
    found = read(
        "{% set a = 1 %}\n{% macro m() %}\n- x\n{% endmacro %}\n"
        "body:\n  {% set b = 2 %}\n  name: {{ a }}\n"
    )
    assert found.head.split("\n")[0] == "{% set a = 1 %}"
    assert "{% set b = 2 %}" in found.head
    assert "- x" in found.head


def test_a_statement_that_cuts_an_entry_is_told() -> None:
    found = read("body:\n  a:\n    {% if x %}\n    b: 1\n  c:\n    {% endif %}\n    d: 2\n")
    assert [(d.code, d.locations[0].line) for d in found.problems] == [("convert/template", 3)]


def test_comments_belong_to_the_key_below_or_beside() -> None:
    found = read(
        "# file\nbody:\n  # the name\n  name: x # of it\n  tags: # all\n    - name: a\n  # end\n"
    )
    body = found.tree["body"]
    assert body.notes == {"name": "the name\nof it", "tags": "all"}
    assert found.comments == "file\nend"
    assert body.places["name"] == Location("dir/f.yaml", 4, 3)


def test_a_hash_in_a_text_is_no_comment() -> None:
    body = read("body:\n  a: x#y\n  b: 'p # q'\n  c: |\n    # in\n    text\n  d: 1\n").tree["body"]
    assert body.notes == {}
    assert body["c"] == "# in\ntext\n"


def test_includes_become_the_text_of_given_files() -> None:
    found = read('body:\n  steps:\n    {% include "a.yaml" %}\n', dir__a_yaml="x")
    assert [d.code for d in found.problems] == ["convert/include"]
    given = {"dir/a.yaml": "one:\n  command: {{ c }}\ntwo: {context: q}\n"}
    found = read_body(
        'body:\n  steps:\n    {% include "a.yaml" %}\n  z: 1\n', "dir/f.yaml", Pieces(), given
    )
    body = found.tree["body"]
    assert set(body["steps"]) == {"one", "two"}
    assert body["steps"].places["two"] == Location("dir/a.yaml", 3, 5)
    assert body["z"] == 1
    assert found.includes == ["dir/a.yaml"]


def test_the_context_of_an_included_file_is_told() -> None:
    given = {"img.yaml": "image:\n  context: .\n"}
    found = read_body('body:\n  {% include "img.yaml" %}\n', "f.yaml", Pieces(), given)
    assert [(d.code, str(d.locations[0])) for d in found.problems] == [
        ("convert/context", "img.yaml:2:1")
    ]


def test_files_that_include_each_other_end() -> None:
    given = {"a.yaml": '{% include "a.yaml" %}\n'}
    assert read_body("body:\n  {% include 'a.yaml' %}\n  b: 1\n", "f.yaml", Pieces(), given).tree


def test_merges_aliases_and_double_keys() -> None:
    found = read("x: &x {a: 1, b: 2}\nbody:\n  <<: *x\n  b: 3\n  c: *x\n  c: 4\n")
    assert found.tree["body"] == {"a": 1, "b": 3, "c": 4}
    assert [d.code for d in found.problems] == ["convert/duplicate-key"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [", "convert/not-yaml"),
        ("- a\n", "convert/no-body"),
        ("", "convert/no-body"),
        ("a: 1\n---\nb: 2\n", "convert/no-body"),
        ("[" * 200, "convert/no-body"),
        ("? [a]\n: b\n", "convert/no-body"),
        (FLOOD, "convert/no-body"),
    ],
)  # fmt: skip
def test_what_is_no_mapping_is_refused_with_its_place(text: str, code: str) -> None:
    with pytest.raises(NotABody) as caught:
        read(text)
    (told,) = caught.value.diagnostics
    assert told.code == code
    assert told.locations[0].file == "dir/f.yaml" or not text


def test_a_tree_knows_places_on_the_way() -> None:
    tree = read("body:\n  metadata:\n    name: x\n").tree
    assert tree.place("body", "metadata", "name").line == 3
    assert tree.place("body", "nothing").line == 1
    assert Map().place("x").file == ""
