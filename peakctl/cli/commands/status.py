"""`peakctl status`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from peakctl.cli import option_types as types
from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.ahead import TellKinds
    from peakctl.operations.load import LoadResult
    from peakctl.operations.plan import PlanOptions
    from peakctl.operations.platform import Platform
    from peakctl.operations.status import StatusResult
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl status -e prod                      all that is declared or owned
  peakctl status Workflow/nightly Service     these alone
  peakctl status -e prod --exit-code          2 when something is not well
  peakctl status -e prod --watch              again after each change
  peakctl status -e prod -o json

Exit codes: 0 done, 2 with --exit-code: something is not well, 1 error, 3 a selector
matched nothing, 10 manifests invalid, 15 not permitted.
"""


@options.command(epilog=EPILOG)
@options.target("[WHAT]...", nargs=-1)
@options.manifests
@options.selection
@click.option("--exit-code", "fails", is_flag=True, help="End with 2 when something is not well.")
@click.option("--watch", is_flag=True, help="Look again and again; show what has changed.")
@click.option(
    "--interval",
    type=types.Duration(),
    default="15s",
    show_default=True,
    metavar="TIME",
    help="With --watch: how long to wait between two looks.",
)
@options.output("text", "json", "yaml")
@options.connection
@options.display
def status(
    *, what: tuple[str, ...], fails: bool, watch: bool, interval: float, **flags: object
) -> int:
    """Show how everything is: state, version, drift, last run, address, last change.

    WHAT is Kind/name, Kind or label=value, as for --select. Sends the reads of a plan, and changes
    nothing; variables of os_env need not be set. Not well is what failed, what was changed or
    deleted outside, and a workflow whose last run failed.
    """
    if watch and flags["output"] != "text":
        raise click.UsageError(f"--watch and -o {flags['output']} exclude each other")

    async def body(session: Session) -> Report:
        async with session.connected_loading(partial(_load, session, what)) as (platform, found):
            loaded, chosen = found
            if watch:
                return await _watch(session, platform, loaded, chosen, interval, fails=fails)
            return await _once(session, platform, loaded, chosen, fails=fails)

    return options.run("status", {**flags, "unset_env": "unknown"}, body)


def _load(
    session: Session, what: tuple[str, ...], tell_kinds: TellKinds | None
) -> tuple[LoadResult, PlanOptions]:
    from peakctl.kinds.schemas import load_kinds
    from peakctl.operations.plan import PlanOptions, load_for_plan
    from peakctl.operations.status import read_words

    flags = session.flags
    select = (*flags.select, *read_words(what, load_kinds()))
    chosen = PlanOptions(select=select, exclude=flags.exclude)
    loaded = load_for_plan(session.project, chosen, tell_kinds)
    session.warnings += loaded.diagnostics
    session.tell_where(len(loaded.chosen))
    return loaded, chosen


async def _once(
    session: Session, platform: Platform, loaded: LoadResult, chosen: PlanOptions, *, fails: bool
) -> Report:
    from peakctl.cli.exits import Exit
    from peakctl.operations.status import look_at_status
    from peakctl.present.status import status_document, status_lines, status_rows

    found = _placed(session, await look_at_status(platform, loaded, chosen))
    return session.report(
        exit_code=Exit.CHANGES_PENDING if fails and not found.is_well else Exit.DONE,
        diagnostics=found.diagnostics,
        lines=status_lines(found),
        text=session.as_yaml(*status_rows(found)),
        extra=status_document(found),
    )


async def _watch(
    session: Session,
    platform: Platform,
    loaded: LoadResult,
    chosen: PlanOptions,
    interval: float,
    *,
    fails: bool,
) -> Report:
    """Show each look that differs from the one before; ends with Ctrl-C, or with `fails`."""
    from peakctl.cli.exits import Exit
    from peakctl.errors import ApiError
    from peakctl.operations.status import watch_status
    from peakctl.present.status import status_lines, status_rows
    from peakctl.present.text import line

    redact = session.project.redact
    shown = None
    async for found in watch_status(platform, loaded, chosen, interval):
        if isinstance(found, ApiError):
            told = "; ".join(redact(d.summary) for d in found.diagnostics)
            session.terminal.warn([line(("error", "error"), f": {told}; looking again")])
            continue
        placed = _placed(session, found)
        rows = [{**row, "next_run": None} for row in status_rows(placed)]
        if rows != shown:
            session.terminal.show([] if shown is None else [()])
            session.terminal.show(status_lines(placed))
            shown = rows
        if fails and not found.is_well:
            break
    return session.report(exit_code=Exit.CHANGES_PENDING)


def _placed(session: Session, found: StatusResult) -> StatusResult:
    """The result with places as the user has them, from where they stand."""
    places = session.places
    if places is None:
        return found
    moved = (replace(r, place=places.place(r.place)) if r.place else r for r in found.resources)
    return replace(found, resources=tuple(moved))
