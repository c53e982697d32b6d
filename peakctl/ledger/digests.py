"""Digests of values that must not be written down, for telling whether one is another.

Secrets are digested slowly, so that a short one cannot be found by trying; everything else is not
secret, and quick.
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any

from peakctl.model import MAPS, MISSING, Secret, Unknown, Value, reveal

COST = 2**14
"""Of scrypt: 16 MiB and some 50 ms for each secret."""
LIGHT = 2
"""Of scrypt, for digests that never leave the memory of the run."""
SHORT = 24
"""Digits of a short digest."""
_REMEMBERED = 20_000


class Digests:
    """Digests under one salt. A secret is worked on once in the life of the process.

    `cost` is that of scrypt, a power of 2 (0: the full one).
    """

    def __init__(self, salt: str, cost: int = 0) -> None:
        self._salt = salt
        self._cost = cost

    def of(self, value: Value) -> str:
        """The digest of a value: the same for the same JSON alone (1 is not true)."""
        text = json.dumps(self._opaque(value), sort_keys=True)
        return hashlib.sha256(f"{self._salt}:{text}".encode()).hexdigest()

    def short(self, value: Value) -> str:
        """The beginning of the digest of a value without secrets, where a hint is enough."""
        return self.of(value)[:SHORT]

    def of_whole(self, value: Value) -> str:
        """The same, slow, for a value that may have secrets in it that are not marked as such."""
        return self.of(Secret(reveal(value)))

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
        return _slowly(text, self._salt, self._cost or COST)


@functools.lru_cache(_REMEMBERED)
def _slowly(text: str, salt: str, cost: int) -> str:
    slow = hashlib.scrypt(text.encode(), salt=salt.encode(), n=cost, r=8, p=1, dklen=32)
    return slow.hex()
