"""The files of an import: where each goes, what stands in it, and what is there already."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from pathlib import Path as FilePath

from peakctl.archives.unpack import Unpacked
from peakctl.engine.export import Exported, Variable
from peakctl.errors import Diagnostic, UsageError
from peakctl.kinds.fields import Field, Kind, child, variant
from peakctl.manifests.writer import API_VERSION, ManifestText, TemplateText, write_documents
from peakctl.model import MAPS, Key, Path, Tree, UnsetSecret, Value
from peakctl.model.records import dataclass
from peakctl.model.values import copy_tree, dotted, mapping_at, set_at, value_at
from peakctl.operations.load import read_declared
from peakctl.operations.project import Project, ProjectOptions

LAYOUTS = ("resource", "kind", "one-file")
"""A file for each resource in folders by kind, one for each kind, or one for all."""
SOURCES = "src"
ENV_EXAMPLE = ".env.example"
GITIGNORE = ".gitignore"
KEEP_ALL = ".keep-all"
"""An ignore file that leaves out nothing but itself, for archives whose own leaves out more."""
LONG_LINES = 12
LONG_TEXT = 1_000
MOST_NAME = 80
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_VARIABLE = re.compile(r"os_env\s*(?:\.\s*|\[\s*['\"])(\w+)")
_SLUG = re.compile(r"[^A-Za-z0-9._-]+")
_HEAD = (
    "# Variables that manifests read as os_env: set them where peakctl runs, in CI as secrets.\n"
)
_NO_FILE_TEXT = re.compile("[\r\x00\ufeff\x85\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Found:
    """One resource to be written: its manifest form, its folder if any, where it came from.

    `unpacked` are the files of the archive at `spec.artifact`. `ignored` are fields that count as
    they are live, each with the reason: what the platform does not give back.
    """

    exported: Exported
    kind: Kind
    origin: str
    unpacked: Unpacked | None = None
    ignore_files: tuple[str, ...] = ()
    ignored: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """As its manifest has it: without the prefix of the environment."""
        name = value_at(self.exported.values, ("metadata", "name"))
        return Key(self.exported.key.kind, str(name))

    def ignoring(self, at: str, why: str) -> Found:
        """The same, with a field that counts as it is live."""
        return replace(self, ignored={**self.ignored, at: why})


@dataclass(slots=True)
class FileSet:
    """Files to be written, by paths relative to `root`; no two of them meet on any system.

    `manifests` are those that are manifests, with the keys that stand in each.
    """

    root: FilePath
    files: dict[str, bytes] = field(default_factory=dict)
    executable: set[str] = field(default_factory=set)
    manifests: dict[str, tuple[Key, ...]] = field(default_factory=dict)
    credentials: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def reserve(self, folder: str, stem: str, suffix: str = "") -> str:
        """A path that nothing has; of a name that is taken a numbered one."""
        number = 1
        while True:
            tail = f"-{number}" if number > 1 else ""
            path = posixpath.join(folder, f"{stem}{tail}{suffix}")
            if path.casefold() not in self._taken and not os.path.lexists(self.root / path):
                return self.take(path)
            number += 1

    def update(self, texts: Mapping[FilePath, str]) -> None:
        """Add files that are there already, with other texts."""
        for path, text in texts.items():
            name = path.resolve().relative_to(self.root.resolve()).as_posix()
            self.files[name] = text.encode()
            self.updated.append(name)

    def take(self, path: str) -> str:
        """`path`, which is no one else's from now on."""
        self._taken.add(path.casefold())
        return path

    def reserve_folder(self, stem: str, files: Mapping[str, bytes]) -> str:
        """A folder for `files`: a new one, or one that holds just these."""
        number = 1
        while True:
            path = posixpath.join(SOURCES, stem if number == 1 else f"{stem}-{number}")
            if path.casefold() not in self._taken and self._holds(path, files):
                return self.take(path)
            number += 1

    def _holds(self, path: str, files: Mapping[str, bytes]) -> bool:
        folder = self.root / path
        if not os.path.lexists(folder):
            return True
        if folder.is_symlink() or not folder.is_dir():
            return False
        found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        return found.keys() == files.keys() and all(
            found[name].read_bytes() == data for name, data in files.items()
        )


def slug(name: str) -> str:
    """`name` as the name of a file that every system takes."""
    plain = _SLUG.sub("-", name).strip("-._")[:MOST_NAME].rstrip("-._")
    reserved = _DEVICES.fullmatch(plain)
    return f"{plain}-1" if reserved else plain or "unnamed"


