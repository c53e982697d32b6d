"""Next steps can be typed as they are: they go to the environment and folder that were typed."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from peakctl.cli import cli
from peakctl.errors import Diagnostic
from peakctl.present.places import IN_ENVIRONMENT, typed_again
from peakctl.present.report import Report


def fix_of(text: str, folder: str | None = None, environment: str | None = "two") -> str:
    report = Report(command="logs", diagnostics=(Diagnostic("a/b", "c", fix=text),))
    return typed_again(report, folder=folder, environment=environment).diagnostics[0].fix


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("run it: peakctl run Workflow/idle", "run it: peakctl run Workflow/idle -e two"),
        (
            "peakctl executions Workflow/a; any id: peakctl execution ID",
            "peakctl executions Workflow/a -e two; any id: peakctl execution ID -e two",
        ),
        ("see peakctl get Image, then plan", "see peakctl get Image -e two, then plan"),
        ("`peakctl ledger unlock`", "`peakctl ledger unlock -e two`"),
        ("peakctl apply --prune", "peakctl apply -e two --prune"),
        ("peakctl logs Workflow/a@b-1 --step x", "peakctl logs Workflow/a@b-1 -e two --step x"),
        ("peakctl disown Workflow/a -e one --yes", "peakctl disown Workflow/a -e one --yes"),
        ("peakctl explain Image tells", "peakctl explain Image tells"),
        ("peakctl reads no .env", "peakctl reads no .env"),
    ],
)
def test_the_environment_is_added_where_a_command_is_about_one(text: str, typed: str) -> None:
    assert fix_of(text) == typed
    assert fix_of(text, environment=None) == text


def test_the_folder_is_added_as_it_was_typed() -> None:
    assert fix_of("peakctl plan", "my shop", None) == "peakctl plan -C 'my shop'"


def test_what_a_command_has_already_is_not_added_again() -> None:
    text = "peakctl logs Image/a -e one; peakctl get Image"
    assert fix_of(text, "shop") == (
        "peakctl logs Image/a -C shop -e one; peakctl get Image -C shop -e two"
    )


def test_text_that_is_no_command_is_left_alone() -> None:
    rows = ((("step: peakctl run Workflow/a", ""), ("peakctl run Workflow/a", "command")),)
    told = typed_again(Report(command="get", lines=rows), folder=None, environment="two")
    assert told.lines == (
        (("step: peakctl run Workflow/a", ""), ("peakctl run Workflow/a -e two", "command")),
    )


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        elif command is not None:
            yield " ".join((*before, name)), any("-e" in each.opts for each in command.params)


def test_every_command_about_an_environment_is_known() -> None:
    found = {name for name, takes in commands(cli) if takes and not name.startswith("emulator")}
    assert found == set(IN_ENVIRONMENT)
