"""One document -> one `Resource`, by its schema.

Files are read, secrets wrapped, references collected, out of what is valid. Walks only where the
fields say that there is something to do (`Field.touches`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path as FilePath
from typing import Any, TypeAlias

from peakctl import files
from peakctl.errors import Diagnostic, ManifestsInvalid, Severity, nearest_names
from peakctl.kinds.checks import CHECKS, check_dockerfiles
from peakctl.kinds.fields import PARAM, Absent, Field, Kind, RefRule, child, said, variant
from peakctl.kinds.problems import Problems
from peakctl.model import dotted, drop_at, mapping_at, reveal, set_at, value_at
from peakctl.model.records import dataclass
from peakctl.model.resources import Archive, ArtifactFolder, Document, Reference, Resource
from peakctl.model.values import MISSING, JsonObject, Key, Path, Secret, Tree, Value

NUMERIC = frozenset({"integer", "number"})


def as_text_where_wanted(kind: Kind, document: Document) -> Tree:
    """The document's value with each number that stands for a text as that text."""
    value = dict(document.value)
    for word in ("metadata", "spec"):
        if word in value:
            inner = kind.root.properties[word]
            value[word] = _restored(inner, value[word], (word,), document)
    return value


def _restored(field: Field | None, value: Value, path: Path, document: Document) -> Value:
    if field is None:
        return value
    field = variant(field, value)
    if isinstance(value, Mapping):
        return {k: _restored(child(field, k), v, (*path, k), document) for k, v in value.items()}
    if isinstance(value, list):
        return [_restored(field.items, v, (*path, i), document) for i, v in enumerate(value)]
    if _is_number(value) and "string" in field.types and not field.types & NUMERIC:
        text = document.source_text(path)
        return value if text is None else text
    return value


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


Packed: TypeAlias = "Archive | ManifestsInvalid | None"
"""The archive of a folder, or why there is none; None for one that is not needed."""
Pack = Callable[[Sequence[ArtifactFolder], FilePath], Sequence[Packed]]
"""Folders and the project root -> what each of them is packed to."""

Holder: TypeAlias = "tuple[Field, JsonObject, Holder | None]"
"""A map on the way down, its field, and the holder above it (None at the top)."""


