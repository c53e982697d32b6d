"""The files of a new version, in few lines and as JSON."""

from __future__ import annotations

import json

import pytest

from peakctl.model import Action, FileChanges, FileCounts, FileTotal, Key, Verb
from peakctl.present.files import file_lines, files_document, size_text
from peakctl.present.text import to_plain

KEY = Key("Image", "train")


def shown(files: FileChanges | None, verb: Verb = Verb.BUILD, *, verbose: bool = False) -> str:
    return to_plain(file_lines(Action(KEY, verb, files=files), verbose=verbose))


def changes(added: int = 0, changed: int = 0, removed: int = 0) -> FileChanges:
    lists = [
        tuple(f"{word}{number}" for number in range(count))
        for word, count in (("a", added), ("c", changed), ("r", removed))
    ]
    return FileChanges(*lists, counts=FileCounts(added, changed, removed))


def test_each_sort_of_change_has_its_mark() -> None:
    files = FileChanges(
        ("util.py",), ("train.py",), ("old.py",), (("a", "b"),), FileCounts(1, 1, 1, 1)
    )
    assert shown(files).splitlines() == [
        "~ files: 1 added, 1 changed, 1 removed, 1 renamed",
        "    + util.py",
        "    ~ train.py",
        "    ~ a -> b",
        "    - old.py",
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (changes(8), "aaaaaaaa"),
        (changes(9), "aaaaaaaaa"),
        (changes(10), "aaaaaaaa…"),
        (changes(100, 1), "aaaaaaac…"),
        (changes(2, 100, 100), "aacccrrr…"),
        (changes(100, 100, 100), "aacccrrr…"),
        (changes(0, 3), "ccc"),
    ],
)
def test_no_sort_crowds_out_another(files: FileChanges, expected: str) -> None:
    _, *rows = shown(files).splitlines()
    assert "".join(row.lstrip(" +~-")[0] for row in rows) == expected
    if expected.endswith("…"):
        assert rows[-1] == f"    … {sum(files.counts) - 8} more"


def test_verbose_shows_many_more() -> None:
    assert len(shown(changes(100, 90), verbose=True).splitlines()) == 191
    assert shown(changes(500), verbose=True).splitlines()[-1] == "    … 300 more"


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.REPLACE])
def test_what_is_made_counts_its_files(verb: Verb) -> None:
    files = FileChanges(("a",), counts=FileCounts(12), total=FileTotal(12, 340_000))
    assert shown(files, verb) == "+ files: 12 files, 340 KB\n"


def test_what_is_not_known_says_so_and_names_the_newest() -> None:
    files = FileChanges(complete=False, total=FileTotal(1, 9), newest=("a", "b"))
    assert shown(files).splitlines() == [
        "~ files: 1 file, 9 B; which changed is not known",
        "    newest: a, b",
    ]
    files = FileChanges(complete=False, before=FileTotal(300, 8_100_000))
    assert shown(files) == (
        "~ files: 0 files, 0 B (before: 300 files, 8.1 MB); which changed is not known\n"
    )
    assert shown(None) == ""
    assert files_document(None) is None


def test_names_cannot_steer_a_terminal() -> None:
    name = "a\x1b[2Jb\nc\u202ed"
    files = FileChanges((name,), counts=FileCounts(1))
    assert "\x1b" not in shown(files)
    assert len(shown(files).splitlines()) == 2
    assert json.loads(json.dumps(files_document(files)))["added"] == [name]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1 KB"), (340_400, "340 KB"), (999_500, "1.0 MB")],
)
def test_sizes_are_short(size: int, text: str) -> None:
    assert size_text(size) == text
