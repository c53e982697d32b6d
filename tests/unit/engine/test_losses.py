"""A call that replaces a whole is refused where it would lose what no read returns."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.engine.diff.compare import IGNORED
from peakctl.engine.diff.losses import losses
from peakctl.engine.diff.unseen import HIDDEN_STAYS, leave_hidden
from peakctl.engine.plan.parameters import ParameterSet, is_dropped
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.digests import Digests, StoredDigests
from peakctl.model import (
    MISSING,
    Action,
    Document,
    Key,
    Live,
    Location,
    Resource,
    Secret,
    Skipped,
    Step,
    Verb,
    dotted,
)

KINDS = load_kinds()
DIGESTS = Digests("salt")
TOKEN = "spec/steps/q/repository/token"
REPOSITORY = {"url": "https://git/x", "branch": "main", "filePath": "a.sql"}


def tree(spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": spec}


def flow(**repository: Any) -> dict[str, Any]:
    return tree({"steps": {"q": {"type": "sql", "repository": {**REPOSITORY, **repository}}}})


def lost(
    desired: Any,
    live: Any,
    *steps: Step,
    kind: str = "Workflow",
    memory: StoredDigests | None = None,
    skipped: tuple[Skipped, ...] = (),
) -> list[Any]:
    key = Key(kind, "x")
    document = Document({}, "a.yaml", "/", lambda _: Location("a.yaml", 3, 1))
    action = Action(key, Verb.EDIT, steps, skipped=skipped, desired=desired)
    resource = Resource(key, desired, document)
    return losses(resource, KINDS[kind], action, Live(key, 1, live), memory or StoredDigests())


@pytest.mark.parametrize("step", [Step.UPDATE, Step.UPDATE_METADATA])
def test_an_update_may_not_lose_a_token_that_no_read_returns(step: Step) -> None:
    (found,) = lost(flow(), flow(), step)
    assert (found.code, dotted(found.path)) == (
        "plan/unread-value",
        "spec.steps.q.repository.token",
    )
    assert "{{ os_env.NAME }}" in found.fix
    assert 'token: "" for none' in found.fix
    assert found.locations == (Location("a.yaml", 3, 1),)


def test_a_manifest_that_gives_the_token_or_says_that_there_is_none_is_fine() -> None:
    assert lost(flow(token=Secret("t")), flow(), Step.UPDATE) == []
    assert lost(flow(token=""), flow(), Step.UPDATE) == []


def test_what_was_applied_without_a_token_has_none() -> None:
    none = StoredDigests({TOKEN: DIGESTS.of(MISSING)}, DIGESTS)
    assert lost(flow(), flow(), Step.UPDATE, memory=none) == []
    some = StoredDigests({TOKEN: DIGESTS.of(Secret("t"))}, DIGESTS)
    assert len(lost(flow(), flow(), Step.UPDATE, memory=some)) == 1


def test_what_is_new_or_not_updated_loses_nothing() -> None:
    assert lost(flow(), flow()) == []
    assert lost(flow(), tree({"steps": {}}), Step.UPDATE) == []
    assert lost(flow(), tree({"steps": {"q": {"type": "sql"}}}), Step.UPDATE) == []
    beyond = tree({"steps": {"q": {"type": "sql", "beyond": {"a": {}}}}})
    assert lost(beyond, beyond, Step.UPDATE) == []
    github = tree({"buildDetails": {"source": "github", "repository": "r", "branch": "b"}})
    assert lost(github, github, Step.CREATE_VERSION, kind="Image") == []  # the old one stays


AT = ("spec", "parameters", "build", "key")


def deployed(value: Any) -> dict[str, Any]:
    return tree({"blockSpec": {"id": "b"}, "parameters": {"build": {"key": value}}})


@pytest.mark.parametrize("path", [AT, AT[:-1]])
@pytest.mark.parametrize("mask", ["********", Secret("********")])
def test_a_revision_may_not_lose_a_masked_value_that_is_ignored(mask: Any, path: Any) -> None:
    skipped = (Skipped(path, IGNORED),)
    desired = tree({"blockSpec": {"id": "b"}})
    (found,) = lost(
        desired, deployed(mask), Step.CREATE_REVISION, kind="Deployment", skipped=skipped
    )
    assert found.path == path
    assert "lifecycle.ignoreChanges" in found.fix


def test_what_is_shown_is_kept_and_a_patch_loses_nothing() -> None:
    desired, skipped = tree({"blockSpec": {"id": "b"}}), (Skipped(AT, IGNORED),)
    more: Any = {"kind": "Deployment", "skipped": skipped}
    assert lost(desired, deployed("plain"), Step.CREATE_REVISION, **more) == []
    assert lost(desired, deployed("********"), Step.PATCH_PARAMETERS, **more) == []
    other = {"kind": "Deployment", "skipped": (Skipped(AT, "another reason"),)}
    assert lost(desired, deployed("********"), Step.CREATE_REVISION, **other) == []


# --- hidden values that a manifest leaves out -----------------------------------------------------


def no(_: Any) -> bool:
    return False


def test_what_the_wanted_release_has_no_more_goes() -> None:
    desired, live = tree({"blockSpec": {"id": "b"}}), deployed(Secret("s"))
    run = {"run": [{"name": "mode"}]}
    one = ParameterSet(AT[:2], run)
    assert is_dropped((one,), AT)
    assert leave_hidden(desired, live, {AT}, lambda path: is_dropped((one,), path)) == (live, ())
    assert not is_dropped((one,), (*AT[:2], "run", "mode"))
    assert not is_dropped((), AT)
    assert not is_dropped((ParameterSet(AT[:2], run, complete=False),), AT)
    assert not is_dropped((ParameterSet(("spec", "appParameters"), run),), AT)


def test_what_a_manifest_leaves_out_stays_where_it_is_hidden() -> None:
    live = deployed(Secret("s"))
    live["spec"]["parameters"]["run"] = {"other": "********", "plain": "p", "gone": None}
    desired = tree({"blockSpec": {"id": "b"}})
    gone = ("spec", "parameters", "run", "gone")
    left, skipped = leave_hidden(desired, live, {AT, gone}, no)
    assert left["spec"]["parameters"] == {"build": {}, "run": {"plain": "p", "gone": None}}
    assert [dotted(s.path) for s in skipped] == [
        "spec.parameters.build.key",
        "spec.parameters.run.other",
    ]
    assert live["spec"]["parameters"]["build"] == {"key": Secret("s")}


@pytest.mark.parametrize("stated", [Secret("t"), ""])
def test_what_a_manifest_states_is_compared(stated: Any) -> None:
    live = deployed(Secret("s"))
    assert leave_hidden(deployed(stated), live, {AT}, no) == (live, ())
    assert leave_hidden(deployed(stated), {"metadata": {}}, {AT}, no) == ({"metadata": {}}, ())


def test_a_revision_may_not_lose_what_a_manifest_leaves_out() -> None:
    skipped = (Skipped(AT, HIDDEN_STAYS),)
    more: Any = {"kind": "Deployment", "skipped": skipped}
    live, desired = deployed("********"), tree({"blockSpec": {"id": "b"}})
    (found,) = lost(desired, live, Step.CREATE_REVISION, **more)
    assert 'key: "" to empty it' in found.fix
    assert lost(desired, live, Step.UPDATE_METADATA, **more) == []
