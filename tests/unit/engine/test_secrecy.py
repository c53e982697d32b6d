"""What of a live resource must not be shown, over the schemas of the product."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.engine.diff.secrecy import sealed_live, secret_places
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.digests import StoredDigests, path_of, place
from peakctl.model import Key, Live, Path, Secret

KINDS = load_kinds()
NO_SECRET = StoredDigests()


def tree(spec: Any, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x", **metadata}, "spec": spec}


def sealed(kind: str, spec: Any, *places: str, hidden: set[Path] | None = None) -> Any:
    live = Live(Key(kind, "x"), 1, tree(spec), hidden=frozenset(hidden or ()))
    return sealed_live(KINDS[kind], live, StoredDigests(secret=places))["spec"]


def test_places_are_those_of_all_secrets_under_the_keys_of_lists() -> None:
    spec = {
        "buildDetails": {"buildArguments": [{"name": "PIP", "value": Secret("a")}]},
        "beyond": [{"the schema": Secret("b")}],
    }
    assert secret_places(KINDS["Image"], tree(spec, description=Secret("c"))) == (
        "metadata/description",
        "spec/beyond/0/the schema",
        "spec/buildDetails/buildArguments/PIP/value",
    )
    assert secret_places(KINDS["Image"], tree({})) == ()


def test_what_is_written_as_a_place_is_found_again() -> None:
    steps = {"a": {"type": "http", "url": Secret("u"), "payload": "p"}}
    hooks = [{"webhook": {"name": "chat", "url": Secret("x")}}, {"webhook": {"name": "n"}}]
    desired = tree({"steps": steps, "watchers": hooks})
    places = secret_places(KINDS["Workflow"], desired)
    plain = {
        "steps": {"a": {"type": "http", "url": "by hand", "payload": "p"}},
        "watchers": [{"webhook": {"name": "n", "payload": "q"}}, {"webhook": {"name": "chat"}}],
    }
    found = sealed("Workflow", plain, *places)
    assert found["steps"]["a"] == {"type": "http", "url": Secret("by hand"), "payload": "p"}
    assert found["watchers"] == plain["watchers"]


def test_schema_release_and_masks_make_secrets_without_a_ledger() -> None:
    details = {"buildArguments": [{"name": "A", "value": "v"}]}
    told = sealed("Image", {"buildDetails": details, "beyond": ["********", {"a": 1}]})
    assert told["buildDetails"]["buildArguments"][0] == {"name": "A", "value": Secret("v")}
    assert told["beyond"] == [Secret("********"), {"a": 1}]
    run = {"parameters": {"run": {"key": "k", "mode": "m", "map": {"a": ["b"]}}}}
    hidden: set[Path] = {("spec", "parameters", "run", "key"), ("spec", "parameters", "run", "map")}
    assert sealed("Deployment", run, hidden=hidden)["parameters"]["run"] == {
        "key": Secret("k"), "mode": "m", "map": {"a": [Secret("b")]}
    }  # fmt: skip


def test_a_place_hides_all_that_is_below_it() -> None:
    env = {"parameters": {"env": {"A": "1", "B": "2"}}}
    assert sealed("Service", env, "spec/parameters/env/A")["parameters"]["env"] == {
        "A": Secret("1"), "B": "2"
    }  # fmt: skip
    assert sealed("Service", env, "spec/parameters") == {
        "parameters": {"env": {"A": Secret("1"), "B": Secret("2")}}
    }


def test_an_item_whose_key_was_a_secret_may_be_any_that_no_other_key_tells_of() -> None:
    tags = {"secrets": ["known", "other"]}
    places = ("spec/parameters/secrets/(sensitive)", "spec/parameters/secrets/known/x")
    found = sealed("Service", {"parameters": tags}, *places)
    assert found["parameters"]["secrets"] == ["known", Secret("other")]


@pytest.mark.parametrize("path", [("spec", "a/b", "~c"), ("metadata",)])
def test_a_place_is_a_path_again(path: Any) -> None:
    assert path_of(place(path)) == path
