"""Files of the platform's own client as manifests, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl import errors
from peakctl.conversion.convert import Conversion, Converted, Parameter, known_kind
from peakctl.conversion.drafts import KINDS
from peakctl.conversion.ids import Id
from peakctl.conversion.tree import told
from peakctl.files import Unreadable, read_text
from peakctl.kinds.schemas import load_kinds
from peakctl.model import Location
from peakctl.model.records import dataclass
from peakctl.operations.new_files import WrittenFiles, write_files

if TYPE_CHECKING:
    from peakctl.operations.platform import Platform
    from peakctl.operations.project import Project

_ENDINGS = (".yaml", ".yml", ".j2", ".jinja", ".jinja2", ".sh", ".bash", ".zsh")
_SKIPPED = frozenset(
    (".git", ".venv", "venv", "node_modules", "__pycache__", ".peakctl", ".terraform", ".tox")
)
_HIDDEN = frozenset((".github", ".gitlab-ci.yml", ".gitlab", ".ci"))
_MOST_FILES = 5_000


@dataclass(frozen=True, slots=True)
class ConvertResult:
    """Manifests by their paths (below the folder that they were written into, if one was given).

    `written` and `same` are of `files`: those that were written, and those that were there already.
    `variables` are secrets that come from the environment now, with what each is for; `parameters`
    names that templates read; `params_files` files that scripts take such values from.
    """

    files: Mapping[str, str]
    written: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    params_files: tuple[str, ...] = ()
    diagnostics: tuple[errors.Diagnostic, ...] = ()


def convert(
    paths: Sequence[str | Path], *, into: str | Path | None = None, kinds: Sequence[str] = ()
) -> ConvertResult:
    """Convert the files and folders at `paths`; nothing else is read, and nobody is asked.

    `kinds` are `Kind`, or `path=Kind` for one file. With `into` the manifests are written below
    that folder, all or none. Raises UsageError for a path or kind that is not there and for files
    in the way, ManifestsInvalid when something cannot be converted, SelectorEmpty when nothing can.
    """
    work = _read(paths, kinds)
    return _done(work.write(load_kinds(), _relative(into), {}), into)


async def convert_async(
    project: Project,
    paths: Sequence[str | Path],
    *,
    into: str | Path | None = None,
    kinds: Sequence[str] = (),
) -> ConvertResult:
    """As `convert`; ids become names where the tenant of the project's environment knows them.

    Raises NotAuthenticated and ApiError as well.
    """
    from peakctl.operations.platform import connect

    work = _read(paths, kinds)
    async with connect(project) as platform:
        names = await _names(platform, work.ids())
    return _done(work.write(load_kinds(), _relative(into), names), into)


def _done(found: Converted, into: str | Path | None) -> ConvertResult:
    diagnostics = tuple(dict.fromkeys(found.diagnostics))
    if any(each.severity is errors.Severity.ERROR for each in diagnostics):
        raise errors.ManifestsInvalid(*diagnostics)
    if not found.files:
        raise errors.SelectorEmpty(*diagnostics, _nothing())
    done = WrittenFiles(())
    if into is not None:
        files = {name: text.encode() for name, text in found.files.items()}
        done = write_files(Path(into), files)
    return ConvertResult(
        found.files,
        done.written,
        done.same,
        found.variables,
        tuple(found.parameters),
        tuple(found.params_files),
        diagnostics,
    )


# --- what is given -----------------------------------------------------------------------------


def _read(paths: Sequence[str | Path], kinds: Sequence[str]) -> Conversion:
    given: dict[str, str] = {}
    named: list[str] = []
    problems: list[errors.Diagnostic] = []
    tops = [Path(path).resolve() for path in paths]
    for path in map(Path, paths):
        if not path.exists():
            raise errors.UsageError(_not_there(path))
        found = [path] if path.is_file() else list(_below(path, tops))
        named += [_display(path)] if path.is_file() else []
        for each in found:
            try:
                given[_display(each)] = read_text(each)
            except Unreadable as error:
                problems.append(_unreadable(each, error))
    if problems:
        raise errors.ManifestsInvalid(*problems)
    work = Conversion(given, named, dict(_kinds(kinds, given)))
    work.read()
    return work


def _below(folder: Path, tops: Sequence[Path]) -> Iterator[Path]:
    """Files that may be bodies or scripts; links that lead elsewhere are left out."""
    count = 0
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and _is_seen(name))
        for name in sorted(files):
            path = Path(top) / name
            if not name.lower().endswith(_ENDINGS) or not _is_seen(name):
                continue
            if any(path.resolve().is_relative_to(each) for each in tops) and path.is_file():
                count += 1
                if count > _MOST_FILES:
                    raise errors.UsageError(_too_many(folder))
                yield path


def _is_seen(name: str) -> bool:
    return not name.startswith(".") or name in _HIDDEN


def _display(path: Path) -> str:
    """A path as it is shown, and as scripts name it: relative to the working directory."""
    return Path(os.path.relpath(path)).as_posix()


def _relative(into: str | Path | None) -> str:
    return "" if into is None else _display(Path(into))


def _kinds(words: Sequence[str], given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What files are: for one by its path, for all others by "". Raises UsageError."""
    for word in words:
        path, _, name = word.rpartition("=")
        kind = known_kind(name)
        if kind is None:
            near = errors.nearest_names(name, KINDS)
            raise errors.UsageError(
                errors.Diagnostic(
                    code="usage/unknown-kind",
                    summary=f'no body is a "{name}"',
                    detail=f"kinds: {', '.join(KINDS)}",
                    fix=f"did you mean: {', '.join(near)}" if near else "use one of these",
                )
            )
        display = _display(Path(path)) if path else ""
        if path and display not in given:
            raise errors.UsageError(_not_there(Path(path)))
        yield display, kind


