"""What failed to be created is replaced where the ledger records its create, and told elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peakctl.engine.pending import intents_of
from peakctl.engine.plan.approval import approve, objections
from peakctl.engine.plan.planner import Planned, make_plan
from peakctl.errors import ApiError, Diagnostic, Severity
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.ownership import find_owners
from peakctl.model import (
    Action,
    Intent,
    Key,
    Ledger,
    Owned,
    Owner,
    Plan,
    Readiness,
    State,
    Status,
    Step,
    Unknown,
    Verb,
)

KINDS = load_kinds()
US = Owner("shop", "dev")
API = Key("Service", "s")
SPEC = {"serviceType": "api", "imageDetails": {"imageId": 1, "versionId": 2}}
MADE = Owned(API, "old", created=True)


def planned(
    lab: Any, owned: Owned | None = MADE, *, intents: Any = (), live: Any = None, **manifest: Any
) -> Planned:
    """A plan over one service whose creation failed."""
    live = {"state": State.FAILED, "status": "CREATE_FAILED", "id": "old", **(live or {})}
    lab.Service.put("s", SPEC, **live)
    resources = lab.resources(lab.manifest("Service", "s", SPEC, **manifest))
    kept = {owned.key: owned} if owned else {}
    ledger = Ledger(US, "salt", owned=kept, intents=intents)
    world = replace(lab.observe(resources), ledger=ledger, owners=find_owners(US, ledger, ()))
    return make_plan(resources, world, lab.kinds)


def only(found: Planned) -> Action:
    (action,) = found.plan.actions
    return action


def test_what_this_project_created_and_never_ran_is_deleted_and_created_again(lab: Any) -> None:
    found = planned(lab)
    assert found.diagnostics == ()
    action = only(found)
    assert (action.verb, action.steps) == (Verb.REPLACE, (Step.DELETE, Step.CREATE))
    assert action.deletes
    assert "id old never ran" in action.notes[0]


@pytest.mark.parametrize(
    ("owned", "more", "why"),
    [
        (MADE, {"lifecycle": {"protect": True}}, "it is protected"),
        (replace(MADE, protect=True), {}, "it is protected"),
        (replace(MADE, created=False), {}, "does not record"),
        (replace(MADE, id="other"), {}, "not this project's"),
        (replace(MADE, claimed=True), {}, "not this project's"),
        (None, {}, "not this project's"),
        (replace(MADE, secret=()), {}, "it may have run before"),
        (MADE, {"intents": (Intent(API, "edit", None, "old", "r"),)}, "it may have run before"),
    ],
)
def test_what_may_not_be_replaced_is_told_and_stays(
    lab: Any, owned: Owned | None, more: Any, why: str
) -> None:
    found = planned(lab, owned, **more)
    (told,) = found.diagnostics
    assert (told.code, told.severity, told.key) == ("live/failed", Severity.WARNING, API)
    assert why in told.summary
    assert told.fix
    assert told.locations
    action = only(found)
    assert (action.verb, action.steps) == (Verb.KEEP, (Step.WAIT,))


def test_a_kind_that_is_never_replaced_has_its_own_advice(lab: Any) -> None:
    kind = lab.kinds["Service"]
    lifecycle = replace(kind.lifecycle, on_failed="", advice="ask somebody")
    lab.kinds = {**lab.kinds, "Service": replace(kind, lifecycle=lifecycle)}
    (told,) = planned(lab).diagnostics
    assert told.fix == "ask somebody"


def test_what_is_not_ours_to_change_is_an_error_as_ever(lab: Any) -> None:
    (told,) = planned(lab, live={"foreign": "part of an app"}).diagnostics
    assert (told.code, told.severity) == ("live/not-ours", Severity.ERROR)


def test_one_that_is_not_replaced_fails_alone(lab: Any) -> None:
    found = planned(lab, replace(MADE, created=False))
    lab.Service.watched, lab.Service.readings = True, [Readiness(State.FAILED, "CREATE_FAILED")]
    flow = lab.plan(lab.manifest("Workflow", "w", {"steps": {"s": {"command": "c", "imageId": 1}}}))
    failed, made = lab.apply(Plan((only(found), *flow.plan.actions)))
    assert (failed.status, made.status) == (Status.FAILED, Status.DONE)


def test_the_old_one_is_gone_before_the_new_one_is_made(lab: Any) -> None:
    lab.Service.watched = True
    lab.Service.readings = [
        Readiness(State.PENDING, "DELETING"),
        Readiness(State.GONE),
        Readiness(State.READY, "AVAILABLE"),
    ]
    (outcome,) = lab.apply(planned(lab).plan)
    assert [(o.step, o.live.id if o.live else None) for o in lab.Service.orders] == [
        (Step.DELETE, "old"),
        (Step.CREATE, None),
    ]
    assert (outcome.status, outcome.verb, outcome.id) == (Status.DONE, Verb.REPLACE, "Service-s")


def test_one_that_does_not_go_is_not_made_again(lab: Any) -> None:
    lab.Service.watched, lab.Service.readings = True, [Readiness(State.FAILED, "DELETE_FAILED")]
    (outcome,) = lab.apply(planned(lab).plan)
    assert (outcome.status, outcome.id) == (Status.FAILED, None)
    assert [order.step for order in lab.Service.orders] == [Step.DELETE]


@pytest.mark.parametrize(("doubtful", "status"), [(False, Status.FAILED), (True, Status.UNKNOWN)])
def test_a_create_that_fails_leaves_no_id_of_what_is_gone(
    lab: Any, doubtful: bool, status: Status
) -> None:
    told = Diagnostic("api/test", "no")
    error = ApiError(told, status=None if doubtful else 400, doubtful=doubtful)
    call = lab.Service.call

    async def refuse(order: Any) -> Any:
        if order.step is Step.CREATE:
            raise error
        return await call(order)

    lab.Service.call = refuse
    (outcome,) = lab.apply(planned(lab).plan)
    assert (outcome.status, outcome.id) == (status, None)


def test_what_is_going_already_is_waited_for_and_created(lab: Any) -> None:
    action = only(planned(lab, live={"state": State.PENDING, "status": "DELETING"}))
    assert (action.verb, action.steps) == (Verb.CREATE, (Step.WAIT, Step.CREATE))
    assert not action.deletes
    lab.Service.watched = True
    lab.Service.readings = [Readiness(State.GONE), Readiness(State.READY, "AVAILABLE")]
    (outcome,) = lab.apply(Plan((action,)))
    assert (outcome.status, outcome.id) == (Status.DONE, "Service-s")


def test_references_to_what_is_replaced_wait_for_its_new_id(lab: Any) -> None:
    from peakctl.engine.plan.references import Pins

    found = planned(lab)
    resources = lab.resources(lab.manifest("Service", "s", SPEC))
    pins = Pins(resources, lab.kinds, lab.observe(resources))
    pins.remember(only(found))
    assert pins._planned[API]["id"] == Unknown(API, "id")


def test_a_run_that_dies_between_the_two_has_said_that_it_makes_it(lab: Any) -> None:
    found = planned(lab)
    ledger = Ledger(US, "salt", owned={API: MADE})
    assert intents_of(found.plan, find_owners(US, ledger, ()), "r") == (
        Intent(API, "create", None, None, "r"),
    )


def test_a_plan_file_for_a_replacement_holds_for_what_is_left_of_it(lab: Any) -> None:
    whole, going = planned(lab), planned(lab, live={"state": State.PENDING, "status": "DELETING"})
    approval = approve(whole.plan, KINDS, project="p", environment="e", salt="ab12")
    lab.Service.things.clear()
    rest = lab.plan(lab.manifest("Service", "s", SPEC))
    assert [a.steps for a in rest.plan.actions] == [(Step.CREATE,)]
    for now in (whole, going, rest):
        assert objections(approval, now.plan, KINDS, "again") == ()


def test_a_plan_file_for_a_create_does_not_delete(lab: Any) -> None:
    going = planned(lab, live={"state": State.PENDING, "status": "DELETING"})
    approval = approve(going.plan, KINDS, project="p", environment="e", salt="ab12")
    assert objections(approval, planned(lab).plan, KINDS, "again")
