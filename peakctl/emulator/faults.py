"""Failures on demand: which requests are hit, and what happens to them."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, get_args

from peakctl.emulator import schemas as s
from peakctl.emulator.calls import refuse
from peakctl.emulator.problems import invalid
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from starlette.responses import Response

Action = Literal["status", "delay", "drop", "truncate"]
When = Literal["before", "after"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """A rule. It looks at requests of `method` (`*`: all) whose path contains `path` (a regex).

    The first `skip` of them pass; the next `times` (None: all) are hit, each with `probability`
    (drawn from `seed`). `action`: answer `status` with `detail` and `retry_after` (seconds); wait
    `seconds`; drop the connection; send half of the answer. `when` says whether the request has
    taken effect by then.
    """

    method: str = "*"
    path: str = ""
    skip: int = 0
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    action: Action = "status"
    when: When = "before"
    status: int = 503
    detail: str = "injected fault"
    retry_after: float | None = None
    seconds: float = 0.0
    seen: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it. Rules after one that hits do not see it."""
        if self.method not in ("*", method) or not re.search(self.path, path):
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.hits >= self.times):
            return False
        if self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True


class Dropped(BaseException):
    """The connection is to be closed without an answer; `acted` when the request took effect.

    Not an Exception, as starlette would answer those with a 500 before anyone else sees them.
    """

    def __init__(self, *, acted: bool) -> None:
        super().__init__("connection dropped by a fault")
        self.acted = acted


RULE = s.optional(
    method=s.LINE, path=s.TEXT, skip=s.whole(0), times=s.whole(0), probability=s.NUMBER,
    seed=s.WHOLE, action=s.text(*get_args(Action)), when=s.text(*get_args(When)),
    status=s.whole(100, 599), detail=s.TEXT, retry_after=s.NUMBER, seconds=s.NUMBER,
)  # fmt: skip


def read_fault(rule: Any) -> Fault:
    """A rule from JSON, keys as in `Fault` (`retryAfter` is understood too); raises a 422."""
    s.check(s.MAP, rule, "fault")
    values = {("retry_after" if key == "retryAfter" else key): v for key, v in rule.items()}
    s.check(RULE, values, "fault")
    for key in sorted(values.keys() - RULE["properties"].keys()):
        raise invalid(f"fault.{key}", f"is not one of {', '.join(sorted(RULE['properties']))}")
    try:
        re.compile(values.get("path") or "")
    except re.error as error:
        raise invalid("fault.path", str(error)) from None
    # A null is an absent value, but for `times`, where it says that there is no end.
    return Fault(**{key: v for key, v in values.items() if v is not None or key == "times"})


def read_faults(rules: object) -> list[Fault]:
    """One rule, a list of them, or `{"faults": [...]}`."""
    if isinstance(rules, Mapping) and "faults" in rules:
        rules = rules["faults"]
    return [read_fault(rule) for rule in (rules if isinstance(rules, list) else [rules])]


async def before(fault: Fault | None) -> Response | None:
    """What a fault does to a request that has not acted; None: go on."""
    return await _strike(fault, acted=False) if fault and fault.when == "before" else None


async def after(fault: Fault | None, response: Response) -> Response:
    """What a fault does to the answer of a request that has acted."""
    if fault is None:
        return response
    if fault.action == "truncate":
        body = bytes(response.body)
        response.body = body[: len(body) // 2]
    struck = await _strike(fault, acted=True) if fault.when == "after" else None
    return struck or response


async def _strike(fault: Fault, *, acted: bool) -> Response | None:
    if fault.action == "drop":
        raise Dropped(acted=acted)
    if fault.action == "delay":
        await asyncio.sleep(fault.seconds)
    if fault.action != "status":
        return None
    wait = fault.retry_after
    headers = () if wait is None else (("Retry-After", f"{wait:g}"),)
    return refuse(fault.status, fault.detail, headers)
