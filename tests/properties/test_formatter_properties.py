"""Whatever the order of keys was: the same values, and every comment above its key."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from peakctl.kinds.schemas import load_kinds
from peakctl.manifests.formatter import CannotFormat, format_manifest
from peakctl.manifests.writer import dump, in_order
from peakctl.model import Path as TreePath

ROOT = Path(__file__).resolve().parents[2]
KINDS = load_kinds()
EXAMPLES = [
    document
    for path in sorted((ROOT / "manifests-examples").glob("*/**/*.yaml"))
    if "five-hundred" not in path.parts
    and "{{" not in (text := path.read_text("utf-8"))
    and "{%" not in text
    for document in yaml.load_all(text, Loader=yaml.BaseLoader)
    if isinstance(document, dict) and document.get("kind") in KINDS
]


def shuffled(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict):
        words = list(value)
        draw.shuffle(words)
        return {word: shuffled(value[word], draw) for word in words}
    return [shuffled(item, draw) for item in value] if isinstance(value, list) else value


def places(value: Any, path: TreePath = ()) -> list[TreePath]:
    if isinstance(value, dict):
        return [p for word in value for p in [(*path, word), *places(value[word], (*path, word))]]
    return []


def with_order(document: Any) -> Any:
    root = KINDS[document["kind"]].root
    found = {w: document[w] for w in ("apiVersion", "kind", "metadata", "spec") if w in document}
    found |= {w: document[w] for w in ("dependsOn", "lifecycle") if w in document}
    return {
        w: in_order(root.properties[w], v) if w in root.properties else v for w, v in found.items()
    }


@given(st.sampled_from(EXAMPLES), st.randoms(use_true_random=False), st.booleans())
def test_keys_come_in_order_with_their_comments(
    document: Any, draw: random.Random, comments: bool
) -> None:
    document = {
        w: v for w, v in document.items() if w in ("apiVersion", "kind", "metadata", "spec")
    }
    mixed = shuffled(document, draw)
    notes = {p: ".".join(map(str, p)) for p in places(mixed)} if comments else {}
    found = format_manifest(dump(mixed, notes), KINDS)
    if not comments:
        assert found == dump(with_order(mixed))
    assert list(yaml.load_all(found, Loader=yaml.BaseLoader)) == [document]
    rows = found.splitlines()
    for at, row in enumerate(rows):
        if row.lstrip().startswith("# ") and at:  # the first comment of a file stays at its top
            name = row.rsplit(".", 1)[-1].removeprefix("#").strip()
            assert rows[at + 1].lstrip().strip("\"'").startswith(name)
    assert format_manifest(found, KINDS) == found


@given(st.text(st.sampled_from("{}%#-: \n\tax'\"|>&*[]"), max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    text = f"kind: Image\nspec:\n  b: {text}\napiVersion: peakctl/v1\n"
    try:
        found = format_manifest(text, KINDS)
    except CannotFormat:
        return
    assert sorted(found.split("\n")) == sorted(text.split("\n"))


WRITTEN = [p for p in (ROOT / "manifests-examples").glob("*/**/*.yaml") if "five" not in str(p)]


@pytest.mark.parametrize("path", sorted(WRITTEN), ids=lambda p: p.name)
def test_the_examples_are_formatted(path: Path) -> None:
    text = path.read_text("utf-8")
    assert format_manifest(text, KINDS) == text
