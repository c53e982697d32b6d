"""Resources: as manifests declare them, while they are read, and as they are live."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path as FilePath
from typing import NamedTuple

from peakctl.model.records import dataclass
from peakctl.model.values import JsonObject, Key, Location, Path, Tree, empty_tree


@dataclass(frozen=True, slots=True)
class Source:
    """One manifest file as read. `path` is absolute; `display` is what users are shown."""

    path: str
    display: str
    text: str


def _no_source_text(_path: Path) -> str | None:
    return None


def _no_span(_path: Path) -> tuple[int, int] | None:
    return None


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document after rendering: untrusted, every node with a place.

    `locate(path)` gives the place of the key (or list item) at `path`, or of its nearest parent
    that exists. It may parse the file again: call it only to tell of a problem.
    `folder` is the absolute folder of the manifest; paths in it are relative to that.
    `source_text(path)` gives the scalar at `path` as it was written (`1.10`, where `value` has the
    number 1.1), None for anything else; `span(path)` gives the characters of the rendered text that
    the value takes, None for what is not there. Both cost as much as `locate`.
    """

    value: Tree
    display: str
    folder: str
    locate: Callable[[Path], Location] = field(repr=False, compare=False)
    source_text: Callable[[Path], str | None] = field(
        default=_no_source_text, repr=False, compare=False
    )
    span: Callable[[Path], tuple[int, int] | None] = field(
        default=_no_span, repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody should know of the files of an archive; `code` is that of a warning."""

    code: str
    summary: str
    detail: str
    fix: str


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file of an archive: `path` is relative with `/`, `sha256` is the hash's hex.

    `modified` is when the file on this machine was last written; nothing is decided by it.
    """

    path: str
    executable: bool
    size: int
    sha256: str
    modified: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of an artifact folder, ready to be zipped.

    `digest` is `sha256:<hex>` over sorted relative paths, executable bits and bytes. `encode()`
    gives the zip. `size` is the number of files, `paths` are theirs; None where nobody looked.
    `files` tell of each of them.
    """

    digest: str
    size: int
    encode: Callable[[], bytes] = field(repr=False, compare=False)
    paths: frozenset[str] | None = field(default=None, repr=False, compare=False)
    notices: tuple[Notice, ...] = field(default=(), compare=False)
    files: tuple[ArchiveFile, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ArtifactFolder:
    """A folder to upload and the names of its ignore files, as a manifest gives them.

    Nothing in it is read unless it is `needed`.
    """

    place: FilePath
    ignore: tuple[str, ...] | None
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names another resource (or an instance type), found through the schema.

    `at` is the object that holds `name`, or the text that is it (`instanceType`); the id goes to
    `id_at` and the version to `version_at` (absolute paths in the values), replacing the by-name
    form. `edge` is false for references that order nothing. `scope` narrows a lookup (the entity
    type of an instance type).
    """

    at: Path
    kinds: tuple[str, ...]
    name: str
    version: str | None
    id_at: Path
    version_at: Path | None
    kind_at: Path | None = None
    edge: bool = True
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """Valid desired state of one thing.

    `values` is `{"metadata": {...}, "spec": {...}}` in manifest shape: files filled in, sensitive
    leaves wrapped, references still by name. `archives` maps the path of each `artifact` field to
    its files. Fields at `unread` name folders that the run has no need of: they are not in
    `values`, and their changes are ignored.
    """

    key: Key
    values: Tree
    document: Document = field(compare=False)
    references: tuple[Reference, ...] = ()
    archives: Mapping[Path, Archive] = field(default_factory=dict)
    depends_on: tuple[Key, ...] = ()
    previous_names: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    unread: tuple[Path, ...] = ()


class State(enum.StrEnum):
    """What a status word of the platform means to a plan (the words are in the schemas)."""

    READY = "ready"
    PENDING = "pending"
    FAILED = "failed"
    STUCK = "stuck"  # a failed end that a redeploy does not repair: rolled back, resource error
    WARNING = "warning"
    GONE = "gone"


class LiveId(NamedTuple):
    """What tells one live resource from all others; names are not unique everywhere.

    `id` is text: the platform writes some ids as numbers, and 7 and "7" are one.
    """

    kind: str
    id: str

    @classmethod
    def of(cls, kind: str, id: str | int) -> LiveId:  # noqa: A002
        """That of something of `kind` with the id as the platform writes it."""
        return cls(kind, str(id))


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of a listing: `item` is the platform's own summary of it.

    `ours` is false for what can be referred to but never managed (platform-wide images). `numbers`
    are the numbers of those of its versions that the listing tells of, by the id of the version.
    """

    id: str | int
    name: str
    item: JsonObject = field(default_factory=empty_tree, compare=False)
    ours: bool = True
    numbers: Mapping[str, str] = field(default_factory=empty_tree, compare=False)


@dataclass(frozen=True, slots=True)
class Edit:
    """The last change that the platform tells of: seconds since 1970 and who; None, "": unknown."""

    at: float | None
    by: str = ""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest execution that a resource tells of; `at` is its start, in seconds since 1970.

    `status` is the platform's word.
    """

    id: str
    status: str
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a read tells beside the values of a manifest: for people, nothing is decided by it.

    `outputs` are what it gives to people, with a `Secret` for each that is a credential; `reason`
    are the platform's own words on a failure.
    """

    outputs: Tree = field(default_factory=empty_tree)
    reason: str = ""
    last_run: LastRun | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """One resource as the platform has it now, already in manifest shape.

    `version` is the image version, release or revision that `values` tell of; `latest` the newest
    there is. `attributes` are what references to it receive (`id`, `version`). `private` is the
    adapter's own (version ids, build ids, webhook ids) and is handed back to it untouched.
    `foreign` says why the resource is not ours to change, if so. `parts` are
    what the platform made for it: they are its own, and go with it. `hidden` are the
    places of values that no output may show, whatever the read showed. `files` are those of its
    archive where the read brought them along. `edited` is the last change of its content. `older`
    are ready versions before the newest that have the files of the manifest, the newest first.
    `facts` are what else the read told.
    """

    key: Key
    id: str | int
    values: Tree
    status: str = ""
    state: State = State.READY
    version: str | None = None
    latest: str | None = None
    attributes: Tree = field(default_factory=empty_tree)
    private: JsonObject = field(default_factory=empty_tree)
    foreign: str | None = None
    notes: tuple[str, ...] = ()
    parts: tuple[Key, ...] = ()
    hidden: frozenset[Path] = frozenset()
    files: tuple[ArchiveFile, ...] | None = field(default=None, repr=False, compare=False)
    edited: Edit | None = field(default=None, compare=False)
    older: tuple[Live, ...] = field(default=(), repr=False, compare=False)
    facts: Facts = field(default_factory=Facts, repr=False, compare=False)

    @property
    def number(self) -> str | None:
        """The number of what is live: a deployment has its own beside that of its release."""
        revision = self.private.get("revision")
        return self.version if revision is None else str(revision)

    @property
    def live_id(self) -> LiveId:
        return LiveId.of(self.key.kind, self.id)
