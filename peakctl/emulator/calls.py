"""One decoded request and its answer; the endpoints are functions from `Call` to `Answer`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peakctl.emulator.problems import Problem, invalid

if TYPE_CHECKING:
    from peakctl.emulator.multipart import Sent
    from peakctl.emulator.options import Options
    from peakctl.emulator.rows import Transaction

UPLOAD_LIMIT = 10 * 2**20  # contract, section 4


@dataclass(slots=True)
class Call:
    """What a client asked. `tx` is open for the length of the call."""

    tx: Transaction
    options: Options
    params: dict[str, str]
    query: list[tuple[str, str]]
    body: Any = None
    parts: tuple[Sent, ...] = ()
    base: str = ""

    def ask(self, name: str) -> str | None:
        """The last value of a query parameter."""
        return next((v for k, v in reversed(self.query) if k == name), None)

    def asks(self, name: str) -> list[str]:
        """All values of a query parameter, whether repeated or with commas."""
        return [p for k, v in self.query if k == name for p in v.split(",") if p]

    def record(self) -> dict[str, Any]:
        """The JSON body, which must be a map."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise Problem(400, "the body must be a JSON object")
        return self.body

    def text(self, name: str) -> str | None:
        """A plain text part. The newer client sends the text `null` for an absent description."""
        part = self._part(name)
        return None if part is None or part.text == "null" else part.text

    def json(self, name: str) -> Any:
        """A part that holds JSON text; None when it is absent."""
        part = self._part(name)
        return None if part is None else read_json(part.text, name)

    def upload(self, *, required: bool = False) -> bytes | None:
        """The file part `artifact`."""
        part = self._part("artifact")
        if part is None and required:
            raise invalid("artifact", "is required")
        if part is not None and len(part.data) > UPLOAD_LIMIT:
            raise Problem(413, f"artifact: larger than {UPLOAD_LIMIT} bytes")
        return part.data if part else None

    def _part(self, name: str) -> Sent | None:
        return next((p for p in self.parts if p.name == name), None)


def read_json(text: str, field: str) -> Any:
    """Decode JSON text inside a field; raises a 422 that names the field."""
    try:
        return json.loads(text)
    except ValueError:
        raise invalid(field, "is not JSON") from None


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON unless it is bytes."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the contract's section 2. `path` is what follows the address of the emulator."""

    method: str
    path: str
    handler: Handler
    status: int = 200
    newer: bool = False
    is_open: bool = False
