"""A tenant is known again by what the platform tells of it, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.approval import Tenant, read_tenant
from peakctl.model import EMPTY, Key, Listed, Live

SERVICE, FLOW = Key("Service", "api"), Key("Workflow", "flow")
LONG = "11111111-2222-3333-4444-555555555555"
NONE = Tenant()
ALL = Tenant("a.example.com", "ledger-1", frozenset({"Service/one"}))


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (replace(ALL, domain="b.example.com"), "this one is on"),
        (replace(ALL, ledger="ledger-2"), "here it has the id ledger-2"),
        (replace(ALL, ledger=None), "here there is none"),
        (replace(ALL, domain=None), ""),
        (replace(ALL, ids=frozenset()), ""),
        (ALL, ""),
    ],
)
def test_another_domain_or_ledger_is_another_tenant(now: Tenant, why: str) -> None:
    assert why in ALL.why_other(now)
    assert bool(ALL.why_other(now)) is bool(why)


def test_without_a_ledger_one_id_of_what_was_read_has_to_be_there() -> None:
    before = Tenant(ids=frozenset({"Service/one", "Service/two"}))
    assert before.why_other(Tenant(ids=frozenset({"Service/other"})))
    assert before.why_other(NONE)
    after = Tenant(ledger="made since", ids=frozenset({"Service/two", "Service/three"}))
    assert not before.why_other(after)
    assert before.is_same(after)


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        (ALL, ALL, True),
        (ALL, Tenant(domain="a.example.com"), True),
        (ALL, Tenant(ledger="ledger-1"), True),
        (NONE, NONE, False),
        (NONE, ALL, False),
        (ALL, NONE, False),
    ],
)
def test_it_is_the_same_where_one_sign_is(before: Tenant, now: Tenant, same: bool) -> None:
    assert before.is_same(now) is same


def test_a_tenant_without_any_sign_is_not_known() -> None:
    assert not NONE.is_known
    assert not NONE.why_other(ALL)
    assert ALL.is_known


def test_signs_are_long_ids_of_what_is_ours_and_of_ledgers() -> None:
    world = LiveState(
        live={
            SERVICE: Live(SERVICE, LONG, EMPTY),
            FLOW: Live(FLOW, 7, EMPTY),
            Key("Image", "theirs"): Live(Key("Image", "theirs"), LONG, EMPTY, foreign="not ours"),
        }
    )
    found = read_tenant(world, [Listed(LONG, "peakctl-ledger-q-e")], domain="d", ledger="l")
    assert found == Tenant("d", "l", frozenset({f"Service/{LONG}", f"Ledger/{LONG}"}))
