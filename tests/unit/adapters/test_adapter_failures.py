"""What adapters find out about a failure: reasons, states of parts, ends of logs."""

from __future__ import annotations

from typing import Any

import pytest
from unit.adapters.test_adapter_answers import (
    APPS,
    BLOCKS,
    IMAGES,
    WEBAPPS,
    WORKFLOWS,
    adapter,
    refusal,
    run,
)

from peakctl.adapters.answers import is_failure, reason_in
from peakctl.errors import NotAuthenticated
from peakctl.model import (
    BuildLog,
    CallRequest,
    CallResult,
    Failure,
    Key,
    Listed,
    PartState,
    State,
    Step,
)

SERVICE = Key("Service", "svc")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, ""),
        ({"message": " "}, ""),
        ({"message": 7, "reason": "no room"}, "no room"),
        ({"latestRevision": {"statusMessage": "no\nroom"}}, "no room"),
        ({"metadata": {"error": "\x1b[31mno\x1b[0m room"}}, "no room"),
        ({"latestRevision": None, "metadata": "x"}, ""),
    ],
)
def test_a_reason_is_taken_where_an_answer_has_one(answer: Any, reason: str) -> None:
    assert reason_in(answer) == reason


@pytest.mark.parametrize("word", ["failed", "CREATE_FAILED", "Failed", "rollback_complete"])
def test_words_of_failures(word: str) -> None:
    assert is_failure(word)
    assert not is_failure("AVAILABLE")


def test_a_failed_poll_brings_the_reason_along() -> None:
    answer = {"status": "CREATE_FAILED", "statusMessage": "no such port"}
    svc, _ = adapter("Service", "service", {WEBAPPS + "s": answer})
    reading = run(svc.poll(CallResult(SERVICE, "s", watch={"path": WEBAPPS + "s"})))
    assert (reading.state, reading.message) == (State.FAILED, "no such port")


def service_failure(**answers: Any) -> Failure:
    found = {WEBAPPS + "s": {"imageDetails": {"imageId": 1, "versionId": 2}}, **answers}
    svc, _ = adapter("Service", "service", found)
    return run(svc.explain(CallResult(SERVICE, "s", watch={"path": WEBAPPS + "s"})))


@pytest.mark.parametrize(
    ("version", "part"),
    [
        ({"status": "in-use", "lastBuildStatus": "success"}, ("in-use", False)),
        ({"status": "not-ready", "lastBuildStatus": "failed"}, ("its build: failed", True)),
        ({"status": "deleting"}, ("deleting", True)),
    ],
)
def test_a_failed_service_shows_the_state_of_its_image(version: Any, part: Any) -> None:
    answer = {"imageName": "serve", "version": "0.0.2", **version}
    found = service_failure(**{IMAGES + "1/versions/2": answer})
    assert found == Failure(parts=(PartState("image serve 0.0.2", *part),))


def test_a_failed_service_whose_image_cannot_be_read() -> None:
    broken = PartState("image 1", "its version cannot be read", failed=True)
    assert service_failure().parts == (broken,)
    assert service_failure(**{WEBAPPS + "s": {}}) == Failure()
    svc, api = adapter("Service", "service", {})
    assert run(svc.explain(CallResult(SERVICE, "s", watch={"gone": True}))) == Failure()
    assert api.asked == []


# --- deployments -----


def deployed(answers: Any, family: str = "blocks", **watch: Any) -> Failure:
    path = f"press/v1/{family}/deployments/d"
    dep, _ = adapter("Deployment", "deployment", answers)
    watch = {"path": path, "revision": 3, **watch}
    return run(dep.explain(CallResult(Key("Deployment", "dep"), "d", watch=watch)))


def made(*resources: Any) -> Any:
    return {BLOCKS + "d": {"latestRevision": {"revision": 3, "resources": list(resources)}}}


def test_a_failed_block_shows_the_states_of_what_it_made() -> None:
    listed = [{"name": "other", "status": "AVAILABLE"}, {"name": "s", "status": "CREATE_FAILED"}]
    found = deployed(
        {
            **made({"kind": "service", "name": "s"}, {"kind": "webapp", "name": "gone"}),
            WEBAPPS: listed,
        }
    )
    assert found == Failure(
        "revision 3",
        parts=(PartState("service s", "CREATE_FAILED", failed=True), PartState("webapp gone", "")),
    )


