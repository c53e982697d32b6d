"""`run`, `pause` and `resume`: what was typed, and what is shown while something runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from peakctl.cli.options import Flags
    from peakctl.cli.session import Session
    from peakctl.operations.run_inputs import RunOptions
    from peakctl.operations.running import ExecutionEvent
    from peakctl.present.report import Report


class Typed(NamedTuple):
    """The flags of `run`."""

    inputs: tuple[str, ...]
    step_inputs: tuple[str, ...]
    payload: str | None
    steps: tuple[str, ...]
    with_dependents: bool
    detach: bool
    timeout: float | None
    tail: int


def run_typed(what: str, typed: Typed, flags: Flags) -> int:
    """`peakctl run`."""
    from peakctl.cli.session import run_command

    return run_command("run", flags, lambda session: _run(session, what, typed))


async def _run(session: Session, what: str, typed: Typed) -> Report:
    from peakctl.cli.exits import Exit
    from peakctl.cli.loop import graceful
    from peakctl.cli.session import connected_to
    from peakctl.operations.running import run_target
    from peakctl.operations.stop import Stop
    from peakctl.present.runs import run_event_line, run_lines, run_row

    options, stop, terminal = _options(session, typed), Stop(), session.terminal
    began = session.project.clock.now()

    def emit(event: ExecutionEvent) -> None:
        terminal.tell([run_event_line(event, began)])

    async with connected_to(session, what) as (platform, target):
        with graceful(session, stop.request, lambda item: terminal.warn([item])):
            found = await run_target(platform, target.key, options, emit, stop)
    row = run_row(found)
    timed_out = any(d.code == "run/goes-on" for d in found.diagnostics)
    code = Exit.DONE if found.ok and not timed_out else Exit.ERROR
    return session.report(
        exit_code=session.interrupted or code,
        diagnostics=found.diagnostics,
        lines=run_lines(found),
        text=session.as_yaml(row),
        extra={"run": row},
        wrote=True,
    )


def _options(session: Session, typed: Typed) -> RunOptions:
    """What was typed, the payload below it. Raises UsageError."""
    from pathlib import Path

    from peakctl.cli.session import STDIN
    from peakctl.errors import Diagnostic, UsageError
    from peakctl.manifests.sources import read_text
    from peakctl.operations.run_inputs import RunOptions, read_payload, with_inputs

    options = RunOptions(
        steps=typed.steps,
        with_dependents=typed.with_dependents,
        detach=typed.detach,
        timeout=typed.timeout,
        tail=typed.tail,
    )
    read_stdin = session.project.options.read_stdin
    if typed.payload == "-" and read_stdin is not None:
        options = read_payload(options, read_stdin(), STDIN)
    elif typed.payload is not None:
        text = read_text(Path(typed.payload), typed.payload)
        if isinstance(text, Diagnostic):
            raise UsageError(text)
        options = read_payload(options, text, typed.payload)
    return with_inputs(options, typed.inputs, typed.step_inputs)


def run_switch(word: str, what: str, flags: Flags) -> int:
    """`peakctl pause` and `peakctl resume`."""
    from peakctl.cli.session import run_command

    return run_command(word, flags, lambda session: _switch(session, word, what))


async def _switch(session: Session, word: str, what: str) -> Report:
    from peakctl.cli.session import connected_to
    from peakctl.operations.executions import switch
    from peakctl.present.runs import switch_lines, switch_row

    async with connected_to(session, what) as (platform, target):
        found = await switch(platform, target.key, word)
    row = switch_row(found)
    return session.report(
        lines=switch_lines(found, word),
        diagnostics=found.diagnostics,
        text=session.as_yaml(row),
        extra={word: row},
        wrote=found.changed,
    )