def _nothing() -> errors.Diagnostic:
    return errors.Diagnostic(
        code="convert/nothing",
        summary="none of what was given becomes a manifest",
        fix="give bodies or scripts of the platform's client; `peakctl import` reads what is live",
    )


def _not_there(path: Path) -> errors.Diagnostic:
    near = errors.nearest_names(path.name, os.listdir(path.parent)) if path.parent.is_dir() else ()  # noqa: PTH208
    return errors.Diagnostic(
        code="convert/not-found",
        summary=f'there is no file or folder "{path}"',
        fix=f"did you mean: {', '.join(near)}" if near else "give the path of a file or folder",
    )


def _too_many(folder: Path) -> errors.Diagnostic:
    return errors.Diagnostic(
        code="convert/too-many",
        summary=f'"{folder}" has more than {_MOST_FILES} files that may be bodies or scripts',
        fix="give the folders in which they are",
    )


def _unreadable(path: Path, error: Unreadable) -> errors.Diagnostic:
    return told(
        "convert/unreadable",
        f"it cannot be read: {error.reason}",
        Location(_display(path), error.line, error.column),
        fix=error.fix,
        severity=errors.Severity.ERROR,
    )


# --- names of a tenant -------------------------------------------------------------------------


async def _names(platform: Platform, ids: set[Id]) -> dict[Id, tuple[str, str]]:
    """The names, and the numbers of versions, that the tenant has for ids."""
    import asyncio

    from peakctl.engine.export import UniqueNames
    from peakctl.engine.observe.live_state import LiveState
    from peakctl.engine.plan.names import Told, ask_for_names

    kinds = sorted({kind for each in ids for kind in each.kinds if kind in platform.adapters})
    items = await asyncio.gather(*(platform.adapters[kind].index() for kind in kinds))
    state = LiveState(listed=dict(zip(kinds, items, strict=True)))
    names = UniqueNames(state, platform.kinds, {}, platform.project.redact)
    _named(names, ids)
    if names.missing:
        asked = await ask_for_names(names.missing, platform.adapters, Told())
        names = UniqueNames(state, platform.kinds, asked, platform.project.redact)
    return _named(names, ids)


def _named(names: object, ids: set[Id]) -> dict[Id, tuple[str, str]]:
    from peakctl.engine.plan.names import Names

    assert isinstance(names, Names)  # noqa: S101 - for the types: the import is late
    out: dict[Id, tuple[str, str]] = {}
    for each in ids:
        name = names.name(each.kinds, each.id, each.scope or None)
        number = names.number(each.kinds, each.id, each.version) if each.version else ""
        if name is not None and number is not None:
            out[each] = (name, number)
    return out
