"""`peakctl emulator`: serve it, and reset, seed, save and read back its data."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options
from peakctl.cli.option_types import Duration, Text
from peakctl.errors import Diagnostic, UsageError

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.emulator import Fault
    from peakctl.emulator.client import Control
    from peakctl.model import JsonDict, Value
    from peakctl.present.report import Report

    Act = Callable[[Session, Control, str], Report]

NUMBER = re.compile(r"-?\d+(\.\d+)?")
EPILOG = """\b
Examples:
  peakctl emulator seed tenant.yaml -e local    resources to begin with
  peakctl emulator requests -e local            what it was asked
  peakctl emulator snapshot save today.snap -e local
  peakctl emulator reset -e local               begin with nothing
  peakctl emulator serve                        a server for other programs
"""
SERVE_EPILOG = """\b
Examples:
  peakctl emulator serve --port 8765
  peakctl emulator serve --port 0 --data state.sqlite --build-seconds 20
  peakctl emulator serve --faults faults.json

\b
A faults file is JSON: one rule or a list of them, such as
  {"method": "POST", "path": "/images/", "times": 1, "action": "status", "status": 503}
--fault takes one rule, as JSON or as words:
  --fault "method=POST path=/webapps/ action=drop"

Tokens choose the tenant: tenant:NAME:anything is tenant NAME, all others share one.
"""


SECONDS = options.stack(
    *(
        click.option(f"--{what}-seconds", type=click.FloatRange(0), default=5.0, show_default=True)
        for what in ("build", "deploy", "service", "execution")
    ),
    click.option("--delete-seconds", type=click.FloatRange(0), default=1.0, show_default=True),
    click.option("--queue-seconds", type=click.FloatRange(0), default=0.0, show_default=True),
)
# Flag, the option of the emulator that it sets, what to, and its help.
CHOICES = (
    ("lax-names", "strict_names", False, "Names need not be unique."),
    ("merge-patches", "patch_merges", True, "A PATCH merges nested mappings."),
    ("carry-parameters", "carry_parameters", True, "A revision keeps parameters it leaves out."),
    ("example-reads", "full_reads", False, "Reads return only what the reference shows."),
    ("default-parameters", "default_parameters", True, "Reads of parameters include defaults."),
    ("rising-versions", "rising_versions", True, "Versions of an image must rise."),
    ("no-newer-calls", "newer_calls", False, "Calls of the client's 1.29 do not exist."),
    ("no-provided-images", "provided_images", False, "Tenants begin without provided images."),
)
FLAGS = options.stack(
    *(
        click.option(f"--{flag}", flag.replace("-", "_"), is_flag=True, help=text)
        for flag, _, _, text in CHOICES
    )
)


@options.group(epilog=EPILOG)
@options.directory
def emulator() -> None:
    """Run the platform offline; seed, save, read back and reset it.

    Environments with `emulator: true` need no server: they run it in process.
    """


@emulator.command(context_settings=options.CONTEXT, epilog=SERVE_EPILOG)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--allow-remote", is_flag=True, help="Let other machines reach it.")
@click.option("--data", metavar="FILE", default=":memory:", help="Keep the state in this file.")
@click.option("--latency", type=Duration(), default=0.0, help="Wait before each answer.")
@click.option("--spoke-domain", metavar="HOST", default="", help="Tenants live on this spoke.")
@click.option(
    "--instance-types",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Instance types instead of the built-in ones, as YAML or JSON.",
)
@SECONDS
@click.option("--stepwise", is_flag=True, help="Time passes by POST /_emulator/clock alone.")
@click.option("--faults", metavar="FILE", help="Rules of what goes wrong, as JSON.")
@click.option(
    "--fault", type=Text(), metavar="RULE", multiple=True, help="One such rule. Repeatable."
)
@FLAGS
@options.display
def serve(**typed: Any) -> int:
    """Answer the whole documented API on a socket until interrupted; --port 0 takes a free one."""
    shown = {name: typed.pop(name) for name in ("color", "no_color", "quiet", "verbose")}
    return options.run("emulator serve", shown, _serve, **typed)


def _serve(
    session: Session,
    /,
    *,
    port: int,
    host: str,
    allow_remote: bool,
    data: str,
    faults: str | None,
    fault: tuple[str, ...],
    stepwise: bool,
    instance_types: Path | None,
    **chosen: object,
) -> Report:
    import asyncio

    from peakctl.operations.platform import check_emulator, open_emulator, read_instance_types

    check_emulator()
    from peakctl.emulator.server import serve as serve_on
    from peakctl.present.text import line

    rules = [*_faults(faults), *(rule for text in fault for rule in _fault(text))]
    given = {} if instance_types is None else read_instance_types(instance_types)
    flags = {flag: chosen.pop(flag.replace("-", "_")) for flag, *_ in CHOICES}
    choices = {option: value for flag, option, value, _ in CHOICES if flags[flag]}
    running = open_emulator(data, instance_types=given, **chosen, **choices)
    running.faults += rules
    if stepwise:
        running.stand_still()

    def announce(address: str) -> None:
        session.terminal.show(
            [
                line(("Emulator listening on ", "bold"), address),
                line(f"export PEAKCTL_ENDPOINT={address}"),
                line("export PEAK_AUTH_TOKEN=any-text-will-do"),
            ]
        )

    try:
        asyncio.run(serve_on(running, host, port, announce, allow_remote=allow_remote))
    except KeyboardInterrupt:
        session.terminal.tell([(), line("Emulator stopped.")])
    finally:
        running.close()
    return session.report()


def _faults(file: str | None) -> list[Fault]:
    """The rules in a file. Raises UsageError for what is not one."""
    if file is None:
        return []
    try:
        return _read(Path(file).read_text("utf-8"), file)
    except (OSError, UnicodeDecodeError) as error:
        raise _no_fault(file, str(error)) from error


def _fault(rule: str) -> list[Fault]:
    """A rule of the command line: JSON, or `key=value` words."""
    if rule.lstrip()[:1] in ("{", "["):
        return _read(rule, "--fault")
    try:
        words = shlex.split(rule)
    except ValueError as error:
        raise _no_fault("--fault", str(error)) from error
    pairs = dict(word.partition("=")[::2] for word in words)
    return _read(json.dumps({key: _value(text) for key, text in pairs.items()}), "--fault")


def _value(text: str) -> Value:
    return json.loads(text) if NUMBER.fullmatch(text) else text


def _read(text: str, place: str) -> list[Fault]:
    from peakctl.emulator.faults import read_faults
    from peakctl.emulator.problems import Problem

    try:
        return read_faults(json.loads(text))
    except ValueError as error:
        raise _no_fault(place, str(error)) from error
    except Problem as problem:
        raise _no_fault(place, problem.detail) from None


def _no_fault(place: str, told: str) -> UsageError:
    fix = "see peakctl emulator serve --help"
    return UsageError(Diagnostic("usage/faults", f"{place}: {told}", fix=fix))


# --- the data of one emulator ------------------------------------------------------------------

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


@emulator.command(context_settings=options.CONTEXT, epilog=RESET_EPILOG)
@target
@options.output("text", "json")
@options.display
def reset(**typed: object) -> int:
    """Forget all that an emulator has stored."""

    def act(session: Session, control: Control, place: str) -> Report:
        control.reset()
        return _told(session, f"Reset: {place} is empty.", place)

    return _run("emulator reset", act, typed)


@emulator.command(context_settings=options.CONTEXT, epilog=REQUESTS_EPILOG)
@target
@options.output("text", "json")
@options.display
def requests(**typed: object) -> int:
    """Show what an emulator was asked, oldest first; credentials are not recorded."""
    return _run("emulator requests", _requests, typed)


@emulator.command(context_settings=options.CONTEXT, epilog=SEED_EPILOG)
@FILE
@target
@options.output("text", "json")
@options.display
def seed(file: Path, **typed: object) -> int:
    """Create the resources of FILE, in order; builds and deployments are done at once."""

    def act(session: Session, control: Control, place: str) -> Report:
        from peakctl.operations.platform import read_seed

        created = control.seed(read_seed(file))
        text = f"Seeded: {len(created)} created in {place}."
        return _told(session, text, place, created=created)

    return _run("emulator seed", act, typed)


@emulator.group(context_settings=options.CONTEXT)
@options.directory
def snapshot() -> None:
    """Keep all data of an emulator in one file, or bring them back."""


@snapshot.command(context_settings=options.CONTEXT, epilog=SNAPSHOT_EPILOG)
@FILE
@target
@options.output("text", "json")
@options.display
def save(file: Path, **typed: object) -> int:
    """Write all data of an emulator, of all tenants, into FILE."""

    def act(session: Session, control: Control, place: str) -> Report:
        from peakctl.files import write_private

        found = control.save()
        write_private(file, found)
        return _told(session, f"Saved: {file} holds {len(found)} bytes of {place}.", place)

    return _run("emulator snapshot save", act, typed)


@snapshot.command(context_settings=options.CONTEXT, epilog=SNAPSHOT_EPILOG)
@FILE
@target
@options.output("text", "json")
@options.display
def load(file: Path, **typed: object) -> int:
    """Replace all data of an emulator by those in FILE, or change nothing."""

    def act(session: Session, control: Control, place: str) -> Report:
        control.load(file.read_bytes())
        return _told(session, f"Loaded: {place} is as {file} has it.", place)

    return _run("emulator snapshot load", act, typed)


def _run(command: str, act: Act, typed: JsonDict) -> int:
    """Run a command on the emulator that `--data` or `--endpoint` of `typed` name."""
    data, endpoint = typed.pop("data"), typed.pop("endpoint")

    def body(session: Session) -> Report:
        with _controlled(session, data, endpoint) as (control, place):
            return act(session, control, place)

    return options.run(command, typed, body)


@contextmanager
def _controlled(
    session: Session, data: str | None, endpoint: str | None
) -> Iterator[tuple[Control, str]]:
    """The emulator that was named, and its place for people. Raises UsageError for none."""
    from peakctl.operations.platform import check_emulator, open_emulator

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
    from peakctl.operations.platform import emulator_state

    environment = session.project.environment
    if environment is None or not environment.emulator:
        fix = "name an emulator environment with -e, a file with --data, a server with --endpoint"
        raise UsageError(Diagnostic("usage/no-emulator", "no emulator was named", fix=fix))
    return str(emulator_state(session.project))


def _told(session: Session, text: str, place: str, **extra: object) -> Report:
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
