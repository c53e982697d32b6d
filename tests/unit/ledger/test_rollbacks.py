"""What a ledger remembers of a rollback, and what undoes one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.ledger.remembered import kept_mark, read_mark, write_mark
from peakctl.model import Action, Change, Key, Verb

KEY = Key("Workflow", "w")
PATH = ("spec", "steps", "train", "imageVersionId")


def action(verb: Verb = Verb.EDIT, *paths: Any) -> Action:
    return Action(KEY, verb, changes=tuple(Change(path, 1, 2, "update") for path in paths))


@pytest.mark.parametrize(
    ("found", "undone"),
    [
        (action(Verb.EDIT, PATH), True),
        (action(Verb.EDIT, PATH[:3]), True),
        (action(Verb.EDIT, (*PATH, "deeper")), True),
        (action(Verb.EDIT, ("spec", "steps", "train", "imageVersionIds")), False),
        (action(Verb.EDIT, ("metadata", "title"), PATH), True),
        (action(Verb.EDIT, ("metadata", "title")), False),
        (action(Verb.KEEP), False),
        (action(Verb.DELETE), True),
        (action(Verb.REPLACE), True),
    ],
)
def test_a_change_of_what_was_put_back_undoes_it(found: Action, undone: bool) -> None:
    mark = read_mark(write_mark("Image/a 1.0.0", [PATH]))
    assert mark is not None
    assert mark.is_undone_by(found) is undone


PLACES = st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=4).map(tuple), max_size=4)


@given(to=st.text(min_size=1, max_size=300), paths=PLACES)
def test_a_mark_is_read_as_it_was_written_beside_whatever_else_there_is(
    to: str, paths: list[Any]
) -> None:
    written = write_mark(to, paths)
    mark = read_mark({**written, "spec/a": "digest", "waited": "3"})
    assert mark is not None
    assert mark.to == to[:200]
    assert all(mark.concerns(path) for path in paths)
    assert kept_mark({**written, "spec/a": "digest"}) == written
    assert all(0 < len(word) <= 200 for word in written.values())


def test_there_is_none_in_digests_of_anything_else() -> None:
    assert read_mark({"spec/rolled-back": "x", "waited": "3"}) is None
    assert kept_mark({"spec/rolled-back": "x"}) == {}
