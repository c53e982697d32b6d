"""Any files are converted to manifests that can be read, or refused with a place; never a crash."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from peakctl.conversion.body_text import NotABody, read_body
from peakctl.conversion.convert import Conversion, Converted
from peakctl.conversion.tree import Pieces
from peakctl.kinds.schemas import load_kinds

WORDS = st.sampled_from(
    ["name", "body", "steps", "a", "metadata", "spec", "config", "artifact", "path", "parameters",
     "env", "token", "type", "http", "payload", "imageId", "id", "release", "version", "triggers"]
)  # fmt: skip
LEAVES = st.one_of(
    WORDS, st.integers(-5, 5), st.booleans(), st.none(), st.floats(allow_nan=False),
    st.sampled_from(["{{ x }}", "a {{ x }} b", "yes", "010", "12:30", "x: y", "# z", ""]),
    st.text(max_size=8),
)  # fmt: skip
TREES: Any = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4)
)
LINES = st.sampled_from(
    ["{% if x %}", "{% endif %}", "{% for a in b %}", "{% endfor %}", "# note", "body:",
     "  name: n",
     "  steps:", "    a:", "      type: standard", "      token: abc", "  - x", "  b: {{ y }}",
     "  c: |", "    text {{ z }}", "\ttab", "  d: 'q", "e: &a b", "f: *a", "{% include 'q' %}"]
)  # fmt: skip
SCRIPT = st.sampled_from(
    ["peak images create a.yaml", "peak services create --name", "X=$(peak", ")", "cd x", "$Y", "'",
     '"', "--env A=$B", "peak workflows patch 3 --command c", "-v p.yaml", "\\", "|", "<<EOF",
     "EOF",
     "for i in a; do", "done", "peak images create-version $X a.yaml", "--kind", "eval"]
)  # fmt: skip


def convert(files: dict[str, str]) -> Converted:
    work = Conversion(files, list(files), {"": "Webapp"})
    work.read()
    return work.write(load_kinds(), "m", {})


def check(files: dict[str, str]) -> None:
    found = convert(files)
    for text in found.files.values():
        try:
            read_body(text, "m.yaml", Pieces(), {})
        except NotABody:
            assert "convert/broken" in [d.code for d in found.diagnostics]
    assert all(d.code.startswith("convert/") and d.summary for d in found.diagnostics)


@settings(max_examples=150)
@given(
    st.dictionaries(st.sampled_from(["body", "artifact", "parameters", "scope"]), TREES, max_size=3)
)
def test_any_data_is_converted_or_refused(tree: dict[str, Any]) -> None:
    check({"a.yaml": yaml.safe_dump(tree, allow_unicode=True)})
    check({"a.yaml": json.dumps(tree)})


@settings(max_examples=150)
@given(st.lists(LINES, max_size=12))
def test_any_lines_are_converted_or_refused(lines: list[str]) -> None:
    check({"a.yaml": "\n".join(lines)})
    check({"a.yaml": "body:\n  name: n\n  buildDetails: {}\n" + "\n".join(lines)})


@settings(max_examples=150)
@given(st.lists(SCRIPT, max_size=8), st.sampled_from([" ", "\n"]))
def test_any_script_is_read_to_its_end(words: list[str], between: str) -> None:
    body = "body:\n  name: n\n  type: api\n  buildDetails: {source: upload}\n"
    check({"x.sh": between.join(words), "a.yaml": body})
