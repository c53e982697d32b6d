"""What must start at once imports nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from peakctl.cli import COMMANDS

HEAVY = [
    "httpx",
    "aiohttp",
    "jinja2",
    "jsonschema",
    "jsonschema_rs",
    "deepdiff",
    "rich",
    "yaml",
    "asyncio",
    "starlette",
    "uvicorn",
    "pathspec",
    "ruamel",
    "semver",
]
PROBE = """
import sys
sys.argv = ["peakctl", *{args!r}]
from peakctl.__main__ import main
try:
    main()
finally:
    sys.stdout.flush()
    found = [name for name in {heavy!r} if name in sys.modules]
    sys.stderr.write("heavy: " + ",".join(found))
"""


@pytest.mark.parametrize(
    "args",
    [
        ["--version"],
        ["--help"],
        *([name, "--help"] for name in COMMANDS),
        ["emulator", "serve", "--help"],
        ["ci", "plan", "--help"],
        ["completion", "bash"],
        ["version"],
        ["schema"],
        ["explain", "--help"],
        ["explain", "plan/stale"],
        ["nonsense"],
        [],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_imported_by(args: list[str]) -> None:
    code = PROBE.format(args=args, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.rpartition("heavy: ")[2] == ""
    assert done.returncode == (64 if args == ["nonsense"] else 0)


@pytest.mark.parametrize("args", [["schema", "Image"], ["explain", "Image.type"]], ids=" ".join)
def test_a_schema_is_shown_without_what_reads_manifests_or_asks_the_platform(
    args: list[str],
) -> None:
    code = PROBE.format(args=args, heavy=[n for n in HEAVY if n != "asyncio"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == "heavy: "


def test_the_version_alone_needs_no_command_line() -> None:
    code = PROBE.format(args=["--version"], heavy=["click"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("peakctl ")
    assert done.stderr == "heavy: "


def test_completion_of_commands_imports_no_command() -> None:
    code = PROBE.format(
        args=[], heavy=[*HEAVY, "peakctl.cli.commands.plan", "peakctl.cli.commands.apply"]
    )
    env = {"_PEAKCTL_COMPLETE": "bash_complete", "COMP_WORDS": "peakctl pl", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env
    )
    assert done.stdout == "plain,plan\n"
    assert done.stderr == "heavy: "


MANIFESTS = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: one}
spec: {type: workflow, artifact: {path: ../src}}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: two}
spec:
  triggers: []
  steps:
    a:
      type: standard
      imageDetails: {name: one}
      command: echo
      resources: {instanceTypeId: 1, storage: 10GB}
"""
COUNT = """
import json, sys
sys.argv = ["peakctl", *{args!r}]
from peakctl.__main__ import main
try:
    main()
finally:
    sys.stdout.flush()
    print(json.dumps([*sys.modules]), file=sys.stderr)
"""


class Loaded(NamedTuple):
    """What a run printed, and the modules that were loaded at its end."""

    out: str
    modules: frozenset[str]

    @property
    def packages(self) -> set[str]:
        """Names of all packages that are not of the standard library."""
        names = {name.partition(".")[0] for name in self.modules if not name.startswith("_")}
        return names - sys.stdlib_module_names - {"sitecustomize", "cython_runtime"}

    @property
    def ours(self) -> int:
        """How many modules of peakctl there are."""
        return sum(name.partition(".")[0] == "peakctl" for name in self.modules)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Loaded]:
    """Runs a command in a project of two resources, against a platform that is not there."""
    (tmp_path / "m").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Dockerfile").write_text("FROM python:3.12\n")
    (tmp_path / "m" / "all.yaml").write_text(MANIFESTS)
    (tmp_path / "peakctl.yaml").write_text(
        "project: one\nmanifests: [m]\nenvironments: {d: {}}\ndefaultEnvironment: d\n"
    )
    env = {"PEAKCTL_ENDPOINT": "http://127.0.0.1:9", "API_KEY": "x"}

    def run_it(*args: str) -> Loaded:
        code = [sys.executable, "-c", COUNT.format(args=args)]
        done = subprocess.run(
            code, capture_output=True, text=True, check=False, cwd=tmp_path, env=env
        )
        return Loaded(done.stdout, frozenset(json.loads(done.stderr.splitlines()[-1])))

    return run_it


def test_validate_imports_what_it_needs_and_no_more(run: Callable[..., Loaded]) -> None:
    found = run("validate")
    assert found.out == "Valid: 2 resources in 1 file.\n"
    assert found.packages == {"click", "jsonschema_rs", "peakctl", "yaml"}
    assert not found.modules & {"asyncio", "ssl", "subprocess", "logging", "zipfile", "difflib"}
    assert not found.modules & {"peakctl.model.platform", "peakctl.engine.observe"}
    assert not found.modules & {"peakctl.present.plan_json", "peakctl.present.changes"}
    assert found.ours <= 66
    assert len(found.modules) <= 260


def test_a_plan_imports_what_its_first_request_needs_and_no_more(
    run: Callable[..., Loaded],
) -> None:
    found = run("plan")
    assert found.packages == {
        "click", "httptools", "httpx", "idna", "jsonschema_rs", "peakctl", "yaml"
    }  # fmt: skip
    assert not found.modules & {"httpx._main", "zipfile", "difflib", "html"}
    assert not found.modules & {"peakctl.operations.apply", "peakctl.operations.recorder"}
    assert not found.modules & {"peakctl.present.progress", "peakctl.ledger.lease"}
    assert "peakctl.api.connection" in found.modules
    assert found.ours <= 145
    assert len(found.modules) <= 450


LATE = """
import atexit, sys, weakref
from peakctl.__main__ import run
class Thing: ...
thing = Thing()
weakref.finalize(thing, print, "finalized")
class Freed:
    def __del__(self, write=__import__("os").write): write(1, b"freed\\n")
freed = Freed()
sys.argv = ["peakctl", "--version"]
atexit.register(print, "exit handler")
{before}
run()
"""


@pytest.mark.parametrize(
    ("before", "freed"), [("", []), ("sys.setprofile(lambda *_: None)", ["freed"])]
)
def test_a_process_ends_at_once_but_for_exit_handlers(before: str, freed: list[str]) -> None:
    code = [sys.executable, "-c", LATE.format(before=before)]
    done = subprocess.run(code, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["exit handler", "finalized", *freed]


def test_an_interrupt_before_there_is_a_command_line_is_one_line() -> None:
    code = "import peakctl.__main__ as m\n"
    code += "def main():\n    raise KeyboardInterrupt\nm.main = main\nm.run()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "error: interrupted\n")


def test_a_profile_of_a_run_is_printed() -> None:
    words = [sys.executable, "-m", "cProfile", "-m", "peakctl", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={})
    assert "function calls" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_result_that_cannot_be_written_at_the_end_is_told_by_python() -> None:
    code = "import sys; sys.argv = ['peakctl', 'x']; import peakctl.__main__ as m\n"
    code += "def main():\n    print('text')\n    raise SystemExit(0)\nm.main = main\nm.run()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, check=False, env={}
        )
    assert done.returncode == 120
    assert b"No space left" in done.stderr
