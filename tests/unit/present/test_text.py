"""From lines to characters."""

from __future__ import annotations

import io

import pytest

from peakctl.model.text import printable
from peakctl.present.terminal import Terminal, open_terminal
from peakctl.present.text import fit_encoding, indent, line, one_line, to_ansi, to_plain
from peakctl.settings import Settings, read_settings


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\rb\x00c\x9b", "abc"),
        ("left\u202eright\ufeff", "leftright"),
        ("a\u061cb\u2066c\u206fd\ufff9e\U000e0041f", "abcdef"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\ud800", ""),
        ("Zürich 東京", "Zürich 東京"),
    ],
)
def test_control_characters_are_taken_out(raw: str, cleaned: str) -> None:
    assert printable(raw) == cleaned


def test_a_line_stays_one_line() -> None:
    assert one_line("a\nb\tc") == "a\\nb\\tc"
    assert to_plain([line("a\nfake: ok")]) == "a\\nfake: ok\n"


def test_roles_become_colours_and_nothing_else() -> None:
    lines = [line(("+ create", "create"), " x"), (), line(("  ", "bold"), ("y", "no-such-role"))]
    assert to_plain(lines) == "+ create x\n\n  y\n"
    assert to_ansi(lines) == "\x1b[32m+ create\x1b[0m x\n\n  y\n"


def test_indentation_leaves_empty_lines_empty() -> None:
    assert to_plain(indent([line("a"), ()], 2)) == "  a\n\n"


def test_characters_that_the_stream_lacks_are_replaced() -> None:
    assert fit_encoding("ab12… é", "ascii") == r"ab12... \xe9"
    assert fit_encoding("ab12… é", None) == "ab12… é"


class Console(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_sees_control_characters_spelled_out_and_a_program_gets_them() -> None:
    text = "a: \x1b[31mred\u202e\U000e0041\tb\n"
    for stream, written in (
        (Console(), "a: \\u001b[31mred\\u202e\\U000e0041\tb\n"),
        (io.StringIO(), text),
    ):
        Terminal(out=stream, err=io.StringIO()).show_text(text)
        assert stream.getvalue() == written


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_colours_follow_flag_then_environment_then_terminal() -> None:
    def colored(color: str, settings: Settings, stream: io.StringIO) -> bool:
        return open_terminal(settings, stream, stream, stream, color=color).color_out

    assert colored("auto", Settings(), Console())
    assert not colored("auto", Settings(), io.StringIO())
    assert not colored("auto", read_settings({"NO_COLOR": "1"}), Console())
    assert colored("auto", read_settings({"FORCE_COLOR": "1"}), io.StringIO())
    assert colored("always", read_settings({"NO_COLOR": "1"}), io.StringIO())
    assert not colored("never", Settings(), Console())


def test_it_asks_only_where_somebody_can_answer() -> None:
    assert open_terminal(Settings(), io.StringIO(), Console(), Console()).asks
    assert not open_terminal(Settings(), Console(), Console(), io.StringIO()).asks


def test_the_width_is_that_of_the_environment_on_a_terminal() -> None:
    wide = read_settings({"COLUMNS": "140"})
    assert open_terminal(wide, Console(), Console(), Console()).width == 140
    assert open_terminal(wide, io.StringIO(), io.StringIO(), io.StringIO()).width == 100


def test_a_reader_that_went_away_is_no_error() -> None:
    terminal = Terminal(Broken(), io.StringIO())
    terminal.show([line("a")])
    terminal.show([line("b")])


def test_quiet_drops_notes_and_keeps_problems() -> None:
    err = io.StringIO()
    terminal = Terminal(io.StringIO(), err, quiet=True)
    terminal.tell([line("note")])
    terminal.warn([line("problem")])
    assert err.getvalue() == "problem\n"
