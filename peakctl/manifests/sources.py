"""Manifest files: found by path, folder, glob or `-`, read once, in a stable order.

What is there and cannot be read is a problem, never passed over: with `--prune`, a manifest that
was not read would look like one that was removed.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from types import MappingProxyType

from peakctl.errors import Diagnostic, nearest_names
from peakctl.files import Unreadable, read_start, reason_of, without_marks
from peakctl.files import read_text as read_file
from peakctl.model import Location, Source
from peakctl.model.records import dataclass

STDIN = "<stdin>"
SUFFIXES = (".yaml", ".yml")
PROJECT_FILES = ("peakctl.yaml", "peakctl.yml")
NOT_READ = "source/not-read"
"""A file that looks like a manifest and is none by its name; no problem if another includes it."""

_ENDINGS = " and ".join(f"*{suffix}" for suffix in SUFFIXES)
_OTHER_NAME = re.compile(r"\.ya?ml\.(j2|jinja|jinja2|tmpl|tpl|template)\Z", re.IGNORECASE)
_OTHER_TEXT = re.compile(
    r"""\A(?:
        [\s{]                          # also what stands before the keys of JSON
        | (?:\#|---|%|-\s)[^\n]*\n     # comments, marks, tags of templates, items of lists
        | ["']?\w+["']?\s*:[^\n]*\n   # keys: the order of the envelope is free
    )*
    (?:["'][^\n]*,\s*)?["']?apiVersion["']?\s*:\s*["']?peakctl/""",
    re.VERBOSE,
)
_COPIES = ("~", "#", ".bak", ".orig", ".rej", ".swp", ".swo", ".old", ".tmp", ".disabled", ".off")
"""What editors and merges leave behind, and names that say: switched off."""
_LOOK = 4096

Found = tuple[tuple[Source, ...], tuple[Diagnostic, ...]]
NO_PLACES: Mapping[str, Location] = MappingProxyType({})


def find_sources(
    patterns: Sequence[str],
    root: Path,
    *,
    base: Path | None = None,
    stdin: str | None = None,
    exclude: Collection[Path] = (),
    places: Mapping[str, Location] = NO_PLACES,
) -> Found:
    """All manifests that `patterns` name, each once, and what is wrong with the patterns or files.

    Patterns are files, folders (recursive, *.yaml and *.yml in any case, hidden ones skipped),
    globs and `-`; relative ones start at `base` (default: `root`). Files are shown relative to
    `root` where they are inside. `exclude` are files that are no manifests; peakctl.yaml never is
    one. `places` says where a pattern was written. Links may lead anywhere inside of `root`.
    """
    search = _Search(_real(root), (base or root).absolute(), {_real(p) for p in exclude}, places)
    for pattern in patterns:
        if pattern == "-":
            path = search.base / STDIN
            text = without_marks(stdin or "")
            search.sources.setdefault(path, Source(str(path), STDIN, text))
        else:
            search.add(pattern)
    return tuple(search.sources.values()), tuple(search.problems)


def display_path(path: Path, root: Path) -> str:
    """`path` as users are shown it: relative to `root` when inside."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _real(path: Path) -> Path:
    """`path.resolve()`, also for a link that leads back to itself, where that one raises."""
    return Path(os.path.realpath(path))


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a file is below a folder, links followed."""
    return _real(path).is_relative_to(_real(folder))


def read_text(path: Path, display: str) -> str | Diagnostic:
    """The text of a file, or why it cannot be read: missing, no file, not UTF-8, too large."""
    try:
        return read_file(path)
    except Unreadable as error:
        return Diagnostic(
            code=f"source/{error.code}",
            summary=f'"{display}" cannot be read: {error.reason}',
            locations=(Location(display, error.line, error.column),),
            fix=error.fix,
        )


@dataclass(slots=True)
class _Search:
    root: Path
    base: Path
    exclude: set[Path]
    places: Mapping[str, Location]
    sources: dict[Path, Source] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    folders: dict[Path, Path] = field(default_factory=dict)
    area: Path = field(default_factory=Path)
    """What the links below the pattern at hand may not leave."""
    submodules: frozenset[Path] | None = None

    def add(self, pattern: str) -> None:
        path = self.base / pattern
        self.area = self._area(path)
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError, ValueError):
            self._add_unnamed(pattern, path)
        except OSError as error:
            self._tell_unreadable(path, error)
        else:
            self._add_there(pattern, path)

    def _area(self, path: Path) -> Path:
        """The project for what is in it by its name; else the file or folder that was named."""
        start = Path(os.path.normpath(path))
        if start.is_relative_to(self.root) or start.is_relative_to(self.base):
            return self.root
        parts = start.parts
        magic = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
        return _real(Path(*parts[:magic]))

    def _add_there(self, pattern: str, path: Path) -> None:
        mode = self._mode(path)
        if mode is None:
            return
        if stat.S_ISDIR(mode):
            below = f"manifests are {_ENDINGS} files below {pattern}"
            found = self._walk(path)
            self._add_all(pattern, found, f'the folder "{pattern}" holds no manifests', fix=below)
            return
        real = path.resolve()
        if self._is_manifest(real):
            self._read(path, real)
        else:
            summary = f'"{pattern}" configures the project, it is no manifest'
            self._tell("not-a-manifest", summary, pattern=pattern)

    def _add_unnamed(self, pattern: str, path: Path) -> None:
        if not glob.has_magic(pattern):
            self._tell_missing(pattern, path)
            return
        start = Path(path.anchor) if Path(pattern).is_absolute() else self.base
        self._add_all(
            pattern,
            self._matches(start, Path(pattern).parts[Path(pattern).is_absolute() :]),
            f'"{pattern}" matches no manifests',
            fix=f"correct the pattern, or name a folder; manifests are {_ENDINGS} files",
        )

    def _add_all(self, pattern: str, paths: Iterable[Path], summary: str, *, fix: str) -> None:
        before = len(self.problems)
        found = {real: path for path in paths if self._is_manifest(real := self._resolve(path))}
        for real, path in found.items():
            self._read(path, real)
        if not found and len(self.problems) == before:
            self._tell("no-match", summary, fix, pattern=pattern)

    def _resolve(self, path: Path) -> Path:
        """`path.resolve()`, at the price of one look at each folder."""
        if path.is_symlink():
            return path.resolve()
        folder = path.parent
        if folder not in self.folders:
            self.folders[folder] = folder.resolve()
        return self.folders[folder] / path.name

    def _is_manifest(self, real: Path) -> bool:
        return real.name not in PROJECT_FILES and real not in self.exclude

    def _read(self, path: Path, real: Path) -> None:
        if real in self.sources or self._leaves(path, real):
            return
        display = self._display(path, real)
        text = read_text(path, display)
        if isinstance(text, Diagnostic):
            self.problems.append(text)
        elif not text.strip():
            fix = "restore its text, or delete the file; a comment says that it is empty on purpose"
            place = (Location(display, 1, 1),)
            self._tell("empty", f'"{display}" is empty', fix, locations=place)
        else:
            self.sources[real] = Source(str(real), display, text)

    def _display(self, path: Path, real: Path) -> str:
        inside = real.is_relative_to(self.root)
        return real.relative_to(self.root).as_posix() if inside else str(path)

    def _walk(self, start: Path) -> Iterator[Path]:
        """The manifests below a folder, sorted, hidden ones left out."""
        for _, files in self._tree(start):
            yield from filter(self._is_named, files)

    def _tree(self, start: Path) -> Iterator[tuple[Path, list[Path]]]:
        """A folder and all below it with their files; each once however many links lead there."""
        seen: set[Path] = set()
        open_ = [start]
        while open_:
            folder = open_.pop()
            real = self._resolve(folder)
            if real in seen or self._leaves(folder, real):
                continue
            seen.add(real)
            inner, files = self._content(folder)
            if not (inner or files or self._names(folder)) and real in self._submodules():
                self._tell_not_checked_out(folder)
            yield folder, files
            open_ += reversed(inner)

    def _content(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """The folders and the files in a folder that are not hidden."""
        paths = [folder / name for name in self._names(folder) if not name.startswith(".")]
        modes = {path: mode for path in paths if (mode := self._mode(path)) is not None}
        inner = [path for path, mode in modes.items() if stat.S_ISDIR(mode)]
        return inner, [path for path in modes if path not in inner]

    def _names(self, folder: Path) -> list[str]:
        """The names in a folder, sorted; none, with a problem, where it cannot be listed."""
        try:
            return sorted(os.listdir(folder))  # noqa: PTH208 - names, without a Path for each
        except OSError as error:
            self._tell_unreadable(folder, error)
            return []

    def _mode(self, path: Path) -> int | None:
        """What is at `path`; None, with a problem, where nobody can tell."""
        try:
            return path.stat().st_mode
        except OSError as error:
            self._tell_unreadable(path, error)
            return None

    def _matches(self, path: Path, parts: Sequence[str]) -> Iterator[Path]:
        """The manifests that a glob names; unlike pathlib's, `*` matches no hidden files."""
        mode = self._mode(path)
        is_folder = mode is not None and stat.S_ISDIR(mode)
        if parts and is_folder:
            for inner in self._step(path, parts[0], is_last=len(parts) == 1):
                yield from self._matches(inner, parts[1:])
        elif is_folder:
            yield from self._walk(path)
        elif mode is not None and not parts and self._is_named(path):
            yield path

    def _step(self, folder: Path, part: str, *, is_last: bool) -> Iterator[Path]:
        """What one part of a glob names in a folder."""
        if part == "**":
            yield from [folder] if is_last else (inner for inner, _ in self._tree(folder))
        elif not glob.has_magic(part):
            yield from [folder / part] if os.path.lexists(folder / part) else []
        else:
            names = [n for n in self._names(folder) if n[0] != "." or part[0] == "."]
            yield from (folder / name for name in names if fnmatch.fnmatchcase(name, part))

    def _is_named(self, path: Path) -> bool:
        """Whether a file is a manifest by its name; a problem where only its text says so."""
        if path.suffix.lower() in SUFFIXES:
            return True
        try:
            is_other = _looks_like_manifest(path)
        except OSError as error:
            self._tell_unreadable(path, error)
            return False
        if is_other:
            display = self._display(path, self._resolve(path))
            fix = f"end its name with {SUFFIXES[0]}, include it in a manifest, or move it elsewhere"
            place = (Location(display, 1, 1),)
            summary = f'"{display}" looks like a manifest, and its name says that it is none'
            self._tell("not-read", summary, fix, locations=place)
        return False

    def _leaves(self, path: Path, real: Path) -> bool:
        """Whether a link leads out of the project, with a problem if so."""
        if real.is_relative_to(self.area):
            return False
        display = display_path(path, self.root)
        fix = "put a copy into the project, or name that file or folder with -f"
        place = (Location(display, 1, 1),)
        self._tell("outside-project", f'"{display}" leads out of the project', fix, locations=place)
        return True

    def _submodules(self) -> frozenset[Path]:
        """Where git submodules of the repository belong; read once, when a folder is empty."""
        if self.submodules is None:
            parents = (self.root, *self.root.parents)
            top = next((folder for folder in parents if (folder / ".git").exists()), self.root)
            self.submodules = frozenset(_submodule_paths(top.resolve()))
        return self.submodules

    def _tell_not_checked_out(self, folder: Path) -> None:
        display = display_path(folder, self.root)
        self._tell(
            "submodule",
            f'"{display}" is a git submodule that is not checked out',
            "check it out: git submodule update --init; in CI, fetch submodules with the checkout",
            locations=(Location(display, 1, 1),),
        )

    def _tell_unreadable(self, path: Path, error: OSError) -> None:
        display = display_path(path, self.root)
        self._tell(
            "unreadable",
            f'"{display}" cannot be read: {reason_of(error, path)}',
            "make it readable, or take it away",
            locations=(Location(display, 1, 1),),
        )

    def _tell_missing(self, pattern: str, path: Path) -> None:
        there = os.listdir(path.parent) if os.access(path.parent, os.R_OK) else []  # noqa: PTH208
        near = nearest_names(path.name, there)
        given = "correct the path, or `manifests` of peakctl.yaml"
        fix = f"did you mean: {', '.join(near)}" if near else given
        self._tell("not-found", f'there is no file or folder "{pattern}"', fix, pattern=pattern)

    def _tell(
        self,
        code: str,
        summary: str,
        fix: str = "",
        *,
        pattern: str = "",
        locations: tuple[Location, ...] = (),
    ) -> None:
        place = self.places.get(pattern)
        locations = locations or ((place,) if place else ())
        told = Diagnostic(f"source/{code}", summary, locations=locations, fix=fix)
        if told not in self.problems:
            self.problems.append(told)


def _submodule_paths(top: Path) -> Iterator[Path]:
    """The folders that `.gitmodules` names."""
    try:
        text = (top / ".gitmodules").read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return
    for found in re.finditer(r"^\s*path\s*=\s*(.+?)\s*$", text, re.MULTILINE):
        yield top / found[1].strip('"')


def _looks_like_manifest(path: Path) -> bool:
    """By the name of a template, or by how its text begins; never a copy that an editor made.

    Raises OSError for what cannot be read: nobody knows what it holds, or what it stands in for.
    """
    if path.name.lower().endswith(_COPIES):
        return False
    if _OTHER_NAME.search(path.name):
        return True
    return bool(_OTHER_TEXT.match(read_start(path, _LOOK)))
