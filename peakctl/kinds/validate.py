"""Documents + kinds -> resources, or every problem with them in one run.

jsonschema-rs decides whether a document is valid; `schema_errors` says why not; `reading` turns
what is valid into a `Resource`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path as FilePath

import jsonschema_rs

from peakctl.errors import Diagnostic
from peakctl.kinds.fields import Absent, Kind, ignored_of, is_ignored, variant
from peakctl.kinds.problems import Problems
from peakctl.kinds.reading import Pack, Reading, as_text_where_wanted
from peakctl.kinds.schema_errors import explain
from peakctl.kinds.schemas import output_schemas
from peakctl.kinds.secrecy import check_masks, may_have_secrets, warn_of_short, warn_of_shown
from peakctl.model import MISSING, JsonDict, JsonObject, Key, Location, Path, Secret, Tree
from peakctl.model.records import dataclass
from peakctl.model.resources import Document, Resource
from peakctl.model.text import first_unseen, named_character, normal_form, shown_text
from peakctl.model.values import is_unset, leaf_places, reveal, value_at

API_VERSION = "peakctl/v1"


def read_resources(
    documents: Sequence[Document],
    kinds: Mapping[str, Kind],
    *,
    project_root: FilePath,
    pack: Pack | None = None,
) -> tuple[tuple[Resource, ...], tuple[Diagnostic, ...]]:
    """The resources that valid documents describe, and all problems, in order of documents.

    As `read_manifests`.
    """
    found = read_manifests(documents, kinds, project_root=project_root, pack=pack)
    return found.resources, found.problems


@dataclass(frozen=True, slots=True)
class Read:
    """The resources of valid documents, and those that fit their schema and are wrong otherwise.

    With the second, what is wrong between resources is reported in the same run.
    """

    resources: tuple[Resource, ...]
    faulty: tuple[Resource, ...]
    problems: tuple[Diagnostic, ...]


Needed = Callable[[Sequence[Resource]], Container[Key]]
"""Which of the resources of a run need the archives of their folders."""


def all_of(resources: Sequence[Resource]) -> Container[Key]:
    """Every one of them."""
    return {resource.key for resource in resources}


def read_manifests(
    documents: Sequence[Document],
    kinds: Mapping[str, Kind],
    *,
    project_root: FilePath,
    pack: Pack | None = None,
    needed: Needed = all_of,
) -> Read:
    """What documents describe, and all problems, in order of documents.

    `pack` makes the archives of artifact folders (`archives.pack`, a room that this one does not
    see), once all documents are read: of those that are `needed`. Raises TypeError when there is an
    artifact and no `pack`, nothing for what manifests say.
    """
    reader = _Reader(kinds, project_root)
    told = [Problems(document) for document in documents]
    readings = [reading for problems in told if (reading := reader.read(problems))]
    _pack_folders(readings, project_root, pack, needed)
    resources = [reading.resource for reading in readings if reading.problems.clean]
    faulty = [reading.resource for reading in readings if not reading.problems.clean]
    named = [(problems.key, problems.document) for problems in told if problems.key]
    found = [problem for problems in told for problem in problems.found]
    found += _shared_names(named, kinds)
    unpinned = _unpinned([*resources, *faulty], {key for key, _ in named}, kinds)
    whole = [r for r in resources if id(r) not in unpinned]
    faulty += [r for r in resources if id(r) in unpinned]
    found += (problem for problems in unpinned.values() for problem in problems)
    return Read(tuple(whole), tuple(faulty), tuple(found))


def _pack_folders(
    readings: Sequence[Reading], root: FilePath, pack: Pack | None, needed: Needed
) -> None:
    """Give what names folders its archives, and report what is wrong with them."""
    naming = [reading for reading in readings if reading.folders]
    if not naming:
        return
    if pack is None:
        raise TypeError("an artifact cannot be read without pack")
    keys = needed([reading.resource for reading in readings])
    folders = [
        replace(folder, needed=reading.resource.key in keys)
        for reading in naming
        for folder in reading.folders.values()
    ]
    packed = iter(pack(folders, root))
    for reading in naming:
        reading.take_archives(dict(zip(reading.folders, packed, strict=False)))


def _unpinned(
    resources: Sequence[Resource], named: set[Key], kinds: Mapping[str, Kind]
) -> dict[int, list[Diagnostic]]:
    """What is wrong with fixed releases that refer to what is not fixed, by their identity."""
    fixed = fixed_versions(resources, kinds)
    broken = named - {resource.key for resource in resources}
    found: dict[int, list[Diagnostic]] = {}
    for resource in resources:
        problems = Problems(resource.document, resource.key)
        check_pinned(resource, fixed, broken, problems)
        if problems.found:
            found[id(resource)] = problems.found
    return found


def check_document(kind: Kind, document: Document) -> tuple[Diagnostic, ...]:
    """What is wrong with a document by the schema of `kind` alone."""
    problems = Problems(document)
    decider = _validator_of(kind)
    if not decider.is_valid(document.value):
        explain(kind, document.value, decider, problems)
    return tuple(problems.found)


def is_output(command: str, document: object) -> bool:
    """Whether a document has the shape that schemas/output has for `command`."""
    schema = json.loads(output_schemas()[command].read_text("utf-8"))
    return bool(jsonschema_rs.Draft202012Validator(schema).is_valid(document))


def _validator_of(kind: Kind) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        dict(kind.schema), validate_formats=True, offline=True
    )


@dataclass(slots=True)
class _Reader:
    """One run over documents; keeps a compiled validator for each kind that it meets."""

    kinds: Mapping[str, Kind]
    project_root: FilePath
    validators: dict[str, jsonschema_rs.Draft202012Validator] = field(default_factory=dict)

    def read(self, problems: Problems) -> Reading | None:
        """What the document is read to (with problems if it is faulty), or None with problems."""
        document = problems.document
        kind = self._kind(document.value, problems)
        if kind is None:
            return None
        version = {"apiVersion": API_VERSION}  # a wrong one has been reported
        value = {**document.value, **version}
        problems.key = _key(kind, value)
        written = repr(value)
        if may_have_secrets(written):
            envelope = _envelope(value)
            check_masks(kind.root, envelope, problems)
            warn_of_short(envelope, problems)
            warn_of_shown(kind.root, envelope, problems)
        check_names(value, written, problems)
        whole = with_ignored_archive(kind, value)
        if not self._is_valid(kind, whole):
            plain = {**as_text_where_wanted(kind, document), **version}
            whole = with_ignored_archive(kind, plain)
            if not self._is_valid(kind, reveal(whole)) and not self._fits(kind, whole, problems):
                return None
            value = plain
            problems.key = _key(kind, value)
        if problems.key is None:
            problems.tainted(("metadata", "name"), "a name")
            return None
        reading = Reading(kind, document, problems, self.project_root, self.kinds)
        reading.read(problems.key, value)
        return reading

    def _kind(self, value: object, problems: Problems) -> Kind | None:
        if not isinstance(value, Mapping):
            summary = "a manifest is a mapping with apiVersion, kind, metadata and spec"
            problems.add("not-a-map", (), summary)
            return None
        if "kind" not in value and isinstance(value.get("body"), Mapping):
            _tell_body(value, problems)
            return None
        is_ours = _check_api_version(value, problems)
        word = value.get("kind")
        known = ", ".join(self.kinds)
        if isinstance(word, Secret):
            problems.tainted(("kind",), "a kind")
        elif not isinstance(word, str):
            fix = f"add kind: with one of {known}"
            problems.add("missing-kind", (), "kind is missing", fix=fix)
        elif word not in self.kinds:
            problems.unknown_kind(word, ("kind",), self.kinds)
        return self.kinds.get(word) if isinstance(word, str) and is_ours else None

    def _fits(self, kind: Kind, value: Tree, problems: Problems) -> bool:
        """Whether nothing is wrong with `value` but what is not known here; tells of the rest."""
        before = len(problems.found)
        explain(kind, value, self._validator(kind), problems)
        unset = {path for path, leaf in leaf_places(value) if is_unset(leaf)}
        told = [each for each in problems.found[before:] if each.path not in unset]
        problems.found[before:] = told
        return bool(unset) and not told

    def _validator(self, kind: Kind) -> jsonschema_rs.Draft202012Validator:
        if kind.name not in self.validators:
            self.validators[kind.name] = _validator_of(kind)
        return self.validators[kind.name]

    def _is_valid(self, kind: Kind, value: object) -> bool:
        try:
            return bool(self._validator(kind).is_valid(value))
        except (ValueError, UnicodeEncodeError):  # a Secret, or text that is not Unicode
            return False


def with_ignored_archive(kind: Kind, value: Tree) -> Tree:
    """`value` as its schema wants it, where a folder is left out whose changes are ignored."""
    spec, ignored = value.get("spec"), ignored_of(value)
    if not ignored or not isinstance(spec, Mapping):
        return value
    rules = variant(kind.root.properties["spec"], spec).properties
    left_out = {
        word: {"path": "."}
        for word, rule in rules.items()
        if rule.archive
        and rule.absent is Absent.REQUIRED
        and word not in spec
        and is_ignored(("spec", word), ignored)
    }
    return {**value, "spec": {**spec, **left_out}} if left_out else value


def _check_api_version(value: JsonObject, problems: Problems) -> bool:
    """Whether the fields are those of this version; so they are where none is given."""
    said = value.get("apiVersion")
    fix = f"write apiVersion: {API_VERSION}"
    if said is None:
        problems.add("api-version", (), "apiVersion is missing", fix=fix)
    elif said != API_VERSION:
        problems.add("api-version", ("apiVersion",), f'apiVersion "{said}" is unknown', fix=fix)
    return said in (None, API_VERSION)


def _envelope(value: JsonObject) -> JsonDict:
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


def _tell_body(value: JsonObject, problems: Problems) -> None:
    """A document as the platform's own client takes it: its kind is in no field."""
    body = value["body"]
    kind = next((kind for kind, marks in _BODIES if _fits(body, marks)), "Artifact")
    problems.add(
        "cli-body",
        ("body",),
        "this is a body file of the peak CLI",
        detail="a manifest names its kind, and holds what names the resource under metadata",
        fix=(
            f"begin with apiVersion: {API_VERSION}, kind: {kind} and metadata: {{name: ...}}, "
            "and put the rest of the body under spec"
        ),
    )


