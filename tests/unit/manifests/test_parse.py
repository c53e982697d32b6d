"""Rendered text to documents: types, places, and every problem of every document."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from peakctl.errors import Diagnostic
from peakctl.manifests import load_documents
from peakctl.manifests import parse as parse_module
from peakctl.manifests.parse import parse, parse_value
from peakctl.manifests.render import Rendered
from peakctl.manifests.secret_tokens import SecretTexts, Tokens
from peakctl.manifests.yaml_reader import NumberRefused, read_plain
from peakctl.model import Document, Location, Source


def rendered(text: str, secrets: SecretTexts | None = None) -> Rendered:
    return Rendered(Source("/home/m/a.yaml", "m/a.yaml", text), text, secrets)


def read(text: str) -> tuple[tuple[Document, ...], tuple[Diagnostic, ...]]:
    return parse(rendered(text))


def values(text: str) -> list[Any]:
    documents, problems = read(text)
    assert problems == ()
    return [document.value for document in documents]


def problems_of(text: str) -> list[tuple[str, ...]]:
    _, problems = read(text)
    return [
        (p.code.removeprefix("manifest/"), *(f"{x.line}:{x.column}" for x in p.locations))
        for p in problems
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, False) for word in ("false", "False", "FALSE")],
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        *[(word, word) for word in ("yes", "no", "on", "off", "y", "tRue", "nULL", "None", "t")],
        ("0", 0), ("-1", -1), ("+12", 12), ("010", 10), ("08", 8), ("0o17", 15), ("0x1F", 31),
        ("1.5", 1.5), ("1.10", 1.1), ("-.5", -0.5), ("1.", 1.0), ("1e3", 1000.0), ("1E-2", 0.01),
        *[(word, word) for word in ("1_000", "0b11", "12:30", "1.0.0", "2024-01-01", "1e", ".", "-",
          "+", "0x", "0o8", "-0x1", "1.2.3", "10GB", ".infinity", "=", "<<", "0 2 * * *", "١")],
    ],
)  # fmt: skip
def test_plain_scalars_have_the_types_of_yaml_1_2(text: str, value: Any) -> None:
    assert repr(read_plain(text)) == repr(value)
    if text not in ("-", "=", "<<"):
        assert repr(values(f"a: {text}\nb: '{text}'")) == repr([{"a": value, "b": text}])


@pytest.mark.parametrize(
    "text", [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e999", "9" * 401, "0x" + "f" * 400]
)
def test_numbers_that_json_lacks_are_refused(text: str) -> None:
    with pytest.raises(NumberRefused):
        read_plain(text)
    assert problems_of(f"a: 1\nb: {text}") == [("number", "2:4")]
    assert values(f"a: '{text}'") == [{"a": text}]


def test_keys_stay_text() -> None:
    assert values("on: 1\n1: 2\n1.10: 3\nnull: 4\n'': 5\ntrue: {~: 6}\n") == [
        {"on": 1, "1": 2, "1.10": 3, "null": 4, "": 5, "true": {"~": 6}}
    ]


def test_lists_and_mappings_nest() -> None:
    assert values("a: [[1, [b]], {c: [{}]}, []]\nd:\n- - e\n  - f: g") == [
        {"a": [[1, ["b"]], {"c": [{}]}, []], "d": [["e", {"f": "g"}]]}
    ]


def test_empty_documents_are_left_out() -> None:
    assert values("") == values("---\n# only a comment\n---\n~\n...\n") == []
    assert values("---\na: 1\n---\n---\nb: 2\n...") == [{"a": 1}, {"b": 2}]


def test_anchors_and_merges_copy_values() -> None:
    text = "x: &x {p: 1, q: 2}\ny: &y {q: 3}\na: {<<: *x, q: 9}\nb: {<<: [*y, *x], r: 1}\nc: [*x]"
    (value,) = values(text)
    assert value["a"] == {"p": 1, "q": 9}
    assert value["b"] == {"q": 3, "p": 1, "r": 1}
    assert value["c"][0] == value["x"]
    assert value["c"][0] is not value["x"]


def test_a_merge_key_in_quotes_is_a_key() -> None:
    assert values('a: {"<<": 1}') == [{"a": {"<<": 1}}]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: 2\na: 3", [("duplicate-key", "3:1", "1:1")]),
        ("a:\n  b: {c: 1, c: 2}", [("duplicate-key", "2:13", "2:7")]),
        ("- a", [("not-a-mapping", "1:1")]),
        ("text", [("not-a-mapping", "1:1")]),
        ("a: !!str 1", [("tag", "1:4")]),
        ("a: !x {b: 1}\nc: !y [1]\n!z d: 1", [("tag", "1:4"), ("tag", "2:4"), ("tag", "3:1")]),
        ("!x\na: 1", [("tag", "1:1")]),
        ("!!python/name:os.system x", [("tag", "1:1")]),
        ("a: {[b]: 1}", [("key", "1:5")]),
        ("a: &a [*a]", [("alias-loop", "1:4")]),
        ("a: &a {b: *a}", [("alias-loop", "1:4")]),
        ("a: {<<: 1}\nb: {<<: [2]}", [("merge", "1:9"), ("merge", "2:10")]),
        ("a: *x", [("syntax", "1:4")]),
        ("a:\n\tb: 1", [("tab", "2:1")]),
        ("a: b: c", [("syntax", "1:5")]),
        ("a: [1, 2\nb: 1", [("syntax", "1:4", "2:2")]),
        ("a: 'x\nb: 1\n", [("syntax", "1:4", "2:5")]),
        ("a: 1\n b: 2", [("syntax", "2:3")]),
        ("a: @x", [("syntax", "1:4", "1:4")]),
        ("a: 1\nb: \x07", [("character", "2:4")]),
        ("a: 1\nb: x\ud800", [("character", "2:5")]),
        ("%FOO\n---\na: 1", [("syntax", "1:5", "1:1")]),
    ],
)  # fmt: skip
def test_a_problem_is_told_with_its_place(text: str, found: list[tuple[str, ...]]) -> None:
    assert problems_of(text) == found


def test_all_problems_of_all_documents_are_told() -> None:
    text = "a: [1\n---\nb: 1\nb: 2\n---\n- x\n---\nc: 'd\n---\ne: 1\n"
    documents, problems = read(text)
    assert [(p.code, p.locations[0].line) for p in problems] == [
        ("manifest/syntax", 1),
        ("manifest/duplicate-key", 4),
        ("manifest/not-a-mapping", 6),
        ("manifest/syntax", 8),
    ]
    assert documents[-1].value == {"e": 1}
    assert documents[-1].locate(("e",)) == Location("m/a.yaml", 10, 1)


@pytest.mark.parametrize("count", [200, 20_000, 100_000])
@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_is_bounded(opening: str, count: int) -> None:
    (problem,) = (
        read(f"{opening * min(count, 20_000)}")[1] if opening != "[" else read("[" * count)[1]
    )
    assert problem.code == "manifest/too-deep"


def test_the_place_of_too_much_depth_does_not_depend_on_libyaml() -> None:
    """libyaml 0.2.6 and later stop at 1000 brackets; that is after the place that is told."""
    places = {read("a: " + "[" * count)[1][0].locations for count in (150, 999, 1_001, 20_000)}
    assert len(places) == 1


def test_too_much_depth_is_told_once_and_the_next_document_is_read() -> None:
    documents, problems = read("[" * 2_000 + "\n---\na: 1\n")
    assert [p.code for p in problems] == ["manifest/too-deep"]
    assert [d.value for d in documents] == [{"a": 1}]


def test_a_depth_that_occurs_is_fine() -> None:
    assert values("a: " + "[" * 90 + "]" * 90)
    assert values("".join(f"{' ' * n}a:\n" for n in range(90)))


def test_alias_bombs_are_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )
    merges = "a0: &a0 {k: v}\n" + "".join(
        f"a{n}: &a{n} {{x: {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}}}\n" for n in range(1, 10)
    )
    for text in (bomb, merges):
        assert [code for code, *_ in problems_of(text + "---\nb: 1")] == ["alias-bomb"]


def test_many_aliases_that_add_up_to_little_are_fine() -> None:
    (value,) = values("x: &x {a: 1}\nl: [" + "*x, " * 1000 + "]")
    assert len(value["l"]) == 1000


def test_an_ampersand_in_text_is_no_anchor() -> None:
    assert values("a: b && c\nd: x &y") == [{"a": "b && c", "d": "x &y"}]


def test_only_a_secret_scalar_needs_care(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_rendered: object) -> None:
        raise AssertionError

    monkeypatch.setattr(parse_module, "_Careful", fail)
    assert values("a: 1\nb: {c: [d]}")
    texts = SecretTexts(Tokens())
    with pytest.raises(AssertionError):
        parse(rendered(f"a: {texts.add('X', 'x')}", texts))


def test_private_characters_in_a_plain_file_are_text() -> None:
    assert values("a: \ue0007\ue001\nb: &b 1\nc: *b") == [{"a": "\ue0007\ue001", "b": 1, "c": 1}]


TEXT = """\
# a comment
---
a: 1.10
b:
  - x
  -  {c: 010, "d e": 'q'}
