"""`peakctl get`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.engine.export import Exported
    from peakctl.kinds.fields import Kind
    from peakctl.operations.get import GetResult
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl get                           the kinds, with their numbers
  peakctl get workflows -e dev
  peakctl get instance-types            the machines, as manifests name them
  peakctl get Service forecast-api
  peakctl get Image forecast -o json
  peakctl get BlockSpec/forecast@1.2.0  an older version or revision
"""

YAML = ("yaml", "manifest")


@options.command(epilog=EPILOG)
@options.kind
@click.argument("name", metavar="[NAME[@VERSION]]", required=False)
@options.environment
@options.parameters
@options.output("text", "manifest", "yaml", "json")
@click.option("--all", "show_all", is_flag=True, help="What the platform itself provides, too.")
@options.connection
@options.display
def get(kind: str | None, name: str | None, **flags: object) -> int:
    """List the live resources of a KIND, or print the one called NAME as a manifest.

    Without a KIND: the kinds, and how much of each the tenant has. Kinds may be typed as you like:
    service, Services, block-spec; Kind/name does as well. Variables of the environment stand where
    secrets do. After an @ stands a version of an image, a release of a spec, or a revision.
    """
    if kind is not None and name is None and "/" in kind:
        kind, _, name = kind.partition("/")
    return options.run("get", flags, _get, kind, name)


async def _get(session: Session, word: str | None, name: str | None) -> Report:
    from peakctl.catalog import LOOKED_UP
    from peakctl.operations.exporting import export_live
    from peakctl.operations.get import get_live
    from peakctl.operations.overview import read_machines, read_overview
    from peakctl.operations.target import find_kind
    from peakctl.present import tenant

    flags = session.flags
    whole = name is not None or flags.output in YAML
    async with session.connected() as platform:
        if word is None:
            seen = await read_overview(platform, provided=flags.show_all)
            session.warnings += seen.diagnostics
            return session.result("kinds", tenant.overview_rows(seen), tenant.overview_lines(seen))
        kind = find_kind(word, platform.kinds)
        if kind in LOOKED_UP:
            machines = await read_machines(platform, kind, name)
            rows, lines = tenant.machine_rows(machines), tenant.machine_lines(machines)
            return session.result("instance_types", rows, lines)
        found = await get_live(platform, kind, name, values=whole, provided=flags.show_all)
        session.warnings += found.diagnostics
        if not whole:
            lines = tenant.listing_lines(found, verbose=flags.verbose)
            return session.report(lines=lines, extra={"resources": tenant.listing_rows(found)})
        both = list(zip(found.found, found.values, strict=True))
        exported = await export_live(platform, both)
        return _manifests(session, found, exported, platform.kinds[found.kind])


def _manifests(
    session: Session, result: GetResult, exported: tuple[Exported, ...], kind: Kind
) -> Report:
    from peakctl.model import dotted
    from peakctl.present.manifest import manifest_document, manifest_text
    from peakctl.present.tenant import about

    both = list(zip(result.found, exported, strict=True))
    return session.report(
        text="---\n".join(manifest_text(live, each, kind) for live, each in both),
        extra={
            "resources": [
                {
                    **about(live, result),
                    "manifest": manifest_document(each),
                    "sensitive": [dotted(variable.path) for variable in each.variables],
                }
                for live, each in both
            ]
        },
    )
