"""Progress: lines in a log, a live display on a terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace

from peakctl.model import Event, Key, Outcome, Phase, Status, Step, Verb
from peakctl.present.progress import Count, LiveProgress, PlainProgress, open_progress
from peakctl.present.terminal import Terminal

IMAGE = Key("Image", "[serve]")


def event(phase: Phase, message: str, at: float, outcome: Outcome | None = None) -> Event:
    return Event(phase, IMAGE, Verb.BUILD, Step.CREATE_VERSION, message, at, outcome)


DONE = Outcome(IMAGE, Verb.BUILD, Status.DONE, 12.0)
FAILED = Outcome(IMAGE, Verb.BUILD, Status.FAILED, 0.5, "bad \x1b[31mbuild")
BLOCKED = Outcome(IMAGE, Verb.BUILD, Status.BLOCKED, cause=Key("Artifact", "a"))


def test_a_log_has_one_line_for_each_change_of_state() -> None:
    err = io.StringIO()
    progress = open_progress(Terminal(io.StringIO(), err), 1000.0, lambda: 0.0, 12)
    progress.emit(event(Phase.STARTED, "", 1000.1))
    progress.emit(event(Phase.WAITING, "building", 1001.0))
    progress.emit(event(Phase.WAITING, "building", 1002.0))
    progress.emit(event(Phase.FINISHED, "", 1012.0, DONE))
    progress.close()
    assert isinstance(progress, PlainProgress)
    assert err.getvalue() == (
        "   0.1s * build     Image/[serve]  started\n"
        "   1.0s * build     Image/[serve]  building\n"
        "  12.0s * build     Image/[serve]  done  12.0s  (1 of 12)\n"
    )


def test_silence_is_broken_after_half_a_minute() -> None:
    err = io.StringIO()
    progress = PlainProgress(Terminal(io.StringIO(), err), 1000.0, Count(12))
    progress.beat(1100.0)
    progress.emit(event(Phase.WAITING, "building", 1001.0))
    progress.beat(1020.0)
    progress.beat(1031.0)
    progress.beat(1032.0)
    assert err.getvalue().splitlines()[1:] == [
        "  31.0s 0 of 12 ended; still under way: Image/[serve] (building 30.0s)"
    ]


def test_a_heartbeat_tells_how_long_it_usually_takes() -> None:
    err = io.StringIO()
    progress = PlainProgress(Terminal(io.StringIO(), err), 1000.0, Count(12))
    progress.emit(event(Phase.STARTED, "", 1000.0))
    progress.beat(1031.0)
    progress.emit(replace(event(Phase.WAITING, "building", 1032.0), usual=38))
    progress.emit(replace(event(Phase.WAITING, "building", 1033.0), usual=138))
    progress.beat(1072.0)
    assert err.getvalue().splitlines()[1:] == [
        "  31.0s 0 of 12 ended; still under way: Image/[serve] (31.0s)",
        "  32.0s * build     Image/[serve]  building",
        "  1m12s 0 of 12 ended; still under way: Image/[serve] (building 1m12s, usually 2m18s)",
    ]


def test_a_call_that_the_verb_does_not_name_is_named() -> None:
    err = io.StringIO()
    progress = PlainProgress(Terminal(io.StringIO(), err), 0.0, Count(12))
    progress.emit(Event(Phase.WAITING, IMAGE, Verb.CREATE, Step.WAIT, "building", 1.0))
    assert err.getvalue() == "   1.0s + create    Image/[serve]  wait: building\n"


def test_an_end_is_one_word_and_what_never_began_has_none() -> None:
    """Why it failed, and what that blocks, is told once: after the run."""
    err = io.StringIO()
    progress = PlainProgress(Terminal(io.StringIO(), err), 0.0, Count(12))
    progress.emit(event(Phase.FINISHED, "", 1.0, FAILED))
    progress.emit(event(Phase.FINISHED, "", 1.0, BLOCKED))
    assert err.getvalue() == "   1.0s * build     Image/[serve]  failed  (1 of 12)\n"


class Console(io.StringIO):
    def isatty(self) -> bool:
        return True


def live(err: io.StringIO, total: int = 12, *, at: float = 0.0) -> LiveProgress:
    terminal = Terminal(io.StringIO(), err, color_err=True)
    progress = open_progress(terminal, 0.0, lambda: at, total)
    assert isinstance(progress, LiveProgress)
    return progress


def test_a_terminal_gets_a_live_display_and_lasting_lines() -> None:
    err = Console()
    progress = live(err)
    progress.emit(event(Phase.STARTED, "", 0.1))
    progress.emit(event(Phase.WAITING, "building", 0.2))
    progress.beat(100.0)
    progress.emit(event(Phase.FINISHED, "", 3.0, DONE))
    progress.emit(event(Phase.FINISHED, "", 3.0, FAILED))
    progress.emit(event(Phase.FINISHED, "", 3.0, BLOCKED))
    progress.close()
    assert "blocked" not in err.getvalue()
    assert "Image/[serve]" in err.getvalue()
    assert "done" in err.getvalue()


def test_moving_rows_stand_in_the_columns_of_the_lines_that_last() -> None:
    progress = live(err := Console(), at=65.0)
    progress.close()
    progress.emit(Event(Phase.FINISHED, Key("Image", "a"), Verb.CREATE, None, "", 12.0, DONE))
    progress.emit(event(Phase.WAITING, "building", 50.0))
    progress.emit(event(Phase.WAITING, "pushing", 60.0))
    assert progress.drawn().plain.splitlines()[0][1:] == (
        " 1m05s * build     Image/[serve]  pushing  15.0s"
    )
    assert progress.drawn().plain.splitlines()[1:] == ["        1 of 12 ended"]
    last = re.sub("\x1b\\[[^m]*m", "", err.getvalue()).splitlines()[-1]
    assert last == "  12.0s + create    Image/a  done  12.0s"


def test_a_moving_row_tells_how_long_it_usually_takes() -> None:
    progress = live(Console(), at=12.0)
    progress.close()
    progress.emit(replace(event(Phase.WAITING, "building", 2.0), usual=38))
    row = progress.drawn().plain.splitlines()[0]
    assert row.endswith("Image/[serve]  building  10.0s (usually 38s)")


def test_the_end_of_a_log_stands_below_its_row() -> None:
    progress = live(Console())
    progress.close()
    progress.emit(replace(event(Phase.WAITING, "building", 0.0), log=("Step 1/2", "[red]")))
    progress.emit(event(Phase.WAITING, "pushing", 0.0))
    rows = progress.drawn().plain.splitlines()
    assert rows[1:] == ["          Step 1/2", "          [red]", "        0 of 12 ended"]


def test_more_rows_than_the_terminal_has_are_counted() -> None:
    progress = live(Console(), 100)
    progress.close()
    for n in range(60):
        progress.emit(Event(Phase.STARTED, Key("Image", str(n)), Verb.BUILD, None, "", 0.0))
    rows = progress.drawn().plain.splitlines()
    assert len(rows) < 30
    assert re.fullmatch(r" +and \d+ more under way", rows[-2])


def test_a_quiet_terminal_gets_no_display() -> None:
    terminal = Terminal(io.StringIO(), Console(), quiet=True)
    assert isinstance(open_progress(terminal, 0.0, lambda: 0.0, 1), PlainProgress)
