"""Lines on a terminal: hanging indents, whole words, tables that keep their columns."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.present.terminal import Terminal, open_terminal
from peakctl.present.text import ROLES, Line, columns, line, table_lines, to_plain
from peakctl.present.wrap import wrapped
from peakctl.settings import Settings

CHANGE = line(
    "    ",
    ("~ ", "edit"),
    "spec.resources.instanceType: ",
    ('"Small (1CPU, 2GB RAM)"', "removed"),
    " -> ",
    ('"Medium (2CPU, 8GB RAM)"', "added"),
    ("  (restarts)", "redeploy"),
)


def laid_out(*lines: Line, width: int = 60) -> str:
    return to_plain(wrapped(lines, width))


def test_what_fits_stays_as_it_is() -> None:
    assert laid_out(CHANGE, (), width=100) == to_plain([CHANGE, ()])


def test_what_does_not_fit_hangs_and_keeps_values_whole() -> None:
    assert laid_out(CHANGE) == (
        '    ~ spec.resources.instanceType: "Small (1CPU, 2GB RAM)"\n'
        '        -> "Medium (2CPU, 8GB RAM)"  (restarts)\n'
    )
    assert laid_out(CHANGE, width=40) == (
        "    ~ spec.resources.instanceType:\n"
        '        "Small (1CPU, 2GB RAM)" ->\n'
        '        "Medium (2CPU, 8GB RAM)"\n'
        "        (restarts)\n"
    )


def test_a_path_is_broken_at_its_dots_where_there_is_no_room_for_it() -> None:
    path = ".".join(["spec", *(f"step{n}" for n in range(12)), "imageDetails"])
    text = laid_out(line(("~ ", "edit"), path, ": 1"))
    assert text == (
        "~ spec.step0.step1.step2.step3.step4.step5.step6.step7.\n"
        "    step8.step9.step10.step11.imageDetails: 1\n"
    )


def test_a_command_is_never_broken() -> None:
    words = "peakctl apply -e production --select Workflow/nightly --prune -p region=eu"
    text = laid_out(line("next: run again to go on: ", (words, "command")))
    assert text == f"next: run again to go on:\n    {words}\n"


def test_a_word_wider_than_the_terminal_stands_over() -> None:
    assert laid_out(line("a ", "x" * 100)) == f"a\n    {'x' * 100}\n"


def test_wide_characters_take_two_columns() -> None:
    assert [columns(text) for text in ("ab", "東京", "é", "e\u0301", "a\u200b")] == [2, 4, 1, 1, 1]
    assert laid_out(line("東京 " * 4), width=11) == "東京 東京\n    東京\n    東京\n"


ROWS = [
    ("Service/price-api", "forecast-serve 0.0.12", "RUNNING", "2026-11-28 22:30:00 UTC"),
    ("Workflow/nightly", "", "available", "2026-11-27 02:00:00 UTC"),
]


def test_a_table_breaks_within_its_columns() -> None:
    table = table_lines(("resource", "image", "status", "updated"), ROWS)
    assert laid_out(*table, width=100) == to_plain(table)
    assert laid_out(*table) == (
        "RESOURCE           IMAGE           STATUS     UPDATED\n"
        "Service/price-api  forecast-serve  RUNNING    2026-11-28\n"
        "                   0.0.12                     22:30:00 UTC\n"
        "Workflow/nightly                   available  2026-11-27\n"
        "                                              02:00:00 UTC\n"
    )


def test_a_table_without_room_for_all_its_columns_leaves_empty_ones_out() -> None:
    table = table_lines(("name", "protected", "id"), [("price-api", "", "0123456789")])
    assert laid_out(*table, width=30) == "NAME       ID\nprice-api  0123456789\n"
    assert laid_out(*table_lines(("name", "protected"), []), width=8) == "NAME  PROTECTED\n"
    assert laid_out(*table_lines(("name",), [("0123456789",)]), width=8) == "0123456789\n"


def test_a_table_without_room_for_its_columns_is_blocks() -> None:
    table = table_lines(("resource", "image", "status", "updated"), ROWS)
    assert laid_out(*table, width=40) == (
        "Service/price-api\n"
        "    image    forecast-serve 0.0.12\n"
        "    status   RUNNING\n"
        "    updated  2026-11-28 22:30:00 UTC\n"
        "Workflow/nightly\n"
        "    status   available\n"
        "    updated  2026-11-27 02:00:00 UTC\n"
    )


SPANS = st.tuples(st.text(max_size=40), st.sampled_from(["", *ROLES, "command", "source", "cell"]))
WORDS = st.text("ab. /東", max_size=30)


@given(st.lists(st.lists(SPANS, max_size=5).map(lambda s: line(*s))), st.integers(20, 200))
def test_no_character_is_lost_or_added_but_spaces_and_line_feeds(
    lines: list[Line], width: int
) -> None:
    plain = [row for row in lines if not row or any(role != "cell" for _, role in row)]
    assert "".join(to_plain(wrapped(plain, width)).split()) == "".join(to_plain(plain).split())


@given(st.lists(st.lists(WORDS, min_size=3, max_size=3)), st.integers(20, 200))
def test_a_table_keeps_every_word_and_fits(rows: list[list[str]], width: int) -> None:
    table = table_lines(("a", "b", "c"), rows)
    told = to_plain(wrapped(table, width))
    words = [word for row in rows for cell in row for word in cell.split()]
    assert all(word in told for word in words if columns(word) <= width - 10)
    longest = max((columns(word) for word in words), default=0)
    assert all(columns(each) <= max(width, longest + 8) for each in told.splitlines())


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("color", ["always", "never"])
def test_only_terminals_wrap(color: str) -> None:
    out, err = io.StringIO(), Screen()
    terminal = open_terminal(Settings(environment={"COLUMNS": "40"}), out, err, out, color=color)
    terminal.show([CHANGE])
    terminal.warn([CHANGE])
    assert len(out.getvalue().splitlines()) == 1
    assert len(err.getvalue().splitlines()) == 4


def test_a_terminal_of_its_own_making_wraps_nothing() -> None:
    terminal = Terminal(out := io.StringIO(), io.StringIO(), width=20)
    terminal.show([CHANGE])
    assert len(out.getvalue().splitlines()) == 1
