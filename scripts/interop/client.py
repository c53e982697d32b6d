"""Runs the platform's own client, unchanged but for its address, many commands in one process.

This file runs inside the client's environment, so it imports nothing but the standard library and
the client. Each line of standard input is a job in JSON: `argv` (without `peak`), `cwd`, `env`,
`telemetry`. Each line of standard output answers one: `exit`, `out`, `err`. Every command gets a
fresh fork of the loaded client, so that nothing stays behind from the one before.

Alone: `python client.py ENDPOINT images list` runs one command.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import traceback
import types
from typing import Any

import peak.helpers
import peak.session
import peak.telemetry
import typer.main
from peak.cli.cli import typer_app

SECONDS = 30  # a command that takes longer hangs, and is ended by a signal


def redirect(endpoint: str) -> None:
    """`https://{subdomain}.{stage}.peak.ai` -> `{endpoint}/{subdomain}`."""

    def base_domain(stage: str, subdomain: str = "service") -> str:
        del stage
        return f"{endpoint}/{subdomain.partition('.')[0]}"  # a spoke's logs: service.{label}

    for module in (peak.helpers, peak.session, peak.telemetry):
        module.get_base_domain = base_domain


class _Never:
    """Stands where the client would start the thread that reports on it."""

    def __init__(self, **_: Any) -> None:
        pass

    def start(self) -> None:
        pass


def silence() -> None:
    """Switch telemetry off."""
    peak.telemetry.threading = types.SimpleNamespace(Thread=_Never)


def build_once() -> None:
    """Turn the client's functions into commands before the first fork, not in each."""
    built = typer.main.get_command(typer_app)
    typer.main.get_command = lambda _: built


def call(argv: list[str]) -> int:
    """The client's main as its console script calls it; the exit code a shell would see."""
    sys.argv = ["peak", *argv]
    try:
        typer_app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # what ends a program: exit code 1 and a traceback
        traceback.print_exc()
        return 1
    return 0


def _child(job: dict[str, Any], out: int, err: int) -> int:
    signal.alarm(SECONDS)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(job["cwd"])
    os.environ.update(job["env"])
    if not job.get("telemetry"):
        silence()
    code = call(job["argv"])
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(10)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def run(job: dict[str, Any]) -> dict[str, Any]:
    """One job in a fork."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = _child(job, out.fileno(), err.fileno())
            finally:
                os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return {"exit": status, "out": texts[0], "err": texts[1]}


def main() -> None:
    redirect(sys.argv[1].rstrip("/"))
    if len(sys.argv) > 2:
        silence()
        sys.exit(call(sys.argv[2:]))
    build_once()
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
