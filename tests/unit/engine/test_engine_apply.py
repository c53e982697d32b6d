"""A plan carried out, over adapters with scripted faults: order, waiting, doubt, removals."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.engine.waiting import DEFAULT_LIMITS, StopReason, WaitLimits
from peakctl.errors import Diagnostic, NotAuthenticated
from peakctl.model import (
    Action,
    CallRequest,
    CallResult,
    Failure,
    Key,
    Live,
    LogPage,
    PartState,
    Phase,
    Plan,
    Readiness,
    State,
    Status,
    Step,
    Verb,
)

BUILD = {"source": "dockerfile", "dockerfile": "FROM a"}
STEPS = {"train": {"command": "c", "imageId": 1}}
BLOCK_STEP = {"command": "c", "imageDetails": {"id": 1, "versionId": 2}}
PENDING = Readiness(State.PENDING, "building")


def image(lab: Any, dockerfile: str = "FROM a", **more: Any) -> Any:
    details = {**BUILD, "dockerfile": dockerfile}
    return lab.manifest("Image", "a", {"type": "api", "buildDetails": details}, **more)


def service(lab: Any, **spec: Any) -> Any:
    return lab.manifest(
        "Service", "s", {"serviceType": "api", "imageDetails": {"name": "a"}, **spec}
    )


def block(lab: Any, command: str = "c", **metadata: Any) -> Any:
    config = {"steps": {"train": {**BLOCK_STEP, "command": command}}}
    spec = {"kind": "workflow", "config": config}
    return lab.manifest("BlockSpec", "b", spec, {"summary": "s", **metadata})


def put_block(lab: Any, version: str = "1.0.0", **metadata: Any) -> Any:
    spec = {**block(lab)["spec"], "release": {"version": version}}
    return lab.BlockSpec.put(
        "b",
        spec,
        {"summary": "s", **metadata},
        version=version,
        latest=version,
        attributes={"id": "b-1", "version": version},
    )


def deployment(lab: Any, release: str = "1.0.0", **run: Any) -> Any:
    named = {"id": "b-1", "release": {"version": release}}
    return lab.manifest("Deployment", "d", {"blockSpec": named, "parameters": {"run": run}})


def put_deployment(lab: Any, release: str = "1.0.0", **run: Any) -> Any:
    spec = {"blockSpec": {"id": "b-1", "release": {"version": release}}, "parameters": {"run": run}}
    return lab.Deployment.put("d", spec, private={"revision": 1})


def fails(
    lab: Any, kind: str, step: Step, status: int | None, detail: str = "", **how: Any
) -> None:
    doubtful = how.pop("doubtful", False)
    lab.shelves[kind].faults.append(
        lab.fault(step, lab.problem(status, detail, doubtful=doubtful), **how)
    )


def statuses(outcomes: Any) -> list[Status]:
    return [outcome.status for outcome in outcomes]


# --- the graph -----------------------------------------------------------------------------


def test_what_is_referred_to_comes_first_and_fills_in(lab: Any) -> None:
    assert statuses(lab.run(service(lab), image(lab))) == [Status.DONE, Status.DONE]
    (sent,) = lab.Service.orders
    assert sent.desired["spec"]["imageDetails"] == {"imageId": "Image-a", "versionId": "0.0.1-id"}


def test_a_failure_blocks_what_depends_on_it_and_nothing_else(lab: Any) -> None:
    fails(lab, "Image", Step.CREATE, 422, "no such type")
    flow = lab.manifest("Workflow", "w", {"steps": STEPS})
    outcomes = {str(o.key): o for o in lab.run(image(lab), service(lab), flow)}
    assert outcomes["Image/a"].status is Status.FAILED
    assert outcomes["Image/a"].message == "no such type"
    assert outcomes["Image/a"].detail == ("look at it",)
    assert outcomes["Service/s"].status is Status.BLOCKED
    assert outcomes["Service/s"].cause == Key("Image", "a")
    assert outcomes["Workflow/w"].status is Status.DONE


def test_what_waits_for_two_starts_after_the_second(lab: Any) -> None:
    first = lab.manifest("Workflow", "w", {"steps": STEPS}, dependsOn=["Image/a", "Image/b"])
    other = lab.manifest("Image", "b", {"type": "api", "buildDetails": BUILD})
    assert statuses(lab.run(first, image(lab), other)) == [Status.DONE] * 3
    assert [e.key.name for e in lab.events if e.phase is Phase.STARTED][-1] == "w"


def test_what_is_kept_is_already_right(lab: Any) -> None:
    lab.Workflow.put("w", {"steps": STEPS})
    assert statuses(lab.run(lab.manifest("Workflow", "w", {"steps": STEPS}))) == [
        Status.ALREADY_RIGHT
    ]
    assert lab.Workflow.orders == []
    assert lab.events == []


def test_an_interrupt_starts_nothing_new(lab: Any) -> None:
    lab.stop.request()
    outcomes = lab.run(image(lab), service(lab))
    assert statuses(outcomes) == [Status.CANCELLED, Status.CANCELLED]
    assert lab.Image.orders == []


def test_events_tell_of_start_wait_and_end(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [PENDING, PENDING, Readiness(State.PENDING, "pushing", "half done")]
    lab.run(image(lab))
    assert [(e.phase, e.message) for e in lab.events] == [
        (Phase.STARTED, ""),
        (Phase.WAITING, "building"),
        (Phase.WAITING, "half done"),
        (Phase.FINISHED, ""),
    ]
    assert lab.events[-1].outcome.took == pytest.approx(3)


def test_a_refused_token_fails_the_action(lab: Any) -> None:
    refused = NotAuthenticated(Diagnostic("api/forbidden", "not permitted", fix="ask for it"))
    lab.Image.faults.append(lab.fault(Step.CREATE, refused))
    (outcome,) = lab.run(image(lab))
    assert (outcome.status, outcome.message) == (Status.FAILED, "not permitted")
    assert outcome.detail == ("ask for it",)


def test_an_error_that_is_no_action_s_own_is_raised(lab: Any) -> None:
    lab.Image.faults.append(lab.fault(Step.CREATE, RuntimeError("a defect")))
    with pytest.raises(RuntimeError, match="a defect"):
        lab.run(image(lab))


# --- waiting -------------------------------------------------------------------------------


def test_a_failed_build_ends_the_wait_with_its_last_lines(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [PENDING, Readiness(State.FAILED, "failed", "exit 1")]
    part = PartState("image b", "failed", failed=True)
    told = Failure("version 1", "", (part,), log=("step 1", "boom"), log_of="build 1")
    lab.Image.failure = told
    (outcome,) = lab.run(image(lab))
    assert (outcome.status, outcome.message) == (Status.FAILED, "the build failed: exit 1")
    assert outcome.failure == replace(told, reason="exit 1")
    assert outcome.detail == ()


def test_the_end_of_a_growing_log_is_told_where_it_is_asked_for(lab: Any) -> None:
    lab.Image.watched = lab.tails = True
    lab.Image.readings = [PENDING] * 6
    lab.Image.pages = [
        LogPage(),
        LogPage(("one",)),
        LogPage(("one", "two", "three", "four"), "t1"),
        LogPage(("five",), "t2"),
        lab.problem(500, "no log"),
        LogPage(("five", "six"), "t2"),
    ]
    assert statuses(lab.run(image(lab))) == [Status.DONE]
    assert lab.Image.tokens == [None, None, None, "t1", "t2", "t2"]
    told = [event.log for event in lab.events if event.log]
    assert told == [
        ("one",),
        ("two", "three", "four"),
        ("three", "four", "five"),
        ("five", "six"),
    ]


def test_no_log_is_asked_for_where_nobody_sees_it_or_something_goes(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [PENDING]
    lab.run(image(lab))
    assert lab.Image.tokens == []


def test_a_failure_that_cannot_be_explained_stays_one(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [Readiness(State.FAILED, "failed")]

    async def unread(_: Any) -> Any:
        raise lab.problem(500)

    lab.Image.explain = unread
    (outcome,) = lab.run(image(lab))
    assert (outcome.status, outcome.message) == (Status.FAILED, "the build failed")
    assert outcome.failure == Failure()
    assert outcome.detail == ("more about it could not be read: answered 500",)


def test_a_warning_is_an_end(lab: Any) -> None:
    put_deployment(lab)
    lab.Deployment.watched = True
    lab.Deployment.readings = [Readiness(State.WARNING, "warning", "a part is slow")]
    part = PartState("block b", "warning")
    lab.Deployment.failure = Failure("revision 2", parts=(part,))
    (outcome,) = lab.run(deployment(lab, "1.1.0"))
    assert outcome.status is Status.DONE
    assert outcome.message == "the deployment ended as warning: a part is slow"
    assert outcome.failure == Failure("revision 2", "a part is slow", (part,))


def test_time_that_runs_out_leaves_it_in_progress(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [PENDING] * 200
    planned = lab.plan(image(lab), service(lab))
    first, second = lab.apply(planned.plan, seconds={"build": 120.0})
    assert (first.status, first.message) == (
        Status.IN_PROGRESS,
        "building",
    )
    assert second.status is Status.BLOCKED
    assert first.took <= 120
    assert lab.clock.slept[:10] == [1.0] * 10
    assert max(lab.clock.slept) == pytest.approx(120 * 0.1 / 1.1, rel=0.1)


@given(st.floats(0, 7200), st.none() | st.integers(0, 7200))
def test_an_end_is_noticed_within_a_tenth_of_the_wait(took: float, usual: int | None) -> None:
    limits, looked = WaitLimits(), 0.0
    while looked < took:
        looked += limits.pause(looked, usual)
    assert looked - took <= max(1.0, 0.1 * took)
    assert limits.pause(7200) == 30.0


@given(st.integers(10, 7200))
def test_an_end_at_the_usual_time_is_noticed_within_two_seconds(usual: int) -> None:
    limits, looked, looks = WaitLimits(), 0.0, 0
    while looked < usual:
        looked, looks = looked + limits.pause(looked, usual), looks + 1
    assert looked - usual <= 2.0
    without, more = 0.0, 0
    while without < usual:
        without, more = without + limits.pause(without), more + 1
    assert looks <= more + 12


def test_an_interrupt_ends_the_wait(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [PENDING] * 3
    listen = lab.events.append
    planned = lab.plan(image(lab))

    class Listener(list[Any]):
        def append(self, event: Any) -> None:
            listen(event)
            if event.phase is Phase.WAITING:
                lab.stop.request()

    lab.events = Listener()
    assert statuses(lab.apply(planned.plan)) == [Status.IN_PROGRESS]
    assert len(lab.Image.readings) == 2


def test_what_an_interrupt_leaves_under_way_cancels_what_would_follow(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [PENDING] * 3
    planned = lab.plan(image(lab), service(lab))
    listen = lab.events.append

    class Listener(list[Any]):
        def append(self, event: Any) -> None:
            listen(event)
            if event.phase is Phase.WAITING:
                lab.stop.request(StopReason.TIME_LIMIT)
                lab.stop.request()

    lab.events = Listener()
    first, second = lab.apply(planned.plan)
    assert (first.status, second.status) == (Status.IN_PROGRESS, Status.CANCELLED)
    assert (second.cause, second.message) == (None, "the run was stopped before its turn")
    assert lab.stop.reason is StopReason.TIME_LIMIT


def test_a_failure_before_an_interrupt_still_blocks(lab: Any) -> None:
    fails(lab, "Image", Step.CREATE, 422)
    planned = lab.plan(image(lab), service(lab))
    call = lab.Image.call

    async def stopped(order: Any) -> Any:
        lab.stop.request()
        return await call(order)

    lab.Image.call = stopped
    assert statuses(lab.apply(planned.plan)) == [Status.FAILED, Status.BLOCKED]


def abandoned(lab: Any, *documents: Any) -> dict[str, Any]:
    """Cancel a run once its calls are under way; the outcomes that were told, by key."""

    async def main() -> None:
        running = asyncio.ensure_future(lab.applying(planned.plan))
        for _ in range(20):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    planned = lab.plan(*documents)
    asyncio.run(main())
    return {str(e.key): e.outcome for e in lab.events if e.outcome}


async def forever(*_: Any) -> Any:
    await asyncio.Event().wait()


def test_a_run_that_is_cancelled_says_how_each_action_was_left(lab: Any) -> None:
    lab.Image.call = forever
    left = abandoned(lab, image(lab), service(lab))
    first, second = left["Image/a"], left["Service/s"]
    assert (first.status, second.status) == (Status.UNKNOWN, Status.CANCELLED)
    assert first.message == "the run ended before the platform answered create"
    assert first.detail == ("the next run looks first, and does not send it twice",)


@pytest.mark.parametrize(
    ("readings", "message"),
    [
        ([], "the platform goes on with it"),
        ([PENDING], "building"),
    ],
)
def test_what_was_waited_for_goes_on_when_the_run_is_cancelled(
    lab: Any, readings: list[Readiness], message: str
) -> None:
    lab.Image.watched = True
    poll = lab.Image.poll
    lab.Image.readings = readings

    async def hangs(receipt: Any) -> Any:
        return await (poll(receipt) if lab.Image.readings else forever())

    lab.Image.poll = hangs
    left = abandoned(lab, image(lab))["Image/a"]
    assert (left.status, left.message) == (Status.IN_PROGRESS, message)
    assert left.id == "Image-a"


def test_what_was_being_read_again_when_the_run_was_cancelled_is_in_doubt(lab: Any) -> None:
    spec = {"serviceType": "api", "imageDetails": {"imageId": 1}, "parameters": {"env": {"A": "1"}}}
    lab.Service.put("s", spec)
    lab.Service.look_up = forever
    wanted = {**spec, "parameters": {"env": {}}}
    left = abandoned(lab, lab.manifest("Service", "s", wanted))["Service/s"]
    assert (left.status, left.message) == (Status.UNKNOWN, "it was left before its end")


def test_a_wait_alone_writes_nothing_and_is_already_right(lab: Any) -> None:
    spec = image(lab)["spec"]
    lab.Image.put("a", spec, version="1.0.0", state=State.PENDING, status="building")
    lab.Image.watched = True
    assert statuses(lab.run(image(lab))) == [Status.ALREADY_RIGHT]
    assert [order.step for order in lab.Image.orders] == [Step.WAIT]


def test_limits_have_a_default_for_everything() -> None:
    limits = WaitLimits(seconds={"build": 1.0})
    assert limits.limit("build") == 1.0
    assert limits.limit("deploy") == DEFAULT_LIMITS["deploy"]
    assert limits.limit("anything") == 1800.0


def test_what_the_platform_took_and_could_not_do_is_told(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [Readiness(State.FAILED, "failed")]
    (outcome,) = lab.run(image(lab))
    assert outcome.applied["spec"]["buildDetails"] == BUILD
    fails(lab, "Workflow", Step.CREATE, 422, "no")
    (refused,) = lab.run(lab.manifest("Workflow", "w", {"steps": STEPS}))
    assert refused.applied == {}


def test_what_fails_before_its_last_call_has_taken_nothing_as_a_whole(lab: Any) -> None:
    put_block(lab)
    lab.BlockSpec.watched = True
    lab.BlockSpec.readings = [Readiness(State.FAILED, "failed")]
    (outcome,) = lab.run(block(lab, "new", summary="other"))
    assert len(lab.BlockSpec.orders) == 1
    assert (outcome.status, outcome.applied) == (Status.FAILED, {})


# --- how long, and which number ------------------------------------------------------------


def test_a_good_wait_tells_how_long_it_took(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [PENDING, PENDING, PENDING]
    (outcome,) = lab.run(image(lab))
    assert outcome.waited == 3


@pytest.mark.parametrize("state", [State.FAILED, State.PENDING])
def test_a_wait_that_did_not_end_well_tells_nothing(lab: Any, state: State) -> None:
    lab.Image.watched = True
    lab.Image.readings = [PENDING, *[Readiness(state, "bad")] * 3]
    (outcome,) = lab.apply(lab.plan(image(lab)).plan, seconds={"build": 2.0})
    assert outcome.waited is None


def test_what_was_under_way_or_goes_has_no_time_of_its_own(lab: Any) -> None:
    lab.Image.put("a", image(lab)["spec"], version="1.0.0", state=State.PENDING, status="building")
    lab.Image.watched = lab.Workflow.watched = True
    lab.Image.readings, lab.Workflow.readings = [PENDING], [PENDING, Readiness(State.GONE)]
    (kept,) = lab.run(image(lab))
    (gone,) = lab.apply(delete(lab, lab.Workflow.put("w")))
    assert (kept.waited, gone.waited) == (None, None)


def test_the_usual_time_is_told_of_what_is_waited_for(lab: Any) -> None:
    lab.Image.watched = True
    lab.Image.readings = [PENDING]
    lab.usual = {Key("Image", "a"): 38}
    lab.run(image(lab))
    told = [(e.phase, e.usual) for e in lab.events]
    assert told == [(Phase.STARTED, None), (Phase.WAITING, 38), (Phase.FINISHED, None)]


def test_the_end_of_what_is_deleted_has_no_usual_time(lab: Any) -> None:
    lab.Workflow.watched = True
    lab.Workflow.readings = [PENDING, Readiness(State.GONE)]
    lab.usual = {Key("Workflow", "w"): 38}
    lab.apply(delete(lab, lab.Workflow.put("w")))
    assert {event.usual for event in lab.events} == {None}


def test_the_number_that_the_platform_gave_is_told_whatever_came_of_it(lab: Any) -> None:
    put_deployment(lab)
    lab.Deployment.number, lab.Deployment.watched = "7", True
    lab.Deployment.readings = [Readiness(State.FAILED, "failed")]
    put_block(lab)
    (outcome,) = lab.run(deployment(lab, release="1.0.1"))
    assert (outcome.status, outcome.number) == (Status.FAILED, "7")


def test_the_number_of_a_call_in_doubt_is_that_of_what_is_there(lab: Any) -> None:
    fails(lab, "Image", Step.CREATE, None, doubtful=True, effect=True)
    (outcome,) = lab.run(image(lab))
    assert outcome.number == "1"


# --- outputs -------------------------------------------------------------------------------

HOOKED = {"steps": STEPS, "triggers": [{"webhook": True}]}
HOOK = {"webhooks": ["id-1"]}


def workflow(lab: Any, **spec: Any) -> Any:
    return lab.manifest("Workflow", "w", {"steps": STEPS, **spec})


def test_what_a_call_or_a_poll_tells_of_outputs_is_not_asked_for_again(lab: Any) -> None:
    lab.Workflow.answers = HOOK
    (outcome,) = lab.run(lab.manifest("Workflow", "w", HOOKED))
    assert outcome.outputs == HOOK
    lab.Service.watched = True
    lab.Service.readings = [Readiness(State.READY, "AVAILABLE", outputs={"address": "https://a"})]
    spec = {"serviceType": "api", "imageDetails": {"imageId": 1}}
    assert lab.run(lab.manifest("Service", "s", spec))[0].outputs == {"address": "https://a"}
    assert [asked for asked in lab.Workflow.asked + lab.Service.asked if "outputs" in asked] == []


def test_outputs_that_no_answer_tells_are_read_once(lab: Any) -> None:
    lab.Workflow.gives = HOOK
    (outcome,) = lab.run(lab.manifest("Workflow", "w", HOOKED))
    assert outcome.outputs == HOOK
    assert lab.Workflow.asked.count("outputs Workflow-w") == 1


def test_outputs_that_cannot_be_read_fail_nothing(lab: Any) -> None:
    lab.Workflow.gives = lab.problem(500)
    (outcome,) = lab.run(lab.manifest("Workflow", "w", HOOKED))
    assert (outcome.status, outcome.outputs) == (Status.DONE, {})


def test_nothing_is_asked_where_there_are_no_outputs_or_nothing_was_changed(lab: Any) -> None:
    assert lab.run(workflow(lab))[0].outputs == {}
    lab.Workflow.put("w", HOOKED)
    assert lab.run(lab.manifest("Workflow", "w", HOOKED))[0].outputs == {}
    assert lab.apply(delete(lab, lab.Workflow.things["w"]))[0].outputs == {}
    assert not any("outputs" in asked for asked in lab.Workflow.asked)


# --- deletions -----------------------------------------------------------------------------


def delete(lab: Any, live: Live) -> Plan:
    return Plan((Action(live.key, Verb.DELETE, (Step.DELETE,), live=live),))


def test_a_deletion_is_done_when_it_is_gone(lab: Any) -> None:
    lab.Workflow.watched = True
    lab.Workflow.readings = [PENDING, Readiness(State.GONE)]
    live = lab.Workflow.put("w", {"steps": STEPS})
    assert statuses(lab.apply(delete(lab, live))) == [Status.DONE]


def test_a_deletion_that_conflicts_is_sent_once_more(lab: Any) -> None:
    fails(lab, "Workflow", Step.DELETE, 409)
    live = lab.Workflow.put("w")
    assert statuses(lab.apply(delete(lab, live))) == [Status.DONE]
    fails(lab, "Workflow", Step.DELETE, 409)
    fails(lab, "Workflow", Step.DELETE, 422, "in use")
    live = lab.Workflow.put("w")
    (outcome,) = lab.apply(delete(lab, live))
    assert (outcome.status, outcome.message) == (Status.FAILED, "in use")


def test_a_deletion_in_doubt_is_done_when_it_is_gone(lab: Any) -> None:
    fails(lab, "Workflow", Step.DELETE, None, doubtful=True, effect=True)
    live = lab.Workflow.put("w")
    assert statuses(lab.apply(delete(lab, live))) == [Status.DONE]


def test_a_deletion_in_doubt_that_goes_on_is_waited_for(lab: Any) -> None:
    fails(lab, "Workflow", Step.DELETE, None, doubtful=True)
    lab.Workflow.watched = True
    lab.Workflow.readings = [Readiness(State.GONE)]
    live = lab.Workflow.put("w", state=State.PENDING, status="deleting")
    assert statuses(lab.apply(delete(lab, live))) == [Status.DONE]


def test_a_deletion_in_doubt_of_what_stays_is_unknown(lab: Any) -> None:
    fails(lab, "Workflow", Step.DELETE, None, doubtful=True)
    live = lab.Workflow.put("w")
    assert statuses(lab.apply(delete(lab, live))) == [Status.UNKNOWN]


# --- doubt ---------------------------------------------------------------------------------


def test_a_create_in_doubt_that_took_effect_is_done(lab: Any) -> None:
    fails(lab, "Image", Step.CREATE, None, doubtful=True, effect=True)
    assert statuses(lab.run(image(lab))) == [Status.DONE]
    assert len(lab.Image.orders) == 1


def test_a_create_in_doubt_that_goes_on_is_waited_for(lab: Any) -> None:
    lab.Image.watched = True
    fails(lab, "Image", Step.CREATE, None, doubtful=True)
    planned = lab.plan(image(lab), service(lab))
    lab.Image.put("a", image(lab)["spec"], version="0.0.1", state=State.PENDING, status="building")
    assert statuses(lab.apply(planned.plan)) == [Status.DONE, Status.DONE]
    assert [order.step for order in lab.Image.orders] == [Step.CREATE, Step.WAIT]


def test_a_create_in_doubt_that_failed_has_failed(lab: Any) -> None:
    fails(lab, "Image", Step.CREATE, None, doubtful=True)
    planned = lab.plan(image(lab))
    lab.Image.put("a", image(lab)["spec"], version="0.0.1", state=State.FAILED, status="failed")
    (outcome,) = lab.apply(planned.plan)
    assert (outcome.status, outcome.message) == (Status.FAILED, "the build failed")


def test_a_create_in_doubt_that_left_nothing_is_unknown_and_not_sent_again(lab: Any) -> None:
    fails(lab, "Image", Step.CREATE, None, "cut off", doubtful=True)
    (outcome,) = lab.run(image(lab))
    assert outcome.status is Status.UNKNOWN
    assert outcome.detail[0] == "cut off"
    assert len(lab.Image.orders) == 1
    assert lab.clock.slept == [0.0, 2.0, 5.0, 10.0]


def test_a_create_in_doubt_that_left_something_else_is_a_conflict(lab: Any) -> None:
    fails(lab, "Image", Step.CREATE, None, doubtful=True)
    planned = lab.plan(image(lab))
    lab.Image.put("a", image(lab, "FROM other")["spec"], version="0.0.1")
    (outcome,) = lab.apply(planned.plan)
    assert outcome.status is Status.FAILED
    assert "someone else" in outcome.message


def test_a_create_in_doubt_does_not_ask_for_what_comes_later(lab: Any) -> None:
    fails(lab, "BlockSpec", Step.CREATE, None, doubtful=True)
    planned = lab.plan(block(lab, status="archived"))
    put_block(lab)
    assert statuses(lab.apply(planned.plan)) == [Status.DONE]
    assert [o.step for o in lab.BlockSpec.orders] == [Step.CREATE, Step.UPDATE_METADATA]


def test_a_create_whose_name_exists_with_the_same_content_is_already_right(lab: Any) -> None:
    fails(lab, "Workflow", Step.CREATE, 409, "name already exists")
    planned = lab.plan(lab.manifest("Workflow", "w", {"steps": STEPS}))
    lab.Workflow.put("w", {"steps": STEPS})
    assert statuses(lab.apply(planned.plan)) == [Status.ALREADY_RIGHT]


def test_a_create_whose_name_exists_with_other_content_fails_as_told(lab: Any) -> None:
    fails(lab, "Workflow", Step.CREATE, 400, "name already exists")
    planned = lab.plan(lab.manifest("Workflow", "w", {"steps": STEPS}))
    lab.Workflow.put("w", {"steps": {}})
    (outcome,) = lab.apply(planned.plan)
    assert (outcome.status, outcome.message) == (Status.FAILED, "name already exists")


def test_two_of_the_name_cannot_be_told_apart(lab: Any) -> None:
    fails(lab, "Workflow", Step.CREATE, 409, "name already exists")
    lab.Workflow.find = lambda _: asyncio.sleep(0, ())
    (outcome,) = lab.run(lab.manifest("Workflow", "w", {"steps": STEPS}))
    assert outcome.status is Status.FAILED


@pytest.mark.parametrize(("there", "status"), [("0.0.2", Status.DONE), ("0.0.1", Status.UNKNOWN)])
def test_a_build_in_doubt_is_found_by_its_number(lab: Any, there: str, status: Status) -> None:
    spec = image(lab)["spec"]
    lab.Image.put("a", spec, version="0.0.1", latest="0.0.1")
    fails(lab, "Image", Step.CREATE_VERSION, None, doubtful=True)
    planned = lab.plan(image(lab, "FROM b"))
    lab.Image.put("a", image(lab, "FROM b")["spec"], version=there)
    assert statuses(lab.apply(planned.plan)) == [status]


def test_a_release_in_doubt_is_told_from_the_edit_beside_it(lab: Any) -> None:
    put_block(lab)
    fails(lab, "BlockSpec", Step.CREATE_RELEASE, None, doubtful=True)
    planned = lab.plan(block(lab, "d", title="new"))
    live = put_block(lab, "1.0.1")
    live.values["spec"]["config"] = block(lab, "d")["spec"]["config"]
    assert statuses(lab.apply(planned.plan)) == [Status.DONE]
    assert [o.step for o in lab.BlockSpec.orders] == [Step.CREATE_RELEASE, Step.UPDATE_METADATA]


def test_each_call_is_given_its_own_changes(lab: Any) -> None:
    put_block(lab)
    lab.run(block(lab, "d", title="new"))
    carried = [[c.path[-1] for c in order.changes] for order in lab.BlockSpec.orders]
    assert carried == [["command"], ["title"]]


def test_a_revision_carries_the_changes_of_a_patch(lab: Any) -> None:
    put_deployment(lab, a=1)
    lab.run(deployment(lab, "1.1.0", a=2))
    (order,) = lab.Deployment.orders
    assert {c.call for c in order.changes} == {"revise", "patch"}


@pytest.mark.parametrize(
    ("number", "release", "status"),
    [(2, "1.1.0", Status.DONE), (1, "1.1.0", Status.UNKNOWN), (2, "1.0.0", Status.UNKNOWN)],
)
def test_a_revision_in_doubt_is_found_by_its_number_and_content(
    lab: Any, number: int, release: str, status: Status
) -> None:
    put_deployment(lab)
    fails(lab, "Deployment", Step.CREATE_REVISION, None, doubtful=True)
    planned = lab.plan(deployment(lab, "1.1.0"))
    live = put_deployment(lab, release)
    lab.Deployment.things["d"] = replace(live, private={"revision": number})
    assert statuses(lab.apply(planned.plan)) == [status]


@pytest.mark.parametrize(("state", "status"), [("ready", Status.DONE), ("failed", Status.UNKNOWN)])
def test_a_redeploy_in_doubt_is_told_by_the_state(lab: Any, state: str, status: Status) -> None:
    live = put_deployment(lab)
    lab.Deployment.things["d"] = replace(live, state=State.FAILED, status="failed")
    fails(lab, "Deployment", Step.REDEPLOY, None, doubtful=True)
    planned = lab.plan(deployment(lab))
    lab.Deployment.things["d"] = replace(live, state=State(state))
    assert statuses(lab.apply(planned.plan)) == [status]


def test_a_failed_build_that_is_updated_gets_the_changes_of_a_build(lab: Any) -> None:
    spec = image(lab)["spec"]
    lab.Image.put("a", spec, version="1.0.0", state=State.FAILED, status="failed")
    lab.run(image(lab, "FROM b"))
    (order,) = lab.Image.orders
    assert (order.step, [c.path[-1] for c in order.changes]) == (
        Step.UPDATE_VERSION,
        ["dockerfile"],
    )


def test_an_edit_in_doubt_is_sent_again_unless_its_content_is_there(lab: Any) -> None:
    for effect, sent in ((True, 1), (False, 2)):
        put_block(lab, title="old")
        lab.BlockSpec.orders.clear()
        fails(lab, "BlockSpec", Step.UPDATE_METADATA, None, doubtful=True, effect=effect)
        assert statuses(lab.run(block(lab, title="new"))) == [Status.DONE]
        assert len(lab.BlockSpec.orders) == sent


def test_an_edit_in_doubt_of_what_is_gone_fails(lab: Any) -> None:
    put_block(lab, title="old")
    fails(lab, "BlockSpec", Step.UPDATE_METADATA, None, "cut off", doubtful=True)
    planned = lab.plan(block(lab, title="new"))
    lab.BlockSpec.things.clear()
    (outcome,) = lab.apply(planned.plan)
    assert (outcome.status, outcome.message) == (Status.FAILED, "cut off")


def test_an_edit_that_is_refused_is_not_sent_again(lab: Any) -> None:
    put_block(lab, title="old")
    fails(lab, "BlockSpec", Step.UPDATE_METADATA, 422, "the tag does not exist")
    assert statuses(lab.run(block(lab, title="new"))) == [Status.FAILED]
    assert len(lab.BlockSpec.orders) == 1


def test_a_renamed_resource_is_looked_up_by_its_id(lab: Any) -> None:
    put_block(lab)
    lab.BlockSpec.things["old"] = lab.BlockSpec.things.pop("b")
    lab.BlockSpec.things["old"].values["metadata"]["name"] = "old"
    fails(lab, "BlockSpec", Step.UPDATE_METADATA, None, doubtful=True)
    outcomes = lab.run(block(lab, previousNames=["old"]))
    assert statuses(outcomes) == [Status.DONE]
    assert "look up BlockSpec-b" in lab.BlockSpec.asked


# --- parameters and removals ---------------------------------------------------------------


def test_a_patch_that_the_platform_does_not_have_becomes_a_revision(lab: Any) -> None:
    put_deployment(lab, a=1)
    fails(lab, "Deployment", Step.PATCH_PARAMETERS, 404)
    assert statuses(lab.run(deployment(lab, a=2))) == [Status.DONE]
    assert [o.step for o in lab.Deployment.orders] == [Step.PATCH_PARAMETERS, Step.CREATE_REVISION]


def test_other_refusals_of_a_patch_are_failures(lab: Any) -> None:
    put_deployment(lab, a=1)
    fails(lab, "Deployment", Step.PATCH_PARAMETERS, 422)
    assert statuses(lab.run(deployment(lab, a=2))) == [Status.FAILED]


def put_service(lab: Any, **env: str) -> Any:
    spec = {"serviceType": "api", "imageDetails": {"imageId": 1}, "parameters": {"env": env}}
    lab.Service.put("s", spec)
    return lab.manifest("Service", "s", {**spec, "parameters": {"env": {"A": "1"}}})


def test_a_removal_is_read_again(lab: Any) -> None:
    assert statuses(lab.run(put_service(lab, A="1", B="2"))) == [Status.DONE]
    assert len(lab.Service.orders) == 1
    assert "look up Service-s" in lab.Service.asked


def test_a_removal_without_effect_is_sent_as_null(lab: Any) -> None:
    manifest = put_service(lab, A="1", B="2")
    lab.Service.keeps = True
    assert statuses(lab.run(manifest)) == [Status.DONE]
    assert [o.clear for o in lab.Service.orders] == [
        (),
        (("spec", "parameters", "env", "B"),),
    ]


def test_what_stays_after_a_null_is_told(lab: Any) -> None:
    manifest = put_service(lab, A="1", B="2")
    stubborn = lab.Service.things["s"]
    planned = lab.plan(manifest)
    lab.Service.call = lambda order: asyncio.sleep(0, CallResult(order.key, "s"))
    (outcome,) = lab.apply(planned.plan)
    assert lab.Service.things["s"] == stubborn
    assert outcome.status is Status.FAILED
    assert outcome.message == "the platform keeps what was to be removed: B"


def test_what_is_gone_has_nothing_left_to_remove(lab: Any) -> None:
    planned = lab.plan(put_service(lab, A="1", B="2"))

    def call(order: CallRequest) -> Any:
        lab.Service.things.clear()
        return asyncio.sleep(0, CallResult(order.key, "s"))

    lab.Service.call = call
    assert statuses(lab.apply(planned.plan)) == [Status.DONE]


def test_a_whole_update_leaves_nothing_to_check(lab: Any) -> None:
    lab.kinds["Workflow"] = replace(lab.kinds["Workflow"], whole_update=True)
    lab.Workflow.put("w", {"steps": {"train": {**STEPS["train"], "stepTimeout": 5}}})
    lab.run(lab.manifest("Workflow", "w", {"steps": STEPS}))
    assert lab.Workflow.asked == ["index", "read w"]


# --- deletes -------------------------------------------------------------------------------


def pruned(lab: Any, name: str, **more: Any) -> Action:
    live = lab.Workflow.put(name, {"steps": STEPS})
    return Action(Key("Workflow", name), Verb.DELETE, (Step.DELETE,), live=live, **more)


def test_nothing_is_deleted_after_a_failure(lab: Any) -> None:
    fails(lab, "Image", Step.CREATE, 422)
    first = lab.plan(image(lab), service(lab)).plan.actions
    other = lab.plan(lab.manifest("Image", "b", {"type": "api", "buildDetails": BUILD})).plan
    apart = pruned(lab, "v", after=frozenset({Key("Image", "b")}))
    later = pruned(lab, "w", after=frozenset({apart.key}))
    plan = Plan((*first, *other.actions, apart, later))
    outcomes = {str(o.key): o for o in lab.apply(plan)}
    assert outcomes["Image/b"].status is Status.DONE
    for name in ("Workflow/v", "Workflow/w"):
        assert (outcomes[name].status, outcomes[name].cause) == (Status.BLOCKED, Key("Image", "a"))
    assert lab.Workflow.orders == []


def test_deletes_in_flight_finish_and_no_others_start(lab: Any) -> None:
    effect, actions = lab.Workflow.call, [pruned(lab, name) for name in "abc"]
    actions[2] = replace(actions[2], after=frozenset({actions[1].key}))

    async def call(order: CallRequest) -> Any:
        await lab.clock.sleep(1)
        if order.key.name == "a":
            raise lab.problem(403, "no")
        return await effect(order)

    lab.Workflow.call = call
    outcomes = lab.apply(Plan(tuple(actions)))
    assert statuses(outcomes) == [Status.FAILED, Status.DONE, Status.BLOCKED]
    assert outcomes[2].cause == actions[0].key


def test_an_interrupt_cancels_deletes(lab: Any) -> None:
    lab.stop.request()
    first, second = pruned(lab, "a"), pruned(lab, "b", after=frozenset({Key("Workflow", "a")}))
    assert statuses(lab.apply(Plan((first, second)))) == [Status.CANCELLED, Status.CANCELLED]


def test_two_creates_that_end_as_one_resource_are_not_both_done(lab: Any) -> None:
    plan = lab.plan(*(lab.manifest("Workflow", n, {"steps": STEPS}) for n in ("w", "W"))).plan
    call = lab.Workflow.call

    async def folded(order: Any) -> Any:
        return replace(await call(order), id=7)

    lab.Workflow.call = folded
    first, second = sorted(lab.apply(plan), key=lambda o: o.status is Status.FAILED)
    assert (first.status, first.id) == (Status.DONE, 7)
    assert (second.status, second.id) == (Status.FAILED, None)
    assert second.message == f"it ended as the same resource as {first.key}: id 7"


def test_a_create_that_ends_as_what_was_there_is_not_done(lab: Any) -> None:
    lab.Workflow.put("w", {"steps": STEPS}, id=7)
    plan = lab.plan(*(lab.manifest("Workflow", n, {"steps": STEPS}) for n in ("w", "W"))).plan
    call = lab.Workflow.call

    async def folded(order: Any) -> Any:
        return replace(await call(order), id=7)

    lab.Workflow.call = folded
    assert {str(o.key): o.status for o in lab.apply(plan)} == {
        "Workflow/w": Status.ALREADY_RIGHT,
        "Workflow/W": Status.FAILED,
    }
