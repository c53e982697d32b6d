"""A manifest after its template ran, and the way back from its lines to the source's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from peakctl.model import Location, Source

if TYPE_CHECKING:
    from peakctl.manifests.secret_text import SecretTexts

OPEN, CLOSE = "\ue000", "\ue001"
"""Around the token of a secret in rendered text."""

Trace = Callable[[int, int], Location]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Text for the YAML parser.

    `secrets` says what its tokens stand for; None when there are none in it. `trace`, when the text
    came out of a template, finds the source of a line and column of it (both from 0).
    """

    source: Source
    text: str = field(repr=False)
    secrets: SecretTexts | None = field(default=None, repr=False, compare=False)
    trace: Trace | None = field(default=None, repr=False, compare=False)

    def place(self, line: int, column: int) -> Location:
        """Where the character at `line` and `column` (from 0) of the text was written."""
        if self.trace is not None:
            return self.trace(line, column)
        return Location(self.source.display, line + 1, column + 1)

    @property
    def folder(self) -> str:
        return str(PurePath(self.source.path).parent)
