"""Whether a document has anything to do with secrets is told by its `repr`, which hides none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peakctl.kinds.problems import Problems
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.secrecy import check_masks, may_have_secrets, warn_of_short, warn_of_shown
from peakctl.model import Document, Location, Secret
from peakctl.model.values import UnsetSecret, leaves

KINDS = load_kinds()
PRINTED = ["(sensitive)", "(not shown)", "(known after apply)"]
PARTS = [*PRINTED, "*", "•", " ", "a", "'", '"', "\\", "\n"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=5).map("".join)
LEAVES = TEXTS | st.integers() | st.none() | TEXTS.map(Secret) | st.just(UnsetSecret("TOKEN"))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def told(tree: Any) -> Iterator[str]:
    for kind in KINDS.values():
        document = Document({}, "m.yaml", "/", locate=lambda _: Location("m.yaml", 1, 1))
        problems = Problems(document)
        check_masks(kind.root, tree, problems)
        warn_of_short(tree, problems)
        warn_of_shown(kind.root, tree, problems)
        yield from (each.code for each in problems.found)


@given(TREES, TREES, TREES)
def test_nothing_is_found_in_what_shows_no_sign_of_it(name: Any, text: Any, spec: Any) -> None:
    tree = {"metadata": {"name": name, "description": text}, "spec": {"parameters": spec}}
    if not may_have_secrets(repr(tree)):
        assert [*told(tree)] == []
        assert not any(isinstance(leaf, Secret) for leaf in leaves(tree))


def test_each_sign_is_seen() -> None:
    shown = [*PRINTED, "***", "•••"]
    for each in (*shown, Secret("x"), UnsetSecret("TOKEN"), Secret({"a": "b"})):
        assert may_have_secrets(repr({"spec": [each]}))
    assert not may_have_secrets(repr({"spec": ["**", "sensitive", "unknown: x"]}))
