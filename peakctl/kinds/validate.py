"""Documents + kinds -> resources, or every complaint about them in one run.

jsonschema-rs decides whether a document is valid; `explain` says why not; `reading` turns what is
valid into a `Resource`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from peakctl.errors import Diagnostic
from peakctl.kinds.complaints import Complaints
from peakctl.kinds.explain import explain
from peakctl.kinds.masks import check_masks, warn_of_short
from peakctl.kinds.names import check_names
from peakctl.kinds.pinning import check_pinned, fixed_versions
from peakctl.kinds.plain import as_text_where_wanted
from peakctl.kinds.reading import Reading
from peakctl.kinds.secrecy import warn_of_shown
from peakctl.model import Archive, Document, Key, Location, Resource, Secret, reveal
from peakctl.model.text import normal_form

if TYPE_CHECKING:
    from peakctl.kinds.fields import Kind

API_VERSION = "peakctl/v1"
Pack = Callable[[FilePath, Sequence[str] | None, FilePath], Archive]
"""Folder, names of ignore files, project root -> its archive; raises ManifestsInvalid."""


def read_resources(
    documents: Sequence[Document],
    kinds: Mapping[str, Kind],
    *,
    project_root: FilePath,
    pack: Pack | None = None,
) -> tuple[tuple[Resource, ...], tuple[Diagnostic, ...]]:
    """The resources that valid documents describe, and all complaints, in order of documents.

    As `read_manifests`.
    """
    found = read_manifests(documents, kinds, project_root=project_root, pack=pack)
    return found.resources, found.problems


@dataclass(frozen=True, slots=True)
class Read:
    """The resources of valid documents, and those that fit their schema and are wrong otherwise.

    With the second, what is wrong between resources can be told in the same run.
    """

    resources: tuple[Resource, ...]
    faulty: tuple[Resource, ...]
    problems: tuple[Diagnostic, ...]


def read_manifests(
    documents: Sequence[Document],
    kinds: Mapping[str, Kind],
    *,
    project_root: FilePath,
    pack: Pack | None = None,
) -> Read:
    """What documents describe, and all complaints, in order of documents.

    `pack` makes the archive of an artifact folder (`archives.pack`, a room that this one does not
    see). Raises TypeError when there is an artifact and no `pack`, nothing for what manifests say.
    """
    reader = _Reader(kinds, project_root, pack)
    resources: list[Resource] = []
    faulty: list[Resource] = []
    found: list[Diagnostic] = []
    named: list[tuple[Key, Document]] = []
    for document in documents:
        complaints = Complaints(document)
        resource = reader.read(document, complaints)
        if resource is not None:
            (resources if complaints.clean else faulty).append(resource)
        named += [(complaints.key, document)] if complaints.key else []
        found += complaints.found
    found += _shared_names(named, kinds)
    unpinned = _unpinned([*resources, *faulty], {key for key, _ in named}, kinds)
    whole = [r for r in resources if id(r) not in unpinned]
    faulty += [r for r in resources if id(r) in unpinned]
    found += (problem for problems in unpinned.values() for problem in problems)
    return Read(tuple(whole), tuple(faulty), tuple(found))


def _unpinned(
    resources: Sequence[Resource], named: set[Key], kinds: Mapping[str, Kind]
) -> dict[int, list[Diagnostic]]:
    """What is wrong with fixed releases that refer to what is not fixed, by their identity."""
    fixed = fixed_versions(resources, kinds)
    broken = named - {resource.key for resource in resources}
    found: dict[int, list[Diagnostic]] = {}
    for resource in resources:
        complaints = Complaints(resource.document, resource.key)
        check_pinned(resource, fixed, broken, complaints)
        if complaints.found:
            found[id(resource)] = complaints.found
    return found


@dataclass(slots=True)
class _Reader:
    """One run over documents; keeps a compiled validator for each kind that it meets."""

    kinds: Mapping[str, Kind]
    project_root: FilePath
    pack: Pack | None
    validators: dict[str, Any] = field(default_factory=dict)

    def read(self, document: Document, complaints: Complaints) -> Resource | None:
        """The resource (with complaints if it is faulty), or None with complaints."""
        kind = self._kind(document.value, complaints)
        if kind is None:
            return None
        version = {"apiVersion": API_VERSION}  # what is wrong with it has been told
        value = {**document.value, **version}
        complaints.key = _key(kind, value)
        check_masks(kind.root, _envelope(value), complaints)
        warn_of_short(_envelope(value), (), complaints)
        warn_of_shown(kind.root, _envelope(value), complaints)
        check_names(value, complaints)
        if not self._is_valid(kind, value):
            plain = {**as_text_where_wanted(kind, document), **version}
            if not self._is_valid(kind, reveal(plain)):
                explain(kind, plain, self._validator(kind), complaints)
                return None
            value = plain
            complaints.key = _key(kind, value)
        if complaints.key is None:
            complaints.tainted(("metadata", "name"), "a name")
            return None
        reading = Reading(kind, document, complaints, self.project_root, self.pack, self.kinds)
        return reading.resource(complaints.key, value)

    def _kind(self, value: Any, complaints: Complaints) -> Kind | None:
        if not isinstance(value, Mapping):
            summary = "a manifest is a mapping with apiVersion, kind, metadata and spec"
            complaints.add("not-a-map", (), summary)
            return None
        if "kind" not in value and isinstance(value.get("body"), Mapping):
            _tell_body(value, complaints)
            return None
        is_ours = _check_api_version(value, complaints)
        word = value.get("kind")
        known = ", ".join(self.kinds)
        if isinstance(word, Secret):
            complaints.tainted(("kind",), "a kind")
        elif not isinstance(word, str):
            fix = f"add kind: with one of {known}"
            complaints.add("missing-kind", (), "kind is missing", fix=fix)
        elif word not in self.kinds:
            complaints.unknown_kind(word, ("kind",), self.kinds)
        return self.kinds.get(word) if isinstance(word, str) and is_ours else None

    def _validator(self, kind: Kind) -> Any:
        if kind.name not in self.validators:
            self.validators[kind.name] = jsonschema_rs.Draft202012Validator(
                dict(kind.schema), validate_formats=True, offline=True
            )
        return self.validators[kind.name]

    def _is_valid(self, kind: Kind, value: Any) -> bool:
        try:
            return bool(self._validator(kind).is_valid(value))
        except (ValueError, UnicodeEncodeError):  # a Secret, or text that is not Unicode
            return False


def _check_api_version(value: Mapping[str, Any], complaints: Complaints) -> bool:
    """Whether the fields are those of this version; so they are where none is given."""
    said = value.get("apiVersion")
    fix = f"write apiVersion: {API_VERSION}"
    if said is None:
        complaints.add("api-version", (), "apiVersion is missing", fix=fix)
    elif said != API_VERSION:
        complaints.add("api-version", ("apiVersion",), f'apiVersion "{said}" is unknown', fix=fix)
    return said in (None, API_VERSION)


def _envelope(value: Mapping[str, Any]) -> dict[str, Any]:
    """What of a document has fields of its kind."""
    return {word: value[word] for word in ("metadata", "spec") if word in value}


_BODIES = (
    ("AppSpec", {"kind": "app"}),
    ("BlockSpec", {"kind": None, "config": None}),
    ("Deployment", {"spec": None}),
    ("Workflow", {"steps": None}),
    ("Service", {"serviceType": None}),
    ("Service", {"imageDetails": None}),
    ("Image", {"buildDetails": None}),
    ("Image", {"type": None}),
)
"""What tells the bodies of the platform's own client apart: fields, some with their value."""


