"""Lines of consent: what is one, and for what."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.hosts.consents import Found, Wanted, find_consents
from peakctl.hosts.requests import Request, Words, packed_plan

HEAD, PLAN = "a" * 40, "b" * 16
WANTED = [
    Wanted("mass-change", "12", HEAD, PLAN),
    Wanted("adopt", "", HEAD, PLAN),
    Wanted("take-over", "retail/prod", HEAD, PLAN),
]


@dataclass
class Said:
    """A request on which somebody said something."""

    texts: list[Words]
    seen: float | None = 10.0

    async def words(self, _: Request) -> AsyncIterator[Words]:
        for each in self.texts:
            yield each

    async def seen_at(self, *_: Any) -> float | None:
        return self.seen

    async def may_write(self, id_: str) -> bool:
        return id_ == "bob"


def found(*texts: str, at: float | None = 20.0, seen: float | None = 10.0) -> Found:
    said: Any = Said([Words("bob", "bob", text, at) for text in texts], seen)
    request = Request("7", HEAD, "alice")
    return asyncio.run(find_consents(said, request, WANTED, "peak.yml"))


def test_each_guard_has_its_line_and_its_label() -> None:
    whole = found("\n".join(map(str, WANTED)))
    assert list(whole.consents) == WANTED
    short = found("\n".join(each.short for each in WANTED))
    assert list(short.consents) == WANTED
    labels = [f"peakctl/allow-{w}" for w in ("mass-change-12", "adopt", "take-over-retail/prod")]
    assert list(found(*labels).consents) == WANTED
    assert whole.refused == short.refused == []


@pytest.mark.parametrize(("at", "seen"), [(10.0, 10.0), (9.0, 10.0), (None, 10.0), (20.0, None)])
def test_what_is_short_must_be_newer_than_the_push(at: float | None, seen: float | None) -> None:
    told = found("peakctl: allow adopt", "peakctl/allow-adopt", at=at, seen=seen)
    assert (told.consents, len(told.refused)) == ({}, 2)
    assert list(found(str(WANTED[1]), at=at, seen=seen).consents) == [WANTED[1]]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"peakctl: allow adopt at {'c' * 40} as {PLAN}", "it is for the commit cccccccccccc"),
        (f"peakctl: allow adopt at {HEAD} as {'0' * 16}", "it is for another plan"),
        ("peakctl: allow mass-change 13", "it is for 13 changes, and there are 12"),
        ("peakctl: allow take-over other/prod", "it is for take-over other/prod"),
    ],
)
def test_what_is_for_something_else_is_told(line: str, why: str) -> None:
    told = found(line)
    assert told.consents == {}
    assert [why in each.why for each in told.refused] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "peakctl: allow everything",
        "peakctl: allow mass-change",
        "peakctl: allow adopt at abc",
        "x peakctl: allow adopt",
        "Peakctl: allow adopt",
        "peakctl/allow-adopt please",
    ],
)
def test_what_is_no_line(text: str) -> None:
    assert found(text).consents == {}


@given(st.text(), st.text())
def test_only_a_line_of_its_own_is_one(before: str, after: str) -> None:
    line = str(WANTED[1])
    text = f"{before}{line}{after}"
    told = found(text)
    alone = [row.rstrip() for row in text.replace("\r\n", "\n").splitlines()]
    assert not told.consents or line in alone


def packed(**files: bytes) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as opened:
        for name, content in files.items():
            opened.writestr(name.replace("_", "."), content)
    return data.getvalue()


def test_a_plan_is_taken_from_an_archive_of_the_right_digest() -> None:
    import hashlib

    data = packed(a_peakplan=b"{}", a_md=b"#")
    digest = hashlib.sha256(data).hexdigest()
    assert packed_plan(data) == packed_plan(data, f"sha256:{digest}") == b"{}"
    assert "digest" in str(packed_plan(data, f"sha256:{digest[:-1]}x"))


@given(st.binary(max_size=300))
def test_an_archive_is_whatever_it_is(data: bytes) -> None:
    assert isinstance(packed_plan(data), str)


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_archive_is_told_or_still_whole(at: int, byte: int) -> None:
    data = bytearray(packed(a_peakplan=b"some text of a plan"))
    data[at % len(data)] = byte
    assert isinstance(packed_plan(bytes(data)), str | bytes)
