"""Answers as responses, and what faults make of them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from peakctl.emulator.calls import Answer
from peakctl.emulator.faults import Dropped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peakctl.emulator.faults import Fault


def respond(answer: Any, status: int) -> Response:
    if not isinstance(answer, Answer):
        answer = Answer(answer, status)
    if isinstance(answer.body, bytes):
        return Response(answer.body, answer.status, headers=dict(answer.headers))
    text = json.dumps(answer.body, separators=(",", ":"))
    return Response(text, answer.status, dict(answer.headers), "application/json")


def refusal(status: int, detail: str, headers: Sequence[tuple[str, str]] = ()) -> Response:
    return respond(Answer({"detail": detail}, status, tuple(headers)), status)


async def before(fault: Fault | None) -> Response | None:
    """What a fault does to a request that has not acted; None: go on."""
    if fault is None or fault.when == "after":
        return None
    if fault.action == "drop":
        raise Dropped(acted=False)
    if fault.action == "delay":
        await asyncio.sleep(fault.seconds)
    return _failure(fault) if fault.action == "status" else None


async def after(fault: Fault | None, response: Response) -> Response:
    """What a fault does to the answer of a request that has acted."""
    if fault is None or (fault.when == "before" and fault.action != "truncate"):
        return response
    if fault.action == "drop":
        raise Dropped(acted=True)
    if fault.action == "delay":
        await asyncio.sleep(fault.seconds)
    if fault.action == "truncate":
        body = bytes(response.body)
        response.body = body[: len(body) // 2]
    return _failure(fault) if fault.action == "status" else response


def _failure(fault: Fault) -> Response:
    wait = fault.retry_after
    headers = () if wait is None else (("Retry-After", f"{wait:g}"),)
    return refusal(fault.status, fault.detail, headers)