---
x: &x {p: 0x1F, q: {r: 1}}
y: {<<: *x, z: ~}
w: {<<: [{v: 1}, *x]}
"""


@pytest.mark.parametrize(
    ("index", "path", "place"),
    [
        (0, (), "3:1"),
        (0, ("a",), "3:1"),
        (0, ("b", 0), "5:5"),
        (0, ("b", 1), "6:6"),
        (0, ("b", 1, "d e"), "6:15"),
        (0, ("b", 1, "nope", "deeper"), "6:6"),
        (0, ("b", 9), "4:1"),
        (0, ("b", "x"), "4:1"),
        (0, ("a", 0), "3:1"),
        (0, ("nope",), "3:1"),
        (1, ("y", "q", "r"), "8:21"),
        (1, ("y", "z"), "9:13"),
        (1, ("w", "v"), "10:11"),
        (1, ("w", "p"), "8:8"),
        (1, ("w", "nope"), "10:1"),
    ],
)
def test_every_node_has_a_place(index: int, path: tuple[Any, ...], place: str) -> None:
    documents, _ = read(TEXT)
    assert str(documents[index].locate(path)) == f"m/a.yaml:{place}"


@pytest.mark.parametrize(
    ("index", "path", "text"),
    [
        (0, ("a",), "1.10"),
        (0, ("b", 1, "c"), "010"),
        (0, ("b", 1, "d e"), None),
        (0, ("b",), None),
        (0, ("nope",), None),
        (1, ("x", "p"), "0x1F"),
        (1, ("y", "p"), "0x1F"),
        (1, ("y", "z"), "~"),
    ],
)
def test_a_scalar_has_its_text(index: int, path: tuple[Any, ...], text: str | None) -> None:
    documents, _ = read(TEXT)
    assert documents[index].source_text(path) == text


def test_a_secret_has_no_text() -> None:
    texts = SecretTexts(Tokens())
    documents, _ = parse(rendered(f"a: {texts.add('X', 'x')}", texts))
    assert documents[0].source_text(("a",)) is None


def test_a_document_knows_its_file_and_folder() -> None:
    (document,), _ = read("--- {a: 1}")
    assert (document.display, document.folder) == ("m/a.yaml", "/home/m")
    assert str(document.locate(("a",))) == "m/a.yaml:1:6"


@pytest.mark.parametrize(
    ("text", "value", "codes"),
    [
        ("", {}, []),
        ("a: 1", {"a": 1}, []),
        ("a: 1\n---\nb: 2", {"a": 1}, ["manifest/several-documents"]),
        ("- 1", {}, ["manifest/not-a-mapping"]),
    ],
)
def test_a_file_that_configures_holds_one_mapping(text: str, value: Any, codes: list[str]) -> None:
    found, _, problems = parse_value(rendered(text))
    assert (found, [p.code for p in problems]) == (value, codes)


def test_places_follow_a_template(tmp_path: Any) -> None:
    from peakctl.manifests import load_documents

    (tmp_path / "i.txt").write_text("d: 1\n\ne: {{ f }}2\n")
    (tmp_path / "a.yaml").write_text(
        "a: {{ x }}{{ x }}\n"
        "{% macro m(k) %}{{ k }}: 1{% endmacro %}\n"
        "{{ m('b') }}\n"
        "{% for n in [1, 2] %}\n"
        "k{{ n }}: {v: {{ n }}, w: 1}\n"
        "{% endfor %}\n"
        "i:\n"
        "    {% include 'i.txt' %}\n"
        "z: {{ x }}\n"
    )
    (document,), problems = load_documents(
        ["a.yaml"], root=tmp_path, parameters={"x": "X", "f": 1}, environment={}
    )
    assert problems == ()
    places = {
        ("a",): "a.yaml:1:1",
        ("b",): "a.yaml:3:1",
        ("k1",): "a.yaml:5:1",
        ("k2", "v"): "a.yaml:5:12",
        ("k2", "w"): "a.yaml:5:24",
        ("i",): "a.yaml:7:1",
        ("i", "d"): "i.txt:1:1",
        ("i", "e"): "i.txt:3:1",
        ("z",): "a.yaml:9:1",
    }
    assert {path: str(document.locate(path)) for path in places} == places


@pytest.mark.parametrize(
    "text",
    [
        "{% set s %}x{% endset %}a: {{ s | urlencode }}{{ s.upper() }}\n",
        "{% set s %}x{% endset %}{% if s.zfill(1) | length > 1 %}{{ 1 / 0 }}{% endif %}a: 1\n",
        "a: {{ 1 }}",
        "{{ 'a' }}: 1",
    ],
)
def test_a_place_is_found_or_the_file_is_named(tmp_path: Any, text: str) -> None:
    from peakctl.manifests import load_documents

    (tmp_path / "a.yaml").write_text(text)
    (document,), _ = load_documents(["a.yaml"], root=tmp_path, parameters={}, environment={})
    assert document.locate(("a",)) == Location("a.yaml", 1, document.locate(("a",)).column)


@pytest.mark.parametrize("style", ["|", ">", "|+", "|-"])
@pytest.mark.parametrize("word", ["last", "{{ 'last' }}"])
def test_a_text_is_the_same_at_the_end_of_a_file_and_before_a_comment(
    tmp_path: pathlib.Path, style: str, word: str
) -> None:
    """A comment that somebody adds below must not make another image of the same text."""
    text = f"a: 1\nb: {style}\n  first\n  {word}"
    found = []
    for end in ("", "\n", "\n# a remark\n", "\n---\nc: 1\n"):
        (tmp_path / "m.yaml").write_text(text + end)
        documents, _ = load_documents(["m.yaml"], root=tmp_path, parameters={}, environment={})
        found.append(documents[0].value["b"])
    assert len(set(found)) == 1
    assert found[0].endswith("last" if style == "|-" else "last\n")


@pytest.mark.parametrize(
    ("text", "found", "words"),
    [
        ("a: */5 * * * *", ("syntax", "1:4"), '"*/5 * * * *"'),
        ("a: [{b: * * * * *}]", ("syntax", "1:9"), '"* * * * *"'),
        ("name:\u00a0x\n", ("character", "1:6"), "U+00A0 (NO-BREAK SPACE)"),
        ("m:\n\u00a0\u00a0name: x\n", ("character", "2:1"), "U+00A0 (NO-BREAK SPACE)"),
        ("m:\n  name:\u00a0x\n  b: 1\n", ("character", "2:8"), "replace it by a space"),
        ("m:\n  \u3000a: 1\n", ("character", "2:3"), "U+3000 (IDEOGRAPHIC SPACE)"),
        ("a\u200b: 1", ("character", "1:1"), "U+200B (ZERO WIDTH SPACE)"),
        ("a: 1\n\ufeffb: 2", ("character", "2:1"), "U+FEFF (BYTE ORDER MARK)"),
        ('"a\\e[2J": 1', ("character", "1:1"), r"a\u001b[2J"),
        ('"a\\u202eb": 1', ("character", "1:1"), "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("a:\n\t- 1", ("tab", "2:1"), "spaces"),
        ("a: *b", ("syntax", "1:4"), "quote the value"),
    ],
)
def test_the_cause_of_a_fault_is_told(text: str, found: tuple[str, str], words: str) -> None:
    assert problems_of(text) == [found]
    ((problem,),) = [read(text)[1]]
    assert words in f"{problem.summary} {problem.fix}"
    assert problem.summary.isprintable()


@pytest.mark.parametrize("text", ["a: x\u00a0y", 'a: "x\\u200by"', "a: |\n  x\n  \u00a0y"])
def test_values_may_hold_any_character(text: str) -> None:
    assert "a" in values(text)[0]


def test_the_text_of_a_secret_is_in_no_hint() -> None:
    _, (problem,) = parse(rendered("a: */5 \ue0000\ue001", ("hush",)))
    assert problem.fix == 'quote the value; around a template: "{{ name }}"'
