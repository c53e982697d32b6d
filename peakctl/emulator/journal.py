"""What was asked of the emulator, for tests and rehearsals; holds no credentials."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peakctl.emulator.multipart import Sent

SECRET_NAME = re.compile(
    r"token|password|clientsecret|api_?key|credential|authorization", re.IGNORECASE
)
HIDDEN = "(not recorded)"
KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request. `parts` maps names of parts to text, JSON or a file's digest and size."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    body: Any = None
    parts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def without_secrets(value: Any) -> Any:
    """The same JSON; texts under names that speak of credentials are replaced."""
    if isinstance(value, dict):
        return {k: _kept(str(k), v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def _kept(name: str, value: Any) -> Any:
    if SECRET_NAME.search(name) and isinstance(value, str) and value:
        return HIDDEN
    return without_secrets(value)


def part_recorded(part: Sent, decoded: Any) -> Any:
    """What the journal keeps of one part; `decoded` is its JSON, or its text."""
    if part.filename is not None:
        return {"digest": hashlib.sha256(part.data).hexdigest(), "bytes": len(part.data)}
    return _kept(part.name, decoded)


def remember(journal: list[Recorded], recorded: Recorded) -> None:
    """Append, and forget the oldest beyond a limit."""
    journal.append(recorded)
    if len(journal) > KEPT:
        del journal[: KEPT // 10]
