"""Whatever is written as a manifest is read back as the same values, templates and all."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from peakctl.kinds.schemas import load_kinds
from peakctl.manifests import load_documents
from peakctl.manifests.writer import ManifestText, dump, write_documents

PIECES = st.sampled_from(
    (
        *("{{", "}}", "{%", "%}", "{#", "#}", "{% endraw %}", "{%- endraw", "\n", " ", "\t", "a"),
        *("#", ":", "'", '"', "\\", "- ", "yes", "010", "12:30", "é", "\x1b[31m", "\u202e"),
        *("\r", "\x85", "|"),
    )
)
TEXTS = st.lists(PIECES, max_size=8).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ue000\ue001\ue002\ue003"),
    max_size=12,
)
LEAVES = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9) | TEXTS
KEYS = st.sampled_from(["on", "1", "a b", "é", "x-y", "true", "null", "{{k}}", "#", "a: b", "k"])
TREES: Any = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def read_back(text: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.yaml").write_bytes(text.encode())
        return load_documents(["a.yaml"], root=Path(folder), parameters={}, environment={})


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4))
@example({"k": "{{ x }}\n{% endraw %}\n"})
@example({"k": "  a\nb \n\n", "on": [{"k": "\n"}, []]})
def test_what_is_written_is_read_as_the_same(tree: dict[str, Any]) -> None:
    documents, problems = read_back(dump(tree))
    assert [d.value for d in documents] == [tree]
    assert not problems


@given(st.text(max_size=60), st.text(max_size=60))
def test_comments_change_nothing(head: str, comment: str) -> None:
    values: Any = {"metadata": {"name": "x"}, "spec": {"triggers": [{"cron": "0 2 * * *"}]}}
    places = [("metadata", "name"), ("spec",), ("spec", "triggers", 0, "cron")]
    kind = load_kinds()["Workflow"]
    written = write_documents([ManifestText(kind, values, dict.fromkeys(places, comment), head)])
    (document,), problems = read_back(written)
    assert not problems
    assert document.value == {"apiVersion": "peakctl/v1", "kind": "Workflow", **values}
