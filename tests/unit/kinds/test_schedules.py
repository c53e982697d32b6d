"""What starts by the clock is left out of a paused environment, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.kinds.schedules import crons_in, next_start, without_schedules
from peakctl.kinds.schemas import load_kinds
from peakctl.model import Document, Key, Location, Resource
from peakctl.model.values import Secret

KINDS = load_kinds()
DOCUMENT = Document({}, "m.yaml", "/", lambda path: Location("m.yaml", 1, 1))
CRON, HOOK = {"cron": "0 2 * * *"}, {"webhook": True}
STEPS = {
    "a": {"type": "http", "url": "https://example.com", "method": "get", "parents": ["b"]},
    "b": {"type": "standard", "imageDetails": {"name": "cron"}, "command": "cron"},
}


def paused(kind: str, spec: Any) -> Any:
    resource = Resource(Key(kind, "x"), {"metadata": {"name": "x"}, "spec": spec}, DOCUMENT)
    return without_schedules(resource, KINDS[kind]), resource


@pytest.mark.parametrize(
    ("triggers", "left"),
    [
        ([CRON], None),
        ([CRON, HOOK], [HOOK]),
        ([CRON, CRON], None),
        ([HOOK], [HOOK]),
        ([], []),
        ([{"cron": Secret("0 2 * * *")}], None),
    ],
)
@pytest.mark.parametrize("kind", ["Workflow", "BlockSpec"])
def test_cron_triggers_go(kind: str, triggers: Any, left: Any) -> None:
    own = {"steps": STEPS, "triggers": triggers}
    spec = own if kind == "Workflow" else {"kind": "workflow", "config": own}
    found = paused(kind, spec)[0].values["spec"]
    config = found if kind == "Workflow" else found["config"]
    assert config.get("triggers") == left
    assert config["steps"] == STEPS


def test_what_has_no_schedule_is_the_same() -> None:
    service = {"serviceType": "api", "parameters": {"env": {"cron": "0 2 * * *"}}, "other": [CRON]}
    block = {"parameters": {"run": [{"name": "a", "defaultValue": [CRON]}]}, "config": {}}
    flow = {"steps": STEPS}
    for kind, spec in (("Service", service), ("Workflow", flow), ("BlockSpec", block)):
        after, before = paused(kind, spec)
        assert after is before


NOON = 1_790_000_000.0
"""2026-09-21 14:13:20 UTC."""


@pytest.mark.parametrize(
    ("kind", "spec", "crons"),
    [
        ("Workflow", {"triggers": [CRON, HOOK, {"cron": "5 * * * *"}]}, ("0 2 * * *", "5 * * * *")),
        ("Workflow", {"triggers": [], "other": [CRON], "steps": STEPS}, ()),
        ("Workflow", {"triggers": "odd"}, ()),
        ("BlockSpec", {"kind": "workflow", "config": {"triggers": [CRON]}}, ()),
        ("Service", {"serviceType": "api"}, ()),
    ],
)
def test_schedules_are_those_of_what_runs(kind: str, spec: Any, crons: tuple[str, ...]) -> None:
    assert crons_in(KINDS[kind], {"metadata": {"name": "x"}, "spec": spec}) == crons


@pytest.mark.parametrize(
    ("crons", "seconds"),
    [
        (("0 15 * * *",), 2800.0),
        (("0 15 * * *", "15 14 * * *"), 100.0),
        ((), None),
        (("nonsense",), None),
        (("0 0 31 2 *",), None),
        (("nonsense", "15 14 * * *"), 100.0),
    ],
)
def test_the_next_start_is_the_first_of_all(crons: Any, seconds: float | None) -> None:
    found = next_start(crons, NOON)
    assert found == (None if seconds is None else NOON + seconds)
