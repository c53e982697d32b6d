"""`peakctl ledger show|unlock|rebuild`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl ledger show -e prod           what is owned, who applies now, who did before
  peakctl ledger unlock -e prod         the run that holds the lease is dead
  peakctl ledger rebuild -e prod        the ledger was damaged or deleted
"""
SHOW_EPILOG = """\b
Examples:
  peakctl ledger show -e prod
  peakctl ledger show -e prod -o json | jq '.ledger.owned[].key'

\b
Exit codes: 0 done (also where there is no ledger yet), 1 a version cannot be read,
15 not permitted, 64 wrong usage.
"""
UNLOCK_EPILOG = """\b
Examples:
  peakctl ledger unlock -e dev
  peakctl ledger unlock -e prod --yes

A lease ends by itself 15 minutes after its run was last heard of; a later attempt of the same CI
job takes it over at once. Unlock only for a run that you know to be dead.

\b
Exit codes: 0 done, or there was nothing to do, 12 not agreed to,
13 the run is alive after all, 15 not permitted.
"""
REBUILD_EPILOG = """\b
Examples:
  peakctl ledger rebuild -e dev
  peakctl ledger rebuild -e prod -v params/prod.yaml --yes

What no manifest names and no readable version lists cannot be found again: --prune will not see
it. Nothing but the ledger is written.

\b
Exit codes: 0 done, or there was nothing to do, 10 manifests invalid, 12 not agreed to,
13 another run is under way, 15 not permitted.
"""


@click.group(context_settings=options.CONTEXT, epilog=EPILOG)
def ledger() -> None:
    """Show, unlock or rebuild what a project knows of itself.

    The ledger is an artifact on the platform: what the project owns, who applies it now, and who
    did before.
    """


@ledger.command(context_settings=options.CONTEXT, epilog=SHOW_EPILOG)
@options.environment
@options.output("text", "json")
@options.connection
@options.display
def show(**flags: Any) -> int:
    """Show what is owned, who holds the lease, and the last runs.

    Times are the platform's own, in UTC. Reads only.
    """
    from peakctl.cli.ledger_work import show_ledger

    return _run("ledger show", show_ledger, flags)


@ledger.command(context_settings=options.CONTEXT, epilog=UNLOCK_EPILOG)
@options.environment
@options.output("text", "json")
@options.consent
@options.connection
@options.display
def unlock(**flags: Any) -> int:
    """Take the lease away from a run that is dead.

    Shows whose it is and asks. What that run set out to do stays recorded, and the next apply looks
    at it first.
    """
    from peakctl.cli.ledger_work import unlock_ledger

    return _run("ledger unlock", unlock_ledger, flags)


@ledger.command(context_settings=options.CONTEXT, epilog=REBUILD_EPILOG)
@options.manifests
@options.output("text", "json")
@options.consent
@options.connection
@options.display
def rebuild(**flags: Any) -> int:
    """Write the ledger anew, from manifests and live state.

    For a ledger that was damaged or deleted. Keeps what can still be read of it, adds what the
    manifests name and is live, drops what is gone, and asks before it writes.
    """
    from peakctl.cli.ledger_work import rebuild_ledger

    return _run("ledger rebuild", rebuild_ledger, flags)


def _run(
    command: str, work: Callable[[Session], Coroutine[Any, Any, Report]], flags: dict[str, Any]
) -> int:
    from peakctl.cli.loop import run_async
    from peakctl.cli.session import run_command

    typed = options.Flags(**flags)
    return run_command(command, typed, lambda session: run_async(session, work(session)))