@dataclass(slots=True)
class Reading:
    """One document as it is read: the references, folders and builds that are found in it."""

    kind: Kind
    document: Document
    problems: Problems
    project_root: FilePath
    known: Collection[str]
    references: list[Reference] = field(default_factory=list)
    folders: dict[Path, ArtifactFolder] = field(default_factory=dict)
    builds: list[tuple[JsonObject, Path]] = field(default_factory=list)
    resource: Resource = field(init=False)

    def read(self, key: Key, value: JsonObject) -> None:
        """Make the resource; where there are problems, it only serves to find more of them."""
        if self.kind.deprecated:
            self.problems.warn("deprecated", ("kind",), self.kind.deprecated)
        tree = {word: value[word] for word in ("metadata", "spec")}
        values = self._map(self.kind.root, tree, (), None)
        depends_on = self._depends_on(value.get("dependsOn", ()))
        metadata, lifecycle = value["metadata"], value.get("lifecycle", {})
        ignored = tuple(reveal(lifecycle.get("ignoreChanges", ())))
        check_ignored(self.kind.root, ignored, self.problems)
        self.resource = Resource(
            key=key,
            values=mapping_at(values),
            document=self.document,
            references=tuple(self.references),
            depends_on=depends_on,
            previous_names=tuple(reveal(metadata.get("previousNames", ()))),
            labels=reveal(metadata.get("labels", {})),
            protect=reveal(lifecycle.get("protect", False)),
            ignore_changes=ignored,
        )

    def take_archives(self, packed: Mapping[Path, Packed]) -> None:
        """Give the resource the archives of its folders.

        Of a folder that was not needed nothing is known, so its changes are ignored.
        """
        values = self.resource.values
        archives: dict[Path, Archive] = {}
        unread = tuple(path for path, archive in packed.items() if archive is None)
        for path, archive in packed.items():
            if isinstance(archive, ManifestsInvalid):
                for problem in archive.diagnostics:
                    self.problems.place(problem, (*path, "path"))
            elif archive is None:
                drop_at(values, path)
            else:
                set_at(values, path, {"digest": archive.digest})
                archives[path] = archive
                self._tell_notices(archive, (*path, "path"))
        for value, path in self.builds:
            check_dockerfiles(value, path, self.problems, archives)
        ignored = (*self.resource.ignore_changes, *map(dotted, unread))
        self.resource = replace(
            self.resource, archives=archives, ignore_changes=ignored, unread=unread
        )

    def _tell_notices(self, archive: Archive, place: Path) -> None:
        for n in archive.notices:
            warning = Diagnostic(
                n.code, n.summary, detail=n.detail, fix=n.fix, severity=Severity.WARNING
            )
            self.problems.place(warning, place)

    def visit(self, field: Field, value: Value, path: Path, holder: Holder | None) -> Value:
        """`value` as the resource holds it."""
        if isinstance(value, dict):
            return self._map(field, value, path, holder)
        if isinstance(value, list):
            items = field.items
            if items is None:
                return [Secret(v) for v in value] if field.sensitive else value
            return [self.visit(items, v, (*path, i), holder) for i, v in enumerate(value)]
        if isinstance(value, Secret):
            self._refuse_taint(field, path)
            return value
        return self._leaf(field, value, path, holder)

    def _map(self, field: Field, value: JsonObject, path: Path, holder: Holder | None) -> Value:
        chosen = variant(field, value)
        here: Holder = (chosen, value, holder)
        out: dict[str, Value] = {}
        for word, inner_value in value.items():
            inner = chosen.properties.get(word) or chosen.extra
            if inner is None or not inner.touches:
                is_secret = chosen.sensitive and inner is None
                out[word] = Secret(inner_value) if is_secret else inner_value
                continue
            if inner.only_if:
                self._check_only_if(inner, inner_value, (*path, word), here)
            if inner.file_for:
                self._fill(inner, inner_value, (*path, word), out, value)
            elif inner.absent is Absent.READ_ONLY:
                self.problems.add("read-only", (*path, word), f"{word} is set by the platform")
            elif inner.absent is not Absent.LOCAL:
                out[word] = self.visit(inner, inner_value, (*path, word), here)
        is_plain = chosen is field and not (field.ref or field.check or field.archive)
        return out if is_plain else self._whole(field, value, out, path, here)

    def _whole(
        self,
        field: Field,
        value: JsonObject,
        out: dict[str, Value],
        path: Path,
        here: Holder,
    ) -> Value:
        """What concerns a map as a whole, after what is in it."""
        if here[0] is not field:
            self._check(here[0], value, path)
        if field.ref:
            self._refer(field.ref, value, path, here)
        if field.check:
            self._check(field, value, path)
        if field.archive:
            folder = find_folder(value, path, self)
            if folder is not None:
                self.folders[path] = folder
        return out

    def _leaf(self, field: Field, value: Value, path: Path, holder: Holder | None) -> Value:
        if isinstance(value, str):
            if field.aliases.get(value):
                wanted: Value = field.aliases[value]
                summary = f'"{value}" is an older word for {wanted}'
                self.problems.warn("alias", path, summary, fix=f"write {wanted}")
                return wanted
            if field.ref and holder:
                self._refer(field.ref, value, path, holder)
            if field.check:
                self._check(field, value, path)
            if field.short_for:
                return self.visit(field, {field.short_for: value}, path, holder)
        return Secret(value) if field.sensitive and value is not None else value

    def _check(self, field: Field, value: Value, path: Path) -> None:
        for check in field.check.split():
            if check == "dockerfiles":  # the only one that looks into archives
                self.builds.append((mapping_at(value), path))
            else:
                CHECKS[check](value, path, self.problems, self.references)

    def _refer(self, rule: RefRule, value: Value, path: Path, holder: Holder) -> None:
        reference = find_reference(rule, value, path, holder, self.problems)
        if reference is not None:
            self.references.append(reference)

    def _refuse_taint(self, field: Field, path: Path) -> None:
        if field.ref or field.short_for or "semver" in field.check:
            self.problems.tainted(path, "a name, a reference or a version")

    def _fill(
        self, field: Field, value: Value, path: Path, out: dict[str, Value], siblings: Tree
    ) -> None:
        """Put the text of the file that `value` names in place of the sibling it is for."""
        if field.file_for in siblings:
            summary = f"{path[-1]} and {field.file_for} exclude each other"
            self.problems.add("exactly-one", path, summary, fix="keep one of the two")
            return
        text = read_text(value, path, self)
        if text is not None:
            out[field.file_for] = text

    def _check_only_if(self, field: Field, value: Value, path: Path, here: Holder) -> None:
        """A value other than the default counts only beside certain values of siblings."""
        if value == field.default or value is None:
            return
        for other, allowed in field.only_if.items():
            found = reveal(said(here[0], here[1], tuple(other.split("."))))
            if isinstance(found, str) and found not in allowed and not found.startswith(PARAM):
                self.problems.add(
                    "not-here",
                    path,
                    f"{path[-1]} has no place beside {other}: {found}",
                    detail=f"it goes with {other}: {' or '.join(map(str, allowed))}",
                    fix=f"remove {path[-1]}",
                )

    def _depends_on(self, names: Sequence[str | Secret]) -> tuple[Key, ...]:
        """`Kind/name` texts as keys; whether the resources exist is checked where all are known."""
        out: list[Key] = []
        for i, name in enumerate(names):
            if isinstance(name, Secret):
                self.problems.tainted(("dependsOn", i), "a reference")
                continue
            kind, _, rest = name.partition("/")
            if kind in self.known:
                out.append(Key(kind, rest))
            else:
                self.problems.unknown_kind(kind, ("dependsOn", i), self.known)
        return tuple(out)


