"""Lists by the keys of their items, when such a key is a secret."""

from __future__ import annotations

from dataclasses import replace

from peakctl.engine.diff.align import by_keys
from peakctl.engine.diff.compare import compare
from peakctl.kinds.fields import Absent, Field
from peakctl.kinds.schemas import load_kinds
from peakctl.model import Secret

ANY = Field(types=frozenset(), absent=Absent.SERVER)
RULE = replace(ANY, list_key=(("value",),), items=replace(ANY, extra=ANY))


def options(*values: object) -> dict[str, object]:
    listed = [{"title": "t", "value": value} for value in values]
    run = [{"name": "mode", "type": "string", "required": False, "options": listed}]
    return {"metadata": {"name": "b"}, "spec": {"kind": "workflow", "parameters": {"run": run}}}


def test_a_secret_key_matches_what_is_live_and_is_not_shown() -> None:
    kind = load_kinds()["BlockSpec"]
    assert compare(kind, options(Secret("hush"), "b"), options("hush", "b")).changes == ()


def test_what_is_live_alone_beside_a_secret_key_may_be_an_older_secret() -> None:
    kind = load_kinds()["BlockSpec"]
    changes = compare(kind, options(Secret("new-hush"), "b"), options("old-hush", "b")).changes
    assert changes
    assert "hush" not in str(changes)


def test_keys_that_are_no_secret_keep_their_names() -> None:
    wanted, found = by_keys(RULE, [{"value": "a"}], [{"value": "a"}, {"value": "b"}])
    assert (list(wanted), list(found)) == (["a"], ["a", "b"])


def test_several_secret_keys_stay_apart() -> None:
    wanted, found = by_keys(
        RULE, [{"value": Secret("a")}, {"value": Secret("b")}], [{"value": "b"}, {"value": "c"}]
    )
    assert list(wanted) == ["(sensitive)", "(sensitive) (2)"]
    assert list(found) == ["(sensitive) (2)", "(sensitive) (3, live)"]
