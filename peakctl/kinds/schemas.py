"""Schema files -> `Kind`s: found, read, and compiled: rules at once, fields when first asked for.

The dialect is JSON Schema 2020-12 cut down to what a tree of fields can say, plus words of our own
that begin with `x-peakctl-`; `schemas/dialect.json` describes every word. References are local,
objects are closed, `anyOf` says "or a build parameter", `oneOf` says "one of these required fields"
or chooses a branch by one constant.

Nothing is checked here: `scripts/check_schemas.py` checks the files that are shipped.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any

from peakctl.kinds.fields import Absent, Field, Kind, Lifecycle, OutputRule, RefRule, Versions
from peakctl.model import MISSING, JsonDict, JsonObject, Path, State

NOT_KINDS = frozenset({"dialect.json", "manifest.json", "project.json"})


def schema_folder() -> FilePath:
    """The folder of the schema files: inside the package in a wheel, else beside it."""
    package = FilePath(__file__).resolve().parent.parent
    inside = package / "schemas"
    return inside if inside.is_dir() else package.parent / "schemas"


@functools.cache
def load_kinds() -> Mapping[str, Kind]:
    """All kinds by name: one schema file each, in the order of their names."""
    files = sorted(p for p in schema_folder().glob("*.json") if p.name not in NOT_KINDS)
    kinds = [compile_kind(json.loads(path.read_text("utf-8"))) for path in files]
    return {kind.name: kind for kind in sorted(kinds, key=lambda kind: kind.name)}


@functools.cache
def load_project_schema() -> Kind:
    """peakctl.yaml, which is read by the same rules as a manifest though it is no resource."""
    schema = json.loads((schema_folder() / "project.json").read_text("utf-8"))
    root = functools.partial(Compiler(schema).field, schema, Absent.REQUIRED)
    return Kind(name="project", schema=schema, compile_root=root)


def schema_text(kind: str) -> str:
    """The text of the schema file of `kind`, or of one that describes none. Raises KeyError."""
    for path in sorted(schema_folder().glob("*.json")):
        if path.stem == kind or load_schema_name(path) == kind:
            return path.read_text("utf-8")
    raise KeyError(kind)


def output_schemas() -> Mapping[str, FilePath]:
    """The schema files of what commands print as JSON, by command; `events` are JSON lines."""
    return {path.stem: path for path in sorted((schema_folder() / "output").glob("*.json"))}


def load_schema_name(path: FilePath) -> str:
    """The kind that a schema file describes; empty for one that describes none."""
    if path.name in NOT_KINDS:
        return ""
    name: str = json.loads(path.read_text("utf-8"))["properties"]["kind"]["const"]
    return name


# --- a schema, compiled --------------------------------------------------------------------------

Node = JsonObject
PREFIX = "x-peakctl-"

ABSENCE = {
    "default": Absent.DEFAULT,
    "readOnly": Absent.READ_ONLY,
    "writeOnly": Absent.WRITE_ONLY,
    f"{PREFIX}server-default": Absent.SERVER,
    f"{PREFIX}clear": Absent.CLEAR,
    f"{PREFIX}by-name": Absent.BY_NAME,
    f"{PREFIX}local": Absent.LOCAL,
}
"""What a missing optional field means; each carries exactly one of these."""

INHERITED = ("call", "sensitive", "immutable", "redeploys")
"""Words that hold for the fields below too."""

TOUCHING = ("sensitive", "ref", "archive", "file_for", "check", "only_if", "aliases", "short_for")
TYPE_WORDS = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
OBJECT = frozenset({"object"})
DIGEST = Field(
    types=frozenset({"string"}), absent=Absent.SERVER, description="Digest of the files."
)
"""What stands in `Resource.values` and `Live.values` in place of a folder's path."""


PATHS = ("defines", "defined-by", "defined-by-whole")


def compile_kind(schema: Node) -> Kind:
    """The kind that `schema` describes."""
    rules: Node = schema.get(f"{PREFIX}kind", {})
    versions: Node | None = rules.get("versions")
    paths = {word.replace("-", "_"): split_path(rules.get(word, "")) for word in PATHS}
    return Kind(
        name=schema["properties"]["kind"]["const"],
        schema=schema,
        compile_root=functools.partial(compile_root, schema),
        name_group=rules.get("name-group", ""),
        history=rules.get("history", False),
        deprecated=rules.get("deprecated", ""),
        versions=_versions(versions) if versions else None,
        lifecycle=_lifecycle(rules.get("lifecycle", {})),
        whole_update=rules.get("whole-update", False),
        carries={k: tuple(v) for k, v in rules.get("carries", {}).items()},
        removals=rules.get("removals", {}),
        of_parts=rules.get("of-parts", False),
        outputs=tuple(_output(name, rule) for name, rule in rules.get("outputs", {}).items()),
        **paths,
    )


