"""Documents drawn and mutated: the two validators agree, and what is valid compiles."""

from __future__ import annotations

import copy
import json
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from referencing import Registry

from peakctl.errors import Severity
from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.model import Archive, ArtifactFolder, Document, Location

Schema = Mapping[str, Any]
KINDS = load_kinds()
PATTERNS = {
    "^\\S(.*\\S)?$": ("a", "b c", "d-e"),
    "^[0-9]+GB$": ("1GB", "20GB"),
    "^@param:[^\\s]+$": ("@param:p",),
    "^[A-Za-z]+/.+$": ("Image/x", "Workflow/y/z"),
    "^[^@]": ("Pico", "Nano"),
}
DECIDERS = {n: jsonschema_rs.Draft202012Validator(dict(k.schema)) for n, k in KINDS.items()}
EXPLAINERS = {
    n: jsonschema.Draft202012Validator(dict(k.schema), registry=Registry())
    for n, k in KINDS.items()
}
SETTINGS = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def pack(folders: Sequence[ArtifactFolder], root: pathlib.Path) -> list[Archive]:
    return [Archive("sha256:00", 0, bytes) for _ in folders]


def value_of(schema: Schema, node: Schema, draw: Any, depth: int = 0) -> Any:
    """A value that `node` accepts."""
    if "$ref" in node:
        node = {
            **schema["$defs"][node["$ref"].split("/")[-1]],
            **{k: node[k] for k in node if k != "$ref"},
        }
        return value_of(schema, node, draw, depth)
    if "anyOf" in node:
        return value_of(schema, draw(st.sampled_from(node["anyOf"])), draw, depth)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return draw(st.sampled_from(node["enum"]))
    branches = [b for b in node.get("oneOf", ()) if set(b) != {"required"}]
    if branches:
        return value_of(schema, draw(st.sampled_from(branches)), draw, depth)
    said = node["type"]
    word = said if isinstance(said, str) else draw(st.sampled_from(said))
    return SHAPES[word](schema, node, draw, depth)


def text_of(schema: Schema, node: Schema, draw: Any, depth: int) -> str:
    if "pattern" in node:
        return draw(st.sampled_from(PATTERNS[node["pattern"]]))
    return draw(st.sampled_from(("x", "1.2.3", "0 2 * * *", "@param:p", "ä", "12:30")))


def list_of(schema: Schema, node: Schema, draw: Any, depth: int) -> list[Any]:
    low = node.get("minItems", 0)
    size = draw(st.integers(low, max(low, 2)))
    items = [
        value_of(schema, node.get("items", {"type": "string"}), draw, depth + 1)
        for _ in range(size)
    ]
    if node.get("uniqueItems"):
        return [item for i, item in enumerate(items) if item not in items[:i]]
    return items


def map_of(schema: Schema, node: Schema, draw: Any, depth: int) -> dict[str, Any]:
    words = chosen_words(node, draw, depth)
    out = {w: value_of(schema, node["properties"][w], draw, depth + 1) for w in words}
    extra = node.get("additionalProperties")
    if extra:
        size = draw(st.integers(node.get("minProperties", 0), 2))
        out |= {w: value_of(schema, extra, draw, depth + 1) for w in ("one", "two")[:size]}
    return out


def chosen_words(node: Schema, draw: Any, depth: int) -> list[str]:
    """The required properties, one alternative and some others, with all that they need."""
    properties = list(node.get("properties", ()))
    alternatives = [alternative["required"][0] for alternative in node.get("oneOf", ())]
    wanted = set(node.get("required", ()))
    if alternatives:
        wanted.add(draw(st.sampled_from(alternatives)))
    others = [w for w in properties if w not in wanted and w not in alternatives]
    if others and depth < 7:
        wanted |= set(draw(st.lists(st.sampled_from(others), max_size=3)))
    needs = node.get("dependentRequired", {})
    for word in sorted(wanted):
        missing = set(needs.get(word, ())) - wanted
        if missing & set(alternatives):
            wanted.discard(word)
        wanted |= missing - set(alternatives)
    return [w for w in properties if w in wanted]


SHAPES = {
    "string": text_of,
    "array": list_of,
    "object": map_of,
    "null": lambda *_: None,
    "boolean": lambda _s, _n, draw, _d: draw(st.booleans()),
    "number": lambda _s, node, draw, _d: draw(st.floats(0, 100, allow_nan=False)),
    "integer": lambda _s, node, draw, _d: draw(
        st.integers(node.get("minimum", 0), node.get("maximum", 100))
    ),
}


@st.composite
def documents(draw: Any, kind: str) -> dict[str, Any]:
    schema = KINDS[kind].schema
    return map_of(schema, schema, draw, 0)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for part, inner in items:
        yield from places(inner, (*path, part))


@st.composite
def mutants(draw: Any, kind: str) -> dict[str, Any]:
    value = copy.deepcopy(draw(documents(kind)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(value))))
        holder = value
        for part in path[:-1]:
            holder = holder[part]
        other = draw(st.sampled_from(MUTATIONS))
        if other is DROP:
            del holder[path[-1]]
        elif other is EXTRA and isinstance(holder, dict):
            holder["extraneous"] = 1
        else:
            holder[path[-1]] = copy.deepcopy(other if other is not EXTRA else None)
        if not value:
            break
    return value


DROP, EXTRA = object(), object()
MUTATIONS = [
    *(DROP, EXTRA, None, True, 0, 1, -1, 1.5, math.nan, math.inf, "", "x", "x\n", "@param:"),
    *("@param:p", [], {}, [1], {"name": "x"}, {"id": 1}, "\udc80", 10**30),
]


def read(value: Any) -> Any:
    document = Document(value, "m.yaml", "/project", lambda _: Location("m.yaml", 1, 1))
    root = pathlib.Path("/project")
    return read_resources([document], KINDS, project_root=root, pack=pack)


@pytest.mark.parametrize("kind", KINDS)
@SETTINGS
@given(data=st.data())
def test_what_the_schema_accepts_compiles(kind: str, data: Any) -> None:
    value = data.draw(documents(kind))
    before = json.dumps(value)
    assert not list(EXPLAINERS[kind].iter_errors(value))
    resources, found = read(value)
    errors = [d for d in found if d.severity is Severity.ERROR]
    assert len(resources) == (not errors)
    assert json.dumps(value) == before


@pytest.mark.parametrize("kind", KINDS)
@SETTINGS
@given(data=st.data())
def test_no_document_passes_the_decider_that_the_explainer_refuses(kind: str, data: Any) -> None:
    value = data.draw(mutants(kind))
    try:
        accepted = DECIDERS[kind].is_valid(value)
    except (ValueError, UnicodeEncodeError):
        accepted = False
    if accepted:
        assert not list(EXPLAINERS[kind].iter_errors(value))
    resources, found = read(value)
    assert bool(resources) != any(d.severity is Severity.ERROR for d in found)
    assert not resources or accepted
    assert all(d.summary and d.code.startswith("manifest/") and d.locations for d in found)