TEXT_OF_A_REFERENCE = ("name", "kind")


def find_reference(
    rule: RefRule, value: Value, path: Path, holder: Holder | None, problems: Problems
) -> Reference | None:
    """The reference that `value` makes, or None: it gives an id, or there is a problem.

    A map gives `name` (and `kind`, where several are possible); a text is the name itself, and the
    paths of its rule then start at the map that holds it.
    """
    if not isinstance(value, dict):
        return _reference(rule, str(value), None, path, path[:-1], holder)
    name, version = value.get("name"), _version(rule, value)
    if isinstance(name, Secret) or isinstance(version, Secret):
        at = (*path, "name") if isinstance(name, Secret) else (*path, *(rule.version or ()))
        problems.tainted(at, "a reference or its version")
        return None
    if name is None:
        return None
    return _reference(rule, name, version, path, path, holder, said_kind=value.get("kind"))


def _reference(
    rule: RefRule,
    name: str,
    version: str | None,
    at: Path,
    base: Path,
    holder: Holder | None,
    *,
    said_kind: str | None = None,
) -> Reference:
    return Reference(
        at=at,
        kinds=(said_kind,) if rule.kind_words and said_kind else rule.kinds,
        name=name,
        version=version,
        id_at=_absolute(base, rule.id_to),
        version_at=_absolute(base, rule.version_to) if rule.version_to else None,
        kind_at=_absolute(base, rule.kind_to) if rule.kind_to else None,
        edge=rule.edge,
        scope=rule.scope or (_scope(rule, rule.scope_by, holder) if rule.scope_by else None),
    )


def _version(rule: RefRule, value: JsonObject) -> str | Secret | None:
    """The wanted version, given as a text or (a release) as a map with that text."""
    if rule.version is None:
        return None
    found = value_at(value, rule.version)
    if found is MISSING and len(rule.version) > 1:
        found = value_at(value, rule.version[:-1])
    return found if isinstance(found, str | Secret) else None


def _absolute(base: Path, steps: Path) -> Path:
    for step in steps:
        base = base[:-1] if step == ".." else (*base, step)
    return base


def _scope(rule: RefRule, by: str, holder: Holder | None) -> str | None:
    """The scope that the nearest `scope_by` above the field chooses, by value or by default."""
    while holder is not None:
        field, value, holder = holder
        decider = field.properties.get(by)
        if decider is not None:
            return rule.scope_words.get(value.get(by, decider.default))
    return None


TEXT_FILES = (".md", ".txt")
"""What the platform's own client takes for descriptions and notes."""


