"""Files that a command makes in a project: all of them, or none, and nothing is overwritten."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, UsageError
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """Relative paths, in order: files that were written, and those that had their text already."""

    written: tuple[str, ...]
    same: tuple[str, ...] = ()


def write_files(
    root: Path,
    files: Mapping[str, bytes],
    *,
    replace: Collection[str] = (),
    executable: Collection[str] = (),
) -> WrittenFiles:
    """Write `files`, by paths relative to `root`, as whole files: all of them, or none.

    A file that is there with other content is overwritten only when it is in `replace`. Folders are
    made as needed. Raises UsageError when something stands in the way, OSError when the disk does.
    """
    _refuse(_obstacles(root, files, replace))
    same = tuple(name for name, data in files.items() if _has(root / name, data))
    new = {name: data for name, data in files.items() if name not in same}
    made: list[Path] = []
    moved: list[Path] = []
    try:
        for name, data in new.items():
            made.append(_write_beside(root / name, data, executable=name in executable))
        for name, part in zip(new, made, strict=True):
            target = root / name
            is_new = not target.exists()
            part.replace(target)
            moved += [target] if is_new else []
    except BaseException:
        _remove([*made, *moved])
        raise
    return WrittenFiles(tuple(new), same)


def _obstacles(
    root: Path, files: Mapping[str, bytes], replace: Collection[str]
) -> list[tuple[str, str]]:
    """What may not be written, and why."""
    found = []
    for name, data in files.items():
        path = root / name
        if outside := _link_on_the_way(root, path):
            found.append((name, f"{outside} is a link"))
        elif path.is_dir():
            found.append((name, "it is a folder"))
        elif os.path.lexists(path) and name not in replace and not _has(path, data):
            found.append((name, "it exists"))
    return found


def _link_on_the_way(root: Path, path: Path) -> str:
    """The folder below `root` that a link stands for: what lies there may be outside."""
    links = (each for each in path.relative_to(root).parents if (root / each).is_symlink())
    return next((str(each) for each in links if each != Path()), "")


def _has(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _refuse(found: Iterable[tuple[str, str]]) -> None:
    problems = [
        Diagnostic(
            code="files/exists",
            summary=f'"{name}" cannot be written: {why}',
            fix="move it away, or choose another folder; nothing was written",
        )
        for name, why in found
    ]
    if problems:
        raise UsageError(*problems)


def _write_beside(path: Path, data: bytes, *, executable: bool) -> Path:
    """Write `data` to a hidden file in the folder of `path`, which is to take its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    if path.exists():
        shutil.copymode(path, part)
    if executable:
        part.chmod(part.stat().st_mode | 0o111)
    return part


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
