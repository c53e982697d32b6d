"""Bytes of a request -> JSON or parts; who the caller is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peakctl.emulator.journal import part_recorded, without_secrets
from peakctl.emulator.multipart import Sent, parse_parts
from peakctl.emulator.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

BODY_LIMIT = 34 * 2**20  # three attachments of 10 MB each (contract, section 4) and some text
TENANT = "tenant:"


async def read_body(request: Request) -> bytes:
    """The whole body; raises a 413 as soon as it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise Problem(413, f"the body is larger than {BODY_LIMIT} bytes")
    return body


def tenant_of(request: Request) -> str:
    """Every token is good and shares one tenant, except `tenant:NAME:anything`; none is a 401."""
    token = request.headers.get("authorization", "").strip()
    if not token:
        raise Problem(401, "no Authorization header")
    token = token.removeprefix("Bearer ").strip()
    if not token.startswith(TENANT):
        return "default"
    name = token.removeprefix(TENANT).partition(":")[0]
    return hashlib.sha256(name.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body as JSON (None when there is none) or as parts."""

    json: Any = None
    parts: tuple[Sent, ...] = ()

    def recorded_json(self, *, whole: bool) -> Any:
        return without_secrets(self.json, whole=whole)

    def recorded_parts(self, *, whole: bool) -> dict[str, Any]:
        return {part.name: part_recorded(part, _guess(part), whole=whole) for part in self.parts}


def decode(content_type: str, body: bytes) -> Decoded:
    """Raises a 400 for what is neither JSON nor complete multipart."""
    if content_type.lower().startswith("multipart/form-data"):
        return Decoded(parts=parse_parts(content_type, body))
    if not body.strip():
        return Decoded()
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Problem(400, "the body is not JSON") from None
    return Decoded(json=value)


def _refuse_constant(word: str) -> Any:
    raise ValueError(word)


def _guess(part: Sent) -> Any:
    if part.filename is not None:
        return None
    if part.text[:1] not in ("{", "["):
        return part.text
    try:
        return json.loads(part.data)
    except ValueError:
        return part.text
