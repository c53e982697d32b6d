"""`peakctl resume`."""

from __future__ import annotations

import click

from peakctl.cli import options

EPILOG = """\b
Examples:
  peakctl resume Workflow/nightly
  peakctl resume Workflow/nightly -e prod -o json
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@click.argument("what", metavar="WORKFLOW/NAME", shell_complete=options.complete_target)
@options.asking
def resume(what: str, **flags: object) -> int:
    """Let a paused workflow run again."""
    from peakctl.cli.running import run_switch

    return run_switch("resume", what, options.Flags.of(flags))
