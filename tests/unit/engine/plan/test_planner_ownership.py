"""Whose a live resource is, and what that asks of a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peakctl.engine.plan.planner import Planned, make_plan
from peakctl.kinds.schemas import load_kinds
from peakctl.ledger.ownership import Consent, assign_owners, changing_owner, find_owners, undeclared
from peakctl.model import Intent, Key, Ledger, Live, Owned, Owner, Plan

US, THEM = Owner("shop", "dev"), Owner("bank", "prod")
API = Key("Service", "api")
SPEC = {"serviceType": "api", "imageDetails": {"imageId": 1, "versionId": 2}}


def owning(owner: Owner, key: Key = API, id_: str | int = "s-1", **more: Any) -> Ledger:
    return Ledger(owner, "salt", owned={key: Owned(key, id_)}, **more)


def planned(
    lab: Any, *others: Ledger, ledger: Ledger | None = None, title: str = "same", **consent: Any
) -> Planned:
    """A plan over one live service, whose title the manifest leaves or changes."""
    lab.Service.put("api", SPEC, {"title": "same"}, id="s-1")
    resources = lab.resources(lab.manifest("Service", "api", SPEC, {"title": title}))
    world = replace(lab.observe(resources), owners=find_owners(US, ledger, others))
    return make_plan(resources, world, load_kinds(), consent=Consent(**consent))


def codes(found: Planned) -> list[str]:
    return [guard.code for guard in found.guards]


def test_what_nobody_owns_and_is_as_wished_is_adopted_without_a_word(lab: Any) -> None:
    found = planned(lab)
    assert found.ok
    (action,) = found.plan.actions
    assert (action.notes, action.asides) == ((), ("adopted: it is live, and no project owns it",))


def test_what_nobody_owns_and_differs_needs_a_consent_and_is_shown(lab: Any) -> None:
    found = planned(lab, title="other")
    assert codes(found) == ["guard/adopt"]
    assert not found.ok
    assert found.guards[0].locations
    assert [c.path for c in found.plan.actions[0].changes] == [("metadata", "title")]
    assert planned(lab, title="other", adopt=True).ok


@pytest.mark.parametrize("title", ["same", "other"])
def test_what_another_project_owns_is_refused_even_when_it_is_as_wished(
    lab: Any, title: str
) -> None:
    found = planned(lab, owning(THEM), title=title, adopt=True)
    assert codes(found) == ["guard/foreign-owner"]
    assert "bank/prod" in found.guards[0].summary
    assert "--take-over bank/prod" in found.guards[0].fix


@pytest.mark.parametrize("word", ["bank", "bank/prod"])
def test_it_may_be_taken_over_from_an_owner_that_is_named(lab: Any, word: str) -> None:
    found = planned(lab, owning(THEM), title="other", take_over=(word,))
    assert found.ok
    assert found.plan.actions[0].taken_from == THEM
    assert found.plan.actions[0].notes == ("taken over from bank/prod",)
    assert changing_owner(found.plan) == {THEM: {("Service", "s-1"): API}}
    assert codes(planned(lab, owning(THEM), take_over=("bank/dev",))) == ["guard/foreign-owner"]


def test_what_our_ledger_has_is_ours_whatever_others_say(lab: Any) -> None:
    found = planned(lab, owning(THEM), ledger=owning(US), title="other")
    assert found.ok
    assert found.plan.actions[0].taken_from is None
    assert not found.plan.actions[0].notes


def claiming(owner: Owner) -> Ledger:
    return Ledger(owner, "salt", owned={API: Owned(API, "s-1", claimed=True)})


def test_what_our_ledger_only_claims_is_nobody_s_until_an_apply_confirms_it(lab: Any) -> None:
    found = planned(lab, ledger=claiming(US))
    assert found.ok
    assert "confirmed as this project's" in found.plan.actions[0].asides[0]
    refused = planned(lab, ledger=claiming(US), title="other")
    assert codes(refused) == ["guard/adopt"]
    assert "ledger rebuild" in refused.guards[0].detail
    agreed = planned(lab, ledger=claiming(US), title="other", adopt=True)
    assert agreed.ok
    assert "confirmed as this project's" in agreed.plan.actions[0].notes[0]


def test_what_we_claim_is_another_project_s_where_its_ledger_has_it(lab: Any) -> None:
    assert codes(planned(lab, owning(THEM), ledger=claiming(US))) == ["guard/foreign-owner"]
    assert codes(planned(lab, claiming(THEM))) == ["guard/foreign-owner"]


def test_another_environment_of_the_project_is_another_owner(lab: Any) -> None:
    assert codes(planned(lab, owning(Owner("shop", "prod")))) == ["guard/foreign-owner"]


def test_a_thing_of_our_name_with_another_id_is_not_ours(lab: Any) -> None:
    assert codes(planned(lab, ledger=owning(US, id_="s-0"), title="other")) == ["guard/adopt"]


def test_what_a_run_of_ours_set_out_to_make_is_ours_unless_it_has_another_owner(lab: Any) -> None:
    meant = Ledger(US, "salt", intents=(Intent(API, "create"),))
    assert planned(lab, ledger=meant, title="other").ok
    assert codes(planned(lab, owning(THEM), ledger=meant)) == ["guard/foreign-owner"]


@pytest.mark.parametrize("verb", ["delete", "edit", "build"])
def test_what_a_run_set_out_to_change_or_delete_is_not_ours_by_its_name(
    lab: Any, verb: str
) -> None:
    meant = Ledger(US, "salt", intents=(Intent(API, verb),))
    assert codes(planned(lab, ledger=meant, title="other")) == ["guard/adopt"]


def test_what_a_run_set_out_to_change_with_consent_is_ours_by_its_id(lab: Any) -> None:
    meant = Ledger(US, "salt", intents=(Intent(API, "edit", id="s-1"),))
    assert planned(lab, ledger=meant, title="other").ok
    assert codes(planned(lab, owning(THEM), ledger=meant)) == ["guard/foreign-owner"]
    other = Ledger(US, "salt", intents=(Intent(API, "edit", id="s-0"),))
    assert codes(planned(lab, ledger=other, title="other")) == ["guard/adopt"]


def test_what_a_run_set_out_to_make_once_more_is_ours(lab: Any) -> None:
    """What the ledger has was deleted by hand; the run that made it again never reported."""
    made = owning(US, id_="s-0", intents=(Intent(API, "create"),))
    assert planned(lab, ledger=made, title="other").ok


def test_without_a_ledger_everything_is_ours() -> None:
    owners = find_owners(None, None, ())
    assert owners.is_ours(Live(API, "s-1", {}))


def test_an_action_that_was_made_without_a_manifest_has_no_place(lab: Any) -> None:
    action = replace(planned(lab, title="other").plan.actions[0], resource=None)
    plan, guards = assign_owners(Plan((action,)), find_owners(US, None, ()), Consent())
    (told,) = guards
    assert told.locations == ()
    assert plan.actions == (action,)


def test_what_no_manifest_names_is_told_by_id_and_not_by_name(lab: Any) -> None:
    plan = planned(lab).plan
    live = plan.actions[0].live
    assert live is not None
    renamed, gone = Key(live.key.kind, "before"), Key(live.key.kind, "gone")
    owned = {renamed: Owned(renamed, live.id), gone: Owned(gone, "x")}
    assert undeclared(plan, Ledger(US, "salt", owned=owned)) == (gone,)
    assert undeclared(plan, Ledger(US, "salt")) == ()


@pytest.mark.parametrize("title", ["same", "other"])
def test_what_may_be_in_a_ledger_that_cannot_be_read_is_not_made_ours(lab: Any, title: str) -> None:
    lab.Service.put("api", SPEC, {"title": "same"}, id="s-1")
    resources = lab.resources(lab.manifest("Service", "api", SPEC, {"title": title}))
    seen = lab.observe(resources)

    def found(ledger: Ledger | None, *others: Ledger) -> Planned:
        owners = replace(find_owners(US, ledger, others), unread=("peakctl-ledger-x-y",))
        world = replace(seen, owners=owners)
        return make_plan(resources, world, load_kinds(), consent=Consent(adopt=True))

    assert codes(found(None)) == ["guard/owner-unknown"]
    assert "peakctl-ledger-x-y" in found(None).guards[0].detail
    assert codes(found(None, owning(THEM))) == ["guard/foreign-owner"]
    assert found(owning(US)).ok
