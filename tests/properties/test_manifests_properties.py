"""What holds for every manifest and every artifact folder."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from peakctl.archives.digest import add_digest, split_digest
from peakctl.archives.pack import pack
from peakctl.archives.zips import digest_of_zip
from peakctl.errors import ManifestsInvalid
from peakctl.manifests import load_documents, render_sources
from peakctl.manifests.parse import parse
from peakctl.manifests.render import Rendered
from peakctl.model import Secret, Source, reveal

VISIBLE = st.characters(min_codepoint=32, max_codepoint=0xD7FF, exclude_characters="\x7f")
TEXTS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0xD7FF, exclude_categories=["Cc"]), max_size=20
)
KEYS = st.text(st.sampled_from("abcdefgh_-é\"'#: "), min_size=1, max_size=6)
NUMBERS = st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
MAPPINGS = st.dictionaries(KEYS, TREES, min_size=1, max_size=5)


class Quoting(yaml.SafeDumper):
    """Quotes what YAML 1.2 reads as a number though YAML 1.1, in which it writes, does not."""


def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if re.match(r"[-+.]?\d", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


Quoting.add_representer(str, represent_text)


def read(text: str) -> tuple[list[Any], list[str], Any]:
    documents, problems = parse(Rendered(Source("/a.yaml", "a.yaml", text), text))
    return [d.value for d in documents], [p.code for p in problems], (documents, problems)


def load(text: str, parameters: dict[str, Any], environment: dict[str, str]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.yaml").write_text(text, encoding="utf-8")
        where: dict[str, Any] = {"parameters": parameters, "environment": environment}
        found = load_documents(["a.yaml"], root=Path(folder), **where)
        return *found, render_sources(["a.yaml"], root=Path(folder), **where)[0]


@given(MAPPINGS, st.sampled_from([None, 2]))
def test_json_documents_read_as_json(tree: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(tree, ensure_ascii=False, indent=indent)
    assert read(text)[:2] == ([json.loads(text)], [])


@given(MAPPINGS, st.booleans())
def test_block_yaml_reads_as_what_was_written(tree: dict[str, Any], flow: bool) -> None:
    text = yaml.dump(
        tree, Dumper=Quoting, allow_unicode=True, default_flow_style=flow, width=30, sort_keys=False
    )
    values, problems, _ = read(text)
    assert problems == []
    assert json.dumps(values) == json.dumps([tree])


@given(MAPPINGS)
def test_the_careful_builder_agrees_with_the_quick_one(tree: dict[str, Any]) -> None:
    text = json.dumps(tree)
    careful = f'{text[:-1]}, "&": [&x 1, *x]}}'
    assert read(careful)[:2] == ([{**tree, "&": [1, 1]}], [])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_rendering_and_parsing_keep_line_numbers(blanks: list[int]) -> None:
    lines: list[str] = []
    wanted = {}
    for number, blank in enumerate(blanks):
        lines += ["# {{ number }}"] * blank + [
            "{% if number %}",
            f"k{number}:",
            "  v: {{ number }}",
        ]
        wanted["k%d" % number] = len(lines) - 1  # noqa: UP031 - braces are the template's here
        lines += ["{% endif %}"]
    (document,), problems, _ = load("\n".join(lines), {"number": "1\n\n"}, {})
    assert problems == ()
    for key, line in wanted.items():
        assert document.locate((key,)).line == line
        assert document.locate((key, "v")).line == line + 1


BREAKS = (
    ("{{ nope }}", "template/undefined"),
    ("{{ 1 / 0 }}", "template/failed"),
    ("{{ 1 +", "template/syntax"),
    ("{% if %}", "template/syntax"),
    ("k: [1", "manifest/syntax"),
    ("k: 'x", "manifest/syntax"),
    ("k: b: c", "manifest/syntax"),
    ("\tk: 1", "manifest/tab"),
    ("same: 1", "manifest/duplicate-key"),
    ("k: !!set x", "manifest/tag"),
    ("k: .nan", "manifest/number"),
    ("k: *nope", "manifest/syntax"),
    ("k: x\x01", "manifest/character"),
    ("{{ os_env.TOKEN }}: 1", "template/secret-key"),
)


@given(st.sampled_from(BREAKS), st.integers(0, 6), st.integers(0, 6), st.booleans())
def test_every_mistake_is_told_within_a_line(
    broken: tuple[str, str], before: int, after: int, template: bool
) -> None:
    text, code = broken
    lines = ["same: {{ x }}" if template else "same: 1"]
    lines += [f"b{n}: {{{{ x }}}}" if template else f"b{n}: 1" for n in range(before)]
    lines += [text, *(f"a{n}: [1, {{c: 2}}]" for n in range(after))]
    _, problems, _ = load("\n".join(lines) + "\n", {"x": 1}, {"TOKEN": "t0ken"})
    assert problems[0].code == code
    assert any(abs(place.line - (before + 2)) <= 1 for place in problems[0].locations)


@given(st.text(max_size=200))
def test_no_text_at_all_makes_the_parser_fail(text: str) -> None:
    read(text)


@given(st.text(st.sampled_from("{}%#[]()'\" \nabx.|~+-*/=,:&!0123"), max_size=60))
@settings(max_examples=300)
def test_no_template_at_all_makes_the_renderer_fail(text: str) -> None:
    load("a: {{ x }}" + text, {"x": 1, "a": [1], "b": {"x": "y"}}, {"ab": "s"})


@given(MAPPINGS)
def test_every_path_has_a_place_and_numbers_have_their_text(tree: dict[str, Any]) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True, width=1000)
    _, _, ((document,), _) = read(text)
    lines = text.splitlines()

    def check(value: Any, path: tuple[Any, ...]) -> None:
        place = document.locate(path)
        assert 1 <= place.line <= len(lines) + 1
        if isinstance(value, int | float) and not isinstance(value, bool):
            assert yaml.safe_load(document.source_text(path) or "") == value
        if isinstance(value, dict | list):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                check(item, (*path, key))

    check(tree, ())


SECRETS = st.text(VISIBLE, min_size=6, max_size=30).filter(lambda s: len(set(s)) > 4)
USES = (
    "{{ os_env.S }}",
    "'{{ os_env.S }}'",
    '"{{ os_env.S | upper }}"',
    "{{ os_env.S ~ 'x' }}",
    "{{ {'a': [os_env.S]} | tojson }}",
    "{{ [os_env.S, 1] }}",
    "{{ os_env.S | int }}",
    "{{ os_env.S | urlencode }}",
    "{{ os_env.S.nope }}",
    "{{ os_env[os_env.S] }}",
    "{{ os_env.S + 1 }}",
    "{{ '%d' % os_env.S }}",
    "|\n    {{ os_env.S | wordwrap(5) | indent }}",
    "{% for c in os_env.S %}{{ c }}{% endfor %}",
    "{% set s %}{{ os_env.S }}{% endset %}{{ s | replace('a', 'b') }}",
    "{% macro m(s) %}<{{ s }}>{% endmacro %}{{ m(os_env.S) }}",
    "[{{ os_env.S }}",
)


OTHER_SECRET = "\ua66e\ua8fb" * 8
"""Of characters that no message of ours has."""


@given(SECRETS, st.sampled_from(USES))
@example("defaul", "{{ os_env.S.nope }}")
@settings(max_examples=300)
def test_no_secret_is_ever_shown(secret: str, use: str) -> None:
    """A secret may by chance be a word of ours (`defaul`): that is shown with another one, too."""
    _, told, _ = load(f"k: {use}\n", {}, {"S": OTHER_SECRET})
    ours = repr(told) + "".join(map(str, told))
    documents, problems, texts = load(f"k: {use}\n", {}, {"S": secret})
    shown = repr(documents) + repr(problems) + repr(texts) + "".join(map(str, problems))
    for form in (secret, secret.upper(), repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        assume(form not in "k: (sensitive)" and form not in use and form not in ours)
        assert form not in shown
    if use == "{{ os_env.S }}" and not problems:
        (document,) = documents
        assert isinstance(document.value["k"], Secret)
        assert str(reveal(document.value["k"])) is not None


FILES = st.dictionaries(
    st.lists(st.text(st.sampled_from("ab.é "), min_size=1, max_size=3), min_size=1, max_size=3)
    .filter(lambda parts: not any(part in (".", "..") for part in parts))
    .map("/".join),
    st.tuples(st.binary(max_size=30), st.booleans()),
    max_size=6,
).filter(lambda tree: not any(a != b and b.startswith(f"{a}/") for a in tree for b in tree))


def grow(folder: Path, tree: list[tuple[str, tuple[bytes, bool]]], *, time: int) -> Path:
    folder.mkdir()
    for name, (content, executable) in tree:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if executable else 0o600)
        os.utime(path, (time, time))
    return folder


@given(FILES, st.integers(0, 2**31), st.randoms())
def test_the_digest_depends_on_files_alone(tree: Any, time: int, random: Any) -> None:
    shuffled = list(tree.items())
    random.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        one = pack(grow(root / "one", list(tree.items()), time=time), None, root)
        two = pack(grow(root / "two", shuffled, time=0), None, root)
        assert (one.digest, one.encode()) == (two.digest, two.encode())
        assert digest_of_zip(one.encode()) == one.digest


@given(FILES, st.lists(st.text(st.sampled_from("ab.*/!# "), max_size=5), max_size=4))
def test_skipping_ignored_folders_changes_nothing(tree: Any, patterns: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = grow(Path(name) / "a", list(tree.items()), time=0)
        digests = []
        for extra in ([], ["!zzz"]):  # a pattern that brings back keeps folders from being skipped
            (Path(name) / "a" / "i").write_text("\n".join([*patterns, *extra, "/i"]))
            try:
                digests.append(pack(root, ["i"], root).digest)
            except ManifestsInvalid as error:
                digests.append(error.diagnostics[0].code)
        assert digests[0] == digests[1]


@given(st.text())
def test_a_text_keeps_its_digest(text: str) -> None:
    digest = "sha256:" + "0" * 64
    assert split_digest(add_digest(text, digest)) == (text, digest)