def read_text(name: Value, path: Path, reading: Reading) -> str | None:
    """The text of the file `name` beside the manifest; None with a problem reported at `path`.

    Every line end is a line feed, as in a text that stands in the manifest itself.
    """
    add = reading.problems.add
    if isinstance(name, Secret):
        reading.problems.tainted(path, "a path")
        return None
    file = _inside(str(name), path, reading)
    if file is None:
        return None
    if file.suffix.lower() not in TEXT_FILES:
        add("file-type", path, f'"{name}" is neither .md nor .txt', fix="name a .md or .txt file")
        return None
    try:
        text = files.read_text(file)
    except files.Unreadable as error:
        code = "file-missing" if error.code == "unreadable" else "file-type"
        summary = f'"{name}" cannot be read: {error.reason}'
        add(code, path, summary, fix=error.fix or _beside(reading))
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def find_folder(value: JsonObject, path: Path, reading: Reading) -> ArtifactFolder | None:
    """The folder that an `artifact` field names; None with problems."""
    name = value["path"]
    if isinstance(name, Secret):
        reading.problems.tainted((*path, "path"), "a path")
        return None
    folder = _inside(name, (*path, "path"), reading)
    ignore: Any = reveal(value.get("ignore_files"))
    return None if folder is None else ArtifactFolder(folder, ignore and tuple(ignore))


def _inside(name: str, path: Path, reading: Reading) -> FilePath | None:
    """The file or folder `name`, resolved; None with a problem when it leaves the project."""
    root = reading.project_root.resolve()
    named = FilePath(reading.document.folder) / name
    try:
        found = FilePath(os.path.realpath(named))
    except (OSError, ValueError):
        reading.problems.add("file-missing", path, f'"{name}" is not a path')
        return None
    if found.is_relative_to(root):
        is_broken = os.path.islink(named) and not os.path.exists(found)  # noqa: PTH110, PTH114
        return named if is_broken else found
    summary = f'"{name}" leads out of the project'
    fix = "move it under the folder of peakctl.yaml"
    reading.problems.add("outside-project", path, summary, fix=fix)
    return None


def _beside(reading: Reading) -> str:
    return f"paths are relative to the manifest's folder, {reading.document.folder}"


PART = re.compile(r'"([^"]*)"|\[(\d+)\]|([^.\[\]"]+)')


def check_ignored(root: Field, paths: Iterable[str], problems: Problems) -> None:
    """Report each path that names no field: it would silently ignore nothing."""
    for position, text in enumerate(paths):
        lost = first_unknown(root, text)
        if lost is None:
            continue
        part, names = lost
        near = nearest_names(part, names)
        fix = f"did you mean: {', '.join(near)}" if near else "remove it, or name a field that is"
        summary = f'"{text}" names no field: there is no "{part}"'
        detail = f"the fields there are {', '.join(names)}" if names else ""
        where = ("lifecycle", "ignoreChanges", position)
        problems.add("ignored-field", where, summary, detail=detail, fix=fix)


def first_unknown(root: Field, text: str) -> tuple[str, tuple[str, ...]] | None:
    """The first part of a path that no field has, with the names that it could have been."""
    here = [root]
    for found in PART.finditer(text):
        part = next(group for group in found.groups() if group is not None)
        below = [inner for field in here for inner in _below(field, part)]
        if not below:
            return None if any(_is_open(field) for field in here) else (part, _names(here))
        here = below
    return None


def _names(fields: Iterable[Field]) -> tuple[str, ...]:
    found = {name for field in fields for branch in _branches(field) for name in branch.properties}
    return tuple(sorted(found))


def _branches(field: Field) -> Iterator[Field]:
    yield field
    yield from field.variants.values()


def _below(field: Field, part: str) -> Iterator[Field]:
    """The fields that `part` may mean: items of a list are named by position or by key."""
    for branch in _branches(field):
        named = branch.properties.values() if "*" in part else (branch.properties.get(part),)
        yield from (inner for inner in (*named, branch.extra, branch.items) if inner is not None)


def _is_open(field: Field) -> bool:
    """Whether the schema leaves open what the value holds."""
    bare = not (field.properties or field.extra or field.items or field.variants)
    return bare and (not field.types or bool(field.types & {"object", "array"}))
