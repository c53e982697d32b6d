"""Whatever happens is told in the form asked for, with the right code."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner

from peakctl import __version__
from peakctl.cli import COMMANDS, cli
from peakctl.cli.answer import outputs_of
from peakctl.cli.exits import Exit, Interrupted, diagnostics_of, exit_code, run_guarded
from peakctl.errors import (
    ApiError,
    Diagnostic,
    GuardRefused,
    ManifestsInvalid,
    NotAuthenticated,
    PeakctlError,
    SelectorEmpty,
    UsageError,
)
from peakctl.settings import Settings

PROBLEM = Diagnostic("a/b", "bad")


def run(*args: str, **env: str) -> Any:
    return CliRunner(env=env).invoke(cli, list(args))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError(PROBLEM), 64),
        (click.UsageError("bad"), 64),
        (click.BadParameter("bad"), 64),
        (ManifestsInvalid(PROBLEM), 10),
        (SelectorEmpty(PROBLEM), 3),
        (GuardRefused(PROBLEM), 12),
        (NotAuthenticated(PROBLEM), 15),
        (ApiError(PROBLEM, status=500), 1),
        (PeakctlError(PROBLEM), 1),
        (KeyError("x"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (Interrupted(Exit.TERMINATED), 143),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_its_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_an_unexpected_error_tells_its_kind_and_place_and_not_its_words() -> None:
    try:
        {}["hunter2"]
    except KeyError as error:
        found = diagnostics_of(error)[0]
    assert found.code == "internal/KeyError"
    assert "test_exits.py, line" in found.detail
    assert "hunter2" not in repr(found)
    assert "PEAKCTL_DEBUG=1" in found.fix


def test_the_place_of_an_unexpected_error_is_the_last_one_of_ours() -> None:
    with pytest.raises(TypeError) as caught:
        outputs_of(1, Settings())  # type: ignore[arg-type]
    assert "in cli/answer.py, line" in diagnostics_of(caught.value)[0].detail


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert diagnostics_of(ValueError("x"))[0].detail == "ValueError in an unknown place"


def test_a_file_that_cannot_be_read_is_named() -> None:
    found = diagnostics_of(PermissionError(13, "Permission denied", "a.yaml"))[0]
    assert found.summary == "a.yaml: Permission denied"
    assert diagnostics_of(OSError("odd"))[0].code == "internal/OSError"


def test_a_working_folder_that_was_deleted_is_told() -> None:
    found = diagnostics_of(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))[0]
    assert found.summary == "the working folder is not there any more"


def test_a_full_disk_is_no_bug() -> None:
    found = diagnostics_of(OSError(errno.ENOSPC, "No space left on device"))[0]
    assert (found.code, found.summary) == (
        "system/file",
        "the system refuses: No space left on device",
    )
    assert "free space" in found.fix


def fail(error: BaseException) -> Any:
    def run_it() -> None:
        raise error

    return run_it


def test_a_guarded_run_never_raises(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(lambda: 7, []) == 7
    assert run_guarded(lambda: None, []) == 0
    assert run_guarded(fail(click.exceptions.Exit(5)), []) == 5
    assert run_guarded(fail(KeyboardInterrupt()), ["apply"]) == 130
    assert run_guarded(fail(RuntimeError("hunter2")), ["plan"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "error[run/interrupted]: interrupted" in told.err
    assert "internal/RuntimeError" in told.err
    assert "hunter2" not in told.err


def test_the_traceback_is_for_those_who_ask(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKCTL_DEBUG", "1")
    run_guarded(fail(RuntimeError("odd")), [])
    assert "Traceback" in capsys.readouterr().err


def test_wrong_settings_do_not_hide_the_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "nowhere")
    assert run_guarded(fail(click.UsageError("bad")), []) == 64
    assert "error[usage/command-line]: bad" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nonsense"], 'there is no command "nonsense"'),
        (["paln"], "did you mean plan"),
        (["destory"], "did you mean destroy"),
        (["describe"], "use peakctl get"),
        (["delete"], "use peakctl destroy"),
        (["plan", "--nonsense"], "no such option"),
        (["plan", "--parallelism", "0"], "invalid value for '--parallelism'"),
        (["apply", "--timeout", "soon"], '"soon" is not a duration'),
        (["plan", "-o", "xml"], "invalid value for '-o'"),
        (["render", "a", "b"], "unexpected extra argument"),
        (["completion", "tcsh"], "invalid value"),
        (["emulator", "nonsense"], "no such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_64_and_says_where_to_look(args: list[str], told: str) -> None:
    done = run(*args)
    assert done.exit_code == 64
    assert told in done.stderr
    assert "see peakctl" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("form", [["-o", "json"], ["-ojson"], ["--output=json"]])
def test_wrong_usage_is_json_when_json_was_asked_for(form: list[str]) -> None:
    done = run("plan", "--nonsense", *form)
    found = json.loads(done.stdout)
    assert (found["ok"], found["exit_code"], found["command"]) == (False, 64, "plan")
    assert found["errors"][0]["code"] == "usage/command-line"
    assert done.exit_code == 64


def test_the_form_is_found_without_parsing() -> None:
    def found(*args: str, **env: str) -> str:
        return outputs_of(args, Settings(environment=env))[0]

    assert found("plan", "--output", "markdown") == "markdown"
    assert found("plan", "-o") == "text"
    assert found("plan", "-o", "odd") == "text"
    assert found("plan", PEAKCTL_OUTPUT="json") == "json"


def test_settings_that_are_wrong_are_wrong_usage() -> None:
    done = run("version", STAGE="nowhere")
    assert done.exit_code == 64
    assert "settings/unknown-stage" in done.stderr


def test_nothing_typed_shows_the_help() -> None:
    done = run()
    assert done.exit_code == 0
    assert "Plan and apply:" in done.stdout


def test_the_table_is_true() -> None:
    ctx = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(ctx, name)
        assert command is not None
        assert command.name == name
        help_text = CliRunner().invoke(cli, [name, "--help"])
        assert help_text.exit_code == 0
        assert command.help
    assert cli.list_commands(ctx) == list(COMMANDS)


@pytest.mark.parametrize("name", [n for n in COMMANDS if n not in ("version", "emulator")])
def test_every_help_has_examples(name: str) -> None:
    assert "Examples:" in run(name, "--help").stdout


def test_flags_may_come_from_the_environment() -> None:
    done = run("version", PEAKCTL_OUTPUT="json")
    assert json.loads(done.stdout)["tool_version"] == __version__


def test_the_version_is_the_same_everywhere() -> None:
    assert run("--version").stdout == run("version").stdout == f"peakctl {__version__}\n"


def test_a_process_ends_with_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "peakctl", "plan", "--nonsense"], capture_output=True, check=False
    )
    assert done.returncode == 64


def test_a_reader_that_went_away_changes_no_code() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "peakctl", "schema", "Service"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert told.count(b"\n") == 1
    assert b"the reader of standard output went away" in told


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_peakctl(shell: str) -> None:
    done = run("completion", shell)
    assert done.exit_code == 0
    assert f"_PEAKCTL_COMPLETE={shell}_complete" in done.stdout


def test_schemas_are_printed_whole() -> None:
    assert json.loads(run("schema", "services").stdout)["properties"]["kind"]["const"] == "Service"
    assert "schema" in json.loads(run("schema", "block-spec", "-o", "json").stdout)
    assert "Workflow" in run("schema").stdout
    assert run("schema", "Servcie").exit_code == 64
    assert "did you mean: Service" in run("schema", "Servcie").stderr


def test_schemas_are_written_for_editors(tmp_path: Any) -> None:
    done = run("schema", "--into", str(tmp_path / "s"))
    assert done.exit_code == 0
    assert (tmp_path / "s" / "manifest.json").exists()


@pytest.mark.parametrize("args", [["apply", "--dry-run"], ["apply", "--dri"], ["plan", "--ys"]])
def test_no_suggestion_leads_from_a_harmless_word_to_one_with_consequences(args: list[str]) -> None:
    told = run(*args).stderr
    assert not any(word in told for word in ("--prune", "--yes", "--take-over", "--adopt"))


def test_a_command_without_a_dry_run_names_the_one_with_it() -> None:
    assert "peakctl plan" in run("validate", "--dry-run").stderr
