"""Answers in a shape that no adapter expects end as an error of one request, not of the run."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

from peakctl.errors import ApiError, Diagnostic
from peakctl.model import (
    CallRequest,
    CallResult,
    Key,
    Listed,
    Live,
    Readiness,
    Resource,
    Step,
    Tree,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from peakctl.model import Adapter

T = TypeVar("T")
ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a value of another type than the contract's comes to."""


class Guarded:
    """An adapter whose answers are not trusted. Raises ApiError where they make no sense.

    A call that ends so is in doubt: the platform may have acted before it answered.
    """

    def __init__(self, adapter: Adapter, kind: str) -> None:
        self._adapter = adapter
        self._kind = kind

    @property
    def makes(self) -> tuple[str, ...]:
        return self._adapter.makes

    async def index(self, resources: Sequence[Resource] = ()) -> tuple[Listed, ...]:
        return await self._read(self._adapter.index(resources))

    async def find(self, name: str) -> tuple[Listed, ...]:
        return await self._read(self._adapter.find(name))

    async def look_up(self, id: str | int, values: Tree) -> Listed | None:  # noqa: A002
        return await self._read(self._adapter.look_up(id, values))

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        return await self._read(self._adapter.read(listed, resource))

    async def pin(self, listed: Listed, version: str | None) -> Tree | None:
        return await self._read(self._adapter.pin(listed, version))

    async def call(self, order: CallRequest) -> CallResult:
        doubtful = order.step is not Step.WAIT
        return await self._read(self._adapter.call(order), doubtful=doubtful)

    async def poll(self, receipt: CallResult) -> Readiness:
        return await self._read(self._adapter.poll(receipt))

    async def dependents(self, live: Live) -> tuple[str, ...]:
        return await self._read(self._adapter.dependents(live))

    async def wholes(
        self, lives: Sequence[Live], read: Sequence[Live]
    ) -> Mapping[tuple[str, str], Key]:
        return await self._read(self._adapter.wholes(lives, read))

    async def logs(self, receipt: CallResult) -> tuple[str, ...]:
        return await self._read(self._adapter.logs(receipt))

    async def _read(self, answer: Awaitable[T], *, doubtful: bool = False) -> T:
        try:
            return _checked(await answer)
        except ODD as error:
            raise ApiError(self._tell(error), doubtful=doubtful) from error

    def _tell(self, error: Exception) -> Diagnostic:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{PurePath(frame.filename).name}, line {frame.lineno}"
        return Diagnostic(
            code="api/unexpected",
            summary=f"{self._kind}: the platform's answer is not of the documented shape",
            detail=f"{type(error).__name__} in {place}",
            fix="a newer peakctl may know this answer; else report it with that place",
        )


def _checked(answer: T) -> T:
    """`answer` itself. Raises TypeError where a part of it has another type than the model says.

    What adapters take over as it came (an id, a name, a version) would fail later, and elsewhere.
    """
    for each in answer if isinstance(answer, tuple) else (answer,):
        if isinstance(each, Listed):
            _expect(each.id, str, int)
            _expect(each.name, str)
        elif isinstance(each, Live):
            _expect(each.id, str, int)
            _expect(each.status, str)
            for number in (each.version, each.latest):
                _expect(number, str, type(None))
            for part in each.values.values():
                _expect(part, Mapping)
    return answer


def _expect(value: object, *types: type) -> None:
    if isinstance(value, bool) or not isinstance(value, types):
        raise TypeError(f"{type(value).__name__} where {types[0].__name__} is expected")
