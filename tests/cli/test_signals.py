"""Ctrl-C, SIGTERM and sockets: whole processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROJECT = """\
project: shop
manifests: [image.yaml]
environments:
  local: {emulator: {buildSeconds: 600}}
  remote: {}
defaultEnvironment: local
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: forecast}
spec:
  type: workflow
  buildDetails: {source: upload, context: ., dockerfilePath: Dockerfile}
  artifact: {path: src}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "image.yaml").write_text(IMAGE)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Dockerfile").write_text("FROM python:3.12\n")
    return tmp_path


@contextmanager
def started(folder: Path, *args: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "peakctl", *args],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stderr is not None
    for row in process.stderr:
        if word in row:
            return
    pytest.fail(f"it never said {word}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_first_signal_reports_what_goes_on(
    project: Path, number: signal.Signals, code: int
) -> None:
    with started(project, "apply", "--yes") as process:
        wait_for(process, "building")
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "stopping: " in err
    assert "still in progress  Image/forecast  create 0.0.1: building" in out
    assert "Interrupted: 1 still in progress.\n" in out
    assert "next: run again to go on: peakctl apply\n" in out


def test_a_time_limit_ends_the_wait(project: Path) -> None:
    with started(project, "apply", "--yes", "--timeout", "1s") as process:
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 14
    assert "still in progress  Image/forecast  create 0.0.1: " in out
    assert "Time limit: 1 still in progress.\n" in out


def test_the_emulator_on_a_socket_serves_a_project(project: Path) -> None:
    with started(project, "emulator", "serve", "--port", "0", "--build-seconds", "0") as server:
        assert server.stdout is not None
        address = server.stdout.readline().removeprefix("Emulator listening on ").strip()
        exports = [server.stdout.readline().strip() for _ in range(2)]
        assert exports[0] == f"export PEAKCTL_ENDPOINT={address}"
        token = exports[1].removeprefix("export PEAK_AUTH_TOKEN=")
        env = {"PEAKCTL_ENDPOINT": address, "PEAK_AUTH_TOKEN": token}
        with started(project, "apply", "--yes", "-e", "remote", **env) as process:
            out, err = process.communicate(timeout=60)
        assert (process.returncode, "Applied: 1 created" in out) == (0, True), err
        assert f"looking at {address}/service" in err
        server.send_signal(signal.SIGINT)
        _, told = server.communicate(timeout=30)
    assert server.returncode == 0
    assert "Emulator stopped." in told


def test_a_shell_that_is_ended_alone_ends_the_apply_of_a_ci_job_in_order(project: Path) -> None:
    script = project / "step.sh"
    command = f"{sys.executable} -m peakctl ci apply -e local"
    script.write_text(f"{command}\necho it went on\n")
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        ["bash", "-e", str(script)], cwd=project, env=env, text=True, **streams
    ) as shell:
        wait_for(shell, "building")
        shell.send_signal(signal.SIGINT)  # as the runner does it: the shell alone, twice
        shell.send_signal(signal.SIGTERM)
        out, err = shell.communicate(timeout=30)  # the streams end with peakctl
    assert "stopping: " in err
    assert "Interrupted: 1 still in progress.\n" in out
    assert "it went on" not in out
    show = [sys.executable, "-m", "peakctl", "ledger", "show", "-e", "local", "-o", "json"]
    told = subprocess.run(show, cwd=project, env=env, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout)["ledger"]["lease"] is None
