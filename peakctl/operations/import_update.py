"""What is live and differs from a manifest that an import wrote is written back into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path as FilePath

from peakctl.engine.export import Exported, Variable
from peakctl.manifests.writer import EditedDocument, EditRefused, TemplateText
from peakctl.model import MAPS, MISSING, Action, Key, Live, Path, Value
from peakctl.model.records import dataclass
from peakctl.model.values import dotted, leaf_places, value_at
from peakctl.operations.load import LoadResult, load
from peakctl.operations.plan import PlanOptions, make_plan
from peakctl.operations.platform import Platform
from peakctl.operations.project import Project

GENERATED = "# Imported by peakctl"
_BREAK = re.compile(r"^---\n", re.MULTILINE)
_RAW = re.compile(r"\{% raw %\}.*?\{% endraw %\}", re.DOTALL)
_VARIABLE = re.compile(r"\{\{ os_env\.\w+ \}\}")
_TEMPLATE = re.compile(r"\{[{%#]")
FILES_DIFFER = "its files differ from those that are live; they stay as they are"


@dataclass(frozen=True, slots=True)
class Drift:
    """A declared resource that differs from what is live: the file of its manifest, and where."""

    key: Key
    file: FilePath
    live: Live
    paths: tuple[Path, ...]


@dataclass(slots=True)
class Updated:
    """Texts of files with what was written back, which resources that were, and what was not."""

    texts: dict[FilePath, str] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    left: dict[Key, str] = field(default_factory=dict)


async def find_drift(platform: Platform, wanted: Iterable[Key]) -> tuple[Drift, ...]:
    """Which of the declared resources `wanted` differ from what is live.

    Raises as a plan does.
    """
    project: Project = platform.project
    options = replace(project.options, manifests=(), unset_is_unknown=True)
    project = replace(project, options=options)
    loaded: LoadResult = load(project)
    planned = await make_plan(replace(platform, project=project), loaded, PlanOptions())
    keys = set(wanted)
    return tuple(
        _drift(action, action.live)
        for action in planned.plan.actions
        if action.key in keys and action.changes and action.live is not None
    )


def _drift(action: Action, live: Live) -> Drift:
    assert action.resource is not None  # noqa: S101 - what is declared has one
    document = action.resource.document
    file = FilePath(document.folder) / FilePath(document.display).name
    paths = tuple(change.path for change in action.changes)
    return Drift(action.key, file, replace(live, key=action.key), paths)


def write_back(drift: Sequence[Drift], exported: Sequence[Exported]) -> Updated:
    """The files of `drift` with the values of `exported` where they differ.

    Only in documents that an import wrote: what people write says what they mean.
    """
    updated = Updated()
    for each, new in zip(drift, exported, strict=True):
        try:
            before = updated.texts.get(each.file) or each.file.read_text(encoding="utf-8")
            text = _with_changes(before, each, new)
        except (EditRefused, OSError, UnicodeDecodeError) as error:
            updated.left[each.key] = f"it differs, and its manifest stays as it is: {error}"
            continue
        updated.texts[each.file] = text
        updated.keys.append(each.key)
        updated.variables += [v for v in new.variables if f"os_env.{v.name} " in text]
    return updated


def _with_changes(text: str, drift: Drift, new: Exported) -> str:
    parts = _BREAK.split(text)
    for number, part in enumerate(parts):
        if f"kind: {drift.key.kind}" not in part:
            continue
        document = EditedDocument(part)
        if document.tree.get("kind") != drift.key.kind or _name(document) != drift.key.name:
            continue
        if not any(line.startswith(GENERATED) for line in part.splitlines()):
            raise EditRefused("no import wrote it")
        for path in drift.paths:
            _put(document, path, new.values)
        parts[number] = document.text()
        return "---\n".join(parts)
    raise EditRefused("it is not found in its file")


def _name(document: EditedDocument) -> object:
    return value_at(document.tree, ("metadata", "name"))


def _place(old: Value, new: Value, path: Path) -> Path:
    """The place to write to for a change at `path`: that, or one around it.

    A manifest has other forms than the platform in places, and items of lists go by their names.
    """
    here: Path = ()
    for part in path:
        one, two = value_at(old, here), value_at(new, here)
        if not isinstance(one, MAPS) or not isinstance(two, MAPS):
            break
        if part not in one and part not in two:
            break
        here = (*here, part)
    if len(here) < 2:
        raise EditRefused(f"{dotted(path)} has no place in it")
    return here


def _put(document: EditedDocument, path: Path, new: Value) -> None:
    """Write what is live at `path`, or around it."""
    if path[:2] == ("spec", "artifact"):
        raise EditRefused(FILES_DIFFER)
    here = _place(document.tree, new, path)
    old, value = value_at(document.tree, here), value_at(new, here)
    file = f"{here[-1]}File"
    if isinstance(holder := value_at(document.tree, here[:-1]), MAPS) and file in holder:
        raise EditRefused(f"{dotted(here)} is in a file of its own")
    for at, leaf in leaf_places(old):
        if not _may_go(leaf, value_at(value, at)):
            raise EditRefused(f"{dotted((*here, *at))} is made by a template")
    document.put(here, _with_known_variables(value, old))


def _is_template(value: object) -> bool:
    """Whether a text is more than one that was escaped."""
    return isinstance(value, str) and bool(_TEMPLATE.search(_RAW.sub("", value)))


def _may_go(old: Value, new: Value) -> bool:
    """Whether `new` may stand for `old`: a variable goes with its field, other templates stay."""
    if not _is_template(old) or isinstance(new, TemplateText):
        return True
    return new is MISSING and bool(_VARIABLE.fullmatch(str(old)))


def _with_known_variables(value: Value, old: Value) -> Value:
    """`value` with the templates that stand there already in place of new ones."""
    if isinstance(value, TemplateText):
        return TemplateText(old) if _is_template(old) else value
    if isinstance(value, MAPS):
        return {w: _with_known_variables(v, value_at(old, (w,))) for w, v in value.items()}
    if isinstance(value, list):
        return [_with_known_variables(v, value_at(old, (i,))) for i, v in enumerate(value)]
    return value
