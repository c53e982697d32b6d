"""Where output goes: results to stdout, all else to stderr."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable
from dataclasses import field
from typing import TextIO

from peakctl.errors import Diagnostic, OutputFailed
from peakctl.model.records import dataclass
from peakctl.model.text import spelled_text
from peakctl.present.streams import lost_words, silence
from peakctl.present.text import Line, fit_encoding, line, to_ansi, to_plain
from peakctl.present.wrap import wrapped
from peakctl.settings import Settings

PLAIN_WIDTH = 100
_UNKNOWN_WIDTH = 80


@dataclass(slots=True)
class Terminal:
    """The two streams of one run. `quiet` drops what `tell` is given.

    `width` is in columns. Lines are wrapped to it on a stream that is a terminal (`wraps_out`,
    `wraps_err`), and nowhere else: one line in a log is one thing that is said.
    `asks` is true where a person can be asked: stdin and stderr are both terminals.
    """

    out: TextIO
    err: TextIO
    color_out: bool = False
    color_err: bool = False
    width: int = PLAIN_WIDTH
    asks: bool = False
    quiet: bool = False
    wraps_out: bool = False
    wraps_err: bool = False
    _is_lost: bool = False
    _thread: int | None = None
    _writing: threading.RLock = field(default_factory=threading.RLock)

    @property
    def is_lost(self) -> bool:
        """Whether nobody reads standard output any more."""
        return self._is_lost

    def end(self) -> None:
        """The run is over: from now on only this thread writes, whatever another is still at."""
        with self._writing:
            self._thread = threading.get_ident()

    def show(self, lines: Iterable[Line]) -> None:
        """Write a result for people to stdout. Raises OutputFailed."""
        self._write_out(self._text(lines, color=self.color_out, wraps=self.wraps_out))

    def show_text(self, text: str) -> None:
        """Write a result that programs read (JSON, YAML, a script) to stdout. Raises OutputFailed.

        Its bytes are UTF-8 and its line ends are kept, whatever the console's; only a person at a
        terminal gets control characters spelled out (`\\u001b`).
        """
        self._write_out(spelled_text(text) if self.out.isatty() else text, exact=True)

    def tell(self, lines: Iterable[Line]) -> None:
        """Write what is not a result to stderr, unless quiet."""
        if not self.quiet:
            self.warn(lines)

    def warn(self, lines: Iterable[Line]) -> None:
        """Write a problem to stderr, quiet or not."""
        text = self._text(lines, color=self.color_err, wraps=self.wraps_err)
        with self._writing:
            if not self._may_write():
                return
            try:
                _put(self.err, text)
            except OSError:  # there is nowhere left to say it; the exit code does
                silence(self.err)

    def _may_write(self) -> bool:
        return self._thread in (None, threading.get_ident())

    def _text(self, lines: Iterable[Line], *, color: bool, wraps: bool) -> str:
        laid_out = wrapped(lines, self.width) if wraps else lines
        return to_ansi(laid_out) if color else to_plain(laid_out)

    def _write_out(self, text: str, *, exact: bool = False) -> None:
        """Write to stdout and flush.

        A reader that went away (`| head`) is noted; it ends neither the run nor changes its code.
        """
        with self._writing:
            if self._is_lost or not self._may_write():
                return
            try:
                _put(self.out, text, exact=exact)
            except OSError as error:
                self._is_lost = True
                silence(self.out)
                if not isinstance(error, BrokenPipeError):
                    raise OutputFailed(Diagnostic("system/output", lost_words(error))) from error
                self.tell([line(("note", "note"), ": ", lost_words(error))])


def _put(stream: TextIO, text: str, *, exact: bool = False) -> None:
    buffer = getattr(stream, "buffer", None) if exact else None
    if buffer is None:
        stream.write(fit_encoding(text, stream.encoding))
    else:
        stream.flush()
        buffer.write(text.encode("utf-8", "backslashreplace"))
    stream.flush()


def open_terminal(
    settings: Settings, out: TextIO, err: TextIO, stdin: TextIO, *, color: str = "auto"
) -> Terminal:
    """A terminal over the streams; `color` (auto, always, never) wins over the settings."""
    wanted = {"always": True, "never": False}.get(color, settings.color)
    shown, live = out.isatty(), err.isatty()
    return Terminal(
        out=out,
        err=err,
        color_out=shown if wanted is None else wanted,
        color_err=live if wanted is None else wanted,
        width=_columns(settings) if shown or live else PLAIN_WIDTH,
        asks=live and stdin.isatty(),
        wraps_out=shown,
        wraps_err=live,
    )


def _columns(settings: Settings) -> int:
    columns = settings.environment.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    for stream in (1, 2):
        with contextlib.suppress(OSError):  # it is no terminal
            return os.get_terminal_size(stream).columns or _UNKNOWN_WIDTH
    return _UNKNOWN_WIDTH