def test_a_failed_run_of_a_workflow_comes_with_the_log_of_its_step() -> None:
    last = {"executionId": "e", "status": "Failed", "executedAt": "2026-01-02T00:00:00.000Z"}
    answers = {
        **made({"kind": "workflow", "name": "w"}, "odd"),
        WORKFLOWS: [{"id": 7, "name": "w", "status": "Available", "lastExecution": last}],
        f"{WORKFLOWS}7/executions/e": {
            "steps": [{"name": "a", "status": "Success"}, {"name": "train", "status": "Failed"}]
        },
        f"{WORKFLOWS}7/executions/e/logs": {"logs": [{"message": "Traceback"}]},
    }
    assert deployed(answers) == Failure(
        "revision 3",
        parts=(PartState("workflow w", "its run failed in step train", failed=True),),
        log=("Traceback",),
        log_of="step train of workflow w",
    )
    del answers[f"{WORKFLOWS}7/executions/e/logs"]
    answers[f"{WORKFLOWS}7/executions/e/logs"] = refusal(500)
    assert deployed(answers).log == ()
    del answers[f"{WORKFLOWS}7/executions/e"]
    assert deployed(answers).parts == (PartState("workflow w", "its run failed", failed=True),)


def test_a_run_before_the_revision_is_not_told() -> None:
    last = {"executionId": "e", "status": "Failed", "executedAt": "2026-01-01T00:00:00.000Z"}
    answers = made({"kind": "workflow", "name": "w"})
    answers[BLOCKS + "d"]["latestRevision"]["createdAt"] = "2026-01-02T00:00:00.000Z"
    answers[WORKFLOWS] = [{"id": 7, "name": "w", "status": "Available", "lastExecution": last}]
    assert deployed(answers).parts == (PartState("workflow w", "Available"),)


def test_a_failed_app_shows_its_blocks() -> None:
    blocks = [
        {"deploymentId": "b1", "kind": "workflow", "name": "one", "status": "deployed"},
        {"deploymentId": "b2", "kind": "workflow", "name": "two", "status": "failed"},
        {"kind": "workflow", "name": "three", "status": "failed"},
        {"deploymentId": "b4", "kind": "workflow", "name": "four", "status": "failed"},
    ]
    answers = {
        APPS + "d": {"latestRevision": {"revision": 3, "blocks": blocks}},
        BLOCKS + "b2": {"latestRevision": {"reason": "no such image"}},
    }
    assert deployed(answers, "apps").parts == (
        PartState("block one", "deployed"),
        PartState("block two", "failed: no such image", failed=True),
        PartState("block three", "failed", failed=True),
        PartState("block four", "failed", failed=True),
    )


def test_reads_that_fail_leave_out_what_they_would_tell() -> None:
    answers = made({"kind": "workflow", "name": "w"}, {"kind": "image", "name": "i"})
    answers |= {WORKFLOWS: refusal(500)}
    assert deployed(answers).parts == (PartState("workflow w", ""), PartState("image i", ""))


def test_only_the_first_parts_are_looked_up() -> None:
    answers = made(*({"kind": "workflow", "name": f"w{n}"} for n in range(12)))
    found = deployed({**answers, WORKFLOWS: [{"name": f"w{n}", "status": "x"} for n in range(12)]})
    assert [part.status for part in found.parts] == ["x"] * 10 + [""] * 2


def test_a_deployment_that_is_gone_or_going_has_nothing_to_tell() -> None:
    assert deployed({}) == Failure()
    assert deployed(made(), gone=True) == Failure()
    assert deployed(made(), revision=None).what == "revision 3"
    assert deployed({BLOCKS + "d": {"id": "d"}}, revision=None) == Failure()


# --- logs of builds -----

BUILDS = [
    {"buildId": 9, "version": "0.0.1", "status": "failed", "startedAt": "2026-01-02"},
    {"buildId": 10, "version": "0.0.1", "status": "success", "startedAt": "2026-01-02"},
    {"buildId": 3, "version": "0.0.2", "status": "failed", "startedAt": "2026-01-01"},
]


