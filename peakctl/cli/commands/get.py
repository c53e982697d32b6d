"""`peakctl get`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.engine.export import Exported
    from peakctl.kinds.fields import Kind
    from peakctl.model import Live
    from peakctl.operations.get import GetResult
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
@options.output("text", "manifest", "yaml", "json")
@click.option("--all", "show_all", is_flag=True, help="What the platform itself provides, too.")
@options.connection
@options.display
def get(kind: str, name: str | None, **flags: Any) -> int:
    """List the live resources of a KIND, or print the one called NAME as a manifest.

    Kinds may be typed as you like: service, Services, block-spec. Variables of the environment
    stand where secrets do.
    """
    from peakctl.cli.session import run_command

    typed = options.Flags(**flags)
    return run_command("get", typed, lambda session: _get(session, kind, name))


async def _get(session: Session, word: str, name: str | None) -> Report:
    from peakctl.cli.session import connected
    from peakctl.operations.exporting import export_live
    from peakctl.operations.get import get_live

    flags = session.flags
    whole = name is not None or flags.output in ("yaml", "manifest")
    async with connected(session) as platform:
        found = await get_live(platform, word, name, values=whole, provided=flags.show_all)
        if not whole:
            return _listing(session, found)
        both = list(zip(found.found, found.values, strict=True))
        exported = await export_live(platform, both)
        return _manifests(session, found, exported, platform.kinds[found.kind])


def _listing(session: Session, result: GetResult) -> Report:
    from peakctl.present.text import table_lines

    in_order = sorted(result.found, key=lambda live: (live.key, str(live.id)))
    rows = [_about(live, result) for live in in_order]
    titles = ["name", "id", "status", "version", *(["part_of"] if result.part_of else [])]
    heads = [title.replace("_", " ") for title in titles]
    return session.report(
        diagnostics=result.diagnostics,
        lines=table_lines(heads, [[row[title] or "" for title in titles] for row in rows]),
        extra={"resources": rows},
    )


def _manifests(
    session: Session, result: GetResult, exported: tuple[Exported, ...], kind: Kind
) -> Report:
    from peakctl.model import dotted
    from peakctl.present.manifest import manifest_document, manifest_text

    both = list(zip(result.found, exported, strict=True))
    return session.report(
        diagnostics=result.diagnostics,
        text="---\n".join(manifest_text(live, each, kind) for live, each in both),
        extra={
            "resources": [
                {
                    **_about(live, result),
                    "manifest": manifest_document(each),
                    "sensitive": [dotted(variable.path) for variable in each.variables],
                }
                for live, each in both
            ]
        },
    )


def _about(live: Live, result: GetResult) -> dict[str, str | None]:
    return {
        "key": str(live.key),
        "kind": live.key.kind,
        "name": live.key.name,
        "id": str(live.id),
        "status": live.status,
        "version": live.version or "",
        "part_of": result.part_of.get(live.live_id),
    }
