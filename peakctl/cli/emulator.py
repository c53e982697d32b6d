"""`peakctl emulator serve` and `peakctl emulator reset`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.emulator import Emulator, Fault
    from peakctl.present.report import Report

SERVE_EPILOG = """\b
Examples:
  peakctl emulator serve --port 8765
  peakctl emulator serve --port 0 --data state.sqlite --build-seconds 20
  peakctl emulator serve --faults faults.json

\b
A faults file is JSON: one rule or a list of them, such as
  {"method": "POST", "path": "/images/", "times": 1, "action": "status", "status": 503}
"""
RESET_EPILOG = """\b
Examples:
  peakctl emulator reset -e local
  peakctl emulator reset --data state.sqlite
"""


@click.group(context_settings=options.CONTEXT)
def emulator() -> None:
    """Run the platform offline, or reset it.

    Environments with `emulator: true` need no server: they run it in process.
    """


@emulator.command(context_settings=options.CONTEXT, epilog=SERVE_EPILOG)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--allow-remote", is_flag=True, help="Let other machines reach it.")
@click.option("--data", metavar="FILE", default=":memory:", help="Keep the state in this file.")
@click.option("--latency", type=options.Duration(), default=0.0, help="Wait before each answer.")
@click.option("--build-seconds", type=float, default=5.0, show_default=True)
@click.option("--deploy-seconds", type=float, default=5.0, show_default=True)
@click.option("--service-seconds", type=float, default=5.0, show_default=True)
@click.option("--faults", metavar="FILE", help="Rules of what goes wrong, as JSON.")
@options.display
def serve(**typed: Any) -> int:
    """Answer the whole documented API on a socket until interrupted; --port 0 takes a free one."""
    from peakctl.cli.session import run_command

    shown = {name: typed.pop(name) for name in ("color", "no_color", "quiet", "verbose")}
    return run_command(
        "emulator serve", options.Flags(**shown), lambda session: _serve(session, **typed)
    )


@emulator.command(context_settings=options.CONTEXT, epilog=RESET_EPILOG)
@options.environment
@click.option("--data", metavar="FILE", help="The file that a server was given with --data.")
@options.output("text", "json")
@options.display
def reset(data: str | None, **flags: Any) -> int:
    """Forget all that the emulator of an environment, or in a file, has stored."""
    from peakctl.cli.session import run_command

    return run_command(
        "emulator reset", options.Flags(**flags), lambda session: _reset(session, data)
    )


def _serve(
    session: Session,
    *,
    port: int,
    host: str,
    allow_remote: bool,
    data: str,
    faults: str | None,
    **timing: Any,
) -> Report:
    from peakctl.cli.session import open_emulator
    from peakctl.emulator.serve import serve as serve_on
    from peakctl.present.text import line

    running = open_emulator(data, **timing)
    running.faults += _faults(faults)

    def announce(address: str) -> None:
        session.terminal.show(
            [
                line(("Emulator listening on ", "bold"), address),
                line(f"export PEAKCTL_ENDPOINT={address}"),
                line("export PEAK_AUTH_TOKEN=any-text-will-do"),
            ]
        )

    try:
        serve_on(running, host=host, port=port, announce=announce, allow_remote=allow_remote)
    except KeyboardInterrupt:
        session.terminal.tell([(), line("Emulator stopped.")])
    finally:
        running.close()
    return session.report()


def _reset(session: Session, data: str | None) -> Report:
    from peakctl.cli.inputs import open_project
    from peakctl.cli.session import emulator_state, open_emulator
    from peakctl.errors import Diagnostic, UsageError
    from peakctl.present.text import line

    if data is None:
        open_project(session)
        if session.environment is None or not session.environment.emulator:
            told = "name an emulator environment with -e, or a file with --data"
            raise UsageError(Diagnostic("usage/no-emulator", "there is nothing to reset", fix=told))
    file = Path(data) if data is not None else emulator_state(session)
    if file.exists():
        running: Emulator = open_emulator(str(file))
        running.reset()
        running.close()
    return session.report(lines=(line(f"Reset: {file} is empty."),), extra={"file": str(file)})


def _faults(file: str | None) -> list[Fault]:
    """The rules in a file. Raises UsageError for what is not one."""
    import json

    from peakctl.emulator.faults import read_faults
    from peakctl.emulator.problems import Problem
    from peakctl.errors import Diagnostic, UsageError

    if file is None:
        return []
    try:
        return read_faults(json.loads(Path(file).read_text("utf-8")))
    except ValueError as error:
        told = str(error)
    except Problem as problem:
        told = str(problem.detail)
    raise UsageError(
        Diagnostic("usage/faults", f"{file}: {told}", fix="see peakctl emulator serve --help")
    )
