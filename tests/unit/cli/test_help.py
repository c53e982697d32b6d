"""Help fits the terminal: no line is wider, and what is to be typed can be copied."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.cli import cli
from peakctl.cli.help import fit_examples


def walk(command: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from walk(found, *words, name)


ALL = tuple(walk(cli))


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_line_of_any_help_is_wider_than_the_terminal(
    peakctl: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    assert len(ALL) > 50
    monkeypatch.setenv("COLUMNS", str(width))
    wide = [
        (words, row)
        for words in ALL
        for row in peakctl(*words, "--help").out.splitlines()
        if len(row) > width
    ]
    assert not wide


def test_examples_in_help_are_those_that_are_written(peakctl: Callable[..., Any]) -> None:
    told = peakctl("plan", "--help").out
    assert "  Examples:\n    peakctl plan -e dev\n" in told


def example(*rows: str) -> str:
    return "\b\n" + "\n".join(("Examples:", *rows))


def fitted(width: int, *rows: str) -> list[str]:
    found = fit_examples(example(*rows), width).splitlines()
    assert found[:2] == ["\b", "Examples:"]
    return found[2:]


def test_what_fits_stays_as_it_is() -> None:
    rows = ["  peakctl plan            what would change", "  peakctl apply -e dev    change it"]
    assert fitted(60, *rows) == rows


def test_notes_are_wrapped_in_their_column() -> None:
    assert fitted(
        50,
        "  peakctl plan                what would change, and why",
        "  peakctl apply -e dev        change it",
    ) == [
        "  peakctl plan          what would change, and why",
        "  peakctl apply -e dev  change it",
    ]
    assert fitted(48, "  peakctl apply -e dev    change it, after it has asked") == [
        "  peakctl apply -e dev  change it, after it has",
        "                        asked",
    ]


def test_notes_go_below_where_there_is_no_room_beside() -> None:
    assert fitted(
        40,
        "  peakctl apply -e production  change it, after asking you",
        "  peakctl plan                 what would change",
    ) == [
        "  peakctl apply -e production",
        "      change it, after asking you",
        "  peakctl plan",
        "      what would change",
    ]


def test_a_command_goes_on_after_a_backslash_and_options_keep_their_values() -> None:
    assert fitted(
        40,
        "  peakctl emails send --to a@example.com \\",
        "    --subject 'Sales of the whole year'",
    ) == [
        "  peakctl emails send \\",
        "      --to a@example.com \\",
        "      --subject 'Sales of the whole year'",
    ]


def test_a_part_of_a_file_is_broken_without_one() -> None:
    assert fitted(30, '  {"method": "POST", "path": "/images/"}') == [
        '  {"method": "POST", "path":',
        '      "/images/"}',
    ]
    text = "\b\nA seed is YAML or JSON, as here:\n  a: 1"
    assert fit_examples(text, 20) == "\b\nA seed is YAML or\nJSON, as here:\n  a: 1"


def test_prose_is_left_to_click() -> None:
    prose = "Exit codes: 0 done, 1 error, and so on, and so on."
    assert fit_examples(f"{prose}\n\n{example('  peakctl plan')}", 20).startswith(
        f"{prose}\n\n\b\n"
    )


WORDS = st.lists(st.sampled_from(["--env", "-e", "prod", "a/b", "'two words'", "'{\"rows\": 12}'"]))


@given(WORDS, st.integers(10, 60))
def test_what_is_typed_stays_the_same_command(words: list[str], width: int) -> None:
    typed = "  " + " ".join(("peakctl", "plan", *words))
    copied = "\n".join(fitted(width, typed))
    assert shlex.split(copied.replace("\\\n", "")) == shlex.split(typed)


def test_every_command_has_such_help() -> None:
    for words in ALL:
        command: Any = cli
        for word in words:
            command = command.get_command(click.Context(command), word)
        assert inspect.getmodule(command.context_class).__name__ == "peakctl.cli.help", words
