"""Digests of values that must not be written down, for telling whether one is another.

Secrets are digested slowly, so that a short one cannot be found by trying; everything else is not
secret, and quick.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from peakctl.engine.tree import MAPS
from peakctl.model import MISSING, Secret, Unknown, Value

COST = 2**14
"""Of scrypt: 16 MiB and some 50 ms for each secret."""


class Digests:
    """Digests under one salt. A secret is worked on once in the life of the object."""

    def __init__(self, salt: str) -> None:
        self._salt = salt
        self._slow: dict[str, str] = {}

    def of(self, value: Value) -> str:
        """The digest of a value: the same for the same JSON alone (1 is not true)."""
        text = json.dumps(self._opaque(value), sort_keys=True)
        return hashlib.sha256(f"{self._salt}:{text}".encode()).hexdigest()

    def _opaque(self, value: Value) -> Any:
        """JSON without secrets."""
        match value:
            case Secret():
                return f"secret:{self._of_secret(value)}"
            case Unknown():
                return f"unknown:{value.of}.{value.attribute}"
            case list() | tuple():
                return [self._opaque(v) for v in value]
            case _ if isinstance(value, MAPS):
                return {k: self._opaque(v) for k, v in value.items()}
            case _ if value is MISSING:
                return {"\0": "missing"}  # no manifest has such a key
            case _:
                return value

    def _of_secret(self, secret: Secret) -> str:
        text = json.dumps(secret.reveal(), sort_keys=True, default=str)
        if text not in self._slow:
            slow = hashlib.scrypt(
                text.encode(), salt=self._salt.encode(), n=COST, r=8, p=1, dklen=32
            )
            self._slow[text] = slow.hex()
        return self._slow[text]
