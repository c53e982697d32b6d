"""What is happening: a live display on a terminal, else one line per change of state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field, replace
from typing import TYPE_CHECKING, Protocol

from peakctl.model import STEP_VERBS, Event, Key, Phase, Status
from peakctl.model.records import dataclass
from peakctl.present.plan_text import SYMBOLS, duration, verb_word
from peakctl.present.terminal import Terminal
from peakctl.present.text import Line, line, to_ansi
from peakctl.present.wrap import wrapped

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

HEARTBEAT = 30.0
"""Seconds of silence after which a run says that it still lives."""
_FRAMES, _ASCII_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_FRAMES_A_SECOND = 8
_ENDS = {Status.DONE: "good", Status.ALREADY_RIGHT: "good", Status.FAILED: "error"}


class Progress(Protocol):
    """Listens to the events of one run; all times are seconds of the run's clock."""

    def emit(self, event: Event) -> None:
        """Show one event."""

    def say(self, item: Line) -> None:
        """Show a line of another kind."""

    def beat(self, now: float) -> None:
        """Say what is under way if nothing was said for long."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


def moves(terminal: Terminal) -> bool:
    """Whether rows can move: there is a terminal, and it is not to be quiet."""
    return terminal.err.isatty() and not terminal.quiet


def open_progress(
    terminal: Terminal, started: float, now: Callable[[], float], total: int
) -> Progress:
    """The display that suits the terminal; none when it is quiet.

    `now` is the run's clock, `total` how many actions there are.
    """
    count = Count(total)
    if moves(terminal):
        return LiveProgress(terminal, started, now, count)
    return PlainProgress(terminal, started, count)


@dataclass(slots=True)
class Count:
    """How many actions of how many have ended."""

    total: int
    ended: set[Key] = field(default_factory=set)

    def add(self, event: Event) -> None:
        if event.phase is Phase.FINISHED:
            self.ended.add(event.key)

    def __str__(self) -> str:
        return f"{len(self.ended)} of {self.total}"


@dataclass(slots=True)
class PlainProgress:
    """Lines for a log: never rewritten, no line twice, a heartbeat every 30 s of silence."""

    terminal: Terminal
    started: float
    count: Count
    _last: float = 0.0
    _busy: dict[Key, Event] = field(default_factory=dict)
    _began: dict[Key, float] = field(default_factory=dict)

    def emit(self, event: Event) -> None:
        self.count.add(event)
        if is_never_started(event):
            return
        if event.phase is Phase.FINISHED:
            self._busy.pop(event.key, None)
        else:
            before = self._busy.get(event.key)
            self._busy[event.key] = event
            self._began.setdefault(event.key, event.at)
            if before is not None and before.message == event.message:
                return
        self._last = event.at
        self.terminal.tell([_told(event, self.started, self.count)])

    def say(self, item: Line) -> None:
        self.terminal.warn([item])

    def beat(self, now: float) -> None:
        if self._busy and now - max(self._last, self.started) >= HEARTBEAT:
            self._last = now
            names = ", ".join(self._under_way(event, now) for event in self._busy.values())
            words = f"{self.count} ended; still under way: {names}"
            self.terminal.tell([line((f"{_clock(now - self.started)} ", "dim"), words)])

    def _under_way(self, event: Event, now: float) -> str:
        """`Image/train (building 1m12s, usually 38s)`, the time since it was started."""
        took = duration(now - self._began[event.key])
        words = (event.message, took) if event.message else (took,)
        return f"{event.key} ({' '.join(words)}{_usual(event, ', usually {}')})"

    def close(self) -> None:
        """Nothing to leave behind."""


class LiveProgress:
    """One moving row for each action under way, in the columns of the lines of those that ended."""

    def __init__(
        self, terminal: Terminal, started: float, now: Callable[[], float], count: Count
    ) -> None:
        from rich.live import Live

        self._terminal, self._started, self._now, self._count = terminal, started, now, count
        self._busy: dict[Key, Event] = {}
        self._began: dict[Key, float] = {}
        self._console = _open_console(terminal)
        self._live = Live(
            get_renderable=self.drawn,
            console=self._console,
            refresh_per_second=_FRAMES_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def emit(self, event: Event) -> None:
        self._count.add(event)
        if is_never_started(event):
            return
        if event.phase is Phase.FINISHED:
            self._busy.pop(event.key, None)
            self.say(event_line(event, event.at - self._started))
        else:
            self._began.setdefault(event.key, event.at)
            before = self._busy.get(event.key, event)
            self._busy[event.key] = replace(event, log=event.log or before.log)

    def say(self, item: Line) -> None:
        for row in wrapped([item], self._console.width):
            self._console.print(_text(row), soft_wrap=True)

    def beat(self, now: float) -> None:
        """The rows beat by themselves."""

    def close(self) -> None:
        self._live.stop()

    def drawn(self) -> Text:
        """The rows as they are now, each on one line of the terminal."""
        now, busy = self._now(), list(self._busy.values())
        most, rows, shown = max(self._console.height - 3, 1), list[Line](), 0
        for event in busy:
            of_event = list(self._rows(event, now))
            if len(rows) + len(of_event) > most:
                break
            rows, shown = rows + of_event, shown + 1
        if shown < len(busy):
            rows.append(line((f"{'':>8}and {len(busy) - shown} more under way", "dim")))
        rows.append(line((f"{'':>8}{self._count} ended", "dim")))
        text = _text(())
        for number, row in enumerate(rows):
            text.append("\n" if number else "").append_text(_text(row))
        text.no_wrap, text.overflow = True, "ellipsis"
        return text

    def _rows(self, event: Event, now: float) -> Iterator[Line]:
        frames = _FRAMES if self._console.encoding.startswith("utf") else _ASCII_FRAMES
        frame = frames[int(now * _FRAMES_A_SECOND) % len(frames)]
        clock, *rest = event_line(event, now - self._started)
        took = duration(max(now - self._began[event.key], 0.0))
        took += _usual(event, " (usually {})")
        yield line((frame, "note"), (clock[0][1:], "dim"), *rest, (f"  {took}", "dim"))
        yield from (line((f"{'':>10}{text}", "dim")) for text in event.log)


def _usual(event: Event, words: str) -> str:
    """`words` with what the last good wait took, nothing where that is not known."""
    if event.usual is None:
        return ""
    return words.format(f"{event.usual}s" if event.usual < 60 else duration(event.usual))


def is_never_started(event: Event) -> bool:
    """Whether an event is of an action whose turn never came: the end tells of those, by cause."""
    outcome = event.outcome
    return outcome is not None and outcome.status in (Status.BLOCKED, Status.CANCELLED)


def event_line(event: Event, elapsed: float) -> Line:
    """One event as a line. `elapsed` is in seconds since the run began."""
    return line(
        (f"{_clock(elapsed)} ", "dim"),
        (f"{SYMBOLS[event.verb]} {verb_word(event.verb):<8}", event.verb),
        "  ",
        (str(event.key), "bold"),
        *_state(event),
    )


def _state(event: Event) -> Line:
    if event.outcome is None:
        return line(f"  {_doing(event)}")
    status = event.outcome.status
    return line(
        "  ",
        (str(status), _ENDS.get(status, "warning")),
        (f"  {duration(event.outcome.took)}" if event.outcome.took >= 1 else "", "dim"),
    )


def _doing(event: Event) -> str:
    """`started`, or the status; with the call in front where the verb does not say it."""
    state = event.message or str(event.phase)
    if event.step is None or STEP_VERBS[event.step] is event.verb:
        return state
    return f"{event.step}: {state}"


def _clock(seconds: float) -> str:
    return f"{duration(max(seconds, 0.0)):>7}"


def _told(event: Event, started: float, count: Count) -> Line:
    item = event_line(event, event.at - started)
    return (*item, (f"  ({count})", "dim")) if event.phase is Phase.FINISHED else item


def _text(item: Line) -> Text:
    from rich.text import Text

    return Text.from_ansi(to_ansi([item]).rstrip("\n"))


def _open_console(terminal: Terminal) -> Console:
    from rich.console import Console

    return Console(
        file=terminal.err,
        force_terminal=True,
        no_color=not terminal.color_err,
        highlight=False,
        width=terminal.width,
    )
