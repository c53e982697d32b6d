"""Ledgers that are damaged, that lie, or that a strange server tells of: nothing foreign goes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
import sys
import tracemalloc
import unittest.mock
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from chaos.hostile import ESCAPE, GONE, VALUES, changed, places
from chaos.tenant import Tenant

from peakctl.adapters.ledger_store import ArtifactLedgers, text_of, zip_of
from peakctl.api.client import Api, bases_for
from peakctl.engine.plan.approval import read_approval
from peakctl.errors import LedgerUnusable
from peakctl.ledger.codec import read_ledger, write_ledger
from peakctl.ledger.digests import Digests
from peakctl.model import (
    Actor,
    CiJob,
    Intent,
    Key,
    Lease,
    Ledger,
    Owned,
    Owner,
    PastRun,
    Secret,
    ledger_name,
)

ROOT = Path(__file__).resolve().parents[2]

US, THEM = Owner("p", "local"), Owner("other", "prod")
PROJECT = "project: p\nmanifests: [m.yaml]\nenvironments: {local: {emulator: true}}\n"
FLOW = """apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {call: {type: http, method: post, url: https://example.com/%s}}}
---
"""
BAD = tuple("\x1b\x07\x9b\u202e\u2066\u200f\u061c\b\r\x00")
COMMANDS = (
    ("plan",),
    ("apply", "--yes"),
    ("apply", "--yes", "--prune", "--prune-history"),
    ("destroy", "--yes"),
    ("ledger", "show"),
    ("ledger", "unlock", "--yes"),
    ("ledger", "rebuild", "--yes"),
)
FEW = COMMANDS[2:4] + COMMANDS[6:]
CODES = (0, 1, 11, 12, 13, 14)
NASTY = f"n{ESCAPE}\n\u2066\u200f\u061c`|](javascript:alert(1))"
NEWEST = (
    "SELECT json_extract(v.body, '$.digest') FROM items v JOIN items a ON v.parent = a.id"
    " WHERE v.kind = 'artifact-version' AND a.kind = 'artifact' AND a.name = ?"
    " ORDER BY json_extract(v.body, '$.version') DESC LIMIT 1"
)


def judge(run: Any, *codes: int) -> None:
    told = run.out + run.err
    assert not run.crashed, told[-3000:]
    assert run.code in (codes or CODES), told[-3000:]
    assert not [c for c in BAD if c in told], repr(told[-3000:])


def db_of(tenant: Tenant) -> sqlite3.Connection:
    return tenant.emulator.store._db


def newest(tenant: Tenant, owner: Owner = US) -> bytes:
    (digest,) = db_of(tenant).execute(NEWEST, (ledger_name(owner),)).fetchone()
    return bytes(
        db_of(tenant).execute("SELECT data FROM blobs WHERE digest = ?", (digest,)).fetchone()[0]
    )


def put(tenant: Tenant, data: bytes, owner: Owner = US) -> None:
    """Let the newest version of the ledger of `owner` be `data`."""
    (digest,) = db_of(tenant).execute(NEWEST, (ledger_name(owner),)).fetchone()
    db_of(tenant).execute("UPDATE blobs SET data = ? WHERE digest = ?", (data, digest))
    db_of(tenant).commit()


def lie(tenant: Tenant, owner: Owner = US, **fields: Any) -> Ledger:
    """A ledger that is whole, with some fields that are not true."""
    ledger = replace(read_ledger(text_of(newest(tenant, owner)), owner), **fields)
    put(tenant, zip_of(write_ledger(ledger)), owner)
    return ledger


def add_ledger(tenant: Tenant, owner: Owner, text: bytes) -> str:
    async def add() -> str:
        bases, token = bases_for(None, "http://emulator.localhost"), Secret("t")
        async with Api(transport=tenant.wire, bases=bases, token=token, clock=tenant.clock) as api:
            return str(await ArtifactLedgers(api, tenant.clock).create(ledger_name(owner), text))

    return asyncio.run(add())


def names(tenant: Tenant, kind: str = "workflow") -> list[str]:
    rows = db_of(tenant).execute("SELECT name FROM items WHERE kind = ? ORDER BY name", (kind,))
    return [name for (name,) in rows]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """We own a, b and c, of which c is in no manifest; another project owns d, nobody e."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "peakctl.yaml").write_text(PROJECT, "utf-8")
    flows = folder / "m.yaml"
    tenant = Tenant(folder)
    (folder / "peakctl.yaml").write_text(PROJECT.replace("project: p", "project: other"), "utf-8")
    flows.write_text(FLOW % ("d", "d"), "utf-8")
    assert tenant.run("apply", "--yes", "-e", "local").code == 0
    (folder / "peakctl.yaml").write_text(
        PROJECT.replace("local: {emulator: true}", "local: {emulator: true, ledger: false}"),
        "utf-8",
    )
    flows.write_text(FLOW % ("e", "e"), "utf-8")
    assert tenant.run("apply", "--yes", "-e", "local").code == 0
    (folder / "peakctl.yaml").write_text(PROJECT, "utf-8")
    flows.write_text("".join(FLOW % (n, n) for n in "abc"), "utf-8")
    assert tenant.run("apply", "--yes", "-e", "local").code == 0
    flows.write_text("".join(FLOW % (n, n) for n in "ab"), "utf-8")
    yield tenant
    tenant.close()


@pytest.fixture
def tenant(start: Tenant) -> Iterator[Tenant]:
    copied = start.copy()
    yield copied
    copied.close()


THEIRS = Owner("other", "local")


def ids(tenant: Tenant, kind: str = "workflow") -> dict[str, str]:
    rows = db_of(tenant).execute("SELECT name, id FROM items WHERE kind = ?", (kind,))
    return dict(rows.fetchall())


# --- damage ------------------------------------------------------------------------------------


def test_no_byte_of_a_ledger_can_be_another_without_notice(start: Tenant) -> None:
    data = newest(start)
    whole = read_ledger(text_of(data), US)
    told = 0
    for at in range(len(data)):
        for byte in {data[at] ^ 1, data[at] ^ 0x80, 0, 0xFF} - {data[at]}:
            try:
                found = read_ledger(text_of(data[:at] + bytes([byte]) + data[at + 1 :]), US)
            except LedgerUnusable:
                told += 1
            else:
                assert found == whole  # a time or a flag of the zip
        for other in (data[:at], data[at + 1 :], data[:at] + data[at + 1 :]):
            try:
                assert read_ledger(text_of(other), US) == whole
            except LedgerUnusable:
                told += 1
    assert told > 3 * len(data)


def test_no_byte_of_the_text_can_be_another_without_notice(start: Tenant) -> None:
    text = text_of(newest(start))
    whole = read_ledger(text, US)
    for at in range(len(text)):
        for byte in {text[at] ^ 1, text[at] ^ 4, ord("0"), ord('"')} - {text[at]}:
            try:
                assert read_ledger(text[:at] + bytes([byte]) + text[at + 1 :], US) == whole
            except LedgerUnusable:
                continue


@pytest.mark.parametrize("at", [0, 14, 40, 500, -20])
def test_a_damaged_ledger_stops_everything_but_its_rebuild(start: Tenant, at: int) -> None:
    data = newest(start)
    bad = bytearray(data)
    bad[at] ^= 0x55
    same = text_of(bytes(bad)) == text_of(data)
    for number, command in enumerate(COMMANDS):
        tenant = start.copy()
        put(tenant, bytes(bad))
        run = tenant.run(*command, "-e", "local", "-o", ("text", "json")[number % 2])
        judge(run)
        if not same:
            assert names(tenant) == ["a", "b", "c", "d", "e"]
            assert run.code == (0 if {"rebuild", "unlock"} & {*command} else 1)
            assert "ledger/corrupt" in run.out + run.err or "rebuild" in command
        judge(tenant.run("ledger", "rebuild", "--yes", "-e", "local"), 0)
        tenant.close()


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b"null", b"{}", b'"x"', b"\xff", b"[" * 200_000, b'{"a":' * 100_000,
        b"9" * 100_000, b'{"kind": "peakctl-ledger", "format_version": 1}', b"\x00" * 1000,
        b'{"kind": "peakctl-ledger", "format_version": 99}', b'{"kind": "\x1b[31m"}',
        b'{"kind": "peakctl-ledger", "format_version": ' + b"9" * 4000 + b"}",
        b'{"kind": "peakctl-ledger", "format_version": -1}', b"NaN", b'{"kind": NaN}',
    ],
)  # fmt: skip
def test_a_text_that_is_no_ledger_stops_everything(start: Tenant, text: bytes) -> None:
    for number, command in enumerate(FEW):
        tenant = start.copy()
        put(tenant, zip_of(text))
        judge(tenant.run(*command, "-e", "local", "-o", ("text", "json")[number % 2]), 0, 1)
        assert names(tenant) == ["a", "b", "c", "d", "e"]
        tenant.close()


