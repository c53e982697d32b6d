"""`peakctl diff`: the same as `plan`; with a resource and two of its versions, `history --diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.commands.history import history
from peakctl.cli.commands.plan import plan

if TYPE_CHECKING:
    from collections.abc import Iterable

EPILOG = """\b
Examples:
  peakctl diff -e dev                              the same as plan
  peakctl diff Image/forecast 0.0.1 0.0.2
  peakctl diff Deployment/retail-eu 3 4 -o json
"""
_ASKED = {"since": None, "resource": None, "limit": None}


@click.pass_context
def _diff(ctx: click.Context, /, words: tuple[str, ...], **flags: object) -> int:
    """Show what apply would change; with KIND/NAME A B what differs between two of its versions."""
    if not words:
        assert plan.callback is not None  # noqa: S101 - it is a command
        return int(plan.callback(**flags))
    if len(words) != 3 or "/" not in words[0]:
        raise click.UsageError("versions are compared as: peakctl diff Kind/name A B", ctx)
    taken = {each.name for each in history.params}
    left = _typed(ctx, flags.keys() - taken)
    if left:
        raise click.UsageError(f"{', '.join(left)} is for plans: leave it out here", ctx)
    if flags["output_files"] or flags["output"] not in ("text", "yaml", "json"):
        raise click.UsageError("versions are compared as -o text, yaml or json", ctx)
    chosen = {name: each for name, each in flags.items() if name in taken}
    assert history.callback is not None  # noqa: S101 - it is a command
    return int(history.callback(target=words[0], diff=words[1:], **_ASKED, **chosen))


def _typed(ctx: click.Context, names: Iterable[str]) -> list[str]:
    """The options among `names` that stand on the command line."""
    typed = click.core.ParameterSource.COMMANDLINE
    found = {name for name in names if ctx.get_parameter_source(name) is typed}
    return [param.opts[-1] for param in ctx.command.params if param.name in found]


_WORDS = click.Argument(
    ["words"], nargs=-1, metavar="[KIND/NAME A B]", shell_complete=options.complete_target
)
diff = click.Command(
    "diff",
    callback=_diff,
    params=[_WORDS, *plan.params],
    help=_diff.__doc__,
    epilog=EPILOG,
    context_settings=options.CONTEXT,
)
