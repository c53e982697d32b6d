"""How one change reads, at its edges."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plans import shown

from peakctl.model import MISSING, UNSEEN, Change, Key, Secret, Unknown, Value
from peakctl.present.changes import ROOM, ROOM_VERBOSE, change_lines, cut
from peakctl.present.text import to_plain

LONG = "word " * 40
FORECAST = {"name": "forecast", "version": "0.0.1"}


def told(before: Value, after: Value, *, sensitive: bool = False) -> str:
    change = Change(("spec", "x"), before, after, "", sensitive=sensitive)
    return to_plain(change_lines(shown(change)))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (1, 2, "~ spec.x: 1 -> 2\n"),
        (True, False, "~ spec.x: true -> false\n"),
        ("1", 1, '~ spec.x: "1" -> 1\n'),
        (None, "a", "~ spec.x: null -> a\n"),
        ("", "a b", '~ spec.x: "" -> "a b"\n'),
        (MISSING, [], "+ spec.x: []\n"),
        (MISSING, None, "+ spec.x: null\n"),
        ("on", MISSING, '- spec.x: "on"\n'),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "~ spec.x.b: 2 -> 3\n"),
        ({"a": 1}, {"b.c": 1}, '- spec.x.a: 1\n+ spec.x."b.c": 1\n'),
        ([1, 2], {"a": 1}, "~ spec.x: [1, 2] -> {a: 1}\n"),
        (MISSING, {"digest": "sha256:ab12cd34ef56ab12"}, "+ spec.x: files sha256:ab12cd34…\n"),
        (
            None,
            {"digest": "sha256:ab12cd34ef56ab12"},
            "~ spec.x: files (not known) -> sha256:ab12cd34…\n",
        ),
        (
            {"digest": "sha256:ab12cd34ef56ab12"},
            Unknown(Key("Artifact", "a"), "version"),
            "~ spec.x: files sha256:ab12cd34… -> (known after apply)\n",
        ),
        ("a\nb", "a\nb\n", "~ spec.x:\n    only line ends or spaces at the end differ\n"),
        ("{not json", "[1]", '~ spec.x: "{not json" -> "[1]"\n'),
        (
            [{"id": 1, "v": 1}, {"id": 2}],
            [{"id": 2}, {"id": 1, "v": 2}],
            "~ spec.x.1.v: 1 -> 2\n~ spec.x: order 1, 2 -> 2, 1\n",
        ),
        ([{"a": 1}], [{"a": 2}], "~ spec.x:\n    - {a: 1}\n    + {a: 2}\n"),
    ],
)
def test_a_change_reads(before: Value, after: Value, expected: str) -> None:
    assert told(before, after) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (FORECAST, FORECAST | {"version": "0.0.2"}, "~ spec.x: forecast 0.0.1 -> 0.0.2\n"),
        (FORECAST, {"name": "elasticity"}, "~ spec.x: forecast 0.0.1 -> elasticity\n"),
        (MISSING, FORECAST, "+ spec.x: forecast 0.0.1\n"),
        (FORECAST, MISSING, "- spec.x: forecast 0.0.1\n"),
        ({"name": "a b", "release": {"version": "1.0.0"}}, MISSING, '- spec.x: "a b" 1.0.0\n'),
        (MISSING, {"kind": "Workflow", "name": "w"}, "+ spec.x: Workflow/w\n"),
        ({"name": "x", "release": "1.0.0"}, {"name": "x"}, "~ spec.x: 1.0.0 -> x\n"),
        ("Small (1CPU)", "Large", '~ spec.x: "Small (1CPU)" -> Large\n'),
        (UNSEEN, FORECAST, "~ spec.x: (not shown) -> forecast 0.0.1\n"),
    ],
)
def test_a_reference_reads(before: Value, after: Value, expected: str) -> None:
    change = shown(Change(("spec", "x"), before, after, ""), reference=True)
    assert to_plain(change_lines(change)) == expected


def test_a_short_list_stays_on_its_line() -> None:
    assert told(["a"], ["a", "b"]) == "~ spec.x: [a] -> [a, b]\n"
    assert told(["word " * 20], ["a"]).startswith("~ spec.x:\n")


def test_long_text_stands_below_its_path() -> None:
    assert told(LONG, LONG + "more") == f'~ spec.x:\n    - "{LONG}"\n    + "{LONG}more"\n'


def test_far_apart_lines_are_joined_by_dots() -> None:
    before = "\n".join(str(n) for n in range(30))
    text = told(before, before.replace("2\n", "two\n", 1).replace("27", "x"))
    assert "      …\n" in text
    assert len(text.splitlines()) < 12


def test_text_on_several_lines_inside_a_new_map_is_a_block() -> None:
    text = told(MISSING, {"script": "one\ntwo\n", "list": [{"a": "x" * 50, "b": "y" * 50}]})
    assert "    + script: |\n    +   one\n    +   two\n" in text
    assert "    +   - a: " in text
    assert f"    +     b: {'y' * 50}\n" in text


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a", "b", "~ spec.x: (sensitive) changed\n"),
        (MISSING, "b", "+ spec.x: (sensitive)\n"),
        ({"k": "a"}, MISSING, "- spec.x: (sensitive)\n"),
        (MISSING, {"k": Secret("a"), "r": "fr"}, "+ spec.x: {k: (sensitive), r: fr}\n"),
        (Secret("a"), Secret("b"), "~ spec.x: (sensitive) changed\n"),
        ("hunter2\nx", "hunter2\ny", "~ spec.x: (sensitive) changed\n"),
    ],
)
def test_a_sensitive_change_says_only_that_there_is_one(
    before: Value, after: Value, expected: str
) -> None:
    assert told(before, after, sensitive=True) == expected


def test_a_plain_value_that_becomes_a_secret_hides_only_the_secret() -> None:
    assert told("shown", Secret("hidden")) == "~ spec.x: shown -> (sensitive)\n"


def test_what_the_platform_wrote_cannot_steer_the_terminal() -> None:
    assert told("a\x1b[2J", "b\x07\u202e") == '~ spec.x: "a" -> "b"\n'


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (UNSEEN, "a", "~ spec.x: (not shown) -> a\n"),
        (UNSEEN, ["a"], "~ spec.x: (not shown) -> [a]\n"),
        (UNSEEN, MISSING, "- spec.x: (not shown)\n"),
        ({"a": UNSEEN, "b": 1}, {"a": 2, "b": 1}, "~ spec.x.a: (not shown) -> 2\n"),
        ({"a": UNSEEN}, MISSING, "- spec.x: {a: (not shown)}\n"),
        (UNSEEN, "a\nb", '~ spec.x: (not shown) -> "a\\nb"\n'),
        (UNSEEN, LONG, f'~ spec.x:\n    - (not shown)\n    + "{LONG}"\n'),
    ],
)
def test_what_no_read_shows_says_so(before: Value, after: Value, expected: str) -> None:
    assert told(before, after) == expected


def test_a_secret_that_no_read_shows_stays_a_secret() -> None:
    assert told(UNSEEN, Secret("x"), sensitive=True) == "~ spec.x: (sensitive) changed\n"
    assert told(UNSEEN, MISSING, sensitive=True) == "- spec.x: (sensitive)\n"


# --- long values ---------------------------------------------------------------------------------

BIG = "abcdefghij" * 9_000
FORMS = {"default": False, "verbose": True}


def rows(before: Value, after: Value, *, verbose: bool = False) -> list[str]:
    change = shown(Change(("spec", "x"), before, after, ""))
    return to_plain(change_lines(change, verbose=verbose)).splitlines()


def test_one_character_in_a_long_line_shows_what_is_around_it() -> None:
    found = rows(BIG, BIG[:45_000] + "X" + BIG[45_001:])
    assert found[1].startswith("    - … 44,960 characters left out … abcdefghij")
    assert found[2].startswith("    + … 44,960 characters left out … abcdefghij")
    assert "jXbc" in found[2]
    assert found[1].endswith("… 44,959 characters left out …")
    assert sum(map(len, found)) < 400


def test_one_character_in_a_long_line_of_a_text_of_many_shows_what_is_around_it() -> None:
    text = f"first\n{BIG}\nlast\n"
    found = rows(text, text[:50_000] + "YY" + text[50_000:])
    assert [row[:6] for row in found[1:]] == ["      ", "    - ", "    + ", "      "]
    assert "YY" in found[3]
    assert sum(map(len, found)) < 500


@pytest.mark.parametrize("verbose", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BIG, BIG[::-1]),
        (MISSING, BIG),
        (BIG, MISSING),
        (1, BIG),
        (MISSING, {"a": BIG, "b": {"c": BIG}}),
        (MISSING, {f"k{n}": n for n in range(5_000)}),
        (MISSING, "line\n" * 20_000),
        ("a\n" * 9_000, "b\n" * 9_000),
        ([f"a{n}" for n in range(500)], [f"b{n}" for n in range(500)]),
        ([{"name": f"a{n}"} for n in range(500)], [{"name": f"a{n}"} for n in range(500, 0, -1)]),
        (f'{{"a": "{BIG}"}}', f'{{"a": "{BIG}b"}}'),
        ({f"k{n}": n for n in range(500)}, {f"k{n}": n + 1 for n in range(500)}),
    ],
)
def test_a_change_keeps_to_its_room(before: Value, after: Value, verbose: bool) -> None:
    room = ROOM_VERBOSE if verbose else ROOM
    found = rows(before, after, verbose=verbose)
    assert 1 <= len(found) <= room.rows + 1
    assert max(map(len, found)) <= 2 * room.characters + 160
    assert "left out" in "".join(found)


def test_what_is_left_out_is_counted() -> None:
    assert cut("x" * 250, 240) == f"{'x' * 120} … 10 characters left out … {'x' * 120}"
    assert cut("x" * 240, 240) == "x" * 240
    assert rows("\n".join(map(str, range(100))) + "\n", "-\n")[-5] == "    … 89 lines left out …"


def test_a_reference_has_its_ids_beside_it_when_verbose() -> None:
    after = Unknown(Key("Image", "forecast"), "version")
    wire = (
        Change(("spec", "a", "versionId"), 1, after, ""),
        Change(("spec", "b", "versionId"), 2, after, ""),
        Change(("spec", "b", "release"), MISSING, {"version": "0.0.1"}, ""),
    )
    change = shown(wire[0], before=FORECAST, after={**FORECAST, "version": "0.0.2"}, wire=wire)
    change = replace(change, reference=True)
    assert to_plain(change_lines(change)) == "~ spec.a.versionId: forecast 0.0.1 -> 0.0.2\n"
    told = to_plain(change_lines(change, verbose=True))
    assert told == "~ spec.a.versionId: forecast 0.0.1 -> 0.0.2  (versionId 1 -> 2)\n"
    bare = replace(change, wire=(Change(("spec", "a"), MISSING, after, ""),))
    assert "(" not in to_plain(change_lines(bare, verbose=True))
