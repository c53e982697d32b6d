"""Trees of values that the schemas allow, drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from peakctl.kinds.fields import Absent, Field
from peakctl.kinds.schemas import load_kinds
from peakctl.model import MISSING, Secret

KINDS = load_kinds()
SET_BY_OTHERS = (Absent.READ_ONLY, Absent.BY_NAME, Absent.LOCAL)
WORDS = st.sampled_from(["a", "b", "c.d", "__e", "f g"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
SCALARS: Mapping[str, st.SearchStrategy[Any]] = {
    "string": WORDS,
    "integer": st.integers(0, 3),
    "number": st.floats(0, 2) | st.integers(0, 2),
    "boolean": st.booleans(),
}


@st.composite
def values(draw: st.DrawFn, field: Field, secrets: bool = False) -> Any:
    """A value that the schema allows; sensitive leaves sealed when `secrets`."""
    if field.variants:
        word = draw(st.sampled_from(sorted(field.variants)))
        chosen = field.variants[word]
        return {**draw(values(chosen, secrets)), field.discriminator: word}
    if field.properties or field.extra is not None:
        return draw(maps(field, secrets))
    if field.items is not None:
        items = draw(st.lists(values(field.items, secrets), max_size=3))
        return items if not field.list_key else unique(items, field)
    if {"object", "array"} & field.types:
        return draw(JSON.filter(lambda value: value is not None))
    word = draw(st.sampled_from(sorted(field.types - {"null"})))
    leaf = field.default if field.default is not MISSING else draw(SCALARS[word])
    return Secret(leaf) if secrets and field.sensitive else leaf


@st.composite
def maps(draw: st.DrawFn, field: Field, secrets: bool) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for word, inner in field.properties.items():
        if inner.absent not in SET_BY_OTHERS and draw(
            st.just(inner.absent is Absent.REQUIRED) if field.variants else st.booleans()
        ):
            out[word] = draw(values(inner, secrets))
    if field.extra is not None:
        out |= draw(st.dictionaries(WORDS, values(field.extra, secrets), max_size=2))
    return out


def unique(items: list[Any], field: Field) -> list[Any]:
    """Items with a key of their own each, as validated manifests have."""
    first = field.list_key[0][0]
    for number, item in enumerate(items):
        if isinstance(item, dict):
            item.setdefault(first, "k")
        if isinstance(item, dict) and isinstance(item.get(first), str):
            item[first] = f"{item[first]}{number}"
    return items


def trees(kind: str, *, secrets: bool = False) -> st.SearchStrategy[Any]:
    return values(KINDS[kind].root, secrets)
