"""`peakctl ledger show|history|unlock|rebuild`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.cli import options

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl ledger show -e prod           what is owned, who applies, who did
  peakctl ledger history -e prod        what each run did, and to which resources
  peakctl ledger unlock -e prod         the run that holds the lease is dead
  peakctl ledger rebuild -e prod        the ledger was damaged or deleted
"""
SHOW_EPILOG = """\b
Examples:
  peakctl ledger show -e prod
  peakctl ledger show -e prod -o json | jq '.ledger.owned[].key'

Exit codes: 0 done (also where there is no ledger yet), 1 a version cannot be read,
15 not permitted, 64 wrong usage.
"""
HISTORY_EPILOG = """\b
Examples:
  peakctl ledger history -e prod --since 7d
  peakctl ledger history -e prod --resource Service/price-api --limit 1
  peakctl ledger history -e prod -o json > history.json

Exit codes: 0 done (also where there is no history yet), 15 not permitted, 64 wrong usage.
"""
UNLOCK_EPILOG = """\b
Examples:
  peakctl ledger unlock -e dev
  peakctl ledger unlock -e prod --yes

A lease ends by itself 15 minutes after its run was last heard of; a later attempt of the same CI
job takes it over at once. Unlock only for a run that you know to be dead.

Exit codes: 0 done, or there was nothing to do, 12 not agreed to,
13 the run is alive after all, 15 not permitted.
"""
REBUILD_EPILOG = """\b
Examples:
  peakctl ledger rebuild -e dev
  peakctl ledger rebuild -e prod -v params/prod.yaml --yes

What no manifest names and no readable version lists cannot be found again: --prune will not see
it. Nothing but the ledger is written.

Exit codes: 0 done, or there was nothing to do, 10 manifests invalid, 12 not agreed to,
13 another run is under way, 15 not permitted.
"""


@options.group(epilog=EPILOG)
@options.directory
def ledger() -> None:
    """Show, unlock or rebuild what a project knows of itself, and what its runs did.

    The ledger is an artifact on the platform: what the project owns, who applies it now, and who
    did before.
    """


@ledger.command(context_settings=options.CONTEXT, epilog=SHOW_EPILOG)
@options.environment
@options.parameters
@options.output("text", "json")
@options.connection
@options.display
def show(**flags: object) -> int:
    """Show what is owned, who holds the lease, and the last runs.

    Times are the platform's own, in UTC. Reads only.
    """
    return options.run("ledger show", flags, _show)


@ledger.command(context_settings=options.CONTEXT, epilog=HISTORY_EPILOG)
@options.environment
@options.parameters
@options.history
@options.output("text", "json")
@options.connection
@options.display
def history(
    since: datetime | timedelta | None, resource: str | None, limit: int | None, **flags: object
) -> int:
    """Show what each run did, the newest first: when, who, from which commit, to which resources.

    The same as `peakctl history`. Reads only.
    """
    from peakctl.cli.past import history_of_project

    asked = {"since": since, "resource": resource, "limit": limit}
    return options.run("ledger history", flags, history_of_project, asked)


@ledger.command(context_settings=options.CONTEXT, epilog=UNLOCK_EPILOG)
@options.environment
@options.parameters
@options.output("text", "json")
@options.consent
@options.connection
@options.display
def unlock(**flags: object) -> int:
    """Take the lease away from a run that is dead.

    Shows who holds it and asks. What that run set out to do stays recorded, and the next apply
    looks at it first.
    """
    return options.run("ledger unlock", flags, _unlock)


@ledger.command(context_settings=options.CONTEXT, epilog=REBUILD_EPILOG)
@options.manifests
@options.output("text", "json")
@options.consent
@options.connection
@options.display
def rebuild(**flags: object) -> int:
    """Write the ledger again, from manifests and live state.

    For a ledger that was damaged or deleted. Keeps what can still be read of it, adds what the
    manifests name and is live, drops what is gone, and asks before it writes.
    """
    return options.run("ledger rebuild", flags, _rebuild)