def _fits(body: JsonObject, marks: JsonObject) -> bool:
    return all(word in body and wanted in (None, body[word]) for word, wanted in marks.items())


def _key(kind: Kind, value: JsonObject) -> Key | None:
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return Key(kind.name, name) if isinstance(name, str) and name else None


def _shared_names(
    named: Sequence[tuple[Key, Document]], kinds: Mapping[str, Kind]
) -> list[Diagnostic]:
    """A problem for each name that two resources of a kind (or of a group of kinds) share.

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


NAMES = frozenset(
    ("name", "stepName", "imageRef", "parents", "previousNames", "dependsOn", "instanceType")
)
"""Fields whose texts are names, whatever the kind; so are the texts in a list of that name."""
TITLES = frozenset(("title",))

_TURNING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a title may not hold: controls, and what turns the direction of all that follows it."""


def check_names(value: JsonObject, written: str, problems: Problems) -> None:
    """Report each name with a control, zero-width or bidirectional character.

    Keys were looked at when the file was parsed. Such characters show as escapes in `written`, the
    text that Python itself makes of a value, which is much quicker than to visit each value.
    """
    if "\\" in written:
        for path, text in leaf_places(value):
            if isinstance(text, str):
                _check(path, text, problems)


def _check(path: Path, text: str, problems: Problems) -> None:
    word = next((part for part in reversed(path) if isinstance(part, str)), "")
    found = ""
    if word in NAMES:
        found = first_unseen(text, spaces=True)
    elif word in TITLES:
        turning = _TURNING.search(text)
        found = turning[0] if turning else ""
    if path == ("metadata", "name") and "\\" in text:
        _tell_backslash(path, text, problems)
    elif found:
        problems.add(
            "name-character",
            path,
            f'the {"title" if word in TITLES else "name"} "{shown_text(text)}"'
            f" holds {named_character(found)}",
            detail="it cannot be seen, or it changes how the text around it is shown",
            fix="write it without that character",
        )


