"""`peakctl completion`."""

from __future__ import annotations

import click

from peakctl.cli import options

SHELLS = ("bash", "zsh", "fish")
EPILOG = """\b
Examples:
  source <(peakctl completion bash)
  peakctl completion zsh > "${fpath[1]}/_peakctl"
  peakctl completion fish > ~/.config/fish/completions/peakctl.fish
"""


@options.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print a script that completes commands and options in your shell."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f'click has no completion for "{shell}"', ctx)
    complete = found(ctx.find_root().command, {}, "peakctl", "_PEAKCTL_COMPLETE")
    if shell == "bash":
        source = complete.source_template % complete.source_vars()
    else:
        source = complete.source()
    click.echo(source)
    return 0