async def _show(session: Session) -> Report:
    from peakctl.cli.exits import Exit
    from peakctl.operations.ledger import show_ledger
    from peakctl.present.ledger import Shown, ledger_document, ledger_lines, no_ledger_lines

    owner = session.require_owner()
    async with session.connected() as platform:
        found = await show_ledger(platform)
    session.warnings += found.diagnostics
    if found.revision is None:
        return session.report(lines=no_ledger_lines(owner), extra={"ledger": None})
    shown = Shown(found.revision, found.now)
    return session.report(
        lines=ledger_lines(shown),
        extra={"ledger": ledger_document(shown)},
        exit_code=Exit.ERROR if found.damage else Exit.DONE,
        diagnostics=(found.damage,) if found.damage else (),
    )


async def _unlock(session: Session) -> Report:
    from peakctl.cli.consent import require_consent
    from peakctl.errors import counted
    from peakctl.operations.ledger import look_to_unlock, refuse_alive_run, unlock_ledger
    from peakctl.present.ledger import (
        Shown,
        lease_document,
        lease_lines,
        no_ledger_lines,
        place_document,
    )
    from peakctl.present.text import line

    owner = session.require_owner()
    async with session.connected() as platform:
        found = await look_to_unlock(platform)
        session.warnings += found.diagnostics
        if found.revision is None:
            nothing = {"ledger": None, "unlocked": False, "lease": None}
            return session.report(lines=no_ledger_lines(owner), extra=nothing)
        place = place_document(found.revision)
        if not found.is_held:
            told = line((f"Nothing to do: the lease of {owner} is free.", "bold"))
            extra = {"ledger": place, "unlocked": False, "lease": None}
            return session.report(lines=(told,), extra=extra)
        shown = Shown(found.revision, found.now)
        lease = lease_document(shown)
        session.show(lease_lines(shown), ledger=place, unlocked=False, lease=lease)
        refuse_alive_run(platform, found)
        require_consent(
            session,
            "Is this run dead? Its lease will be taken away.",
            what="a run holds the lease",
            read="who holds it",
        )
        done = await unlock_ledger(platform, found)
    kept = counted(len(done.ledger.intents), "unfinished action")
    words = f"Unlocked: version {done.number} of the ledger has no lease, and keeps {kept}."
    extra = {"ledger": place_document(done), "unlocked": True, "lease": lease}
    return session.report(lines=((), line((words, "bold"))), extra=extra, wrote=True)


async def _rebuild(session: Session) -> Report:
    from peakctl.cli.consent import require_consent
    from peakctl.model import ledger_name
    from peakctl.operations.ledger import look_to_rebuild, write_rebuilt
    from peakctl.operations.load import load
    from peakctl.present.ledger import found_lines, place_document, rebuilt_document, rebuilt_lines
    from peakctl.present.text import line

    owner = session.require_owner()
    loaded = load(session.project)
    session.warnings += loaded.diagnostics
    session.tell_where(len(loaded.resources))
    async with session.connected() as platform:
        result = await look_to_rebuild(platform, loaded)
        session.warnings += result.diagnostics
        revision, entries = result.before.revision, rebuilt_document(result.rebuilt)
        lines = (*found_lines(result.before.found, owner), (), *rebuilt_lines(result.rebuilt))
        place = place_document(revision) if revision else None
        if not result.is_needed:
            why = "the ledger says what is live" if revision else "there is nothing to list"
            return session.report(
                lines=(*lines, line(f"Nothing to do: {why}.")),
                extra={"ledger": place, "written": False, **entries},
            )
        session.show(lines, ledger=place, written=False, **entries)
        require_consent(
            session, "Write this ledger?", what="the ledger would change", read="what it would list"
        )
        done = await write_rebuilt(platform, result)
    words = f"Written: version {done.number} of {ledger_name(owner)}."
    extra = {"ledger": place_document(done), "written": True, **entries}
    return session.report(lines=((), line((words, "bold"))), extra=extra, wrote=True)
