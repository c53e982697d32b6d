"""A saved plan is a consent: exact, without secrets, and useless once anything moved."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from peakctl.engine.plan.approval import (
    Tenant,
    approve,
    left_deletes,
    objections,
    other_format,
    read_approval,
    write_approval,
)
from peakctl.kinds.store import load_kinds
from peakctl.ledger.digests import Digests
from peakctl.model import (
    MISSING,
    Action,
    Change,
    Document,
    Key,
    Live,
    Location,
    Plan,
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


def test_what_reads_the_same_and_is_not_is_told_as_other_values() -> None:
    before, now = service(1), service(1, live="by hand")
    (told,) = objections(approved(before), Plan((now,)), KINDS, "plan again")
    assert told.detail.splitlines() == [
        "approved: update (metadata.title)",
        "now:      the same, with other values",
    ]


def test_a_changed_secret_is_noticed_and_none_is_written() -> None:
    approval = approved(image())
    assert CANARY not in write_approval(approval)
    changed = replace(image(), desired=json.loads(json.dumps({"spec": {"buildDetails": {}}})))
    assert codes(approval, changed) == ["the manifests ask for something else now"]


def test_a_file_reads_back_as_it_was_written() -> None:
    approval = approved(image(), service(7))
    assert read_approval(write_approval(approval)) == approval


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 9999, '{"checksum": 1, "kind": 2}'])
def test_what_is_no_plan_file_is_refused(text: str) -> None:
    assert read_approval(text) is None


def test_every_flipped_character_is_refused_or_says_the_same() -> None:
    approval = approved(service(7))
    text = write_approval(approval)
    for position in range(len(text)):
        damaged = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
        assert read_approval(damaged) in (None, approval)


@pytest.mark.parametrize("number", [1, 3])
def test_another_format_is_refused_by_its_number(number: int) -> None:
    body = json.loads(write_approval(approved()))
    text = json.dumps({**body, "format_version": number})
    assert (read_approval(text), other_format(text)) == (None, number)


@pytest.mark.parametrize("number", [2, True, "1", None])
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


@pytest.mark.parametrize("version", [5, None, "0.0.2"])
def test_a_plan_file_whose_words_are_none_is_refused_though_its_checksum_fits(version: Any) -> None:
    approval = approve(Plan((image(),)), KINDS, project="p", environment="e", salt="s")
    body = json.loads(write_approval(approval))
    del body["checksum"]
    body["actions"][0]["version"] = version
    text = json.dumps({**body, "checksum": Digests("s").of(body)})
    assert (read_approval(text) is None) is (version == 5)
