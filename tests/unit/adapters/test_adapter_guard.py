"""An answer that makes no sense is an error of its request, and leaves a write in doubt."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peakctl.adapters.rest import Guarded
from peakctl.errors import ApiError
from peakctl.model import CallRequest, CallResult, Key, Listed, Live, Step


class Broken:
    """Every method reads an answer that is not what it should be."""

    def __getattr__(self, _: str) -> Any:
        async def method(*_: Any, **named: object) -> Any:
            return {}["id"]  # type: ignore[index]

        return method


KEY = Key("Image", "a")
CALLS = {
    "index": (),
    "find": ("a",),
    "look_up": (1, {}),
    "makers": ((), ()),
    "hidden_in": (Live(KEY, 1, {}), KEY),
    "read": (Listed(1, "a"), None),
    "pin": (Listed(1, "a"), None),
    "call": (CallRequest(Step.CREATE, KEY, {}),),
    "poll": (CallResult(KEY, 1),),
    "pending_in_listing": ((), 1),
    "dependents": (Live(KEY, 1, {}),),
    "explain": (CallResult(KEY, 1),),
    "outputs": (CallResult(KEY, 1),),
    "log_page": (CallResult(KEY, 1), None),
}


def test_the_log_of_a_build_is_guarded_too() -> None:
    guarded = Guarded(Broken(), "Image")  # type: ignore[arg-type]
    with pytest.raises(ApiError):
        asyncio.run(guarded.build_log(Listed(1, "a"), None, failed=True))


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_that_makes_no_sense_is_an_error_of_its_request(name: str) -> None:
    guarded = Guarded(Broken(), "Image")  # type: ignore[arg-type]
    with pytest.raises(ApiError) as told:
        asyncio.run(getattr(guarded, name)(*CALLS[name]))
    (diagnostic,) = told.value.diagnostics
    assert diagnostic.code == "api/unexpected"
    assert diagnostic.summary.startswith("Image: ")
    assert diagnostic.detail.startswith("KeyError in test_adapter_guard.py, line ")
    assert told.value.doubtful is (name == "call")


def test_waiting_for_what_others_started_sends_nothing_and_leaves_no_doubt() -> None:
    guarded = Guarded(Broken(), "Image")  # type: ignore[arg-type]
    with pytest.raises(ApiError) as told:
        asyncio.run(guarded.call(CallRequest(Step.WAIT, KEY, {})))
    assert not told.value.doubtful


GOOD = Live(KEY, 1, {"metadata": {}, "spec": {}}, version="1.0.0")


class Answering:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def read(self, *_: Any) -> Any:
        return self.answer


def read(answer: Any) -> Any:
    guarded = Guarded(Answering(answer), "Image")  # type: ignore[arg-type]
    return asyncio.run(guarded.read(Listed(1, "a"), None))


def test_what_fits_is_handed_on() -> None:
    assert read(GOOD) is GOOD
    assert read(None) is None


@pytest.mark.parametrize(
    "odd",
    [
        Live(KEY, True, GOOD.values),
        Live(KEY, ["x"], GOOD.values),  # type: ignore[arg-type]
        Live(KEY, 1, {"metadata": {}, "spec": [1]}),
        Live(KEY, 1, GOOD.values, status=5),  # type: ignore[arg-type]
        Live(KEY, 1, GOOD.values, version=7),  # type: ignore[arg-type]
        Live(KEY, 1, GOOD.values, latest={}),  # type: ignore[arg-type]
        Listed(1, 5),  # type: ignore[arg-type]
        (Listed(None, "a"),),  # type: ignore[arg-type]
    ],
)
def test_another_type_is_an_error_of_that_request(odd: Any) -> None:
    with pytest.raises(ApiError):
        read(odd)