@pytest.mark.parametrize(
    ("version", "failed", "build"),
    [(None, False, "10"), (None, True, "9"), ("0.0.2", False, "3"), ("0.0.3", False, None)],
)
def test_the_log_of_the_newest_build_that_was_asked_for(
    version: str | None, failed: bool, build: str | None
) -> None:
    answers = {IMAGES + "1/builds": BUILDS}
    answers |= {
        f"{IMAGES}1/builds/{n}/logs": {"logs": [{"message": f"of {n}"}]} for n in (9, 10, 3)
    }
    img, _ = adapter("Image", "image", answers)
    found = run(img.build_log(Listed(1, "img"), version, failed=failed))
    if build is None:
        assert found is None
    else:
        assert (found.build, found.lines) == (build, (f"of {build}",))
        assert isinstance(found, BuildLog)


def test_kinds_that_are_not_built_have_no_log() -> None:
    svc, _ = adapter("Service", "service", {})
    assert run(svc.build_log(Listed("s", "svc"), None, failed=False)) is None
    wf, _ = adapter("Workflow", "workflow", {})
    assert run(wf.explain(CallResult(Key("Workflow", "w"), 1))) == Failure()


# --- outputs -----


def test_a_poll_and_a_read_tell_the_address_of_a_service() -> None:
    answer = {"status": "AVAILABLE", "applicationUrl": "https://svc.example.com"}
    svc, api = adapter("Service", "service", {WEBAPPS + "s": answer})
    result = CallResult(SERVICE, "s", watch={"path": WEBAPPS + "s"})
    assert run(svc.poll(result)).outputs == {"address": "https://svc.example.com"}
    assert run(svc.outputs(result)) == {"address": "https://svc.example.com"}
    assert len(api.asked) == 2
    gone, _ = adapter("Service", "service", {})
    assert run(gone.outputs(result)) == {}


@pytest.mark.parametrize(
    ("answer", "outputs"),
    [
        ({"id": 7, "triggers": [{"webhook": "id-1"}]}, {"webhooks": ["id-1"]}),
        ({"id": 7, "triggers": []}, {}),
        ({"id": 7}, None),
    ],
)
def test_the_answer_of_a_workflow_s_create_tells_its_webhooks(answer: Any, outputs: Any) -> None:
    wf, _ = adapter("Workflow", "workflow", {WORKFLOWS: answer})
    desired = {"metadata": {"name": "w"}, "spec": {"steps": {}}}
    made = run(wf.call(CallRequest(Step.CREATE, Key("Workflow", "w"), desired)))
    assert made.outputs == outputs


def deployment_outputs(answers: Any) -> Any:
    answers[BLOCKS + "d"]["metadata"] = {"status": "deployed"}
    dep, api = adapter("Deployment", "deployment", answers)
    watch = {"path": BLOCKS + "d", "revision": 3}
    return run(dep.poll(CallResult(Key("Deployment", "dep"), "d", watch=watch))), api


def test_a_deployment_tells_the_outputs_of_what_it_has_made() -> None:
    answers = made({"kind": "service", "name": "s"}, {"kind": "workflow", "name": "w"})
    answers |= {
        WEBAPPS: [{"id": "s1", "name": "s"}],
        WEBAPPS + "s1": {"applicationUrl": "https://s.example.com"},
        WORKFLOWS: [{"id": 7, "name": "w", "triggers": [{"webhook": "id-1"}]}],
    }
    reading, api = deployment_outputs(answers)
    assert reading.state is State.READY
    assert reading.outputs == {"addresses": ["https://s.example.com"], "webhooks": ["id-1"]}
    assert len(api.asked) == 4


@pytest.mark.parametrize(
    "listed", [refusal(403), NotAuthenticated(), [{"name": "other"}], ["odd"], [{"name": "s"}]]
)
def test_outputs_of_parts_that_cannot_be_read_fail_nothing(listed: Any) -> None:
    answers = made({"kind": "service", "name": "s"}, {"kind": "image", "name": "i"})
    reading, _ = deployment_outputs({**answers, WEBAPPS: listed})
    assert (reading.state, reading.outputs) == (State.READY, {})
