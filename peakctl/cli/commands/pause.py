"""`peakctl pause`."""

from __future__ import annotations

import click

from peakctl.cli import options

EPILOG = """\b
Examples:
  peakctl pause Workflow/nightly
  peakctl pause Workflow/nightly -e prod -o json
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@click.argument("what", metavar="WORKFLOW/NAME", shell_complete=options.complete_target)
@options.asking
def pause(what: str, **flags: object) -> int:
    """Pause a workflow: it starts nothing any more, whatever its triggers say.

    What runs already goes on, and a paused workflow is no drift. `paused: true` of an environment
    is another thing: it leaves schedules out of what is applied.
    """
    from peakctl.cli.running import run_switch

    return run_switch("pause", what, options.Flags.of(flags))