def compile_root(schema: Node) -> Field:
    """The tree of what a document of the kind has under `metadata` and `spec`."""
    compiler = Compiler(schema)
    parts = {
        word: compiler.field(schema["properties"][word], Absent.REQUIRED)
        for word in ("metadata", "spec")
    }
    unseen = any(field.may_be_unseen for field in parts.values())
    return Field(
        types=OBJECT,
        absent=Absent.REQUIRED,
        properties=parts,
        touches=True,
        may_be_unseen=unseen,
    )


def _output(name: str, rule: Node) -> OutputRule:
    where = split_path(rule.get("if", ""))
    return OutputRule(name, split_path(rule["at"]), where, rule.get("credential", False))


def _versions(rules: Node) -> Versions:
    return Versions(
        at=split_path(rules["at"]),
        call=rules["call"],
        first=rules["first"],
        has_id=rules.get("has-id", False),
        flavours=rules.get("flavours", False),
    )


def _lifecycle(rules: Node) -> Lifecycle:
    return Lifecycle(
        words={status: State(s) for s in State for status in rules.get(s.value, ())},
        deleting=frozenset(rules.get("deleting", ())),
        on_failed=rules.get("on-failed", ""),
        advice=rules.get("advice", ""),
        runs=rules.get("runs", False),
        wait=rules.get("wait", ""),
    )


def split_path(text: str) -> tuple[str, ...]:
    """`spec.release.version` -> ("spec", "release", "version"); `../id` -> ("..", "id")."""
    steps: list[str] = []
    while text.startswith("../"):
        steps.append("..")
        text = text[3:]
    return (*steps, *text.split(".")) if text else ()


def list_key(rule: str | list[str]) -> tuple[Path, ...]:
    """The paths in an item of which the first that is there identifies it."""
    return tuple(map(split_path, [rule] if isinstance(rule, str) else rule))


def compile_ref(rule: Node) -> RefRule:
    """The rule behind `x-peakctl-ref`."""
    return RefRule(
        kinds=tuple(rule["kinds"]),
        id_to=split_path(rule["id"]),
        version=split_path(rule["version"]) if "version" in rule else None,
        version_to=split_path(rule["version-id"]) if "version-id" in rule else None,
        kind_to=split_path(rule["kind"]) if "kind" in rule else None,
        kind_words=rule.get("kind-words", {}),
        edge=rule.get("edge", True),
        scope=rule.get("scope"),
        scope_by=rule.get("scope-by"),
        scope_words=rule.get("scope-words", {}),
    )


def _as_it_is(value: object) -> object:
    return value


def _tuples(value: Mapping[str, list[object]]) -> Mapping[str, tuple[object, ...]]:
    return {word: tuple(values) for word, values in value.items()}


OWN: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "description": ("description", _as_it_is),
    "default": ("default", _as_it_is),
    f"{PREFIX}list-key": ("list_key", list_key),
    f"{PREFIX}unordered": ("unordered", _as_it_is),
    f"{PREFIX}unseen": ("unseen", _as_it_is),
    f"{PREFIX}shares": ("shares", _as_it_is),
    f"{PREFIX}address": ("address", _as_it_is),
    f"{PREFIX}new-address": ("new_address", _as_it_is),
    f"{PREFIX}deferred": ("deferred", _as_it_is),
    f"{PREFIX}after-create": ("after_create", _as_it_is),
    f"{PREFIX}archive": ("archive", _as_it_is),
    f"{PREFIX}file": ("file_for", _as_it_is),
    f"{PREFIX}check": ("check", _as_it_is),
    f"{PREFIX}only-if": ("only_if", _tuples),
    "dependentRequired": ("together", _tuples),
    f"{PREFIX}alias": ("aliases", _as_it_is),
    f"{PREFIX}ref": ("ref", compile_ref),
    f"{PREFIX}short-for": ("short_for", _as_it_is),
}
"""Words of a schema, each with the attribute of `Field` that it sets, and how it is read."""


def _is_silent(field: Field) -> bool:
    """Whether two values without the property do not differ by it, and none is remembered."""
    enforced = field.absent is Absent.DEFAULT and field.default is not MISSING
    return not (enforced or field.unseen or field.absent is Absent.WRITE_ONLY)


