"""A log that is followed: no line is lost and none comes twice, whatever pages and network do."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from chaos.clock import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from peakctl.adapters.executions import LogLine, LogPart
from peakctl.errors import ApiError, Diagnostic
from peakctl.model import State
from peakctl.operations.following import BuildLog, LogReader, Pace, follow

# How a platform gives tokens. All of them occur in services that keep logs in parts.
SAME_AT_END = "the token of an empty part at the end"
NONE_AT_END = "no token where nothing more is there yet"
NEVER = "no token at all: each answer has the log so far"
CHANGING = "another token for each answer, also for an empty one"


@dataclass
class Server:
    """Writes `growth[n]` lines before its n-th answer, and fails where `failures` says so."""

    style: str
    sizes: list[int]
    growth: list[int]
    failures: set[int]
    gaps: set[int]
    total: int = 0
    written: int = 0
    answers: int = 0

    def __post_init__(self) -> None:
        self.total = sum(self.growth)

    @property
    def is_over(self) -> bool:
        return self.written >= self.total

    async def read(self, token: str | None) -> LogPart:
        if self.growth:
            self.written += self.growth.pop(0)
        self.answers += 1
        if self.answers in self.failures:
            raise ApiError(Diagnostic("api/broken", "the connection broke"))
        start = int(token.split("/")[1]) if token else 0
        size = self.sizes[self.answers % len(self.sizes)]
        if self.style == NEVER:
            size = self.total
        if self.answers in self.gaps and self.style == CHANGING:
            size = 0
        lines = tuple(LogLine(str(n)) for n in range(start, min(start + size, self.written)))
        following = start + len(lines)
        status = "success" if self.is_over else "building"
        return LogPart(lines, self._token(start, following), status)

    def _token(self, start: int, following: int) -> str | None:
        if self.style == NEVER or (self.style == NONE_AT_END and following >= self.written):
            return None
        return f"f/{following}/{self.answers if self.style == CHANGING else 's'}"


@dataclass
class Heard:
    lines: list[str] = field(default_factory=list)

    def hear(self, step: str, line: LogLine) -> None:
        self.lines.append(line.text)

    def rest(self) -> None:
        pass


SERVERS = st.builds(
    Server,
    style=st.sampled_from([SAME_AT_END, NONE_AT_END, NEVER, CHANGING]),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    growth=st.lists(st.integers(0, 9), max_size=25),
    failures=st.sets(st.integers(1, 40), max_size=12),
    gaps=st.sets(st.integers(1, 40), max_size=6),
)


async def ask() -> str:
    return "success"


@given(SERVERS)
def test_a_followed_log_is_whole_and_in_order(server: Server) -> None:
    heard, clock = Heard(), FakeClock()
    subject = BuildLog("build 1", LogReader(server.read), ask)
    state = asyncio.run(follow(subject, heard, Pace(clock), to_end=True))
    assert state is State.READY
    assert heard.lines == [str(n) for n in range(server.total)]


@given(SERVERS)
def test_a_reader_goes_on_where_it_was_cut_off(server: Server) -> None:
    reader, found = LogReader(server.read), list[str]()

    async def read() -> None:
        with contextlib.suppress(ApiError):
            async for line in reader.new_lines():
                found.append(line.text)

    for _ in range(80):
        asyncio.run(read())
    assert found == [str(n) for n in range(server.total)]


def test_a_token_that_leads_back_ends_the_reading() -> None:
    parts = {None: LogPart((LogLine("a"),), "x"), "x": LogPart((LogLine("b"),), "y")}
    parts["y"] = LogPart((LogLine("c"),), "x")

    async def read(token: str | None) -> LogPart:
        return parts[token]

    async def all_lines() -> list[str]:
        reader = LogReader(read)
        return [line.text async for line in reader.new_lines()] + [
            line.text async for line in reader.new_lines()
        ]

    assert asyncio.run(all_lines()) == ["a", "b", "c"]
