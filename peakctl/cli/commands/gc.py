"""`peakctl gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Since

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from peakctl.cli.exits import Exit
    from peakctl.cli.session import Session
    from peakctl.operations.gc import GcResult
    from peakctl.operations.gc_plan import GcOptions
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl gc --keep 10 --older-than 90d --dry-run
  peakctl gc Image --keep 20 -e prod              asks before it deletes
  peakctl gc Image/price-model --older-than 2026-01-01 --yes
  peakctl gc Image/price-model@0.0.3              this version, if nothing uses it

Exit codes: 0 done, or nothing to do, 1 nothing could be deleted, 10 manifests invalid,
12 not agreed to, or not allowed, 13 another run is under way, 14 some could not be deleted,
15 not permitted, 64 wrong usage.
"""


@options.command(epilog=EPILOG)
@click.argument("what", metavar="[KIND|KIND/NAME[@VERSION]]...", nargs=-1)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep the newest N versions of each resource.",
)
@click.option(
    "--older-than",
    type=Since(),
    metavar="TIME",
    help="Delete only what was made before: 90d, 36h, 2026-01-01 (UTC).",
)
@options.environment
@options.parameters
@options.allow
@options.output("text", "json", "yaml")
@options.dry_run
@options.consent
@options.connection
@options.display
def gc(
    what: tuple[str, ...],
    keep: int | None,
    older_than: datetime | timedelta | None,
    **flags: object,
) -> int:
    """Delete old versions of images and artifacts that the project owns and nothing uses.

    Never the newest version, nor one that anything live, a release or a manifest refers to: all of
    that is read completely, or nothing is deleted. Protected resources are left alone. What would
    be deleted is shown first, and asked about; --verbose shows what is kept, and why.
    """
    from peakctl.operations.gc_plan import GcOptions

    asked = GcOptions(what, keep, older_than, options.Flags.of(flags).allowed)
    return options.run("gc", flags, _gc, asked)


def _arguments(asked: GcOptions) -> tuple[str, ...]:
    """What was typed beside the flags that all commands share."""
    from datetime import timedelta

    keep = () if asked.keep is None else ("--keep", str(asked.keep))
    older = asked.older_than
    if older is None:
        return (*asked.what, *keep)
    if isinstance(older, timedelta):
        minutes = round(older.total_seconds() / 60)
        word = f"{minutes // 1440}d" if minutes % 1440 == 0 else f"{minutes}m"
        return (*asked.what, *keep, "--older-than", word)
    return (*asked.what, *keep, "--older-than", older.isoformat())


async def _gc(session: Session, asked: GcOptions) -> Report:
    from peakctl.cli.consent import require_consent
    from peakctl.cli.loop import graceful
    from peakctl.engine.waiting import Stop
    from peakctl.errors import counted
    from peakctl.operations.gc import GcResult, run_gc
    from peakctl.operations.gc_plan import look_to_gc
    from peakctl.present import upkeep

    flags, stop = session.flags, Stop()
    session.arguments = _arguments(asked)
    session.require_owner()
    async with session.connected() as platform:
        shown = await look_to_gc(platform, asked)
        session.warnings += shown.diagnostics
        found = GcResult(shown)
        rows = upkeep.gc_rows(found)
        session.show(upkeep.gc_lines(shown, verbose=flags.verbose), versions=rows)
        if shown.count and not flags.dry_run:
            question = f"Delete {counted(shown.count, 'version')} for good?"
            require_consent(session, question, what="versions are to be deleted", read="the list")
            with graceful(session, stop.request, lambda line: session.terminal.tell([line])):
                found = await run_gc(platform, asked, shown, stop=stop)
            session.warnings += found.diagnostics
    return session.result(
        "versions",
        upkeep.gc_rows(found),
        upkeep.gc_summary(found, dry_run=flags.dry_run),
        exit_code=session.interrupted or _exit_code(found),
        wrote=bool(found.deleted),
    )


def _exit_code(found: GcResult) -> Exit:
    from peakctl.cli.exits import Exit

    if not found.failed:
        return Exit.DONE
    return Exit.PARTLY_APPLIED if found.deleted else Exit.ERROR
