"""The schema files: inside the dialect, complete against the platform's fields, each on its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from check_schemas import problems, problems_of_project

from peakctl.catalog import LOOKED_UP
from peakctl.kinds import schemas
from peakctl.kinds.fields import Absent, Field
from peakctl.kinds.schemas import PREFIX, load_kinds, schema_folder, schema_text

Schema = Mapping[str, Any]
KINDS = load_kinds()
FILES = sorted(schema_folder().glob("*.json"))
SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in FILES}
KIND_FILES = sorted(set(SCHEMAS) - {"dialect", "manifest", "project"})
PLATFORM = json.loads((Path(__file__).parent / "data" / "platform_fields.json").read_text("utf-8"))
DIFFERENT = {
    # The platform has these as one required word; a manifest says them by its kind or leaves them.
    ("AppSpec", "spec.kind"): {"required"},
    ("AppSpec", "spec.version"): {"required"},
    ("BlockSpec", "spec.version"): {"required"},
    # A manifest may leave the number to peakctl, and then the map that holds it.
    ("AppSpec", "spec.release"): {"required"},
    ("AppSpec", "spec.release.version"): {"required"},
    ("BlockSpec", "spec.release"): {"required"},
    ("BlockSpec", "spec.release.version"): {"required"},
    # auto numbers an image from 0.0.1 by itself (x-peakctl-kind.versions.first).
    ("Image", "spec.version"): {"default"},
    # By name in place of by id: one of the two is required.
    ("AppSpec", "spec.config.[].id"): {"required"},
    ("AppSpec", "spec.config.[].release"): {"required"},
    ("Deployment", "spec.blockSpec"): {"required"},
    ("Deployment", "spec.appSpec"): {"required"},
    ("Deployment", "spec.blockSpec.id"): {"required"},
    ("Deployment", "spec.appSpec.id"): {"required"},
    ("Deployment", "spec.appSpec.includes.[].id"): {"required"},
    ("Deployment", "spec.appSpec.includes.[].releaseVersion"): {"required"},
    ("Deployment", "spec.appSpec.excludes.[].id"): {"required"},
    ("Image", "spec.autodeployResources.[].entityId"): {"required"},
    ("Image", "spec.autodeployResources.[].entityType"): {"required"},
}
BY_ID = ("imageId", "instanceTypeId", "imageDetails.id")
JSON_TYPES = {
    "map": {"object"},
    "int": {"integer"},
    "number": {"integer", "number"},
    "string": {"string"},
    "boolean": {"boolean"},
}


def resolve(schema: Schema, node: Schema) -> Schema:
    while "$ref" in node or "anyOf" in node:
        target = (
            node["anyOf"][0] if "anyOf" in node else schema["$defs"][node["$ref"].split("/")[-1]]
        )
        node = {**target, **{k: v for k, v in node.items() if k not in ("$ref", "anyOf")}}
    return node


def nodes_at(schema: Schema, node: Schema, path: list[str]) -> Iterator[tuple[Schema, bool]]:
    """Every node at `path`, through all branches, and whether its parent requires it."""
    node = resolve(schema, node)
    branches = [b for b in node.get("oneOf", ()) if set(b) != {"required"}]
    for branch in branches:
        yield from nodes_at(schema, branch, path)
    if not path or branches:
        return
    word, rest = path[0], path[1:]
    if word == "[]":
        inner, required = node.get("items"), True
    elif word in node.get("properties", {}):
        inner, required = node["properties"][word], word in node.get("required", ())
    else:
        inner, required = node.get("additionalProperties") or None, False
    if inner is None:
        return
    if rest:
        yield from nodes_at(schema, inner, rest)
    else:
        yield resolve(schema, inner), required


def types_of(node: Schema) -> set[str]:
    if "oneOf" in node and "type" not in node:
        return {"object"}
    said = node.get("type") or [words_of_value(node["const"])]
    return set([said] if isinstance(said, str) else said)


def words_of_value(value: Any) -> str:
    return "integer" if isinstance(value, int) else "string"


def expected_types(said: str) -> set[str]:
    out: set[str] = set()
    for word in said.split(" | "):
        base = word.split("(")[0]
        out |= {"array"} if base == "list" else JSON_TYPES.get(base, set())
    return out


CASES = [
    (label.split("-")[0], path, row)
    for label, rows in PLATFORM.items()
    for path, row in rows.items()
]


@pytest.mark.parametrize(
    ("kind", "path", "row"), CASES, ids=[f"{kind}:{path}" for kind, path, _ in CASES]
)
def test_every_field_of_the_platform_is_in_a_schema(kind: str, path: str, row: Schema) -> None:
    schema = KINDS[kind].schema
    found = list(nodes_at(schema, schema, path.split(".")))
    assert found
    skipped = DIFFERENT.get((kind, path), set())
    wanted = expected_types(row["type"])
    for node, _ in found:
        assert types_of(node) >= wanted or types_of(node) & wanted
    if row["required"] is True and not path.endswith(BY_ID) and "required" not in skipped:
        assert all(required for _, required in found)
    if "default" in row and "default" not in skipped:
        assert row["default"] in [node.get("default") for node, _ in found]
    if "enum" in row:
        assert set(row["enum"]) <= values_of([node for node, _ in found])
    assert all(node.get("maximum") == row["max"] for node, _ in found if "max" in row)
    assert all(node.get("minimum") == row["min"] for node, _ in found if "min" in row)


def values_of(nodes: list[Schema]) -> set[Any]:
    out: set[Any] = set()
    for node in nodes:
        out |= set(node.get("enum", [node["const"]] if "const" in node else []))
        out |= set(node.get("items", {}).get("enum", []))
    return out


def test_the_fields_of_the_platform_are_all_here() -> None:
    assert len(CASES) > 400


def test_the_schema_of_the_project_file_keeps_to_the_dialect() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS["project"])
    assert problems_of_project(SCHEMAS["project"]) == []


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"type": "text"}, "/type"),
        ({"properties": {"x": {"type": "string", "default": ""}}}, "/properties/x"),
        ({"x-peakctl-kind": {}}, ""),
    ],
)
def test_what_is_outside_of_the_dialect_is_told(change: Schema, at: str) -> None:
    found = problems_of_project({**SCHEMAS["project"], **change})
    assert [place for place, _ in found] == [at]


@pytest.mark.parametrize("name", KIND_FILES)
def test_a_schema_keeps_to_the_dialect_and_to_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    jsonschema_rs.Draft202012Validator(SCHEMAS[name], offline=True)
    assert problems(SCHEMAS[name]) == []


def test_the_compiler_reads_every_word_of_ours() -> None:
    field = SCHEMAS["dialect"]["$defs"]["field"]["properties"]
    ours = {word for word in field if word.startswith(PREFIX)}
    read = {*schemas.ABSENCE, *schemas.OWN, *(PREFIX + word for word in schemas.INHERITED)}
    assert ours == {word for word in read if word.startswith(PREFIX)}


@pytest.mark.parametrize("name", KIND_FILES)
def test_the_file_of_a_kind_has_its_name(name: str) -> None:
    kind = SCHEMAS[name]["properties"]["kind"]["const"]
    assert name.replace("-", "") == kind.lower()
    assert KINDS[kind].schema == SCHEMAS[name]


def test_references_mean_kinds_that_there_are() -> None:
    fields = [field for kind in KINDS.values() for _, field in all_fields(kind.root)]
    meant = {name for field in fields if field.ref for name in field.ref.kinds}
    assert meant - set(KINDS) == set(LOOKED_UP)


def test_every_word_of_the_dialect_is_described_and_used() -> None:
    field = SCHEMAS["dialect"]["$defs"]["field"]["properties"]
    text = "".join(schema_text(name) for name in KIND_FILES)
    assert all(node["description"] for node in field.values())
    unused = {word for word in field if f'"{word}"' not in text}
    assert unused <= {"readOnly", "maxLength", "maxItems", f"{PREFIX}unseen"}


def test_the_editors_schema_names_every_kind_and_its_file() -> None:
    manifest = SCHEMAS["manifest"]
    jsonschema.Draft202012Validator.check_schema(manifest)
    files = {
        part["if"]["properties"]["kind"]["const"]: part["then"]["$ref"]
        for part in manifest["allOf"]
    }
    assert set(manifest["properties"]["kind"]["enum"]) == set(files) == set(KINDS)
    for kind, file in files.items():
        assert json.loads((schema_folder() / file).read_text("utf-8")) == KINDS[kind].schema


def test_the_text_of_a_schema_is_found_by_kind_and_by_file() -> None:
    assert schema_text("BlockSpec") == schema_text("block-spec")
    assert json.loads(schema_text("manifest"))["title"] == "peakctl manifest"
    with pytest.raises(KeyError):
        schema_text("Zebra")


def all_fields(field: Field, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Field]]:
    yield path, field
    below = [*field.properties.items(), *field.variants.items()]
    below += [(word, f) for word, f in (("<>", field.extra), ("[]", field.items)) if f]
    for word, inner in below:
        yield from all_fields(inner, (*path, word))


@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_a_kind_has_a_call_and_a_description(name: str) -> None:
    for path, field in all_fields(KINDS[name].root):
        is_ours = field.absent is Absent.LOCAL or not {"labels", "previousNames"}.isdisjoint(path)
        if not field.properties and not field.variants and not is_ours:
            assert field.call, path
        if path and path[-1] not in ("[]", "<>") and "<>" not in path[-1:]:
            assert field.description or field.absent is Absent.REQUIRED, path


@pytest.mark.parametrize("label", PLATFORM)
def test_what_may_hold_a_credential_is_sensitive(label: str) -> None:
    schema = KINDS[label.split("-")[0]].schema
    for path, row in PLATFORM[label].items():
        found = [node for node, _ in nodes_at(schema, schema, path.split("."))]
        if row.get("sensitive"):
            assert all(node.get(f"{PREFIX}sensitive") for node in found), path
        if row.get("write-only"):
            assert all(node.get("writeOnly") for node in found), path


def test_the_kinds_say_what_the_platform_does_with_their_versions_and_names() -> None:
    versions = {name: kind.versions for name, kind in KINDS.items() if kind.versions}
    assert {name: (v.call, v.first, v.has_id, v.flavours) for name, v in versions.items()} == {
        "AppSpec": ("release", "1.0.0", False, False),
        "BlockSpec": ("release", "1.0.0", False, False),
        "Image": ("build", "0.0.1", True, True),
    }
    assert {n for n, kind in KINDS.items() if kind.history} == {*versions, "Artifact"}
    assert {n for n, kind in KINDS.items() if kind.name_group} == {"Service", "Webapp"}
    assert [n for n, kind in KINDS.items() if kind.deprecated] == ["Webapp"]
