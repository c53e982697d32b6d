"""What starts by the clock is left out of a paused environment, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.kinds.schedules import without_schedules
from peakctl.kinds.store import load_kinds
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
