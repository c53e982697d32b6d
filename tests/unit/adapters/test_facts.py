"""What reads tell beside the values of a manifest: reasons, last runs, addresses."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.adapters.answers import failed_blocks, last_run_of
from peakctl.catalog import load_adapter
from peakctl.kinds.schemas import load_kinds
from peakctl.model import Secret
from peakctl.model.resources import LastRun


@pytest.fixture
def adapters() -> Any:
    kinds = load_kinds()
    return {name: load_adapter(kinds[name], None) for name in ("Service", "Workflow", "Deployment")}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "run"),
    [
        ({}, None),
        ({"lastExecution": {}}, None),
        ({"lastExecution": None}, None),
        ({"lastExecution": [1]}, None),
        ({"lastExecution": {"status": 7}}, None),
        ({"lastExecution": {"status": "Failed"}}, LastRun("", "Failed", None)),
        (
            {
                "lastExecution": {
                    "status": "Success",
                    "executionId": "e1",
                    "executedAt": "1970-01-01T00:01:00.000Z",
                }
            },
            LastRun("e1", "Success", 60.0),
        ),
    ],
    ids=str,
)
def test_the_newest_execution_is_read_off_an_answer(answer: Any, run: LastRun | None) -> None:
    assert last_run_of(answer) == run


@pytest.mark.parametrize(
    ("latest", "told"),
    [
        (None, ""),
        ({"blocks": None}, ""),
        ({"blocks": [{"name": "a", "status": "deployed"}]}, ""),
        (
            {"blocks": [{"name": "a", "status": "failed"}, {"name": "b", "status": "failed"}]},
            "block a is failed, block b is failed",
        ),
        (
            {"blocks": ["odd", {"name": "\x1b[31m", "status": "failed"}]},
            "block  is failed",
        ),
    ],
    ids=str,
)
def test_the_blocks_of_an_app_that_failed_are_named(latest: Any, told: str) -> None:
    found = failed_blocks({"latestRevision": latest})
    assert found == told


def test_addresses_are_told_and_those_that_are_credentials_are_secrets(adapters: Any) -> None:
    found = adapters["Service"].facts_in({"applicationUrl": "https://a.example.com"})
    assert found.outputs == {"address": "https://a.example.com"}
    hook = {"triggers": [{"webhook": "https://example.com/hook/secret"}]}
    (address,) = adapters["Workflow"].facts_in(hook).outputs["webhooks"]
    assert isinstance(address, Secret)


def test_the_platforms_own_words_on_a_failure_come_first(adapters: Any) -> None:
    blocks = {"blocks": [{"name": "a", "status": "failed"}]}
    deployment = adapters["Deployment"]
    assert deployment.facts_in({"latestRevision": blocks}).reason == "block a is failed"
    told = deployment.facts_in({"latestRevision": {**blocks, "reason": "no machine"}})
    assert told.reason == "no machine"
