"""What the words of options mean: durations, owners, forms of output; wrong ones are told apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from datetime import datetime, timedelta

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
COMPLETION_SECONDS = 5.0
_OWNER = re.compile(r"[a-z0-9][a-z0-9-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?\Z")


class Duration(click.ParamType[float]):
    """`90`, `90s`, `15m` or `1h`, as seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value).strip())
        if found is None:
            self.fail(f'"{value}" is not a duration; write 90s, 15m or 1h', param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class Since(click.ParamType["datetime | timedelta"]):
    """`7d`, `36h`, `2026-11-01` or `2026-11-01T12:00`."""

    name = "since"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | timedelta:
        from peakctl.operations.history import read_since

        try:
            return read_since(str(value).strip())
        except ValueError:
            self.fail(f'"{value}" is no time; write 7d, 36h, 2026-11-01', param, ctx)


class Text(click.ParamType[str]):
    """Any text. The variable of a repeatable option holds one value a line, blanks and all."""

    name = "text"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        return str(value)

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [line for line in rv.splitlines() if line.strip()]


class Word(Text):
    """A text that is not empty: what an unset variable of a script leaves is a mistake."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if not str(value).strip():
            self.fail("it is empty; is a variable unset?", param, ctx)
        return str(value)


class OutputFile(NamedTuple):
    """A form of the result, and the file that is to hold it; "" for standard output."""

    form: str
    file: str = ""


class OneForm(click.Choice[str]):
    """A form of a command that has few. What the variable asks of other commands is passed over."""

    def __init__(self, forms: Sequence[str], others: Sequence[str]) -> None:
        super().__init__(forms)
        self._others = frozenset(others)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        source = ctx.get_parameter_source(param.name) if ctx and param and param.name else None
        if source is not click.core.ParameterSource.ENVIRONMENT:
            return super().convert(value, param, ctx)
        asked = [row.strip() for row in str(value).splitlines() if row.strip()]
        left = [row for row in asked if row.partition("=")[0] not in self._others]
        known = [row for row in asked if row in self.choices]
        return super().convert((left or known or [self.choices[0]])[0], param, ctx)


class OutputForm(click.ParamType["OutputFile"]):
    """`FORM` or `FORM=FILE`. A file must be one that can be made, before anything is done."""

    name = "form"

    def __init__(self, forms: Sequence[str]) -> None:
        self.forms = tuple(forms)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> OutputFile:
        if isinstance(value, OutputFile):
            return value
        form, equals, file = str(value).strip().partition("=")
        if form not in self.forms:
            self.fail(f'"{form}" is no form; choose from {", ".join(self.forms)}', param, ctx)
        if equals and not file:
            self.fail(f'"{value}" names no file; write {form}=FILE', param, ctx)
        file = "" if file == "-" else file
        if file and (reason := _why_not(Path(file))):
            self.fail(f'"{file}" cannot be written: {reason}', param, ctx)
        return OutputFile(form, file)

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [line for line in rv.splitlines() if line.strip()]

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(form) for form in self.forms if form.startswith(incomplete)]


def _why_not(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    return "" if path.parent.is_dir() else f'"{path.parent}" is no folder'


class OwnerName(Text):
    """`project` or `project/environment`, spelled as peakctl.yaml allows them."""

    name = "owner"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if not _OWNER.match(str(value)):
            self.fail(f'"{value}" is no owner; write project or project/environment', param, ctx)
        return str(value)


class Classes(Text):
    """`build,edit`: classes of actions."""

    name = "classes"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        from peakctl.model import ActionClass

        words = [word.strip() for word in str(value).split(",")]
        for word in words:
            if word not in tuple(ActionClass):
                known = ", ".join(ActionClass)
                self.fail(f'"{word}" is no class of actions; use {known}', param, ctx)
        return ",".join(words)


def complete_kind(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The kinds, for the completion of shells; in either case."""
    from peakctl.catalog import LOOKED_UP
    from peakctl.kinds.schemas import load_kinds

    names = [*load_kinds(), *LOOKED_UP]
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def complete_target(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """`Kind/` and then the live names of that kind; nothing where they cannot be asked for."""
    from peakctl.errors import PeakctlError
    from peakctl.kinds.schemas import load_kinds

    word, slash, begun = incomplete.partition("/")
    kinds = [kind for kind in load_kinds() if kind.lower().startswith(word.lower())]
    if not slash:
        return [f"{kind}/" for kind in kinds]
    try:
        names = _live_names(ctx.params.get("env"), word)
    except (PeakctlError, TimeoutError):  # a shell that completes has no place for errors
        return []
    return [f"{word}/{name}" for name in names if name.startswith(begun)]


def _live_names(environment: str | None, kind: str) -> tuple[str, ...]:
    import asyncio

    from peakctl.operations.blocking import run_blocking
    from peakctl.operations.project import ProjectOptions, find_project, with_environment
    from peakctl.operations.target import target_names_async
    from peakctl.settings import read_settings

    project = find_project(ProjectOptions(environment=environment), read_settings())
    names = target_names_async(with_environment(project), kind)
    return run_blocking(asyncio.wait_for(names, COMPLETION_SECONDS))
