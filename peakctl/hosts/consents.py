"""Consent that somebody has written on a pull request, as a line of a comment. GitHub alone.

A line counts only where the host's own API says that a person wrote it who may write to the
repository and did not open the request, and that nobody has edited it since: whoever may write can
edit what others wrote. It names the commit and the plan that it is for, so it says nothing of what
is pushed later. Titles, descriptions and labels are never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from peakctl.hosts.client import HostClient
from peakctl.hosts.job import COMMIT, Job, at, text_at
from peakctl.model.records import dataclass

MAY_WRITE = ("admin", "write")
"""Words of the permission API; it says `write` for the role `maintain`, too."""
_LINE = re.compile(
    r"peakctl: allow mass-change ([1-9][0-9]{0,6}) at ([0-9a-f]{40,64}) as ([0-9a-f]{16})\s*\Z"
)
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|^ {0,3}(?P<fence>```+|~~~+).*?(?:^ {0,3}(?P=fence)[`~]*[ ]*$|\Z)",
    re.S | re.M,
)
"""What is a comment of HTML, or quoted as code."""
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\Z")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be consented to: so many changes, by the plan of a commit.

    `plan` is the beginning of the plan's digest.
    """

    number: int
    commit: str
    plan: str

    def __str__(self) -> str:
        return f"peakctl: allow mass-change {self.number} at {self.commit} as {self.plan}"


@dataclass(frozen=True, slots=True)
class Consent:
    """A line that counts: who wrote it, and where."""

    by: str
    url: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that does not count, and why."""

    by: str
    why: str


async def find_consent(
    client: HostClient, job: Job, number: int, plan: str
) -> tuple[Wanted, Consent | None, tuple[Refused, ...]]:
    """What would have to be consented to on the request of `job`, and who has. Raises HostError."""
    pull = await client.get(f"/repos/{job.repository}/pulls/{job.request}")
    wanted = Wanted(number, text_at(pull, "head", "sha", fits=COMMIT.match), plan)
    author = text_at(pull, "user", "login")
    refused: list[Refused] = []
    path = f"/repos/{job.repository}/issues/{job.request}/comments"
    async for comment in client.pages(path):
        for line in _lines(text_at(comment, "body")):
            who = text_at(comment, "user", "login")
            why = _why_not(comment, line, wanted, author)
            if not why and await _permission(client, job, who) not in MAY_WRITE:
                why = "they may not write to the repository"
            if not why:
                return wanted, Consent(who, text_at(comment, "html_url")), tuple(refused)
            refused.append(Refused(who, why))
    return wanted, None, tuple(refused)


def _lines(body: str) -> Iterator[Wanted]:
    """The lines of a comment that its readers see as words of its author."""
    for line in _HIDDEN.sub("", body.replace("\r\n", "\n")).splitlines():
        if found := _LINE.match(line):
            yield Wanted(int(found[1]), found[2], found[3])


def _why_not(comment: object, line: Wanted, wanted: Wanted, author: str) -> str:
    """Why a line does not count, as far as the comment tells; "" if it may."""
    who = text_at(comment, "user", "login")
    if not author or who.lower() == author.lower():
        return "they opened the request"
    if at(comment, "user", "type") != "User" or not _LOGIN.match(who):
        return "that is no person"
    made, edited = text_at(comment, "created_at"), text_at(comment, "updated_at")
    if not made or made != edited:
        return "the comment was edited"
    if line.commit != wanted.commit or not wanted.commit:
        return f"it is for the commit {line.commit[:12]}, and {wanted.commit[:12]} was pushed since"
    if line.plan != wanted.plan:
        return "it is for another plan"
    if line.number != wanted.number:
        return f"it is for {line.number} changes, and there are {wanted.number}"
    return ""


async def _permission(client: HostClient, job: Job, who: str) -> str:
    path = f"/repos/{job.repository}/collaborators/{who}/permission"
    return text_at(await client.get(path), "permission")
