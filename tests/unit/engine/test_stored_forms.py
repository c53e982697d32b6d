"""Edits that come back: told, and not made for ever in silence."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from peakctl.engine.diff.compare import Diff
from peakctl.engine.diff.stored_forms import (
    edits_made,
    forms_sent,
    is_other_form,
    normal_form,
    remembered_forms,
    settle,
)
from peakctl.engine.observe.live_state import observe
from peakctl.engine.plan.planner import make_plan
from peakctl.engine.record import record
from peakctl.ledger.digests import Digests, StoredDigests
from peakctl.ledger.ownership import find_owners
from peakctl.model import (
    MISSING,
    UNSEEN,
    Action,
    Change,
    Key,
    Ledger,
    Live,
    Outcome,
    Owner,
    Secret,
    Status,
    Unknown,
    Verb,
)

US = Owner("retail", "dev")
FLOW = Key("Workflow", "w")
DIGESTS = Digests("salt")


def flow(lab: Any, command: str, **more: Any) -> Any:
    return lab.manifest(
        "Workflow", "w", {"steps": {"s": {"command": command, "imageId": 1}}, **more}
    )


class Tenant:
    """Plans and applies over one ledger; `stores` is what the platform makes of a command."""

    def __init__(self, lab: Any, stores: Any, *, ledger: bool = True) -> None:
        self.lab, self.stores = lab, stores
        self.ledger = Ledger(US, "salt") if ledger else None

    def plan(self, manifest: Any) -> Any:
        resources = self.lab.resources(manifest)
        world = asyncio.run(observe(resources, self.lab.kinds, self.lab.shelves))
        world = replace(world, ledger=self.ledger, owners=find_owners(US, self.ledger, ()))
        return make_plan(resources, world, self.lab.kinds)

    def apply(self, manifest: Any) -> None:
        plan = self.plan(manifest).plan
        outcomes = self.lab.apply(plan)
        if self.ledger:
            owned = record(plan, outcomes, self.ledger, self.lab.kinds, uses={FLOW: ()})
            self.ledger = replace(self.ledger, owned=owned)
        for live in self.lab.Workflow.things.values() if plan.pending else ():
            steps = live.values["spec"]["steps"]
            steps["s"] = {**steps["s"], "command": self.stores(steps["s"]["command"])}


def told(planned: Any) -> list[str]:
    return [d.code for d in planned.diagnostics]


FORMS = {
    "trimmed": ("echo hi ", str.strip),
    "line ends": ("a\nb", lambda text: text.replace("\n", "\r\n")),
    "composed": ("cafe\u0301", lambda text: text.replace("e\u0301", "\u00e9")),
    "letter case": ("Echo", str.lower),
    "HTML": ("a & b", lambda text: text.replace("&", "&amp;")),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_text_that_is_stored_in_another_form_is_told_and_left_alone(lab: Any, form: str) -> None:
    sent, stores = FORMS[form]
    tenant = Tenant(lab, stores)
    tenant.apply(flow(lab, sent))
    for _ in range(2):
        planned = tenant.plan(flow(lab, sent))
        assert [a.verb for a in planned.plan.actions] == [Verb.KEEP]
        assert told(planned) == ["plan/stored-otherwise"]
        assert planned.plan.actions[0].skipped[0].reason.startswith("the platform stores it")
        tenant.apply(flow(lab, sent))


def test_both_forms_and_what_to_write_are_told(lab: Any) -> None:
    tenant = Tenant(lab, str.strip)
    tenant.apply(flow(lab, "echo hi "))
    (warning,) = tenant.plan(flow(lab, "echo hi ")).diagnostics
    assert warning.detail == 'sent: "echo hi "\nstored: "echo hi"'
    assert warning.fix == 'write it in the form that is stored: "echo hi"'
    assert warning.path == ("spec", "steps", "s", "command")


def test_long_texts_are_cut_around_the_difference(lab: Any) -> None:
    tenant = Tenant(lab, lambda text: text.replace("X", "x"))
    long = "a" * 100 + "X" + "b" * 100
    tenant.apply(flow(lab, long))
    (warning,) = tenant.plan(flow(lab, long)).diagnostics
    assert "…" in warning.detail
    assert len(warning.detail) < 200


def test_another_text_is_sent_even_where_only_its_form_differs(lab: Any) -> None:
    tenant = Tenant(lab, lambda text: text)
    tenant.apply(flow(lab, "Echo"))
    planned = tenant.plan(flow(lab, "echo "))
    assert [a.verb for a in planned.plan.actions] == [Verb.EDIT]
    assert told(planned) == []


def test_the_text_that_is_stored_ends_it(lab: Any) -> None:
    tenant = Tenant(lab, str.strip)
    tenant.apply(flow(lab, "echo hi "))
    assert told(tenant.plan(flow(lab, "echo hi"))) == []


def test_an_edit_that_has_no_effect_is_told_when_it_comes_again(lab: Any) -> None:
    tenant = Tenant(lab, lambda text: "other")
    tenant.apply(flow(lab, "one"))
    assert told(tenant.plan(flow(lab, "one"))) == []  # somebody may have changed it
    tenant.apply(flow(lab, "one"))
    planned = tenant.plan(flow(lab, "one"))
    assert [a.verb for a in planned.plan.actions] == [Verb.EDIT]
    assert told(planned) == ["plan/edit-again"]


def test_without_a_ledger_a_difference_in_form_is_noted(lab: Any) -> None:
    tenant = Tenant(lab, str.strip, ledger=False)
    tenant.apply(flow(lab, "echo hi "))
    (note,) = tenant.plan(flow(lab, "echo hi ")).diagnostics
    assert (note.code, note.severity) == ("plan/form-alone", "note")


@pytest.mark.parametrize("known", [True, False])
def test_a_secret_in_another_form_is_told_without_its_text(lab: Any, known: bool) -> None:
    sent = Secret(" hush-hush ")
    digests = {"spec/x": DIGESTS.of(sent)} if known else {}
    (resource,) = lab.resources(flow(lab, "c")).values()
    diff = Diff((change(Secret("hush-hush"), sent, sensitive=True),), ())
    left, warnings = settle(resource, diff, StoredDigests(digests, DIGESTS))
    assert [w.code for w in warnings] == (["plan/stored-otherwise"] if known else [])
    assert len(left.changes) == (0 if known else 1)
    assert "hush" not in str(warnings)


ITEM = {"name": "tag "}


def test_an_item_whose_key_is_stored_in_another_form_is_told_once(lab: Any) -> None:
    (resource,) = lab.resources(flow(lab, "c")).values()
    sent = forms_sent({"metadata": {"tags": [ITEM]}}, DIGESTS)
    at = ("metadata", "tags")
    changes = (
        Change((*at, "tag "), MISSING, ITEM, "update"),
        Change((*at, "tag"), {"name": "tag"}, MISSING, "update"),
        Change((*at, "new"), MISSING, {"name": "new"}, "update"),
        Change((*at, "old"), {"name": "old"}, MISSING, "update"),
    )
    diff, warnings = settle(resource, Diff(changes, ()), StoredDigests(sent, DIGESTS))
    assert [c.path[-1] for c in diff.changes] == ["new", "old"]
    assert [s.path[-1] for s in diff.skipped] == ["tag", "tag "]
    assert [w.detail for w in warnings] == ['sent: "tag "\nstored: "tag"']
    diff, warnings = settle(resource, Diff(changes, ()), StoredDigests({}, DIGESTS))
    assert len(diff.changes) == 4
    assert warnings == []


def change(before: Any, after: Any, **more: Any) -> Change:
    return Change(("spec", "x"), before, after, "update", **more)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("a", "a ", True),
        ("a", "b", False),
        ("a", "a", False),
        (["a", 1], ["A", 1], True),
        ({"k": "a"}, {"k": "a\n"}, True),
        ({"k": "a"}, {"j": "a"}, False),
        (1, 2, False),
        (Secret("a"), Secret(" a"), True),
    ],
)
def test_forms_are_compared_at_any_depth(before: Any, after: Any, same: bool) -> None:
    assert is_other_form(change(before, after)) is same


def test_what_is_secret_unseen_or_not_known_is_never_remembered() -> None:
    live = Live(FLOW, 7, {})
    changes = (
        change("a", "b"),
        change("a", "b", sensitive=True),
        change(UNSEEN, "b"),
        change("a", Unknown(FLOW, "id")),
    )
    action = Action(FLOW, Verb.EDIT, changes=changes, live=live)
    assert list(edits_made(action, DIGESTS)) == ["edit:0"]
    assert edits_made(replace(action, live=None), DIGESTS) == {}
    assert forms_sent({"spec": {"a": Secret("A b\n"), "b": 1}}, DIGESTS) == {}


def test_only_texts_that_may_be_stored_otherwise_are_remembered() -> None:
    sent = {"spec": {"a": "plain", "b": ["Two"], "c": "x\ny", "d": "é", "e": "Two"}}
    assert list(forms_sent(sent, DIGESTS)) == ["sent:0", "sent:1", "sent:2"]
    assert remembered_forms({"sent:0": "a", "edit:0": "b", "spec/x": "c"}) == {
        "sent:0": "a",
        "edit:0": "b",
    }


def test_the_normal_form_knows_white_space_only_at_ends() -> None:
    assert normal_form("a  b \r\nc\t\n\n") == "a  b\nc"
    assert normal_form("a b") != normal_form("ab")


def test_what_is_remembered_stays_while_nothing_is_sent(lab: Any) -> None:
    tenant = Tenant(lab, str.strip)
    tenant.apply(flow(lab, "echo hi "))
    assert tenant.ledger is not None
    before = tenant.ledger.owned
    tenant.apply(flow(lab, "echo hi "))
    assert tenant.ledger.owned == before


def test_a_failed_run_remembers_nothing_new(lab: Any) -> None:
    tenant = Tenant(lab, str.strip)
    plan = tenant.plan(flow(lab, "echo hi ")).plan
    assert tenant.ledger is not None
    failed = (Outcome(FLOW, Verb.CREATE, Status.FAILED, id=7),)
    owned = record(plan, failed, tenant.ledger, lab.kinds, uses={FLOW: ()})
    assert owned[FLOW].digests == {}
