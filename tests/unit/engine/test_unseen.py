"""What no read shows is compared with what was last applied, over the schemas of the product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from peakctl.engine.diff.align import AS_APPLIED, MASKED, NEVER_RETURNED, NOT_SHOWN
from peakctl.engine.diff.compare import IGNORED_UNSEEN, Diff, compare
from peakctl.engine.diff.unseen import still_secret, unseen_values
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.digests import Digests, StoredDigests, place
from peakctl.model import MISSING, UNSEEN, Key, Path, Secret, Unknown, dotted
from peakctl.model.values import holds_secret

KINDS = load_kinds()
DIGESTS = Digests("salt")
APP = {"appSpec": {"id": "a"}}
GITHUB = {"source": "github", "repository": "r", "branch": "b"}


def values(spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": spec}


def kept(kind: str, spec: Any, **more: Any) -> dict[str, Any]:
    """What is recorded of an applied spec, by its dotted place below `spec`."""
    found = unseen_values(KINDS[kind], values(spec), **more)
    return {dotted(path[1:]): v for path, v in found.items() if path[0] == "spec"}


def remembered(kind: str, spec: Any) -> StoredDigests:
    found = unseen_values(KINDS[kind], values(spec))
    return memory_of(found)


def memory_of(known: Mapping[Path, Any]) -> StoredDigests:
    secret = [place(path) for path, value in known.items() if holds_secret(value)]
    return StoredDigests({place(p): DIGESTS.of(v) for p, v in known.items()}, DIGESTS, secret)


def diff(kind: str, before: Any, now: Any, live: Any, **more: Any) -> Diff:
    """The difference to `now` after `before` was applied and `live` is what reads show."""
    memory = remembered(kind, before)
    return compare(KINDS[kind], values(now), values(live), memory=memory, **more)


def changes(kind: str, before: Any, now: Any, live: Any, **more: Any) -> Mapping[str, Any]:
    found = diff(kind, before, now, live, **more).changes
    return {dotted(c.path[1:]): (c.before, c.after, c.call) for c in found}


def reasons(kind: str, before: Any, now: Any, live: Any, **more: Any) -> Mapping[str, str]:
    return {dotted(s.path[1:]): s.reason for s in diff(kind, before, now, live, **more).skipped}


# --- what is recorded ----------------------------------------------------------------------


def test_fields_that_reads_may_leave_out_are_recorded_stated_or_not() -> None:
    assert kept("Service", {}) == {"parameters": MISSING, "scaleToZero": False}
    stated = {"parameters": {"env": {"A": "1"}, "secrets": ["b", "a"]}, "scaleToZero": True}
    assert kept("Service", stated) == {
        "parameters.env.A": "1",
        "parameters.secrets": {"b": "b", "a": "a"},
        "scaleToZero": True,
    }


def test_what_may_be_masked_is_recorded() -> None:
    secret = {"name": "T", "value": "t"}
    build = {**GITHUB, "token": "k", "buildArguments": [secret]}
    assert kept("Image", {"buildDetails": build}) == {
        "buildDetails.token": Secret("k"),
        "buildDetails.buildArguments.T.value": Secret("t"),
    }
    run = {"plain": 1, "tainted": {"a": [Secret("s")]}, "hidden": {"b": 2.0}}
    hidden = frozenset({("spec", "parameters", "run", "hidden")})
    found = kept("Deployment", {"parameters": {"run": run}}, hidden=hidden)
    assert {k: v for k, v in found.items() if v is not MISSING} == {
        "parameters.run.tainted": {"a": [Secret("s")]},
        "parameters.run.hidden": {"b": Secret(2.0)},
    }


def test_an_id_that_is_not_known_yet_is_not_recorded() -> None:
    new = Unknown(Key("BlockSpec", "b"), "id")
    assert "appSpec.excludes" not in kept("Deployment", {"appSpec": {"excludes": [{"id": new}]}})


def test_deferred_fields_and_files_are_not_recorded() -> None:
    assert kept("Artifact", {"artifact": {"digest": "sha256:1"}, "scan": True}) == {}


# --- what it tells -------------------------------------------------------------------------


def test_the_same_value_counts_as_equal_and_says_how_that_is_known() -> None:
    build = {"buildDetails": {**GITHUB, "token": "k"}}
    live = {"buildDetails": GITHUB}
    assert changes("Image", build, build, live) == {}
    assert reasons("Image", build, build, live) == {
        "buildDetails.token": f"{NEVER_RETURNED}; {AS_APPLIED}"
    }


def test_another_value_is_a_change_of_its_call_and_no_secret_of_it_is_shown() -> None:
    old, new = ({"buildDetails": {**GITHUB, "token": t}} for t in ("old-canary", "new-canary"))
    (change,) = diff("Image", old, new, {"buildDetails": GITHUB}).changes
    assert dotted(change.path) == "spec.buildDetails.token"
    assert (change.before, change.call, change.sensitive) == (UNSEEN, "build", True)
    assert "canary" not in repr(change)


def test_a_value_that_was_not_there_before_is_added() -> None:
    build = {"buildDetails": {**GITHUB, "token": "k"}}
    live = {"buildDetails": GITHUB}
    assert changes("Image", live, build, live) == {
        "buildDetails.token": (MISSING, Secret("k"), "build")
    }
    env = {"parameters": {"env": {"A": "1"}}}
    assert changes("Service", {}, env, {}) == {"parameters": (MISSING, env["parameters"], "update")}


def test_entries_of_a_map_come_change_and_go_one_by_one() -> None:
    before = {"parameters": {"env": {"A": "1", "B": "2", "C": "3"}, "secrets": ["x"]}}
    now = {"parameters": {"env": {"A": "1", "B": "0", "D": "4"}, "secrets": ["y", "x"]}}
    assert changes("Service", before, now, {}) == {
        "parameters.env.B": (UNSEEN, "0", "update"),
        "parameters.env.C": (UNSEEN, MISSING, "update"),
        "parameters.env.D": (MISSING, "4", "update"),
        "parameters.secrets": (UNSEEN, ["y", "x"], "update"),
    }
    assert reasons("Service", before, before, {}) == {"parameters": f"{NOT_SHOWN}; {AS_APPLIED}"}


def test_what_absence_removes_is_removed() -> None:
    chosen = {"appSpec": {"id": "a", "excludes": [{"id": "b"}]}}
    assert changes("Deployment", chosen, APP, APP) == {
        "appSpec.excludes": (UNSEEN, MISSING, "revise")
    }
    assert changes("Deployment", chosen, chosen, APP) == {}
    assert changes("Deployment", APP, chosen, APP) == {
        "appSpec.excludes": (MISSING, [{"id": "b"}], "revise")
    }


def test_an_unseen_container_is_split_by_the_calls_that_carry_it() -> None:
    given = {**APP, "appParameters": {"build": {"b": 1}, "run": {"r": 2, "s": 3}}}
    assert changes("Deployment", given, APP, APP) == {
        "appParameters.build": ({"b": UNSEEN}, MISSING, "revise"),
        "appParameters.run": ({"r": UNSEEN, "s": UNSEEN}, MISSING, "patch"),
    }
    less = {**APP, "appParameters": {"build": {"b": 1}, "run": {"r": 2}}}
    assert changes("Deployment", given, less, APP) == {
        "appParameters.run.s": (UNSEEN, MISSING, "patch")
    }
    assert changes("Deployment", less, given, APP) == {"appParameters.run.s": (MISSING, 3, "patch")}
    assert changes("Deployment", APP, less, APP) == {
        "appParameters.build": (MISSING, {"b": 1}, "revise"),
        "appParameters.run": (MISSING, {"r": 2}, "patch"),
    }


def test_absence_leaves_alone_what_the_platform_decides() -> None:
    env = {"parameters": {"env": {"A": "1"}}}
    assert changes("Service", env, {}, {}) == {}
    assert changes("Image", {"buildDetails": {**GITHUB, "token": "k"}}, {"buildDetails": GITHUB},
                   {"buildDetails": GITHUB}) == {}  # fmt: skip


@pytest.mark.parametrize("nothing", [None, "", MISSING])
def test_a_null_clears_what_was_there(nothing: Any) -> None:
    def titled(title: Any) -> dict[str, Any]:
        metadata = {"name": "x"} if title is MISSING else {"name": "x", "title": title}
        return {"metadata": metadata, "spec": {}}

    kind = KINDS["Service"]
    recorded = unseen_values(kind, titled("old"))
    memory = StoredDigests({place(p): DIGESTS.of(v) for p, v in recorded.items()}, DIGESTS)
    found = compare(kind, titled(nothing), titled(MISSING), memory=memory).changes
    told = [(dotted(c.path), c.before, c.after) for c in found]
    assert told == ([] if nothing is MISSING else [("metadata.title", UNSEEN, MISSING)])


def test_a_default_stands_for_what_is_absent() -> None:
    on = {"scaleToZero": True}
    assert changes("Service", on, {}, {}) == {"scaleToZero": (UNSEEN, False, "update")}
    assert changes("Service", {}, on, {}) == {"scaleToZero": (UNSEEN, True, "update")}
    assert changes("Service", {}, {"scaleToZero": False}, {}) == {}


def test_a_value_that_says_nothing_is_as_good_as_none() -> None:
    assert changes("Workflow", {"steps": {}}, {"steps": {}, "retryOptions": {}}, {}) == {}
    off = {"steps": {}, "retryOptions": {"exponentialBackoff": False}}
    assert changes("Workflow", {"steps": {}}, off, {}) == {}


def test_a_masked_value_is_told_from_another() -> None:
    def run(value: Any) -> dict[str, Any]:
        return {"parameters": {"run": {"p": value}}}

    live, path = run("****"), "parameters.run.p"
    assert changes("Deployment", run(Secret("a")), run(Secret("a")), live) == {}
    assert reasons("Deployment", run(Secret("a")), run(Secret("a")), live)[path] == (
        f"{MASKED}; {AS_APPLIED}"
    )
    found = changes("Deployment", run(Secret("a")), run(Secret("b")), live)
    assert found == {path: (UNSEEN, Secret("b"), "patch")}
    assert changes("Deployment", run("a"), run("b"), live) == {}
    assert reasons("Deployment", run("a"), run("b"), live) == {path: MASKED}


def test_what_a_read_shows_is_compared_with_that() -> None:
    env = {"parameters": {"env": {"A": "1"}}}
    assert changes("Service", {}, env, env) == {}
    shown = changes("Service", env, env, {}, shown=lambda _: True)
    assert shown == {"parameters": (MISSING, env["parameters"], "update")}


def test_nothing_remembered_is_as_before() -> None:
    found = compare(KINDS["Service"], values({"parameters": {"env": {"A": "1"}}}), values({}))
    assert found.changes == ()
    assert [s.reason for s in found.skipped] == [NOT_SHOWN]


def test_an_entry_that_the_schema_does_not_know_any_more_is_passed_over() -> None:
    places = {"spec/parameters/gone/A": "1", "spec/parameters/env/A": DIGESTS.of("1")}
    memory = StoredDigests(places, DIGESTS)
    desired = values({"parameters": {"env": {"A": "1"}}})
    assert compare(KINDS["Service"], desired, values({}), memory=memory).changes == ()


def test_deferred_fields_plan_nothing_and_are_not_asked_about() -> None:
    memory = StoredDigests({"spec/scan": "other"}, DIGESTS)
    found = compare(KINDS["Artifact"], values({"scan": True}), values({}), memory=memory)
    assert [s.reason for s in found.skipped] == [NEVER_RETURNED]
    assert found.changes == ()


def test_ignored_differences_of_what_is_not_shown_say_what_goes_out() -> None:
    before, now = ({"parameters": {"env": {"A": value}}} for value in "12")
    path = "spec.parameters.env.A"
    found = diff("Service", before, now, {}, ignored=(path,))
    assert found.changes == ()
    assert [(dotted(s.path), s.reason) for s in found.skipped] == [(path, IGNORED_UNSEEN)]


def test_an_id_that_is_not_known_yet_differs_from_any_that_was() -> None:
    new = {"appSpec": {"id": "a", "excludes": [{"id": Unknown(Key("BlockSpec", "b"), "id")}]}}
    old = {"appSpec": {"id": "a", "excludes": [{"id": "b"}]}}
    assert list(changes("Deployment", old, new, APP)) == ["appSpec.excludes"]


# --- what was a secret ----------------------------------------------------------------------


@pytest.mark.parametrize("now", [{"B": "b"}, {"A": "plain", "B": "b"}, {}])
def test_what_was_applied_as_a_secret_is_not_shown_when_it_is_none_any_more(now: Any) -> None:
    before = {"parameters": {"env": {"A": Secret("hush"), "B": "b"}}}
    live = {"parameters": {"env": {"A": "hush", "B": "other"}}}
    found = diff("Service", before, {"parameters": {"env": now}}, live).changes
    assert "hush" not in repr(found)
    assert any(change.sensitive for change in found)


def test_a_free_value_and_a_list_are_as_secret_as_they_were() -> None:
    memory = memory_of({("a",): {"x": Secret("hush")}, ("b", "0"): Secret("hush"), ("c",): "plain"})
    assert still_secret({"x": "hush"}, memory, ("a",)) == {"x": Secret("hush")}
    assert still_secret(["hush", UNSEEN, 1], memory, ("b",)) == [Secret("hush"), UNSEEN, 1]
    assert still_secret("plain", memory, ("c",)) == "plain"
    assert still_secret({"y": UNSEEN, "z": 1}, memory, ("a",)) == {"y": UNSEEN, "z": Secret(1)}
    assert still_secret("hush", memory, ("a", "x")) == Secret("hush")


@pytest.mark.parametrize("what", ["hush", "by hand", {"x": 1}])
def test_a_place_of_a_secret_stays_masked_whatever_is_there_now(what: Any) -> None:
    memory = memory_of({("c",): Secret("hush")})
    assert "hand" not in repr(still_secret(what, memory, ("c",)))
    assert holds_secret(still_secret(what, memory, ("c",)))


PLAIN = [
    ("Service", {"parameters": {"env": {"A": "fr"}}}, {"parameters": {"env": {"A": "de"}}}),
    ("Workflow", {"steps": {}, "retryOptions": {"duration": 60}},
     {"steps": {}, "retryOptions": {"duration": 90}}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "wanted", "live"), PLAIN, ids=["env", "retryOptions"])
def test_a_plain_value_that_was_edited_outside_is_shown(kind: str, wanted: Any, live: Any) -> None:
    (change,) = diff(kind, wanted, wanted, live).changes
    assert not change.sensitive
    assert not holds_secret(change.before)
    old = StoredDigests({"metadata/title": DIGESTS.of("mine")}, DIGESTS)  # of format 1
    titles = [{"metadata": {"name": "x", "title": title}, "spec": {}} for title in ("mine", "hand")]
    (change,) = compare(KINDS["Service"], *titles, memory=old).changes
    assert (change.before, change.after, change.sensitive) == ("hand", "mine", False)
