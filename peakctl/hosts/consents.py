"""Consent that somebody has given on a request: a line of a comment or a review, or a label.

It counts only where the host's own API says that a person gave it who may write to the repository
and did not open the request, and that nobody has edited it since: whoever may write can edit what
others wrote. A whole line names the commit and the plan that it is for; a short one and a label are
for the commit that was there as they were made. Titles and descriptions are never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import field

from peakctl.hosts.requests import Request, Requests, Words
from peakctl.model.records import dataclass

MASS_CHANGE, ADOPT, TAKE_OVER, FORWARD = "mass-change", "adopt", "take-over", "forward"
_WHAT = r"(mass-change|adopt|take-over|forward)(?:{0}([^\s]{{1,200}}))?"
_LINE = re.compile(
    rf"peakctl: allow {_WHAT.format(' (?!at [0-9a-f])')}"
    r"(?: at ([0-9a-f]{40,64}) as ([0-9a-f]{16}))?\s*\Z"
)
_LABEL = re.compile(rf"peakctl/allow-{_WHAT.format('-')}\Z")
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|^ {0,3}(?P<fence>```+|~~~+).*?(?:^ {0,3}(?P=fence)[`~]*[ ]*$|\Z)",
    re.S | re.M,
)
"""What is a comment of HTML, or quoted as code."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be consented to: what a guard refuses, in the plan of a commit.

    `value` is the number of changes, or the owner that something is taken from. `plan` is the
    beginning of the plan's digest; commit and plan are "" in a short line.
    """

    guard: str
    value: str = ""
    commit: str = ""
    plan: str = ""

    def __str__(self) -> str:
        return f"{self.short} at {self.commit} as {self.plan}"

    @property
    def words(self) -> str:
        """What is allowed: `mass-change 12`."""
        return f"{self.guard} {self.value}".strip()

    @property
    def short(self) -> str:
        return f"peakctl: allow {self.words}"


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent that counts: to what, who gave it, when, and where."""

    to: Wanted
    by: str
    at: float | None
    url: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One that does not count, and why."""

    by: str
    why: str


@dataclass(slots=True)
class Found:
    """What was found on a request: at most one consent for each of what is wanted."""

    consents: dict[Wanted, Consent] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


async def find_consents(
    requests: Requests, request: Request, wanted: Sequence[Wanted], made_by: str
) -> Found:
    """Who has consented to what is `wanted` on a request. Raises HostError.

    `made_by` is what makes plans, by whose runs it is known how long the commit is there.
    """
    search = _Search(requests, request, wanted, made_by)
    async for words in requests.words(request):
        for line in _lines(words):
            await search.judge(words, line)
    return search.found


@dataclass(slots=True)
class _Search:
    """What is looked for on one request, and what was found so far."""

    requests: Requests
    request: Request
    wanted: Sequence[Wanted]
    made_by: str
    found: Found = field(default_factory=Found)
    seen: list[float | None] = field(default_factory=list)

    async def judge(self, words: Words, line: Wanted) -> None:
        """Keep a line that counts, or why it does not; what is not asked for is no matter."""
        left = [each for each in self.wanted if each not in self.found.consents]
        match = next((each for each in left if each.words == line.words), None)
        why = _why_not(words, line, self.wanted, self.request)
        if match is None and not why:
            return
        why = why or await self._why_not(words, line)
        if why:
            self.found.refused.append(Refused(words.by, why))
        elif match is not None:
            self.found.consents[match] = Consent(match, words.by, words.at, words.url)

    async def _why_not(self, words: Words, line: Wanted) -> str:
        """The same as far as the host has to be asked."""
        if not line.commit:
            if not self.seen:
                self.seen.append(await self.requests.seen_at(self.request, self.made_by))
            if why := _why_too_old(words.at, self.seen[0]):
                return why
        may = await self.requests.may_write(words.id)
        return "" if may else "they may not write to the repository"


def _lines(words: Words) -> Iterator[Wanted]:
    """The lines that readers see as words of their author; a label is one."""
    if label := _LABEL.match(words.text):
        yield Wanted(label[1], label[2] or "")
        return
    for line in _HIDDEN.sub("", words.text.replace("\r\n", "\n")).splitlines():
        if found := _LINE.match(line):
            yield Wanted(found[1], found[2] or "", found[3] or "", found[4] or "")


def _why_not(words: Words, line: Wanted, wanted: Sequence[Wanted], request: Request) -> str:
    """Why a line does not count, as far as it tells itself; "" if it may, or is of no matter."""
    if not request.author or words.id.lower() == request.author.lower():
        return "they opened the request"
    if words.flaw:
        return words.flaw
    if line.commit and (line.commit != request.head or not request.head):
        return f"it is for the commit {line.commit[:12]}, and {request.head[:12]} was pushed since"
    if line.plan and all(line.plan != each.plan for each in wanted):
        return "it is for another plan"
    same = next((each for each in wanted if each.guard == line.guard), None)
    if same is None or any(each.words == line.words for each in wanted):
        return ""
    if line.guard == MASS_CHANGE:
        return f"it is for {line.value} changes, and there are {same.value}"
    return f"it is for {line.words}, and {same.words} is asked"


def _why_too_old(said: float | None, seen: float | None) -> str:
    if seen is None or said is None:
        return "it is not known whether it is older than the last push: write the whole line"
    return "" if said > seen else "it is older than the last push, or than its last run"
