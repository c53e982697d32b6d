"""Where output goes: results to stdout, all else to stderr."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from peakctl.present.text import Line, fit_encoding, to_ansi, to_plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peakctl.settings import Settings

PLAIN_WIDTH = 100


@dataclass(slots=True)
class Terminal:
    """The two streams of one run. `width` is in columns; `quiet` drops what `tell` is given.

    `asks` is true where a person can be asked: stdin and stderr are both terminals.
    """

    out: TextIO
    err: TextIO
    color_out: bool = False
    color_err: bool = False
    width: int = PLAIN_WIDTH
    asks: bool = False
    quiet: bool = False
    _closed: set[int] = field(default_factory=set)

    def show(self, lines: Iterable[Line]) -> None:
        """Write a result to stdout."""
        self._write(self.out, to_ansi(lines) if self.color_out else to_plain(lines))

    def show_text(self, text: str) -> None:
        """Write a result that is already text (JSON, YAML, a script) to stdout as it stands."""
        self._write(self.out, text)

    def tell(self, lines: Iterable[Line]) -> None:
        """Write what is not a result to stderr, unless quiet."""
        if not self.quiet:
            self.warn(lines)

    def warn(self, lines: Iterable[Line]) -> None:
        """Write a problem to stderr, quiet or not."""
        self._write(self.err, to_ansi(lines) if self.color_err else to_plain(lines))

    def _write(self, stream: TextIO, text: str) -> None:
        """Write and flush; a reader that went away (`| head`) ends neither the run nor its code."""
        if id(stream) in self._closed:
            return
        try:
            stream.write(fit_encoding(text, stream.encoding))
            stream.flush()
        except BrokenPipeError:
            self._closed.add(id(stream))
            _silence(stream)


def open_terminal(
    settings: Settings, out: TextIO, err: TextIO, stdin: TextIO, *, color: str = "auto"
) -> Terminal:
    """A terminal over the streams; `color` (auto, always, never) wins over the settings."""
    wanted = {"always": True, "never": False}.get(color, settings.color)
    live = err.isatty()
    return Terminal(
        out=out,
        err=err,
        color_out=out.isatty() if wanted is None else wanted,
        color_err=live if wanted is None else wanted,
        width=_columns(settings) if out.isatty() or live else PLAIN_WIDTH,
        asks=live and stdin.isatty(),
    )


def _columns(settings: Settings) -> int:
    told = settings.environment.get("COLUMNS", "")
    return int(told) if told.isdigit() and int(told) else shutil.get_terminal_size().columns


def _silence(stream: TextIO) -> None:
    """Point the stream at nothing, so that the flush at exit does not complain either."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, number)
    os.close(nothing)