def _tell_backslash(path: Path, text: str, problems: Problems) -> None:
    problems.add(
        "name-character",
        path,
        f'the name "{shown_text(text)}" holds a backslash',
        detail="it reads as an escape sequence, here or where the name is shown",
        fix="write it without the backslash",
    )


def fixed_versions(resources: Sequence[Resource], kinds: Mapping[str, Kind]) -> dict[Key, str]:
    """The resources whose manifest gives their number, with that number."""
    numbers = {resource.key: _number(resource, kinds[resource.key.kind]) for resource in resources}
    return {key: number for key, number in numbers.items() if number is not None}


def check_pinned(
    resource: Resource,
    fixed: Mapping[Key, str],
    broken: Container[Key],
    problems: Problems,
) -> None:
    """Each reference of a fixed release has a version, or follows a manifest that has one.

    What a `broken` manifest may give is not reported.
    """
    number = fixed.get(resource.key)
    if number is None:
        return
    for reference in resource.references:
        if not (reference.version_at and reference.edge) or reference.version is not None:
            continue
        if any(key in fixed or key in broken for key in _keys(reference.kinds, reference.name)):
            continue
        problems.add(
            "unpinned",
            reference.at,
            f'"{reference.name}" has no version, but the release has the fixed number {number}',
            detail="what it follows may change, and a released number may not",
            fix=(
                "give the version here or in the manifest of what it names, or remove"
                " release.version to number releases by itself"
            ),
        )


def _keys(kinds: Sequence[str], name: str) -> list[Key]:
    return [Key(kind, name) for kind in kinds]


def _number(resource: Resource, kind: Kind) -> str | None:
    found = value_at(resource.values, kind.versions.at) if kind.versions else MISSING
    return None if found is MISSING or found is None else str(reveal(found))
