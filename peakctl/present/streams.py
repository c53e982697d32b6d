"""The three standard streams: safe to use before anything else runs; how to say that one failed.

A stream may be closed (`>&-`), on a full disk, without a reader any more, or of an encoding that
lacks a character: none of these may end a run in a traceback.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TextIO

_MODES = (os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)
"""How a closed stream is opened on the null device: reading stdin and writing stdout then fail as
they would have, and what is meant for stderr is lost."""


def prepare_streams() -> None:
    """Give a closed standard stream its number back, and let no character fail to be printed.

    Without the first, the next file to be opened would get the number, and be written to.
    """
    for number, mode in enumerate(_MODES):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, mode), number)
    sys.stdin = sys.stdin or _open(0, "r")
    sys.stdout = sys.stdout or _open(1, "w")
    sys.stderr = sys.stderr or _open(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def print_alone(text: str) -> int:
    """Print a result that needs no terminal; the exit code."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        return report_lost(error)
    return 0


def report_lost(error: OSError) -> int:
    """Say on stderr that a result that changes nothing was lost; the exit code.

    A reader that went away (`| head`) has what it wanted: 0.
    """
    silence(sys.stdout)
    severity = "note" if isinstance(error, BrokenPipeError) else "error"
    try:
        sys.stderr.write(f"{severity}: {lost_words(error)}\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)
    return 0 if isinstance(error, BrokenPipeError) else 1


def lost_words(error: OSError, file: str = "") -> str:
    """What happened to standard output, or to the file of a result, in one line."""
    where = f'"{file}"' if file else "standard output"
    if isinstance(error, BrokenPipeError):
        return f"the reader of {where} went away; the rest of the result was not written"
    why = "it is closed" if error.errno == errno.EBADF else error.strerror or type(error).__name__
    return f"the result cannot be written to {where}: {why}"


def silence(stream: TextIO) -> None:
    """Point the stream at nothing, so that the flush at exit does not complain either."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, number)
    os.close(nothing)


def _open(number: int, mode: str) -> TextIO:
    return io.TextIOWrapper(io.FileIO(number, mode, closefd=False), encoding="utf-8")
