"""Loads the schema files: from beside the package in a source tree, from inside it in a wheel."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path

from peakctl.kinds.compiler import Compiler, compile_kind
from peakctl.kinds.fields import Absent, Kind

NOT_KINDS = frozenset({"dialect.json", "manifest.json", "project.json"})


def schema_folder() -> Path:
    """The folder of the schema files."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "schemas"
    return inside if inside.is_dir() else package.parent / "schemas"


@functools.cache
def load_kinds() -> Mapping[str, Kind]:
    """All kinds by name: one schema file each, in the order of their names.

    Raises `DialectError` for a file outside the dialect, with the file's name in front.
    """
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


def output_schemas() -> Mapping[str, Path]:
    """The schema files of what commands print as JSON, by command; `events` are JSON lines."""
    return {path.stem: path for path in sorted((schema_folder() / "output").glob("*.json"))}


def load_schema_name(path: Path) -> str:
    """The kind that a schema file describes; empty for one that describes none."""
    if path.name in NOT_KINDS:
        return ""
    name: str = json.loads(path.read_text("utf-8"))["properties"]["kind"]["const"]
    return name
