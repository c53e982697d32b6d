"""Reads multipart/form-data as the platform's client writes it (contract, section 1.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from peakctl.emulator.problems import Problem

NAME = re.compile(r'(?<!\w)name="([^"]*)"')
FILENAME = re.compile(r'(?<!\w)filename="([^"]*)"')
BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sent:
    """One part: its bytes, and a file name when it is a file."""

    name: str
    data: bytes
    filename: str | None = None

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


def parse_parts(content_type: str, body: bytes) -> tuple[Sent, ...]:
    """All parts in order; raises a 400 for a body that ends early or has no boundary."""
    found = BOUNDARY.search(content_type)
    if found is None:
        raise Problem(400, "the multipart body has no boundary")
    mark = b"--" + found[1].encode()
    chunks = (b"\r\n" + body).split(b"\r\n" + mark)
    if not chunks[-1].startswith(b"--"):
        raise Problem(400, "the multipart body is incomplete")
    return tuple(_part(chunk) for chunk in chunks[1:-1])


def _part(chunk: bytes) -> Sent:
    head, gap, data = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    header = head.decode("utf-8", "replace")
    name = NAME.search(header)
    if not gap or name is None:
        raise Problem(400, "a part of the multipart body has no name")
    filename = FILENAME.search(header)
    return Sent(name[1], data, filename[1] if filename else None)