def test_a_zip_that_unpacks_to_too_much_is_damage(start: Tenant) -> None:
    for data in (zip_of(b"\0" * 40_000_000), zip_of(b"[" * 17_000_000), b"PK\x01\x02" * 10_000):
        tenant = start.copy()
        put(tenant, data)
        tracemalloc.start()
        judge(tenant.run("apply", "--yes", "--prune", "-e", "local"), 1)
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
        tracemalloc.stop()
        assert names(tenant) == ["a", "b", "c", "d", "e"]
        tenant.close()


# --- lies --------------------------------------------------------------------------------------


def with_lies(start: Tenant, owner: Owner = US, **fields: Any) -> Iterator[tuple[Tenant, Any, Any]]:
    """Each command on a tenant of its own, whose ledger says what is not true."""
    for number, command in enumerate(COMMANDS):
        tenant = start.copy()
        lie(tenant, owner, **fields)
        run = tenant.run(*command, "-e", "local", "-o", ("text", "json")[number % 2])
        judge(run)
        yield tenant, command, run
        tenant.close()


def owned(start: Tenant, *more: Owned) -> dict[Key, Owned]:
    there = read_ledger(text_of(newest(start)), US).owned
    return {**there, **{each.key: each for each in more}}


def test_what_others_own_is_never_deleted(start: Tenant) -> None:
    flows, artifacts = ids(start), ids(start, "artifact")
    images = ids(start, "image")
    lies = [Owned(Key("Workflow", "d"), flows["d"])]
    lies += [Owned(Key("Artifact", n), i) for n, i in artifacts.items()]
    lies += [Owned(Key("Image", n), i) for n, i in images.items()]
    lies += [Owned(Key("Nonsense", "x"), 1), Owned(Key("Workflow", "gone"), 10**9)]
    before = {kind: names(start, kind) for kind in ("artifact", "image")}
    assert before["image"]
    for tenant, command, run in with_lies(start, owned=owned(start, *lies)):
        left = names(tenant)
        assert {"d", "e"} <= set(left), command
        assert {kind: names(tenant, kind) for kind in before} == before, command
        assert "c" in left or "--prune" in command
        assert run.code == 0 or command[0] == "plan", run.out + run.err


