"""An id, a name or a version of another type ends one request, and no run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peakctl.adapters.guarded import Guarded
from peakctl.errors import ApiError
from peakctl.model import Key, Listed, Live

KEY = Key("Image", "a")
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
