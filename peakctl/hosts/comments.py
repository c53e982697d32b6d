"""One comment on a request for each thing that there is to say, found again and updated in place.

A comment is known by the marker on its first line, and by its author: whoever copies a marker gets
no comment of theirs overwritten, and none of ours into their hands.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Protocol

from peakctl.errors import HostError
from peakctl.model.records import dataclass

_MARK = re.compile(r"<!-- peakctl:ci ([a-z]+)((?: [a-z]+=[\w./:-]*)*) -->\s*\Z")
_UNSAFE = re.compile(r"[^\w./:-]")
_UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a request. `author` is the host's word for who wrote it."""

    id: str
    author: str
    body: str
    url: str = ""
    thread: str = ""


class Comments(Protocol):
    """The comments of one request. Methods raise HostError. `limit` is in characters."""

    limit: int

    async def author(self) -> str:
        """Who writes with our token."""

    def all(self) -> AsyncIterator[Comment]:
        """Every comment, the first one first."""

    async def create(self, body: str) -> Comment: ...

    async def update(self, comment: Comment, body: str) -> Comment: ...


@dataclass(frozen=True, slots=True)
class Marker:
    """What a comment is about: a command for a project, an environment and a tenant.

    `folder` is that of the project in its repository: it stands for what a peakctl.yaml that cannot
    be read does not tell.
    """

    command: str
    project: str = ""
    environment: str = ""
    tenant: str = ""
    folder: str = "."

    def __str__(self) -> str:
        fields = " ".join(f"{word}={value}" for word, value in self._fields().items())
        return f"<!-- peakctl:ci {self.command} {fields} -->"

    def is_on(self, body: str) -> bool:
        """Whether a comment is about the same: its first line has the marker."""
        first = body.lstrip("\ufeff").split("\n", 1)[0].strip()
        found = _MARK.match(first)
        if found is None or found[1] != self.command:
            return False
        theirs = dict(pair.split("=", 1) for pair in found[2].split())
        ours = self._fields()
        if _UNKNOWN in (ours["project"], theirs.get("project")):
            return theirs.get("folder") == ours["folder"] and _fit(ours, theirs, "environment")
        return all(theirs.get(word) == ours[word] for word in ("project", "environment", "tenant"))

    def _fields(self) -> dict[str, str]:
        values = {
            "project": self.project,
            "environment": self.environment,
            "tenant": self.tenant,
            "folder": self.folder,
        }
        return {word: _safe(value) for word, value in values.items()}


def _fit(ours: dict[str, str], theirs: dict[str, str], word: str) -> bool:
    return _UNKNOWN in (ours[word], theirs.get(word)) or ours[word] == theirs.get(word)


def _safe(value: str) -> str:
    """`value` as it can stand in a marker: no blank, and nothing that ends an HTML comment."""
    return re.sub(r"-{2,}", "-", _UNSAFE.sub("_", value)) or _UNKNOWN


async def upsert(comments: Comments, marker: Marker, body: str) -> Comment:
    """Write `body` under `marker`: over our own comment with that marker, else as a new one.

    The comment may be deleted at the same moment: then there is a new one. Raises HostError.
    """
    text = f"{marker}\n{body}"
    author = await comments.author()
    if not author:
        raise HostError.of("the host does not tell whose token it is, so no comment is ours")
    ours = None
    async for each in comments.all():
        if each.author == author and marker.is_on(each.body):
            ours = each
            break
    if ours is not None:
        try:
            return await comments.update(ours, text)
        except HostError as error:
            if error.status not in (404, 410):
                raise
    return await comments.create(text)