def test_ids_under_other_names_are_never_deleted(start: Tenant) -> None:
    flows = ids(start)
    lies = [
        Owned(Key("Workflow", "c"), flows["e"]),
        Owned(Key("Workflow", "x"), flows["a"]),
        Owned(Key("Workflow", "y"), flows["e"]),
        Owned(Key("Service", "e"), flows["e"]),
        Owned(Key("Workflow", "e/../a"), f"../workflows/{flows['e']}"),
        Owned(Key("Workflow", "z"), f"{flows['e']}?x=1"),
    ]
    for tenant, command, _ in with_lies(start, owned=owned(start, *lies)):
        assert {"c", "d", "e"} <= set(names(tenant)), command
        if command[0] != "destroy":
            assert {"a", "b"} <= set(names(tenant)), command


NASTY_ACTOR = Actor(NASTY, NASTY, NASTY, NASTY, CiJob(NASTY, NASTY, 1, "javascript:" + NASTY))


@pytest.mark.parametrize("owner", [US, THEIRS])
def test_no_name_reaches_the_terminal_raw(start: Tenant, owner: Owner) -> None:
    now = start.clock.time
    flows = ids(start)
    key = Key("Workflow", NASTY)
    fields: dict[str, Any] = {
        "writer": NASTY[:50],
        "salt": NASTY[:50],
        "owned": {
            key: Owned(key, NASTY, uses=(key,), digests={NASTY: NASTY[:40]}),
            Key("Workflow", "a"): Owned(Key("Workflow", "a"), flows["a"], uses=(key,)),
            Key(NASTY[:50], "x"): Owned(Key(NASTY[:50], "x"), 7, protect=True),
        },
        "intents": (Intent(key, NASTY[:50], NASTY), Intent(Key("Workflow", "q"), "create")),
        "runs": (PastRun(NASTY, NASTY_ACTOR, NASTY, 0, now, NASTY, {NASTY: 3}),),
    }
    for until in (0.0, now + 10**6):
        lease = Lease(NASTY, NASTY_ACTOR, now, until)
        for tenant, _, run in with_lies(start, owner, lease=lease, **fields):
            assert {"d", "e"} <= set(names(tenant))
            assert '"url": "javascript:' not in run.out


