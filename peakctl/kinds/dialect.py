"""A kind's schema file -> `Kind`; refuses whatever is outside the dialect, with a pointer into it.

The dialect is JSON Schema 2020-12 cut down to what a tree of fields can say, plus the words of
`words.py`. References are local, objects are closed, `anyOf` says "or a build parameter", `oneOf`
says "one of these required fields" or chooses a branch by one constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.kinds import words
from peakctl.kinds.compiler import Compiler
from peakctl.kinds.fields import Absent, Field, Kind, Lifecycle, Versions
from peakctl.kinds.nodes import DialectError, Node, allow_only, check_call, check_closed
from peakctl.kinds.words import PREFIX, split_path
from peakctl.model import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peakctl.model import Path


def compile_kind(schema: Node) -> Kind:
    """The kind that `schema` describes. Raises `DialectError`."""
    allow_only(schema, words.TOP, "")
    check_closed(schema, "")
    compiler = Compiler(schema)
    properties: Node = schema.get("properties", {})
    name = properties.get("kind", {}).get("const")
    if not isinstance(name, str):
        raise DialectError("/properties/kind", "the kind is a constant")
    fields = {
        word: compiler.field(node, f"/properties/{word}", compiler.absence(schema, word, ""))
        for word, node in properties.items()
        if word not in ("apiVersion", "kind")
    }
    for word in ("metadata", "spec"):
        if word not in fields:
            raise DialectError("/properties", f"{word} is missing")
    root = Field(
        types=frozenset({"object"}),
        absent=Absent.REQUIRED,
        properties={word: fields[word] for word in ("metadata", "spec")},
        touches=True,
    )
    return _kind(name, schema, root)


def _kind(name: str, schema: Node, root: Field) -> Kind:
    rules: Node = schema.get(f"{PREFIX}kind", {})
    at = f"/{PREFIX}kind"
    allow_only(rules, words.KIND, at)
    versions = rules.get("versions")
    return Kind(
        name=name,
        schema=schema,
        root=root,
        name_group=rules.get("name-group", ""),
        history=rules.get("history", False),
        deprecated=rules.get("deprecated", ""),
        versions=_versions(versions, root, f"{at}/versions") if versions else None,
        lifecycle=_lifecycle(rules.get("lifecycle", {}), f"{at}/lifecycle"),
        whole_update=rules.get("whole-update", False),
        carries={k: tuple(v) for k, v in rules.get("carries", {}).items()},
        removals=rules.get("removals", {}),
        of_parts=rules.get("of-parts", False),
        defines=_known(rules.get("defines", ""), root, f"{at}/defines"),
        defined_by=_known(rules.get("defined-by", ""), root, f"{at}/defined-by"),
        defined_by_whole=_known(rules.get("defined-by-whole", ""), root, f"{at}/defined-by-whole"),
    )


def _versions(rules: Node, root: Field, at: str) -> Versions:
    allow_only(rules, frozenset({"at", "call", "first", "has-id", "flavours"}), at)
    return Versions(
        at=_known(rules["at"], root, f"{at}/at"),
        call=check_call(rules["call"], f"{at}/call"),
        first=rules["first"],
        has_id=rules.get("has-id", False),
        flavours=rules.get("flavours", False),
    )


def _lifecycle(rules: Node, at: str) -> Lifecycle:
    allow_only(rules, words.LIFECYCLE, at)
    states = {status: State(s) for s in State for status in rules.get(s.value, ())}
    return Lifecycle(
        words=states,
        deleting=frozenset(rules.get("deleting", ())),
        on_failed=rules.get("on-failed", ""),
        advice=rules.get("advice", ""),
        wait=rules.get("wait", ""),
    )


def _known(text: str, root: Field, at: str) -> Path:
    """The path that `text` means, which the tree must have."""
    path = split_path(text)
    if not list(_at(root, path)):
        raise DialectError(at, f"there is no field {text}")
    return path


def _at(field: Field, path: Path) -> Iterator[Field]:
    """Every field at `path`, in all branches."""
    if not path:
        yield field
        return
    for branch in (field, *field.variants.values()):
        inner = branch.properties.get(str(path[0]))
        if inner is not None:
            yield from _at(inner, path[1:])
