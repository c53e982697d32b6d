"""What is typed for the options that several commands share."""

from __future__ import annotations

import io
import shlex
from typing import Any

import click
import pytest
from click.testing import CliRunner

from peakctl.cli import options
from peakctl.cli.options import Flags
from peakctl.cli.session import Session
from peakctl.present.terminal import Terminal
from peakctl.settings import Settings

MADE: list[Flags] = []


@click.command(context_settings=options.CONTEXT)
@options.pruning
@options.ownership
@options.mass_change
@options.manifests
@options.selection
def command(**flags: Any) -> None:
    MADE[:] = [Flags(**flags)]


def typed(*words: str) -> Flags:
    found = CliRunner().invoke(command, words)
    assert found.exit_code == 0, found.output
    return MADE[0]


def refused(*words: str) -> str:
    found = CliRunner().invoke(command, words)
    assert found.exit_code == 2
    return found.output


@pytest.mark.parametrize(
    ("variable", "flag", "value", "words"),
    [
        ("PARAM", "param", "cmd=train --lr=0.1", ("cmd=train --lr=0.1",)),
        ("PARAM", "param", "a= x \nb=2\n\n", ("a= x ", "b=2")),
        ("PARAM", "param", "", ()),
        ("FILENAME", "filename", "my folder/a.yaml\nb.yaml", ("my folder/a.yaml", "b.yaml")),
        ("PARAMS_FILE", "params_file", "p 1.yaml", ("p 1.yaml",)),
        ("SELECT", "select", "team=data science\r\nImage/a", ("team=data science", "Image/a")),
        ("EXCLUDE", "exclude", "Image", ("Image",)),
        ("TAKE_OVER", "take_over", "shop\nretail/prod", ("shop", "retail/prod")),
    ],
)
def test_the_variable_of_a_repeatable_flag_holds_one_value_a_line(
    variable: str, flag: str, value: str, words: tuple[str, ...]
) -> None:
    env = {f"PEAKCTL_{variable}": value}
    found = CliRunner().invoke(command, [], env=env, auto_envvar_prefix="PEAKCTL")
    assert found.exit_code == 0, found.output
    assert getattr(MADE[0], flag) == words


def test_nothing_typed_allows_nothing() -> None:
    assert typed() == Flags()


def test_what_is_typed_is_known() -> None:
    words = "--adopt --take-over shop --take-over retail/prod.eu --allow-mass-change 12"
    assert typed(*words.split()) == Flags(
        adopt=True, take_over=("shop", "retail/prod.eu"), allow_mass_change=12
    )


@pytest.mark.parametrize("words", ["--prune --prune-history", "--prune-history --prune"])
def test_history_is_pruned_with_the_rest(words: str) -> None:
    assert typed(*words.split()) == Flags(prune=True, prune_history=True)


def test_history_alone_is_not_pruned() -> None:
    assert "--prune-history does nothing without --prune" in refused("--prune-history")


@pytest.mark.parametrize("owner", ["", "Retail", "retail/", "/prod", "a/b/c", "a b", "retail\n"])
def test_an_owner_is_a_project_and_perhaps_an_environment(owner: str) -> None:
    assert "write project or project/environment" in refused("--take-over", owner)


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_mass_change_is_allowed_by_its_number(number: str) -> None:
    assert "--allow-mass-change" in refused("--allow-mass-change", number)


def test_what_to_type_again_allows_the_same() -> None:
    words = "--take-over shop --prune --prune-history --adopt --allow-mass-change 12"
    terminal = Terminal(io.StringIO(), io.StringIO())
    session = Session("apply", typed(*words.split()), Settings(), terminal)
    assert session.again() == shlex.join(["peakctl", "apply", *words.split()])
