"""What is happening: a live display on a terminal, else one line per change of state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from peakctl.model import STEP_VERBS, Event, Key, Phase, Status
from peakctl.present.plan_text import SYMBOLS, duration, verb_word
from peakctl.present.terminal import Terminal
from peakctl.present.text import Line, line, one_line, to_ansi

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


HEARTBEAT = 30.0
"""Seconds of silence after which a run says that it still lives."""
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


def open_progress(terminal: Terminal, started: float) -> Progress:
    """The display that suits the terminal; none when it is quiet."""
    if terminal.err.isatty() and not terminal.quiet:
        return LiveProgress(terminal, started)
    return PlainProgress(terminal, started)


@dataclass(slots=True)
class PlainProgress:
    """Lines for a log: never rewritten, no line twice, a heartbeat every 30 s of silence."""

    terminal: Terminal
    started: float
    _last: float = 0.0
    _busy: dict[Key, str] = field(default_factory=dict)

    def emit(self, event: Event) -> None:
        if is_never_started(event):
            return
        if event.phase is Phase.FINISHED:
            self._busy.pop(event.key, None)
        elif self._busy.get(event.key) == event.message:
            return
        else:
            self._busy[event.key] = event.message
        self._last = event.at
        self.terminal.tell([event_line(event, event.at - self.started)])

    def say(self, item: Line) -> None:
        self.terminal.warn([item])

    def beat(self, now: float) -> None:
        if self._busy and now - max(self._last, self.started) >= HEARTBEAT:
            self._last = now
            names = ", ".join(f"{key} ({m})" if m else str(key) for key, m in self._busy.items())
            self.terminal.tell(
                [line((f"{_clock(now - self.started)} ", "dim"), f"still under way: {names}")]
            )

    def close(self) -> None:
        """Nothing to leave behind."""


class LiveProgress:
    """One moving line for each action under way; a lasting one for each that ended."""

    def __init__(self, terminal: Terminal, started: float) -> None:
        self._started = started
        self._console, self._bars = _open_bars(terminal)
        self._rows: dict[Key, TaskID] = {}
        self._bars.start()

    def emit(self, event: Event) -> None:
        if is_never_started(event):
            return
        if event.phase is Phase.FINISHED:
            row = self._rows.pop(event.key, None)
            if row is not None:
                self._bars.remove_task(row)
            self.say(event_line(event, event.at - self._started))
        elif event.key in self._rows:
            self._bars.update(self._rows[event.key], description=_described(event))
        else:
            self._rows[event.key] = self._bars.add_task(_described(event), total=None)

    def say(self, item: Line) -> None:
        from rich.text import Text

        self._console.print(Text.from_ansi(to_ansi([item]).rstrip("\n")), soft_wrap=True)

    def beat(self, now: float) -> None:
        """The spinner beats by itself."""

    def close(self) -> None:
        self._bars.stop()


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


def _described(event: Event) -> str:
    words = f"{SYMBOLS[event.verb]} {verb_word(event.verb):<8}  {event.key}"
    return one_line(f"{words}  {_doing(event)}")


def _clock(seconds: float) -> str:
    return f"{duration(max(seconds, 0.0)):>7}"


def _open_bars(terminal: Terminal) -> tuple[Console, Bars]:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(
        file=terminal.err, force_terminal=True, no_color=not terminal.color_err, highlight=False
    )
    spinner = "dots" if console.encoding.startswith("utf") else "line"
    columns = (
        SpinnerColumn(spinner),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    return console, Bars(*columns, console=console, transient=True)