def folder_of(kind: str) -> str:
    """The folder, or the file, of all resources of a kind: `block-specs`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower() + "s"


def lay_out(found: Iterable[Found], files: FileSet, folder: str, layout: str) -> None:
    """Add the manifests of `found` below `folder` to `files`, and the folders that they pack."""
    groups: dict[tuple[str, ...], list[Found]] = {}
    for each in sorted(found, key=lambda item: item.key):
        groups.setdefault(_group(each, layout), []).append(each)
    for (place, stem, *_), members in groups.items():
        path = files.reserve(posixpath.join(folder, place), stem, ".yaml")
        files.manifests[path] = tuple(each.key for each in members)
        texts = [_document(each, files, path, alone=len(members) == 1) for each in members]
        files.files[path] = write_documents(texts).encode()


def _group(each: Found, layout: str) -> tuple[str, ...]:
    """Folder and stem of the file of a resource, and what tells it from others of that stem."""
    if layout == "one-file":
        return "", "imported"
    folder = folder_of(each.kind.name)
    return ("", folder) if layout == "kind" else (folder, slug(each.key.name), each.key.name)


def _document(each: Found, files: FileSet, path: str, *, alone: bool) -> ManifestText:
    values = copy_tree(each.exported.values)
    comments = dict(each.exported.comments)
    place = posixpath.dirname(path)
    if each.unpacked is not None:
        folder = _add_folder(each, files)
        artifact: dict[str, Value] = {"path": posixpath.relpath(folder, place)}
        if each.ignore_files:
            artifact["ignore_files"] = list(each.ignore_files)
        set_at(values, ("spec", "artifact"), artifact)
    if each.ignored:
        values["lifecycle"] = {"ignoreChanges": list(each.ignored)}
        comments["lifecycle",] = "\n".join(f"{at}: {why}" for at, why in each.ignored.items())
    _move_texts(each, values, files, place)
    head = [*_schema_line(files, place, each.kind, alone=alone), each.origin]
    return ManifestText(each.kind, values, comments, "\n".join(head))


def _schema_line(files: FileSet, place: str, kind: Kind, *, alone: bool) -> list[str]:
    """What tells an editor the schema, where the project has them."""
    name = f".schemas/{folder_of(kind.name)[:-1]}.json"
    if not alone or not (files.root / name).is_file():
        return []
    return [f"yaml-language-server: $schema={posixpath.relpath(name, place)}"]


def _add_folder(each: Found, files: FileSet) -> str:
    """Add the files of the archive, and give their folder."""
    assert each.unpacked is not None  # noqa: S101 - the caller asks
    contents = dict(each.unpacked.files)
    if KEEP_ALL in each.ignore_files:
        contents[KEEP_ALL] = f"{KEEP_ALL}\n".encode()
    folder = files.reserve_folder(slug(each.key.name), contents)
    files.files |= {f"{folder}/{name}": data for name, data in contents.items()}
    files.executable |= {f"{folder}/{name}" for name in each.unpacked.executable}
    files.credentials += [f"{folder}/{name}" for name in each.unpacked.credentials]
    return folder


# --- long texts ------------------------------------------------------------------------------


def _move_texts(each: Found, values: Tree, files: FileSet, place: str) -> None:
    """Put long texts into files beside the manifest, where the kind has a field for such a file."""
    for path, word, target in _text_fields(each.kind.root, values, ()):
        holder = value_at(values, path)
        assert isinstance(holder, dict)  # noqa: S101 - a copy, where a text was found
        text = str(holder[target])
        stem = slug(each.key.name) + ("" if target == "description" else f"-{target}")
        suffix = ".txt" if holder.get(f"{target}ContentType") == "text/plain" else ".md"
        file = files.reserve(place, stem, suffix)
        files.files[file] = text.encode()
        del holder[target]
        holder[word] = posixpath.basename(file)


def _text_fields(rule: Field, value: Value, path: Path) -> list[tuple[Path, str, str]]:
    """Where a long text stands: its map, the field that may name a file instead, its own field."""
    if not isinstance(value, MAPS):
        return []
    chosen = variant(rule, value)
    found = [
        (path, word, inner.file_for)
        for word, inner in chosen.properties.items()
        if inner.file_for and _is_long(value.get(inner.file_for))
    ]
    for word, each in value.items():
        if (below := child(chosen, word)) is not None and word in chosen.properties:
            found += _text_fields(below, each, (*path, word))
    return found


def _is_long(value: Value) -> bool:
    """Whether a text is better read in a file, and is the same there."""
    if not isinstance(value, str) or isinstance(value, TemplateText) or not value.strip():
        return False
    is_long = value.count("\n") >= LONG_LINES or len(value) > LONG_TEXT
    return is_long and not _NO_FILE_TEXT.search(value)


# --- files beside them -----------------------------------------------------------------------


def add_env_example(files: FileSet, variables: Iterable[Variable]) -> None:
    """Name the variables in `.env.example`; what the file has already stays."""
    wanted = {
        each.name: f"# {each.key}, {dotted(each.path)}: {each.why}\n{each.name}=\n"
        for each in variables
    }
    before = _text(files.root / ENV_EXAMPLE)
    known = {line.partition("=")[0].strip() for line in before.splitlines() if "=" in line}
    rows = [_one_line(text) for name, text in wanted.items() if name not in known]
    if rows:
        files.files[ENV_EXAMPLE] = _bytes(_ended(before or _HEAD) + "".join(rows))


def _one_line(row: str) -> str:
    comment, _, name = row.rstrip("\n").rpartition("\n")
    return f"{' '.join(comment.split())}\n{name}\n"


def add_gitignore(files: FileSet, *, env: bool) -> None:
    """Let git leave out files that may hold credentials; what `.gitignore` has already stays."""
    wanted = [*([".env"] if env else []), *map(_pattern, files.credentials)]
    before = _text(files.root / GITIGNORE)
    known = set(before.splitlines())
    rows = [f"{each}\n" for each in wanted if each not in known]
    if rows:
        files.files[GITIGNORE] = _bytes(_ended(before) + "".join(rows))


def _pattern(path: str) -> str:
    return "/" + re.sub(r"([\\*?\[\]#! ])", r"\\\1", path)


def _text(path: FilePath) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def imported_tree(each: Found) -> Tree:
    """The manifest as its schema is to judge it, before its files have their places."""
    values = {word: _plain(each) for word, each in each.exported.values.items()}
    if each.unpacked is not None:
        set_at(values, ("spec", "artifact"), {"path": "."})
    if each.ignored:
        values["lifecycle"] = {"ignoreChanges": list(each.ignored)}
    return {"apiVersion": API_VERSION, "kind": each.kind.name, **values}


def _plain(value: Value) -> Value:
    """The tree with values that nobody knows here for templates."""
    if isinstance(value, MAPS):
        return {word: _plain(each) for word, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return UnsetSecret("VALUE") if isinstance(value, TemplateText) else value


# --- where it goes, and what is there -----------------------------------------------------------


def find_places(project: Project, into: str | None) -> tuple[FilePath, str]:
    """The folder that paths in manifests may not leave, and that of the manifests, below it.

    The top of a project itself is no folder of manifests: what they pack would lie among them.
    Raises UsageError for a folder outside of the project.
    """
    root = project.root.resolve()
    if into is None:
        named = project.file.manifests if project.file else ()
        plain = (each for each in named if not set(each) & set("*?[") and "." not in each)
        into = str(root / next(plain, "manifests"))
    folder = (project.folder / into).resolve()
    if not folder.is_relative_to(root):
        if project.file is not None:
            raise UsageError(
                Diagnostic(
                    code="import/outside-project",
                    summary=f'"{into}" is outside of the project',
                    fix=f"name a folder below {root}",
                )
            )
        root = folder
    below = folder.relative_to(root).as_posix()
    return root, "manifests" if below == "." else below


@dataclass(frozen=True, slots=True)
class Declared:
    """What the project declares already: where, and the variables that its manifests read."""

    places: Mapping[Key, str] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()

    @classmethod
    def read(cls, project: Project, folder: FilePath) -> Declared:
        """What is in the project's manifests and in `folder`. Raises ManifestsInvalid."""
        projects = [] if project.file is None else [replace(project, options=_open(project, ()))]
        if folder.is_dir():
            projects.append(replace(project, options=_open(project, (str(folder),))))
        places: dict[Key, str] = {}
        texts: list[str] = [_env_example(project.root)]
        for each in projects:
            documents, sources = read_declared(each)
            texts += [source.text for source in sources]
            for document in documents:
                for key in _keys(document.value):
                    places.setdefault(key, document.display)
        return cls(places, frozenset(_names(texts)))


def _open(project: Project, manifests: tuple[str, ...]) -> ProjectOptions:
    return replace(project.options, manifests=manifests, unset_is_unknown=True)


def _keys(manifest: Tree) -> Iterable[Key]:
    kind, metadata = manifest.get("kind"), mapping_at(manifest, ("metadata",))
    before = metadata.get("previousNames")
    names = [metadata.get("name"), *(before if isinstance(before, list) else ())]
    return [Key(kind, name) for name in names if isinstance(kind, str) and isinstance(name, str)]


def _env_example(root: FilePath) -> str:
    try:
        text = (root / ENV_EXAMPLE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(f"os_env.{line.partition('=')[0].strip()}" for line in text.splitlines())


def _names(texts: Iterable[str]) -> Iterable[str]:
    return (found[1] for text in texts for found in _VARIABLE.finditer(text))
