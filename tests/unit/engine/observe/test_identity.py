"""Names that several live things bear, that another kind has, or that something of ours lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledgers import ledger_of

from peakctl.engine.plan.planner import make_plan
from peakctl.errors import Severity
from peakctl.ledger.ownership import Owners
from peakctl.model import Key, Ledger, Listed, Owned, Owner, Verb

IMAGE = {"type": "api"}
A, B = Key("Image", "a"), Key("Image", "b")
TWINS = (Listed(1, "a"), Listed(2, "a"))


def plan(lab: Any, ledger: Ledger | None, *documents: Any) -> Any:
    resources = lab.resources(*(documents or [lab.manifest("Image", "a", IMAGE)]))
    world = lab.observe(resources)
    listed = {"Webapp": lab.Webapp.listed or (), **world.listed}
    return make_plan(resources, replace(world, ledger=ledger, listed=listed), lab.kinds)


def test_what_is_ambiguous_is_told_with_what_the_ledger_owns_of_it(lab: Any) -> None:
    lab.Image.listed = TWINS
    (told,) = plan(lab, ledger_of(Owned(B, 1), Owned(Key("Image", "c"), 2))).diagnostics
    assert told.code == "live/ambiguous"
    assert told.detail == "their ids: 1, 2; the ledger owns 1, 2"
    (told,) = plan(lab, ledger_of(Owned(Key("Service", "a"), 1))).diagnostics
    assert told.detail == "their ids: 1, 2; the ledger owns none of them"
    (told,) = plan(lab, None).diagnostics
    assert told.detail == "their ids: 1, 2"


def test_what_the_ledger_decides_is_not_ambiguous_when_it_goes_before_it_is_read(lab: Any) -> None:
    lab.Image.listed = TWINS
    planned = plan(lab, ledger_of(Owned(A, 2)))
    assert [a.verb for a in planned.plan.actions] == [Verb.CREATE]


def test_a_name_that_another_kind_has_on_the_platform_is_an_error(lab: Any) -> None:
    service = lab.manifest("Service", "s", {"imageDetails": {"imageId": 1}})
    lab.Webapp.listed = (Listed("w-1", "s"), Listed("w-2", "other"))
    for ledger in (None, ledger_of(Owned(Key("Webapp", "s"), "w-1"))):
        (told,) = plan(lab, ledger, service).diagnostics
        assert (told.code, told.severity, told.key) == (
            "live/name-taken",
            Severity.ERROR,
            Key("Service", "s"),
        )
        assert told.summary == "Webapp/s has its name on the platform: id w-1"
        assert "peakctl destroy --select Webapp/s" in told.fix


def test_a_name_that_another_kind_of_somebody_else_has_is_theirs(lab: Any) -> None:
    service = lab.manifest("Service", "s", {"imageDetails": {"imageId": 1}})
    lab.Webapp.listed = (Listed("w-1", "s"),)
    (told,) = plan(lab, ledger_of(), service).diagnostics
    assert told.fix == "choose another name, or delete that one in the platform"


def test_what_is_live_already_has_its_name_itself(lab: Any) -> None:
    service = lab.manifest("Service", "s", {"imageDetails": {"imageId": 1}})
    lab.Service.put("s", {"imageDetails": {"imageId": 1}})
    lab.Webapp.listed = (Listed("w-1", "s"),)
    webapp = lab.manifest("Webapp", "w", {"imageDetails": {"imageId": 1}})
    codes = [d.code for d in plan(lab, None, service, webapp).diagnostics]
    assert "live/name-taken" not in codes


def test_that_something_of_ours_has_another_name_now_is_reported(lab: Any) -> None:
    lab.Image.listed = (Listed(1, "a"), Listed(9, "z"))
    planned = plan(lab, ledger_of(Owned(A, "9")))
    (told,) = planned.diagnostics
    assert (told.code, told.severity) == ("ledger/renamed", Severity.WARNING)
    assert told.summary == 'id 9 was ours under this name, and is called "z" now'
    assert planned.ok


def test_what_has_been_renamed_in_the_manifests_is_not_lost(lab: Any) -> None:
    flow = {"steps": {"s": {"imageId": 1, "command": "run"}}}
    lab.Workflow.put("z", flow, id=9)
    now = lab.manifest("Workflow", "b", flow, {"previousNames": ["z"]})
    before = ledger_of(Owned(Key("Workflow", "a"), 9))
    planned = plan(lab, before, now, lab.manifest("Workflow", "a", flow))
    assert planned.diagnostics == ()


def test_what_is_gone_is_not_called_anything_now(lab: Any) -> None:
    lab.Image.listed = (Listed(1, "z"),)
    assert plan(lab, ledger_of(Owned(A, 9))).diagnostics == ()


# --- one live resource, several names ------------------------------------------------------------


def test_two_manifests_of_one_live_resource_are_an_error(lab: Any) -> None:
    lab.Image.put("a", IMAGE, id=1)
    lab.Image.put("A", IMAGE, id=1)
    documents = [lab.manifest("Image", name, IMAGE) for name in ("a", "A")]
    found = plan(lab, ledger_of(), *documents).diagnostics
    errors = {d.key: d.summary for d in found if d.code == "live/same-resource"}
    assert errors == {
        A: "it is the same live resource as Image/A: id 1",
        Key("Image", "A"): "it is the same live resource as Image/a: id 1",
    }


def test_another_of_the_name_is_told_with_whose_it_is(lab: Any) -> None:
    lab.Image.put("a", IMAGE, id=2)
    lab.Image.listed = (*TWINS, Listed(3, "a"), Listed(4, "a"))
    resources = lab.resources(lab.manifest("Image", "a", IMAGE))
    ledger = ledger_of(Owned(A, 2), Owned(Key("Image", "A"), 3))
    world = replace(lab.observe(resources), ledger=ledger)
    live = lab.Image.things["a"]
    theirs = Owners(ids={("Image", "4"): Owner("ads", "prod")})
    world = replace(world, live={A: live}, owners=theirs)
    told = [d for d in make_plan(resources, world, lab.kinds).diagnostics if "dupl" in d.code]
    assert [d.detail for d in told] == [
        "this project owns id 2; id 1 is another; id 3 is Image/A of this project; "
        "id 4 belongs to ads/prod"
    ]


def test_a_live_name_in_another_unicode_form_is_told_before_a_second_one_is_made(lab: Any) -> None:
    lab.Image.listed = (Listed(7, "cafe\u0301"), Listed(8, "other"))
    planned = plan(lab, None, lab.manifest("Image", "caf\u00e9", IMAGE))
    (told,) = planned.diagnostics
    assert (told.code, told.severity) == ("live/name-form", Severity.WARNING)
    assert "id 7" in told.summary
    assert [a.verb for a in planned.plan.actions] == [Verb.CREATE]
