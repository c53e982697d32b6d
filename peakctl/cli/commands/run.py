"""`peakctl run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from peakctl.cli import options
from peakctl.cli.option_types import Duration, Text, Word

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.run_inputs import RunOptions
    from peakctl.operations.running import ExecutionEvent
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl run Workflow/nightly
  peakctl run Workflow/nightly --input date=2026-11-01
  peakctl run Workflow/nightly --step train --with-dependents
  peakctl run Workflow/nightly --payload inputs.yaml --detach
  peakctl run Deployment/forecast                 what is marked with autoRunOnDeploy

Exit codes: 0 it ended well, or was started with --detach; 1 it failed, could not
run, or it is not known whether it was started; 15 not permitted; 64 wrong usage;
130 interrupted: it goes on at the platform. This command starts something each
time: look at `peakctl executions` before you type it again.
"""


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


@options.command(epilog=EPILOG)
@options.target("KIND/NAME")
@click.option(
    "--input",
    "inputs",
    type=Text(),
    multiple=True,
    metavar="K=V",
    help="A value for all steps. Repeatable.",
)
@click.option(
    "--step-input",
    "step_inputs",
    type=Text(),
    multiple=True,
    metavar="STEP:K=V",
    help="A value for one step. Repeatable.",
)
@click.option(
    "--payload",
    type=Word(),
    metavar="FILE",
    help="YAML or JSON with params and stepsToRun, as the platform takes them; - for stdin.",
)
@click.option(
    "--step",
    "steps",
    type=Word(),
    multiple=True,
    metavar="NAME",
    help="Run this step alone. Repeatable. Default: all steps.",
)
@click.option("--with-dependents", is_flag=True, help="With --step: those that depend on it, too.")
@click.option("--detach", is_flag=True, help="Start it, and follow nothing.")
@click.option(
    "--timeout", type=Duration(), metavar="TIME", help="Follow it so long; it goes on afterwards."
)
@click.option(
    "--tail",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    metavar="N",
    help="Of the log of a step that fails, the last N lines.",
)
@options.asking
def run(what: str, **flags: Any) -> int:
    """Run a workflow now, or what a deployment runs by itself, and follow it step by step.

    It is started once: where the answer is lost, peakctl looks for what has begun, and else says
    that it does not know.
    """
    typed = Typed(**{name: flags.pop(name) for name in Typed._fields})
    return options.run("run", flags, _run, what, typed)


async def _run(session: Session, what: str, typed: Typed) -> Report:
    from peakctl.cli.exits import Exit
    from peakctl.cli.loop import graceful
    from peakctl.engine.waiting import Stop
    from peakctl.operations.running import run_target
    from peakctl.present.runs import run_event_line, run_lines, run_row

    options, stop, terminal = _options(session, typed), Stop(), session.terminal
    began = session.project.clock.now()

    def emit(event: ExecutionEvent) -> None:
        terminal.tell([run_event_line(event, began)])

    async with session.connected_to(what) as (platform, target):
        with graceful(session, stop.request, lambda item: terminal.warn([item])):
            found = await run_target(platform, target.key, options, emit, stop)
    row = run_row(found)
    timed_out = any(d.code == "run/goes-on" for d in found.diagnostics)
    code = Exit.DONE if found.ok and not timed_out else Exit.ERROR
    return session.result(
        "run",
        row,
        run_lines(found),
        exit_code=session.interrupted or code,
        diagnostics=found.diagnostics,
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
