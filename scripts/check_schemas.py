"""Check the schema files of kinds against the dialect: all problems, each with a pointer.

`schemas/dialect.json` says which words there are and what follows each; what goes beyond one word
(references, absence, siblings, branches, paths) is checked here. peakctl itself checks nothing of
the files that it ships.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jsonschema
from referencing import Registry

from peakctl.kinds import schemas
from peakctl.kinds.checks import CHECKS
from peakctl.kinds.schemas import ABSENCE, PREFIX, load_kinds, load_project_schema, schema_folder

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field

Node = Mapping[str, Any]
Problem = tuple[str, str]
CALLS = {"build", "release", "revise", "patch", "edit", "update", "create"}


def problems(schema: Node) -> list[Problem]:
    """(pointer, what is wrong) for everything in `schema` that is outside the dialect."""
    dialect = json.loads((schema_folder() / "dialect.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(dialect, registry=Registry())
    found = sorted((pointer(error), error.message) for error in validator.iter_errors(schema))
    if not found:
        found += Walk(schema).fields(schema, ("kind", "apiVersion"))
    return found or [*rules(schema)]


def problems_of_project(schema: Node) -> list[Problem]:
    """The same for peakctl.yaml, which is no kind of resource: its fields are all that it has."""
    dialect = json.loads((schema_folder() / "dialect.json").read_text("utf-8"))
    fields = {"$defs": dialect["$defs"], "$ref": "#/$defs/field"}
    head = {"$schema", "$id", "title", "$defs"}
    nodes = [{k: v for k, v in schema.items() if k not in head}, *schema["$defs"].values()]
    validator = jsonschema.Draft202012Validator(fields, registry=Registry())
    found = [(pointer(error), error.message) for n in nodes for error in validator.iter_errors(n)]
    return found or [*Walk(schema).fields(schema, ())]


def pointer(error: Any) -> str:
    return "".join(f"/{part}" for part in error.absolute_path)


def rules(schema: Node) -> Iterator[Problem]:
    """What `x-peakctl-kind` says: calls that there are, and paths to fields that there are."""
    said = schema[f"{PREFIX}kind"]
    versions = said.get("versions", {})
    if versions.get("call", "edit") not in CALLS:
        yield f"/{PREFIX}kind/versions/call", f'there is no call "{versions["call"]}"'
    paths = {f"/{word}": said[word] for word in schemas.PATHS if word in said}
    if versions:
        paths["/versions/at"] = versions["at"]
    root = schemas.compile_root(schema)
    for at, path in paths.items():
        if not list(fields_at(root, schemas.split_path(path))):
            yield f"/{PREFIX}kind{at}", f"there is no field {path}"


def fields_at(field: Field, path: tuple[str, ...]) -> Iterator[Field]:
    """Every field at `path`, in all branches."""
    if not path:
        yield field
        return
    for branch in (field, *field.variants.values()):
        if path[0] in branch.properties:
            yield from fields_at(branch.properties[path[0]], path[1:])


def below(node: Node) -> Iterator[tuple[str, Node]]:
    """The nodes right below one, with the rest of their pointers."""
    for word, inner in node.get("properties", {}).items():
        yield f"/properties/{word}", inner
    for word in ("additionalProperties", "items"):
        if node.get(word):
            yield f"/{word}", node[word]
    for i, branch in enumerate(node.get("oneOf", ())):
        if set(branch) != {"required"}:
            yield f"/oneOf/{i}", branch


class Walk:
    """A walk over the nodes of one schema that keeps to the words of the dialect."""

    def __init__(self, schema: Node) -> None:
        self.defs = schema.get("$defs", {})
        self.compiler = schemas.Compiler(schema)

    def fields(self, schema: Node, without: tuple[str, ...]) -> Iterator[Problem]:
        """What is wrong with the fields of a whole document; absence says nothing of `without`."""
        for word, node in schema["properties"].items():
            yield from self.node(node, f"/properties/{word}", ())
        yield from self.absence(schema, "", without)

    def node(self, raw: Node, at: str, through: tuple[str, ...]) -> Iterator[Problem]:
        """What is wrong at and below a node, which was reached `through` these definitions."""
        chain, problem = self.follow(raw, through)
        if problem:
            yield at, problem
            return
        node = self.compiler.resolve(raw)
        if not {"type", "const", "enum", "oneOf"} & node.keys():
            yield at, "a field has a type"
            return
        for place, inner in below(node):
            yield from self.node(inner, at + place, chain)
        if not self.dangling(node):
            yield from self.of_one(node, at)

    def follow(self, raw: Node, through: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
        """The definitions behind a node, and what is wrong with the way to it."""
        while "$ref" in raw or "anyOf" in raw:
            if "anyOf" in raw:
                raw = raw["anyOf"][0]
                continue
            name = raw["$ref"].removeprefix("#/$defs/")
            if name not in self.defs:
                return through, f"{raw['$ref']} does not exist"
            if name in through:
                return through, f"{raw['$ref']} leads back to itself"
            through, raw = (*through, name), self.defs[name]
        return through, ""

    def dangling(self, node: Node) -> bool:
        """Whether a reference right below leads nowhere; that is told where it stands."""
        return any(self.follow(each, ())[1] for _, each in below(node))

    def of_one(self, node: Node, at: str) -> Iterator[Problem]:
        """What is wrong with one node beyond its words."""
        properties = node.get("properties", {})
        yield from self.absence(node, at, ())
        for word in set(node.get("required", ())) - properties.keys():
            yield f"{at}/required", f"there is no property {word}"
        for check in set(node.get(f"{PREFIX}check", "").split()) - {*CHECKS, "dockerfiles"}:
            yield f"{at}/{PREFIX}check", f'there is no check "{check}"'
        for word, raw in properties.items():
            inner = self.compiler.resolve(raw)
            named = [inner.get(f"{PREFIX}file", word), *inner.get(f"{PREFIX}only-if", ())]
            for other in {path.split(".")[0] for path in named} - properties.keys():
                yield f"{at}/properties/{word}", f"there is no sibling {other}"
        yield from self.one_of(node, at)
        if f"{PREFIX}list-key" in node:
            yield from self.list_key(node, at)

    def absence(self, node: Node, at: str, without: tuple[str, ...]) -> Iterator[Problem]:
        """Each property has a description, and one rule of absence unless it is required."""
        for word in node.get("properties", {}).keys() - set(without):
            inner = self.compiler.resolve(node["properties"][word])
            there, here = [key for key in ABSENCE if key in inner], f"{at}/properties/{word}"
            if not inner.get("description"):
                yield here, "a field has a description"
            if word in node.get("required", ()):
                if there:
                    yield here, "a required field is never absent: drop its rule"
            elif len(there) != 1:
                yield here, f"one rule must say what absence means, not {len(there)}"

    def one_of(self, node: Node, at: str) -> Iterator[Problem]:
        """Alternatives are properties; branches are told apart by one constant property."""
        if "oneOf" not in node:
            return
        if schemas.is_choice(node):
            branches = [self.compiler.resolve(branch) for branch in node["oneOf"]]
            first = branches[0].get("properties", {})
            if not any(schemas.tells_apart(branches, word) for word in first):
                yield f"{at}/oneOf", "branches are told apart by one constant property"
            return
        for word in {word for branch in node["oneOf"] for word in branch["required"]}:
            if word not in node.get("properties", {}):
                yield f"{at}/oneOf", f"there is no property {word}"

    def list_key(self, node: Node, at: str) -> Iterator[Problem]:
        """The items of the list have the fields by which they are matched."""
        item = self.compiler.resolve(node.get("items", {}))
        for key in schemas.list_key(node[f"{PREFIX}list-key"]):
            if "oneOf" not in item and key[0] not in item.get("properties", {}):
                yield f"{at}/{PREFIX}list-key", f"items have no {key[0]}"


if __name__ == "__main__":
    lines = [
        f"{kind.name}: {at or '#'}: {problem}"
        for kind in load_kinds().values()
        for at, problem in problems(kind.schema)
    ]
    project = load_project_schema().schema
    lines += [f"project: {at or '#'}: {told}" for at, told in problems_of_project(project)]
    print("\n".join(lines) or "the schemas keep to the dialect")
    sys.exit(bool(lines))
