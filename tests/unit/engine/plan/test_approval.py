"""A saved plan is a consent: exact, without secrets, and useless once anything moved."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from plans import as_shown

from peakctl.engine.plan.approval import (
    Tenant,
    approve,
    edited_actions,
    left_deletes,
    objections,
    objections_to_all,
    other_format,
    read_approval,
    write_approval,
)
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.digests import Digests
from peakctl.model import (
    MISSING,
    Action,
    Cause,
    Change,
    Consequence,
    Document,
    Effect,
    Key,
    Live,
    Location,
    Plan,
    Reason,
    Reference,
    Resource,
    Secret,
    Step,
    Unknown,
    Verb,
)

if TYPE_CHECKING:
    from peakctl.engine.plan.approval import Approval

IMAGE, SERVICE = Key("Image", "img"), Key("Service", "svc")
KINDS = load_kinds()
CANARY = "hunter2-canary"


def document() -> Document:
    return Document({}, "a.yaml", "/", lambda _: Location("a.yaml", 1, 1))


def image(*, verb: Verb = Verb.BUILD, version: str = "0.0.2") -> Action:
    arguments = [{"name": "T", "value": Secret(CANARY)}]
    desired = {"metadata": {"name": "img"}, "spec": {"buildDetails": {"buildArguments": arguments}}}
    steps = (Step.CREATE_VERSION,) if verb is Verb.BUILD else ()
    return Action(IMAGE, verb, steps, version=version, desired=desired)


def service(version_id: Any, *, live: str = "old", after: Any = "new") -> Action:
    at = ("spec", "imageDetails")
    reference = Reference(at, ("Image",), "img", None, (*at, "imageId"), (*at, "versionId"))
    values = {"metadata": {"name": "svc"}, "spec": {"imageDetails": {"name": "img"}}}
    details = {"imageId": 1, "versionId": version_id}
    return Action(
        SERVICE,
        Verb.EDIT,
        (Step.UPDATE,),
        changes=(Change(("metadata", "title"), MISSING, after, "update"),),
        desired={"metadata": {"name": "svc", "title": after}, "spec": {"imageDetails": details}},
        live=Live(SERVICE, "s-1", {"metadata": {"name": "svc", "title": live}, "spec": {}}),
        resource=Resource(SERVICE, values, document(), references=(reference,)),
    )


def approved(*actions: Action) -> Approval:
    return approve(Plan(actions), KINDS, project="p", environment="e", salt="ab12")


def codes(approval: Approval, *actions: Action) -> list[str]:
    return [d.summary for d in objections(approval, Plan(actions), KINDS, "plan again")]


def test_the_same_plan_and_a_smaller_one_are_allowed() -> None:
    unknown = Unknown(IMAGE, "version")
    approval = approved(image(), service(unknown))
    assert codes(approval, image(), service(unknown)) == []
    assert codes(approval, image()) == []
    assert codes(approval) == []


def test_what_half_an_apply_made_known_is_still_what_was_approved() -> None:
    approval = approved(image(), service(Unknown(IMAGE, "version")))
    assert codes(approval, image(verb=Verb.KEEP), service(7)) == []


def test_what_no_action_makes_keeps_its_id() -> None:
    outside = replace(service(7), resource=replace(service(7).resource, references=()))  # type: ignore[type-var]
    assert codes(approved(outside), replace(outside, desired=service(8).desired)) == [
        "the manifests ask for something else now"
    ]
    assert codes(approved(service(7)), service(8)) == ["the manifests ask for something else now"]


def test_an_unknown_that_stays_unknown_is_the_same() -> None:
    odd = replace(service(Unknown(IMAGE, "version")), resource=None)
    assert codes(approved(odd), odd) == []


def test_a_reference_without_a_version_is_by_name_alone() -> None:
    bare = service(7)
    bare = replace(bare, desired={"metadata": {}, "spec": {"imageDetails": {"imageId": 1}}})
    other = replace(bare, desired={"metadata": {}, "spec": {"imageDetails": {"imageId": 2}}})
    assert codes(approved(image(), bare), image(), other) == []


def test_another_version_of_what_it_refers_to_is_not() -> None:
    approval = approved(image(), service(Unknown(IMAGE, "version")))
    found = codes(approval, image(verb=Verb.KEEP, version="0.0.3"), service(8))
    assert found == ["the manifests ask for something else now"]


def test_more_other_and_moved_actions_are_told() -> None:
    there = approved(image(verb=Verb.KEEP), service(7))
    assert codes(there, image(), service(7)) == ["it was not part of the approved plan"]
    approval = approved(service(7))
    assert codes(approval, service(7, after="else")) == ["the manifests ask for something else now"]
    assert codes(approval, service(7, live="x")) == ["it was changed on the platform meanwhile"]


def test_an_objection_names_what_was_approved_and_what_is_now() -> None:
    (told,) = objections(approved(image()), Plan((image(version="0.0.9"),)), KINDS, "plan again")
    assert told.detail.splitlines() == [
        "approved: create-version 0.0.2",
        "now:      create-version 0.0.9",
    ]


def test_what_differs_is_told_with_its_approved_and_present_values() -> None:
    before = as_shown(service(1, after="new"))
    approval = approve(before, KINDS, project="p", environment="e", salt="ab12")
    (told,) = objections(approval, as_shown(service(1, after="else")), KINDS, "plan again")
    assert told.detail.splitlines() == [
        "approved: update (metadata.title)",
        "now:      the same, with other values",
        "metadata.title:",
        '  approved: (absent) -> "new"',
        '  now:      (absent) -> "else"',
    ]
    (told,) = objections(approval, as_shown(service(1, live="x")), KINDS, "plan again")
    assert told.detail.splitlines()[1:] == ["now:      the same, with other values"]


def test_a_changed_secret_is_noticed_and_none_is_written() -> None:
    approval = approved(image())
    assert CANARY not in write_approval(approval)
    changed = replace(image(), desired=json.loads(json.dumps({"spec": {"buildDetails": {}}})))
    assert codes(approval, changed) == ["the manifests ask for something else now"]


def test_a_file_reads_back_as_it_was_written() -> None:
    approval = approve(
        as_shown(image(), service(7)), KINDS, project="p", environment="e", salt="ab12"
    )
    found = read_approval(write_approval(approval))
    assert found == approval
    assert [str(action.key) for action in found.plan.actions] == ["Image/img", "Service/svc"]
    assert [change.path for change in found.plan.actions[1].shown] == ["metadata.title"]


@pytest.mark.parametrize("salt", [7, None, ["x"]])
def test_a_salt_that_is_no_text_is_refused(salt: Any) -> None:
    body = json.loads(write_approval(approved(image())))
    text = json.dumps({**body, "salt": salt})
    assert (read_approval(text), edited_actions(text)) == (None, ())


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 9999, '{"checksum": 1, "kind": 2}'])
def test_what_is_no_plan_file_is_refused(text: str) -> None:
    assert read_approval(text) is None


def test_every_flipped_character_is_refused_or_says_the_same() -> None:
    approval = approved(service(7))
    text = write_approval(approval)
    for position in range(len(text)):
        damaged = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
        assert read_approval(damaged) in (None, approval)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_another_format_is_refused_by_its_number(number: int) -> None:
    body = json.loads(write_approval(approved()))
    text = json.dumps({**body, "format_version": number})
    assert (read_approval(text), other_format(text)) == (None, number)


@pytest.mark.parametrize("number", [3, True, "1", None])
def test_what_says_no_other_format_is_damaged(number: Any) -> None:
    body = json.loads(write_approval(approved()))
    assert other_format(json.dumps({**body, "format_version": number})) is None
    assert other_format(json.dumps({**body, "kind": "else", "format_version": 1})) is None
    assert other_format("no json") is None


def test_a_plan_file_says_which_tenant_it_was_made_for() -> None:
    tenant = Tenant("spoke.example.com", "ledger-id", frozenset({"Service/b", "Service/a"}))
    approval = replace(approved(image()), tenant=tenant)
    found = read_approval(write_approval(approval))
    assert found is not None
    assert found.tenant == tenant


def test_approved_deletes_that_are_not_planned_are_found() -> None:
    again, gone = Key("Workflow", "again"), Key("Workflow", "gone")
    deletes = tuple(Action(key, Verb.DELETE, (Step.DELETE,)) for key in (gone, again))
    approval = approve(Plan((image(), *deletes)), KINDS, project="", environment="", salt="s")
    keep = Action(again, Verb.KEEP, ())
    assert left_deletes(approval, Plan(())) == (again, gone)
    assert left_deletes(approval, Plan((keep,))) == (gone,)
    assert left_deletes(approval, Plan((image(), *deletes))) == ()


def test_what_is_live_is_digested_slowly_where_a_secret_may_be_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow: list[bytes] = []

    def scrypt(text: bytes, **_: Any) -> bytes:
        slow.append(text)
        return b"slow"

    monkeypatch.setattr(hashlib, "scrypt", scrypt)

    def worked_on(action: Action) -> list[str]:
        slow.clear()
        approve(Plan((action,)), KINDS, project="p", environment="e", salt=secrets.token_hex(4))
        return [text.decode() for text in slow]

    plain = service(7, live="old words")
    assert worked_on(plain) == []
    assert worked_on(service(7, after=Secret("new"), live="old")) == ['"new"', '"old"']
    (going,) = worked_on(replace(plain, verb=Verb.DELETE))
    assert "old words" in going
    unmarked = Change(("metadata", "title"), Secret("old words"), "x", "update", sensitive=True)
    (all_,) = worked_on(replace(plain, changes=(unmarked,)))
    assert all_ == going


def forged(approval: Approval, edit: Any, *, digests: bool) -> str:
    """A plan file with an edited action, whose checksum fits; with `digests` its digest, too."""
    body = json.loads(write_approval(approval))
    (action,) = body["actions"]
    edit(action)
    if digests:
        del action["digest"]
        action["digest"] = Digests(approval.salt).of(action)
    del body["checksum"]
    return json.dumps({**body, "checksum": Digests(approval.salt).of(body)})


@pytest.mark.parametrize("version", [5, None, "0.0.2"])
def test_a_plan_file_whose_words_are_none_is_refused_though_its_digests_fit(version: Any) -> None:
    text = forged(approved(image()), lambda a: a.update(version=version), digests=True)
    assert (read_approval(text) is None) is (version == 5)
    assert edited_actions(text) == ()


def test_an_edited_action_is_found_by_its_digest() -> None:
    text = forged(approved(image()), lambda a: a.update(verb="edit"), digests=False)
    assert read_approval(text) is None
    assert edited_actions(text) == ("Image/img",)
    assert edited_actions(write_approval(approved(image()))) == ()
    assert edited_actions("no json") == edited_actions('{"kind": "else"}') == ()


def deletion() -> Action:
    live = Live(SERVICE, "s-1", {"metadata": {"name": "svc"}, "spec": {}})
    return Action(SERVICE, Verb.DELETE, (Step.DELETE,), live=live)


@pytest.mark.parametrize(
    "lie",
    [
        {"verb": "edit", "steps": ["update"]},
        {"verb": "edit"},
        {"steps": ["update"]},
        {"version": "0.0.9"},
        {"on_platform": {"id": "other", "version": None, "state": "ready"}},
        {"changes": []},
        {"consequences": []},
    ],
)
@pytest.mark.parametrize("what", ["delete", "edit"])
def test_no_file_shows_one_thing_and_approves_another(lie: dict[str, Any], what: str) -> None:
    restarts = (Consequence(Effect.RESTARTS, (SERVICE,)),)
    action = deletion() if what == "delete" else replace(service(7), consequences=restarts)
    now = as_shown(action)
    approval = approve(now, KINDS, project="p", environment="e", salt="ab12")
    assert objections(approval, now, KINDS, "") == ()
    true = json.loads(write_approval(approval))["actions"][0]
    found = read_approval(forged(approval, lambda a: a.update(lie), digests=True))
    assert found is not None
    told = [d.summary for d in objections(found, now, KINDS, "")]
    honest = {**true, **lie} == true
    assert told == ([] if honest else [told[0]])
    assert honest or told[0] in (
        "it is not what the plan file shows",
        "the manifests ask for something else now",
    )


def test_reasons_and_notes_may_differ_by_the_time_of_the_apply() -> None:
    (now,) = as_shown(service(7)).actions
    reason = Reason(Cause.CHANGED_OUTSIDE, detail="by somebody, an hour ago")
    then = replace(now, reasons=(reason,), notes=("a note",))
    assert codes(approved(then), now) == []


def test_what_was_shown_in_this_run_is_compared_by_what_it_does_alone() -> None:
    (shown,) = as_shown(service(7)).actions
    light = approve(Plan((shown,)), KINDS, project="", environment="", salt="s", cost=2)
    assert codes(light, replace(shown, shown=())) == []
    assert codes(approved(shown), replace(shown, shown=())) == [
        "it is not what the plan file shows"
    ]


def test_each_action_may_be_of_another_approval() -> None:
    unknown = Unknown(IMAGE, "version")
    whole = Plan((image(), service(unknown)))
    one, other = approved(image()), approved(image(verb=Verb.KEEP), service(unknown))
    for approvals in ((one, other), (other, one)):
        assert objections_to_all(approvals, whole, KINDS, "plan again") == ()
    (told,) = objections_to_all((one,), whole, KINDS, "plan again")
    assert (told.key, told.summary) == (SERVICE, "it was not part of the approved plan")
    both = objections_to_all((), whole, KINDS, "plan again")
    assert [each.key for each in both] == [IMAGE, SERVICE]


def test_the_approval_that_has_the_resource_tells_the_difference() -> None:
    one, other = approved(image()), approved(service(70))
    for approvals in ((one, other), (other, one)):
        (told,) = objections_to_all(approvals, Plan((service(70, live="newer"),)), KINDS, "")
        assert told.summary == "it was changed on the platform meanwhile"


def test_the_commit_of_a_plan_is_kept_where_there_is_one() -> None:
    plain = approved(image())
    assert "commit" not in json.loads(write_approval(plain))
    named = replace(plain, commit="a" * 40)
    found = read_approval(write_approval(named))
    assert found is not None
    assert found.commit == "a" * 40
    text = write_approval(named).replace("a" * 40, "b" * 40)
    assert read_approval(text) is None  # it was edited