def _tell_body(value: Mapping[str, Any], complaints: Complaints) -> None:
    """A document as the platform's own client takes it: its kind is in no field."""
    body = value["body"]
    kind = next((kind for kind, marks in _BODIES if _fits(body, marks)), "Artifact")
    complaints.add(
        "cli-body",
        ("body",),
        "this is a body file of the peak CLI",
        detail="a manifest names its kind, and holds what names the resource under metadata",
        fix=(
            f"begin with apiVersion: {API_VERSION}, kind: {kind} and metadata: {{name: ...}}, "
            "and put the rest of the body under spec"
        ),
    )


def _fits(body: Mapping[str, Any], marks: Mapping[str, Any]) -> bool:
    return all(word in body and wanted in (None, body[word]) for word, wanted in marks.items())


def _key(kind: Kind, value: Mapping[str, Any]) -> Key | None:
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return Key(kind.name, name) if isinstance(name, str) and name else None


def _shared_names(
    named: Sequence[tuple[Key, Document]], kinds: Mapping[str, Kind]
) -> list[Diagnostic]:
    """A complaint for each name that two resources of a kind (or of a group of kinds) share.

    So they do when the names differ only in how Unicode writes them.
    """
    groups: defaultdict[tuple[str, str], list[tuple[Key, Document]]] = defaultdict(list)
    for key, document in named:
        group = kinds[key.kind].name_group or key.kind
        groups[group, normal_form(key.name)].append((key, document))
    return [_shared(sharers) for sharers in groups.values() if len(sharers) > 1]


def _shared(sharers: Sequence[tuple[Key, Document]]) -> Diagnostic:
    keys = tuple(dict.fromkeys(str(key) for key, _ in sharers))
    at = ("metadata", "name")
    places: tuple[Location, ...] = tuple(document.locate(at) for _, document in sharers)
    key = sharers[-1][0]
    if len({each.name for each, _ in sharers}) > 1:
        return _alike(key, places)
    return Diagnostic(
        code="manifest/duplicate-name",
        summary=f'the name "{key.name}" is given {len(sharers)} times',
        key=key,
        path=at,
        locations=places,
        detail=f"{' and '.join(keys)} share one set of names" if len(keys) > 1 else "",
        fix="rename all but one, or delete what was copied",
    )


def _alike(key: Key, places: tuple[Location, ...]) -> Diagnostic:
    return Diagnostic(
        code="manifest/name-form",
        summary=f'two names look like "{key.name}" and differ in their Unicode normal form',
        key=key,
        path=("metadata", "name"),
        locations=places,
        detail="an accented letter is one character in one of them, and two in the other",
        fix="write both in one form (NFC), then rename one, or delete what was copied",
    )
