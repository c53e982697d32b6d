"""Ctrl-C, SIGTERM and sockets: whole processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from peakctl.cli import cli
from peakctl.emulator import emulator_transport
from peakctl.operations.plan import load_for_plan

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


@pytest.mark.parametrize("command", ["plan", "status"])
def test_a_thread_that_still_reads_manifests_says_nothing_after_the_end_of_the_run(
    project: Path, make_emulator: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any, command: str
) -> None:
    emulator, heard, over = make_emulator(), [], threading.Event()
    transport = "peakctl.api.client.socket_transport"
    monkeypatch.setattr(transport, lambda *_: emulator_transport(emulator))
    monkeypatch.setenv("PEAKCTL_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("PEAK_AUTH_TOKEN", "token-of-the-test")
    monkeypatch.chdir(project)

    def listen(_: object, act: Any) -> None:
        heard.append((asyncio.get_running_loop(), act))

    def read_slowly(*given: Any) -> Any:
        loaded = load_for_plan(*given)
        loop, cancel = heard[-1]
        loop.call_soon_threadsafe(cancel)
        assert over.wait(30)
        return loaded

    monkeypatch.setattr("peakctl.cli.loop._listen", listen)
    for caller in ("cli.planning", "operations.plan"):
        monkeypatch.setattr(f"peakctl.{caller}.load_for_plan", read_slowly)
    before = set(threading.enumerate())
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "-e", "remote"])
    assert ended.value.code == 130
    assert "interrupted" in capsys.readouterr().err
    over.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert capsys.readouterr() == ("", "")


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


FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec: {steps: {a: {type: sql, sqlQueryPath: q.sql}}}
"""


def test_an_execution_that_is_followed_goes_on_after_a_signal(project: Path) -> None:
    text = PROJECT.replace("buildSeconds: 600", "executionSeconds: 600")
    (project / "peakctl.yaml").write_text(text.replace("image.yaml", "flow.yaml"))
    (project / "flow.yaml").write_text(FLOW)
    with started(project, "apply", "--yes") as process:
        process.communicate(timeout=30)
    with started(project, "run", "Workflow/nightly") as process:
        wait_for(process, "a  running")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopping: " in err
    assert "run/goes-on" in err
    assert "--follow" in err
    assert "run the same command again" not in err
    assert out.endswith(": running\n")


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


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_JOB": "apply",
    "GITHUB_RUN_ID": "91",
    "GITHUB_RUN_ATTEMPT": "1",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_ID": "41",
    "CI_PIPELINE_ID": "91",
    "CI_JOB_NAME": "apply",
    "CI_JOB_ID": "5001",
}


@contextmanager
def step(folder: Path, text: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A step of a job in a process group of its own, as a runner starts it."""
    script = folder / "step.sh"
    script.write_text(text)
    with subprocess.Popen(
        ["bash", "-e", str(script)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("ci", [GITHUB, GITLAB], ids=["github", "gitlab"])
@pytest.mark.parametrize("way", ["the shell, twice", "the group", "through a pipe"])
def test_a_cancelled_job_gives_its_lease_back_and_the_next_goes_on(
    project: Path, ci: dict[str, str], way: str
) -> None:
    """GitHub signals the shell of the step alone, by SIGINT, then SIGTERM; GitLab the group."""
    words = f"{sys.executable} -m peakctl emulator serve --port 0 --build-seconds 500"
    with started(project, *words.split()[3:]) as server:
        assert server.stdout is not None
        address = server.stdout.readline().removeprefix("Emulator listening on ").strip()
        more = {**ci, "PEAKCTL_ENDPOINT": address, "PEAK_AUTH_TOKEN": "peakctl-emulator"}
        command = f"{sys.executable} -m peakctl ci apply -e remote --no-comment"
        pipe = " 2>&1 | tee log" if way == "through a pipe" else ""
        with step(project, f"set -o pipefail\n{command}{pipe}\necho it went on\n", **more) as shell:
            if pipe:
                assert shell.stdout is not None
                assert any("building" in row for row in shell.stdout)
            else:
                wait_for(shell, "building")
            if way == "the group":
                os.killpg(shell.pid, signal.SIGTERM)
            else:
                shell.send_signal(signal.SIGINT)
                shell.send_signal(signal.SIGTERM)
            out, _ = shell.communicate(timeout=30)
        if way != "the group":  # which ends `tee`, too
            assert "Interrupted: 1 still in progress." in out
        assert "it went on" not in out
        headers = {"Authorization": "peakctl-emulator"}
        httpx.post(f"{address}/_emulator/clock", json={"advance": 600}, headers=headers)
        another = {"GITHUB_RUN_ID": "92", "CI_PIPELINE_ID": "92", "CI_JOB_ID": "5002"}
        with step(project, f"exec {command}\n", **(more | another)) as shell:
            out, err = shell.communicate(timeout=60)
        assert shell.returncode == 0, err
        assert "took over" not in err
        server.send_signal(signal.SIGINT)


@pytest.mark.parametrize("command", ["ci plan", "ci apply"])
def test_a_job_is_cancelled_while_the_platform_does_not_answer(project: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        env = {**GITHUB, "PEAKCTL_ENDPOINT": address, "PEAK_AUTH_TOKEN": "x"}
        words = (*command.split(), "-e", "remote", "--no-comment")
        with started(project, *words, **env) as process:
            wait_for(process, "looking at")
            with silent.accept()[0]:
                process.send_signal(signal.SIGTERM)
                _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "Traceback" not in err
