"""Secrets in texts that others wrote: found in all their forms, and masked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from peakctl.model import MASK, Secret


def hide(text: str, secrets: Sequence[str]) -> str:
    """`text` with a mask in place of each secret, however it is escaped."""
    # The longest first, so that no part of one stays because another one is a part of it.
    for secret in sorted({form for s in secrets for form in _forms(s)}, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, MASK)
        else:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    return text


def _forms(secret: str) -> set[str]:
    """A secret as it may stand in an answer: bare, escaped, or without its scheme (`Bearer`)."""
    plain = " ".join(secret.split())
    words = {line for line in (*secret.splitlines(), *plain.split(" ")[-1:]) if len(line) >= 8}
    return {plain, json.dumps(secret)[1:-1], quote(secret, safe=""), *words} - {""}


def secret_texts(value: Any) -> Iterator[str]:
    """The texts under every `Secret`: a server that repeats one must not get it printed."""
    match value:
        case Secret():
            yield from _leaf_texts(value.reveal())
        case Mapping():
            for item in value.values():
                yield from secret_texts(item)
        case list() | tuple():
            for item in value:
                yield from secret_texts(item)
        case _:
            return


def _leaf_texts(value: Any) -> Iterator[str]:
    match value:
        case Mapping():
            for item in value.values():
                yield from _leaf_texts(item)
        case list() | tuple():
            for item in value:
                yield from _leaf_texts(item)
        case Secret():
            yield from _leaf_texts(value.reveal())
        case None | bool() | "":
            return
        case _:
            yield str(value)
