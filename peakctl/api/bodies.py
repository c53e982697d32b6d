"""Request bodies as bytes: JSON and multipart, with every `Secret` opened.

The forms are those of the platform's own client (docs/platform.md, 1.3).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from peakctl.model import MISSING, Value, reveal
from peakctl.model.records import dataclass
from peakctl.model.text import secret_texts

Query = Sequence[tuple[str, str]]
JSON_TYPE = "application/json"
_TEXT = "utf-8", "surrogatepass"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body: plain `text`, or the text of `json`, or what is in `file`.

    A part with none of the three is left out; `json=None` is the text `null`. A file without a
    `filename` is the zip of an artifact.
    """

    name: str
    text: Value = None
    json: object = MISSING
    file: bytes | None = None
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """What goes out: the bytes and their type. `content_type` is "" when there is no body."""

    content: bytes = b""
    content_type: str = ""
    secrets: tuple[str, ...] = ()


def encode_body(value: object, parts: Sequence[Part] | None) -> Body:
    """The body of a write: multipart when there are parts, else JSON.

    Nothing to say is `{}`, as the platform's own client has it.
    """
    if parts is not None:
        return encode_parts(parts)
    value = {} if value is None else value
    return Body(encode_json(value), JSON_TYPE, tuple(secret_texts(value)))


def encode_json(value: Any) -> bytes:
    """JSON text like Python's default: a space after `,` and `:`, non-ASCII escaped."""
    return json.dumps(reveal(value)).encode()


def encode_parts(parts: Sequence[Part]) -> Body:
    """Multipart form data: files first, then texts. Raises ValueError on a second artifact.

    The boundary is taken from the content, so that equal parts give equal bytes.
    """
    ordered = sorted((p for p in parts if not _is_empty(p)), key=lambda p: p.file is None)
    if sum(p.file is not None and not p.filename for p in ordered) > 1:
        raise ValueError("a multipart body has at most one artifact")
    pieces = [_head(p) + b"\r\n\r\n" + _content(p) + b"\r\n" for p in ordered]
    boundary = hashlib.sha256(b"".join(pieces)).hexdigest()[:32]
    line = b"--" + boundary.encode()
    content = b"".join(line + b"\r\n" + piece for piece in pieces) + line + b"--\r\n"
    secrets = tuple(t for p in ordered for t in secret_texts([p.text, p.json]))
    return Body(content, f"multipart/form-data; boundary={boundary}", secrets)


def _is_empty(part: Part) -> bool:
    return part.text is None and part.json is MISSING and part.file is None


def _head(part: Part) -> bytes:
    head = f'Content-Disposition: form-data; name="{_quoted(part.name)}"'
    if part.file is not None:
        kind = "application/octet-stream" if part.filename else "application/zip"
        name = _quoted(part.filename or "artifact.zip")
        head += f'; filename="{name}"\r\nContent-Type: {kind}'
    return head.encode(*_TEXT)


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _content(part: Part) -> bytes:
    if part.file is not None:
        return part.file
    if part.text is None:
        return encode_json(part.json)
    text = reveal(part.text)
    return text.encode(*_TEXT) if isinstance(text, str) else encode_json(text)
