"""What an action does beside its resource: restarts, stops, new addresses, followers."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.engine.plan.consequences import consequences_of_delete, with_followers
from peakctl.model import Action, Cause, Consequence, Effect, Key, Live, Reason, State, Step, Verb

STEP = {"imageId": 1, "imageVersionId": 2, "command": "run"}
SERVICE = {"serviceType": "api", "imageDetails": {"imageId": 1, "versionId": 2}}
IMAGE = {"type": "api", "buildDetails": {"source": "dockerfile", "dockerfile": "FROM a"}}
BUILT = {"type": "api", "buildDetails": {"source": "dockerfile", "dockerfile": "FROM b"}}
HOOK = {"webhook": True}
NEW = {"webhook": True, "webhookPolicy": "generate"}


def effects(action: Action) -> dict[str, tuple[str, ...]]:
    return {
        str(c.effect): (*map(str, c.keys), *filter(None, [c.detail])) for c in action.consequences
    }


def last(lab: Any, *documents: Any, **more: Any) -> dict[str, tuple[str, ...]]:
    return effects(lab.plan(*documents, **more).plan.actions[-1])


@pytest.mark.parametrize("kind", ["Service", "Webapp"])
def test_what_restarts_is_said_by_the_schema(lab: Any, kind: str) -> None:
    spec = SERVICE if kind == "Service" else {"imageDetails": SERVICE["imageDetails"]}
    lab.shelves[kind].put("s", {**spec, "sessionStickiness": False}, {"title": "old"})
    document = lab.manifest(
        kind, "s", {**spec, "resources": {"instanceTypeId": 3}}, {"title": "old"}
    )
    assert last(lab, document) == {"restarts": (f"{kind}/s",)}
    assert last(lab, lab.manifest(kind, "s", spec, {"title": "new"})) == {}


def test_a_revision_and_a_redeploy_restart_a_deployment(lab: Any) -> None:
    named = {"blockSpec": {"id": "b", "release": {"version": "1.0.0"}}}
    newer = {"blockSpec": {"id": "b", "release": {"version": "1.1.0"}}}
    lab.Deployment.put("d", named)
    assert last(lab, lab.manifest("Deployment", "d", newer)) == {"restarts": ("Deployment/d",)}
    lab.Deployment.put("d", named, state=State.FAILED, status="failed")
    assert last(lab, lab.manifest("Deployment", "d", named)) == {"restarts": ("Deployment/d",)}


def test_a_create_and_what_stays_have_none(lab: Any) -> None:
    assert last(lab, lab.manifest("Service", "s", SERVICE)) == {}
    lab.Service.put("s", SERVICE)
    assert last(lab, lab.manifest("Service", "s", SERVICE)) == {}


def test_a_new_version_restarts_what_the_image_redeploys(lab: Any) -> None:
    lab.Image.put("a", IMAGE, version="1.0.0", latest="1.0.0")
    lab.Service.put("s", SERVICE, attributes={"id": "7", "word": "api"})
    lab.Service.pins["s", None] = {"id": "7", "word": "api"}
    lab.Workflow.put("w", {"steps": {"s": STEP}})
    lab.Workflow.pins["w", None] = {"id": 8}
    to_redeploy = [
        {"kind": "Service", "name": "s"},
        {"kind": "Service", "name": "not-there"},
        {"kind": "Workflow", "name": "w"},
    ]
    document = lab.manifest("Image", "a", {**BUILT, "autodeployResources": to_redeploy})
    assert last(lab, document) == {"restarts": ("Service/s",)}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([HOOK], [NEW], "new webhook address"),
        ([HOOK], [HOOK], ""),
        ([HOOK], [{"cron": "0 1 * * *"}], "webhook address gone"),
        ([HOOK], [], "webhook address gone"),
        ([{"cron": "0 1 * * *"}], [NEW], ""),
        ([], [HOOK], ""),
    ],
)
def test_whoever_calls_a_webhook_is_thought_of(
    lab: Any, before: Any, after: Any, told: str
) -> None:
    lab.Workflow.put("w", {"steps": {"s": STEP}, "triggers": before})
    spec = {"steps": {"s": {**STEP, "command": "other"}}, "triggers": after}
    found = last(lab, lab.manifest("Workflow", "w", spec))
    assert found == ({"callers": ("Workflow/w", told)} if told else {})


def test_who_follows_a_new_version_is_told(lab: Any) -> None:
    lab.Image.put("a", IMAGE, id=1, version="1.0.0", latest="1.0.0", attributes={"id": 1})
    lab.Service.put("s", SERVICE)
    following = lab.manifest("Service", "s", {**SERVICE, "imageDetails": {"name": "a"}})
    actions = lab.plan(lab.manifest("Image", "a", BUILT), following).plan.actions
    assert [effects(action) for action in actions] == [
        {"followed": ("Service/s",)},
        {"restarts": ("Service/s",)},
    ]


def test_what_follows_something_older_is_no_consequence_of_a_resource_that_stays() -> None:
    image, flow = Key("Image", "a"), Key("Workflow", "w")
    reasons = (Reason(Cause.FOLLOWS, follows=image),)
    actions = {
        image: Action(image, Verb.KEEP, ()),
        flow: Action(flow, Verb.EDIT, (Step.UPDATE,), reasons=reasons),
    }
    assert with_followers(actions) == actions
    assert with_followers(actions)[image].consequences == ()


@pytest.mark.parametrize(
    ("kind", "spec", "state", "told"),
    [
        ("Service", SERVICE, State.READY, [Effect.STOPS]),
        ("Service", SERVICE, State.FAILED, []),
        ("Workflow", {"steps": {}, "triggers": [HOOK]}, State.READY, [Effect.CALLERS]),
        ("Image", IMAGE, State.READY, []),
    ],
)
def test_a_delete_stops_what_runs(lab: Any, kind: str, spec: Any, state: State, told: Any) -> None:
    key = Key(kind, "x")
    live = Live(key, 1, {"metadata": {"name": "x"}, "spec": spec}, state=state)
    found = consequences_of_delete(live, lab.kinds[kind])
    assert [each.effect for each in found] == told
    assert all(each.keys == (key,) for each in found)
    assert consequences_of_delete(None, lab.kinds[kind]) == ()
    assert Consequence(Effect.STOPS) not in found
