"""The house form of a diagnostic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Key, Location
from peakctl.present.problems import problem_lines
from peakctl.present.text import columns, to_plain

MISSING_IMAGE = Diagnostic(
    code="manifest/unknown-reference",
    summary='image "bsae" does not exist',
    key=Key("Workflow", "nightly"),
    path=("spec", "steps", "train", "image"),
    locations=(Location("manifests/nightly.yaml", 14, 14),),
    fix="did you mean: base",
)


def told(*diagnostics: Diagnostic) -> str:
    return to_plain(problem_lines(diagnostics))


def test_a_problem_has_the_house_form() -> None:
    assert told(MISSING_IMAGE) == (
        'error[manifest/unknown-reference]: Workflow/nightly: image "bsae" does not exist\n'
        "  at spec.steps.train.image\n"
        "  in manifests/nightly.yaml:14:14\n"
        "  did you mean: base\n"
    )


def test_the_same_problem_is_told_once_with_all_its_places() -> None:
    other = Diagnostic("c", "s", locations=(Location("b.yaml", 2, 1),))
    same = Diagnostic("c", "s", locations=(Location("a.yaml", 1, 1),))
    text = told(other, same, same)
    assert text.count("error[") == 1
    assert "  in b.yaml:2:1\n  in a.yaml:1:1\n" in text


def test_errors_come_last_in_order_of_place_and_are_counted() -> None:
    late = Diagnostic("c", "late", locations=(Location("b.yaml", 9, 1),))
    early = Diagnostic("c", "early", locations=(Location("a.yaml", 1, 1),))
    warning = Diagnostic("c", "old", severity=Severity.WARNING)
    text = told(late, warning, early)
    assert text.index("old") < text.index("early") < text.index("late")
    assert text.endswith("2 errors, 1 warning\n")


def test_codes_stand_in_one_column_however_long_the_summaries_are() -> None:
    text = told(Diagnostic("some/code", "x" * 90 + "\nsecond", detail="one\ntwo\x1b[0m"))
    assert text == f"error[some/code]: {'x' * 90}\n  second\n  one\n  two\n"


def test_nothing_to_tell_is_nothing() -> None:
    assert told() == ""


def test_a_command_to_type_is_whole() -> None:
    lines = problem_lines([Diagnostic("c", "s", fix="see: peakctl plan -e x --prune\npeakctl get")])
    assert [span for row in lines[1:] for span in row if span[0].strip()] == [
        ("see: ", "good"),
        ("peakctl plan -e x --prune", "command"),
        ("peakctl get", "command"),
    ]


def test_of_two_commands_each_is_whole_and_the_words_between_may_break() -> None:
    fix = "see one: peakctl logs Image/a; or any: peakctl get Image"
    assert [
        span for span in problem_lines([Diagnostic("c", "s", fix=fix)])[1] if span[0].strip()
    ] == [
        ("see one: ", "good"),
        ("peakctl logs Image/a", "command"),
        ("; or any: ", "good"),
        ("peakctl get Image", "command"),
    ]


PLACE = MISSING_IMAGE.locations[0]


def test_the_line_of_the_file_stands_below_its_place_with_a_mark() -> None:
    text = "  image: 'bsae' # typo"
    place = Location("a.yaml", 7, 10)
    twice = Diagnostic("c", "s", locations=(place, Location("b.yaml", 1, 1)))
    other = Diagnostic("d", "t", locations=(place,))
    assert to_plain(problem_lines([twice, other], {place: text})) == (
        "error[c]: s\n"
        "  in a.yaml:7:10\n"
        "     7 | image: 'bsae' # typo\n"
        "       |        ^^^^^^\n"
        "  in b.yaml:1:1\n"
        "\n"
        "error[d]: t\n"
        "  in a.yaml:7:10\n"
        "\n"
        "2 errors\n"
    )


def test_a_long_line_is_cut_around_its_column() -> None:
    text = f"{'a' * 200} here, {'b' * 200}"
    place = Location("a.yaml", 1234567, 202)
    rows = to_plain(problem_lines([Diagnostic("c", "s", locations=(place,))], {place: text}, 60))
    shown, mark = rows.splitlines()[2:4]
    assert len(shown) == 60
    assert (shown[10], shown[-1]) == ("…", "…")
    at = mark.index("^")
    assert shown[at : at + mark.count("^")] == "here"


@given(st.text(), st.integers(-1, 300), st.integers(1, 200))
def test_no_line_and_no_column_is_too_odd(text: str, column: int, width: int) -> None:
    place = Location("a", 1, column)
    lines = problem_lines([Diagnostic("c", "s", locations=(place,))], {place: text}, width)
    rows = to_plain(lines).splitlines()
    assert len(rows) == (4 if text.strip() else 2)
    assert all(columns(row) <= max(width, 30) for row in rows[2:] if row.isascii())
