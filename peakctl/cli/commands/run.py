"""`peakctl run`."""

from __future__ import annotations

import click

from peakctl.cli import options
from peakctl.cli.option_types import Duration, Text, Word

EPILOG = """\b
Examples:
  peakctl run Workflow/nightly
  peakctl run Workflow/nightly --input date=2026-11-01
  peakctl run Workflow/nightly --step train --with-dependents
  peakctl run Workflow/nightly --payload inputs.yaml --detach
  peakctl run Deployment/forecast                 what is marked with autoRunOnDeploy

\b
Exit codes: 0 it ended well, or was started with --detach; 1 it failed, could not
run, or it is not known whether it was started; 15 not permitted; 64 wrong usage;
130 interrupted: it goes on at the platform. This command starts something each
time: look at `peakctl executions` before you type it again.
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@click.argument("what", metavar="KIND/NAME", shell_complete=options.complete_target)
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
def run(
    what: str,
    inputs: tuple[str, ...],
    step_inputs: tuple[str, ...],
    payload: str | None,
    steps: tuple[str, ...],
    with_dependents: bool,  # noqa: FBT001
    detach: bool,  # noqa: FBT001
    timeout: float | None,
    tail: int,
    **flags: object,
) -> int:
    """Run a workflow now, or what a deployment runs by itself, and follow it step by step.

    It is started once: where the answer is lost, peakctl looks for what has begun, and else says
    that it does not know.
    """
    from peakctl.cli.running import Typed, run_typed

    typed = Typed(inputs, step_inputs, payload, steps, with_dependents, detach, timeout, tail)
    return run_typed(what, typed, options.Flags.of(flags))
