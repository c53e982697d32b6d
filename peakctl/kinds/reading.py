"""One valid document -> one `Resource`: files read, secrets wrapped, references collected.

Walks only where the fields say that there is something to do (`Field.touches`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peakctl.kinds.checks import CHECKS
from peakctl.kinds.fields import PARAM, Absent
from peakctl.kinds.files import pack_folder, read_text
from peakctl.kinds.ignoring import check_ignored
from peakctl.kinds.images import check_dockerfiles
from peakctl.kinds.references import find_reference
from peakctl.kinds.walk import said, variant
from peakctl.model import Archive, Document, Key, Path, Reference, Resource, Secret, reveal

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from peakctl.kinds.complaints import Complaints
    from peakctl.kinds.fields import Field, Kind, RefRule
    from peakctl.model import Value

Holder = tuple["Field", Mapping[str, Any], Any]
"""A map on the way down, its field, and the holder above it (None at the top)."""


@dataclass(slots=True)
class Reading:
    """One document under way, and what is found on the way down."""

    kind: Kind
    document: Document
    complaints: Complaints
    project_root: FilePath
    pack: Callable[[FilePath, Sequence[str] | None, FilePath], Archive] | None
    known: Collection[str]
    references: list[Reference] = field(default_factory=list)
    archives: dict[Path, Archive] = field(default_factory=dict)

    def resource(self, key: Key, value: Mapping[str, Any]) -> Resource:
        """The resource; with complaints it is good for nothing but finding more of them."""
        if self.kind.deprecated:
            self.complaints.warn("deprecated", ("kind",), self.kind.deprecated)
        tree = {word: value[word] for word in ("metadata", "spec")}
        values = self.visit(self.kind.root, tree, (), None)
        depends_on = self._depends_on(value.get("dependsOn", ()))
        metadata, lifecycle = value["metadata"], value.get("lifecycle", {})
        ignored = tuple(reveal(lifecycle.get("ignoreChanges", ())))
        check_ignored(self.kind.root, ignored, self.complaints)
        return Resource(
            key=key,
            values=values,
            document=self.document,
            references=tuple(self.references),
            archives=self.archives,
            depends_on=depends_on,
            previous_names=tuple(reveal(metadata.get("previousNames", ()))),
            labels=reveal(metadata.get("labels", {})),
            protect=reveal(lifecycle.get("protect", False)),
            ignore_changes=ignored,
        )

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

    def _map(
        self, field: Field, value: Mapping[str, Any], path: Path, holder: Holder | None
    ) -> Value:
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
                self.complaints.add("read-only", (*path, word), f"{word} is set by the platform")
            elif inner.absent is not Absent.LOCAL:
                out[word] = self.visit(inner, inner_value, (*path, word), here)
        if chosen is not field:
            self._check(chosen, value, path)
        return self._whole(field, value, out, path, here)

    def _whole(
        self,
        field: Field,
        value: Mapping[str, Any],
        out: dict[str, Value],
        path: Path,
        here: Holder,
    ) -> Value:
        """What concerns a map as a whole, after what is in it."""
        if field.ref:
            self._refer(field.ref, value, path, here)
        if field.check:
            self._check(field, value, path)
        if field.archive:
            archive = pack_folder(value, path, self)
            if archive is not None:
                self.archives[path] = archive
                return {"digest": archive.digest}
        return out

    def _leaf(self, field: Field, value: Value, path: Path, holder: Holder | None) -> Value:
        if isinstance(value, str):
            if field.aliases.get(value):
                wanted = field.aliases[value]
                summary = f'"{value}" is an older word for {wanted}'
                self.complaints.warn("alias", path, summary, fix=f"write {wanted}")
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
                check_dockerfiles(value, path, self.complaints, self.archives)
            else:
                CHECKS[check](value, path, self.complaints, self.references)

    def _refer(self, rule: RefRule, value: Value, path: Path, holder: Holder) -> None:
        reference = find_reference(rule, value, path, holder, self.complaints)
        if reference is not None:
            self.references.append(reference)

    def _refuse_taint(self, field: Field, path: Path) -> None:
        if field.ref or field.short_for or "semver" in field.check:
            self.complaints.tainted(path, "a name, a reference or a version")

    def _fill(
        self, field: Field, value: Value, path: Path, out: dict[str, Value], siblings: Value
    ) -> None:
        """Put the text of the file that `value` names in place of the sibling it is for."""
        if field.file_for in siblings:
            summary = f"{path[-1]} and {field.file_for} exclude each other"
            self.complaints.add("exactly-one", path, summary, fix="keep one of the two")
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
                self.complaints.add(
                    "not-here",
                    path,
                    f"{path[-1]} has no place beside {other}: {found}",
                    detail=f"it goes with {other}: {' or '.join(map(str, allowed))}",
                    fix=f"remove {path[-1]}",
                )

    def _depends_on(self, names: Sequence[Any]) -> tuple[Key, ...]:
        """`Kind/name` texts as keys; whether the resources exist is checked where all are known."""
        out: list[Key] = []
        for i, name in enumerate(names):
            if isinstance(name, Secret):
                self.complaints.tainted(("dependsOn", i), "a reference")
                continue
            kind, _, rest = name.partition("/")
            if kind in self.known:
                out.append(Key(kind, rest))
            else:
                self.complaints.unknown_kind(kind, ("dependsOn", i), self.known)
        return tuple(out)
