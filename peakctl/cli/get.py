"""`peakctl get`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peakctl.cli.session import Connection, Session
    from peakctl.kinds.fields import Kind
    from peakctl.model import Live
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl get workflows -e dev
  peakctl get Service forecast-api
  peakctl get Image forecast -o json
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@click.argument("kind")
@click.argument("name", required=False)
@options.environment
@options.output("text", "yaml", "json")
@click.option("--all", "show_all", is_flag=True, help="What the platform itself provides, too.")
@options.connection
@options.display
def get(kind: str, name: str | None, **flags: Any) -> int:
    """List the live resources of a KIND, or print the one called NAME as a manifest.

    Kinds may be typed as you like: service, Services, block-spec. Secrets are masked.
    """
    from peakctl.cli.loop import run_async
    from peakctl.cli.session import run_command

    typed = options.Flags(**flags)
    return run_command("get", typed, lambda session: run_async(session, _get(session, kind, name)))


async def _get(session: Session, word: str, name: str | None) -> Report:
    from peakctl.cli.inputs import open_project
    from peakctl.cli.naming import find_kind
    from peakctl.cli.session import connect

    open_project(session)
    async with connect(session) as connection:
        kind = find_kind(word, connection.kinds)
        found = await _read(connection, kind, name, show_all=session.flags.show_all)
    if name is None and session.flags.output != "yaml":
        return _listing(session, found)
    return _manifests(session, connection.kinds[kind], found)


async def _read(
    connection: Connection, kind: str, name: str | None, *, show_all: bool
) -> Sequence[Live]:
    """Every live resource of the kind, or those of that name. Raises PeakctlError when none is."""
    import asyncio

    from peakctl.errors import Diagnostic, PeakctlError, nearest_names

    adapter = connection.adapters[kind]
    listed = [item for item in await adapter.index() if item.ours or show_all or name]
    wanted = [item for item in listed if name is None or item.name == name]
    if name is not None and not wanted:
        near = nearest_names(name, sorted({item.name for item in listed}))
        raise PeakctlError(
            Diagnostic(
                code="live/not-found",
                summary=f'there is no {kind} named "{name}"',
                fix=f"did you mean: {', '.join(near)}" if near else f"see peakctl get {kind}",
            )
        )
    reads = await asyncio.gather(*(adapter.read(item, None) for item in wanted))
    return [live for live in reads if live is not None]


def _listing(session: Session, found: Sequence[Live]) -> Report:
    from peakctl.present.table import table_lines

    rows = [_about(live) for live in sorted(found, key=lambda live: (live.key, str(live.id)))]
    titles = ("name", "id", "status", "version")
    return session.report(
        lines=table_lines(titles, [[row[title] for title in titles] for row in rows]),
        extra={"resources": rows},
    )


def _manifests(session: Session, kind: Kind, found: Sequence[Live]) -> Report:
    from peakctl.present.manifest import manifest_document, manifest_text

    return session.report(
        text="---\n".join(manifest_text(live, kind) for live in found),
        extra={
            "resources": [
                {**_about(live), "manifest": manifest_document(live, kind)} for live in found
            ]
        },
    )


def _about(live: Live) -> dict[str, str]:
    return {
        "key": str(live.key),
        "kind": live.key.kind,
        "name": live.key.name,
        "id": str(live.id),
        "status": live.status,
        "version": live.version or "",
    }
