"""What was asked of the emulator, for tests and rehearsals; holds no credentials."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peakctl.emulator.multipart import Sent
    from peakctl.emulator.store import Store

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
    body: Any = None
    parts: dict[str, Any] = field(default_factory=dict)
    at: float = 0.0
    seconds: float = 0.0
    tenant: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def without_secrets(value: Any, *, whole: bool) -> Any:
    """The same JSON; texts under names that speak of credentials are replaced.

    Unless `whole`, so is every text and number but those that name things and say what they are:
    any other may be a secret, and only who sent it knows.
    """
    if isinstance(value, dict):
        return {k: _kept(str(k), v, whole=whole) for k, v in value.items()}
    if isinstance(value, list):
        return [without_secrets(item, whole=whole) for item in value]
    return value if whole or value is None or isinstance(value, bool) else HIDDEN


def _kept(name: str, value: Any, *, whole: bool) -> Any:
    if SECRET_NAME.search(name) and isinstance(value, str) and value:
        return HIDDEN
    if NAMING.fullmatch(name) and not isinstance(value, dict | list):
        return value
    if FREE.fullmatch(name) and not whole:
        return HIDDEN
    return without_secrets(value, whole=whole)


def part_recorded(part: Sent, decoded: Any, *, whole: bool) -> Any:
    """What the journal keeps of one part; `decoded` is its JSON, or its text."""
    if part.filename is not None:
        return {"digest": hashlib.sha256(part.data).hexdigest(), "bytes": len(part.data)}
    return _kept(part.name, decoded, whole=whole)


class Journal(list[Recorded]):
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
            entries = [json.dumps(entry.as_json()) for entry in self._unkept]
            self._store.keep_requests(entries, KEPT)
            self._unkept.clear()

    def kept(self) -> list[dict[str, Any]]:
        """The journal of the store where there is one, else of this emulator."""
        self.keep()
        if self._store is None:
            return [entry.as_json() for entry in self]
        return [json.loads(entry) for entry in self._store.requests()]

    def forget(self) -> None:
        """Forget all, in the store too."""
        self.clear()
        self._unkept.clear()
        if self._store is not None:
            self._store.forget_requests()
