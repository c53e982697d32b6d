"""Requests: who asks, bytes -> JSON or parts, and the log of what was asked.

The log is for tests and rehearsals; it holds no credentials.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import asdict, field
from typing import TYPE_CHECKING, Never

from peakctl.emulator.problems import Problem
from peakctl.model import JsonDict
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from starlette.requests import Request

    from peakctl.emulator.store import Store

BODY_LIMIT = 34 * 2**20  # three attachments of 10 MB each, and some text
TENANT = "tenant:"
NAME = re.compile(r'(?<!\w)name="([^"]*)"')
FILENAME = re.compile(r'(?<!\w)filename="([^"]*)"')
BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
SECRET_NAME = re.compile(
    r"token|password|clientsecret|api_?key|credential|authorization", re.IGNORECASE
)
HIDDEN = "(not recorded)"
NAMING = re.compile(
    r"name|kind|type|version|scope|status|source|featured|useCache|(entity|service)Type"
    r"|id|(image|version|imageVersion|entity|instanceType)Id"
)
FREE = re.compile(r"parameters|appParameters|templateParameters|env|absolute|buildArguments")
"""Maps whose keys are the user's own, so that a name says nothing about its value."""

KEPT = 20_000
TOGETHER = 50


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
class Part:
    """One part: its bytes, and a file name when it is a file."""

    name: str
    data: bytes
    filename: str | None = None

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body as JSON (None when there is none) or as parts."""

    json: object = None
    parts: tuple[Part, ...] = ()


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


def _refuse_constant(word: str) -> Never:
    raise ValueError(word)


def parse_parts(content_type: str, body: bytes) -> tuple[Part, ...]:
    """All parts in order; raises a 400 for a body that ends early or has no boundary."""
    found = BOUNDARY.search(content_type)
    if found is None:
        raise Problem(400, "the multipart body has no boundary")
    mark = b"--" + found[1].encode()
    chunks = (b"\r\n" + body).split(b"\r\n" + mark)
    if not chunks[-1].startswith(b"--"):
        raise Problem(400, "the multipart body is incomplete")
    return tuple(_part(chunk) for chunk in chunks[1:-1])


def _part(chunk: bytes) -> Part:
    head, gap, data = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    header = head.decode("utf-8", "replace")
    name = NAME.search(header)
    if not gap or name is None:
        raise Problem(400, "a part of the multipart body has no name")
    filename = FILENAME.search(header)
    return Part(name[1], data, filename[1] if filename else None)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request. `parts` maps names of parts to text, JSON or a file's digest and size.

    `at` is the emulator's time in seconds since 1970, `seconds` how long the answer took; a status
    of 0 says that there was none.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    body: object = None
    parts: JsonDict = field(default_factory=dict)
    at: float = 0.0
    seconds: float = 0.0
    tenant: str = ""


def without_secrets(value: object, *, whole: bool) -> object:
    """The same JSON; texts under names that speak of credentials are replaced.

    Unless `whole`, so is every text and number but those that name things and say what they are:
    any other may be a secret, and only who sent it knows.
    """
    if isinstance(value, dict):
        return {k: _kept(str(k), v, whole=whole) for k, v in value.items()}
    if isinstance(value, list):
        return [without_secrets(item, whole=whole) for item in value]
    return value if whole or value is None or isinstance(value, bool) else HIDDEN


def _kept(name: str, value: object, *, whole: bool) -> object:
    if SECRET_NAME.search(name) and isinstance(value, str) and value:
        return HIDDEN
    if NAMING.fullmatch(name) and not isinstance(value, dict | list):
        return value
    if FREE.fullmatch(name) and not whole:
        return HIDDEN
    return without_secrets(value, whole=whole)


def parts_recorded(parts: tuple[Part, ...], *, whole: bool) -> JsonDict:
    """What the log keeps of parts: their JSON or text, of files a digest and the size."""
    return {part.name: _part_kept(part, whole=whole) for part in parts}


def _part_kept(part: Part, *, whole: bool) -> object:
    if part.filename is not None:
        return {"digest": hashlib.sha256(part.data).hexdigest(), "bytes": len(part.data)}
    value: object = part.text
    if part.text[:1] in ("{", "["):
        with contextlib.suppress(ValueError):
            value = json.loads(part.data)
    return _kept(part.name, value, whole=whole)


class RequestLog(list[Recorded]):
    """What an emulator was asked. `store` keeps it beyond the process, a few entries at a time."""

    def __init__(self, store: Store | None = None) -> None:
        super().__init__()
        self._store = store
        self._unkept: list[Recorded] = []

    def add(self, recorded: Recorded, *, at_once: bool) -> None:
        """Append, and forget the oldest beyond a limit; `at_once` puts it into the store now."""
        self.append(recorded)
        if len(self) > KEPT:
            del self[: KEPT // 10]
        if self._store is not None:
            self._unkept.append(recorded)
            if at_once or len(self._unkept) >= TOGETHER:
                self.keep()

    def keep(self) -> None:
        """Put into the store what it does not have yet."""
        if self._store is not None and self._unkept:
            entries = [json.dumps(asdict(entry)) for entry in self._unkept]
            self._store.keep_requests(entries, KEPT)
            self._unkept.clear()

    def kept(self) -> list[JsonDict]:
        """The log of the store where there is one, else of this emulator."""
        self.keep()
        if self._store is None:
            return [asdict(entry) for entry in self]
        return [json.loads(entry) for entry in self._store.requests()]

    def forget(self) -> None:
        """Forget all, in the store too."""
        self.clear()
        self._unkept.clear()
        if self._store is not None:
            self._store.forget_requests()
