"""`peakctl get`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from peakctl.cli.session import Connection, Session
    from peakctl.errors import Diagnostic
    from peakctl.model import Live, Tree
    from peakctl.present.report import Report

OF_PLATFORM = "part of the platform"
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

    Kinds may be typed as you like: service, Services, block-spec. Secrets are left out.
    """
    from peakctl.cli.loop import run_async
    from peakctl.cli.session import run_command

    typed = options.Flags(**flags)
    return run_command("get", typed, lambda session: run_async(session, _get(session, kind, name)))


async def _get(session: Session, word: str, name: str | None) -> Report:
    from peakctl.cli.inputs import open_project
    from peakctl.cli.naming import find_kind
    from peakctl.cli.secrets import seal_found, seal_repeated
    from peakctl.cli.session import connect

    open_project(session)
    async with connect(session) as connection:
        kind = find_kind(word, connection.kinds)
        found = await _read(connection, kind, name, show_all=session.flags.show_all)
        wholes = await _wholes(session, connection, found)
        if name is None and session.flags.output != "yaml":
            return _listing(session, found, wholes)
        session.warnings += [_is_part(live, wholes) for live in found if id_of(live) in wholes]
        found = await _with_hidden(connection, found, wholes)
        found = [_without_secrets(live, session.redact) for live in found]
        values = await seal_found(session, connection, kind, found)
        values = [seal_repeated(tree, session.redact) for tree in values]
    return _manifests(session, found, values, wholes)


async def _wholes(
    session: Session, connection: Connection, found: Sequence[Live]
) -> dict[tuple[str, str], str]:
    """What each is a part of, for what is a part of something: the plan's own reads tell."""
    from peakctl.engine.observe.parts import find_wholes

    parts = [(live, live.foreign) for live in found if live.foreign not in (None, OF_PLATFORM)]
    own = {id_of(live): why.removeprefix("part of ") for live, why in parts if why}
    asked = [live for live in found if not live.foreign]
    decided = await find_wholes(asked, (), connection.adapters)
    for why in dict.fromkeys(decided.unsure.values()):
        session.warnings.append(_unsure(why))
    return own | {id_: str(key) for id_, key in decided.wholes.items() if key}


async def _with_hidden(
    connection: Connection, found: Sequence[Live], wholes: Mapping[tuple[str, str], str]
) -> list[Live]:
    """`found` with the places of values that the resource hides for which they were made."""
    from dataclasses import replace

    from peakctl.model import Key

    out = []
    for live in found:
        kind, _, name = wholes.get(id_of(live), "").partition("/")
        adapter = connection.adapters.get(kind)
        hidden = await adapter.hidden_in(live, Key(kind, name)) if adapter else frozenset()
        out.append(replace(live, hidden=live.hidden | hidden))
    return out


def _without_secrets(live: Live, redact: Callable[[str], str]) -> Live:
    """`live` with no secret of the run in what is told beside its values."""
    from dataclasses import replace

    version = redact(live.version) if live.version else live.version
    return replace(live, status=redact(live.status), version=version)


def _unsure(why: str) -> Diagnostic:
    from peakctl.errors import Diagnostic, Severity

    return Diagnostic(
        code="live/parts-unread",
        summary="what is a part of something else is not marked: a read failed",
        detail=why,
        fix="run the same command again",
        severity=Severity.WARNING,
    )


def _is_part(live: Live, wholes: Mapping[tuple[str, str], str]) -> Diagnostic:
    from peakctl.errors import Diagnostic, Severity

    return Diagnostic(
        code="live/part-of",
        summary=f"it is part of {wholes[id_of(live)]}, and cannot be managed by itself",
        key=live.key,
        fix="write a manifest of what it belongs to instead",
        severity=Severity.WARNING,
    )


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


def _listing(
    session: Session, found: Sequence[Live], wholes: Mapping[tuple[str, str], str]
) -> Report:
    from peakctl.present.text import table_lines

    in_order = sorted(found, key=lambda live: (live.key, str(live.id)))
    rows = [_about(live, wholes) for live in in_order]
    titles = ["name", "id", "status", "version", *(["part_of"] if wholes else [])]
    heads = [title.replace("_", " ") for title in titles]
    return session.report(
        lines=table_lines(heads, [[row[title] or "" for title in titles] for row in rows]),
        extra={"resources": rows},
    )


def _manifests(
    session: Session,
    found: Sequence[Live],
    values: Sequence[Tree],
    wholes: Mapping[tuple[str, str], str],
) -> Report:
    from peakctl.present.manifest import manifest_document, manifest_text, sensitive_places

    both = list(zip(found, values, strict=True))
    return session.report(
        text="---\n".join(manifest_text(live, tree) for live, tree in both),
        extra={
            "resources": [
                {
                    **_about(live, wholes),
                    "manifest": manifest_document(live.key, tree),
                    "sensitive": sensitive_places(tree),
                }
                for live, tree in both
            ]
        },
    )


def _about(live: Live, wholes: Mapping[tuple[str, str], str]) -> dict[str, str | None]:
    return {
        "key": str(live.key),
        "kind": live.key.kind,
        "name": live.key.name,
        "id": str(live.id),
        "status": live.status,
        "version": live.version or "",
        "part_of": wholes.get(id_of(live)),
    }


def id_of(live: Live) -> tuple[str, str]:
    """What tells one live resource from another."""
    return live.key.kind, str(live.id)
