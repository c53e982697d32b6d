"""What the text of an option is read as, and the words for text that cannot be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_OWNER = re.compile(r"[a-z0-9][a-z0-9-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?\Z")


class Duration(click.ParamType[float]):
    """`90`, `90s`, `15m` or `1h`, as seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value).strip())
        if found is None:
            self.fail(f'"{value}" is not a duration; write 90s, 15m or 1h', param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class Text(click.ParamType[str]):
    """Any text. The variable of a repeatable option holds one value a line, blanks and all."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [line for line in rv.splitlines() if line.strip()]


class Word(Text):
    """A text that is not empty: what an unset variable of a script leaves is a mistake."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).strip():
            self.fail("it is empty; is a variable unset?", param, ctx)
        return str(value)


class OwnerName(Text):
    """`project` or `project/environment`, spelled as peakctl.yaml allows them."""

    name = "owner"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _OWNER.match(str(value)):
            self.fail(f'"{value}" is no owner; write project or project/environment', param, ctx)
        return str(value)