def test_an_owner_with_a_strange_name_is_told_of_safely(start: Tenant) -> None:
    copied = start.copy()
    eve, key = Owner(NASTY, "x"), Key("Workflow", "e")
    entry = Owned(key, ids(start)["e"])
    add_ledger(copied, eve, write_ledger(Ledger(eve, salt="s", owned={key: entry})))
    flows = copied.project / "m.yaml"
    before = flows.read_text("utf-8")
    flows.write_text(before + FLOW % ("e", "changed"), "utf-8")
    try:
        for command in ("plan", "apply --yes", "ledger rebuild --yes"):
            for form in ("text", "json", "markdown")[: 2 if "ledger" in command else 3]:
                run = copied.run(*command.split(), "-e", "local", "-o", form)
                judge(run, 0, 12)
                links = "](javascript:" in run.out.replace("\\]", "").replace("`|]", "")
                assert not (links and form == "markdown"), run.out
        assert "e" in names(copied)
    finally:
        flows.write_text(before, "utf-8")
        copied.close()


@pytest.mark.parametrize(("base", "seen"), [(9, 9), (2**53, 2**53), (0, 0), (5, 0), (0, 5)])
def test_no_number_leads_astray(start: Tenant, base: int, seen: int) -> None:
    for tenant, command, run in with_lies(start, base=base, seen=seen):
        assert run.code == 0, (command, run.out + run.err)
        assert {"d", "e"} <= set(names(tenant))
        judge(tenant.run("apply", "--yes", "--prune", "-e", "local"), 0)


@pytest.mark.parametrize("until", [253_402_300_799.0, 4e9])
@pytest.mark.parametrize("since", [0.0, 253_402_300_799.0])
def test_a_lease_for_ever_can_be_taken_away(start: Tenant, since: float, until: float) -> None:
    copied = start.copy()
    lie(copied, lease=Lease("r", Actor("eve", host="elsewhere"), since, until))
    with_alive(copied, "plan", 0)
    with_alive(copied, "apply --yes --prune", 13)
    with_alive(copied, "destroy --yes -o json", 13)
    with_alive(copied, "ledger rebuild --yes", 13)
    with_alive(copied, "ledger show", 0)
    with_alive(copied, "ledger unlock --yes", 0)
    assert names(copied) == ["a", "b", "c", "d", "e"]
    with_alive(copied, "apply --yes --prune", 0)
    assert names(copied) == ["a", "b", "d", "e"]
    copied.close()


def with_alive(tenant: Tenant, command: str, code: int) -> None:
    """A command that cannot tell whether the run of a lease still lives."""
    run = tenant.run
    with unittest.mock.patch("chaos.tenant.Tenant._in_place", in_place(tenant)):
        judge(run(*command.split(), "-e", "local"), code)


def in_place(tenant: Tenant) -> Any:
    inner = Tenant._in_place

    @contextlib.contextmanager
    def place(self: Tenant) -> Iterator[None]:
        with inner(self), unittest.mock.patch("peakctl.operations.actor.alive", return_value=None):
            yield

    return place


