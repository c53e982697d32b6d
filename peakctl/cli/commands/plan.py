"""`peakctl plan`, and `peakctl diff`, which is the same but for two versions of a resource."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.help import Command
from peakctl.cli.option_types import Word, complete_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl plan -e dev
  peakctl plan -e dev --select Workflow,team=retail
  peakctl plan -e prod --detailed-exitcode -o markdown > comment.md
  peakctl plan -e prod --out prod.peakplan
  peakctl plan -e prod --offline --base origin/main --unset-env unknown

Exit codes: 0 done (with --detailed-exitcode: nothing to do), 2 changes pending,
1 error, 3 a selector matched nothing, 10 manifests invalid, 12 a guard refuses,
15 not permitted.
"""
DIFF_EPILOG = """\b
Examples:
  peakctl diff -e dev                              the same as plan
  peakctl diff Image/forecast 0.0.1 0.0.2
  peakctl diff Deployment/retail-eu 3 4 -o json
"""
OF_VERSIONS = frozenset(
    {
        "env",
        "param",
        "params_file",
        "output",
        "parallelism",
        "color",
        "no_color",
        "quiet",
        "verbose",
    }
)
"""What may be typed beside two versions; `history --diff` takes the same."""


@options.command(epilog=EPILOG)
@options.manifests
@options.selection
@options.unset_env
@options.policy
@options.outputs
@options.shown
@click.option(
    "--detailed-exitcode", "--exit-code", is_flag=True, help="Exit with 2 when changes are pending."
)
@click.option(
    "--out", metavar="FILE", help="Save the plan, for `peakctl apply FILE` with the same flags."
)
@click.option(
    "--offline",
    is_flag=True,
    help="Ask no tenant: compare with the manifests of the commit --base. Never applied.",
)
@click.option(
    "--base", type=Word(), metavar="REV", help="With --offline: where the branch left REV."
)
@click.option("--explain", is_flag=True, help="Also show the stages of an apply of the plan.")
@click.option(
    "--server-validate",
    is_flag=True,
    help="Also let the platform check new specs and releases: takes the lease as an apply does.",
)
@options.retry_failed
@options.ownership
@options.pruning
@options.mass_change
@options.forward
@options.allow
@options.connection
@options.display
def plan(**flags: object) -> int:
    """Show what apply would change, and change nothing.

    Reads the live state of everything that the manifests name. Running it is always safe.
    """
    if flags["offline"] or flags["base"]:
        from peakctl.cli.offline import COMMAND, plan_without_tenant

        return options.run(COMMAND, flags, plan_without_tenant)
    return options.run("plan", flags, _plan)


async def _plan(session: Session) -> Report:
    from peakctl.cli.planning import load_typed, plan_report, plan_typed

    flags = session.flags
    async with session.connected_loading(partial(load_typed, session)) as (platform, loaded):
        planned = await plan_typed(session, platform, loaded)
        if flags.out is not None:
            from peakctl.operations.saved_plan import NOT_SAVED, save_plan

            told = await save_plan(platform, planned, flags.out)
            session.warnings += told
            session.saved = None if any(d.code == NOT_SAVED for d in told) else flags.out
        report = plan_report(session, planned)
        if not flags.server_validate:
            return report
        from peakctl.cli.planning import validated_report

        return await validated_report(session, platform, planned, report)


@click.pass_context
def _diff(ctx: click.Context, /, words: tuple[str, ...], **flags: object) -> int:
    """Show what apply would change; with KIND/NAME A B what differs between two of its versions."""
    if not words:
        assert plan.callback is not None  # noqa: S101 - it is a command
        return int(plan.callback(**flags))
    if len(words) != 3 or "/" not in words[0]:
        raise click.UsageError("versions are compared as: peakctl diff Kind/name A B", ctx)
    left = _typed(ctx, flags.keys() - OF_VERSIONS)
    if left:
        raise click.UsageError(f"{', '.join(left)} is for plans: leave it out here", ctx)
    if flags["output_files"] or flags["output"] not in ("text", "yaml", "json"):
        raise click.UsageError("versions are compared as -o text, yaml or json", ctx)
    from peakctl.cli.past import diff_of_versions

    chosen = {name: each for name, each in flags.items() if name in OF_VERSIONS}
    return options.run("history", chosen, diff_of_versions, *words)


def _typed(ctx: click.Context, names: Iterable[str]) -> list[str]:
    """The options among `names` that stand on the command line."""
    typed = click.core.ParameterSource.COMMANDLINE
    found = {name for name in names if ctx.get_parameter_source(name) is typed}
    return [param.opts[-1] for param in ctx.command.params if param.name in found]


_WORDS = click.Argument(
    ["words"], nargs=-1, metavar="[KIND/NAME A B]", shell_complete=complete_target
)
diff = Command(
    "diff",
    callback=_diff,
    params=[_WORDS, *plan.params],
    help=_diff.__doc__,
    epilog=DIFF_EPILOG,
    context_settings=options.CONTEXT,
)
