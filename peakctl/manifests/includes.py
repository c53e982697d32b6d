"""Where templates come from: the manifest at hand, and includes within the project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import SecurityError

from peakctl.files import Unreadable, read_text
from peakctl.manifests.secret_text import RESERVED
from peakctl.manifests.sources import display_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from peakctl.model import Source

MAX_INCLUDE = 4 * 2**20


class Includes(BaseLoader):
    """Templates by absolute path. Files are read once a run."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._texts: dict[str, str] = {}
        self._displays: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._included: set[str] = set()

    def add(self, source: Source) -> None:
        """Make a manifest a template under its path."""
        self._texts[source.path] = source.text
        self._displays[source.path] = source.display

    def find(self, name: str, parent: str) -> str:
        """The path that an include of `name` in the file `parent` means.

        Beside that file first, then from the project's root. Raises SecurityError outside of it.
        """
        if Path(name).is_absolute():
            raise SecurityError(f'the include "{name}" is an absolute path')
        candidates = [folder / name for folder in (Path(parent).parent, self._root)]
        found = next(filter(_is_there, candidates), candidates[0])
        path = Path(os.path.realpath(found))
        if not path.is_relative_to(self._root):
            raise SecurityError(f'the include "{name}" leads out of the project')
        return str(path if os.path.exists(path) else found)  # noqa: PTH110 - never raises

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        text = self._texts.get(template)
        if text is None:
            self._displays[template] = display_path(Path(template), self._root)
            text = self._texts[template] = _read(template)
            self._included.add(self._displays[template])
        found = RESERVED.search(text)
        if found:
            raise TemplateSyntaxError(
                f"the character U+{ord(found[0]):04X} is not allowed in templates",
                text.count("\n", 0, found.start()) + 1,
                template,
                template,
            )
        return text, template, None

    def read(self) -> frozenset[str]:
        """The displays of all files that were included."""
        return frozenset(self._included)

    def text(self, path: str) -> str | None:
        """The source of a template that was read."""
        return self._texts.get(path)

    def display(self, path: str) -> str:
        """What users are shown for the path of a template."""
        return self._displays.get(path, path)

    def number(self, path: str) -> int:
        """A number for a file, for marks."""
        return self._numbers.setdefault(path, len(self._numbers))

    def numbered(self, number: int) -> str:
        """What users are shown for the file of a mark."""
        return self.display(list(self._numbers)[number])


def _is_there(path: Path) -> bool:
    """A link that leads nowhere is there: `ignore missing` does not mean it."""
    return os.path.lexists(path) and not os.path.isdir(path)  # noqa: PTH112 - never raises


def _read(path: str) -> str:
    if not os.path.lexists(path):
        raise TemplateNotFound(path)
    try:
        return read_text(Path(path), limit=MAX_INCLUDE)
    except Unreadable as error:
        message = f"the file cannot be included: {error.reason}"
        raise TemplateSyntaxError(message, error.line, path, path) from None