class Compiler:
    """Compiles the nodes of one schema; knows its `$defs`."""

    def __init__(self, schema: Node) -> None:
        self._defs: Node = schema.get("$defs", {})

    def field(self, raw: Node, absent: Absent, above: Node | None = None) -> Field:
        """The field that `raw` describes; `above` is what its parent hands down."""
        node = self.resolve(raw)
        handed = {**(above or {}), **{w: node[PREFIX + w] for w in INHERITED if PREFIX + w in node}}
        parts = {name: read(node[word]) for word, (name, read) in OWN.items() if word in node}
        parts |= handed
        if "oneOf" in node:
            parts |= self._branches(node, handed)
        inner = self._below(node, handed, parts)
        touches = absent in (Absent.LOCAL, Absent.READ_ONLY) or any(map(parts.get, TOUCHING))
        touches = touches or True in [field.touches for field in inner]
        return Field(
            types=types_of(node),
            absent=absent,
            touches=touches,
            silent=frozenset(w for w, each in parts["properties"].items() if _is_silent(each)),
            may_be_unseen=bool(parts.get("unseen")) or True in [f.may_be_unseen for f in inner],
            **parts,
        )

    def resolve(self, node: Node) -> Node:
        """`node` with what it refers to, and with the value half of "or a parameter", merged in."""
        while "$ref" in node or "anyOf" in node:
            if "anyOf" in node:
                node = _or_param(node)
            else:
                found: Node = self._defs[node["$ref"].removeprefix("#/$defs/")]
                node = {**found, **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    def _below(self, node: Node, handed: Node, parts: JsonDict) -> list[Field]:
        """Add properties, the values of free keys and items to `parts`; gives all these fields."""
        properties: dict[str, Field] = {}
        for word, raw in node.get("properties", {}).items():
            inner = self.resolve(raw)
            properties[word] = self.field(inner, absence(node, word, inner), handed)
        if parts.get("archive"):
            properties["digest"] = dataclasses.replace(DIGEST, call=handed.get("call", ""))
        parts["properties"] = properties
        fields = [*properties.values(), *parts.get("variants", {}).values()]
        for word, name, absent in BELOW:
            if node.get(word):
                parts[name] = self.field(node[word], absent, handed)
                fields.append(parts[name])
        return fields

    def _branches(self, node: Node, handed: Node) -> JsonDict:
        """The discriminator, and the tree for each of its values."""
        if not is_choice(node):
            return {"one_of": tuple(tuple(branch["required"]) for branch in node["oneOf"])}
        word, constants, default = choices_of(self, node)
        variants: dict[str, Field] = {}
        aliases: dict[str, str] = {}
        for raw, values in zip(node["oneOf"], constants, strict=True):
            compiled = self.field(raw, Absent.REQUIRED, handed)
            variants |= dict.fromkeys(values, compiled)
            aliases |= compiled.properties[word].aliases
        return {
            "discriminator": word,
            "variants": variants,
            "default_variant": default or "",
            "aliases": aliases,
        }


BELOW = (
    ("additionalProperties", "extra", Absent.CLEAR),
    ("items", "items", Absent.REQUIRED),
)


def absence(parent: Node, word: str, node: Node) -> Absent:
    """What it means that `word`, which `node` describes, is missing from an object of `parent`."""
    if word in parent.get("required", ()):
        return Absent.REQUIRED
    return next(rule for key, rule in ABSENCE.items() if key in node)


def _or_param(node: Node) -> Node:
    """`anyOf: [X, param]` as X that may also be a text."""
    rest = {k: v for k, v in node.items() if k != "anyOf"}
    inner = node["anyOf"][0]
    return {**inner, "type": sorted({*types_of(inner), "string"}), **rest}


def types_of(node: Node) -> frozenset[str]:
    """The JSON types that `node` takes."""
    if "type" in node:
        said = node["type"]
        return frozenset([said] if isinstance(said, str) else said)
    if "oneOf" in node:
        return OBJECT
    values = node["enum"] if "enum" in node else [node["const"]]
    return frozenset([TYPE_WORDS[type(value)] for value in values])


def choices_of(compiler: Compiler, node: Node) -> tuple[str, list[list[str]], str | None]:
    """The discriminator of a choice, its values for each branch, and the default one."""
    nodes = [compiler.resolve(raw) for raw in node["oneOf"]]
    word = next(word for word in nodes[0]["properties"] if tells_apart(nodes, word))
    choosers: list[Node] = [branch["properties"][word] for branch in nodes]
    default = next((chooser["default"] for chooser in choosers if "default" in chooser), None)
    return word, [_constants(chooser) for chooser in choosers], default


def is_choice(node: Node) -> bool:
    """Whether `oneOf` chooses a branch, and not just one of several required fields."""
    return any(set(branch) != {"required"} for branch in node["oneOf"])


def tells_apart(branches: list[Node], word: str) -> bool:
    """Whether the property has other constants (or an enum with its aliases) in every branch."""
    found = [_constants(branch.get("properties", {}).get(word, {})) for branch in branches]
    values = [value for constants in found for value in constants]
    return all(found) and len(set(values)) == len(values)


def _constants(node: Node) -> list[str]:
    """The values of a property that may tell branches apart; empty when it cannot."""
    if "const" in node:
        return [node["const"]]
    return list(node["enum"]) if f"{PREFIX}alias" in node else []
