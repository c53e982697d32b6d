"""A rollback as resources: what refers to an earlier version, and what a revision had."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peakctl.engine.rollback import RolledResources, at_revision, pin_users
from peakctl.model import MISSING, Key, Live, Secret

IMAGE = {"type": "workflow", "buildDetails": {"source": "dockerfile", "dockerfile": "FROM a"}}
A, W, B, D = Key("Image", "a"), Key("Workflow", "w"), Key("BlockSpec", "b"), Key("Deployment", "d")


def then(version: str = "1.0.0", **more: Any) -> Live:
    values = {"metadata": {"name": "a"}, "spec": {**IMAGE, "version": version}}
    return Live(A, 7, values, version=version, **more)


def image(lab: Any) -> Any:
    return lab.manifest("Image", "a", IMAGE)


def flow(lab: Any, version: str | None = None, name: str = "w", **more: Any) -> Any:
    named = {"name": "a", **({"version": version} if version else {})}
    steps = {"train": {"command": "c", "imageDetails": named}}
    return lab.manifest("Workflow", name, {"steps": steps}, **more)


def block(lab: Any) -> Any:
    steps = {"train": {"command": "c", "imageDetails": {"name": "a"}}}
    spec = {"kind": "workflow", "config": {"steps": steps}}
    return lab.manifest("BlockSpec", "b", spec, {"summary": "s"})


def deployment(lab: Any, release: Any = None, by: str = "name", **spec: Any) -> Any:
    named = {by: "b", **({"release": release} if release else {})}
    return lab.manifest("Deployment", "d", {"blockSpec": named, **spec})


def pinned(lab: Any, *documents: Any, version: str = "1.0.0") -> RolledResources:
    return pin_users(lab.resources(*documents), lab.kinds, then(version))


def edits(rolled: RolledResources) -> list[tuple[str, Any, Any]]:
    dotted = [(".".join(map(str, e.path)), e.before, e.after) for e in rolled.lasting]
    return sorted(dotted, key=lambda each: each[0])


def test_what_follows_an_image_refers_to_the_version(lab: Any) -> None:
    rolled = pinned(lab, image(lab), flow(lab))
    assert [r.version for r in rolled.resources[W].references] == ["1.0.0"]
    path = "spec.steps.train.imageDetails.version"
    assert edits(rolled) == [(path, MISSING, "1.0.0")]
    assert rolled.chosen == {W}
    assert rolled.asks_for(W, "spec.steps.train.imageDetails")
    assert not rolled.asks_for(W, "spec.steps.train.command")
    assert not rolled.asks_for(A, "spec.steps.train.imageDetails")


def test_the_manifest_of_the_image_is_as_the_version_has_it(lab: Any) -> None:
    document = image(lab) | {"lifecycle": {"ignoreChanges": ["spec.buildDetails"]}}
    stands = pinned(lab, document, flow(lab)).resources[A]
    assert (stands.values, stands.ignore_changes) == (then().values, ())
    assert A not in pinned(lab, flow(lab)).resources


def test_a_later_version_goes_back_and_an_earlier_one_stays(lab: Any) -> None:
    rolled = pinned(lab, flow(lab, "1.0.1"), flow(lab, "0.9.0", "old"))
    assert edits(rolled) == [("spec.steps.train.imageDetails.version", "1.0.1", "1.0.0")]
    assert rolled.chosen == {W}


def test_what_refers_to_something_else_or_orders_nothing_stays(lab: Any) -> None:
    redeployed = {**IMAGE, "autodeployResources": [{"kind": "Workflow", "name": "w"}]}
    other = lab.manifest("Image", "other", redeployed)
    assert pinned(lab, other).chosen == frozenset()


def test_what_uses_a_user_may_change_too_and_an_order_alone_does_not_count(lab: Any) -> None:
    after = flow(lab, "0.9.0", "after", dependsOn=["BlockSpec/b"])
    rolled = pinned(lab, image(lab), block(lab), deployment(lab), after)
    assert rolled.chosen == {B, D}


def test_no_reference_is_ever_later_than_the_version(lab: Any) -> None:
    numbers = st.sampled_from(["0.9.0", "1.0.0", "1.0.1", "2.0.0", None])

    @given(versions=st.lists(numbers, max_size=5))
    def check(versions: list[Any]) -> None:
        documents = [flow(lab, version, f"w{at}") for at, version in enumerate(versions)]
        rolled = pinned(lab, image(lab), *documents)
        named = [r.version for each in rolled.resources.values() for r in each.references]
        assert set(named) <= {"0.9.0", "1.0.0"}
        users = {key: each for key, each in rolled.resources.items() if key != A}
        again = pin_users(users, lab.kinds, then())
        assert (again.chosen, again.lasting) == (frozenset(), ())

    check()


# --- a deployment -----


def revision(
    release: str = "1.0.0", hidden: Any = frozenset(), notes: str = "", **spec: Any
) -> Live:
    named = {"id": "b-1", "release": {"version": release}}
    more = {"revision": {"notes": notes}} if notes else {}
    values = {"metadata": {"name": "d"}, "spec": {"blockSpec": named, **more, **spec}}
    return Live(D, "d-1", values, version=release, private={"revision": 3}, hidden=hidden)


def back(lab: Any, document: Any, live: Live) -> tuple[RolledResources, Any]:
    return at_revision(lab.resources(block(lab), document)[D], lab.kinds["Deployment"], live)


def test_a_deployment_gets_release_and_parameters_of_the_revision(lab: Any) -> None:
    given_ = {"build": {"same": "s", "cmd": "new", "later": "x"}, "run": {"n": 2}}
    had = {"build": {"same": "s", "cmd": "old"}, "run": {"n": 1, "gone": True}}
    rolled, told = back(lab, deployment(lab, parameters=given_), revision(parameters=had))
    assert told == ()
    assert rolled.resources[D].values["spec"]["parameters"] == had
    assert rolled.resources[D].references[0].version == "1.0.0"
    assert edits(rolled) == [
        ("spec.blockSpec.release", MISSING, "1.0.0"),
        ("spec.parameters.build.cmd", "new", "old"),
        ("spec.parameters.build.later", "x", MISSING),
        ("spec.parameters.run.gone", MISSING, True),
        ("spec.parameters.run.n", 2, 1),
    ]


def test_what_the_manifest_has_already_is_no_edit_and_notes_are_left(lab: Any) -> None:
    document = deployment(lab, "1.0.0", parameters={"run": {"n": 1}}, revision={"notes": "mine"})
    rolled, told = back(lab, document, revision(notes="theirs", parameters={"run": {"n": 1}}))
    assert (edits(rolled), told) == ([], ())
    assert rolled.resources[D].values["spec"]["revision"] == {"notes": "mine"}


def test_a_release_by_id_is_taken_over_too(lab: Any) -> None:
    document = deployment(lab, {"version": "1.0.1"}, by="id")
    rolled, _ = back(lab, document, revision())
    assert ("spec.blockSpec.release.version", "1.0.1", "1.0.0") in edits(rolled)


def test_an_item_that_chooses_a_block_keeps_its_reference(lab: Any) -> None:
    spec = {"appSpec": {"name": "app", "includes": [{"name": "b"}]}}
    document = lab.manifest("Deployment", "d", spec)
    values = {
        "metadata": {"name": "d"},
        "spec": {"appSpec": {"id": "a-1", "release": {"version": "1.0.0"}}},
    }
    live = Live(D, "d-1", values, private={"revision": 3})
    rolled, told = at_revision(lab.resources(document)[D], lab.kinds["Deployment"], live)
    assert told == ()
    versions = {r.name: r.version for r in rolled.resources[D].references}
    assert versions == {"app": "1.0.0", "b": None}


def test_a_hidden_value_is_that_of_the_manifest_or_refused(lab: Any) -> None:
    at = ("spec", "parameters", "run", "token")
    live = revision(hidden=frozenset({at}), parameters={"run": {"token": "********"}})
    ours = {"run": {"token": Secret("mine")}}
    rolled, told = back(lab, deployment(lab, parameters=ours), live)
    assert (edits(rolled), told) == ([("spec.blockSpec.release", MISSING, "1.0.0")], ())
    assert rolled.resources[D].values["spec"]["parameters"] == ours
    _, told = back(lab, deployment(lab), live)
    assert [(d.code, d.path) for d in told] == [("rollback/hidden", at)]


def test_a_mask_that_nobody_said_was_hidden_never_goes_out(lab: Any) -> None:
    live = revision(parameters={"run": {"token": "********"}})
    _, told = back(lab, deployment(lab), live)
    assert [d.code for d in told] == ["rollback/hidden"]