def calls_of(act: Callable[[], object]) -> int:
    """How many functions of Python `act` calls: its work, whatever the machine's speed."""
    count = 0

    def count_call(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("owner", [US, THEIRS])
def test_the_work_for_a_giant_ledger_grows_with_its_size_alone(start: Tenant, owner: Owner) -> None:
    def work(size: int) -> int:
        flows = ids(start)
        many = {
            key: Owned(key, flows["e"] if n % 2 else n, uses=(Key("Workflow", f"w{n + 1:06}"),))
            for n in range(size)
            if (key := Key(("Workflow", "Unheard")[n % 3 == 0], f"w{n:06}"))
        }
        copied = start.copy()
        lie(copied, owner, owned=many)
        total = sum(
            calls_of(lambda command=command: judge(copied.run(*command, "-e", "local")))
            for command in (("plan", "--prune"), ("ledger", "show"), ("ledger", "rebuild", "--yes"))
        )
        assert {"d", "e"} <= set(names(copied))
        copied.close()
        return total

    assert work(2_000) < 6 * work(500)


@pytest.mark.parametrize("form", ["text", "json"])
def test_huge_texts_take_bounded_memory(start: Tenant, form: str) -> None:
    long = "x" * 10_000
    key, past = Key("Workflow", long), PastRun("r", Actor("a"), "apply", 0, 1, "done")
    small = {k: Owned(k, n) for n in range(1_000) if (k := Key("Workflow", f"w{n}"))}
    copied = start.copy()
    lie(
        copied,
        owned={key: Owned(key, 1), **small},
        intents=tuple(Intent(Key("Workflow", f"i{n}"), "create" * 30) for n in range(1_000)),
        runs=(*[past] * 1_000, PastRun("r", Actor(long), long, 0, 1, long, {long: 1})),
    )
    run = copied.run("ledger", "show", "-e", "local", "-o", form)
    judge(run, 0)
    assert len(run.out) < 2_000_000
    copied.close()


def bodies(start: Tenant) -> Iterator[bytes]:
    """Ledgers with something else in one place, and the right checksum."""
    lease = Lease("r", Actor("eve", "h", "1", "c", CiJob("1", "j", 1, "u")), 1.0, 2.0)
    key = Key("Workflow", "a")
    past = PastRun("r", lease.actor, "apply", 0, 1, "done", {"create": 1})
    there = read_ledger(text_of(newest(start)), US)
    full = replace(there, lease=lease, intents=(Intent(key, "edit", "1"),), runs=(past,))
    body = json.loads(write_ledger(full))
    del body["checksum"]
    for path in places(body):
        for value in VALUES if path else ():
            lying = changed(body, path, value)
            text = json.dumps(lying, sort_keys=True, separators=(",", ":"))
            sum_ = hashlib.sha256(text.encode()).hexdigest()
            yield json.dumps({**lying, "checksum": sum_}).encode()


def test_any_value_in_any_place_is_damage_or_read_as_what_it_is(start: Tenant) -> None:
    count = read = 0
    for text in bodies(start):
        count += 1
        try:
            ledger = read_ledger(text, US)
        except LedgerUnusable:
            continue
        read += 1
        assert read_ledger(write_ledger(ledger), US) == ledger
        if read % 25 == 0:
            copied = start.copy()
            put(copied, zip_of(text))
            command = COMMANDS[read // 25 % len(COMMANDS)]
            judge(copied.run(*command, "-e", "local", "-o", ("text", "json")[read % 2]))
            assert {"d", "e"} <= set(names(copied))
            copied.close()
    assert (count > 1000, read > 100) == (True, True)


# --- plan files ----------------------------------------------------------------------------------


def test_no_byte_of_a_plan_file_can_be_another_without_notice(start: Tenant) -> None:
    copied = start.copy()
    file = copied.project / "a.plan"
    judge(copied.run("plan", "--prune", "--out", "a.plan", "-e", "local"), 0)
    data = file.read_bytes()
    whole = read_approval(data.decode())
    assert whole is not None
    for at in range(len(data)):
        for byte in {data[at] ^ 1, data[at] ^ 4, ord("0"), ord('"')} - {data[at]}:
            found = read_approval((data[:at] + bytes([byte]) + data[at + 1 :]).decode("latin-1"))
            assert found in (None, whole)
    bad = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(3, len(data), 120)]
    more = (b"", b"\0", b"\xff\xfe", b"[]", b"[" * 100_000, b"9" * 5000, b"null", data[:-2])
    for each in (*bad, *more):
        file.write_bytes(each)
        run = copied.run("apply", "a.plan", "--prune", "-e", "local")
        judge(run, 0, 11, 64)
        assert names(copied) == ["a", "b", "c", "d", "e"] or run.code == 0
    file.unlink()
    copied.close()


@pytest.mark.parametrize(
    "lie",
    [
        {"salt": 7}, {"salt": None}, {"salt": [1]}, {"salt": ""}, {"salt": "x" * 10**6},
        {"project": ["p"]}, {"environment": {}}, {"actions": {}}, {"actions": [7]},
        {"actions": []}, {"actions": None}, {"format_version": 4},
        {"project": NASTY}, {"salt": "\ud800"},
    ],
)  # fmt: skip
def test_a_plan_file_that_is_whole_and_lies_approves_nothing(
    start: Tenant, lie: dict[str, Any]
) -> None:
    copied = start.copy()
    file = copied.project / "a.plan"
    judge(copied.run("plan", "--prune", "--out", "a.plan", "-e", "local"), 0)
    body = {**json.loads(file.read_bytes()), **lie}
    del body["checksum"]
    try:
        body["checksum"] = Digests(str(body["salt"])).of(body)
    except UnicodeEncodeError:
        body["checksum"] = ""
    file.write_text(json.dumps(body), "utf-8")
    for form in ("text", "json"):
        judge(copied.run("apply", "a.plan", "--prune", "-e", "local", "-o", form), 11, 64)
    assert names(copied) == ["a", "b", "c", "d", "e"]
    file.unlink()
    copied.close()


@pytest.mark.parametrize("field", ["digest", "live", "steps", "name", "kind", "version", "fields"])
@pytest.mark.parametrize("value", [NASTY, 7, None, [NASTY], "Workflow"])
def test_an_action_that_lies_approves_nothing(start: Tenant, field: str, value: Any) -> None:
    copied = start.copy()
    file = copied.project / "a.plan"
    judge(copied.run("plan", "--prune", "--out", "a.plan", "-e", "local"), 0)
    body = json.loads(file.read_bytes())
    body["actions"][0][field] = value
    del body["checksum"]
    body["checksum"] = Digests(str(body["salt"])).of(body)
    file.write_text(json.dumps(body), "utf-8")
    run = copied.run("apply", "a.plan", "--prune", "-e", "local")
    only_told = field in ("steps", "version", "fields") or (field, value) == ("kind", "Workflow")
    judge(run, *((0, 11) if only_told else (11,)))
    assert names(copied) == (["a", "b", "c", "d", "e"] if run.code else ["a", "b", "d", "e"])
    file.unlink()
    copied.close()


def test_a_plan_file_without_end_is_refused(start: Tenant) -> None:
    copied = start.copy()
    for file in ("/dev/zero", "/dev/full", "."):
        judge(copied.run("apply", file, "-e", "local"), 11, 64)
    copied.close()


# --- a strange server ----------------------------------------------------------------------------


class Strange(httpx.AsyncBaseTransport):
    """Answers for the platform where `answer` gives something."""

    def __init__(self, inner: httpx.AsyncBaseTransport, answer: Any) -> None:
        self.inner, self.answer, self.met = inner, answer, []  # type: list[httpx.Request]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.met.append(request)
        found = self.answer(request)
        if isinstance(found, httpx.Response):
            return found
        response = await self.inner.handle_async_request(request)
        return found(json.loads(await response.aread())) if found else response


LISTING = "/artifacts/api/v1/artifacts/"


def with_server(start: Tenant, answer: Any, *codes: int) -> Iterator[tuple[Tenant, Strange, Any]]:
    for number, command in enumerate(FEW):
        tenant = start.copy()
        tenant.wire.inner = Strange(tenant.wire.inner, answer)
        run = tenant.run(*command, "-e", "local", "-o", ("text", "json")[number % 2])
        judge(run, *codes)
        assert {"d", "e"} <= set(names(tenant))
        assert "c" in names(tenant) or "--prune" in command
        yield tenant, tenant.wire.inner, run
        tenant.close()


def word(value: Any) -> str:
    return "gone" if value is GONE else repr(value)[:20]


def items_of(change: Any) -> Any:
    """Every item of the listing of artifacts, changed."""

    def answer(request: httpx.Request) -> Any:
        if request.method != "GET" or not request.url.path.endswith(LISTING):
            return None
        return lambda told: httpx.Response(
            200, json={**told, "artifacts": [change(dict(i)) for i in told["artifacts"]]}
        )

    return answer


ODD = (None, 7, -1, 10**400, True, "", [], {}, ESCAPE, "../../x?y#z", 1.5, "9" * 400)


@pytest.mark.parametrize("value", [GONE, *ODD], ids=word)
@pytest.mark.parametrize("name", ["id", "name", "createdAt"])
def test_odd_items_of_the_listing(start: Tenant, name: str, value: Any) -> None:
    def change(item: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in {**item, name: value}.items() if v is not GONE}

    for _ in with_server(start, items_of(change)):
        pass


@pytest.mark.parametrize("value", [GONE, *ODD], ids=word)
def test_odd_numbers_of_versions(start: Tenant, value: Any) -> None:
    def change(item: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in {**item, "version": value}.items() if v is not GONE}

    def answer(request: httpx.Request) -> Any:
        if request.method != "GET" or request.url.path.rpartition("/")[2].count("-") != 4:
            return None
        return lambda told: httpx.Response(
            200, json={**told, "versions": [change(v) for v in told["versions"]]}
        )

    for _ in with_server(start, answer):
        pass


@pytest.mark.parametrize("value", [GONE, *ODD, b"<html>hello</html>", b""], ids=word)
@pytest.mark.parametrize("act", [False, True])
def test_odd_answers_to_writes_of_the_ledger(start: Tenant, value: Any, act: bool) -> None:
    def answer(request: httpx.Request) -> Any:
        if request.method != "PUT" or LISTING not in request.url.path:
            return None
        if isinstance(value, bytes):
            odd = httpx.Response(200, content=value, headers={"content-type": "text/html"})
        else:
            odd = httpx.Response(200, json={} if value is GONE else {"version": value})
        return (lambda _: odd) if act else odd

    for _, _, run in with_server(start, answer):
        told = json.loads(run.out) if run.out.startswith("{") else None
        assert told is None or told["ok"] is (run.code == 0)


def test_two_ledgers_and_thousands_of_artifacts(start: Tenant) -> None:
    copied = start.copy()
    copied.clock.time += 60
    add_ledger(copied, US, write_ledger(Ledger(US, salt="s", owned=owned(start))))
    many = [
        {"id": f"x{n}", "name": f"peakctl-ledger-x-{n}", "createdAt": ESCAPE} for n in range(99)
    ]

    def answer(request: httpx.Request) -> Any:
        if request.method != "GET" or not request.url.path.endswith(LISTING):
            return None
        page = int(request.url.params["pageNumber"])
        fill = [{**each, "id": f"{each['id']}-{page}"} for each in many]
        return lambda told: httpx.Response(
            200,
            json={"artifacts": [*(told["artifacts"] if page == 1 else ()), *fill], "pageCount": 30},
        )

    for _, strange, _ in with_server(copied, answer):
        assert len(strange.met) < 500
    copied.close()


def test_a_listing_without_end_is_given_up(start: Tenant) -> None:
    def answer(request: httpx.Request) -> Any:
        if request.method != "GET" or not request.url.path.endswith(LISTING):
            return None
        page = int(request.url.params["pageNumber"])
        fill = [{"id": f"{page}-{n}", "name": "x"} for n in range(100)]
        return httpx.Response(200, json={"artifacts": fill})

    tenant = start.copy()
    tenant.wire.inner = Strange(tenant.wire.inner, answer)
    judge(tenant.run("plan", "-e", "local"), 1)
    assert len(tenant.wire.inner.met) < 1100
    tenant.close()


@pytest.mark.parametrize(
    "to", ["https://evil.example/x", "http://emulator.localhost:81/x", "//e.x"]
)
def test_a_download_that_is_sent_elsewhere_takes_no_token_there(start: Tenant, to: str) -> None:
    def answer(request: httpx.Request) -> Any:
        if request.url.path.endswith("/download"):
            return httpx.Response(302, headers={"location": to})
        if request.url.path == "/x" or request.url.host == "e.x":
            return httpx.Response(200, content=zip_of(b"{}"))
        return None

    for _, strange, _ in with_server(start, answer):
        away = [r for r in strange.met if r.url.host != "emulator.localhost" or r.url.port]
        assert not any("authorization" in r.headers for r in away)


@pytest.mark.parametrize("body", [b"<!doctype html><p>Just a moment</p>", b"\0" * 2**16])
@pytest.mark.parametrize("times", [1, 1200])
def test_a_download_of_something_else_is_damage(start: Tenant, body: bytes, times: int) -> None:
    class Long(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            for _ in range(times):
                yield body

    def answer(request: httpx.Request) -> Any:
        if request.url.path.endswith("/download"):
            return httpx.Response(200, stream=Long())
        return None

    for tenant, _, _ in with_server(start, answer):
        assert names(tenant) == ["a", "b", "c", "d", "e"]
