"""Manifest files: found by path, folder, glob or `-`, read once, in a stable order."""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, nearest_names
from peakctl.model import Location, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

STDIN = "<stdin>"
SUFFIXES = (".yaml", ".yml")
_ENDINGS = " and ".join(f"*{suffix}" for suffix in SUFFIXES)
PROJECT_FILES = ("peakctl.yaml", "peakctl.yml")
MAX_BYTES = 32 * 2**20

Found = tuple[tuple[Source, ...], tuple[Diagnostic, ...]]


def find_sources(
    patterns: Sequence[str],
    root: Path,
    *,
    base: Path | None = None,
    stdin: str | None = None,
    exclude: Collection[Path] = (),
) -> Found:
    """All manifests that `patterns` name, each once, and what is wrong with the patterns or files.

    Patterns are files, folders (recursive, *.yaml and *.yml, hidden ones skipped), globs and `-`;
    relative ones start at `base` (default: `root`). Files are shown relative to `root` where they
    are inside. `exclude` are files that are no manifests; peakctl.yaml never is one.
    """
    search = _Search(root.resolve(), (base or root).absolute(), {p.resolve() for p in exclude})
    for pattern in patterns:
        if pattern == "-":
            path = search.base / STDIN
            search.sources.setdefault(path, Source(str(path), STDIN, stdin or ""))
        else:
            search.add(pattern)
    return tuple(search.sources.values()), tuple(search.problems)


def display_path(path: Path, root: Path) -> str:
    """`path` as users are shown it: relative to `root` when inside."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def read_text(path: Path, display: str) -> str | Diagnostic:
    """The text of a file, or why it cannot be read: missing, not UTF-8, too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        return Diagnostic(
            code="source/unreadable", summary=f'"{display}" cannot be read: {error.strerror}'
        )
    if len(data) > MAX_BYTES:
        return Diagnostic(
            code="source/too-large",
            summary=f'"{display}" has more than {MAX_BYTES // 2**20} MiB',
            fix="split it into several files",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(errors="replace")
        column = len(before) - before.rfind("\n")
        return Diagnostic(
            code="source/not-utf-8",
            summary=f'"{display}" is not UTF-8 text',
            locations=(Location(display, before.count("\n") + 1, column),),
            fix="save the file as UTF-8",
        )


@dataclass(slots=True)
class _Search:
    root: Path
    base: Path
    exclude: set[Path]
    sources: dict[Path, Source] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    folders: dict[Path, Path] = field(default_factory=dict)

    def add(self, pattern: str) -> None:
        path = self.base / pattern
        if path.is_dir():
            below = f"manifests are {_ENDINGS} files below {pattern}"
            self._add_all(_walk(path), f'the folder "{pattern}" holds no manifests', fix=below)
        elif path.exists():
            self._add_named(pattern, path)
        elif glob.has_magic(pattern):
            self._add_all(
                _matches(path),
                f'"{pattern}" matches no manifests',
                fix=f"correct the pattern, or name a folder; manifests are {_ENDINGS} files",
            )
        else:
            self._tell_missing(pattern, path)

    def _add_named(self, pattern: str, path: Path) -> None:
        real = path.resolve()
        if self._is_manifest(real):
            self._read(path, real)
            return
        self._tell("not-a-manifest", f'"{pattern}" configures the project, it is no manifest')

    def _add_all(self, paths: Iterator[Path], summary: str, *, fix: str) -> None:
        found = {real: path for path in paths if self._is_manifest(real := self._resolve(path))}
        for real, path in found.items():
            self._read(path, real)
        if not found:
            self._tell("no-match", summary, fix)

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
        if real in self.sources:
            return
        inside = real.is_relative_to(self.root)
        display = real.relative_to(self.root).as_posix() if inside else str(path)
        text = read_text(path, display)
        if isinstance(text, Diagnostic):
            self.problems.append(text)
        else:
            self.sources[real] = Source(str(real), display, text)

    def _tell_missing(self, pattern: str, path: Path) -> None:
        there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest_names(path.name, there)
        self._tell("not-found", f'there is no file or folder "{pattern}"', _did_you_mean(near))

    def _tell(self, code: str, summary: str, fix: str = "") -> None:
        self.problems.append(Diagnostic(code=f"source/{code}", summary=summary, fix=fix))


def _did_you_mean(names: Sequence[str]) -> str:
    return f"did you mean: {', '.join(names)}" if names else ""


def _walk(folder: Path) -> Iterator[Path]:
    """The YAML files below a folder, sorted, hidden ones and links in a circle left out."""
    pattern = f"{glob.escape(str(folder))}/**/*"
    for name in _glob(pattern):
        path = Path(name)
        if path.suffix in SUFFIXES and path.is_file():
            yield path


def _matches(path: Path) -> Iterator[Path]:
    for name in _glob(str(path)):
        found = Path(name)
        if found.is_dir():
            yield from _walk(found)
        elif found.suffix in SUFFIXES:
            yield found


def _glob(pattern: str) -> list[str]:
    """Matches in a stable order; unlike pathlib's, hidden files do not match `*`."""
    return sorted(glob.glob(pattern, recursive=True), key=lambda name: name.split("/"))  # noqa: PTH207
