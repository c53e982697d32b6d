"""What a resource gives to people, by the rules of its kind."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.kinds.fields import has_outputs, outputs_in, redacted_outputs
from peakctl.kinds.schemas import load_kinds
from peakctl.model import Secret

SERVICE, WORKFLOW, IMAGE = (load_kinds()[name] for name in ("Service", "Workflow", "Image"))
HOOKS = {"spec": {"triggers": [{"cron": "0 2 * * *"}, {"webhook": True}]}}


@pytest.mark.parametrize(
    ("answer", "outputs"),
    [
        ({"applicationUrl": "https://a.example.com"}, {"address": "https://a.example.com"}),
        ({"applicationUrl": ""}, {}),
        ({"applicationUrl": None}, {}),
        ({"applicationUrl": ["x"]}, {}),
        ({}, {}),
    ],
)
def test_a_service_has_an_address(answer: Any, outputs: Any) -> None:
    assert outputs_in(SERVICE, answer) == outputs


def test_a_webhook_is_told_by_its_id_and_its_address_is_a_secret() -> None:
    triggers = [{"webhook": "id-1"}, {"cron": "x"}, "odd", {"webhook": "https://a.example.com/1"}]
    found = outputs_in(WORKFLOW, {"triggers": triggers})
    assert found == {"webhooks": ["id-1", Secret("https://a.example.com/1")]}
    assert outputs_in(WORKFLOW, {"triggers": None}) == {}
    assert outputs_in(WORKFLOW, {"triggers": [{"webhook": True}]}) == {}


def test_the_manifest_tells_whether_there_are_any() -> None:
    assert has_outputs(SERVICE, {})
    assert has_outputs(WORKFLOW, HOOKS)
    assert not has_outputs(WORKFLOW, {"spec": {"triggers": [{"cron": "0 2 * * *"}]}})
    assert not has_outputs(IMAGE, HOOKS)


def test_a_known_secret_is_masked_in_texts() -> None:
    outputs = {"address": "https://hunter2.example.com", "webhooks": ["hunter2", Secret("x")]}
    assert redacted_outputs(outputs, lambda text: text.replace("hunter2", "***")) == {
        "address": "https://***.example.com",
        "webhooks": ["***", Secret("x")],
    }
