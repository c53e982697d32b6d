"""An answer that makes no sense is an error of its request, and leaves a write in doubt."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peakctl.adapters.guarded import Guarded
from peakctl.errors import ApiError
from peakctl.model import CallRequest, CallResult, Key, Listed, Live, Step


class Broken:
    """Every method reads an answer that is not what it should be."""

    def __getattr__(self, _: str) -> Any:
        async def method(*_: Any) -> Any:
            return {}["id"]  # type: ignore[index]

        return method


KEY = Key("Image", "a")
CALLS = {
    "index": (),
    "find": ("a",),
    "look_up": (1, {}),
    "wholes": ((), ()),
    "read": (Listed(1, "a"), None),
    "pin": (Listed(1, "a"), None),
    "call": (CallRequest(Step.CREATE, KEY, {}),),
    "poll": (CallResult(KEY, 1),),
    "dependents": (Live(KEY, 1, {}),),
    "logs": (CallResult(KEY, 1),),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_that_makes_no_sense_is_told(name: str) -> None:
    guarded = Guarded(Broken(), "Image")  # type: ignore[arg-type]
    with pytest.raises(ApiError) as told:
        asyncio.run(getattr(guarded, name)(*CALLS[name]))
    (diagnostic,) = told.value.diagnostics
    assert diagnostic.code == "api/unexpected"
    assert diagnostic.summary.startswith("Image: ")
    assert diagnostic.detail.startswith("KeyError in test_adapter_guarded.py, line ")
    assert told.value.doubtful is (name == "call")


def test_waiting_for_what_others_started_sends_nothing_and_leaves_no_doubt() -> None:
    guarded = Guarded(Broken(), "Image")  # type: ignore[arg-type]
    with pytest.raises(ApiError) as told:
        asyncio.run(guarded.call(CallRequest(Step.WAIT, KEY, {})))
    assert not told.value.doubtful
