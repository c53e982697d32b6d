"""What must start at once imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
        ["version", "--help"],
        ["plan", "--help"],
        ["apply", "--help"],
        ["get", "--help"],
        ["validate", "--help"],
        ["convert", "--help"],
        ["emulator", "--help"],
        ["emulator", "serve", "--help"],
        ["ci", "--help"],
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
