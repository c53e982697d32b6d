"""Standard streams that are closed, full, without a reader or of another encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from peakctl.cli.commands.render import _commented
from peakctl.manifests.load import RenderedText

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: {buildSeconds: 0, deploySeconds: 0, serviceSeconds: 0}}
"""
MANIFEST = """\
apiVersion: peakctl/v1
kind: Artifact
metadata: {name: café, description: "a “quoted” word, 東京"}
spec: {artifact: {path: ../src}}
"""
MAIN = f"{sys.executable} -m peakctl"
COMMANDS = [
    "--version",
    "--help",
    "completion bash",
    "schema Image",
    "validate",
    "render",
    "plan",
    "plan -o json",
    "plan -o markdown",
    "get artifacts",
    "ledger show",
    "emulator requests -e local",
]
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {"peakctl.yaml": PROJECT, "m/a.yaml": MANIFEST, "src/a.py": "1\n"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def shell(project: Path, line: str, **env: str) -> Any:
    """Run a line of sh in the project; the text of its streams is left as bytes."""
    return subprocess.run(
        ["sh", "-c", line],
        cwd=project,
        capture_output=True,
        check=False,
        env={**_clean(), "PYTHONPATH": str(Path(__file__).parents[2]), **env},
    )


def _clean() -> dict[str, str]:
    own = ("PEAK", "API_KEY", "STAGE", "PYTHON", "LC_", "LANG")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


@FULL
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_behind_stdout_is_told_in_one_line(project: Path, command: str) -> None:
    done = shell(project, f"{MAIN} {command} -q >/dev/full" if _can_be_quiet(command) else
                 f"{MAIN} {command} >/dev/full")  # fmt: skip
    assert done.returncode == 1
    (told,) = done.stderr.decode().splitlines()
    assert "cannot be written to standard output: No space left on device" in told


@pytest.mark.parametrize("command", COMMANDS[::3])
def test_a_closed_stdout_is_told_in_one_line(project: Path, command: str) -> None:
    done = shell(project, f"{MAIN} {command} -q >&-" if _can_be_quiet(command) else
                 f"{MAIN} {command} >&-")  # fmt: skip
    assert done.returncode == 1
    (told,) = done.stderr.decode().splitlines()
    assert "cannot be written to standard output: it is closed" in told


def _can_be_quiet(command: str) -> bool:
    return command.split()[0] in ("validate", "render", "plan", "get", "ledger") and (
        "--help" not in command
    )


@pytest.mark.parametrize("command", ["--version", "--help", "completion zsh", "plan", "render"])
def test_a_reader_that_went_away_changes_no_code(project: Path, command: str) -> None:
    done = shell(project, f"{{ {MAIN} {command}; echo code $? >&2; }} | true")
    told = done.stderr.decode()
    assert "code 0" in told
    assert "Traceback" not in told
    assert "Exception" not in told


@FULL
def test_nothing_is_applied_when_the_plan_cannot_be_shown(project: Path) -> None:
    done = shell(project, f"{MAIN} apply --yes >/dev/full")
    assert done.returncode == 1
    assert b"nothing was changed" in done.stderr
    assert b"caf" not in shell(project, f"{MAIN} get artifacts").stdout


@FULL
@pytest.mark.parametrize("form", ["json", "markdown"])
def test_what_was_applied_is_not_denied(project: Path, form: str) -> None:
    done = shell(project, f"{MAIN} apply --yes -q -o {form} >/dev/full")
    assert done.returncode == 14
    assert b"what was applied stays applied" in done.stderr
    assert "café".encode() in shell(project, f"{MAIN} get artifacts", PYTHONUTF8="1").stdout
    again = shell(project, f"{MAIN} apply --yes -q -o {form} >/dev/full")
    assert again.returncode == 1
    assert b"nothing was changed" in again.stderr


@FULL
def test_another_failure_keeps_its_code(project: Path) -> None:
    (project / "m" / "a.yaml").write_text("kind: [", encoding="utf-8")
    assert shell(project, f"{MAIN} plan -o json >/dev/full").returncode == 10


@pytest.mark.parametrize("into", ["2>&-", pytest.param("2>/dev/full", marks=FULL)])
def test_a_lost_stderr_changes_nothing(project: Path, into: str) -> None:
    done = shell(project, f"{MAIN} apply --yes -o json {into}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["ok"]
    assert shell(project, f"{MAIN} plan --nonsense {into}").returncode == 64


def test_a_closed_stdin_is_not_an_empty_one(project: Path) -> None:
    done = shell(project, f"{MAIN} validate -f - <&-")
    assert done.returncode == 10
    assert b'"<stdin>" cannot be read' in done.stderr
    assert shell(project, f"{MAIN} plan <&-").returncode == 0


def test_all_three_streams_may_be_closed(project: Path) -> None:
    assert shell(project, f"{MAIN} plan <&- >&- 2>&-").returncode == 1


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
@pytest.mark.parametrize("command", ["plan -o json", "plan -o markdown", "render"])
def test_what_programs_read_is_utf8(project: Path, command: str, encoding: str) -> None:
    done = shell(project, f"{MAIN} {command}", PYTHONIOENCODING=encoding, LC_ALL="C")
    assert done.returncode == 0
    assert "東京" in done.stdout.decode("utf-8")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii:strict"])
@pytest.mark.parametrize("command", ["plan --verbose", "plan --help", "plan --nope"])
def test_what_people_read_falls_back(project: Path, command: str, encoding: str) -> None:
    done = shell(project, f"{MAIN} {command}", PYTHONIOENCODING=encoding)
    assert done.returncode in (0, 64)
    assert b"internal/" not in done.stderr
    if command == "plan --verbose":
        assert rb"\u6771\u4eac" in done.stdout


def test_piped_manifests_are_utf8_whatever_the_console(project: Path) -> None:
    line = f"cat m/a.yaml | sed 's#\\.\\./src#src#' | {MAIN} render -f - | tail -n +2"
    done = shell(project, line, PYTHONIOENCODING="latin-1")
    assert done.stdout.decode().rstrip() == MANIFEST.replace("../src", "src").rstrip()


def test_piped_bytes_that_are_no_text_are_refused(project: Path) -> None:
    done = shell(project, f"printf 'a: \\377' | {MAIN} validate -f -")
    assert done.returncode == 10
    assert b"source/not-utf-8" in done.stderr


def test_render_prints_every_character(project: Path) -> None:
    (project / "m" / "a.yaml").write_text("---\n\na: '\u2028\ufeff\u202e'\n", encoding="utf-8")
    done = shell(project, f"{MAIN} render")
    assert done.stdout.decode().rstrip("\n") == "# m/a.yaml\n\na: '\u2028\ufeff\u202e'"


@pytest.mark.parametrize("text", ["a: |+\n  x\n\n\n", "a: x", "a: 1\n"])
def test_render_keeps_the_last_line_end(text: str) -> None:
    rendered = RenderedText("m/a.yaml", text)
    assert _commented(rendered, is_last=True) == f"# m/a.yaml\n{text}"
    followed = f"# m/a.yaml\n{text}" if text.endswith("\n") else f"# m/a.yaml\n{text}\n"
    assert _commented(rendered, is_last=False) == followed


def test_files_never_get_the_number_of_a_closed_stream(project: Path) -> None:
    shell(project, f"{MAIN} apply --yes -o json <&- >&- 2>&-")
    assert shell(project, f"{MAIN} plan").returncode == 0
