"""`peakctl emulator reset|requests|seed|snapshot`: the data of one emulator."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from peakctl.cli.session import Session
    from peakctl.emulator.client import Control
    from peakctl.model import JsonDict
    from peakctl.present.report import Report

    Act = Callable[[Session, Control, str], Report]

RESET_EPILOG = """\b
Examples:
  peakctl emulator reset -e local
  peakctl emulator reset --data state.sqlite
  peakctl emulator reset --endpoint http://127.0.0.1:8765
"""
REQUESTS_EPILOG = """\b
Examples:
  peakctl emulator requests -e local
  peakctl emulator requests --endpoint http://127.0.0.1:8765 -o json
"""
SEED_EPILOG = """\b
A seed is YAML or JSON; docs/emulator.md has all kinds of resources:
  resources:
    - {kind: image, as: img, body: {name: trainer, type: workflow,
       buildDetails: {source: dockerfile, dockerfile: FROM python}}}
    - {kind: service, body: {name: api, imageDetails: {imageId: "${img.imageId}"}}}

\b
Examples:
  peakctl emulator seed tenant.yaml -e local
  peakctl emulator seed tenant.yaml --endpoint http://127.0.0.1:8765
"""
SNAPSHOT_EPILOG = """\b
Examples:
  peakctl emulator snapshot save before.snapshot -e local
  peakctl emulator snapshot load before.snapshot -e local
"""
target = options.stack(
    options.environment,
    click.option("--data", metavar="FILE", help="The file that a server was given with --data."),
    click.option("--endpoint", metavar="URL", help="A server that runs."),
)
FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command(context_settings=options.CONTEXT, epilog=RESET_EPILOG)
@target
@options.output("text", "json")
@options.display
def reset(**typed: Any) -> int:
    """Forget all that an emulator has stored."""

    def act(session: Session, control: Control, place: str) -> Report:
        control.reset()
        return _told(session, f"Reset: {place} is empty.", place)

    return _run("emulator reset", act, **typed)


@click.command(context_settings=options.CONTEXT, epilog=REQUESTS_EPILOG)
@target
@options.output("text", "json")
@options.display
def requests(**typed: Any) -> int:
    """Show what an emulator was asked, oldest first; credentials are not recorded."""
    return _run("emulator requests", _requests, **typed)


@click.command(context_settings=options.CONTEXT, epilog=SEED_EPILOG)
@FILE
@target
@options.output("text", "json")
@options.display
def seed(file: Path, **typed: Any) -> int:
    """Create the resources of FILE, in order; builds and deployments are done at once."""

    def act(session: Session, control: Control, place: str) -> Report:
        from peakctl.operations.local_emulator import read_seed

        created = control.seed(read_seed(file))
        text = f"Seeded: {len(created)} created in {place}."
        return _told(session, text, place, created=created)

    return _run("emulator seed", act, **typed)


@click.group(context_settings=options.CONTEXT)
def snapshot() -> None:
    """Keep all data of an emulator in one file, or bring them back."""


@snapshot.command(context_settings=options.CONTEXT, epilog=SNAPSHOT_EPILOG)
@FILE
@target
@options.output("text", "json")
@options.display
def save(file: Path, **typed: Any) -> int:
    """Write all data of an emulator, of all tenants, into FILE."""

    def act(session: Session, control: Control, place: str) -> Report:
        from peakctl.files import write_private

        found = control.save()
        write_private(file, found)
        return _told(session, f"Saved: {file} holds {len(found)} bytes of {place}.", place)

    return _run("emulator snapshot save", act, **typed)


@snapshot.command(context_settings=options.CONTEXT, epilog=SNAPSHOT_EPILOG)
@FILE
@target
@options.output("text", "json")
@options.display
def load(file: Path, **typed: Any) -> int:
    """Replace all data of an emulator by those in FILE, or change nothing."""

    def act(session: Session, control: Control, place: str) -> Report:
        control.load(file.read_bytes())
        return _told(session, f"Loaded: {place} is as {file} has it.", place)

    return _run("emulator snapshot load", act, **typed)


def _run(command: str, act: Act, *, data: str | None, endpoint: str | None, **flags: Any) -> int:
    from peakctl.cli.session import run_command

    def body(session: Session) -> Report:
        with _controlled(session, data, endpoint) as (control, place):
            return act(session, control, place)

    return run_command(command, options.Flags(**flags), body)


@contextmanager
def _controlled(
    session: Session, data: str | None, endpoint: str | None
) -> Iterator[tuple[Control, str]]:
    """The emulator that was named, and its place for people. Raises UsageError for none."""
    from peakctl.operations.local_emulator import check_emulator, open_emulator

    check_emulator()
    from peakctl.emulator.client import Control

    if endpoint is not None:
        yield Control(endpoint), endpoint
        return
    place = data if data is not None else _state_of(session)
    running = open_emulator(place)
    try:
        yield Control(emulator=running), place
    finally:
        running.close()


def _state_of(session: Session) -> str:
    from peakctl.errors import Diagnostic, UsageError
    from peakctl.operations.local_emulator import emulator_state

    environment = session.project.environment
    if environment is None or not environment.emulator:
        fix = "name an emulator environment with -e, a file with --data, a server with --endpoint"
        raise UsageError(Diagnostic("usage/no-emulator", "no emulator was named", fix=fix))
    return str(emulator_state(session.project))


def _told(session: Session, text: str, place: str, **extra: Any) -> Report:
    from peakctl.present.text import line

    return session.report(lines=(line(text),), extra={"place": place, **extra}, wrote=True)


def _requests(session: Session, control: Control, place: str) -> Report:
    from peakctl.present.text import line

    found = control.requests()
    lines = tuple(line(_row(entry)) for entry in found) or (line(f"{place} was asked nothing."),)
    return session.report(lines=lines, extra={"place": place, "requests": found})


def _row(entry: JsonDict) -> str:
    at = datetime.fromtimestamp(entry["at"], UTC).isoformat(timespec="milliseconds")
    query = "&".join(f"{name}={value}" for name, value in entry["query"])
    path = f"{entry['path']}?{query}" if query else entry["path"]
    took = f"{1000 * entry['seconds']:.1f} ms"
    return f"{at[:-6]}Z  {entry['status'] or '-':>3}  {took:>9}  {entry['method']:<6}  {path}"
